//! Amazon Connect: the event with which a contact flow invokes a function, and the flat map of texts it takes back
//! (Amazon Connect administrator guide, "Grant Amazon Connect access to your Lambda functions").

use std::collections::BTreeMap;

use aws_lambda_events::connect::ConnectEvent;

use crate::contact::{ContactId, InvalidContactId};

/// What a contact flow gets back. It is never an error: a flow branches on `result`.
#[derive(serde::Serialize)]
#[serde(transparent)]
pub struct Outcome(BTreeMap<&'static str, String>);

impl Outcome {
    /// An outcome by its name.
    #[must_use]
    pub fn new(result: &'static str) -> Self {
        Self(BTreeMap::from([("result", result.to_owned())]))
    }

    /// ID-bellen is out of order: the flow goes on without it.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new("unavailable")
    }

    /// The same outcome, with one more text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.insert(name, value.to_owned());
        self
    }
}

/// A parameter that the flow's block "Invoke AWS Lambda function" passes, or nothing.
#[must_use]
pub fn parameter<'a>(event: &'a ConnectEvent, name: &str) -> &'a str {
    event.details.parameters.get(name).map_or("", String::as_str)
}

/// The contact that the flow handles.
pub fn contact_id(event: &ConnectEvent) -> Result<ContactId, InvalidContactId> {
    event.details.contact_data.contact_id.as_deref().unwrap_or_default().parse()
}
