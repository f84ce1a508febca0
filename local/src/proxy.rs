//! Two reverse proxies before the AWS emulator: the [`FrontDoor`] for callers of the API, and the [`WireTap`] that sees
//! each call a function makes to AWS.
//!
//! Both pass on method, path, query, headers and body as they came, because a signature covers them (AWS, "Create a
//! signed AWS API request").

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header, request};
use axum::response::IntoResponse as _;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::server::Server;

/// The address at which the API of the deployed stack is called, as its own domain would be on AWS. The emulator wants
/// to see the API's id in the `Host` header, which neither a browser nor the IRMA server can be told to send.
pub struct FrontDoor {
    server: Server,
    host: Shared<Option<HeaderValue>>,
}

impl FrontDoor {
    /// Opens on `port`, or a free one, to the emulator at `upstream` (`127.0.0.1:port`). Answers 503 until it knows
    /// the API.
    pub async fn open(port: u16, upstream: &str) -> Result<Self> {
        let host = Shared::<Option<HeaderValue>>::default();
        let (hosts, upstream) = (host.clone(), Upstream::new(upstream)?);
        let server = Server::start(port, move |_| {
            Router::new().fallback(async move |request: Request<Body>| {
                let Some(host) = hosts.read(Clone::clone) else {
                    return (StatusCode::SERVICE_UNAVAILABLE, "nothing is deployed yet").into_response();
                };
                let (mut head, body) = match whole(request).await {
                    Ok(whole) => whole,
                    Err(refusal) => return refusal,
                };
                head.headers.insert(header::HOST, host);
                upstream.pass(head, body).await
            })
        })
        .await?;
        Ok(Self { server, host })
    }

    /// Lets requests through to the API with this id, of the emulator on `port`.
    pub fn lead_to(&self, api_id: &str, port: u16) -> Result<()> {
        let host = api_host(api_id, port).parse().context("the API id is no host name")?;
        self.host.write(|current| *current = Some(host));
        Ok(())
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
}

/// The host name that the emulator gives an API; a signature for the API covers it.
#[must_use]
pub fn api_host(api_id: &str, port: u16) -> String {
    format!("{api_id}.execute-api.localhost:{port}")
}

/// A call of a function to AWS, as the wire tap saw it.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it came by.
    pub at: SystemTime,
    /// Who made it: the logical id of a function in the template, or the access key id of another caller.
    pub caller: String,
    /// The service as the signature names it: `dynamodb`, `kms`, `ssm`, `lambda`.
    pub service: String,
    /// `UpdateItem`, `GenerateMac`; for a service without a target header, the method and path.
    pub operation: String,
    /// What was sent.
    pub body: Bytes,
}

/// What a test has AWS answer in place of the emulator: status, and a body in the form of the service.
pub type Fault = (StatusCode, String);

type Faults = Arc<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

/// Sees, and at a test's wish spoils, each call that a function makes to AWS. Use [`WireTap::mark`] and
/// [`WireTap::calls_since`] around what a test does.
pub struct WireTap {
    server: Server,
    calls: Shared<Vec<Call>>,
    callers: Shared<HashMap<String, String>>,
    faults: Shared<Option<Faults>>,
}

impl WireTap {
    /// Listens on a free port before the emulator at `upstream` (`127.0.0.1:port`).
    pub async fn start(upstream: &str) -> Result<Self> {
        let calls = Shared::<Vec<Call>>::default();
        let callers = Shared::<HashMap<String, String>>::default();
        let faults = Shared::<Option<Faults>>::default();
        let upstream = Upstream::new(upstream)?;
        let (seen, names, spoil) = (calls.clone(), callers.clone(), faults.clone());
        let server = Server::start(0, move |_| {
            Router::new().fallback(async move |request: Request<Body>| {
                let (head, body) = match whole(request).await {
                    Ok(whole) => whole,
                    Err(refusal) => return refusal,
                };
                let call = names.read(|names| describe(&head, &body, names));
                let fault = spoil.read(Clone::clone).and_then(|fault| fault(&call));
                seen.write(|calls| calls.push(call));
                match fault {
                    Some((status, body)) => {
                        (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
                    }
                    None => upstream.pass(head, body).await,
                }
            })
        })
        .await?;
        Ok(Self { server, calls, callers, faults })
    }

    /// `http://127.0.0.1:port`, the functions' endpoint for AWS.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Tells the names of functions by their access key ids.
    pub fn name_callers(&self, names: HashMap<String, String>) {
        self.callers.write(|callers| *callers = names);
    }

    /// A point in the list of calls, for [`WireTap::calls_since`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.calls.read(Vec::len)
    }

    /// The calls that came by after `mark`, in their order.
    #[must_use]
    pub fn calls_since(&self, mark: usize) -> Vec<Call> {
        self.calls.read(|calls| calls.get(mark..).unwrap_or_default().to_vec())
    }

    /// From now on, asks `fault` about each call, whether to answer it in the emulator's place.
    pub fn inject(&self, fault: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        self.faults.write(|faults| *faults = Some(Arc::new(fault)));
    }

    /// Lets every call through again.
    pub fn heal(&self) {
        self.faults.write(|faults| *faults = None);
    }
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
    }
}

/// The emulator, with connections that are kept.
#[derive(Clone)]
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

    async fn pass(&self, mut head: request::Parts, body: Bytes) -> Response<Body> {
        let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let Ok(uri) = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path).build() else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        head.uri = uri;
        per_connection(&mut head.headers);
        match self.client.request(Request::from_parts(head, Body::from(body))).await {
            Ok(mut response) => {
                per_connection(response.headers_mut());
                response.map(Body::new)
            }
            Err(error) => (StatusCode::BAD_GATEWAY, format!("the AWS emulator does not answer: {error}")).into_response(),
        }
    }
}

/// Removes the headers that are about one connection (RFC 9110, 7.6.1).
fn per_connection(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE, header::TRAILER] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

async fn whole(request: Request<Body>) -> Result<(request::Parts, Bytes), Response<Body>> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST.into_response())?;
    Ok((head, body))
}

/// A value that a server's tasks and its owner share. No code panics while it holds the lock.
struct Shared<T>(Arc<RwLock<T>>);

impl<T> Shared<T> {
    fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, write: impl FnOnce(&mut T) -> R) -> R {
        write(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
