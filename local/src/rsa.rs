//! RSA keys for whoever signs here: the IRMA server, the agents' issuer, and the local trail.

use anyhow::{Context, Result};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A 2048-bit RSA key.
pub struct RsaKey(KeyPair);

impl RsaKey {
    /// Makes a new key, in about a tenth of a second.
    pub fn generate() -> Result<Self> {
        Ok(Self(KeyPair::generate(KeySize::Rsa2048).context("cannot make an RSA key")?))
    }

    /// The private key as PEM (PKCS #8).
    pub(crate) fn private_pem(&self) -> Result<String> {
        let der: Pkcs8V1Der<'_> = self.0.as_der().context("cannot export an RSA key")?;
        Ok(pem("PRIVATE KEY", der.as_ref()))
    }

    /// The public key as PEM (X.509 `SubjectPublicKeyInfo`).
    pub(crate) fn public_pem(&self) -> Result<String> {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().context("cannot export a public key")?;
        Ok(pem("PUBLIC KEY", der.as_ref()))
    }

    /// The public key as DER (PKCS #1, RFC 8017, A.1.1).
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_owned()
    }

    /// Modulus and exponent of the public key, as `n` and `e` of a JWK (RFC 7518, 6.3.1).
    pub(crate) fn public_numbers(&self) -> Result<(String, String)> {
        // RSAPublicKey (RFC 8017, A.1.1) of a 2048-bit key: SEQUENCE and INTEGER headers with a leading zero byte
        // (9 bytes), the modulus (256 bytes), then INTEGER 65537.
        let der = self.0.public_key().as_ref();
        let (modulus, exponent) = der.get(9..).and_then(|rest| rest.split_at_checked(256)).context("not a 2048-bit key")?;
        Ok((URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent.get(2..).context("no exponent")?)))
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256 (`RS256`).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).context("cannot sign")?;
        Ok(signature)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
