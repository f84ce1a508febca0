//! Every minute: takes in the results of sessions whose callback got lost. The IRMA server posts a callback once, and
//! forgets a result after five minutes.

use std::process::ExitCode;
use std::sync::Arc;

use shared::clock::{UnixSeconds, now};
use shared::config::{Aws, CannotStart};
use shared::ingest::{Ingest, NotIngested};
use shared::irma::IrmaError;
use shared::records::{Ending, PendingId};
use shared::run::{self, RunFailed};

/// After this many seconds a session has ended for certain, and its result is forgotten.
const GIVE_UP: i64 = 20 * 60;

struct State {
    ingest: Ingest,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment().await?;
        Ok(Self { ingest: Ingest::load(&aws).await? })
    }
}

async fn handle(state: Arc<State>) -> Result<(), RunFailed> {
    let now = now();
    let pending = state.ingest.records().all_pending(now).await.map_err(|_| RunFailed)?;
    let (mut failed, mut unreachable) = (0_usize, false);
    for pending in &pending {
        let reconciled = if pending.created_at + GIVE_UP <= now {
            lose(&state.ingest, pending).await
        } else if unreachable {
            // One wait for a server that is down is enough: the others get theirs in the next run.
            Err(NotIngested::Irma(IrmaError::Unreachable))
        } else {
            reconcile(&state.ingest, pending, now).await
        };
        unreachable |= reconciled == Err(NotIngested::Irma(IrmaError::Unreachable));
        failed += usize::from(reconciled.is_err());
    }
    if !pending.is_empty() {
        tracing::info!(pending = pending.len(), failed, "reconciled");
    }
    if failed == 0 { Ok(()) } else { Err(RunFailed) }
}

async fn reconcile(ingest: &Ingest, pending: &PendingId, now: UnixSeconds) -> Result<(), NotIngested> {
    match ingest.ingest(&pending.id, now, &[]).await {
        Err(NotIngested::Irma(IrmaError::UnknownSession)) => lose(ingest, pending).await,
        ingested => ingested.map(|_| ()),
    }
}

async fn lose(ingest: &Ingest, pending: &PendingId) -> Result<(), NotIngested> {
    let lost = ingest.records().end(&pending.id, &Ending::Lost).await?;
    if lost {
        tracing::warn!(id = %pending.id, "the result could not be fetched any more");
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::schedule(handle).await
}
