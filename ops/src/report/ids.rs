//! Ids of records, codes and agents: 32 bytes, in the trail as 43 characters of base64url.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The 32 bytes of an id.
pub type Id = [u8; 32];

/// What the key of an item in a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemId {
    /// A record or code.
    Item(Id),
    /// The mark of an agent, that is never in the table: `agent/PSEUDONYM/RECORD` (`shared::records`).
    Mark { agent: Id, record: Id },
}

impl ItemId {
    fn of(text: &str) -> Option<Self> {
        let Some(names) = text.strip_prefix("agent/") else { return id_of(text).map(Self::Item) };
        let (agent, record) = names.split_once('/')?;
        Some(Self::Mark { agent: id_of(agent)?, record: id_of(record)? })
    }

    /// The record or code, if it is one.
    pub fn item(self) -> Option<Id> {
        match self {
            Self::Item(id) => Some(id),
            Self::Mark { .. } => None,
        }
    }

    /// The record or code that it is about.
    pub fn about(self) -> Id {
        match self {
            Self::Item(id) | Self::Mark { record: id, .. } => id,
        }
    }
}

/// Reads an id. What is none is not kept.
pub fn read_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Id>, D::Error> {
    read(deserializer, id_of)
}

/// Reads what the key of an item names. What is none is not kept.
pub fn read_item_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<ItemId>, D::Error> {
    read(deserializer, ItemId::of)
}

fn read<'de, D: serde::Deserializer<'de>, T>(deserializer: D, of: impl Fn(&str) -> Option<T>) -> Result<Option<T>, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?.as_str().and_then(of))
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
