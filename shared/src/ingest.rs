//! Taking in a result: fetched from the IRMA server by session token, checked, sealed, stored. `session-ingest` does it
//! when the IRMA server calls back, `session-reconcile` for sessions whose callback got lost.
//!
//! What a wallet can cause, and can never be taken in, ends its own record, and is no fault of a run. What is wrong with all
//! results (key, issuer, clock, a server that is away) is one, and is tried again while the server remembers them.

use std::time::Duration;

use crate::asked::Asked;
use crate::clock::{UnixSeconds, now};
use crate::config::{Aws, CannotStart, variable};
use crate::irma::{IrmaError, IrmaServer, SessionToken};
use crate::metrics::{Metric, Metrics};
use crate::parameters::{Fresh, Parameters};
use crate::purpose::PurposeName;
use crate::record_id::RecordId;
use crate::record_key::PublicKey;
use crate::records::{DatabaseUnavailable, Ending, NotPending, Pending, Records};
use crate::result_jwt::{DisclosedAttributes, ResultVerifier, SessionResult, Untrusted};
use crate::token_key::TokenKey;

/// How many seconds a citizen has to open the session with their wallet. One that nobody opened ends then, when
/// session-reconcile comes to it: it costs a stranger nothing to start one.
pub const OPEN_WITHIN: UnixSeconds = 2 * 60;

/// What is needed to take in a result.
pub struct Ingest {
    records: Records,
    token_key: TokenKey,
    irma: IrmaServer,
    verifier: Fresh<ResultVerifier>,
    issuer: String,
    parameters: Parameters,
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
    /// The database, KMS or Parameter Store is out of reach.
    Unavailable,
    /// The IRMA server is out of reach, or refused us.
    Irma(IrmaError),
    /// The record is not as it was made.
    Damaged,
    /// The result is not right, and none is: key, issuer or clock.
    Untrusted,
}

impl From<DatabaseUnavailable> for NotIngested {
    fn from(_: DatabaseUnavailable) -> Self {
        Self::Unavailable
    }
}

/// What the IRMA server has of a session.
enum Fetched {
    /// A result, which is right.
    Result(SessionResult),
    /// It has forgotten the session.
    Forgotten,
    /// What can never be taken in.
    Refused,
}

/// How a session ends, and what is counted of it besides.
struct End {
    ending: Ending,
    also: Option<(Metric, i64)>,
}

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        Self { ending, also: None }
    }
}

impl End {
    /// Of a result that can never be taken in.
    fn refused() -> Self {
        Self { ending: Ending::Lost, also: Some((Metric::ResultsRefused, 1)) }
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
        let (verifier, irma) = tokio::try_join!(read_verifier(&parameters, &issuer), irma)?;
        let verifier = Fresh::new(verifier);
        Ok(Self { records, token_key, irma, verifier, issuer, parameters, metrics: Metrics::from_environment()? })
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
    /// goes on, the result is fetched again after each of `waits`. A session that nobody opened within [`OPEN_WITHIN`] ends.
    pub async fn ingest(&self, id: &RecordId, waits: &[Duration]) -> Result<Ingested, NotIngested> {
        let pending = match self.records.pending(id, now()).await? {
            Ok(pending) => pending,
            Err(NotPending::NoRecord) => return Ok(Ingested::NoRecord),
            Err(NotPending::Ended) => return Ok(Ingested::Already),
        };
        let key = PublicKey::from_bytes(&pending.public_key).ok().filter(|key| RecordId::of(key) == *id);
        let Some(key) = key else {
            tracing::error!(%id, "the record's public key is not the one its id was made of");
            return Err(NotIngested::Damaged);
        };
        let token = self.token_key.open(&pending.token, id).await.map_err(|_| NotIngested::Unavailable)?;
        let mut waits = waits.iter();
        let fetched = loop {
            let fetched = self.fetch(id, &token, pending.created_at).await?;
            match (&fetched, waits.next()) {
                (Fetched::Result(SessionResult::NotFinal | SessionResult::NotOpened), Some(&wait)) => {
                    tokio::time::sleep(wait).await;
                }
                _ => break fetched,
            }
        };
        match fetched {
            Fetched::Result(SessionResult::Disclosed(attributes)) => {
                let end = self.seal(id, &pending, &key, attributes).await?;
                self.end(id, &pending, end).await
            }
            Fetched::Result(SessionResult::Declined) => self.end(id, &pending, Ending::Declined.into()).await,
            Fetched::Result(SessionResult::NotOpened) if pending.created_at + OPEN_WITHIN <= now() => {
                self.end_unopened(id, &pending, &token).await
            }
            Fetched::Result(SessionResult::NotOpened | SessionResult::NotFinal) => Ok(Ingested::NotFinal),
            Fetched::Forgotten => self.end(id, &pending, Ending::Lost.into()).await,
            Fetched::Refused => self.end(id, &pending, End::refused()).await,
        }
    }

    /// Gives up the result of record `id`, which can't be fetched any more.
    pub async fn lose(&self, id: &RecordId) -> Result<Ingested, NotIngested> {
        let ending = Ending::Lost;
        if self.records.end(id, &ending).await? {
            tracing::warn!(%id, "the result could not be fetched any more");
            self.metrics.count(Metric::of(&ending));
        }
        // Nothing was fetched.
        Ok(Ingested::Already)
    }

    /// Ends a session that nobody opened. The record goes first, so that the IRMA server's callback finds nothing to do.
    async fn end_unopened(&self, id: &RecordId, pending: &Pending, token: &SessionToken) -> Result<Ingested, NotIngested> {
        let ended = self.end(id, pending, Ending::Declined.into()).await?;
        if ended == Ingested::Stored
            && let Err(error) = self.irma.cancel(token).await
        {
            tracing::warn!(%id, %error, "an IRMA session that nobody opened could not be cancelled");
        }
        Ok(ended)
    }

    async fn end(&self, id: &RecordId, pending: &Pending, End { ending, also }: End) -> Result<Ingested, NotIngested> {
        if !self.records.end(id, &ending).await? {
            return Ok(Ingested::Already);
        }
        tracing::info!(status = ending.status(), purpose = pending.purpose.as_str(), "session ended");
        let mut values = vec![(Metric::of(&ending), 1), (Metric::SecondsToEnd, now() - pending.created_at)];
        values.extend(also);
        self.metrics.put(Some(&pending.purpose), &values);
        Ok(Ingested::Stored)
    }

    /// Seals what had been asked, and drops the rest.
    async fn seal(
        &self,
        id: &RecordId,
        pending: &Pending,
        key: &PublicKey,
        attributes: DisclosedAttributes,
    ) -> Result<End, NotIngested> {
        let of_then;
        let asked = if let Some(asked) = &pending.asked {
            asked
        } else {
            of_then = self.asked_before(&pending.purpose).await?;
            &of_then
        };
        let taken_in = attributes.seal(key, pending.purpose.as_str(), asked).map_err(|_| NotIngested::Damaged)?;
        let dropped = taken_in.dropped;
        if dropped > 0 {
            tracing::warn!(%id, dropped, "attributes that had not been asked were dropped");
        }
        let dropped = i64::try_from(dropped).unwrap_or(i64::MAX);
        let also = (dropped > 0).then_some((Metric::AttributesDropped, dropped));
        let Some(sealed) = taken_in.attributes else { return Ok(End { ending: Ending::Declined, also }) };
        let size = sealed.as_bytes().len();
        if size > Records::LARGEST_ATTRIBUTES {
            tracing::warn!(%id, size, "what was disclosed is larger than a record can hold");
            return Ok(End::refused());
        }
        Ok(End { ending: Ending::Disclosed(sealed), also })
    }

    /// What a session asked whose record does not say so: the release before this one made it, less than an hour before this
    /// one was deployed. It goes with version 1 of sealing (`record_key`), and with it the right to read purposes.
    async fn asked_before(&self, purpose: &PurposeName) -> Result<Asked, NotIngested> {
        self.parameters.asked_now(purpose).await.map_err(|reason| {
            tracing::error!(%reason, "what a session of before the deployment asked can't be read");
            NotIngested::Unavailable
        })
    }

    async fn fetch(&self, id: &RecordId, token: &SessionToken, created_at: UnixSeconds) -> Result<Fetched, NotIngested> {
        let jwt = match self.irma.result(token).await {
            Ok(jwt) => jwt,
            Err(error) => {
                tracing::warn!(%id, %error, "no result");
                return match error {
                    IrmaError::UnknownSession => Ok(Fetched::Forgotten),
                    IrmaError::TooLarge => Ok(Fetched::Refused),
                    error => Err(NotIngested::Irma(error)),
                };
            }
        };
        // A key that was replaced is trusted for a minute, or until Parameter Store answers again.
        let read = async || read_verifier(&self.parameters, &self.issuer).await;
        let mut result = self.verifier.current(read).await.verify(&jwt, token, created_at, now());
        if matches!(result, Err(Untrusted::Signature)) {
            // A new key may have been put a moment ago.
            result = self.verifier.anew(read).await.verify(&jwt, token, created_at, now());
        }
        match result {
            Ok(result) => Ok(Fetched::Result(result)),
            Err(check) if check.is_final() => {
                tracing::warn!(%id, ?check, "the result can never be taken in");
                Ok(Fetched::Refused)
            }
            Err(check) => {
                tracing::error!(%id, ?check, "the result is not right");
                Err(NotIngested::Untrusted)
            }
        }
    }
}

async fn read_verifier(parameters: &Parameters, issuer: &str) -> Result<ResultVerifier, CannotStart> {
    ResultVerifier::new(&parameters.irma_public_key().await?, issuer)
}
