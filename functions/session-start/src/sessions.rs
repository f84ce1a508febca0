//! Starting a session: code and secret are drawn, the IRMA server is asked for a session, and record and code are
//! written together.

use getrandom::SysRng;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::answer::Answer;
use shared::asked::Asked;
use shared::clock::{UnixSeconds, now};
use shared::code::Code;
use shared::codes::{Codes, NewCode};
use shared::irma::{IrmaError, SessionToken, StartedSession};
use shared::metrics::Metric;
use shared::problem::Problem;
use shared::purpose::{Purpose, PurposeName};
use shared::record_id::RecordId;
use shared::records::{NewRecord, Records};
use shared::request::{domain, read_body};
use shared::secret::Secret;
use shared::start::{NotStarted, start as write};
use shared::token_key::SealedToken;
use zeroize::Zeroizing;

use crate::State;

const SHAPE: &str = "The body is a JSON object with the text \"purpose\" and nothing else.";

/// Two codes that are alive at once collide once in ten billion times; so often in a row is a fault.
const DRAWS: usize = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    purpose: String,
}

/// The answer of `POST /sessions`: for the citizen's page. The code is not in it; it goes to the wallet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    session_ptr: Box<RawValue>,
    frontend_request: Box<RawValue>,
    /// Until when the code can be dialled.
    expires_at: UnixSeconds,
}

/// Why a try did not start a session.
enum Failed {
    /// Draw anew.
    Collision,
    Problem(Problem),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

pub async fn start(state: &State, request: &Request) -> Result<Answer, Problem> {
    let body: Body = read_body(request, SHAPE)?;
    let name = body.purpose.parse().map_err(|_| Problem::UnknownPurpose)?;
    let purposes = state.purposes.current().await;
    let purpose = purposes.get(&name).ok_or(Problem::UnknownPurpose)?;
    if !purpose.open_at(now()) {
        return Err(Problem::Closed(Box::new(purpose.opening_hours.clone())));
    }
    let domain = state.public_domain.clone().or_else(|| domain(request)).ok_or(Problem::Internal)?;
    for _ in 0..DRAWS {
        match try_start(state, &name, purpose, &domain).await {
            Ok(started) => {
                tracing::info!(purpose = name.as_str(), "session started");
                state.metrics.put(Some(&name), &[(Metric::Started, 1)]);
                return Ok(Answer::json(StatusCode::CREATED, &started));
            }
            Err(Failed::Collision) => tracing::warn!("a code or record id was in use: drawing anew"),
            Err(Failed::Problem(problem)) => return Err(problem),
        }
    }
    Err(Problem::Unavailable)
}

async fn try_start(state: &State, name: &PurposeName, purpose: &Purpose, domain: &str) -> Result<Started, Failed> {
    let code = Code::draw(&mut SysRng).map_err(|_| Problem::Internal)?;
    let secret = Secret::draw(&mut SysRng).map_err(|_| Problem::Internal)?;
    let keys = secret.key_pair();
    let (public_key, id) = (keys.public(), keys.record_id().clone());
    let lock = state.code_key.lock(&code).await.map_err(|_| Problem::Unavailable)?;
    let sealed = lock.seal(&secret).map_err(|_| Problem::Internal)?;
    let session = start_irma(state, purpose, &callback_url(domain, &id), &return_url(purpose, &code)).await?;

    let created_at = now();
    let expires_at = created_at + state.record_lifetime;
    let code_expires_at = (created_at + Codes::LIFETIME).min(expires_at - Records::MARGIN);
    let new_code = NewCode { id: lock.id().clone(), secret: sealed, expires_at: code_expires_at };
    let (purpose, asked) = (name.clone(), Asked::by(purpose));
    let new_record = |token| NewRecord { purpose, public_key, token, asked, created_at, expires_at };
    let written = store(state, &session.token, &id, new_record, &new_code).await;
    if let Err(failed) = written {
        // Without a record nothing may be disclosed. Should this fail too, or the write have come through after all, the
        // session ends unheard: nobody has its pointer.
        if let Err(error) = state.irma.cancel(&session.token).await {
            tracing::warn!(%error, "an IRMA session that was started for nothing could not be cancelled");
        }
        return Err(failed);
    }
    Ok(Started { session_ptr: session.session_ptr, frontend_request: session.frontend_request, expires_at: code_expires_at })
}

/// Writes record and code, the record with the IRMA token sealed in it.
async fn store(
    state: &State,
    token: &SessionToken,
    id: &RecordId,
    record: impl FnOnce(SealedToken) -> NewRecord,
    code: &NewCode,
) -> Result<(), Failed> {
    let token = state.token_key.seal(token, id).await.map_err(|_| Problem::Unavailable)?;
    write(&state.dynamodb, &state.records, &record(token), &state.codes, code).await.map_err(|failed| match failed {
        NotStarted::Collision => Failed::Collision,
        NotStarted::DatabaseUnavailable => Problem::Unavailable.into(),
    })
}

/// Starts the IRMA session. If the server refuses our token, it is read anew from Parameter Store, once.
async fn start_irma(state: &State, purpose: &Purpose, callback_url: &str, return_url: &str) -> Result<StartedSession, Problem> {
    let started = state.irma.start(&*state.requestor_token.read().await, &purpose.condiscon, callback_url, return_url).await;
    let answer = match started {
        Err(IrmaError::Refused) => {
            let token = state.purposes.parameters().requestor_token().await.map_err(|reason| {
                tracing::error!(%reason, "the requestor token can't be read anew");
                Problem::Unavailable
            })?;
            let mut kept = state.requestor_token.write().await;
            *kept = token;
            state.irma.start(&kept, &purpose.condiscon, callback_url, return_url).await
        }
        answer => answer,
    };
    answer.map_err(|error| {
        tracing::error!(%error, "no IRMA session");
        Problem::IrmaUnavailable
    })
}

/// Where the IRMA server posts when the session ends. Only on a developer's machine is it reached without TLS.
fn callback_url(domain: &str, id: &RecordId) -> String {
    let scheme = if domain == "127.0.0.1" || domain.starts_with("127.0.0.1:") { "http" } else { "https" };
    format!("{scheme}://{domain}/irma/result/{id}")
}

/// What the wallet dials after a success: the number, pauses, and the code as DTMF tones (RFC 3966, and the pause `,`
/// that phones know).
fn return_url(purpose: &Purpose, code: &Code) -> Zeroizing<String> {
    let pauses = ",".repeat(purpose.pauses.into());
    format!("tel:{}{pauses}{}", purpose.phone_number, String::from_utf8_lossy(code.digits())).into()
}
