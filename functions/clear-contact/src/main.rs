//! `POST /contacts/clear`: the agent is done with the contact, and its record is deleted. `POST /telephony/clear`, or
//! invoked by Amazon Connect: the call ended before an agent looked. Where telephony is Amazon Connect, the secret in the
//! contact's attributes is overwritten afterwards.

mod overwriting;

use std::process::ExitCode;
use std::sync::Arc;

use lambda_http::Request;
use overwriting::{Event, NotDone, Overwriting};
use serde::Deserialize;
use shared::agent::{AgentRequest, SECRET, read_agent_request};
use shared::answer::Answer;
use shared::audit::{self, Action};
use shared::config::{Aws, CannotStart};
use shared::connect::{ConnectEvent, Outcome};
use shared::contact::ContactId;
use shared::metrics::{Metric, Metrics};
use shared::problem::Problem;
use shared::record_id::RecordId;
use shared::records::Records;
use shared::request::{read_body, route};
use shared::run::{self, RunFailed};
use shared::secret::Secret;
use zeroize::Zeroizing;

const SHAPE: &str = "The body is a JSON object with the text \"secret\" and nothing else.";

/// The route that telephony calls; any other is for agents.
const TELEPHONY: &str = "POST /telephony/clear";

struct State {
    records: Records,
    metrics: Metrics,
    overwriting: Option<Overwriting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    secret: Zeroizing<String>,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment()?;
        let overwriting = Overwriting::from_environment(&aws)?;
        Ok(Self { records: aws.records()?, metrics: Metrics::from_environment()?, overwriting })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    if route(&request).as_deref() == Some(TELEPHONY) {
        let body: Body = read_body(&request, SHAPE)?;
        clear_abandoned(&state, &body.secret.parse().map_err(|_| Problem::InvalidBody(SECRET))?).await?;
    } else {
        let AgentRequest { secret, holder, initial_contact, agent } = read_agent_request(&request)?;
        let id = secret.record_id();
        let cleared = state.records.clear(&id, &holder).await;
        let outcome = match &cleared {
            Ok(true) => audit::Outcome::Cleared,
            Ok(false) => audit::Outcome::NothingToClear,
            Err(_) => audit::Outcome::Failed,
        };
        audit::log(&agent, Action::Clear, &id, outcome);
        if cleared? {
            state.metrics.count(Metric::Cleared);
            overwrite_later(&state, initial_contact.as_ref(), &id).await;
        }
    }
    // The same answer whether there was a record or not: who does not hold it learns nothing.
    Ok(Answer::no_content())
}

/// The flow passes the secret as the parameter `secret`; a contact without one has nothing to clear.
async fn handle_connect(state: Arc<State>, event: ConnectEvent) -> Outcome {
    let Ok(secret) = event.parameter("secret").parse() else { return Outcome::new("ok") };
    match clear_abandoned(&state, &secret).await {
        Ok(cleared) => {
            if cleared {
                overwrite_later(&state, event.initial_contact_id().ok().as_ref(), &secret.record_id()).await;
            }
            Outcome::new("ok")
        }
        Err(_) => Outcome::unavailable(),
    }
}

async fn clear_abandoned(state: &State, secret: &Secret) -> Result<bool, Problem> {
    let cleared = state.records.clear_abandoned(&secret.record_id()).await?;
    tracing::info!(cleared, "clear abandoned contact");
    if cleared {
        state.metrics.count(Metric::Abandoned);
    }
    Ok(cleared)
}

/// After the record is gone. Whatever becomes of it, the caller hears that the contact is cleared, for it is.
async fn overwrite_later(state: &State, contact: Option<&ContactId>, id: &RecordId) {
    let Some(overwriting) = &state.overwriting else { return };
    if let Err(NotDone) = overwriting.later(contact, id).await {
        state.metrics.count(Metric::NotOverwritten);
    }
}

async fn handle_event(state: Arc<State>, event: Event) -> Result<(), RunFailed> {
    let overwriting = state.overwriting.as_ref().ok_or_else(|| {
        tracing::error!("no instance of Amazon Connect is set");
        RunFailed
    })?;
    overwriting.now(&event).await.map_err(|NotDone| {
        state.metrics.count(Metric::NotOverwritten);
        RunFailed
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http_connect_and_direct(handle, handle_connect, overwriting::MARK, handle_event).await
}
