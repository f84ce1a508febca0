//! Parameter Store, below `/idbellen/{stage}/`: `irma-requestor-token` (a `SecureString`), `irma-public-key`, and one
//! `purposes/{name}` for each purpose. The operator's command `idbellen` puts them there.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata;
use tokio::sync::Mutex;

use crate::asked::Asked;
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

    /// What the purpose `name` asks at this moment. For records that do not say what their
    /// session asked: see [`Pending::asked`](crate::records::Pending::asked).
    pub(crate) async fn asked_now(&self, name: &PurposeName) -> Result<Asked, CannotStart> {
        let purposes = self.purposes().await?;
        let purpose = purposes.get(name).ok_or_else(|| CannotStart::because("the purpose is not there, or not valid"))?;
        Ok(Asked::by(purpose))
    }

    /// All purposes that are valid. One that is not is named in the log, and left out.
    async fn purposes(&self) -> Result<HashMap<PurposeName, Purpose>, CannotStart> {
        let folder = format!("{}/{PURPOSES}", self.path);
        let mut pages = self.client.get_parameters_by_path().path(&folder).into_paginator().send();
        let mut purposes = HashMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let code = error.code().unwrap_or("no answer");
                CannotStart::because(format!("the parameters below {folder} can't be read: {code}"))
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

/// What was read from Parameter Store, read again once a minute at most: so that a change takes effect in every running
/// environment, and that what is asked of us costs no call to Parameter Store.
pub struct Fresh<T> {
    kept: Mutex<Kept<T>>,
}

struct Kept<T> {
    value: Arc<T>,
    read: Instant,
    not_before: Instant,
}

impl<T> Kept<T> {
    fn new(value: T) -> Self {
        Self { value: Arc::new(value), read: Instant::now(), not_before: Instant::now() }
    }
}

impl<T> Fresh<T> {
    const LIFETIME: Duration = Duration::from_mins(1);
    /// What was read so short a time ago is not read again on suspicion: many who have it at once cost one call.
    const JUST_READ: Duration = Duration::from_secs(1);
    /// After Parameter Store did not answer, it is left alone for so long.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// What was just read.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { kept: Mutex::new(Kept::new(value)) }
    }

    /// The value as it is now, or, while `read` fails, as it last was.
    pub async fn current<E: fmt::Display>(&self, read: impl AsyncFnOnce() -> Result<T, E>) -> Arc<T> {
        self.younger_than(Self::LIFETIME, read).await
    }

    /// The value as it is now, for who suspects that it is not what is kept: it is read again at once.
    pub async fn anew<E: fmt::Display>(&self, read: impl AsyncFnOnce() -> Result<T, E>) -> Arc<T> {
        self.younger_than(Self::JUST_READ, read).await
    }

    async fn younger_than<E: fmt::Display>(&self, age: Duration, read: impl AsyncFnOnce() -> Result<T, E>) -> Arc<T> {
        let mut kept = self.kept.lock().await;
        if Instant::now() >= kept.not_before.max(kept.read + age) {
            match read().await {
                Ok(value) => *kept = Kept::new(value),
                Err(reason) => {
                    tracing::error!(%reason, "Parameter Store was read in vain: what was read before is kept");
                    kept.not_before = Instant::now() + Self::PATIENCE;
                }
            }
        }
        Arc::clone(&kept.value)
    }
}

/// The purposes.
pub struct Purposes {
    parameters: Parameters,
    fresh: Fresh<HashMap<PurposeName, Purpose>>,
}

impl Purposes {
    /// Reads the purposes for the first time.
    pub async fn load(parameters: Parameters) -> Result<Self, CannotStart> {
        let fresh = Fresh::new(parameters.purposes().await?);
        Ok(Self { parameters, fresh })
    }

    /// The purposes as they are now.
    pub async fn current(&self) -> Arc<HashMap<PurposeName, Purpose>> {
        self.fresh.current(async || self.parameters.purposes().await).await
    }

    /// The parameters from which they are read.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn on_suspicion_it_is_read_at_once_and_by_many_once() {
        let read = async |value: u8| Ok::<_, CannotStart>(value);
        let fresh = Fresh::new(1);
        assert_eq!(*fresh.current(async || read(2).await).await, 1);
        // Just read.
        assert_eq!(*fresh.anew(async || read(2).await).await, 1);
        fresh.kept.lock().await.read = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        assert_eq!(*fresh.current(async || read(2).await).await, 1);
        assert_eq!(*fresh.anew(async || read(2).await).await, 2);
        assert_eq!(*fresh.anew(async || read(3).await).await, 2);
        // While Parameter Store does not answer, what was read before is kept, and it is left alone.
        fresh.kept.lock().await.read = Instant::now().checked_sub(Duration::from_mins(2)).unwrap();
        assert_eq!(*fresh.anew(async || Err(CannotStart::because("throttled"))).await, 2);
        assert_eq!(*fresh.anew(async || read(3).await).await, 2);
    }
}
