//! The record id: a record's key in the table, and the name under which it appears in the audit trail.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};

use crate::derive::{base64url, from_base64url};
use crate::record_key::PublicKey;
use crate::reference::Reference;

/// `base64url(SHA-256("idbellen/v2/record id" ‖ public key))`, or `v1`, as the key's version is: 43 characters. It tells nothing about the citizen and
/// opens nothing, so it may be in URLs, logs and the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordId(String);

/// The text is not a record id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRecordId;

impl RecordId {
    /// The id of the record that is sealed to `key`.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        let bytes = [key.version().id_label(), &key.to_bytes()].concat();
        Self(base64url(digest(&SHA256, &bytes).as_ref()))
    }

    /// The id as it stands in the table.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The short form that an employee can note in a case file.
    #[must_use]
    pub fn reference(&self) -> Reference {
        Reference::of(&from_base64url(&self.0).map_or([0; 32], |bytes| *bytes))
    }
}

impl FromStr for RecordId {
    type Err = InvalidRecordId;

    fn from_str(text: &str) -> Result<Self, InvalidRecordId> {
        from_base64url(text).map(|_| Self(text.to_owned())).ok_or(InvalidRecordId)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_reference_is_of_its_bytes() {
        let all_ones: RecordId = ("_".repeat(42) + "8").parse().unwrap();
        assert_eq!(all_ones.reference(), Reference::of(&[0xff; 32]));
    }

    #[test]
    fn a_record_id_has_one_form_only() {
        for text in ["", "A", &"A".repeat(42), &"A".repeat(44), &("A".repeat(42) + "B"), &("A".repeat(42) + "=")] {
            assert_eq!(text.parse::<RecordId>(), Err(InvalidRecordId));
        }
    }
}
