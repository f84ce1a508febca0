//! Running a function on Lambda: what it needs is made once, before the first event; no panic and no error text reaches
//! a caller.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::FutureExt;
use lambda_http::Request;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::HeaderName;
use lambda_http::request::LambdaRequest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::config::CannotStart;
use crate::connect::{ConnectEvent, Outcome};
use crate::logging;
use crate::problem::Problem;
use crate::request::READ_HEADERS;

// cargo-lambda builds so unless the profile says otherwise.
#[cfg(panic = "abort")]
compile_error!("a panic must end one event, and not all that run beside it: build with panic = \"unwind\"");

/// What a function keeps between events.
pub trait State: Send + Sync + Sized + 'static {
    /// Reads the configuration and makes the clients.
    fn load() -> impl Future<Output = Result<Self, CannotStart>> + Send;
}

/// Runs a function that API Gateway calls.
pub async fn http<S, F>(handle: fn(Arc<S>, Request) -> F) -> ExitCode
where
    S: State,
    F: Future<Output = Result<Answer, Problem>> + Send + 'static,
{
    run(async move |state: Arc<S>, event: Box<RawValue>| {
        Ok::<_, Error>(answer(event.get(), |request| handle(state, request)).await)
    })
    .await
}

/// Runs a function that API Gateway calls, and that invokes itself as well. Its own event has the member `member`, which an
/// API Gateway request never has. What can't be read, and a panic, is a failed run.
///
/// The body of an API Gateway request is dropped unread: the one of the IRMA server's callback holds what was disclosed.
pub async fn http_and_direct<S, F, E, G>(
    handle: fn(Arc<S>, Request) -> F,
    member: &'static str,
    handle_direct: fn(Arc<S>, E) -> G,
) -> ExitCode
where
    S: State,
    F: Future<Output = Result<Answer, Problem>> + Send + 'static,
    E: DeserializeOwned + Send + 'static,
    G: Future<Output = Result<(), RunFailed>> + Send + 'static,
{
    run(async move |state: Arc<S>, event: Box<RawValue>| {
        if has_member(&event, member) {
            return direct(&event, |event| handle_direct(state, event)).await;
        }
        let event = without_body(&event)?;
        Ok(Done::Http(Box::new(answer(&event, |request| handle(state, request)).await)))
    })
    .await
}

/// Runs a function that API Gateway calls, and Amazon Connect as well.
pub async fn http_and_connect<S, F, G>(
    handle: fn(Arc<S>, Request) -> F,
    handle_connect: fn(Arc<S>, ConnectEvent) -> G,
) -> ExitCode
where
    S: State,
    F: Future<Output = Result<Answer, Problem>> + Send + 'static,
    G: Future<Output = Outcome> + Send + 'static,
{
    run(async move |state: Arc<S>, event: Box<RawValue>| {
        Ok::<_, Error>(if has_member(&event, CONNECT) {
            connect(&event, |event| handle_connect(state, event)).await
        } else {
            Done::Http(Box::new(answer(event.get(), |request| handle(state, request)).await))
        })
    })
    .await
}

/// Runs a function that API Gateway and Amazon Connect call, and that invokes itself as well, as in [`http_and_direct`].
pub async fn http_connect_and_direct<S, F, G, E, H>(
    handle: fn(Arc<S>, Request) -> F,
    handle_connect: fn(Arc<S>, ConnectEvent) -> G,
    member: &'static str,
    handle_direct: fn(Arc<S>, E) -> H,
) -> ExitCode
where
    S: State,
    F: Future<Output = Result<Answer, Problem>> + Send + 'static,
    G: Future<Output = Outcome> + Send + 'static,
    E: DeserializeOwned + Send + 'static,
    H: Future<Output = Result<(), RunFailed>> + Send + 'static,
{
    run(async move |state: Arc<S>, event: Box<RawValue>| {
        let members = members(&event);
        if members.contains_key(CONNECT) {
            return Ok(connect(&event, |event| handle_connect(state, event)).await);
        }
        if members.contains_key(member) {
            return direct(&event, |event| handle_direct(state, event)).await;
        }
        Ok(Done::Http(Box::new(answer(event.get(), |request| handle(state, request)).await)))
    })
    .await
}

/// What a function answers, by who invoked it.
#[derive(Serialize)]
#[serde(untagged)]
enum Done {
    Http(Box<ApiGatewayV2httpResponse>),
    Connect(Outcome),
    Direct,
}

/// The member that an event of Amazon Connect has, and no other.
const CONNECT: &str = "Details";

fn has_member(event: &RawValue, name: &str) -> bool {
    members(event).contains_key(name)
}

/// The members of an event, unread; none if it is no object.
fn members(event: &RawValue) -> BTreeMap<Cow<'_, str>, &RawValue> {
    serde_json::from_str(event.get()).unwrap_or_default()
}

/// An event without the body of its request, of which nothing is copied.
fn without_body(event: &RawValue) -> serde_json::Result<String> {
    let mut members = members(event);
    members.remove("body");
    serde_json::to_string(&members)
}

async fn connect<F: Future<Output = Outcome>>(event: &RawValue, handle: impl FnOnce(ConnectEvent) -> F) -> Done {
    let outcome = match serde_json::from_str(event.get()) {
        Ok(event) => caught(handle(event)).await,
        Err(_) => None,
    };
    Done::Connect(outcome.unwrap_or_else(Outcome::unavailable))
}

async fn direct<E, F>(event: &RawValue, handle: impl FnOnce(E) -> F) -> Result<Done, Error>
where
    E: DeserializeOwned,
    F: Future<Output = Result<(), RunFailed>>,
{
    let done = if let Ok(event) = serde_json::from_str(event.get()) {
        caught(handle(event)).await.unwrap_or(Err(RunFailed))
    } else {
        tracing::error!("the event with which the function invokes itself can't be read");
        Err(RunFailed)
    };
    done.map(|()| Done::Direct).map_err(|RunFailed| run_failed())
}

/// Runs a function that a schedule invokes. A run that fails is an error of the function, and counts in its metric `Errors`.
pub async fn schedule<S, F>(handle: fn(Arc<S>) -> F) -> ExitCode
where
    S: State,
    F: Future<Output = Result<(), RunFailed>> + Send + 'static,
{
    run(async move |state: Arc<S>, _: Box<RawValue>| {
        caught(handle(state)).await.unwrap_or(Err(RunFailed)).map_err(|RunFailed| run_failed())
    })
    .await
}

/// A run that a schedule, or a function, invoked did not do all it had to. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunFailed;

fn run_failed() -> Error {
    Error::from("the run failed: see the log")
}

/// Makes the state and takes events until the environment ends.
async fn run<S, F, T>(handle: F) -> ExitCode
where
    S: State,
    F: AsyncFn(Arc<S>, Box<RawValue>) -> Result<T, Error>,
    T: Serialize,
{
    logging::init();
    let state = match S::load().await {
        Ok(state) => Arc::new(state),
        Err(reason) => {
            tracing::error!(%reason, "the function can't start");
            return ExitCode::FAILURE;
        }
    };
    let service = service_fn(async |event: LambdaEvent<Box<RawValue>>| handle(Arc::clone(&state), event.payload).await);
    if lambda_runtime::run(service).await.is_ok() {
        return ExitCode::SUCCESS;
    }
    tracing::error!("the Lambda runtime ended");
    ExitCode::FAILURE
}

/// Answers an API Gateway request, also one that can't be read.
async fn answer<F>(event: &str, handle: impl FnOnce(Request) -> F) -> ApiGatewayV2httpResponse
where
    F: Future<Output = Result<Answer, Problem>>,
{
    let handling = async { handle(request(event)?).await };
    caught(handling).await.unwrap_or(Err(Problem::Internal)).unwrap_or_else(Answer::from).into()
}

/// Reads an API Gateway request. Of its headers, path and query only what is used is kept: `lambda_http` makes a URI of
/// them, and panics on some that API Gateway lets through.
fn request(event: &str) -> Result<Request, Problem> {
    const SHAPE: &str = "The request's headers are not valid.";
    let mut request: ApiGatewayV2httpRequest = serde_json::from_str(event).map_err(|_| Problem::InvalidBody(SHAPE))?;
    let read = READ_HEADERS.iter().filter_map(|name| Some((HeaderName::from_static(name), request.headers.get(*name)?.clone())));
    request.headers = read.collect();
    request.raw_path = None;
    request.raw_query_string = None;
    request.query_string_parameters = QueryMap::default();
    request.cookies = None;
    Ok(LambdaRequest::ApiGatewayV2(request).into())
}

/// Awaits `handling`; `None` if it panics. The panic hook has logged the place.
async fn caught<T>(handling: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(handling).catch_unwind().await.ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::request::SITE_HEADER;

    fn event(changes: &Value) -> String {
        let mut event = json!({
            "version": "2.0", "routeKey": "POST /x", "rawPath": "/x", "rawQueryString": "",
            "headers": {"content-type": "application/json", "host": "api.example.nl"},
            "requestContext": {"http": {"method": "POST", "path": "/x"}, "domainName": "api.example.nl", "routeKey": "POST /x"},
            "body": "{}", "isBase64Encoded": false,
        });
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        event.to_string()
    }

    async fn no_content(_: Request) -> Result<Answer, Problem> {
        Ok(Answer::no_content())
    }

    // The IRMA server's callback holds what was disclosed.
    #[tokio::test]
    async fn a_body_that_nobody_reads_is_not_read_at_all() {
        let whole = event(&json!({"body": "what a citizen disclosed"}));
        let event = without_body(&RawValue::from_string(whole).unwrap()).unwrap();
        assert!(!event.contains("what a citizen disclosed"));
        let response = answer(&event, async |request: Request| {
            assert!(request.body().is_empty() && crate::request::route(&request).as_deref() == Some("POST /x"));
            no_content(request).await
        });
        assert_eq!(response.await.status_code, 204);
    }

    #[tokio::test]
    async fn only_headers_that_are_read_reach_a_function() {
        let sent = json!({"headers": {"content-type": "text/plain", SITE_HEADER: "secret", "authorization": "token", "x": "y"}});
        let event = event(&sent);
        let response = answer(&event, async |request: Request| {
            let mut names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["content-type", SITE_HEADER]);
            assert_eq!(request.headers()[SITE_HEADER], "secret");
            no_content(request).await
        });
        assert_eq!(response.await.status_code, 204);
    }

    #[tokio::test]
    async fn a_panic_reaches_no_caller() {
        let response = answer(&event(&json!({})), async |_| panic!("what a citizen disclosed")).await;
        let body = format!("{:?}", response.body);
        assert_eq!(response.status_code, 500);
        assert!(body.contains("urn:idbellen:problem:internal") && !body.contains("disclosed"), "{body}");
    }

    #[tokio::test]
    async fn nothing_in_a_request_makes_its_reading_panic() {
        for changes in [
            json!({"rawQueryString": "a=<b>"}),
            json!({"rawQueryString": "a=\" b"}),
            json!({"rawQueryString": "a".repeat(70_000)}),
            json!({"rawPath": "/<\u{0}>"}),
            json!({"headers": {"x-forwarded-proto": "http, https", "host": "a b"}}),
        ] {
            assert_eq!(answer(&event(&changes), no_content).await.status_code, 204, "{changes}");
        }
        assert_eq!(answer(&event(&json!({"headers": {"x": "\n"}})), no_content).await.status_code, 400);
        assert_eq!(answer("{}", no_content).await.status_code, 400);
    }
}
