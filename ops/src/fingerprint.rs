//! Fingerprints of public keys.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};

use crate::hex::unhex;

/// The SHA-256 of a public key's DER `SubjectPublicKeyInfo`. Shown as 16 groups of 4 hexadecimal digits, which two
/// people can read to each other; read with or without spaces and colons, in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// The text is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFingerprint;

impl Fingerprint {
    /// The fingerprint of a DER `SubjectPublicKeyInfo`.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, der).as_ref());
        Self(bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let bytes = unhex(&text.replace([' ', ':'], "")).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidFingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pair) in self.0.chunks(2).enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(formatter, "{space}{:02x}{:02x}", pair[0], pair[1])?;
        }
        Ok(())
    }
}

impl fmt::Display for InvalidFingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a fingerprint is 64 hexadecimal digits, with or without spaces or colons")
    }
}

impl std::error::Error for InvalidFingerprint {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of no bytes at all (FIPS 180-4, SHA-256).
    const EMPTY: &str = "e3b0 c442 98fc 1c14 9afb f4c8 996f b924 27ae 41e4 649b 934c a495 991b 7852 b855";

    #[test]
    fn a_fingerprint_is_shown_in_groups_of_four() {
        assert_eq!(Fingerprint::of(b"").to_string(), EMPTY);
    }

    #[test]
    fn a_fingerprint_is_read_however_people_write_it() {
        let bare = EMPTY.replace(' ', "");
        let bytes: Vec<&str> = bare.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
        for text in [EMPTY, &bare, &bare.to_uppercase(), &bytes.join(":")] {
            assert_eq!(text.parse(), Ok(Fingerprint::of(b"")), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_fingerprint() {
        let bare = EMPTY.replace(' ', "");
        for text in ["", "e3b0", &bare[1..], &format!("{bare}00"), &bare.replace('e', "g"), &bare.replace('e', "é")] {
            assert_eq!(text.parse::<Fingerprint>(), Err(InvalidFingerprint), "{text}");
        }
    }
}
