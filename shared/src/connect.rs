//! Amazon Connect: the event with which a contact flow invokes a function, and the flat map of texts it takes back
//! (Amazon Connect administrator guide, "Grant Amazon Connect access to your Lambda functions").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::contact::{ContactId, InvalidContactId};

/// The parts of a flow's event that ID-bellen uses. Connect leaves out or sends as `null` whatever a contact does not
/// have, so nothing is required.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConnectEvent {
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Details {
    contact_data: Option<ContactData>,
    parameters: Option<BTreeMap<String, Value>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ContactData {
    contact_id: Option<String>,
    initial_contact_id: Option<String>,
}

impl ConnectEvent {
    /// A parameter that the flow's block "Invoke AWS Lambda function" passes, or nothing.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        let parameters = self.details.as_ref().and_then(|details| details.parameters.as_ref());
        parameters.and_then(|parameters| parameters.get(name)?.as_str()).unwrap_or_default()
    }

    /// The contact that the flow handles.
    pub fn contact_id(&self) -> Result<ContactId, InvalidContactId> {
        self.contact().and_then(|contact| contact.contact_id.as_deref()).unwrap_or_default().parse()
    }

    /// The first contact of the call, whose attributes the later ones share; the same one if there was no transfer.
    pub fn initial_contact_id(&self) -> Result<ContactId, InvalidContactId> {
        match self.contact().and_then(|contact| contact.initial_contact_id.as_deref()) {
            Some(id) => id.parse(),
            None => self.contact_id(),
        }
    }

    fn contact(&self) -> Option<&ContactData> {
        self.details.as_ref()?.contact_data.as_ref()
    }
}

/// What a contact flow gets back. It is never an error: a flow branches on `result`.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Outcome(BTreeMap<&'static str, Zeroizing<String>>);

impl Outcome {
    /// An outcome by its name.
    #[must_use]
    pub fn new(result: &'static str) -> Self {
        Self(BTreeMap::from([("result", result.to_owned().into())]))
    }

    /// ID-bellen is out of order: the flow goes on without it.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new("unavailable")
    }

    /// The same outcome, with one more text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.insert(name, value.to_owned().into());
        self
    }
}
