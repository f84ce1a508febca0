//! The contact: one caller's conversation as telephony names it.

use std::str::FromStr;

/// What `contactId` must be, for the one who sent something else.
pub const CONTACT_ID: &str = "\"contactId\" is 1 to 128 visible ASCII characters.";

/// Telephony's id of a contact, or of one agent's leg of it after a transfer: 1 to 128 visible ASCII characters
/// (Amazon Connect gives a UUID).
#[derive(Clone, PartialEq, Eq)]
pub struct ContactId(String);

/// The text is not a contact id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidContactId;

impl ContactId {
    /// The id as telephony gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContactId {
    type Err = InvalidContactId;

    fn from_str(text: &str) -> Result<Self, InvalidContactId> {
        let valid = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidContactId) }
    }
}

/// Who has the caller on screen: it decides whose "clear contact" deletes the record.
pub enum Holder<'a> {
    /// The contact, or the agent's leg of it, that the portal named.
    Contact(&'a ContactId),
    /// The agent, by the subject of their token, where the portal knows no contact id.
    Agent(&'a str),
}
