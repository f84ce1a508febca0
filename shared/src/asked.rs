//! What a session asks: kept in its record from the start, so that a purpose that changes meanwhile changes nothing of what
//! is taken in, nor of what the agent reads beside it.

use serde::{Deserialize, Serialize};

use crate::purpose::{Format, Purpose, Text};

/// The attributes that a session asks, each once, in the order of the condiscon, with what stands beside them on the agent's
/// screen. It is made of part of a purpose, and always takes less than the purpose does: under 4 KB for what fits in a
/// parameter.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked(Vec<AskedAttribute>);

/// An attribute that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AskedAttribute {
    /// Its identifier.
    pub id: String,
    /// What the agent sees it called.
    pub label: Text,
    /// How its value is written on the agent's screen, if not as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
}

/// The bytes are not what a session asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAsked;

impl Asked {
    /// What a session for `purpose` asks. Of a purpose that [`Purpose::read`] took, each attribute has its terms.
    #[must_use]
    pub fn by(purpose: &Purpose) -> Self {
        let of = |id: &str| {
            let terms = purpose.attributes.get(id)?;
            Some(AskedAttribute { id: id.to_owned(), label: terms.label.clone(), format: terms.format })
        };
        Self(purpose.asked().into_iter().filter_map(of).collect())
    }

    /// The bytes to store: the JSON `[{"id", "label": {"nl", "en"}, "format"?}, …]`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// The bytes that were stored.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidAsked> {
        serde_json::from_slice(bytes).map(Self).map_err(|_| InvalidAsked)
    }

    /// The attributes, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &AskedAttribute> {
        self.0.iter()
    }

    /// Whether the attribute `id` is among them.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.0.iter().any(|asked| asked.id == id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A purpose with this condiscon, and for each of these attributes a label that is its name in capitals.
    fn purpose(condiscon: &Value, ids: &[&str]) -> String {
        let terms = |id: &&str| {
            let text = json!({"nl": id.to_uppercase(), "en": id.to_uppercase()});
            ((*id).to_owned(), json!({"label": text, "reason": {"nl": "r", "en": "r"}}))
        };
        let mut attributes: serde_json::Map<String, Value> = ids.iter().map(terms).collect();
        if let Some(terms) = attributes.get_mut("a.b.c.bsn") {
            terms["format"] = json!("bsn");
        }
        let text = json!({"nl": "x", "en": "x"});
        json!({
            "title": text, "phoneNumber": "+31200000000", "pauses": 0, "open": true, "openingHours": {"weekly": {}},
            "controller": {"name": "x", "contact": "x"}, "privacyUrl": "https://x.example", "legalBasis": text,
            "condiscon": condiscon, "attributes": attributes,
        })
        .to_string()
    }

    #[test]
    fn each_attribute_is_there_once_in_the_order_of_the_condiscon() {
        let condiscon = json!([
            [["a.b.c.name", {"type": "a.b.c.bsn", "notNull": true}], ["a.b.d.name"]],
            [[], ["a.b.c.bsn", "a.a.a.a"]],
        ]);
        let json = purpose(&condiscon, &["a.a.a.a", "a.b.c.bsn", "a.b.c.name", "a.b.d.name"]);
        let asked = Asked::by(&Purpose::read(&json).unwrap());
        let label = |id: &str| json!({"nl": id.to_uppercase(), "en": id.to_uppercase()});
        let expected = json!([
            {"id": "a.b.c.name", "label": label("a.b.c.name")},
            {"id": "a.b.c.bsn", "label": label("a.b.c.bsn"), "format": "bsn"},
            {"id": "a.b.d.name", "label": label("a.b.d.name")},
            {"id": "a.a.a.a", "label": label("a.a.a.a")},
        ]);
        let bytes = asked.to_bytes();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), expected);
        assert_eq!(Asked::from_bytes(&bytes), Ok(asked));
    }

    #[test]
    fn what_was_not_stored_so_is_refused() {
        for bytes in ["", "{}", "[1]", r#"[{"id": "a"}]"#, r#"[{"id": "a", "label": {"nl": "x"}}]"#] {
            assert_eq!(Asked::from_bytes(bytes.as_bytes()), Err(InvalidAsked), "{bytes}");
        }
    }

    /// So it fits wherever the purpose does: no purpose has to be refused for it. The shortest reason there can be is longer
    /// than what is written differently.
    #[test]
    fn it_takes_less_than_its_purpose() {
        for count in [1, 2, 30, 300] {
            let ids: Vec<String> = (0..count).map(|at| format!("a.b.c.{at}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let json = purpose(&json!([[ids]]), &ids);
            assert!(Asked::by(&Purpose::read(&json).unwrap()).to_bytes().len() < json.len());
        }
    }
}
