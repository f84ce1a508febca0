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
    let mut failed = 0_u32;
    for pending in &pending {
        failed += u32::from(reconcile(&state.ingest, pending, now).await.is_err());
    }
    if !pending.is_empty() {
        tracing::info!(pending = pending.len(), failed, "reconciled");
    }
    if failed == 0 { Ok(()) } else { Err(RunFailed) }
}

async fn reconcile(ingest: &Ingest, pending: &PendingId, now: UnixSeconds) -> Result<(), RunFailed> {
    let too_old = pending.created_at + GIVE_UP <= now;
    match ingest.ingest(&pending.id, now, &[]).await {
        Ok(shared::ingest::Ingested::NotFinal) if !too_old => Ok(()),
        // What is not right stays not right, and a session that is forgotten stays forgotten.
        Ok(shared::ingest::Ingested::NotFinal) | Err(NotIngested::Irma(IrmaError::UnknownSession)) => lose(ingest, pending).await,
        Err(NotIngested::Irma(_) | NotIngested::Untrusted) if too_old => lose(ingest, pending).await,
        Ok(_) => Ok(()),
        Err(_) => Err(RunFailed),
    }
}

async fn lose(ingest: &Ingest, pending: &PendingId) -> Result<(), RunFailed> {
    let lost = ingest.records().end(&pending.id, &Ending::Lost).await.map_err(|_| RunFailed)?;
    if lost {
        tracing::warn!(id = %pending.id, "the result could not be fetched any more");
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::schedule(handle).await
}
