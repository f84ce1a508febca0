//! Every minute: deletes the records and codes whose time has passed. DynamoDB's own TTL deletes them too, but only
//! "within a few days" (Amazon DynamoDB developer guide, "Using time to live"): it is the safety net.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use shared::codes::Codes;
use shared::config::{Aws, CannotStart};
use shared::metrics::{Metric, Metrics};
use shared::records::{DatabaseUnavailable, Expired, MOST_EXPIRED, Records};
use shared::run::{self, RunFailed};
use tokio::time::timeout;

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

/// No search and no deletion is begun after this: the function's time ends at 55 seconds.
const ENOUGH: Duration = Duration::from_secs(40);

/// A search that takes longer is given up.
const SEARCH: Duration = Duration::from_secs(10);

/// A table that is swept.
trait Table: Sync {
    type Found: Sync;
    /// What time it is for the database.
    fn now(&self) -> impl Future<Output = Result<i64, DatabaseUnavailable>> + Send;
    /// Finds what must go, the oldest first: all of it, if it is less than [`MOST_EXPIRED`].
    fn find(&self, now: i64) -> impl Future<Output = Result<Vec<Self::Found>, DatabaseUnavailable>> + Send;
    /// Deletes it, and says whether it was still there.
    fn delete(&self, found: &Self::Found, now: i64) -> impl Future<Output = Result<bool, DatabaseUnavailable>> + Send;
    /// Its age in seconds.
    fn age(found: &Self::Found, now: i64) -> i64;
}

impl Table for Records {
    type Found = Expired;

    async fn now(&self) -> Result<i64, DatabaseUnavailable> {
        self.time().await
    }

    async fn find(&self, now: i64) -> Result<Vec<Expired>, DatabaseUnavailable> {
        self.expired(now).await
    }

    async fn delete(&self, found: &Expired, now: i64) -> Result<bool, DatabaseUnavailable> {
        self.expire(&found.key, now).await
    }

    fn age(found: &Expired, now: i64) -> i64 {
        now - found.created_at
    }
}

impl Table for Codes {
    type Found = String;

    async fn now(&self) -> Result<i64, DatabaseUnavailable> {
        self.time().await
    }

    async fn find(&self, now: i64) -> Result<Vec<String>, DatabaseUnavailable> {
        self.expired(now).await
    }

    async fn delete(&self, found: &String, now: i64) -> Result<bool, DatabaseUnavailable> {
        self.expire(found, now).await
    }

    /// It is not known, and nothing is told of it.
    fn age(_: &String, _: i64) -> i64 {
        0
    }
}

/// How a sweep of one table went.
#[derive(Default)]
struct Sweep {
    deleted: u32,
    /// So many were found last, and could not be deleted.
    failed: u32,
    /// The age in seconds of the oldest that was found; `None` if nothing could be looked for.
    oldest: Option<i64>,
    /// Whether there may be more: the next run goes on.
    unfinished: bool,
}

impl Sweep {
    /// Deletes all that is found, some at a time, and looks again while there may be more. One that can't be deleted does not
    /// stop the others.
    async fn of<T: Table>(table: &T) -> Self {
        let (began, mut sweep) = (Instant::now(), Self { unfinished: true, ..Self::default() });
        let Ok(now) = table.now().await else { return sweep };
        while began.elapsed() <= ENOUGH {
            let Ok(Ok(found)) = timeout(SEARCH, table.find(now)).await else { break };
            sweep.oldest = found.iter().map(|found| T::age(found, now)).chain(sweep.oldest).max().or(Some(0));
            let (deleted, failed, late) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
            let one = async |found: &T::Found| {
                let counter = if began.elapsed() > ENOUGH {
                    &late
                } else {
                    match table.delete(found, now).await {
                        Ok(true) => &deleted,
                        Ok(false) => return,
                        Err(DatabaseUnavailable) => &failed,
                    }
                };
                counter.fetch_add(1, Relaxed);
            };
            stream::iter(&found).for_each_concurrent(AT_A_TIME, one).await;
            sweep.deleted += deleted.into_inner();
            sweep.failed = failed.into_inner();
            sweep.unfinished = late.into_inner() > 0 || found.len() >= MOST_EXPIRED;
            // Where nothing can be deleted, the next search would find the same.
            if !sweep.unfinished || sweep.failed.try_into() == Ok(found.len()) {
                break;
            }
        }
        sweep
    }

    fn went_well(&self) -> bool {
        self.failed == 0 && !self.unfinished
    }
}

async fn handle(state: Arc<State>) -> Result<(), RunFailed> {
    // Both tables are swept, though one of them fails.
    let (records, codes) = tokio::join!(Sweep::of(&state.records), Sweep::of(&state.codes));
    if let Some(oldest) = records.oldest {
        state.metrics.put(None, &[(Metric::ExpiredRecords, records.deleted.into()), (Metric::OldestRecord, oldest)]);
    }
    if codes.oldest.is_some() {
        state.metrics.put(None, &[(Metric::ExpiredCodes, codes.deleted.into())]);
    }
    let well = records.went_well() && codes.went_well();
    if records.deleted + codes.deleted > 0 || !well {
        tracing::info!(
            records = records.deleted,
            codes = codes.deleted,
            records_failed = records.failed,
            codes_failed = codes.failed,
            records_unfinished = records.unfinished,
            codes_unfinished = codes.unfinished,
            "expired"
        );
    }
    if !well {
        return Err(RunFailed);
    }
    state.metrics.count(Metric::Swept);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::schedule(handle).await
}
