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
use shared::telephony::{Caller, TelephonyRole};
use zeroize::Zeroizing;

const SHAPE: &str = "The body is a JSON object with the text \"secret\" and nothing else.";

/// The route that telephony calls; any other is for agents.
const TELEPHONY: &str = "POST /telephony/clear";

struct State {
    records: Records,
    metrics: Metrics,
    overwriting: Option<Overwriting>,
    telephony: TelephonyRole,
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
        let (metrics, telephony) = (Metrics::from_environment()?, TelephonyRole::from_environment()?);
        Ok(Self { records: aws.records()?, metrics, overwriting, telephony })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    if route(&request).as_deref() == Some(TELEPHONY) {
        let caller = state.telephony.caller(&request)?;
        let body: Body = read_body(&request, SHAPE)?;
        let secret = body.secret.parse().map_err(|_| Problem::InvalidBody(SECRET))?;
        clear_abandoned(&state, &secret, Some(&caller)).await?;
    } else {
        let request = read_agent_request(&request)?;
        for keys in request.secret.key_pairs() {
            if clear(&state, &request, keys.record_id()).await? {
                break;
            }
        }
    }
    // The same answer whether there was a record or not: who does not hold it learns nothing.
    Ok(Answer::no_content())
}

/// Clears the record `id` for an agent, and says whether it did.
async fn clear(state: &State, request: &AgentRequest, id: &RecordId) -> Result<bool, Problem> {
    let AgentRequest { holder, initial_contact, agent, .. } = request;
    let (marked, cleared) = tokio::join!(state.records.mark(agent, id), state.records.clear(id, holder));
    let outcome = match (&marked, &cleared) {
        (Ok(()), Ok(true)) => audit::Outcome::Cleared,
        (Ok(()), Ok(false)) => audit::Outcome::NothingToClear,
        _ => audit::Outcome::Failed,
    };
    audit::log(agent, Action::Clear, id, outcome);
    let cleared = cleared?;
    if cleared {
        state.metrics.count(Metric::Cleared);
        overwrite_later(state, initial_contact.as_ref(), id).await;
    }
    // Without a mark the agent is told to try again, though the record may be gone: the next try leaves the mark, and finds
    // nothing to clear.
    marked?;
    Ok(cleared)
}

/// The flow passes the secret as the parameter `secret`; a contact without one has nothing to clear.
async fn handle_connect(state: Arc<State>, event: ConnectEvent) -> Outcome {
    let Ok(secret) = event.parameter("secret").parse() else { return Outcome::new("ok") };
    match clear_abandoned(&state, &secret, None).await {
        Ok(cleared) => {
            if let Some(id) = cleared {
                overwrite_later(&state, event.initial_contact_id().ok().as_ref(), &id).await;
            }
            Outcome::new("ok")
        }
        Err(_) => Outcome::unavailable(),
    }
}

/// The record that was cleared, if there was one that no agent had looked up.
async fn clear_abandoned(state: &State, secret: &Secret, caller: Option<&Caller>) -> Result<Option<RecordId>, Problem> {
    let mut cleared = None;
    for keys in secret.key_pairs() {
        if state.records.clear_abandoned(keys.record_id()).await? {
            cleared = Some(keys.record_id().clone());
            state.metrics.count(Metric::Abandoned);
            break;
        }
    }
    tracing::info!(cleared = cleared.is_some(), caller = caller.map(Caller::as_str), "clear abandoned contact");
    Ok(cleared)
}

/// After the record is gone. Whatever becomes of it, the caller hears that the contact is cleared, for it is.
async fn overwrite_later(state: &State, contact: Option<&ContactId>, id: &RecordId) {
    let Some(overwriting) = &state.overwriting else { return };
    if overwriting.later(contact, id).await.is_err() {
        state.metrics.count(Metric::NotOverwritten);
    }
}

async fn handle_event(state: Arc<State>, event: Event) -> Result<(), RunFailed> {
    let overwriting = state.overwriting.as_ref().ok_or_else(|| {
        tracing::error!("no instance of Amazon Connect is set");
        RunFailed
    })?;
    overwriting.now(&event).await.or_else(|not_done| {
        state.metrics.count(Metric::NotOverwritten);
        match not_done {
            NotDone::Failed => Err(RunFailed),
            // Another run would find the same.
            NotDone::Another => Ok(()),
        }
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http_connect_and_direct(handle, handle_connect, overwriting::MEMBER, handle_event).await
}
