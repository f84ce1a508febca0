//! The parties in a call, and what each of them sends and gets.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::Stack;
use crate::emulator::Credentials;
use crate::wallet::{Outcome, Wallet};

/// How long a result is awaited that should come in at once, and how often it is asked for.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(20);

/// What the API answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`; empty if there is none.
    pub content_type: String,
    /// `Cache-Control`; empty if there is none.
    pub cache_control: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// Sends a request that says `sent`, and checks the [shape](Answer::check_shape) of what is answered.
    async fn to(request: RequestBuilder, sent: &str) -> Result<Self> {
        let response = request.send().await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (status, content_type, cache_control) = (response.status().as_u16(), header("content-type"), header("cache-control"));
        let text = response.text().await?;
        let answer = Self { status, content_type, cache_control, body: serde_json::from_str(&text).unwrap_or_default(), text };
        answer.check_shape(sent)?;
        Ok(answer)
    }

    /// Whether API Gateway refuses this itself, before any function is asked.
    fn is_gateways(&self) -> bool {
        let no_problem = self.body.get("message").is_some() && self.body.get("type").is_none();
        matches!(self.status, 401 | 403 | 404 | 429) && no_problem
    }

    /// Checks what holds for every answer of ours: it may not be stored, and a refusal is a problem (RFC 9457) that says
    /// what to do and holds nothing of what was `sent`.
    pub fn check_shape(&self, sent: &str) -> Result<()> {
        if self.is_gateways() {
            return Ok(());
        }
        let Self { status, content_type, cache_control, body, text: said } = self;
        ensure!(cache_control == "no-store", "an answer {status} may be stored on its way");
        if *status < 400 {
            return Ok(());
        }
        ensure!(content_type == "application/problem+json", "an answer {status} is sent as {content_type}");
        let text = |member: &str| body[member].as_str().unwrap_or_default();
        ensure!(text("type").starts_with("urn:idbellen:problem:"), "an answer {status} has no type of ours: {body}");
        ensure!(!text("title").is_empty(), "an answer {status} has no title: {body}");
        ensure!(text("detail").len() > 20, "an answer {status} does not say what to do: {body}");
        ensure!(body["status"] == *status, "an answer {status} says it is another: {body}");
        let words = sent.split(|character: char| !character.is_alphanumeric());
        let echoed = words.filter(|word| word.chars().count() >= 6 && !FIELDS.contains(word)).find(|word| said.contains(word));
        ensure!(echoed.is_none(), "an answer {status} repeats what was sent: {body}");
        Ok(())
    }

    /// The body, if the status is the one expected.
    pub fn expect(self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "status {} in place of {status}: {}", self.status, self.body);
        Ok(self.body)
    }
}

/// What we call the members of a body ourselves, and may name to a caller.
const FIELDS: [&str; 4] = ["contactId", "initialContactId", "purpose", "secret"];

/// Who calls the API.
pub enum Caller {
    /// Someone who shows nothing.
    Anyone,
    /// Someone with this bearer token.
    Agent(String),
    /// Someone who signs with these credentials.
    Telephony(Credentials),
}

/// A session that a citizen started, as their page sees it.
pub struct Session {
    /// What the wallet needs.
    pub pointer: Value,
    /// All that the page got.
    pub answer: Value,
}

/// What the citizen's phone dials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// The municipality's number.
    pub number: String,
    /// The code, in DTMF tones after a pause.
    pub code: String,
}

impl Dialled {
    /// Reads what the wallet opens after a success: `tel:+31…,,0123456789`.
    pub fn read(outcome: &Outcome) -> Result<Self> {
        let url = outcome.client_return_url.as_deref().context("the wallet has nothing to dial")?;
        let dialled = url.strip_prefix("tel:").context("the wallet does not dial")?;
        let (number, code) = dialled.split_once(',').context("there is no pause before the code")?;
        Ok(Self { number: number.to_owned(), code: code.trim_start_matches(',').to_owned() })
    }
}

impl Stack {
    /// `GET` as anyone.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        Answer::to(self.client().get(self.url() + path), path).await
    }

    /// `POST` of JSON as `caller`.
    pub async fn post(&self, caller: &Caller, path: &str, body: &Value) -> Result<Answer> {
        self.post_raw(caller, path, "application/json", body.to_string().as_bytes()).await
    }

    /// `POST` of whatever bytes, as whatever it says they are.
    pub async fn post_raw(&self, caller: &Caller, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        let anyone = || self.client().post(self.url() + path).body(body.to_owned());
        let request = match caller {
            Caller::Anyone => anyone(),
            Caller::Agent(token) => anyone().bearer_auth(token),
            Caller::Telephony(credentials) => self.signed_post(credentials, path, body)?,
        };
        let sent = format!("{} {}", path.rsplit('/').next().unwrap_or_default(), String::from_utf8_lossy(body));
        Answer::to(request.header("content-type", content_type), &sent).await
    }

    /// An agent, with a valid token.
    pub fn agent(&self, name: &str) -> Result<Caller> {
        Ok(Caller::Agent(self.issuer.token(name).sign()?))
    }

    /// Telephony, in its role.
    pub async fn telephony(&self) -> Result<Caller> {
        let role = self.deployment.outputs.get("TelephonyRole").context("the stack has no role for telephony")?;
        Ok(Caller::Telephony(self.assume_role(role).await?))
    }

    /// A citizen presses the button on the municipality's page.
    pub async fn start_session(&self, purpose: &str) -> Result<Session> {
        let answer = self.post(&Caller::Anyone, "/sessions", &json!({"purpose": purpose})).await?.expect(201)?;
        Ok(Session { pointer: answer["sessionPtr"].clone(), answer })
    }

    /// A citizen starts, and discloses all that is asked: what their phone dials.
    pub async fn disclose(&self, wallet: &Wallet, purpose: &str) -> Result<Dialled> {
        let session = self.start_session(purpose).await?;
        Dialled::read(&wallet.perform(&session.pointer).await?)
    }

    /// Telephony exchanges a code over the API.
    pub async fn exchange(&self, code: &str, contact: &str) -> Result<Answer> {
        self.post(&self.telephony().await?, "/dtmf/exchange", &json!({"dtmf": code, "contactId": contact})).await
    }

    /// Telephony exchanges a code that must be good, for the secret.
    pub async fn secret(&self, code: &str, contact: &str) -> Result<String> {
        self.secret_for(&self.telephony().await?, code, contact).await
    }

    /// The same, with credentials that telephony has already.
    pub async fn secret_for(&self, telephony: &Caller, code: &str, contact: &str) -> Result<String> {
        let body = self.post(telephony, "/dtmf/exchange", &json!({"dtmf": code, "contactId": contact})).await?.expect(200)?;
        Ok(body["secret"].as_str().context("there is no secret")?.to_owned())
    }

    /// An agent's portal looks up a caller.
    pub async fn look_up(&self, agent: &str, secret: &str, contact: Option<&str>) -> Result<Answer> {
        self.as_agent(agent, "/contacts/lookup", secret, contact).await
    }

    /// Looks up until the session has ended, as the portal does; ten seconds at most.
    pub async fn look_up_until_ended(&self, agent: &str, secret: &str, contact: Option<&str>) -> Result<Answer> {
        let began = Instant::now();
        loop {
            let answer = self.look_up(agent, secret, contact).await?;
            if answer.status != 202 {
                return Ok(answer);
            }
            ensure!(began.elapsed() < PATIENCE, "the session's result did not come in");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// An agent clicks "clear contact".
    pub async fn clear(&self, agent: &str, secret: &str, contact: Option<&str>) -> Result<Answer> {
        self.as_agent(agent, "/contacts/clear", secret, contact).await
    }

    async fn as_agent(&self, agent: &str, path: &str, secret: &str, contact: Option<&str>) -> Result<Answer> {
        let body = contact.map_or_else(|| json!({"secret": secret}), |contact| json!({"secret": secret, "contactId": contact}));
        self.post(&self.agent(agent)?, path, &body).await
    }

    /// Amazon Connect invokes a function for a contact, with the parameters that the flow passes. The form is that of the
    /// Amazon Connect administrator guide, "JSON event to Lambda functions".
    pub async fn connect(&self, function: &str, contact: &str, parameters: Value) -> Result<Value> {
        let event = json!({
            "Name": "ContactFlowEvent",
            "Details": {
                "ContactData": {
                    "Attributes": {},
                    "Channel": "VOICE",
                    "ContactId": contact,
                    "CustomerEndpoint": {"Address": "+31200000003", "Type": "TELEPHONE_NUMBER"},
                    "InitialContactId": contact,
                    "InitiationMethod": "INBOUND",
                    "InstanceARN": "arn:aws:connect:eu-central-1:000000000000:instance/00000000-0000-0000-0000-000000000000",
                    "PreviousContactId": contact,
                    "Queue": null,
                    "SystemEndpoint": {"Address": "+31200000001", "Type": "TELEPHONE_NUMBER"},
                },
                "Parameters": parameters,
            },
        });
        let invocation = self.invoke(self.root(), function, &event).await?;
        ensure!(invocation.status == 200 && !invocation.failed, "{function} failed: {}", invocation.payload);
        Ok(invocation.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_may_be_stored_or_is_no_problem_or_repeats_the_caller_is_noticed() {
        let good = Answer {
            status: 400,
            content_type: "application/problem+json".to_owned(),
            cache_control: "no-store".to_owned(),
            body: json!({
                "type": "urn:idbellen:problem:invalid-body", "title": "The body is not valid", "status": 400,
                "detail": "The body is a JSON object with the text \"secret\" and nothing else.",
            }),
            text: String::new(),
        };
        let sent = r#"{"secret": "marker"}"#;
        assert!(good.check_shape(sent).is_ok());
        let with = |member: &str, value: Value| {
            let mut answer = good.clone();
            answer.body[member] = value;
            answer.text = answer.body.to_string();
            answer
        };
        for bad in [
            Answer { cache_control: String::new(), ..good.clone() },
            Answer { content_type: "application/json".to_owned(), ..good.clone() },
            with("type", json!("about:blank")),
            with("title", json!(null)),
            with("detail", json!("No.")),
            with("detail", json!("The text marker is not a secret at all.")),
            with("unknown", json!("marker")),
            with("status", json!(404)),
            // A function that crashed.
            Answer {
                status: 500,
                body: json!({"message": "Internal Server Error"}),
                cache_control: String::new(),
                ..good.clone()
            },
        ] {
            assert!(bad.check_shape(sent).is_err(), "{bad:?}");
        }
    }
}
