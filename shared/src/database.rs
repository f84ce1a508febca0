//! What both tables have in common: their keys, their index by expiry, and how a failure is told.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use aws_sdk_dynamodb::{Client, operation::query::builders::QueryFluentBuilder};

use crate::clock::{UnixSeconds, now};
use crate::server_date::ServerDate;

/// The database did not do what was asked. The cause is in the log, without any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseUnavailable;

/// An item of a table, by attribute name.
pub type Item = HashMap<String, AttributeValue>;

/// Both tables spread their items over this many partitions of the index `by-expiry`.
const SHARDS: u8 = 8;
const INDEX: &str = "by-expiry";

/// Logs which operation failed and with which of the service's error codes, and nothing else of the error.
pub fn unavailable<E: ProvideErrorMetadata, R>(operation: &'static str) -> impl Fn(SdkError<E, R>) -> DatabaseUnavailable {
    move |error| {
        let code = match &error {
            SdkError::ServiceError(_) => error.code().unwrap_or("no code"),
            SdkError::TimeoutError(_) => "timeout",
            SdkError::DispatchFailure(_) => "no connection",
            _ => "no valid answer",
        };
        tracing::error!(operation, code, "DynamoDB failed");
        DatabaseUnavailable
    }
}

/// Logs that an item lacks a valid `attribute`.
pub fn malformed(table: &'static str, attribute: &'static str) -> DatabaseUnavailable {
    tracing::error!(table, attribute, "an item has no valid value for this attribute");
    DatabaseUnavailable
}

/// The partition of the index in which the item with this id stands: ids are uniform, so partitions are even.
pub fn shard(id: &str) -> AttributeValue {
    let sum = id.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    number((sum % SHARDS).into())
}

pub fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

pub fn set_of_bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::Bs(vec![Blob::new(value)])
}

pub fn key(id: &str) -> Item {
    HashMap::from([("id".to_owned(), text(id))])
}

pub fn read_text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute)?.as_s().ok().map(String::as_str)
}

pub fn read_number<T: FromStr>(item: &Item, attribute: &str) -> Option<T> {
    item.get(attribute)?.as_n().ok()?.parse().ok()
}

pub fn read_bytes(item: &Item, attribute: &str) -> Option<Vec<u8>> {
    item.get(attribute)?.as_b().ok().map(|blob| blob.clone().into_inner())
}

/// The write of a new item, that fails if there is one with its id.
pub fn put_new<const N: usize>(
    table: &str,
    attributes: [(&str, AttributeValue); N],
) -> Result<TransactWriteItem, DatabaseUnavailable> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(attributes.map(|(name, value)| (name.to_owned(), value)).into()))
        .condition_expression("attribute_not_exists(id)")
        .build()
        .map_err(|_| DatabaseUnavailable)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// So many that must go are found in each shard at a time, at most: what a sweep does before it looks at the time again.
pub const MOST_EXPIRED: usize = 100;

/// Reads items of the index, page by page, of each shard at most `most`; the oldest first. What `read` makes of them is kept,
/// and not the items: there can be many.
pub async fn by_expiry<T>(
    client: &Client,
    table: &str,
    expiry: Expiry,
    most: usize,
    read: impl Fn(&Item) -> Option<T>,
) -> Result<Vec<T>, DatabaseUnavailable> {
    let mut found = Vec::new();
    for shard in 0..SHARDS {
        let mut pages = expiry
            .narrow(client.query().table_name(table).index_name(INDEX))
            .expression_attribute_values(":shard", number(shard.into()))
            .set_limit(i32::try_from(most).ok())
            .into_paginator()
            .send();
        let mut in_shard = 0;
        while in_shard < most
            && let Some(page) = pages.next().await
        {
            let page = page.map_err(unavailable("Query"))?;
            in_shard += page.items().len();
            let read = |item| Some((read_number::<UnixSeconds>(item, "expires_at").unwrap_or_default(), read(item)?));
            found.extend(page.items().iter().filter_map(read));
        }
    }
    // A sweep that can't do all must not leave the last shards to the end each time.
    found.sort_by_key(|(expires_at, _)| *expires_at);
    Ok(found.into_iter().map(|(_, read)| read).collect())
}

/// What time it is for the database, by the header `Date` of its answer: one `Query` for a single key.
pub async fn time(client: &Client, table: &str) -> Result<UnixSeconds, DatabaseUnavailable> {
    let date = ServerDate::default();
    let query = client.query().table_name(table).index_name(INDEX).limit(1);
    let query = Expiry::Until(0).narrow(query).expression_attribute_values(":shard", number(0));
    query.customize().interceptor(date.clone()).send().await.map_err(unavailable("Query"))?;
    let Some(time) = date.seconds() else {
        tracing::warn!("DynamoDB does not say what time it is: our own clock counts");
        return Ok(now());
    };
    if (time - now()).abs() > 60 {
        tracing::warn!("our clock is more than a minute off: DynamoDB's counts");
    }
    Ok(time)
}

/// Which part of the index to read.
pub enum Expiry {
    /// What expires at this moment or before it.
    Until(UnixSeconds),
    /// What expires after this moment and is pending.
    PendingAfter(UnixSeconds),
}

impl Expiry {
    fn narrow(&self, query: QueryFluentBuilder) -> QueryFluentBuilder {
        let (condition, moment) = match self {
            Self::Until(moment) => ("#shard = :shard AND expires_at <= :moment", moment),
            Self::PendingAfter(moment) => ("#shard = :shard AND expires_at > :moment", moment),
        };
        let query = query
            .key_condition_expression(condition)
            // Reserved words (Amazon DynamoDB developer guide, "Reserved words").
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_values(":moment", number(*moment));
        if matches!(self, Self::Until(_)) {
            return query;
        }
        query
            .filter_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", text("pending"))
    }
}

/// Deletes an item that expires at `cutoff` or before it, unless it was written anew since it was found.
pub async fn delete_expired(client: &Client, table: &str, id: &str, cutoff: UnixSeconds) -> Result<bool, DatabaseUnavailable> {
    let answer = client
        .delete_item()
        .table_name(table)
        .set_key(Some(key(id)))
        .condition_expression("expires_at <= :cutoff")
        .expression_attribute_values(":cutoff", number(cutoff))
        .send()
        .await;
    met(answer, "DeleteItem").map(|done| done.is_some())
}

/// The answer of a conditional write: `None` where the condition did not hold.
pub fn met<T, E: ProvideErrorMetadata, R>(
    answer: Result<T, SdkError<E, R>>,
    operation: &'static str,
) -> Result<Option<T>, DatabaseUnavailable> {
    match answer {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(unavailable(operation)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn ids_spread_evenly_over_the_shards() {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for seed in 0..800_u16 {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&seed.to_be_bytes());
            let shard = shard(Secret::from_bytes(&bytes).record_id().as_str());
            *counts.entry(shard.as_n().cloned().unwrap_or_default()).or_default() += 1;
        }
        assert_eq!(counts.len(), usize::from(SHARDS));
        assert!(counts.values().all(|&count| (60..140).contains(&count)), "{counts:?}");
    }
}
