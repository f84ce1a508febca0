//! `idbellen web publish`: puts the built web pages in the buckets of a stack, with the settings that the portal needs, and
//! has what an earlier version left there deleted.
//!
//! A page that is open may still load files of its own version. So those are not deleted at once: each is marked with a tag,
//! and the buckets' rule (`template.yaml`) has S3 delete what has that tag after seven days.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::merge::merge;

/// What is done with the web pages.
#[derive(Subcommand)]
pub enum Command {
    /// Puts the built pages in the stack's buckets
    ///
    /// Build them first, with `npm ci --ignore-scripts` and `npm run build` in the folder web. The portal's config.json is made
    /// from the stack's parameters; --settings names a JSON file with what is to be added to it, or to be otherwise.
    ///
    /// What an earlier version left there, and no page names any more, is gone after a week: a flaw that was mended can't be
    /// loaded for ever.
    ///
    /// Needs cloudformation:DescribeStacks, s3:ListBucket of the buckets, and s3:GetObject, s3:GetObjectTagging, s3:PutObject
    /// and s3:PutObjectTagging in them.
    Publish(Publish),
}

/// What to publish, and where.
#[derive(Args)]
pub struct Publish {
    /// The stack's name, as idbellen; it was deployed with WebSites=yes
    stack: String,
    /// The folder with the pages, each built into its folder dist
    #[arg(long, value_name = "FOLDER", default_value = "web")]
    web: PathBuf,
    /// Settings of the portal: docs/portal.md describes them
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl Command {
    /// Does it.
    pub async fn run(self) -> Result<()> {
        let Self::Publish(publish) = self;
        publish.run().await
    }
}

/// A file as it is to be in a bucket.
struct File {
    key: String,
    bytes: Vec<u8>,
}

impl Publish {
    async fn run(self) -> Result<()> {
        let stack = Aws::from_environment().await?.stack(&self.stack).await?;
        let output = |name: &str| listed(&stack, "Outputs", ("OutputKey", "OutputValue"), name);
        let without = || format!("stack {} has no web sites: deploy it with WebSites=yes", self.stack);
        let (citizen, portal) = (output("CitizenFiles").with_context(without)?, output("PortalFiles").with_context(without)?);
        // All is read before anything is changed.
        let citizen_files = built(&self.web.join("citizen"))?;
        let mut portal_files = built(&self.web.join("agent"))?;
        let settings = self.settings.as_deref().map(read).transpose()?;
        let configuration = configuration(&stack, settings)?;
        portal_files.push(File { key: "config.json".to_owned(), bytes: configuration.to_string().into_bytes() });

        let client = Client::new(&aws_config::defaults(BehaviorVersion::latest()).load().await);
        for (bucket, files) in [(&citizen, citizen_files), (&portal, portal_files)] {
            let current: BTreeSet<String> = files.iter().map(|file| file.key.clone()).collect();
            put(&client, bucket, files).await?;
            let left = "the files are published, but those of an earlier version may be left there: run it again";
            supersede(&client, bucket, &current).await.context(left)?;
        }
        println!("citizen's page  {}", output("CitizenSite").unwrap_or_default());
        println!("agent portal    {}", output("PortalSite").unwrap_or_default());
        Ok(())
    }
}

/// A value of a list of keys and values.
fn listed(stack: &Value, list: &str, (key, value): (&str, &str), name: &str) -> Option<String> {
    let mut found = stack[list].as_array()?.iter();
    found.find(|one| one[key] == name)?[value].as_str().map(str::to_owned)
}

/// The files of a page, those last that name others: a browser never finds a name without a file.
fn built(page: &Path) -> Result<Vec<File>> {
    let folder = page.join("dist");
    let mut files = Vec::new();
    collect(&folder, "", &mut files).with_context(|| {
        format!("{} can't be read: run `npm ci --ignore-scripts` and `npm run build` in the folder web", folder.display())
    })?;
    ensure!(files.iter().any(|file| file.key == "index.html"), "{} has no index.html", folder.display());
    if let Some(file) = files.iter().find(|file| content_type(&file.key).is_none()) {
        bail!("{} has {}, which is of a kind that no page has", folder.display(), file.key);
    }
    files.sort_by_key(|file| !is_named_by_its_content(&file.key));
    Ok(files)
}

fn collect(folder: &Path, below: &str, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let key = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{key}/"), files)?;
        } else {
            files.push(File { bytes: fs::read(entry.path())?, key });
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let settings: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
    ensure!(settings.is_object(), "{} is to hold an object", file.display());
    Ok(settings)
}

/// The portal's `config.json`: what follows from the stack, and over it what the operator sets.
fn configuration(stack: &Value, settings: Option<Value>) -> Result<Value> {
    let parameter = |name: &str| {
        listed(stack, "Parameters", ("ParameterKey", "ParameterValue"), name).with_context(|| format!("the stack has no {name}"))
    };
    let scope = format!("openid {}", parameter("AgentScope")?);
    let mut configuration = json!({
        "api": "/api",
        "oidc": {"authority": parameter("OidcIssuer")?, "clientId": parameter("OidcAudience")?, "scope": scope},
        "idleMinutes": 15,
        "softphoneOrigins": [],
        "language": "nl",
    });
    merge(&mut configuration, settings.unwrap_or_else(|| json!({})));
    Ok(configuration)
}

/// How long a file may be kept that its name says the content of. `CloudFront` asks S3 every day whether it is there still.
const FOR_EVER: &str = "public, max-age=31536000, s-maxage=86400, immutable";

/// The tag of a file that no page names any more. The rule of the buckets goes by it.
const SUPERSEDED: (&str, &str) = ("superseded", "yes");

async fn put(client: &Client, bucket: &str, files: Vec<File>) -> Result<()> {
    for File { key, bytes } in files {
        let lifetime = if is_named_by_its_content(&key) { FOR_EVER } else { "no-cache" };
        client
            .put_object()
            .bucket(bucket)
            .key(&key)
            .set_content_type(content_type(&key).map(str::to_owned))
            .cache_control(lifetime)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .with_context(|| format!("{key} can't be put in bucket {bucket}"))?;
    }
    Ok(())
}

/// Marks what an earlier version left in the bucket. S3 counts days from when a file was last written, and a mark alone does
/// not write it: so it is copied onto itself. What is marked already is left alone, or its days would begin anew.
async fn supersede(client: &Client, bucket: &str, current: &BTreeSet<String>) -> Result<()> {
    let mut pages = client.list_objects_v2().bucket(bucket).into_paginator().send();
    let (mut marked, mut others) = (0, Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.with_context(|| format!("the files in bucket {bucket} can't be listed"))?;
        let keys = page.contents.unwrap_or_default().into_iter().filter_map(|file| file.key);
        for key in keys.filter(|key| !current.contains(key)) {
            if !is_of_a_build(&key) {
                others.push(key);
            } else if !is_superseded(client, bucket, &key).await? {
                mark(client, bucket, &key).await?;
                marked += 1;
            }
        }
    }
    if marked > 0 {
        println!("{marked} files of an earlier version in {bucket} are deleted in a week");
    }
    if !others.is_empty() {
        println!("{bucket} has files that no build makes; delete those that are not yours: {}", others.join(", "));
    }
    Ok(())
}

async fn is_superseded(client: &Client, bucket: &str, key: &str) -> Result<bool> {
    let tags = client.get_object_tagging().bucket(bucket).key(key).send().await;
    let tags = tags.with_context(|| format!("the tags of {key} in bucket {bucket} can't be read"))?;
    Ok(tags.tag_set.iter().any(|tag| (tag.key.as_str(), tag.value.as_str()) == SUPERSEDED))
}

async fn mark(client: &Client, bucket: &str, key: &str) -> Result<()> {
    let (tag, value) = SUPERSEDED;
    client
        .copy_object()
        .copy_source(format!("{bucket}/{key}"))
        .bucket(bucket)
        .key(key)
        .metadata_directive(MetadataDirective::Replace)
        .set_content_type(content_type(key).map(str::to_owned))
        .cache_control(FOR_EVER)
        .tagging_directive(TaggingDirective::Replace)
        .tagging(format!("{tag}={value}"))
        .send()
        .await
        .with_context(|| format!("{key} in bucket {bucket} can't be marked"))?;
    Ok(())
}

/// Whether it can be a file of a build that another build does not have: it is of a kind that a page has, its name says its
/// content, and holds nothing that would have to be encoded in an address.
fn is_of_a_build(key: &str) -> bool {
    let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    is_plain && is_named_by_its_content(key) && content_type(key).is_some()
}

/// Whether the build gave the file a name that is another when it holds something else: `follow-BLuj7o2K.js`.
fn is_named_by_its_content(key: &str) -> bool {
    const HASH: usize = 8;
    let stem = key.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    let before = stem.len().checked_sub(HASH + 1);
    before.is_some_and(|before| before > 0 && stem.as_bytes()[before] == b'-')
}

fn content_type(key: &str) -> Option<&'static str> {
    Some(match key.rsplit('.').next()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> Value {
        let parameters = [("AgentScope", "idbellen/agent"), ("OidcIssuer", "https://login.example"), ("OidcAudience", "portal")];
        let parameters = parameters.map(|(key, value)| json!({"ParameterKey": key, "ParameterValue": value}));
        json!({"Parameters": parameters})
    }

    #[test]
    fn settings_go_over_what_follows_from_the_stack() -> Result<()> {
        let settings = json!({"language": "en", "oidc": {"clientId": "other"}, "connect": {"ccpUrl": "https://x.example"}});
        let found = configuration(&stack(), Some(settings))?;
        let expected = json!({
            "api": "/api", "idleMinutes": 15, "softphoneOrigins": [], "language": "en",
            "oidc": {"authority": "https://login.example", "clientId": "other", "scope": "openid idbellen/agent"},
            "connect": {"ccpUrl": "https://x.example"},
        });
        assert_eq!(found, expected);
        Ok(())
    }

    #[test]
    fn what_names_other_files_comes_last() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("idbellen-web-{}", std::process::id()));
        fs::create_dir_all(folder.join("dist/assets"))?;
        for file in ["index.html", "assets/a-BLuj7o2K.js", "id-bellen.js", "follow-D_4-xY9z.js"] {
            fs::write(folder.join("dist").join(file), "")?;
        }
        let files = built(&folder);
        fs::remove_dir_all(&folder)?;
        let keys: Vec<String> = files?.into_iter().map(|file| file.key).collect();
        assert!(keys[..2].contains(&"assets/a-BLuj7o2K.js".to_owned()) && keys[..2].contains(&"follow-D_4-xY9z.js".to_owned()));
        Ok(())
    }

    #[test]
    fn the_buckets_rule_goes_by_the_tag() {
        let (key, value) = SUPERSEDED;
        let rule = format!("TagFilters: [{{ Key: {key}, Value: \"{value}\" }}]");
        assert!(include_str!("../../template.yaml").contains(&rule));
    }
}
