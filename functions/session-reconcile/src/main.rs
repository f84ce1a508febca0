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
use shared::ingest::{Ingest, NotIngested};
use shared::irma::IrmaError;
use shared::metrics::Metric;
use shared::records::PendingId;
use shared::run::{self, RunFailed};

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

async fn handle(state: Arc<State>) -> Result<(), RunFailed> {
    let (now, began) = (now(), Instant::now());
    let mut pending = state.ingest.records().all_pending(now).await.map_err(|_| RunFailed)?;
    // A run that can't do all begins elsewhere each time.
    let first = usize::try_from(now / 60).unwrap_or_default() % pending.len().max(1);
    pending.rotate_left(first);
    let (failed, unreachable) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let one = async |pending: &PendingId| {
        let reconciled = if began.elapsed() > ENOUGH || unreachable.load(Relaxed) >= UNREACHABLE {
            Err(NotIngested::Unavailable)
        } else if pending.created_at + GIVE_UP <= now {
            state.ingest.lose(&pending.id).await
        } else {
            reconcile(&state.ingest, pending).await
        };
        unreachable.fetch_add(usize::from(reconciled == Err(NotIngested::Irma(IrmaError::Unreachable))), Relaxed);
        failed.fetch_add(usize::from(reconciled.is_err()), Relaxed);
    };
    stream::iter(&pending).for_each_concurrent(AT_A_TIME, one).await;
    let failed = failed.into_inner();
    if !pending.is_empty() {
        tracing::info!(pending = pending.len(), failed, "reconciled");
    }
    if failed > 0 {
        return Err(RunFailed);
    }
    state.ingest.metrics().count(Metric::Reconciled);
    Ok(())
}

async fn reconcile(ingest: &Ingest, pending: &PendingId) -> Result<(), NotIngested> {
    match ingest.ingest(&pending.id, &[]).await {
        Err(NotIngested::Irma(IrmaError::UnknownSession)) => ingest.lose(&pending.id).await,
        ingested => ingested.map(|_| ()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::schedule(handle).await
}
