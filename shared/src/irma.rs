//! The IRMA server that the municipality runs (`irma server` of privacybydesign/irmago), as a requestor sees it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::config::CannotStart;
use crate::tls;

/// The token by which the IRMA server knows ID-bellen: 16 to 256 visible ASCII characters.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RequestorToken(String);

/// The token of one IRMA session. Whoever has it and can reach the IRMA server can fetch the session's result.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SessionToken(String);

/// The text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidToken;

/// Where an IRMA server listens: `https://…`, or `http://127.0.0.1:PORT` on a developer's machine.
pub struct ServerUrl(Url);

/// The text is not such a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidServerUrl;

/// A client of one IRMA server.
pub struct IrmaServer {
    http: Client,
    url: Url,
}

/// A session that the IRMA server started.
pub struct StartedSession {
    /// By which its result is fetched.
    pub token: SessionToken,
    /// What the wallet needs, as the IRMA server gave it.
    pub session_ptr: Box<RawValue>,
    /// What the page needs to follow the session, as the IRMA server gave it.
    pub frontend_request: Box<RawValue>,
}

/// What went wrong between us and the IRMA server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrmaError {
    /// It can't be reached, or did not answer in time.
    Unreachable,
    /// It does not accept the requestor token.
    Refused,
    /// It does not know the session, or not any more.
    UnknownSession,
    /// It answered with this status.
    Status(u16),
    /// Its answer is not what the protocol says.
    Nonsense,
    /// Its answer is larger than a megabyte.
    TooLarge,
}

impl FromStr for RequestorToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let valid = (16..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidToken) }
    }
}

impl FromStr for SessionToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let valid = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidToken) }
    }
}

impl SessionToken {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidServerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidServerUrl> {
        let mut url = Url::parse(text).map_err(|_| InvalidServerUrl)?;
        let local = url.scheme() == "http" && url.host_str() == Some("127.0.0.1");
        let login = !url.username().is_empty() || url.password().is_some();
        if !(local || url.scheme() == "https") || login || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidServerUrl);
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl IrmaServer {
    const CONNECT: Duration = Duration::from_secs(1);
    /// A session request is refused, or answered, in milliseconds.
    const IN_ALL: Duration = Duration::from_secs(3);
    /// When the server times a session out that no wallet opened, should ID-bellen not have ended it before
    /// ([`OPEN_WITHIN`](crate::ingest::OPEN_WITHIN)). Not less than it remembers a result (`session_result_lifetime`): it would
    /// call back every ten seconds for the time between (irmago v1.3.0, `deleteExpired`, tried).
    const TIMEOUT: Duration = Duration::from_mins(5);
    /// In bytes. A result can be some hundred kilobytes: a photo, in each language.
    const LARGEST_ANSWER: usize = 1024 * 1024;

    /// A client of the server at `url`.
    pub fn new(ServerUrl(url): ServerUrl) -> Result<Self, CannotStart> {
        let http = tls::http_client()
            .connect_timeout(Self::CONNECT)
            .timeout(Self::IN_ALL)
            .build()
            .map_err(|_| CannotStart::because("the HTTP client for the IRMA server can't be made"))?;
        Ok(Self { http, url })
    }

    /// Starts a disclosure session for `condiscon`. When it ends, the server posts to `callback_url`; after a success
    /// the wallet opens `return_url`. Not repeated: a second session would be one too many.
    pub async fn start(
        &self,
        token: &RequestorToken,
        condiscon: &Value,
        callback_url: &str,
        return_url: &str,
    ) -> Result<StartedSession, IrmaError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            token: String,
            session_ptr: Box<RawValue>,
            frontend_request: Box<RawValue>,
        }
        let request = json!({
            "request": {
                "@context": "https://irma.app/ld/request/disclosure/v2",
                "disclose": condiscon,
                "clientReturnUrl": return_url,
            },
            "callbackUrl": callback_url,
            "timeout": Self::TIMEOUT.as_secs(),
        });
        let mut authorization = HeaderValue::from_str(&token.0).map_err(|_| IrmaError::Refused)?;
        authorization.set_sensitive(true);
        let url = self.url.join("session").map_err(|_| IrmaError::Nonsense)?;
        let response = self.http.post(url).header(AUTHORIZATION, authorization).json(&request).send().await;
        let body = read(response).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| IrmaError::Nonsense)?;
        let token = answer.token.parse().map_err(|_| IrmaError::Nonsense)?;
        Ok(StartedSession { token, session_ptr: answer.session_ptr, frontend_request: answer.frontend_request })
    }

    /// The result of a session as a JWT, not yet checked. Repeated once where the server was not reached.
    pub async fn result(&self, token: &SessionToken) -> Result<Zeroizing<String>, IrmaError> {
        let body = match self.on_session(Method::GET, token, "result-jwt").await {
            Err(IrmaError::Unreachable) => self.on_session(Method::GET, token, "result-jwt").await?,
            answer => answer?,
        };
        str::from_utf8(&body).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| IrmaError::Nonsense)
    }

    /// Cancels a session that was started for nothing, or that no wallet opened.
    pub async fn cancel(&self, token: &SessionToken) -> Result<(), IrmaError> {
        self.on_session(Method::DELETE, token, "").await.map(|_| ())
    }

    async fn on_session(&self, method: Method, token: &SessionToken, what: &str) -> Result<Zeroizing<Vec<u8>>, IrmaError> {
        let mut url = self.url.clone();
        url.path_segments_mut().map_err(|()| IrmaError::Nonsense)?.pop_if_empty().extend(["session", token.as_str()]);
        if !what.is_empty() {
            url.path_segments_mut().map_err(|()| IrmaError::Nonsense)?.push(what);
        }
        read(self.http.request(method, url).send().await).await
    }
}

/// Reads an answer up to [`IrmaServer::LARGEST_ANSWER`]. Nothing of it ever becomes part of an error.
async fn read(response: Result<Response, reqwest::Error>) -> Result<Zeroizing<Vec<u8>>, IrmaError> {
    #[derive(Deserialize)]
    struct Failure {
        error: String,
    }
    let mut response = response.map_err(|_| IrmaError::Unreachable)?;
    let status = response.status();
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(|_| IrmaError::Unreachable)? {
        if body.len() + chunk.len() > IrmaServer::LARGEST_ANSWER {
            return Err(IrmaError::TooLarge);
        }
        append(&mut body, &chunk);
    }
    if status.is_success() {
        return Ok(body);
    }
    let failure = serde_json::from_slice::<Failure>(&body).map(|failure| failure.error).unwrap_or_default();
    Err(match (status, failure.as_str()) {
        (_, "SESSION_UNKNOWN") => IrmaError::UnknownSession,
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => IrmaError::Refused,
        // A load balancer says so of the server behind it.
        (StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT, _) => IrmaError::Unreachable,
        _ => IrmaError::Status(status.as_u16()),
    })
}

/// Appends, and wipes what becomes too small for it.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let whole = body.len() + chunk.len();
    if body.capacity() < whole {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * whole));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

impl fmt::Display for IrmaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => formatter.write_str("the IRMA server can't be reached"),
            Self::Refused => formatter.write_str("the IRMA server does not accept the requestor token"),
            Self::UnknownSession => formatter.write_str("the IRMA server does not know the session"),
            Self::Status(status) => write!(formatter, "the IRMA server answered with status {status}"),
            Self::Nonsense => formatter.write_str("the IRMA server's answer is not what its protocol says"),
            Self::TooLarge => formatter.write_str("the IRMA server's answer is larger than a megabyte"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine_is_a_server_url() {
        for url in ["https://irma.example.nl", "https://irma.example.nl/base/", "http://127.0.0.1:8088"] {
            assert!(url.parse::<ServerUrl>().is_ok(), "{url}");
        }
        for url in [
            "http://irma.example.nl",
            "http://127.0.0.1.example.nl",
            "ftp://127.0.0.1",
            "irma.example.nl",
            "",
            "https://irma.example.nl/?x",
            "https://user:word@irma.example.nl",
        ] {
            assert!(url.parse::<ServerUrl>().is_err(), "{url}");
        }
    }
}
