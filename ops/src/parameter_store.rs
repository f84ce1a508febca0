//! Parameter Store, as far as an operator writes to it.

use std::error::Error;
use std::iter::successors;

use anyhow::{Context, Result, anyhow};
use aws_config::BehaviorVersion;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::types::ParameterType;

/// Parameter Store of the account and region that the environment or the profile names.
pub struct ParameterStore(Client);

/// The version that Parameter Store gave to what was stored.
pub type Version = i64;

impl ParameterStore {
    /// Finds region and credentials the way AWS's own command does.
    pub async fn from_environment() -> Self {
        Self(Client::new(&aws_config::defaults(BehaviorVersion::latest()).load().await))
    }

    /// The parameter's value, or `None` if there is no such parameter.
    pub async fn get(&self, name: &str) -> Result<Option<String>> {
        match self.0.get_parameter().name(name).send().await {
            Ok(answer) => {
                let value = answer.parameter.and_then(|parameter| parameter.value);
                Ok(Some(value.with_context(|| format!("parameter {name} has no value"))?))
            }
            Err(error) if error.as_service_error().is_some_and(GetParameterError::is_parameter_not_found) => Ok(None),
            Err(error) => Err(anyhow!("parameter {name} can't be read: {}", cause(&error))),
        }
    }

    /// Stores a text, over what was there.
    pub async fn put(&self, name: &str, value: &str) -> Result<Version> {
        let request = self.0.put_parameter().name(name).r#type(ParameterType::String).value(value).overwrite(true);
        let answer = request.send().await.map_err(|error| anyhow!("parameter {name} can't be stored: {}", cause(&error)))?;
        Ok(answer.version)
    }

    /// Stores a secret, encrypted with `key`, over what was there. Of a refusal only AWS's code is shown: its message
    /// can repeat the value.
    pub async fn put_secret(&self, name: &str, value: &str, key: &str) -> Result<Version> {
        let request = self.0.put_parameter().name(name).r#type(ParameterType::SecureString).key_id(key).value(value);
        let answer = request.overwrite(true).send().await.map_err(|error| {
            let why = match &error {
                SdkError::ServiceError(refusal) => refusal.err().code().unwrap_or("refused without a code").to_owned(),
                _ => cause(&error),
            };
            anyhow!("parameter {name} can't be stored with key {key}: {why}")
        })?;
        Ok(answer.version)
    }
}

/// What AWS said, or why it could not be asked.
pub fn cause<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> String {
    if let SdkError::ServiceError(refusal) = error {
        let code = refusal.err().code().unwrap_or("refused without a code");
        return format!("{code}: {}", refusal.err().message().unwrap_or("no message"));
    }
    let first: &dyn Error = error;
    let chain: Vec<String> = successors(Some(first), |error| (*error).source()).map(ToString::to_string).collect();
    chain.join(": ")
}
