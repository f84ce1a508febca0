//! The least that calling AWS can cost: the Lambda runtime, an HTTP client, and Signature Version 4. An event is the calls
//! to make, one after the other; the answer is what the last one answered.

use std::process::ExitCode;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_http::http::Request;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;

/// One call.
#[derive(Deserialize)]
struct Call {
    /// The service's name in a signature, as `dynamodb`.
    service: String,
    /// The operation, as it stands in the header `X-Amz-Target`.
    target: String,
    /// The endpoint, as `http://127.0.0.1:8000/`.
    url: String,
    content_type: String,
    /// What is posted.
    body: String,
}

struct Aws {
    client: Client<HttpConnector, Full<Bytes>>,
    credentials: Credentials,
    region: String,
}

impl Aws {
    fn from_environment() -> Result<Self, Error> {
        let variable = std::env::var;
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID")?,
            variable("AWS_SECRET_ACCESS_KEY")?,
            variable("AWS_SESSION_TOKEN").ok(),
            None,
            "environment",
        );
        Ok(Self { client: Client::builder(TokioExecutor::new()).build_http(), credentials, region: variable("AWS_REGION")? })
    }
}

async fn handle(aws: &Aws, calls: Vec<Call>) -> Result<Value, Error> {
    let mut answer = Value::Null;
    for call in calls {
        answer = make(aws, call).await?;
    }
    Ok(answer)
}

async fn make(aws: &Aws, call: Call) -> Result<Value, Error> {
    let headers = [("content-type", call.content_type.as_str()), ("x-amz-target", &call.target)];
    let identity = aws.credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(&aws.region)
        .name(&call.service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let signable = SignableRequest::new("POST", &call.url, headers.into_iter(), SignableBody::Bytes(call.body.as_bytes()))?;
    let (signature, _) = sign(signable, &parameters)?.into_parts();
    let mut request = Request::post(&call.url);
    for (name, value) in headers.into_iter().chain(signature.headers()) {
        request = request.header(name, value);
    }
    let response = aws.client.request(request.body(Full::from(call.body))?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        return Err(format!("status {status}").into());
    }
    Ok(serde_json::from_slice(&body)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Ok(aws) = Aws::from_environment() else { return ExitCode::FAILURE };
    let service = service_fn(async |event: LambdaEvent<Vec<Call>>| handle(&aws, event.payload).await);
    match lambda_runtime::run(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
