//! Taking in a result: fetched from the IRMA server by session token, checked, sealed, stored. `session-ingest` does it
//! when the IRMA server calls back, `session-reconcile` for sessions whose callback got lost.

use std::time::Duration;

use crate::clock::{UnixSeconds, now};
use crate::config::{Aws, CannotStart, variable};
use crate::irma::{IrmaError, IrmaServer, SessionToken};
use crate::metrics::{Metric, Metrics};
use crate::parameters::{Fresh, Parameters, Purposes};
use crate::record_id::RecordId;
use crate::record_key::PublicKey;
use crate::records::{DatabaseUnavailable, Ending, NotPending, Pending, Records};
use crate::result_jwt::{ResultVerifier, SessionResult};
use crate::token_key::TokenKey;

/// What is needed to take in a result.
pub struct Ingest {
    records: Records,
    token_key: TokenKey,
    irma: IrmaServer,
    verifier: Fresh<ResultVerifier>,
    issuer: String,
    purposes: Purposes,
    metrics: Metrics,
}

/// What became of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// The session's end is stored.
    Stored,
    /// Its end was stored before, or the record was cleared meanwhile.
    Already,
    /// The session goes on.
    NotFinal,
    /// There is no such record.
    NoRecord,
}

/// Why nothing was stored. What exactly is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotIngested {
    /// The database or KMS is out of reach.
    Unavailable,
    /// The IRMA server is out of reach, or refused us.
    Irma(IrmaError),
    /// The record or the result is not right.
    Untrusted,
}

impl From<DatabaseUnavailable> for NotIngested {
    fn from(_: DatabaseUnavailable) -> Self {
        Self::Unavailable
    }
}

impl Ingest {
    /// Reads the configuration that both functions share.
    pub async fn load(aws: &Aws) -> Result<Self, CannotStart> {
        let records = aws.records()?;
        let token_key = aws.token_key()?;
        // The client is made while Parameter Store answers.
        let irma = async { IrmaServer::new(variable("IRMA_SERVER_URL")?) };
        let issuer: String = variable("IRMA_ISSUER")?;
        let parameters = aws.parameters()?;
        let (verifier, purposes, irma) =
            tokio::try_join!(read_verifier(&parameters, &issuer), Purposes::load(aws.parameters()?), irma)?;
        let verifier = Fresh::new(verifier);
        Ok(Self { records, token_key, irma, verifier, issuer, purposes, metrics: Metrics::from_environment()? })
    }

    /// The table whose records are taken in.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Where the ends of sessions are counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Takes in the result of record `id`. Doing it twice, or fifty times at once, stores it once. While the session
    /// goes on, the result is fetched again after each of `waits`.
    pub async fn ingest(&self, id: &RecordId, waits: &[Duration]) -> Result<Ingested, NotIngested> {
        let pending = match self.records.pending(id, now()).await? {
            Ok(pending) => pending,
            Err(NotPending::NoRecord) => return Ok(Ingested::NoRecord),
            Err(NotPending::Ended) => return Ok(Ingested::Already),
        };
        let Some(ending) = self.ending(id, &pending, waits).await? else { return Ok(Ingested::NotFinal) };
        let stored = self.records.end(id, &ending).await?;
        if stored {
            tracing::info!(status = ending.status(), purpose = pending.purpose.as_str(), "session ended");
            let seconds = (Metric::SecondsToEnd, now() - pending.created_at);
            self.metrics.put(Some(&pending.purpose), &[(Metric::of(&ending), 1), seconds]);
        }
        Ok(if stored { Ingested::Stored } else { Ingested::Already })
    }

    /// Gives up the result of record `id`, which can't be fetched any more.
    pub async fn lose(&self, id: &RecordId) -> Result<(), NotIngested> {
        let ending = Ending::Lost;
        if self.records.end(id, &ending).await? {
            tracing::warn!(%id, "the result could not be fetched any more");
            self.metrics.count(Metric::of(&ending));
        }
        Ok(())
    }

    async fn ending(&self, id: &RecordId, pending: &Pending, waits: &[Duration]) -> Result<Option<Ending>, NotIngested> {
        let key = PublicKey::from_bytes(&pending.public_key).ok().filter(|key| RecordId::of(key) == *id);
        let Some(key) = key else {
            tracing::error!(%id, "the record's public key is not the one its id was made of");
            return Err(NotIngested::Untrusted);
        };
        let token = self.token_key.open(&pending.token, id).await.map_err(|_| NotIngested::Unavailable)?;
        let mut waits = waits.iter();
        let result = loop {
            match (self.result(id, &token, pending.created_at).await?, waits.next()) {
                (SessionResult::NotFinal, Some(&wait)) => tokio::time::sleep(wait).await,
                (result, _) => break result,
            }
        };
        match result {
            SessionResult::Declined => Ok(Some(Ending::Declined)),
            SessionResult::NotFinal => Ok(None),
            SessionResult::Disclosed(attributes) => {
                let purposes = self.purposes.current().await;
                let purpose = purposes.get(&pending.purpose);
                let sealed = attributes.seal(&key, pending.purpose.as_str(), purpose).map_err(|_| NotIngested::Untrusted)?;
                Ok(Some(Ending::Disclosed(sealed)))
            }
        }
    }

    async fn result(&self, id: &RecordId, token: &SessionToken, created_at: UnixSeconds) -> Result<SessionResult, NotIngested> {
        let jwt = self.irma.result(token).await.map_err(|error| {
            tracing::warn!(%id, %error, "no result");
            NotIngested::Irma(error)
        })?;
        // A key that was replaced is trusted for a minute at most.
        let verifier = self.verifier.current(async || read_verifier(self.purposes.parameters(), &self.issuer).await).await;
        verifier.verify(&jwt, token, created_at, now()).map_err(|failed| {
            tracing::error!(%id, check = ?failed, "the result is not right");
            NotIngested::Untrusted
        })
    }
}

async fn read_verifier(parameters: &Parameters, issuer: &str) -> Result<ResultVerifier, CannotStart> {
    ResultVerifier::new(&parameters.irma_public_key().await?, issuer)
}
