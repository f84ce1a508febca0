//! `POST /contacts/lookup`: the browser of a logged-in agent has the secret, and gets what the caller disclosed.

use std::process::ExitCode;
use std::sync::Arc;

use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::agent::{AgentRequest, read_agent_request};
use shared::answer::Answer;
use shared::audit::{self, Action, Outcome, Pseudonym};
use shared::clock::{UnixSeconds, now};
use shared::config::{Aws, CannotStart};
use shared::metrics::{Metric, Metrics};
use shared::problem::Problem;
use shared::record_key::KeyPair;
use shared::records::{Records, Status};
use shared::run;
use shared::secret::HolderTag;

struct State {
    records: Records,
    metrics: Metrics,
}

/// The answer: 200 when the session has ended, 202 while the citizen's answer is awaited.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    status: &'static str,
    /// For the case file (`shared::reference`).
    reference: String,
    purpose: &'a str,
    /// `[{id, value, label: {nl, en}, issuedAt}]`, as it was sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<&'a RawValue>,
    /// When the record is deleted at the latest.
    expires_at: UnixSeconds,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        Ok(Self { records: Aws::from_environment()?.records()?, metrics: Metrics::from_environment()? })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    let AgentRequest { secret, holder, agent, .. } = read_agent_request(&request)?;
    // Which version its record is of the secret does not tell.
    for keys in secret.key_pairs() {
        let found = look_up(&state, &keys, &holder, &agent).await;
        let outcome = match &found {
            Ok(Some((outcome, _))) => *outcome,
            Ok(None) => Outcome::Unknown,
            Err(_) => Outcome::Failed,
        };
        audit::log(&agent, Action::LookUp, keys.record_id(), outcome);
        if let Some((_, answer)) = found? {
            return Ok(answer);
        }
    }
    state.metrics.count(Metric::UnknownSecrets);
    Err(Problem::UnknownSecret)
}

/// What came of it, and the answer that tells it; `None` if there is no such record.
async fn look_up(
    state: &State,
    keys: &KeyPair,
    holder: &HolderTag,
    agent: &Pseudonym,
) -> Result<Option<(Outcome, Answer)>, Problem> {
    let (id, now) = (keys.record_id(), now());
    let (marked, record) = tokio::join!(state.records.mark(agent, id), state.records.look_up(id, holder, now));
    let record = record?;
    // A repetition within the second counts twice.
    if let Some(record) = record.as_ref().filter(|record| record.looked_up_at == now) {
        let waited = now - record.created_at;
        state.metrics.put(Some(&record.purpose), &[(Metric::LookedUp, 1), (Metric::SecondsToLookUp, waited)]);
    }
    // Without a mark nothing is shown, not even that there is nothing.
    marked?;
    let Some(record) = record else { return Ok(None) };
    let purpose = record.purpose.as_str();
    let (http_status, outcome, opened) = match record.status {
        Status::Pending => (StatusCode::ACCEPTED, Outcome::Pending, None),
        Status::Declined => (StatusCode::OK, Outcome::Declined, None),
        Status::Lost => (StatusCode::OK, Outcome::Lost, None),
        Status::Disclosed(sealed) => {
            let opened = sealed.open(keys, purpose).map_err(|_| {
                tracing::error!(%id, "the record's attributes do not open with its secret");
                Problem::Internal
            })?;
            (StatusCode::OK, Outcome::Disclosed, Some(opened))
        }
    };
    let attributes = opened.as_deref().map(|json| serde_json::from_slice(json)).transpose().map_err(|_| {
        tracing::error!(%id, "what the record's attributes open to is no JSON");
        Problem::Internal
    })?;
    let expires_at = record.expires_at - Records::MARGIN;
    let reference = id.reference().to_string();
    let found = Found { status: outcome.as_str(), reference, purpose, attributes, expires_at };
    Ok(Some((outcome, Answer::json(http_status, &found))))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http(handle).await
}
