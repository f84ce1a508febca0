//! Copies from the audit account what a report of one day needs, with what the objects do not hold themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};
use aws_config::BehaviorVersion;
use aws_config::Region;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudwatch::types::Statistic;
use aws_sdk_s3::Client;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::folder::{EXPORT, Export, Hour, KEYS, OBJECTS, PublicKey, STARTED};
use crate::stage::Stage;

/// A record that was made just before the day, and the last that was made on it, are told as well; and what is delivered
/// late.
const BEFORE: i64 = 2 * 3600;
const AFTER: i64 = 3 * 3600;

/// What to export.
pub struct Wanted<'a> {
    pub stage: &'a Stage,
    pub bucket: &'a str,
    /// The day, in Unix seconds.
    pub period: &'a Range<i64>,
    /// The profile of AWS's command with which the application's account shows its metrics.
    pub metrics_profile: Option<&'a str>,
}

/// Exports to a folder that must not be there yet. Says how many objects it copied.
pub async fn export(wanted: &Wanted<'_>, to: &Path) -> Result<usize> {
    fs::create_dir(to).with_context(|| format!("folder {} can't be made", to.display()))?;
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    let bucket = Bucket { client: Client::new(&config), name: wanted.bucket };
    let accounts = bucket.folders("AWSLogs/").await?;
    let [account] = accounts.as_slice() else {
        bail!(
            "bucket {} has {} folders in AWSLogs, and is to have that of the application's account",
            wanted.bucket,
            accounts.len()
        );
    };
    let account = account.clone();
    let span = wanted.period.start - BEFORE..wanted.period.end + AFTER;
    let days = days(&span);
    let mut objects = Vec::new();
    let mut regions = BTreeSet::new();
    for kind in ["CloudTrail", "CloudTrail-Digest"] {
        for region in bucket.folders(&format!("AWSLogs/{account}/{kind}/")).await? {
            for day in &days {
                objects.extend(bucket.objects(&format!("AWSLogs/{account}/{kind}/{region}/{day}/")).await?);
            }
            regions.insert(region);
        }
    }
    for day in &days {
        objects.extend(bucket.objects(&format!("agents/{day}/")).await?);
    }
    let mut signatures = BTreeMap::new();
    for key in &objects {
        let signature = bucket.copy(key, &to.join(OBJECTS)).await?;
        signatures.extend(signature.map(|signature| (key.clone(), signature)));
    }
    let mut keys = Vec::new();
    for region in regions {
        keys.extend(public_keys(&config, &region, &span).await?);
    }
    write(&to.join(KEYS), &keys)?;
    if let Some(profile) = wanted.metrics_profile {
        write(&to.join(STARTED), &started(profile, wanted.stage, wanted.period).await?)?;
    }
    // Last: a folder without it is not whole.
    write(&to.join(EXPORT), &Export { bucket: wanted.bucket.to_owned(), account, signatures })?;
    Ok(objects.len())
}

/// The folders of the days in UTC that a span touches, `2026/01/31`.
fn days(span: &Range<i64>) -> Vec<String> {
    let mut days = BTreeSet::new();
    let mut at = span.start;
    while at < span.end + 86_400 {
        if let Ok(moment) = Timestamp::from_second(at.min(span.end)) {
            days.insert(moment.to_zoned_datetime(TimeZone::UTC).strftime("%Y/%m/%d").to_string());
        }
        at += 86_400;
    }
    days.into_iter().collect()
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    fs::write(path, serde_json::to_vec(value)?).with_context(|| format!("{} can't be written", path.display()))
}

struct Bucket<'a> {
    client: Client,
    name: &'a str,
}

impl Bucket<'_> {
    /// The names of the folders in a folder.
    async fn folders(&self, prefix: &str) -> Result<Vec<String>> {
        let request = self.client.list_objects_v2().bucket(self.name).prefix(prefix).delimiter("/");
        let mut pages = request.into_paginator().send();
        let mut folders = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.with_context(|| format!("s3://{}/{prefix} can't be listed", self.name))?;
            let names = page.common_prefixes().iter().filter_map(|one| one.prefix()?.strip_prefix(prefix)?.strip_suffix('/'));
            folders.extend(names.map(str::to_owned));
        }
        Ok(folders)
    }

    /// The keys of the objects below a prefix.
    async fn objects(&self, prefix: &str) -> Result<Vec<String>> {
        let mut pages = self.client.list_objects_v2().bucket(self.name).prefix(prefix).into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.with_context(|| format!("s3://{}/{prefix} can't be listed", self.name))?;
            objects.extend(page.contents().iter().filter_map(|object| Some(object.key()?.to_owned())));
        }
        Ok(objects)
    }

    /// Copies an object. Gives the signature in its metadata, if there is one.
    async fn copy(&self, key: &str, root: &Path) -> Result<Option<String>> {
        if key.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            bail!("bucket {} has an object whose key is no path", self.name);
        }
        let object = self.client.get_object().bucket(self.name).key(key).send().await;
        let object = object.with_context(|| format!("s3://{}/{key} can't be read", self.name))?;
        let signature = object.metadata().and_then(|metadata| metadata.get("signature")).cloned();
        let body = object.body.collect().await.with_context(|| format!("s3://{}/{key} can't be read", self.name))?;
        let path = root.join(key);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, body.into_bytes()).with_context(|| format!("{} can't be written", path.display()))?;
        Ok(signature)
    }
}

/// With which CloudTrail signed in a region.
async fn public_keys(config: &aws_config::SdkConfig, region: &str, span: &Range<i64>) -> Result<Vec<PublicKey>> {
    let config = aws_sdk_cloudtrail::config::Builder::from(config).region(Region::new(region.to_owned())).build();
    let client = aws_sdk_cloudtrail::Client::from_conf(config);
    let request = client.list_public_keys().start_time(DateTime::from_secs(span.start)).end_time(DateTime::from_secs(span.end));
    let mut pages = request.into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.with_context(|| format!("CloudTrail's public keys of {region} can't be read"))?;
        keys.extend(page.public_key_list().iter().filter_map(|key| {
            let (fingerprint, value) = (key.fingerprint()?.to_owned(), STANDARD.encode(key.value()?));
            Some(PublicKey { region: region.to_owned(), fingerprint, value })
        }));
    }
    Ok(keys)
}

/// The metric `Started` by the hour, from the application's account.
async fn started(profile: &str, stage: &Stage, period: &Range<i64>) -> Result<Vec<Hour>> {
    let config = aws_config::defaults(BehaviorVersion::latest()).profile_name(profile).load().await;
    let client = aws_sdk_cloudwatch::Client::new(&config);
    let answer = client
        .get_metric_statistics()
        .namespace(format!("idbellen/{}", stage.as_str()))
        .metric_name("Started")
        .start_time(aws_sdk_cloudwatch::primitives::DateTime::from_secs(period.start))
        .end_time(aws_sdk_cloudwatch::primitives::DateTime::from_secs(period.end))
        .period(3600)
        .statistics(Statistic::Sum)
        .send()
        .await
        .with_context(|| format!("the metric Started can't be read with profile {profile}"))?;
    let hours = answer.datapoints().iter().filter_map(|point| Some(Hour { at: point.timestamp()?.secs(), sum: point.sum()? }));
    let mut hours: Vec<Hour> = hours.collect();
    hours.sort_by_key(|hour| hour.at);
    Ok(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_touches_each_of_its_days_in_utc() {
        let span = 1_767_225_600 - 7200..1_767_225_600 + 86_400 + 3600;
        assert_eq!(days(&span), ["2025/12/31", "2026/01/01", "2026/01/02"]);
    }
}
