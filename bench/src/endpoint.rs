//! The one endpoint at which functions find AWS: DynamoDB is a database in this process (Dynoxide), because the emulator sorts
//! a whole index for each query; an invocation of Lambda is kept for whoever plays the function; what Parameter Store answers is
//! asked of the emulator once; and all else is the emulator's.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use dynoxide::Database;
use local::server::Server;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The endpoint, until it is dropped.
pub struct Endpoint {
    server: Server,
    database: Database,
    calls: Arc<AtomicU64>,
}

type Answer = (StatusCode, HeaderMap, Bytes);

#[derive(Clone)]
struct Services {
    client: reqwest::Client,
    calls: Arc<AtomicU64>,
    parameters: Arc<Mutex<HashMap<(String, Bytes), Answer>>>,
    database: String,
    emulator: String,
    invocations: UnboundedSender<Bytes>,
}

impl Endpoint {
    /// Starts it. What functions are invoked with comes out of the receiver.
    pub async fn start(emulator: String) -> Result<(Self, UnboundedReceiver<Bytes>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let database = format!("http://{}", listener.local_addr()?);
        let memory = Database::memory().map_err(|error| anyhow!("no database: {error}"))?;
        tokio::spawn(dynoxide::server::serve_on(listener, memory.clone()));
        let (invocations, invoked) = unbounded_channel();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let calls = Arc::new(AtomicU64::default());
        let services =
            Services { client, calls: Arc::clone(&calls), parameters: Arc::default(), database, emulator, invocations };
        let server = Server::start(0, |_| Router::new().fallback(pass_on).with_state(services)).await?;
        Ok((Self { server, database: memory, calls }, invoked))
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// How many calls there were up to now, of all services.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

async fn pass_on(State(services): State<Services>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Answer {
    services.calls.fetch_add(1, Ordering::Relaxed);
    if uri.path().starts_with("/2015-03-31/functions/") {
        let taken = services.invocations.send(body).is_ok();
        let status = if taken { StatusCode::ACCEPTED } else { StatusCode::SERVICE_UNAVAILABLE };
        return (status, HeaderMap::new(), Bytes::new());
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
    let to = if target.starts_with("DynamoDB_") { &services.database } else { &services.emulator };
    let asked = (target.clone(), body.clone());
    if let Some(answer) = services.parameters.lock().await.get(&asked) {
        return answer.clone();
    }
    let request = services.client.request(method, format!("{to}{uri}")).headers(headers).body(body);
    let answer = async {
        let response = request.send().await?;
        let (status, mut headers) = (response.status(), response.headers().clone());
        // What is sent on has a length of its own.
        headers.remove("transfer-encoding");
        Ok::<_, reqwest::Error>((status, headers, response.bytes().await?))
    };
    let answer = answer.await.unwrap_or_else(|error| {
        crate::say(&format!("{target}: {error}"));
        (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new())
    });
    if target.starts_with("AmazonSSM.") && answer.0.is_success() {
        services.parameters.lock().await.insert(asked, answer.clone());
    }
    answer
}
