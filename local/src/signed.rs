//! Requests signed as AWS wants them (Signature Version 4), the way telephony makes them.

use std::time::SystemTime;

use anyhow::{Context, Result};
use aws_credential_types::Credentials as AwsCredentials;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::{Method, RequestBuilder};

use crate::emulator::Credentials;
use crate::{REGION, http};

impl Credentials {
    /// Credentials for the role, which must trust the holder of these.
    pub async fn assume_role(&self, endpoint: &str, role: &str, session: &str) -> Result<Self> {
        let configuration = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(endpoint)
            .credentials_provider(self.to_aws())
            .build();
        let answer = aws_sdk_sts::Client::from_conf(configuration)
            .assume_role()
            .role_arn(role)
            .role_session_name(session)
            .send()
            .await
            .with_context(|| format!("cannot assume {role}"))?;
        let credentials = answer.credentials.context("AWS gave no credentials")?;
        Ok(Self {
            key_id: credentials.access_key_id,
            secret: credentials.secret_access_key,
            session_token: Some(credentials.session_token),
        })
    }

    /// A `POST` to `{address}{path}`, signed for a service that knows itself as `host`.
    pub fn post(&self, service: &str, address: &str, host: &str, path: &str, body: &str) -> Result<RequestBuilder> {
        let identity = self.to_aws().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let request = SignableRequest::new(
            "POST",
            format!("http://{host}{path}"),
            std::iter::empty(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (signature, _) = sign(request, &parameters)?.into_parts();
        let unsigned = http().request(Method::POST, format!("{address}{path}")).header("host", host).body(body.to_owned());
        Ok(signature.headers().fold(unsigned, |request, (name, value)| request.header(name, value)))
    }

    fn to_aws(&self) -> AwsCredentials {
        AwsCredentials::new(&self.key_id, &self.secret, self.session_token.clone(), None, "local")
    }
}
