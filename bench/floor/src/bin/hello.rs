//! The least that a function in Rust can be: the Lambda runtime, and an answer.

use std::process::ExitCode;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>("hello"))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
