//! The code key: a key in KMS that turns a code into the name and the key of its item, and that can't leave KMS.

use aws_sdk_kms::{Client, error::ProvideErrorMetadata, primitives::Blob, types::MacAlgorithmSpec};
use zeroize::Zeroizing;

use crate::code::Code;
use crate::contact::ContactId;
use crate::derive::{base64url, hkdf};
use crate::sealed::{CannotOpen, CannotSeal, SealedSecret};
use crate::secret::Secret;

/// The code key, `HMAC_256`, by one of its aliases. Ten digits can be guessed in seconds; with this key each guess is a
/// call to KMS by a role that may make it, and is in the audit trail.
///
/// It has three aliases, so that a new key takes over without a lost call. Codes are made with `current`, and looked for
/// under `previous` and then `next`; a swap gives the new key to `next` first and to `previous` last.
pub struct CodeKey {
    kms: Client,
    alias: String,
}

/// KMS did not give a mac. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeKeyUnavailable;

/// The key of a code's item in the table: `HKDF(mac, "idbellen/v1/code id")`, base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeId(String);

/// What a contact leaves on the code it used: a keyed hash of its id, that tells nothing without the code.
#[derive(Clone)]
pub struct ContactTag([u8; 32]);

/// What the mac of one code gives: its id, the key that seals its secret, and the tag of a contact.
pub struct CodeLock {
    id: CodeId,
    mac: Zeroizing<[u8; 32]>,
}

impl CodeKey {
    /// The key that `alias`, `alias/…`, names at the time of each call.
    #[must_use]
    pub fn new(kms: Client, alias: String) -> Self {
        Self { kms, alias }
    }

    /// The lock of `code` under this key: one KMS call.
    pub async fn lock(&self, code: &Code) -> Result<CodeLock, CodeKeyUnavailable> {
        let message = [b"idbellen/v1/code".as_slice(), code.digits()].concat();
        let answer = self
            .kms
            .generate_mac()
            .key_id(&self.alias)
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(message))
            .send()
            .await
            .map_err(|error| {
                tracing::error!(code = error.code(), "KMS GenerateMac failed");
                CodeKeyUnavailable
            })?;
        let mac = Zeroizing::new(answer.mac.map(Blob::into_inner).unwrap_or_default());
        <&[u8; 32]>::try_from(mac.as_slice()).map(CodeLock::from_mac).map_err(|_| {
            tracing::error!("KMS GenerateMac gave no HMAC_SHA_256 mac");
            CodeKeyUnavailable
        })
    }
}

impl CodeLock {
    /// The lock of the code with this mac.
    #[must_use]
    pub fn from_mac(mac: &[u8; 32]) -> Self {
        let mac = Zeroizing::new(*mac);
        Self { id: CodeId(base64url(hkdf(mac.as_ref(), &[b"idbellen/v1/code id"]).as_ref())), mac }
    }

    /// The id of the code's item.
    #[must_use]
    pub fn id(&self) -> &CodeId {
        &self.id
    }

    /// Seals the secret that this code will be exchanged for.
    pub fn seal(&self, secret: &Secret) -> Result<SealedSecret, CannotSeal> {
        SealedSecret::seal(secret, &self.key(), &self.id)
    }

    /// Opens the secret that was sealed with this code.
    pub fn open(&self, sealed: &SealedSecret) -> Result<Secret, CannotOpen> {
        sealed.open(&self.key(), &self.id)
    }

    /// What `contact` leaves on the code.
    #[must_use]
    pub fn contact_tag(&self, contact: &ContactId) -> ContactTag {
        ContactTag(*hkdf(self.mac.as_ref(), &[b"idbellen/v1/contact ", contact.as_str().as_bytes()]))
    }

    fn key(&self) -> Zeroizing<[u8; 32]> {
        hkdf(self.mac.as_ref(), &[b"idbellen/v1/code secret"])
    }
}

impl CodeId {
    /// The id as it stands in the table.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ContactTag {
    /// The tag's bytes, as they are stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
