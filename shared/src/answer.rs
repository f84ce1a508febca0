//! Answers: what a function sends back through API Gateway.

use lambda_http::Response;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// An answer. None is ever stored on its way: `Cache-Control: no-store`.
pub struct Answer {
    status: StatusCode,
    body: Option<(&'static str, String)>,
}

impl Answer {
    /// JSON with this status.
    #[must_use]
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self { status, body: Some(("application/json", body)) },
            Err(_) => crate::problem::Problem::Internal.into(),
        }
    }

    /// `204 No Content`.
    #[must_use]
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None }
    }

    pub(crate) fn problem(status: StatusCode, body: String) -> Self {
        Self { status, body: Some(("application/problem+json", body)) }
    }
}

impl From<Answer> for Response<String> {
    fn from(answer: Answer) -> Self {
        let (content_type, body) = answer.body.map_or((None, String::new()), |(kind, body)| (Some(kind), body));
        let mut response = Self::new(body);
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        response
    }
}

/// The form in which a function that also takes Connect events answers API Gateway.
impl From<Answer> for ApiGatewayV2httpResponse {
    fn from(answer: Answer) -> Self {
        let (parts, body) = Response::<String>::from(answer).into_parts();
        let mut response = Self::default();
        response.status_code = parts.status.as_u16().into();
        response.headers = parts.headers;
        response.body = Some(body.into());
        response
    }
}
