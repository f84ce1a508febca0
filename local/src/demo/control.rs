//! What the page with the four parties, and the tests of the web pages, ask of the stack: the wallet, the telephone, and a
//! look at tables and lines. JSON in and out.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Citizen, Control};
use crate::Item;
use crate::call::Dialled;
use crate::tap::Call;
use crate::wallet::{Ending, Person, Wallet};

/// The routes, all below `/demo/`.
pub(super) fn routes(control: Arc<Control>) -> Router {
    Router::new()
        .route("/demo/places", get(async |State(control): State<Arc<Control>>| Json(json!(control.places))))
        .route("/demo/sessions", get(sessions))
        .route("/demo/wallet", get(wallet).post(perform))
        .route("/demo/telephone", post(telephone))
        .route("/demo/tables", get(tables))
        .route("/demo/wire", get(wire))
        .route("/demo/issuer", post(issuer))
        .with_state(control)
}

/// Something on this machine failed; whoever plays here may see what.
struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": format!("{:#}", self.0)}))).into_response()
    }
}

type Answer = Result<Json<Value>, Failed>;

/// The sessions that a page started, newest first.
async fn sessions(State(control): State<Arc<Control>>) -> Json<Value> {
    let ended = control.ended.lock().await.clone();
    let of = |(id, call): (usize, Call)| {
        let sent: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        json!({"id": id, "purpose": sent["purpose"], "startedAt": milliseconds(call.at), "ended": ended.contains(&id)})
    };
    Json(control.started().into_iter().rev().map(of).collect())
}

/// Whether the wallet is at it, and the code that it wants typed on the page.
async fn wallet(State(control): State<Arc<Control>>) -> Json<Value> {
    let busy = control.busy.read().await.clone();
    Json(json!({"busy": busy.is_some(), "pairingCode": busy.and_then(|wallet| wallet.pairing_code())}))
}

#[derive(Deserialize)]
struct Perform {
    session: Option<usize>,
    act: Act,
    #[serde(default)]
    person: Citizen,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Act {
    Disclose,
    Decline,
}

/// The citizen takes their wallet, and scans what the page shows or taps on it.
async fn perform(State(control): State<Arc<Control>>, Json(asked): Json<Perform>) -> Answer {
    let session = control.started().into_iter().rev().find(|(id, _)| asked.session.is_none_or(|session| session == *id));
    let (id, call) = session.context("no page has started a session")?;
    let pointer = serde_json::from_slice::<Value>(&call.answer)?["sessionPtr"].clone();
    let wallet = control.wallet(asked.person).await?;
    *control.busy.write().await = Some(wallet.clone());
    let outcome = match asked.act {
        Act::Disclose => wallet.perform(&pointer).await,
        Act::Decline => wallet.decline(&pointer).await,
    };
    *control.busy.write().await = None;
    control.ended.lock().await.push(id);
    let outcome = outcome?;
    Ok(Json(match outcome.outcome {
        Ending::Success => {
            let Dialled { number, code } = Dialled::read(&outcome)?;
            json!({"outcome": "success", "number": number, "code": code})
        }
        Ending::Declined => json!({"outcome": "declined"}),
        _ => json!({"outcome": "failure", "error": outcome.error}),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dial {
    code: Option<String>,
    /// Whose code is dialled, if none is given: a citizen can do so before they are ready in the app, or after they declined.
    session: Option<usize>,
    contact_id: String,
}

/// Telephony has heard a code, and exchanges it.
async fn telephone(State(control): State<Arc<Control>>, Json(Dial { code, session, contact_id }): Json<Dial>) -> Answer {
    let code = match code {
        Some(code) => code,
        None => control.code(session).context("there is no code to dial")?,
    };
    let answer = control.stack.exchange(&code, &contact_id).await?;
    let mut told = json!({"status": answer.status});
    if let Some(secret) = answer.body.get("secret") {
        told["secret"] = secret.clone();
    }
    Ok(Json(told))
}

/// What is in the tables now: ids, states and times; nothing that is sealed.
async fn tables(State(control): State<Arc<Control>>) -> Answer {
    let shown = |items: Vec<Item>, names: &[(&str, &str)]| -> Vec<Value> {
        items.iter().map(|item| names.iter().map(|(name, shown)| ((*shown).to_owned(), plain(item, name))).collect()).collect()
    };
    let records = control.stack.items("Records").await?;
    let codes = control.stack.items("Codes").await?;
    let times = [("id", "id"), ("expires_at", "expiresAt")];
    let of_record = [("status", "status"), ("purpose", "purpose"), ("created_at", "createdAt"), ("looked_up_at", "lookedUpAt")];
    Ok(Json(json!({
        "records": shown(records, &[&times[..], &of_record].concat()),
        "codes": shown(codes, &times),
    })))
}

fn plain(item: &Item, name: &str) -> Value {
    let Some(value) = item.get(name) else { return Value::Null };
    match (value.as_s(), value.as_n()) {
        (Ok(text), _) => text.as_str().into(),
        (_, Ok(number)) => number.parse::<u64>().map_or(Value::Null, Value::from),
        _ => Value::Null,
    }
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    mark: usize,
}

/// What passed on the line to the API after a mark: who said what kind of thing. Names of members only, no values.
async fn wire(State(control): State<Arc<Control>>, Query(since): Query<Since>) -> Json<Value> {
    let calls = control.stack.to_api.calls_since(since.mark);
    let said = |call: &Call| {
        json!({
            "at": milliseconds(call.at), "party": party(&call.operation), "operation": pattern(&call.operation),
            "status": call.status, "sent": members(&call.body), "got": members(&call.answer),
        })
    };
    Json(json!({"mark": since.mark + calls.len(), "said": calls.iter().map(said).collect::<Vec<_>>()}))
}

/// Who makes calls of this kind.
fn party(operation: &str) -> &'static str {
    let path = operation.split(' ').nth(1).unwrap_or_default();
    match path.split('/').nth(1) {
        Some("irma") => "irma",
        Some("dtmf" | "telephony") => "telephony",
        Some("contacts") => "agent",
        _ => "citizen",
    }
}

/// The operation without the id that the path may end with.
fn pattern(operation: &str) -> &str {
    operation.find("/irma/result/").map_or(operation, |at| &operation[..at + "/irma/result".len()])
}

/// The names of what a body holds; of one that is no JSON object, that it is a text.
fn members(body: &[u8]) -> Vec<String> {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(object)) => object.keys().cloned().collect(),
        _ if body.is_empty() => Vec::new(),
        _ => vec!["text".to_owned()],
    }
}

#[derive(Deserialize)]
struct Lifetime {
    lifetime: Option<u64>,
}

/// How many seconds the agents' tokens live; what they live by themselves, if none are said.
async fn issuer(State(control): State<Arc<Control>>, Json(Lifetime { lifetime }): Json<Lifetime>) -> StatusCode {
    control.stack.issuer.set_lifetime(lifetime);
    StatusCode::NO_CONTENT
}

impl Control {
    /// The sessions that were started at the API, with their places among its calls.
    fn started(&self) -> Vec<(usize, Call)> {
        let calls = self.stack.to_api.calls_since(0).into_iter().enumerate();
        calls.filter(|(_, call)| call.operation == "POST /sessions" && call.status == 201).collect()
    }

    /// The code of a session: it stands in what the IRMA server was asked for the wallet.
    fn code(&self, session: Option<usize>) -> Option<String> {
        let (_, started) = self.started().into_iter().rev().find(|(id, _)| session == Some(*id))?;
        let pointer = serde_json::from_slice::<Value>(&started.answer).ok()?["sessionPtr"].clone();
        let of_session = |call: &Call| serde_json::from_slice::<Value>(&call.answer).is_ok_and(|it| it["sessionPtr"] == pointer);
        let asked = self.stack.to_irma.calls_since(0).into_iter().find(of_session)?;
        let asked: Value = serde_json::from_slice(&asked.body).ok()?;
        asked["request"]["clientReturnUrl"].as_str()?.rsplit(',').next().map(str::to_owned)
    }

    /// The wallet of a citizen, who gets one when they need it first.
    async fn wallet(&self, citizen: Citizen) -> Result<Arc<Wallet>> {
        let mut wallets = self.wallets.write().await;
        if let Some(wallet) = wallets.get(&citizen) {
            return Ok(wallet.clone());
        }
        let person = match citizen {
            Citizen::Willeke => &Person::WILLEKE,
            Citizen::Jochem => &Person::JOCHEM,
        };
        let wallet = Arc::new(self.stack.wallet(person).await?);
        wallets.insert(citizen, wallet.clone());
        Ok(wallet)
    }
}

/// Milliseconds since 1970, as JavaScript has them.
fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
