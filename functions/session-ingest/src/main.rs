//! `POST /irma/result/{id}`: the IRMA server says that a session ended, and its result is taken in.
//!
//! This takes two invocations. The IRMA server makes the result available only after its callback was answered (irmago,
//! `setStatus`: the callback is part of the update), and makes the wallet wait until then. So the callback is answered at
//! once, and the function invokes itself to fetch the result. What it passes itself is the record id and nothing else.
//!
//! The callback's body holds the result too, but anyone could have sent it: it is not read.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use lambda_http::Request;
use serde::{Deserialize, Serialize};
use shared::answer::Answer;
use shared::clock::now;
use shared::config::{Aws, CannotStart, variable};
use shared::ingest::Ingest;
use shared::problem::Problem;
use shared::record_id::RecordId;
use shared::records::NotPending;
use shared::request::path_parameter;
use shared::run::{self, RunFailed};

/// How long to wait before the result is fetched again, while the IRMA server says that the session goes on: it may
/// not have noticed yet that we answered.
const WAITS: [Duration; 7] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

struct State {
    ingest: Ingest,
    lambda: aws_sdk_lambda::Client,
    /// This function.
    function: String,
}

/// What the function passes itself.
#[derive(Deserialize, Serialize)]
struct Event {
    record: String,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment()?;
        Ok(Self {
            ingest: Ingest::load(&aws).await?,
            lambda: aws_sdk_lambda::Client::new(aws.sdk_config()),
            function: variable("AWS_LAMBDA_FUNCTION_NAME")?,
        })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    // The IRMA server appends a slash to the address it was given.
    let id: RecordId = path_parameter(&request, "proxy").trim_end_matches('/').parse().map_err(|_| Problem::UnknownRecord)?;
    match state.ingest.records().pending(&id, now()).await? {
        Err(NotPending::NoRecord) => return Err(Problem::UnknownRecord),
        Err(NotPending::Ended) => {}
        Ok(_) => take_in_later(&state, &id).await?,
    }
    Ok(Answer::no_content())
}

async fn take_in_later(state: &State, id: &RecordId) -> Result<(), Problem> {
    let event = serde_json::to_vec(&Event { record: id.to_string() }).map_err(|_| Problem::Internal)?;
    let invocation = state.lambda.invoke().function_name(&state.function).invocation_type(InvocationType::Event);
    invocation.payload(Blob::new(event)).send().await.map(|_| ()).map_err(|error| {
        // Nothing is lost: session-reconcile finds it within two minutes.
        tracing::error!(code = error.code(), "Lambda Invoke failed");
        Problem::Unavailable
    })
}

async fn handle_event(state: Arc<State>, event: Event) -> Result<(), RunFailed> {
    let id = event.record.parse().map_err(|_| {
        tracing::error!("what the function passed itself names no record");
        RunFailed
    })?;
    state.ingest.ingest(&id, &WAITS).await.map(|_| ()).map_err(|_| RunFailed)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http_and_direct(handle, "record", handle_event).await
}
