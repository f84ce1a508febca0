//! An audit trail in CloudTrail's documented form, as a folder that `idbellen report` reads: log files, digests that are
//! chained and signed with a key made for this trail, the public key, the agents' lines as Firehose delivers them, and the
//! metric.
//!
//! It is not AWS's own: what AWS documents of its files, and no more. (AWS CloudTrail user guide, "CloudTrail log file
//! examples" and "CloudTrail digest file structure"; Amazon DynamoDB developer guide, "Understanding DynamoDB log file
//! entries"; Amazon CloudWatch Logs user guide, "Log group-level subscription filters".)

mod emulated;
pub mod event;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::REGION;
use crate::hex::{self, sha256};
use crate::random;
use crate::rsa::RsaKey;

/// Where a trail says that it was delivered.
pub const BUCKET: &str = "idbellen-local-audit-111122223333";

/// Writes a trail, file by file.
pub struct Writer {
    folder: PathBuf,
    account: String,
    stage: String,
    /// In which it happened; the trail's own is [`REGION`].
    region: String,
    key: Arc<RsaKey>,
    /// The log files since the last digest.
    logs: Vec<Value>,
    previous: Option<Previous>,
    signatures: BTreeMap<String, String>,
}

struct Previous {
    key: String,
    hash: String,
    signature: String,
}

/// A moment, in Unix seconds, in one of the forms that AWS writes it in.
#[must_use]
pub fn utc(at: i64, form: &str) -> String {
    Timestamp::from_second(at).map_or_else(|_| String::new(), |at| at.strftime(form).to_string())
}

impl Writer {
    /// A trail in `folder`, which is made, whose digests this key signs.
    pub fn new(folder: &Path, account: &str, stage: &str, key: Arc<RsaKey>) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            account: account.to_owned(),
            stage: stage.to_owned(),
            region: REGION.to_owned(),
            key,
            logs: Vec::new(),
            previous: None,
            signatures: BTreeMap::new(),
        })
    }

    /// Of what happened in this region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// Writes a log file that is delivered at this moment; the answer is its key.
    pub fn log(&mut self, delivered: i64, events: &[Value]) -> Result<String> {
        let (account, region, unique) = (&self.account, &self.region, random::hex(8)?);
        let key = format!(
            "AWSLogs/{account}/CloudTrail/{region}/{}/{account}_CloudTrail_{region}_{}_{unique}.json.gz",
            utc(delivered, "%Y/%m/%d"),
            utc(delivered, "%Y%m%dT%H%MZ"),
        );
        let content = json!({"Records": events}).to_string();
        self.put(&key, &gzip(content.as_bytes())?)?;
        let times: Vec<&str> = events.iter().filter_map(|event| event["eventTime"].as_str()).collect();
        self.logs.push(json!({
            "s3Bucket": BUCKET, "s3Object": key, "hashValue": sha256(content.as_bytes()), "hashAlgorithm": "SHA-256",
            "newestEventTime": times.iter().max(), "oldestEventTime": times.iter().min(),
        }));
        Ok(key)
    }

    /// Writes the digest of what was delivered between these moments; the answer is its key.
    pub fn digest(&mut self, start: i64, end: i64) -> Result<String> {
        const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";
        let (account, stage, region) = (&self.account, &self.stage, &self.region);
        let key = format!(
            "AWSLogs/{account}/CloudTrail-Digest/{region}/{}/{account}_CloudTrail-Digest_{region}_idbellen-{stage}_{REGION}_{}.json.gz",
            utc(end, "%Y/%m/%d"),
            utc(end, "%Y%m%dT%H%M%SZ"),
        );
        let previous = self.previous.as_ref();
        let end = utc(end, TIME);
        let content = json!({
            "awsAccountId": account, "digestStartTime": utc(start, TIME), "digestEndTime": end,
            "digestS3Bucket": BUCKET, "digestS3Object": key,
            "digestPublicKeyFingerprint": self.fingerprint(), "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null, "oldestEventTime": null,
            "previousDigestS3Bucket": previous.map(|_| BUCKET),
            "previousDigestS3Object": previous.map(|previous| &previous.key),
            "previousDigestHashValue": previous.map(|previous| &previous.hash),
            "previousDigestHashAlgorithm": previous.map(|_| "SHA-256"),
            "previousDigestSignature": previous.map(|previous| &previous.signature),
            "logFiles": std::mem::take(&mut self.logs),
        })
        .to_string();
        let hash = sha256(content.as_bytes());
        let before = previous.map_or("null", |previous| &previous.signature);
        let signature = hex::encode(&self.key.sign(format!("{end}\n{BUCKET}/{key}\n{hash}\n{before}").as_bytes())?);
        self.put(&key, &gzip(content.as_bytes())?)?;
        self.signatures.insert(key.clone(), signature.clone());
        self.previous = Some(Previous { key: key.clone(), hash, signature });
        Ok(key)
    }

    /// Writes agents' lines that are delivered at this moment: `(Unix milliseconds, function, line)`. Each becomes a
    /// gzip member of its own.
    pub fn lines(&self, delivered: i64, lines: &[(i64, String, String)]) -> Result<String> {
        let mut content = Vec::new();
        for (at, function, line) in lines {
            let message = json!({
                "messageType": "DATA_MESSAGE", "owner": self.account,
                "logGroup": format!("/aws/lambda/idbellen-{}-{function}", self.stage), "logStream": "stream",
                "subscriptionFilters": ["audit"],
                "logEvents": [{"id": random::hex(16)?, "timestamp": at, "message": line}],
            });
            content.extend(gzip(message.to_string().as_bytes())?);
        }
        let key = format!("agents/{}-{}.gz", utc(delivered, "%Y/%m/%d/%H/audit-%M-%S"), random::hex(8)?);
        self.put(&key, &content)?;
        Ok(key)
    }

    /// Writes what the objects do not hold: signatures, the public key, and the metric `Started` by the hour if there is
    /// one: `(Unix seconds, sum)`.
    pub fn finish(self, started: Option<&[(i64, u64)]>) -> Result<()> {
        let key =
            json!([{"region": self.region, "fingerprint": self.fingerprint(), "value": STANDARD.encode(self.key.public_der())}]);
        let export = json!({"bucket": BUCKET, "account": self.account, "signatures": self.signatures});
        fs::write(self.folder.join("public-keys.json"), key.to_string())?;
        fs::write(self.folder.join("export.json"), export.to_string())?;
        if let Some(hours) = started {
            let hours: Vec<Value> = hours.iter().map(|(at, sum)| json!({"at": at, "sum": sum})).collect();
            fs::write(self.folder.join("started.json"), Value::from(hours).to_string())?;
        }
        Ok(())
    }

    /// AWS does not say what a fingerprint is made of: it is a name.
    fn fingerprint(&self) -> String {
        sha256(&self.key.public_der()).split_off(32)
    }

    fn put(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join("objects").join(key);
        fs::create_dir_all(path.parent().context("a key without a folder")?)?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A gzip member.
pub fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}
