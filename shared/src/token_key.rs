//! The token key: a key in KMS that seals the IRMA session token while the citizen discloses.

use aws_sdk_kms::{Client, error::ProvideErrorMetadata, primitives::Blob};

use crate::irma::SessionToken;
use crate::record_id::RecordId;

/// The token key, `SYMMETRIC_DEFAULT`. What it seals is bound to one record by the encryption context
/// `{"record": record id}`, which CloudTrail logs.
pub struct TokenKey {
    kms: Client,
    alias: String,
}

/// A session token as `KMS Encrypt` sealed it.
pub struct SealedToken(Vec<u8>);

/// KMS did not seal or open a token. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenKeyUnavailable;

const CONTEXT: &str = "record";

impl TokenKey {
    /// The key with this alias, `alias/…`.
    #[must_use]
    pub fn new(kms: Client, alias: String) -> Self {
        Self { kms, alias }
    }

    /// Seals `token` for the record `id`.
    pub async fn seal(&self, token: &SessionToken, id: &RecordId) -> Result<SealedToken, TokenKeyUnavailable> {
        let answer = self
            .kms
            .encrypt()
            .key_id(&self.alias)
            .encryption_context(CONTEXT, id.as_str())
            .plaintext(Blob::new(token.as_str()))
            .send()
            .await
            .map_err(|error| unavailable("Encrypt", error.code()))?;
        answer.ciphertext_blob.map(|blob| SealedToken(blob.into_inner())).ok_or_else(|| unavailable("Encrypt", None))
    }

    /// Opens the token of the record `id`.
    pub async fn open(&self, sealed: &SealedToken, id: &RecordId) -> Result<SessionToken, TokenKeyUnavailable> {
        let answer = self
            .kms
            .decrypt()
            .key_id(&self.alias)
            .encryption_context(CONTEXT, id.as_str())
            .ciphertext_blob(Blob::new(sealed.0.clone()))
            .send()
            .await
            .map_err(|error| unavailable("Decrypt", error.code()))?;
        answer
            .plaintext
            .and_then(|blob| String::from_utf8(blob.into_inner()).ok())
            .and_then(|token| token.parse().ok())
            .ok_or_else(|| unavailable("Decrypt", None))
    }
}

fn unavailable(operation: &'static str, code: Option<&str>) -> TokenKeyUnavailable {
    tracing::error!(operation, code, "KMS failed");
    TokenKeyUnavailable
}

impl SealedToken {
    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes that were stored.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
