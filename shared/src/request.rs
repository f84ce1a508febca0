//! Requests: reading what a caller sent, and refusing it without repeating it.

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The header that `CloudFront` puts on what it passes on from the citizen's site. It replaces one that a browser sent (AWS, "Add
/// custom headers to origin requests").
pub const SITE_HEADER: &str = "x-idbellen-site";

/// The headers that the functions read; no other reaches them.
pub(crate) const READ_HEADERS: [&str; 2] = ["content-type", SITE_HEADER];

/// No body that we read is larger, in bytes.
const LARGEST_BODY: usize = 4096;

/// Reads a JSON body. `shape` says what it must be, for the one who sent something else.
pub fn read_body<T: DeserializeOwned>(request: &Request, shape: &'static str) -> Result<T, Problem> {
    let body: &[u8] = request.body().as_ref();
    if body.len() > LARGEST_BODY {
        return Err(Problem::BodyTooLarge);
    }
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Problem::NotJson);
    }
    // A list would be read as well, its items taken for the members in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::InvalidBody(shape));
    }
    serde_json::from_slice(body).map_err(|_| Problem::InvalidBody(shape))
}

/// The value of the path parameter `name`.
#[must_use]
pub fn path_parameter(request: &Request, name: &str) -> String {
    request.path_parameters().first(name).unwrap_or_default().to_owned()
}

/// What API Gateway says of the request.
pub(crate) fn context(request: &Request) -> Option<ApiGatewayV2httpRequestContext> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => Some(context.clone()),
        _ => None,
    }
}

/// The domain on which API Gateway took the request.
#[must_use]
pub fn domain(request: &Request) -> Option<String> {
    context(request)?.domain_name
}

/// The subject of the agent's token, its claim `sub`.
#[must_use]
pub fn subject(request: &Request) -> Option<String> {
    context(request)?.authorizer?.jwt?.claims.remove("sub")
}

/// The route that API Gateway chose, as `POST /path`.
#[must_use]
pub fn route(request: &Request) -> Option<String> {
    context(request)?.route_key
}
