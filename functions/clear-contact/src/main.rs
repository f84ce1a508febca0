//! `POST /contacts/clear`: the agent is done with the contact, and its record is deleted. `POST /telephony/clear`, or
//! invoked by Amazon Connect: the call ended before an agent looked.

use std::process::ExitCode;
use std::sync::Arc;

use lambda_http::Request;
use serde::Deserialize;
use shared::agent::{AgentRequest, SECRET, read_agent_request};
use shared::answer::Answer;
use shared::audit::{self, Action};
use shared::config::{Aws, CannotStart};
use shared::connect::{ConnectEvent, Outcome};
use shared::metrics::{Metric, Metrics};
use shared::problem::Problem;
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    secret: Zeroizing<String>,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        Ok(Self { records: Aws::from_environment().await?.records()?, metrics: Metrics::from_environment()? })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    if route(&request).as_deref() == Some(TELEPHONY) {
        let body: Body = read_body(&request, SHAPE)?;
        clear_abandoned(&state, &body.secret.parse().map_err(|_| Problem::InvalidBody(SECRET))?).await?;
    } else {
        let AgentRequest { secret, holder, agent } = read_agent_request(&request)?;
        let id = secret.record_id();
        let cleared = state.records.clear(&id, &holder).await?;
        audit::log(&agent, Action::Clear, &id, if cleared { "cleared" } else { "nothing to clear" });
        if cleared {
            state.metrics.count(Metric::Cleared);
        }
    }
    // The same answer whether there was a record or not: who does not hold it learns nothing.
    Ok(Answer::no_content())
}

/// The flow passes the secret as the parameter `secret`; a contact without one has nothing to clear.
async fn handle_connect(state: Arc<State>, event: ConnectEvent) -> Result<Outcome, RunFailed> {
    let Ok(secret) = event.parameter("secret").parse() else { return Ok(Outcome::new("ok")) };
    Ok(match clear_abandoned(&state, &secret).await {
        Ok(()) => Outcome::new("ok"),
        Err(_) => Outcome::unavailable(),
    })
}

async fn clear_abandoned(state: &State, secret: &Secret) -> Result<(), Problem> {
    let cleared = state.records.clear_abandoned(&secret.record_id()).await?;
    tracing::info!(cleared, "clear abandoned contact");
    if cleared {
        state.metrics.count(Metric::Abandoned);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http_and_connect(handle, handle_connect).await
}
