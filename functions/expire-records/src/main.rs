//! Every minute: deletes the records and codes whose time has passed. DynamoDB's own TTL deletes them too, but only
//! "within a few days" (Amazon DynamoDB developer guide, "Using time to live"): it is the safety net.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use shared::codes::Codes;
use shared::config::{Aws, CannotStart};
use shared::metrics::{Metric, Metrics};
use shared::records::{DatabaseUnavailable, MOST_EXPIRED, Records};
use shared::run::{self, RunFailed};

struct State {
    records: Records,
    codes: Codes,
    metrics: Metrics,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment()?;
        Ok(Self { records: aws.records()?, codes: aws.codes()?, metrics: Metrics::from_environment()? })
    }
}

/// So many are deleted at a time.
const AT_A_TIME: usize = 16;

/// No new search is begun after this: the function's time ends at 55 seconds.
const ENOUGH: Duration = Duration::from_secs(40);

/// How a sweep of one table went.
#[derive(Default)]
struct Sweep {
    deleted: u32,
    failed: u32,
    /// The age in seconds of the oldest that was found; of codes it is not known.
    oldest: i64,
}

impl Sweep {
    /// Awaits the deletion of what was found, some at a time, and says whether the sweep is at its end. One that can't be
    /// deleted does not stop the others: the next run tries it again.
    async fn delete<F>(&mut self, deletions: impl ExactSizeIterator<Item = F>, began: Instant) -> bool
    where
        F: Future<Output = Result<bool, DatabaseUnavailable>>,
    {
        let rest = deletions.len() >= MOST_EXPIRED;
        let mut done = stream::iter(deletions).buffer_unordered(AT_A_TIME);
        while let Some(deletion) = done.next().await {
            match deletion {
                Ok(deleted) => self.deleted += u32::from(deleted),
                Err(DatabaseUnavailable) => self.failed += 1,
            }
        }
        // What is left is too much for this run: it says that it failed, and the next one goes on.
        self.failed += u32::from(rest && began.elapsed() > ENOUGH);
        !rest || self.failed > 0
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
    let (now, began) = (records.time().await?, Instant::now());
    let mut sweep = Sweep::default();
    loop {
        let expired = records.expired(now).await?;
        sweep.oldest = expired.iter().map(|record| now - record.created_at).fold(sweep.oldest, Ord::max);
        let deletions = expired.into_iter().map(async |record| records.expire(&record.key, now).await);
        if sweep.delete(deletions, began).await {
            return Ok(sweep);
        }
    }
}

async fn sweep_codes(codes: &Codes) -> Result<Sweep, DatabaseUnavailable> {
    let (now, began) = (codes.time().await?, Instant::now());
    let mut sweep = Sweep::default();
    loop {
        let expired = codes.expired(now).await?;
        let deletions = expired.into_iter().map(async |key| codes.expire(&key, now).await);
        if sweep.delete(deletions, began).await {
            return Ok(sweep);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::schedule(handle).await
}
