//! Every minute: takes in the results of sessions whose callback got lost. The IRMA server posts a callback once, and
//! forgets a result after five minutes.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};

use shared::clock::now;
use shared::config::{Aws, CannotStart};
use shared::ingest::{Ingest, Ingested, NotIngested};
use shared::irma::IrmaError;
use shared::metrics::Metric;
use shared::records::PendingId;
use shared::run::{self, RunFailed};
use tokio::sync::Mutex;

/// Before this many seconds a record is not looked at. Most sessions that nobody opens are started for nothing, and looking at
/// one costs a call to KMS; of a callback that gets lost in this time, the result is in within two minutes of the start.
const TOO_YOUNG: i64 = 45;

/// After this many seconds the session's code has died: what may still come in would reach nobody.
const GIVE_UP: i64 = 20 * 60;

/// So many are reconciled at a time.
const AT_A_TIME: usize = 16;

/// No new one is begun after this: the function's time ends at 55 seconds.
const ENOUGH: Duration = Duration::from_secs(40);

/// So often the IRMA server may be out of reach in one run before the others are left to the next.
const UNREACHABLE: usize = AT_A_TIME;

struct State {
    ingest: Ingest,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment()?;
        Ok(Self { ingest: Ingest::load(&aws).await? })
    }
}

/// What a run came to. One record that nothing can be done about is not a run that failed: a stranger can make such a record
/// every minute, and the alarm would stand for good.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Whose result was fetched and taken in, or is not there yet.
    done: usize,
    /// That nothing could be done about, because a part that all records need can't be reached, does not accept us, or signs
    /// what we do not accept.
    away: usize,
    /// That nothing could be done about, for another reason.
    failed: usize,
    /// That the run did not come to.
    left: usize,
}

impl Tally {
    fn add(&mut self, ingested: Result<Ingested, NotIngested>) {
        match ingested {
            Ok(Ingested::Stored | Ingested::NotFinal) => self.done += 1,
            // Of these no result was fetched: they tell nothing of the parts that all need.
            Ok(Ingested::Already | Ingested::NoRecord) => {}
            Err(NotIngested::Unavailable | NotIngested::Untrusted | NotIngested::Irma(_)) => self.away += 1,
            Err(NotIngested::Damaged) => self.failed += 1,
        }
    }

    /// Whether the run came to all, and the parts that all need were there.
    fn is_well(&self) -> bool {
        self.left == 0 && (self.away == 0 || self.done > 0)
    }
}

async fn handle(state: Arc<State>) -> Result<(), RunFailed> {
    let (now, began) = (now(), Instant::now());
    let mut pending = state.ingest.records().all_pending(now).await.map_err(|_| RunFailed)?;
    pending.retain(|pending| pending.created_at + TOO_YOUNG <= now);
    // A run that can't do all begins elsewhere each time.
    let first = usize::try_from(now / 60).unwrap_or_default() % pending.len().max(1);
    pending.rotate_left(first);
    let (tally, unreachable) = (Mutex::new(Tally::default()), AtomicUsize::new(0));
    let one = async |pending: &PendingId| {
        if began.elapsed() > ENOUGH || unreachable.load(Relaxed) >= UNREACHABLE {
            tally.lock().await.left += 1;
            return;
        }
        let ingested = if pending.created_at + GIVE_UP <= now {
            state.ingest.lose(&pending.id).await
        } else {
            state.ingest.ingest(&pending.id, &[]).await
        };
        unreachable.fetch_add(usize::from(ingested == Err(NotIngested::Irma(IrmaError::Unreachable))), Relaxed);
        tally.lock().await.add(ingested);
    };
    stream::iter(&pending).for_each_concurrent(AT_A_TIME, one).await;
    let tally = tally.into_inner();
    let failed = tally.away + tally.failed;
    if !pending.is_empty() {
        tracing::info!(pending = pending.len(), failed, left = tally.left, "reconciled");
    }
    if failed > 0 {
        let failed = i64::try_from(failed).unwrap_or(i64::MAX);
        state.ingest.metrics().put(None, &[(Metric::ReconcileFailures, failed)]);
    }
    if !tally.is_well() {
        return Err(RunFailed);
    }
    state.ingest.metrics().count(Metric::Reconciled);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::schedule(handle).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(all: impl IntoIterator<Item = Result<Ingested, NotIngested>>) -> Tally {
        let mut tally = Tally::default();
        all.into_iter().for_each(|ingested| tally.add(ingested));
        tally
    }

    const AWAY: [NotIngested; 6] = [
        NotIngested::Unavailable,
        NotIngested::Untrusted,
        NotIngested::Irma(IrmaError::Unreachable),
        NotIngested::Irma(IrmaError::Refused),
        NotIngested::Irma(IrmaError::Status(500)),
        NotIngested::Irma(IrmaError::Nonsense),
    ];

    #[test]
    fn a_record_that_fails_is_not_a_run_that_fails() {
        assert!(tally([]).is_well());
        assert!(tally([Err(NotIngested::Damaged)]).is_well());
        for failure in AWAY {
            assert!(tally([Err(failure), Ok(Ingested::NotFinal)]).is_well());
        }
    }

    #[test]
    fn what_is_wrong_with_all_fails_the_run_whatever_was_given_up_or_damaged() {
        for failure in AWAY {
            assert!(!tally([Err(failure), Ok(Ingested::Already), Err(NotIngested::Damaged)]).is_well());
        }
        assert!(!Tally { done: 5, left: 1, ..Tally::default() }.is_well());
    }
}
