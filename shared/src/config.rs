//! Configuration: environment variables from the template, and the AWS clients. All of it is read once, before the
//! first request; what is missing is named.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use aws_types::SdkConfig;
use lambda_http::http::Uri;

use crate::code_key::CodeKey;
use crate::codes::Codes;
use crate::parameters::Parameters;
use crate::records::Records;
use crate::tls;
use crate::token_key::TokenKey;

/// Why a function can't start: which variable or parameter is missing or wrong, never its value.
#[derive(Debug, PartialEq, Eq)]
pub struct CannotStart(String);

impl CannotStart {
    /// A reason that names what is wrong.
    #[must_use]
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for CannotStart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Reads the environment variable `name`.
pub fn variable<T: FromStr>(name: &str) -> Result<T, CannotStart> {
    let text = std::env::var(name).map_err(|_| CannotStart(format!("environment variable {name} is missing")))?;
    text.parse().map_err(|_| CannotStart(format!("environment variable {name} is not valid")))
}

/// Reads the environment variable `name`, which the template leaves empty where there is nothing to say.
pub fn optional_variable<T: FromStr>(name: &str) -> Result<Option<T>, CannotStart> {
    if std::env::var(name).is_ok_and(|text| text.is_empty()) { Ok(None) } else { variable(name).map(Some) }
}

/// The AWS services, by the environment that Lambda gives a function.
pub struct Aws {
    config: SdkConfig,
    http: SharedHttpConnector,
}

impl Aws {
    /// Reads region and credentials.
    pub fn from_environment() -> Result<Self, CannotStart> {
        // Telephony waits 8 seconds at most: a call that hangs is given up and repeated well before that.
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(1))
            .operation_timeout(Duration::from_secs(3))
            .build();
        // Lambda gives its credentials this way only, for as long as the process lives. The SDK's own chain would look for
        // profiles, containers and single sign-on, and bring their clients along.
        let credentials = Credentials::new(
            variable::<String>("AWS_ACCESS_KEY_ID")?,
            variable::<String>("AWS_SECRET_ACCESS_KEY")?,
            std::env::var("AWS_SESSION_TOKEN").ok(),
            None,
            "environment",
        );
        let http = tls::aws_connector();
        // Handed on as it is: each client would make one of its own, and read all root certificates for it.
        let shared = http.clone();
        let client = http_client_fn(move |_, _| shared.clone());
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable::<String>("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(client)
            // It guards streams that slow down; here every call has its time.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard());
        config.set_endpoint_url(emulator(std::env::var("AWS_ENDPOINT_URL").ok())?);
        Ok(Self { config: config.build(), http })
    }

    /// The database.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// The table that the variable `RECORDS_TABLE` names.
    pub fn records(&self) -> Result<Records, CannotStart> {
        Ok(Records::new(self.dynamodb(), variable("RECORDS_TABLE")?))
    }

    /// The table that the variable `CODES_TABLE` names.
    pub fn codes(&self) -> Result<Codes, CannotStart> {
        Ok(Codes::new(self.dynamodb(), variable("CODES_TABLE")?))
    }

    /// The code key by the alias that this variable names.
    pub fn code_key(&self, name: &str) -> Result<CodeKey, CannotStart> {
        Ok(CodeKey::new(self.kms(), variable(name)?))
    }

    /// The key that the variable `TOKEN_KEY` names.
    pub fn token_key(&self) -> Result<TokenKey, CannotStart> {
        Ok(TokenKey::new(self.kms(), variable("TOKEN_KEY")?))
    }

    /// The parameters below the path that the variable `PARAMETERS` names.
    pub fn parameters(&self) -> Result<Parameters, CannotStart> {
        Ok(Parameters::new(aws_sdk_ssm::Client::new(&self.config), variable("PARAMETERS")?))
    }

    /// What any other service's client is made of.
    #[must_use]
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.config
    }

    /// What all clients send their requests with.
    #[must_use]
    pub fn http(&self) -> SharedHttpConnector {
        self.http.clone()
    }

    fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config)
    }
}

/// Where AWS is, if it is an emulator on this machine. Anywhere else would get codes, tokens and credentials.
fn emulator(url: Option<String>) -> Result<Option<String>, CannotStart> {
    let is_here =
        |url: &String| url.parse::<Uri>().is_ok_and(|url| url.scheme_str() == Some("http") && url.host() == Some("127.0.0.1"));
    if url.as_ref().is_some_and(|url| !is_here(url)) {
        return Err(CannotStart::because("environment variable AWS_ENDPOINT_URL is not on this machine"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_is_asked_nowhere_but_at_aws_and_on_this_machine() {
        let asked = |url: &str| emulator(Some(url.to_owned()));
        assert_eq!(emulator(None), Ok(None));
        assert_eq!(asked("http://127.0.0.1:4566"), Ok(Some("http://127.0.0.1:4566".to_owned())));
        for url in ["https://example.org", "http://127.0.0.1.example.org", "http://127.0.0.1:80@example.org", ""] {
            assert!(asked(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named_and_not_repeated() {
        let missing = variable::<String>("IDBELLEN_NO_SUCH_VARIABLE").map_err(|reason| reason.to_string());
        assert_eq!(missing, Err("environment variable IDBELLEN_NO_SUCH_VARIABLE is missing".to_owned()));
        // Cargo sets this one for every test.
        let wrong = variable::<u64>("CARGO_PKG_NAME").map_err(|reason| reason.to_string());
        assert_eq!(wrong, Err("environment variable CARGO_PKG_NAME is not valid".to_owned()));
    }
}
