//! Key derivation: HKDF-SHA-256 (RFC 5869) without a salt; pseudonyms; and base64url (RFC 4648, section 5, without padding).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Derives 32 bytes from `input` for the use that `info` names.
#[expect(clippy::expect_used, reason = "32 bytes is one block: HKDF refuses only more than 255")]
pub fn hkdf(input: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new([0; 32]);
    Salt::new(HKDF_SHA256, &[])
        .extract(input)
        .expand(info, HKDF_SHA256)
        .and_then(|okm| okm.fill(output.as_mut()))
        .expect("HKDF gives 32 bytes");
    output
}

/// The pseudonym of `name` among those of the kind `label`: `base64url(SHA-256(label ‖ name))`. Whoever knows the name can tell
/// that it is theirs.
pub fn pseudonym(label: &str, name: &str) -> String {
    base64url(digest(&SHA256, [label, name].concat().as_bytes()).as_ref())
}

/// Writes `bytes` as base64url.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads 32 bytes from their one base64url form; anything else is `None`.
pub fn from_base64url(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    (text.len() == 43 && URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut()) == Ok(32)).then_some(bytes)
}
