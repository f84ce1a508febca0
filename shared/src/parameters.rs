//! Parameter Store, below `/idbellen/{stage}/`: `irma-requestor-token` (a `SecureString`), `irma-public-key`, and one
//! `purposes/{name}` for each purpose. The operator's command `idbellen` puts them there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata;
use tokio::sync::Mutex;

use crate::config::CannotStart;
use crate::irma::RequestorToken;
use crate::purpose::{Purpose, PurposeName};

/// The name of the parameter with the token that the IRMA server knows us by.
pub const REQUESTOR_TOKEN: &str = "irma-requestor-token";
/// The name of the parameter with the key that the IRMA server signs results with.
pub const IRMA_PUBLIC_KEY: &str = "irma-public-key";
/// The folder of the parameters with the purposes.
pub const PURPOSES: &str = "purposes";

/// The parameters of one stage.
pub struct Parameters {
    client: Client,
    path: String,
}

/// Parameter Store did not give a parameter. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterUnavailable;

impl Parameters {
    /// The parameters below `path`, `/idbellen/{stage}`.
    #[must_use]
    pub fn new(client: Client, path: String) -> Self {
        Self { client, path }
    }

    /// The token that the IRMA server knows us by.
    pub async fn requestor_token(&self) -> Result<RequestorToken, CannotStart> {
        let token = self.get(REQUESTOR_TOKEN).await?;
        token.parse().map_err(|_| CannotStart::because(format!("parameter {}/{REQUESTOR_TOKEN} is not a token", self.path)))
    }

    /// The key that the IRMA server signs results with, as PEM.
    pub async fn irma_public_key(&self) -> Result<String, CannotStart> {
        self.get(IRMA_PUBLIC_KEY).await
    }

    async fn get(&self, name: &str) -> Result<String, CannotStart> {
        let name = format!("{}/{name}", self.path);
        let answer = self.client.get_parameter().name(&name).with_decryption(true).send().await.map_err(|error| {
            CannotStart::because(format!("parameter {name} can't be read: {}", error.code().unwrap_or("no answer")))
        })?;
        let value = answer.parameter.and_then(|parameter| parameter.value);
        value.ok_or_else(|| CannotStart::because(format!("parameter {name} has no value")))
    }

    /// All purposes that are valid. One that is not is named in the log, and left out.
    async fn purposes(&self) -> Result<HashMap<PurposeName, Purpose>, ParameterUnavailable> {
        let folder = format!("{}/{PURPOSES}", self.path);
        let mut pages = self.client.get_parameters_by_path().path(&folder).into_paginator().send();
        let mut purposes = HashMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                tracing::error!(folder, code = error.code(), "Parameter Store GetParametersByPath failed");
                ParameterUnavailable
            })?;
            for parameter in page.parameters.unwrap_or_default() {
                let path = parameter.name.unwrap_or_default();
                let name = path.rsplit('/').next().and_then(|name| name.parse::<PurposeName>().ok());
                match (name, Purpose::read(parameter.value.as_deref().unwrap_or_default())) {
                    (Some(name), Ok(purpose)) => {
                        purposes.insert(name, purpose);
                    }
                    (_, Err(reason)) => tracing::error!(parameter = path, reason, "a purpose is not valid"),
                    (None, Ok(_)) => tracing::error!(parameter = path, "a purpose has no valid name"),
                }
            }
        }
        Ok(purposes)
    }
}

/// The purposes, read again once a minute at most: so that closing one takes effect, and that asking for a purpose that
/// does not exist costs no call to Parameter Store.
pub struct Purposes {
    parameters: Parameters,
    read: Mutex<(Instant, Arc<HashMap<PurposeName, Purpose>>)>,
}

impl Purposes {
    const LIFETIME: Duration = Duration::from_mins(1);

    /// Reads the purposes for the first time.
    pub async fn load(parameters: Parameters) -> Result<Self, CannotStart> {
        let purposes = parameters
            .purposes()
            .await
            .map_err(|_| CannotStart::because(format!("the parameters below {}/{PURPOSES} can't be read", parameters.path)))?;
        Ok(Self { parameters, read: Mutex::new((Instant::now(), Arc::new(purposes))) })
    }

    /// The purposes as they are now, or, if Parameter Store does not answer, as they were when it last did.
    pub async fn current(&self) -> Arc<HashMap<PurposeName, Purpose>> {
        let mut read = self.read.lock().await;
        if read.0.elapsed() >= Self::LIFETIME
            && let Ok(purposes) = self.parameters.purposes().await
        {
            *read = (Instant::now(), Arc::new(purposes));
        }
        Arc::clone(&read.1)
    }

    /// The parameters from which they are read.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}
