//! `POST /contacts/lookup`: the browser of a logged-in agent has the secret, and gets what the caller disclosed.

use std::process::ExitCode;
use std::sync::Arc;

use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::agent::{AgentRequest, read_agent_request};
use shared::answer::Answer;
use shared::audit::{self, Action, Outcome};
use shared::clock::{UnixSeconds, now};
use shared::config::{Aws, CannotStart};
use shared::metrics::{Metric, Metrics};
use shared::problem::Problem;
use shared::record_id::RecordId;
use shared::records::{Records, Status};
use shared::run;
use shared::secret::{HolderTag, PrivateKey, PublicKey};

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
    let keys = secret.key_pair();
    let id = RecordId::of(&keys.1);
    let found = look_up(&state, &keys, &id, &holder).await;
    let outcome = match &found {
        Ok((outcome, _)) => *outcome,
        Err(Problem::UnknownSecret) => Outcome::Unknown,
        Err(_) => Outcome::Failed,
    };
    audit::log(&agent, Action::LookUp, &id, outcome);
    found.map(|(_, answer)| answer)
}

/// What came of it, and the answer that tells it.
async fn look_up(
    state: &State,
    keys: &(PrivateKey, PublicKey),
    id: &RecordId,
    holder: &HolderTag,
) -> Result<(Outcome, Answer), Problem> {
    let now = now();
    let Some(record) = state.records.look_up(id, holder, now).await? else {
        state.metrics.count(Metric::UnknownSecrets);
        return Err(Problem::UnknownSecret);
    };
    // A repetition within the second counts twice.
    if record.looked_up_at == now {
        let waited = now - record.created_at;
        state.metrics.put(Some(&record.purpose), &[(Metric::LookedUp, 1), (Metric::SecondsToLookUp, waited)]);
    }
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
    Ok((outcome, Answer::json(http_status, &found)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http(handle).await
}
