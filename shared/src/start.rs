//! The one write that touches both tables: a session's record and its code come into being together, or not at all.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use crate::codes::{Codes, NewCode};
use crate::database::{DatabaseUnavailable, unavailable};
use crate::records::{NewRecord, Records};

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// There is a record or a code with this id: draw anew.
    Collision,
    /// The cause is in the log.
    DatabaseUnavailable,
}

impl From<DatabaseUnavailable> for NotStarted {
    fn from(_: DatabaseUnavailable) -> Self {
        Self::DatabaseUnavailable
    }
}

/// Writes `record` and `code` in one `TransactWriteItems`. The SDK gives it a token, so that repeating it after a lost
/// answer is no collision.
pub async fn start(
    client: &Client,
    records: &Records,
    record: &NewRecord,
    codes: &Codes,
    code: &NewCode,
) -> Result<(), NotStarted> {
    let answer = client.transact_write_items().transact_items(records.put(record)?).transact_items(codes.put(code)?).send().await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(collided) => Err(NotStarted::Collision),
        Err(error) => Err(unavailable("TransactWriteItems")(error).into()),
    }
}

fn collided(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}
