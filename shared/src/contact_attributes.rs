//! The contact attributes that Amazon Connect keeps for 24 months. A flow puts the secret there, for the agent portal; it
//! is overwritten when the contact is cleared.
//!
//! It is one call, signed here: the SDK for Amazon Connect has hundreds of operations, and is five times the code of the
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
use serde_json::json;

use crate::config::{Aws, CannotStart, optional_variable};
use crate::contact::ContactId;

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
}

impl FromStr for Instance {
    type Err = ();

    fn from_str(arn: &str) -> Result<Self, ()> {
        let (_, id) = arn.rsplit_once(":instance/").ok_or(())?;
        let valid = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if valid { Ok(Self(id.to_owned())) } else { Err(()) }
    }
}

impl ContactAttributes {
    /// How often it is tried in one run, all within the 10 seconds that the function has.
    const WAITS: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(800), Duration::ZERO];
    const EACH: Duration = Duration::from_secs(2);

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

    /// Empties the contact attribute that holds the secret. `contact` is the first contact of the call: a transfer gives
    /// each agent a contact of their own, and their attributes are those of the first (Amazon Connect API reference,
    /// "UpdateContactAttributes": `InitialContactId`).
    pub async fn overwrite_secret(&self, contact: &ContactId) -> Result<(), NotOverwritten> {
        let body = json!({
            "InitialContactId": contact.as_str(),
            "InstanceId": self.instance.0,
            "Attributes": {SECRET: ""},
        });
        let body = body.to_string();
        let mut outcome = Ok(());
        for wait in Self::WAITS {
            outcome = self.post(&body).await;
            match outcome {
                Err(NotOverwritten::Unreachable) => {}
                Err(NotOverwritten::Status(status)) if status == TOO_MANY_REQUESTS || status >= 500 => {}
                _ => break,
            }
            tokio::time::sleep(wait).await;
        }
        outcome
    }

    async fn post(&self, body: &str) -> Result<(), NotOverwritten> {
        const JSON: (&str, &str) = ("content-type", "application/json");
        let unsigned = NotOverwritten::Unsigned;
        let identity = self.credentials.provide_credentials().await.map_err(|_| unsigned)?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("connect")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| unsigned)?
            .into();
        let bytes = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new("POST", &self.url, [JSON].into_iter(), bytes).map_err(|_| unsigned)?;
        let (signature, _) = sign(signable, &parameters).map_err(|_| unsigned)?.into_parts();
        let mut request = HttpRequest::new(body.into());
        request.set_method("POST").map_err(|_| unsigned)?;
        request.set_uri(self.url.as_str()).map_err(|_| unsigned)?;
        for (name, value) in [JSON].into_iter().chain(signature.headers()) {
            request.headers_mut().try_insert(name.to_owned(), value.to_owned()).map_err(|_| unsigned)?;
        }
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let Ok(Ok(answer)) = tokio::time::timeout(Self::EACH, self.http.call(request)).await else {
            // The next one is made anew: this one may be dead.
            if let Some(connection) = connection.get() {
                connection.poison();
            }
            return Err(NotOverwritten::Unreachable);
        };
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(NotOverwritten::Status(status.as_u16())) }
    }
}

impl fmt::Display for NotOverwritten {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => formatter.write_str("Amazon Connect can't be reached"),
            Self::Status(status) => write!(formatter, "Amazon Connect answered with status {status}"),
            Self::Unsigned => formatter.write_str("the request can't be signed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_known_by_the_end_of_its_arn() {
        let arn = "arn:aws:connect:eu-central-1:111122223333:instance/10a4c4eb-f57e-4d4c-b602-bf39176ced07";
        assert_eq!(arn.parse().map(|Instance(id)| id), Ok("10a4c4eb-f57e-4d4c-b602-bf39176ced07".to_owned()));
        for arn in ["", "10a4c4eb", "arn:aws:connect:eu-central-1:111122223333:instance/", "a:instance/x/contact/y"] {
            assert!(arn.parse::<Instance>().is_err(), "{arn}");
        }
    }
}
