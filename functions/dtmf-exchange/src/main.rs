//! `POST /dtmf/exchange`, or invoked by Amazon Connect: telephony has the code that the citizen's phone dialled, and
//! gets the secret for it. This is all that telephony ever gets.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::answer::Answer;
use shared::clock::now;
use shared::code::Code;
use shared::code_key::{CodeKey, CodeLock};
use shared::codes::Codes;
use shared::config::{Aws, CannotStart};
use shared::connect::{ConnectEvent, Outcome};
use shared::contact::{CONTACT_ID, ContactId};
use shared::metrics::{Metric, Metrics};
use shared::problem::Problem;
use shared::request::read_body;
use shared::run;
use shared::secret::Secret;
use shared::telephony::{Caller, TelephonyRole};
use zeroize::Zeroizing;

const SHAPE: &str = "The body is a JSON object with the texts \"dtmf\" and \"contactId\" and nothing else.";
const DTMF: &str = "\"dtmf\" is ten digits 0 to 9.";

struct State {
    codes: Codes,
    previous_key: CodeKey,
    next_key: CodeKey,
    metrics: Metrics,
    telephony: TelephonyRole,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    dtmf: Zeroizing<String>,
    contact_id: String,
}

#[derive(Serialize)]
struct Exchanged<'a> {
    secret: &'a str,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment()?;
        Ok(Self {
            codes: aws.codes()?,
            previous_key: aws.code_key("CODE_KEY_PREVIOUS")?,
            next_key: aws.code_key("CODE_KEY_NEXT")?,
            metrics: Metrics::from_environment()?,
            telephony: TelephonyRole::from_environment()?,
        })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    let caller = state.telephony.caller(&request)?;
    let body: Body = read_body(&request, SHAPE)?;
    let code = body.dtmf.parse().map_err(|_| Problem::InvalidBody(DTMF))?;
    let contact = body.contact_id.parse().map_err(|_| Problem::InvalidBody(CONTACT_ID))?;
    let secret = exchange(&state, &code, &contact, Some(&caller)).await?;
    Ok(Answer::json(StatusCode::OK, &Exchanged { secret: &secret.reveal() }))
}

/// The flow passes what was keyed as the parameter `dtmf`: any text, as `Timeout` if nothing was.
async fn handle_connect(state: Arc<State>, event: ConnectEvent) -> Outcome {
    let (Ok(code), Ok(contact)) = (event.parameter("dtmf").parse(), event.contact_id()) else {
        return Outcome::new("unknown_code");
    };
    match exchange(&state, &code, &contact, None).await {
        Ok(secret) => Outcome::new("ok").with("secret", &secret.reveal()),
        Err(Problem::UnknownCode) => Outcome::new("unknown_code"),
        Err(_) => Outcome::unavailable(),
    }
}

/// Amazon Connect waits 8 seconds, and reads an answer that comes later as none.
const IN_ALL: Duration = Duration::from_secs(6);

async fn exchange(state: &State, code: &Code, contact: &ContactId, caller: Option<&Caller>) -> Result<Secret, Problem> {
    let found = tokio::time::timeout(IN_ALL, find(state, code, contact)).await.unwrap_or(Err(Problem::Unavailable));
    let caller = caller.map(Caller::as_str);
    match &found {
        Ok(_) => {
            tracing::info!(caller, "code exchanged");
            state.metrics.count(Metric::Exchanged);
        }
        Err(Problem::UnknownCode) => {
            tracing::info!(caller, "unknown code");
            state.metrics.count(Metric::UnknownCodes);
        }
        Err(_) => {}
    }
    found
}

async fn find(state: &State, code: &Code, contact: &ContactId) -> Result<Secret, Problem> {
    let previous = state.previous_key.lock(code).await.map_err(|_| Problem::Unavailable)?;
    if let Some(secret) = open(state, &previous, contact).await? {
        return Ok(secret);
    }
    // While a new key takes over, a code is under either. At other times both aliases name one key.
    let next = state.next_key.lock(code).await.map_err(|_| Problem::Unavailable)?;
    if next.id() != previous.id()
        && let Some(secret) = open(state, &next, contact).await?
    {
        return Ok(secret);
    }
    Err(Problem::UnknownCode)
}

async fn open(state: &State, lock: &CodeLock, contact: &ContactId) -> Result<Option<Secret>, Problem> {
    let Some(sealed) = state.codes.exchange(lock.id(), &lock.contact_tag(contact), now()).await? else { return Ok(None) };
    lock.open(&sealed).map(Some).map_err(|_| {
        tracing::error!("a code's secret does not open with the code");
        Problem::Internal
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http_and_connect(handle, handle_connect).await
}
