//! A small OIDC issuer for agents, in the place of a municipality's own.

mod login;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
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
const LIFETIME: u64 = 600;

/// The issuer. Its tokens are valid until it is dropped, or longer where its keys were fetched before.
pub struct Issuer {
    server: Server,
    shared: Arc<Shared>,
}

/// What signs tokens, and who is logged in.
struct Shared {
    key: Arc<RsaKey>,
    /// Seconds that a token lives which is given at login.
    lifetime: AtomicU64,
    logins: Mutex<login::Logins>,
}

impl Issuer {
    /// Makes a key, and serves discovery document, keys and login on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let key = Arc::new(RsaKey::generate()?);
        let (n, e) = key.public_numbers()?;
        let keys = json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": n, "e": e}]});
        let shared = Arc::new(Shared { key, lifetime: AtomicU64::new(LIFETIME), logins: Mutex::default() });
        let (serving, of) = (shared.clone(), move |address| format!("http://{address}"));
        let server = Server::start(0, move |address| login::router(serving, of(address), keys)).await?;
        Ok(Self { server, shared })
    }

    /// Lets a site at this origin have agents logged in.
    pub fn allow(&self, origin: &str) {
        self.shared.logins().allow(origin);
    }

    /// Gives access tokens this many seconds from now on; ten minutes if none are said.
    pub fn set_lifetime(&self, seconds: Option<u64>) {
        self.shared.lifetime.store(seconds.unwrap_or(LIFETIME), Ordering::Relaxed);
    }

    /// The issuer as tokens name it, `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The public key of its tokens, as PEM.
    pub fn public_pem(&self) -> Result<String> {
        self.shared.key.public_pem()
    }

    /// A valid access token for this agent, ten minutes long. Change its parts for one that is not.
    #[must_use]
    pub fn token(&self, agent: &str) -> Token {
        self.shared.token(&self.url(), agent, LIFETIME)
    }
}

impl Shared {
    fn token(&self, issuer: &str, agent: &str, lifetime: u64) -> Token {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Token {
            header: json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}),
            claims: json!({
                "iss": issuer, "aud": AUDIENCE, "sub": agent, "scope": SCOPE, "iat": now, "exp": now + lifetime,
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
