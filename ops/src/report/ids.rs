//! Ids of records, codes and agents: 32 bytes, in the trail as 43 characters of base64url.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize as _;

/// The 32 bytes of an id.
pub type Id = [u8; 32];

pub fn read_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Id>, D::Error> {
    // What is no id is not kept.
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => id_of(&text),
        _ => None,
    })
}

/// The bytes of an id that is written as 43 characters of base64url.
pub fn id_of(text: &str) -> Option<Id> {
    let mut id = [0; 32];
    (text.len() == 43 && URL_SAFE_NO_PAD.decode_slice(text, &mut id) == Ok(32)).then_some(id)
}

/// An id as it stands in the table.
pub fn id_text(id: &Id) -> String {
    URL_SAFE_NO_PAD.encode(id)
}
