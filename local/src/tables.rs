//! The two tables as they lie in the database, for a look that no one but us has.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::{REGION, Stack};

/// An item, by attribute name.
pub type Item = HashMap<String, AttributeValue>;

impl Stack {
    /// A client of the database as the root user, whose calls the wire tap does not see.
    #[must_use]
    pub fn dynamodb(&self) -> Client {
        let root = self.root();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.aws_url())
            .credentials_provider(Credentials::new(&root.key_id, &root.secret, None, None, "root"))
            .build();
        Client::from_conf(config)
    }

    /// The name of a table, by its name in the template.
    pub fn table(&self, table: &str) -> Result<String> {
        self.deployment.resources.get(table).cloned().with_context(|| format!("no table {table}"))
    }

    /// All items of a table, by its name in the template.
    pub async fn items(&self, table: &str) -> Result<Vec<Item>> {
        let mut items = self.dynamodb().scan().table_name(self.table(table)?).into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.push(item?);
        }
        Ok(found)
    }
}
