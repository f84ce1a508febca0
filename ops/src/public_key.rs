//! The key that an IRMA server signs results with.

use anyhow::{Result, anyhow, bail};
use aws_lc_rs::rsa::PublicEncryptingKey;
use pem::{EncodeConfig, LineEnding, Pem};
use shared::result_jwt::ResultVerifier;

use crate::fingerprint::Fingerprint;

/// An RSA public key of at least 2048 bits.
pub struct PublicKey(Pem);

impl PublicKey {
    /// Reads one `PUBLIC KEY` in PEM (RFC 7468, section 13). What is around it is dropped.
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        let blocks = pem::parse_many(text).map_err(|error| anyhow!("it is not PEM: {error}"))?;
        let [block] = <[Pem; 1]>::try_from(blocks).map_err(|blocks| match blocks.len() {
            0 => anyhow!("it is not PEM: there is no -----BEGIN PUBLIC KEY-----"),
            count => anyhow!("it holds {count} keys or certificates, not one"),
        })?;
        if block.tag() != "PUBLIC KEY" {
            bail!("it is a {}, not a PUBLIC KEY", block.tag());
        }
        if PublicEncryptingKey::from_der(block.contents()).is_err() {
            bail!("it is not an RSA key of 2048 to 8192 bits");
        }
        let key = Self(Pem::new(block.tag(), block.contents()));
        // What AWS-LC takes for an RSA key can be one for another kind of signature.
        if ResultVerifier::new(&key.to_pem(), "").is_err() {
            bail!("it is not an RSA key that RS256 signatures can be checked with");
        }
        Ok(key)
    }

    /// What the keeper of the IRMA server compares.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.0.contents())
    }

    /// The key alone, as PEM.
    pub fn to_pem(&self) -> String {
        pem::encode_config(&self.0, EncodeConfig::new().set_line_ending(LineEnding::LF))
    }
}
