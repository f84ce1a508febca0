//! The contact attributes that Amazon Connect keeps for 24 months. A flow puts the secret there, for the agent portal; it
//! is overwritten when the contact is cleared.
//!
//! It is two calls, signed here: the SDK for Amazon Connect has hundreds of operations, and is five times the code of the
//! one for DynamoDB to build.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::config::{Aws, CannotStart, optional_variable};
use crate::contact::ContactId;
use crate::record_id::RecordId;
use crate::secret::Secret;

/// The contact attribute in which the flow passes the secret on (`infra/contact-flow.json`).
const SECRET: &str = "idbellen_secret";

const TOO_MANY_REQUESTS: u16 = 429;

/// The contact attributes of one instance of Amazon Connect.
pub struct ContactAttributes {
    http: SharedHttpConnector,
    credentials: SharedCredentialsProvider,
    region: String,
    url: String,
    instance: Instance,
}

/// The id of an instance, which stands at the end of its ARN: `arn:…:connect:…:instance/{id}`.
struct Instance(String);

/// Why the secret is not overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOverwritten {
    /// Amazon Connect can't be reached, or did not answer in time.
    Unreachable,
    /// It answered with this status.
    Status(u16),
    /// There are no credentials, or nothing can be signed with them.
    Unsigned,
    /// The contact that was named does not have the secret of this record.
    Another,
}

impl FromStr for Instance {
    type Err = ();

    fn from_str(arn: &str) -> Result<Self, ()> {
        let (_, id) = arn.rsplit_once(":instance/").ok_or(())?;
        if is_id(id) { Ok(Self(id.to_owned())) } else { Err(()) }
    }
}

impl ContactAttributes {
    /// How often each call is tried in one run. Both, with all tries, end within the 10 seconds that the function has.
    const WAITS: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(800), Duration::ZERO];
    const EACH: Duration = Duration::from_secs(1);
    /// In bytes. A contact has 32 KB of attributes at most (Amazon Connect API reference, `UpdateContactAttributes`).
    const LARGEST_ANSWER: usize = 256 * 1024;

    /// Those of the instance that the variable `CONNECT_INSTANCE_ARN` names; `None` where it is empty.
    pub fn from_environment(aws: &Aws) -> Result<Option<Self>, CannotStart> {
        let Some(instance) = optional_variable("CONNECT_INSTANCE_ARN")? else { return Ok(None) };
        let because = |what| CannotStart::because(format!("the client of Amazon Connect can't be made: {what}"));
        let config = aws.sdk_config();
        let region = config.region().ok_or_else(|| because("no region"))?.to_string();
        let endpoint = config.endpoint_url().map_or_else(|| format!("https://connect.{region}.amazonaws.com"), str::to_owned);
        let url = format!("{}/contact/attributes", endpoint.trim_end_matches('/'));
        let credentials = config.credentials_provider().ok_or_else(|| because("no credentials"))?;
        Ok(Some(Self { http: aws.http(), credentials, region, url, instance }))
    }

    /// Empties the contact attribute that holds the secret, if it is the secret of this record. `contact` is the first
    /// contact of the call: a transfer gives each agent a contact of their own, and their attributes are those of the first
    /// (Amazon Connect API reference, `GetContactAttributes` and `UpdateContactAttributes`: `InitialContactId`).
    pub async fn overwrite_secret(&self, contact: &ContactId, record: &RecordId) -> Result<(), NotOverwritten> {
        let contact = contact.as_str();
        // It becomes part of a path. Amazon Connect's ids are UUIDs.
        if !is_id(contact) {
            return Err(NotOverwritten::Another);
        }
        let url = format!("{}/{}/{contact}", self.url, self.instance.0);
        let answer = self.call("GET", &url, "").await?;
        if !holds_secret_of(&answer, record) {
            return Err(NotOverwritten::Another);
        }
        let body = json!({"InitialContactId": contact, "InstanceId": self.instance.0, "Attributes": {SECRET: ""}});
        self.call("POST", &self.url, &body.to_string()).await.map(|_| ())
    }

    async fn call(&self, method: &str, url: &str, body: &str) -> Result<Zeroizing<Vec<u8>>, NotOverwritten> {
        let mut outcome = Err(NotOverwritten::Unreachable);
        for wait in Self::WAITS {
            outcome = self.call_once(method, url, body).await;
            match outcome {
                Err(NotOverwritten::Unreachable) => {}
                Err(NotOverwritten::Status(status)) if status == TOO_MANY_REQUESTS || status >= 500 => {}
                _ => break,
            }
            tokio::time::sleep(wait).await;
        }
        outcome
    }

    async fn call_once(&self, method: &str, url: &str, body: &str) -> Result<Zeroizing<Vec<u8>>, NotOverwritten> {
        let mut request = self.signed(method, url, body).await.ok_or(NotOverwritten::Unsigned)?;
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let read = async {
            let answer = self.http.call(request).await.ok()?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), Self::LARGEST_ANSWER).collect().await.ok()?;
            Some((status, Zeroizing::new(Vec::from(body.to_bytes()))))
        };
        let Ok(Some((status, body))) = tokio::time::timeout(Self::EACH, read).await else {
            // The next one is made anew: this one may be dead.
            if let Some(connection) = connection.get() {
                connection.poison();
            }
            return Err(NotOverwritten::Unreachable);
        };
        if status.is_success() { Ok(body) } else { Err(NotOverwritten::Status(status.as_u16())) }
    }

    async fn signed(&self, method: &str, url: &str, body: &str) -> Option<HttpRequest> {
        const JSON: (&str, &str) = ("content-type", "application/json");
        let identity = self.credentials.provide_credentials().await.ok()?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("connect")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        let signable = SignableRequest::new(method, url, [JSON].into_iter(), SignableBody::Bytes(body.as_bytes())).ok()?;
        let (signature, _) = sign(signable, &parameters).ok()?.into_parts();
        let mut request = HttpRequest::new(body.into());
        request.set_method(method).ok()?;
        request.set_uri(url).ok()?;
        for (name, value) in [JSON].into_iter().chain(signature.headers()) {
            request.headers_mut().try_insert(name.to_owned(), value.to_owned()).ok()?;
        }
        Some(request)
    }
}

/// Whether the attributes that Amazon Connect answered have the secret of this record.
fn holds_secret_of(answer: &[u8], record: &RecordId) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Answer {
        #[serde(rename = "Attributes")]
        attributes: Attributes,
    }
    // The others are left where they are: telephony may keep there what it likes.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Attributes {
        idbellen_secret: Zeroizing<String>,
    }
    let answer: Answer = serde_json::from_slice(answer).unwrap_or_default();
    let secret = answer.attributes.idbellen_secret.parse::<Secret>();
    secret.is_ok_and(|secret| secret.key_pairs().any(|keys| keys.record_id() == record))
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl fmt::Display for NotOverwritten {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => formatter.write_str("Amazon Connect can't be reached"),
            Self::Status(status) => write!(formatter, "Amazon Connect answered with status {status}"),
            Self::Unsigned => formatter.write_str("the request can't be signed"),
            Self::Another => formatter.write_str("the contact that was named has another secret, or none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_of_the_record_that_was_cleared_is_overwritten() {
        let (cleared, other) = (Secret::from_bytes(&[1; 32]), Secret::from_bytes(&[2; 32]));
        let answer = |secret: &str| json!({"Attributes": {"idbellen": "ok", "idbellen_secret": secret}}).to_string();
        for keys in cleared.key_pairs() {
            assert!(holds_secret_of(answer(&cleared.reveal()).as_bytes(), keys.record_id()));
            assert!(!holds_secret_of(answer(&other.reveal()).as_bytes(), keys.record_id()));
            for answer in [&answer(""), &answer("A"), r#"{"Attributes": {}}"#, r#"{"Attributes": null}"#, "{}", "[]", "", "x"] {
                assert!(!holds_secret_of(answer.as_bytes(), keys.record_id()), "{answer}");
            }
        }
    }

    #[test]
    fn what_becomes_part_of_a_path_is_an_id() {
        assert!(is_id("10a4c4eb-f57e-4d4c-b602-bf39176ced07"));
        for text in ["", "a/b", "..", "a?b", "a%2fb", "a b"] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn an_instance_is_known_by_the_end_of_its_arn() {
        let arn = "arn:aws:connect:eu-central-1:111122223333:instance/10a4c4eb-f57e-4d4c-b602-bf39176ced07";
        assert_eq!(arn.parse().map(|Instance(id)| id), Ok("10a4c4eb-f57e-4d4c-b602-bf39176ced07".to_owned()));
        for arn in ["", "10a4c4eb", "arn:aws:connect:eu-central-1:111122223333:instance/", "a:instance/x/contact/y"] {
            assert!(arn.parse::<Instance>().is_err(), "{arn}");
        }
    }
}
