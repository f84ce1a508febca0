//! KMS, as far as an operator swaps the code key with it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::{DateTime, DateTimeFormat};
use aws_sdk_kms::types::{AliasListEntry, KeyMetadata, KeySpec, KeyState, KeyUsageType, OriginType, Tag};
use serde_json::Value;
use shared::clock::UnixSeconds;
use shared::server_date::ServerDate;

use crate::parameter_store::cause;
use crate::swap::Target;

/// The tag of a key that a swap made, with the id of the key that it was made to replace.
pub const REPLACES: &str = "idbellen:replaces";

/// KMS of the account and region that the environment or the profile names.
pub struct Kms(Client);

/// An alias of the account.
pub struct Named {
    /// `alias/…`.
    pub alias: String,
    /// What it names.
    pub target: Target,
}

/// A key, as far as it matters here.
pub struct Key {
    /// When it was made.
    pub made_at: UnixSeconds,
    /// Whether it can be used now.
    pub is_enabled: bool,
    /// Whether it is there, and not to be deleted.
    pub is_alive: bool,
}

impl Kms {
    /// Finds region and credentials the way AWS's own command does.
    pub async fn from_environment() -> Self {
        Self(Client::new(&aws_config::defaults(BehaviorVersion::latest()).load().await))
    }

    /// The aliases of the account, and what time it is for KMS.
    pub async fn aliases(&self) -> Result<(Vec<Named>, UnixSeconds)> {
        let (mut aliases, mut marker, date) = (Vec::new(), None, ServerDate::default());
        loop {
            let request = self.0.list_aliases().set_marker(marker.take()).customize().interceptor(date.clone());
            let page = request.send().await.map_err(|error| anyhow!("aliases can't be listed: {}", cause(&error)))?;
            aliases.extend(page.aliases.unwrap_or_default().into_iter().filter_map(named));
            marker = page.next_marker.filter(|_| page.truncated);
            if marker.is_none() {
                break;
            }
        }
        // Our own clock may be off, and a key that is deleted too early takes codes with it.
        Ok((aliases, date.seconds().context("KMS does not say what time it is")?))
    }

    /// A code key by its id; `None` if there is none. An error if it is a key for anything else.
    pub async fn code_key(&self, id: &str) -> Result<Option<Key>> {
        let found = match self.0.describe_key().key_id(id).send().await {
            Ok(answer) => answer.key_metadata.with_context(|| format!("KMS does not describe key {id}"))?,
            Err(error) if error.code() == Some("NotFoundException") => return Ok(None),
            Err(error) => bail!("key {id} can't be described: {}", cause(&error)),
        };
        let is_one = found.key_spec == Some(KeySpec::Hmac256) && found.key_usage == Some(KeyUsageType::GenerateVerifyMac);
        ensure!(is_one, "key {id} is no HMAC_256 key: it is not the code key, and is left alone");
        // Of one that was imported, there is a copy elsewhere.
        let is_of_kms = found.origin == Some(OriginType::AwsKms);
        ensure!(is_of_kms, "key {id} was not made in KMS: it is not the code key, and is left alone");
        key(&found).map(Some).with_context(|| format!("KMS does not say when key {id} was made"))
    }

    /// The id of the key that this one was made to replace.
    pub async fn replaced_by(&self, id: &str) -> Result<Option<String>> {
        let tags = self.tags(id).await.map_err(|error| anyhow!("the tags of key {id} can't be read: {}", cause(&error)))?;
        Ok(replaces(&tags).map(str::to_owned))
    }

    /// What a swap passes on from a key to the one that replaces it.
    async fn passed_on(&self, id: &str) -> Result<PassedOn> {
        let failed = |what: &str, why: String| anyhow!("the {what} of key {id} can't be read: {why}");
        let policy = self.policy(id).await?;
        let described = self.0.describe_key().key_id(id).send().await;
        let described = described.map_err(|error| failed("description", cause(&error)))?;
        let tags = self.tags(id).await.map_err(|error| failed("tags", cause(&error)))?;
        // Those of AWS, as CloudFormation's, can't be given.
        let kept = tags.into_iter().filter(|tag| !tag.tag_key.starts_with("aws:") && tag.tag_key != REPLACES);
        let tags = kept.map(|tag| (tag.tag_key, tag.tag_value)).collect();
        let description = described.key_metadata.and_then(|key| key.description).unwrap_or_default();
        Ok(PassedOn { policy, description, tags })
    }

    /// Whether one of two keys can have been made to replace the other: both have what a swap passes on.
    pub async fn are_alike(&self, one: &str, other: &str) -> Result<bool> {
        let (one, other) = (self.passed_on(one).await?, self.passed_on(other).await?);
        let say_the_same = says_the_same(&one.policy, &other.policy);
        Ok(say_the_same && one.description == other.description && one.tags == other.tags)
    }

    /// The key that was made to replace `old`: by a swap that was interrupted, if there is one, or else now, with the policy,
    /// the description and the tags of `old`.
    pub async fn made_for(&self, old: &str) -> Result<String> {
        let PassedOn { policy, description, tags } = self.passed_on(old).await?;
        if let Some(left) = self.left_by_a_swap(old, &policy).await? {
            return Ok(left);
        }
        let tag = |(key, value): (String, String)| Tag::builder().tag_key(key).tag_value(value).build();
        let mark = (REPLACES.to_owned(), old.to_owned());
        let request = self
            .0
            .create_key()
            .key_spec(KeySpec::Hmac256)
            .key_usage(KeyUsageType::GenerateVerifyMac)
            .policy(&policy)
            .description(description)
            .set_tags(Some(tags.into_iter().chain([mark]).map(tag).collect::<Result<_, _>>()?));
        // An answer that got lost would, asked for again, be a second key. Whoever runs the command again finds the first.
        let once = aws_sdk_kms::config::Builder::new().retry_config(RetryConfig::disabled());
        let made = request.customize().config_override(once).send().await;
        let made = made.map_err(|error| anyhow!("no key can be made: {}", cause(&error)))?;
        let made = made.key_metadata.context("KMS made a key and does not say which")?.key_id;
        // Someone else may have made one meanwhile.
        match self.left_by_a_swap(old, &policy).await? {
            Some(other) if other != made => Err(two(&made, &other, old)),
            _ => Ok(made),
        }
    }

    /// Points an alias at a key.
    pub async fn point(&self, alias: &str, key: &str) -> Result<()> {
        let done = self.0.update_alias().alias_name(alias).target_key_id(key).send().await;
        done.map(|_| ()).map_err(|error| anyhow!("{alias} can't be pointed at key {key}: {}", cause(&error)))
    }

    /// Has a key deleted after so many days. Gives the moment, as people read it.
    pub async fn delete(&self, key: &str, days: i32) -> Result<String> {
        let done = self.0.schedule_key_deletion().key_id(key).pending_window_in_days(days).send().await;
        let done = done.map_err(|error| anyhow!("key {key} can't be deleted: {}", cause(&error)))?;
        Ok(done.deletion_date.map_or_else(|| format!("in {days} days"), |date| format!("at {}", in_words(date.secs()))))
    }

    /// The key that a swap made to replace `old`, with this policy. Keys whose tags we may not read are not ours. An error if
    /// there are two; and if it has another policy, because whoever may tag a key can say of their own that it is one.
    async fn left_by_a_swap(&self, old: &str, policy: &str) -> Result<Option<String>> {
        let (mut keys, mut left) = (self.0.list_keys().into_paginator().items().send(), None);
        while let Some(entry) = keys.next().await {
            let entry = entry.map_err(|error| anyhow!("keys can't be listed: {}", cause(&error)))?;
            let Some(id) = entry.key_id else { continue };
            let tags = match self.tags(&id).await {
                Ok(tags) => tags,
                Err(error) if matches!(error.code(), Some("AccessDeniedException" | "NotFoundException")) => continue,
                Err(error) => bail!("the tags of key {id} can't be read: {}", cause(&error)),
            };
            if replaces(&tags) != Some(old) || !self.code_key(&id).await?.is_some_and(|key| key.is_enabled) {
                continue;
            }
            ensure!(
                says_the_same(policy, &self.policy(&id).await?),
                "key {id} has the tag {REPLACES} and another policy than key {old}: no swap made it so; find out in the trail \
                 who did, and delete it or take its tag away"
            );
            if let Some(other) = left.replace(id.clone()) {
                return Err(two(&id, &other, old));
            }
        }
        Ok(left)
    }

    async fn policy(&self, id: &str) -> Result<String> {
        let policy = self.0.get_key_policy().key_id(id).policy_name("default").send().await;
        let policy = policy.map_err(|error| anyhow!("the policy of key {id} can't be read: {}", cause(&error)))?;
        policy.policy.with_context(|| format!("KMS gives no policy of key {id}"))
    }

    async fn tags(
        &self,
        id: &str,
    ) -> Result<Vec<Tag>, SdkError<aws_sdk_kms::operation::list_resource_tags::ListResourceTagsError>> {
        self.0.list_resource_tags().key_id(id).into_paginator().items().send().collect().await
    }
}

/// What a swap passes on from a key to the one that replaces it.
struct PassedOn {
    policy: String,
    description: String,
    /// Without AWS's, and without the one that says which key was replaced.
    tags: BTreeMap<String, String>,
}

/// Of two keys, someone else's swap may have pointed an alias at either by now.
fn two(one: &str, other: &str, old: &str) -> anyhow::Error {
    anyhow!("keys {one} and {other} were both made to replace {old}: delete one that no alias names")
}

/// Whether two policies are the same JSON.
fn says_the_same(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    read(one).is_some_and(|one| Some(one) == read(other))
}

fn replaces(tags: &[Tag]) -> Option<&str> {
    tags.iter().find(|tag| tag.tag_key == REPLACES).map(|tag| tag.tag_value.as_str())
}

fn named(entry: AliasListEntry) -> Option<Named> {
    let target = Target { key: entry.target_key_id?, since: entry.last_updated_date?.secs() };
    Some(Named { alias: entry.alias_name?, target })
}

fn key(found: &KeyMetadata) -> Option<Key> {
    let is_alive = !matches!(found.key_state, Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion));
    Some(Key { made_at: found.creation_date?.secs(), is_enabled: found.key_state == Some(KeyState::Enabled), is_alive })
}

/// A moment as people read it: `2027-01-31T12:00:00Z`.
pub fn in_words(moment: UnixSeconds) -> String {
    DateTime::from_secs(moment).fmt(DateTimeFormat::DateTime).unwrap_or_else(|_| format!("second {moment} since 1970"))
}
