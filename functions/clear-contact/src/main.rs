//! `POST /contacts/clear`: the agent is done with the contact, and its record is deleted. `POST /telephony/clear`, or
//! invoked by Amazon Connect: the call ended before an agent looked.

use std::process::ExitCode;
use std::sync::Arc;

use lambda_http::Request;
use serde::Deserialize;
use shared::agent::{SECRET, read_contact};
use shared::answer::Answer;
use shared::config::{Aws, CannotStart};
use shared::connect::{ConnectEvent, Outcome};
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    secret: Zeroizing<String>,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        Ok(Self { records: Aws::from_environment().await?.records()? })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    if route(&request).as_deref() == Some(TELEPHONY) {
        let body: Body = read_body(&request, SHAPE)?;
        clear_abandoned(&state, &body.secret.parse().map_err(|_| Problem::InvalidBody(SECRET))?).await?;
    } else {
        let (secret, holder) = read_contact(&request)?;
        let cleared = state.records.clear(&secret.record_id(), &holder).await?;
        tracing::info!(cleared, "clear contact");
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
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http_and_connect(handle, handle_connect).await
}
