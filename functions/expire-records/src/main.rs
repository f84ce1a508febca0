//! Every minute: deletes the records and codes whose time has passed. DynamoDB's own TTL deletes them too, but only
//! "within a few days" (Amazon DynamoDB developer guide, "Using time to live"): it is the safety net.

use std::process::ExitCode;
use std::sync::Arc;

use shared::codes::Codes;
use shared::config::{Aws, CannotStart};
use shared::metrics::{Metric, Metrics};
use shared::records::{DatabaseUnavailable, Records};
use shared::run::{self, RunFailed};

struct State {
    records: Records,
    codes: Codes,
    metrics: Metrics,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment().await?;
        Ok(Self { records: aws.records()?, codes: aws.codes()?, metrics: Metrics::from_environment()? })
    }
}

/// How a sweep of one table went.
#[derive(Default)]
struct Sweep {
    deleted: u32,
    failed: u32,
    /// The age in seconds of the oldest that was found; of codes it is not known.
    oldest: i64,
}

impl Sweep {
    /// One that can't be deleted does not stop the others: the next run tries it again.
    fn count(&mut self, deletion: Result<bool, DatabaseUnavailable>) {
        match deletion {
            Ok(deleted) => self.deleted += u32::from(deleted),
            Err(DatabaseUnavailable) => self.failed += 1,
        }
    }
}

async fn handle(state: Arc<State>) -> Result<(), RunFailed> {
    // Both tables are swept, though one of them fails.
    let (records, codes) = tokio::join!(sweep_records(&state.records), sweep_codes(&state.codes));
    if let Ok(Sweep { deleted, oldest, .. }) = records {
        state.metrics.put(None, &[(Metric::ExpiredRecords, deleted.into()), (Metric::OldestRecord, oldest)]);
    }
    if let Ok(Sweep { deleted, .. }) = codes {
        state.metrics.put(None, &[(Metric::ExpiredCodes, deleted.into())]);
    }
    let (records, codes) = (records.map_err(|_| RunFailed)?, codes.map_err(|_| RunFailed)?);
    if records.deleted + records.failed + codes.deleted + codes.failed > 0 {
        tracing::info!(
            records = records.deleted,
            codes = codes.deleted,
            records_failed = records.failed,
            codes_failed = codes.failed,
            "expired"
        );
    }
    if records.failed + codes.failed > 0 {
        return Err(RunFailed);
    }
    state.metrics.count(Metric::Swept);
    Ok(())
}

async fn sweep_records(records: &Records) -> Result<Sweep, DatabaseUnavailable> {
    let (now, mut sweep) = (records.time().await?, Sweep::default());
    for record in records.expired(now).await? {
        sweep.oldest = sweep.oldest.max(now - record.created_at);
        sweep.count(records.expire(&record.key, now).await);
    }
    Ok(sweep)
}

async fn sweep_codes(codes: &Codes) -> Result<Sweep, DatabaseUnavailable> {
    let (now, mut sweep) = (codes.time().await?, Sweep::default());
    for key in codes.expired(now).await? {
        sweep.count(codes.expire(&key, now).await);
    }
    Ok(sweep)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::schedule(handle).await
}
