//! Bytes in hexadecimal.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// The bytes as lower-case digits, two for each.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The SHA-256 of `content`, in hexadecimal.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    encode(digest(&SHA256, content).as_ref())
}
