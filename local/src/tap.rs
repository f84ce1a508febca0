//! Taps on the three lines between the parts of the stack: callers to the API, functions to AWS, functions to the IRMA
//! server. A [`Tap`] is a reverse proxy that sees each call on its line and, at a test's wish, spoils it.
//!
//! It passes on method, path, query, headers and body as they came, because a signature covers them (AWS, "Create a
//! signed AWS API request").

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header, request, response};
use axum::response::IntoResponse as _;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::server::Server;

/// A proxy before a server, that sees and can spoil each call. Use [`Tap::mark`] and [`Tap::calls_since`] around what a
/// test does.
pub struct Tap {
    server: Server,
    line: Arc<Line>,
}

/// What the proxy's tasks and its owner share.
struct Line {
    upstream: Upstream,
    /// The `Host` that the upstream wants to see, if not the one that the caller wrote.
    host: Shared<Option<HeaderValue>>,
    callers: Shared<HashMap<String, String>>,
    calls: Shared<Vec<Call>>,
    rules: Shared<Vec<(u64, Rule)>>,
}

/// A call, as the tap saw it.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it came by.
    pub at: SystemTime,
    /// Who signed it: the logical id of a function in the template, or the access key id of another caller. Empty if
    /// nobody did.
    pub caller: String,
    /// The service as the signature names it: `dynamodb`, `kms`, `ssm`, `lambda`.
    pub service: String,
    /// `UpdateItem`, `GenerateMac`; for a call without a target header, the method and path.
    pub operation: String,
    /// What was sent.
    pub body: Bytes,
    /// The status of the answer; 0 if there was none.
    pub status: u16,
    /// What was answered.
    pub answer: Bytes,
}

impl Call {
    /// Whether a text stands in what was sent.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.body).contains(text)
    }
}

/// What a test has happen to a call.
#[derive(Clone)]
pub enum Fault {
    /// This answer, in the upstream's place.
    Answer(StatusCode, String),
    /// The connection ends without an answer.
    HangUp,
    /// The call waits until the test opens the gate.
    Hold(Arc<Gate>),
    /// The upstream's answer, with headers and JSON changed.
    Change(Change),
    /// The upstream does what it is asked, and another answer comes.
    Lose(StatusCode),
}

impl Fault {
    /// An answer with this status (500 if it is none) and a body in the form of the service.
    #[must_use]
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::Answer(status_code(status), body.into())
    }

    /// The upstream's answer, with headers and JSON changed.
    #[must_use]
    pub fn changed(change: impl Fn(&mut HeaderMap, &mut Value) + Send + Sync + 'static) -> Self {
        Self::Change(Arc::new(change))
    }

    /// The upstream's answer, as if its clock said this, in Unix seconds.
    #[must_use]
    pub fn dated(at: i64) -> Self {
        Self::changed(move |headers, _| set_date(headers, at))
    }

    /// The upstream does what it is asked; the caller gets this status in place of its answer.
    #[must_use]
    pub fn lost(status: u16) -> Self {
        Self::Lose(status_code(status))
    }

    /// The answer of an AWS service that refuses with this exception.
    #[must_use]
    pub fn exception(name: &str) -> Self {
        Self::answer(400, format!(r#"{{"__type":"com.amazonaws#{name}","message":"injected"}}"#))
    }
}

/// Sets the header `date`, to a moment in Unix seconds.
pub fn set_date(headers: &mut HeaderMap, at: i64) {
    let date = Timestamp::from_second(at).and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at));
    if let Some(date) = date.ok().and_then(|date| date.parse().ok()) {
        headers.insert("date", date);
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Where a call waits.
#[derive(Debug)]
pub struct Gate {
    reached: Semaphore,
    opened: Semaphore,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { reached: Semaphore::new(0), opened: Semaphore::new(0) })
    }

    /// Waits until a call stands before the gate, half a minute at most.
    pub async fn reached(&self) -> Result<()> {
        let waiting = tokio::time::timeout(Duration::from_secs(30), self.reached.acquire());
        let _closed = waiting.await.context("no call came to the gate")?;
        Ok(())
    }

    /// Lets all calls through, also those to come.
    pub fn open(&self) {
        self.opened.close();
    }

    async fn pass(&self) {
        self.reached.close();
        let _opened = self.opened.acquire().await;
    }
}

type Change = Arc<dyn Fn(&mut HeaderMap, &mut Value) + Send + Sync>;
type Rule = Arc<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

/// A fault that is in force until this is dropped.
#[must_use = "the fault ends when this is dropped"]
pub struct Injected {
    line: Arc<Line>,
    number: u64,
}

impl Drop for Injected {
    fn drop(&mut self) {
        self.line.rules.write(|rules| rules.retain(|(number, _)| *number != self.number));
    }
}

impl Tap {
    /// Listens on `port`, or a free one if that is 0 or taken, before the server at `upstream` (`127.0.0.1:port`).
    pub async fn start(port: u16, upstream: &str) -> Result<Self> {
        let line = Arc::new(Line {
            upstream: Upstream::new(upstream)?,
            host: Shared::default(),
            callers: Shared::default(),
            calls: Shared::default(),
            rules: Shared::default(),
        });
        let shared = Arc::clone(&line);
        let server =
            Server::start(port, move |_| Router::new().fallback(async move |request| shared.pass(request).await)).await?;
        Ok(Self { server, line })
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn authority(&self) -> String {
        self.server.authority()
    }

    /// From now on, the upstream sees this `Host`. The emulator wants to see the id of an API there, which neither a
    /// browser nor the IRMA server can be told to send.
    pub fn show_host(&self, host: &str) -> Result<()> {
        let host = host.parse().with_context(|| format!("{host} is no host name"))?;
        self.line.host.write(|shown| *shown = Some(host));
        Ok(())
    }

    /// Tells the names of callers by their access key ids.
    pub fn name_callers(&self, names: HashMap<String, String>) {
        self.line.callers.write(|callers| *callers = names);
    }

    /// A point in the list of calls, for [`Tap::calls_since`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.line.calls.read(Vec::len)
    }

    /// The calls that were answered after `mark`, in the order of their answers.
    #[must_use]
    pub fn calls_since(&self, mark: usize) -> Vec<Call> {
        self.line.calls.read(|calls| calls.get(mark..).unwrap_or_default().to_vec())
    }

    /// From now on, asks `rule` about each call that comes in, what shall happen to it. Of several rules the latest with
    /// an answer counts.
    pub fn inject(&self, rule: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) -> Injected {
        let number = self.line.rules.write(|rules| {
            let number = rules.last().map_or(0, |(number, _)| number + 1);
            rules.push((number, Arc::new(rule)));
            number
        });
        Injected { line: Arc::clone(&self.line), number }
    }
}

impl Line {
    async fn pass(&self, request: Request<Body>) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
        let mut call = self.callers.read(|names| describe(&head, &body, names));
        if let Some(host) = self.host.read(Clone::clone) {
            head.headers.insert(header::HOST, host);
        }
        let rules = self.rules.read(Clone::clone);
        let answer = match rules.iter().rev().find_map(|(_, rule)| rule(&call)) {
            None => self.upstream.pass(head, body).await,
            Some(Fault::Answer(status, body)) => Some(spoken(status, body)),
            Some(Fault::HangUp) => None,
            Some(Fault::Hold(gate)) => {
                gate.pass().await;
                self.upstream.pass(head, body).await
            }
            Some(Fault::Change(change)) => self.upstream.pass(head, body).await.map(|(mut head, body)| {
                let mut json = serde_json::from_slice(&body).unwrap_or_default();
                change(&mut head.headers, &mut json);
                // It would be of the answer as it was.
                head.headers.remove("x-amz-crc32");
                (head, json.to_string().into())
            }),
            Some(Fault::Lose(status)) => self.upstream.pass(head, body).await.map(|_| spoken(status, "{}".to_owned())),
        };
        if let Some((head, body)) = &answer {
            (call.status, call.answer) = (head.status.as_u16(), body.clone());
        }
        self.calls.write(|calls| calls.push(call));
        let Some((head, body)) = answer else { hang_up() };
        Response::from_parts(head, Body::from(body))
    }
}

/// Ends the connection: hyper drops it when its task ends so, and no panic hook hears of it.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("the tap hangs up"))
}

fn spoken(status: StatusCode, body: String) -> (response::Parts, Bytes) {
    let response = (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")]).into_response();
    (response.into_parts().0, body.into())
}

fn describe(head: &request::Parts, body: &Bytes, names: &HashMap<String, String>) -> Call {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    // `AWS4-HMAC-SHA256 Credential={key id}/{date}/{region}/{service}/aws4_request, …`
    let scope = text("authorization").and_then(|value| value.split_once("Credential=")).map_or("", |(_, rest)| rest);
    let mut scope = scope.split(['/', ',']);
    let (key, service) = (scope.next().unwrap_or_default(), scope.nth(2).unwrap_or_default());
    Call {
        at: SystemTime::now(),
        caller: names.get(key).map_or(key, String::as_str).to_owned(),
        service: service.to_owned(),
        operation: text("x-amz-target")
            .and_then(|target| target.rsplit('.').next())
            .map_or_else(|| format!("{} {}", head.method, head.uri.path()), str::to_owned),
        body: body.clone(),
        status: 0,
        answer: Bytes::new(),
    }
}

/// The server behind a tap, with connections that are kept.
struct Upstream {
    authority: axum::http::uri::Authority,
    client: Client<HttpConnector, Body>,
}

impl Upstream {
    fn new(authority: &str) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // Shorter than the emulator keeps them, so that none is used while it is being closed.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(connector);
        Ok(Self { authority: authority.parse()?, client })
    }

    /// The whole answer; `None` if there is none, as when the upstream does not run.
    async fn pass(&self, mut head: request::Parts, body: Bytes) -> Option<(response::Parts, Bytes)> {
        let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        head.uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path).build().ok()?;
        per_connection(&mut head.headers);
        let response = self.client.request(Request::from_parts(head, Body::from(body))).await.ok()?;
        let (mut head, body) = response.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await.ok()?;
        per_connection(&mut head.headers);
        // Set anew from the body, which may have been changed.
        head.headers.remove(header::CONTENT_LENGTH);
        Some((head, body))
    }
}

/// Removes the headers that are about one connection (RFC 9110, 7.6.1).
fn per_connection(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE, header::TRAILER] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

/// A value that a server's tasks and its owner share. No code panics while it holds the lock.
struct Shared<T>(RwLock<T>);

impl<T> Shared<T> {
    fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, write: impl FnOnce(&mut T) -> R) -> R {
        write(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}
