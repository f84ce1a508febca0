//! Requests signed as AWS wants them (Signature Version 4), the way telephony makes them.

use std::time::SystemTime;

use anyhow::{Context, Result};
use aws_credential_types::Credentials as AwsCredentials;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::RequestBuilder;

use crate::emulator::Credentials;
use crate::{REGION, http};

/// What telephony's role asks of who assumes it; the other roles ask nothing.
pub const EXTERNAL_ID: &str = "telephony-on-this-machine";

/// A request before it is signed.
#[derive(Clone, Copy)]
pub struct Unsigned<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The path, with its query.
    pub path: &'a str,
    /// Headers that the signature must cover.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is sent.
    pub body: &'a [u8],
}

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
            .external_id(EXTERNAL_ID)
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

    /// Signs a request to `address`, for a service that knows itself as `host`.
    pub fn sign(&self, service: &str, address: &str, host: &str, request: &Unsigned<'_>) -> Result<RequestBuilder> {
        let Unsigned { method, path, headers, body } = request;
        let identity = self.to_aws().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = format!("http://{host}{path}");
        let signable = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body))?;
        let (signature, _) = sign(signable, &parameters)?.into_parts();
        let unsigned = http().request(method.parse()?, format!("{address}{path}")).header("host", host).body(body.to_vec());
        let unsigned = headers.iter().fold(unsigned, |request, (name, value)| request.header(*name, *value));
        Ok(signature.headers().fold(unsigned, |request, (name, value)| request.header(name, value)))
    }

    fn to_aws(&self) -> AwsCredentials {
        AwsCredentials::new(&self.key_id, &self.secret, self.session_token.clone(), None, "local")
    }
}
