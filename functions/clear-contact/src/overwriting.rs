//! The secret in the attributes of a contact of Amazon Connect, overwritten after the contact was cleared.
//!
//! The record is gone by then, and the answer does not wait: the function invokes itself. What it passes itself is the
//! contact's id, and the record's. If a run fails, Lambda runs it again, twice at most.
//!
//! Which contact it is an agent's browser says. So it is looked first whether the secret there is the one of the record
//! that was cleared: an agent could empty the secret of another call otherwise, which nobody has looked up yet.

use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde::{Deserialize, Serialize};
use shared::config::{Aws, CannotStart, variable};
use shared::contact::ContactId;
use shared::contact_attributes::{ContactAttributes, NotOverwritten};
use shared::record_id::RecordId;

/// The member by which an event is known as [`Event`].
pub const MEMBER: &str = "overwrite";

/// What the function passes itself.
#[derive(Deserialize, Serialize)]
pub struct Event {
    /// The first contact of the call.
    overwrite: String,
    record: String,
}

/// Overwrites secrets in one instance of Amazon Connect.
pub struct Overwriting {
    attributes: ContactAttributes,
    lambda: aws_sdk_lambda::Client,
    /// This function.
    function: String,
}

/// The secret may still be there. The cause is in the log.
pub enum NotDone {
    /// Amazon Connect or Lambda did not do what it was asked.
    Failed,
    /// The contact that was named does not have this secret: it has another, or none. Should Lambda run a run twice that
    /// was done, the second finds this too.
    Another,
}

impl Overwriting {
    /// `None` where telephony is not Amazon Connect.
    pub fn from_environment(aws: &Aws) -> Result<Option<Self>, CannotStart> {
        let Some(attributes) = ContactAttributes::from_environment(aws)? else { return Ok(None) };
        let lambda = aws_sdk_lambda::Client::new(aws.sdk_config());
        Ok(Some(Self { attributes, lambda, function: variable("AWS_LAMBDA_FUNCTION_NAME")? }))
    }

    /// Has the function invoked for `contact`.
    pub async fn later(&self, contact: Option<&ContactId>, id: &RecordId) -> Result<(), NotDone> {
        let Some(contact) = contact else {
            tracing::error!(record = %id, "the secret was not overwritten: no contact was named");
            return Err(NotDone::Failed);
        };
        let event = Event { overwrite: contact.as_str().to_owned(), record: id.to_string() };
        let event = serde_json::to_vec(&event).map_err(|_| NotDone::Failed)?;
        let invocation = self.lambda.invoke().function_name(&self.function).invocation_type(InvocationType::Event);
        invocation.payload(Blob::new(event)).send().await.map(|_| ()).map_err(|error| {
            tracing::error!(record = %id, code = error.code(), "the secret was not overwritten: Lambda Invoke failed");
            NotDone::Failed
        })
    }

    /// Overwrites.
    pub async fn now(&self, event: &Event) -> Result<(), NotDone> {
        let (Ok(contact), Ok(id)) = (event.overwrite.parse(), event.record.parse::<RecordId>()) else {
            tracing::error!("what the function passed itself names no contact or no record");
            return Err(NotDone::Failed);
        };
        self.attributes.overwrite_secret(&contact, &id).await.map_err(|reason| {
            tracing::error!(record = %id, %reason, "the secret was not overwritten");
            if reason == NotOverwritten::Another { NotDone::Another } else { NotDone::Failed }
        })?;
        tracing::info!(record = %id, "the secret was overwritten");
        Ok(())
    }
}
