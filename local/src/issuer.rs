//! A small OIDC issuer for agents, in the place of a municipality's own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::rsa::RsaKey;
use crate::server::Server;

/// The audience of the agents' tokens.
pub const AUDIENCE: &str = "idbellen-agent-portal";
/// The scope that lets an agent look up callers.
pub const SCOPE: &str = "idbellen/agent";

const KEY_ID: &str = "issuer-1";

/// The issuer. Its tokens are valid until it is dropped, or longer where its keys were fetched before.
pub struct Issuer {
    server: Server,
    key: Arc<RsaKey>,
}

impl Issuer {
    /// Makes a key, and serves discovery document and keys on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let key = Arc::new(RsaKey::generate()?);
        let (n, e) = key.public_numbers()?;
        let keys = json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": n, "e": e}]});
        let server = Server::start(0, move |address: SocketAddr| {
            let discovery = json!({
                "issuer": format!("http://{address}"),
                "jwks_uri": format!("http://{address}/jwks.json"),
                "id_token_signing_alg_values_supported": ["RS256"],
                "subject_types_supported": ["public"],
                "response_types_supported": ["code"],
            });
            Router::new()
                .route("/.well-known/openid-configuration", get(async || Json(discovery)))
                .route("/jwks.json", get(async || Json(keys)))
        })
        .await?;
        Ok(Self { server, key })
    }

    /// The issuer as tokens name it, `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The public key of its tokens, as PEM.
    pub fn public_pem(&self) -> Result<String> {
        self.key.public_pem()
    }

    /// A valid access token for this agent, ten minutes long. Change its parts for one that is not.
    #[must_use]
    pub fn token(&self, agent: &str) -> Token {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Token {
            header: json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}),
            claims: json!({
                "iss": self.url(), "aud": AUDIENCE, "sub": agent, "scope": SCOPE, "iat": now, "exp": now + 600,
            }),
            key: SigningKey::Rsa(self.key.clone()),
        }
    }
}

/// A JSON Web Token that is still to be signed; whatever it says is signed as it is.
#[derive(Clone)]
pub struct Token {
    /// `alg`, `kid`, and so on.
    pub header: Value,
    /// `sub`, `aud`, and so on.
    pub claims: Value,
    /// What signs it, whatever the header says.
    pub key: SigningKey,
}

/// What a token is signed with.
#[derive(Clone)]
pub enum SigningKey {
    /// `RS256`.
    Rsa(Arc<RsaKey>),
    /// `HS256`.
    Hmac(Vec<u8>),
    /// An empty signature, as for `none`.
    Nothing,
}

impl Token {
    /// The same token with this claim, or without it if `value` is null.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let (Some(claims), value) = (self.claims.as_object_mut(), value.into()) {
            claims.remove(name);
            if !value.is_null() {
                claims.insert(name.to_owned(), value);
            }
        }
        self
    }

    /// The token in its compact form (RFC 7515, 7.1).
    pub fn sign(&self) -> Result<String> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = match &self.key {
            SigningKey::Rsa(key) => key.sign(message.as_bytes())?,
            SigningKey::Hmac(key) => {
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
                aws_lc_rs::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            SigningKey::Nothing => Vec::new(),
        };
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
