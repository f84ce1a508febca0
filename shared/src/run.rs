//! Running a function on Lambda: what it needs is made once, before the first event; no panic and no error text reaches
//! a caller.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;

use aws_lambda_events::connect::ConnectEvent;
use futures_util::FutureExt;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::request::LambdaRequest;
use lambda_http::{Request, Response};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::Answer;
use crate::config::CannotStart;
use crate::connect::Outcome;
use crate::logging;
use crate::problem::Problem;

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
    let state = match load::<S>().await {
        Ok(state) => state,
        Err(code) => return code,
    };
    let service = service_fn(move |request| {
        let answer = answer(handle(Arc::clone(&state), request));
        async { Ok::<_, Error>(Response::<String>::from(answer.await)) }
    });
    ended(&lambda_http::run(service).await)
}

/// Runs a function that API Gateway calls, and that is invoked directly as well. A direct event has the member `mark`,
/// which an API Gateway request never has. What can't be read, and a panic, is answered with `failed`.
pub async fn http_and_direct<S, F, E, G, T>(
    handle: fn(Arc<S>, Request) -> F,
    mark: &'static str,
    handle_direct: fn(Arc<S>, E) -> G,
    failed: fn() -> Result<T, RunFailed>,
) -> ExitCode
where
    S: State,
    F: Future<Output = Result<Answer, Problem>> + Send + 'static,
    E: DeserializeOwned + Send + 'static,
    G: Future<Output = Result<T, RunFailed>> + Send + 'static,
    T: Serialize + Send + 'static,
{
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Either<T> {
        Http(Box<ApiGatewayV2httpResponse>),
        Direct(T),
    }
    let state = match load::<S>().await {
        Ok(state) => state,
        Err(code) => return code,
    };
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let state = Arc::clone(&state);
        async move {
            if event.payload.get(mark).is_some() {
                let outcome = match serde_json::from_value(event.payload) {
                    Ok(event) => caught(handle_direct(state, event)).await.unwrap_or_else(failed),
                    Err(_) => failed(),
                };
                return outcome.map(Either::Direct).map_err(|RunFailed| run_failed());
            }
            let request: LambdaRequest = serde_json::from_value(event.payload)
                .map_err(|_| Error::from("the event is neither API Gateway's nor one that this function knows"))?;
            let answer = answer(handle(state, request.into())).await;
            Ok::<_, Error>(Either::Http(Box::new(answer.into())))
        }
    });
    ended(&lambda_runtime::run(service).await)
}

/// Runs a function that API Gateway calls, and Amazon Connect as well.
pub async fn http_and_connect<S, F, G>(
    handle: fn(Arc<S>, Request) -> F,
    handle_connect: fn(Arc<S>, ConnectEvent) -> G,
) -> ExitCode
where
    S: State,
    F: Future<Output = Result<Answer, Problem>> + Send + 'static,
    G: Future<Output = Result<Outcome, RunFailed>> + Send + 'static,
{
    http_and_direct(handle, "Details", handle_connect, || Ok(Outcome::unavailable())).await
}

/// Runs a function that a schedule invokes. A run that fails is an error of the function, so that its alarm sees it.
pub async fn schedule<S, F>(handle: fn(Arc<S>) -> F) -> ExitCode
where
    S: State,
    F: Future<Output = Result<(), RunFailed>> + Send + 'static,
{
    let state = match load::<S>().await {
        Ok(state) => state,
        Err(code) => return code,
    };
    let service = service_fn(move |_: LambdaEvent<Value>| {
        let run = caught(handle(Arc::clone(&state)));
        async { run.await.unwrap_or(Err(RunFailed)).map_err(|RunFailed| run_failed()) }
    });
    ended(&lambda_runtime::run(service).await)
}

/// A scheduled run did not do all it had to. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunFailed;

fn run_failed() -> Error {
    Error::from("the run failed: see the log")
}

async fn load<S: State>() -> Result<Arc<S>, ExitCode> {
    logging::init();
    S::load().await.map(Arc::new).map_err(|reason| {
        tracing::error!(%reason, "the function can't start");
        ExitCode::FAILURE
    })
}

async fn answer(handling: impl Future<Output = Result<Answer, Problem>>) -> Answer {
    caught(handling).await.unwrap_or(Err(Problem::Internal)).unwrap_or_else(Answer::from)
}

/// Awaits `handling`; `None` if it panics. The panic hook has logged the place.
async fn caught<T>(handling: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(handling).catch_unwind().await.ok()
}

fn ended(result: &Result<(), Error>) -> ExitCode {
    if result.is_ok() {
        return ExitCode::SUCCESS;
    }
    tracing::error!("the Lambda runtime ended");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use lambda_http::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_panic_reaches_no_caller() {
        let answer = answer(async { panic!("what a citizen disclosed") }).await;
        let response = Response::<String>::from(answer);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.body().contains("urn:idbellen:problem:internal"));
        assert!(!response.body().contains("disclosed"));
    }
}
