//! One whole call on the functions as they are deployed, with the real IRMA server and a wallet: how long a citizen waits for
//! the QR code, and how long an agent waits for what was disclosed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use local::call::Dialled;
use local::server::Server;
use local::wallet::Person;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::milliseconds;
use crate::runtime::Function;
use crate::table::Table;
use crate::world::{PURPOSE, World, request};

/// So many calls are played, and the first, for which the functions start.
const CALLS: usize = 50;
/// How often the portal's place asks again.
const AGAIN: Duration = Duration::from_millis(5);
/// No call takes longer.
const LONGEST: Duration = Duration::from_secs(30);

/// session-ingest, for whoever calls it: the IRMA server and itself.
type Ingest = Arc<Mutex<Function>>;

/// Plays the calls; the answer is also the processor time that session-ingest took for one, in milliseconds.
pub async fn measure(world: &World) -> Result<(Table, f64)> {
    crate::say("Playing calls");
    // What was invoked while other things were measured.
    while world.invoked.lock().await.try_recv().is_ok() {}
    let start = |binary: &'static str| Function::start(world.command(world.program(binary), binary), world.log());
    let ingest: Ingest = Arc::new(Mutex::new(start("session-ingest").await?));
    let gateway = gateway(Arc::clone(&ingest)).await?;
    let mut session_start = world.command(world.program("session-start"), "session-start");
    session_start.env("PUBLIC_API_DOMAIN", gateway.authority());
    let mut session_start = Function::start(session_start, world.log()).await?;
    let (mut exchange, mut look_up) = (start("dtmf-exchange").await?, start("agent-lookup").await?);
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let (mut to_code, mut to_agent) = (Vec::new(), Vec::new());
    let mut before = None;
    for call in 0..=CALLS {
        let nothing = json!({});
        let answer = session_start.invoke(request("POST", "/sessions", &nothing, &json!({"purpose": PURPOSE}))).await?;
        to_code.push(milliseconds(answer.took));
        let pointer = &body(&answer.body)?["sessionPtr"];
        // What session-ingest invokes itself with is passed on meanwhile.
        let again = async {
            let event = world.invoked.lock().await.recv().await.context("the endpoint is gone")?;
            ingest.lock().await.invoke(String::from_utf8(event.to_vec())?).await
        };
        let agent = async {
            let outcome = wallet.perform(pointer).await?;
            let success = Instant::now();
            let contact = format!("call-{call}");
            let exchanged = json!({"dtmf": Dialled::read(&outcome)?.code, "contactId": contact});
            let exchanged = exchange.invoke(request("POST", "/dtmf/exchange", &nothing, &exchanged)).await?;
            let secret = body(&exchanged.body)?["secret"].clone();
            let asked = request("POST", "/contacts/lookup", &nothing, &json!({"secret": secret, "contactId": contact}));
            loop {
                let found = look_up.invoke(asked.clone()).await?;
                let found: Value = serde_json::from_slice(&found.body)?;
                if found["statusCode"] == 200 {
                    ensure!(found["body"].as_str().is_some_and(|body| body.contains("disclosed")), "nothing was disclosed");
                    return Ok(success.elapsed());
                }
                ensure!(found["statusCode"] == 202, "a look-up was answered: {found}");
                tokio::time::sleep(AGAIN).await;
            }
        };
        let played = tokio::time::timeout(LONGEST, async { tokio::try_join!(agent, again) }).await;
        let (waited, _) = played.context("a call does not end")??;
        to_agent.push(milliseconds(waited));
        let usage = ingest.lock().await.usage()?;
        before.get_or_insert(usage.cpu);
    }
    let cpu = ingest.lock().await.usage()?.cpu.saturating_sub(before.unwrap_or_default());
    let each = milliseconds(cpu) / f64::from(u32::try_from(CALLS)?);
    let mut table = Table::of_waits("One call");
    table.notes = vec![format!(
        "{CALLS} calls after the first, on the functions of the release build at the Runtime API, with the real IRMA server and a wallet. \
         The functions have started; session-ingest took {each:.1} ms of processor time a call. The network, API Gateway and Lambda's \
         own time are in none of them, nor the seconds in which a phone dials, nor the portal's two seconds between one look-up and \
         the next: here the next comes after {} ms.",
        AGAIN.as_millis()
    )];
    table.push_waits("`POST /sessions` to its answer, from which the page draws the QR code", &to_code)?;
    table.push_waits("the wallet's success to what was disclosed at the agent's place, the exchange included", &to_agent)?;
    Ok((table, each))
}

/// The body of a function's answer, which must be a success.
fn body(answer: &[u8]) -> Result<Value> {
    let answer: Value = serde_json::from_slice(answer)?;
    ensure!(answer["statusCode"].as_u64().is_some_and(|status| status < 300), "a function answered {answer}");
    Ok(serde_json::from_str(answer["body"].as_str().context("an answer has no body")?)?)
}

/// What the IRMA server calls in API Gateway's place.
async fn gateway(ingest: Ingest) -> Result<Server> {
    Server::start(0, |_| Router::new().route("/irma/result/{*id}", post(callback)).with_state(ingest)).await
}

async fn callback(State(ingest): State<Ingest>, Path(id): Path<String>) -> StatusCode {
    let event = request("POST", "/irma/result/{proxy+}", &json!({"proxy": id}), &Value::Null);
    let answered = ingest.lock().await.invoke(event).await;
    answered.map_or(StatusCode::BAD_GATEWAY, |_| StatusCode::NO_CONTENT)
}
