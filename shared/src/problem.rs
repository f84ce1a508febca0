//! Problems: what a caller is told when something is not right (RFC 9457, `application/problem+json`).
//!
//! A problem never holds what the caller sent, nor anything of a citizen.

use lambda_http::http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::codes::DatabaseUnavailable;
use crate::purpose::OpeningHours;

/// What is not right, and what to do about it.
#[derive(Clone, Debug)]
pub enum Problem {
    /// The body is not what the route takes. The text says what it must be.
    InvalidBody(&'static str),
    /// The body is larger than 4 KB.
    BodyTooLarge,
    /// The body is not sent as `application/json`.
    NotJson,
    /// The API takes citizens' requests through the citizen's site only, and this one came another way.
    NotThroughTheSite,
    /// The route is telephony's, and someone else signed the request.
    Forbidden,
    /// There is no purpose with this name to start a session for.
    UnknownPurpose,
    /// There is no purpose with this name to show.
    NoSuchPurpose,
    /// The purpose is closed now.
    Closed(Box<OpeningHours>),
    /// The code was never given, was used by another contact, or has expired.
    UnknownCode,
    /// There is no record for this secret: it is wrong, cleared or expired.
    UnknownSecret,
    /// There is no record with this id.
    UnknownRecord,
    /// The IRMA server can't be reached, or refused us.
    IrmaUnavailable,
    /// The database, the key service or Parameter Store can't be reached.
    Unavailable,
    /// Something that should not happen did.
    Internal,
}

impl Problem {
    /// Status, stable last part of `type`, title, and what to do.
    fn terms(&self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::InvalidBody(detail) => (StatusCode::BAD_REQUEST, "invalid-body", "The body is not valid", detail),
            Self::BodyTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large", "Send at most 4096 bytes.")
            }
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "The body is not sent as JSON",
                "Send the body with Content-Type: application/json.",
            ),
            Self::NotThroughTheSite => (
                StatusCode::FORBIDDEN,
                "not-through-the-site",
                "The request did not come through the citizen's page",
                "Use the page, or the address that the page has.",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "This route is for telephony",
                "Sign the request with the role that the stack makes for telephony.",
            ),
            Self::UnknownPurpose => (
                StatusCode::BAD_REQUEST,
                "unknown-purpose",
                "There is no such purpose",
                "Use the name of a purpose that the municipality has put in place.",
            ),
            Self::NoSuchPurpose => (
                StatusCode::NOT_FOUND,
                "unknown-purpose",
                "There is no such purpose",
                "Use the name of a purpose that the municipality has put in place.",
            ),
            Self::Closed(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "closed",
                "The municipality does not answer this number now",
                "Try again within the opening hours.",
            ),
            Self::UnknownCode => (
                StatusCode::NOT_FOUND,
                "unknown-code",
                "There is no secret for this code",
                "The code was never given, was used by another contact, or has expired. Treat the caller as not identified.",
            ),
            Self::UnknownSecret => (
                StatusCode::NOT_FOUND,
                "unknown-secret",
                "There is no caller for this secret",
                "The secret is wrong, the contact was cleared, or its time has passed. Treat the caller as not identified.",
            ),
            Self::UnknownRecord => (
                StatusCode::NOT_FOUND,
                "unknown-record",
                "There is no such session",
                "The session was never started, was cleared, or has expired. There is nothing to do.",
            ),
            Self::IrmaUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "irma-unavailable",
                "The IRMA server can't be reached",
                "Try again in a minute, or call without ID-bellen.",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "ID-bellen is out of order",
                "Try again in a minute, or go on without ID-bellen.",
            ),
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "ID-bellen failed", "Try again, or go on without ID-bellen.")
            }
        }
    }
}

impl From<DatabaseUnavailable> for Problem {
    fn from(_: DatabaseUnavailable) -> Self {
        Self::Unavailable
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let (status, name, title, detail) = problem.terms();
        let mut body = json!({
            "type": format!("urn:idbellen:problem:{name}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
        });
        if let (Problem::Closed(hours), Value::Object(members)) = (&problem, &mut body) {
            members.insert("openingHours".to_owned(), serde_json::to_value(hours).unwrap_or_default());
        }
        Self::problem(status, body.to_string())
    }
}
