//! Whether the trail is whole and as it was delivered, by CloudTrail's digests (AWS CloudTrail user guide, "CloudTrail
//! digest file structure" and "Custom implementations of CloudTrail log file integrity validation").

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::folder::{AGENTS, Folder};
use crate::hex::{hex, unhex};
use crate::stage::Stage;

/// What is wrong with the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A log file is not what the digest says that was delivered.
    LogChanged,
    /// A digest's signature is not CloudTrail's.
    SignatureWrong,
    /// A digest is not what the next one says that it was, or not what its signature covers.
    DigestChanged,
    /// A digest does not lie where it was delivered.
    DigestMoved,
    /// A digest or an object is of another account.
    OtherAccount,
    /// A log file that a digest names is not there.
    LogMissing,
    /// There is a log file that no digest names.
    LogUnlisted,
    /// A log file is larger than any that CloudTrail delivers, and was not read.
    LogTooLarge,
    /// A digest can't be read.
    DigestUnreadable,
    /// Between two digests there is no digest.
    DigestMissing,
    /// A digest has no signature: neither in its metadata nor in the next digest.
    SignatureMissing,
    /// The public key that a digest names is not there.
    KeyMissing,
}

impl Fault {
    /// Whether it shows that something was altered; else it leaves something open.
    pub fn violates(self) -> bool {
        matches!(self, Self::LogChanged | Self::SignatureWrong | Self::DigestChanged | Self::DigestMoved | Self::OtherAccount)
    }

    /// What the machine-readable report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LogChanged => "logChanged",
            Self::SignatureWrong => "signatureWrong",
            Self::DigestChanged => "digestChanged",
            Self::DigestMoved => "digestMoved",
            Self::OtherAccount => "otherAccount",
            Self::LogMissing => "logMissing",
            Self::LogUnlisted => "logUnlisted",
            Self::LogTooLarge => "logTooLarge",
            Self::DigestUnreadable => "digestUnreadable",
            Self::DigestMissing => "digestMissing",
            Self::SignatureMissing => "signatureMissing",
            Self::KeyMissing => "keyMissing",
        }
    }
}

/// What the digests tell.
#[derive(Default)]
pub struct Integrity {
    pub digests: u64,
    pub logs: u64,
    /// What is wrong, and where: an object's key.
    pub faults: Vec<(Fault, String)>,
    /// From when to when there are digests of the trail's own region without a gap at either end; Unix seconds.
    pub covered: Option<(i64, i64)>,
}

#[allow(clippy::struct_field_names, reason = "these are AWS's names")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Digest {
    aws_account_id: String,
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: Option<String>,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Vec<LogFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogFile {
    s3_bucket: String,
    s3_object: String,
    hash_value: String,
    hash_algorithm: String,
}

struct Delivered {
    key: String,
    hash: String,
    digest: Digest,
    start: i64,
    end: i64,
}

/// Goes through all digests of the stage's trail and the log files that they name, and has `each` take in what a log file holds.
pub fn walk(folder: &Folder, stage: &Stage, each: &mut impl FnMut(&[u8])) -> Integrity {
    let mut integrity = Integrity::default();
    let trail = format!("idbellen-{}", stage.as_str());
    let chains = chains(folder, &mut integrity);
    let mut listed: HashMap<&str, &LogFile> = HashMap::new();
    let mut newest = None;
    for ((region, backfill), chain) in &chains {
        check_chain(folder, region, chain, &mut integrity);
        for read in chain {
            newest = newest.max(Some(read.end));
            for log in &read.digest.log_files {
                if log.s3_bucket != folder.export.bucket {
                    integrity.faults.push((Fault::LogMissing, log.s3_object.clone()));
                }
                listed.insert(&log.s3_object, log);
            }
        }
        // The tables' events are in the trail's own region.
        let home = chain.iter().all(|read| home(&read.key, &trail) == Some(region.as_str()));
        if let (false, true, [first, .., last] | [first @ last]) = (*backfill, home, chain.as_slice()) {
            integrity.covered = Some((first.start, last.end));
        }
    }
    let mut names: Vec<&&str> = listed.keys().collect();
    names.sort_unstable();
    let mut buffer = Vec::new();
    for name in names {
        let Some(log) = listed.get(*name) else { continue };
        integrity.logs += 1;
        let Some(bytes) = folder.object(name) else {
            integrity.faults.push((Fault::LogMissing, (**name).to_owned()));
            continue;
        };
        let unpacked = inflate(&bytes, &mut buffer);
        if unpacked == Unpacked::TooLarge {
            integrity.faults.push((Fault::LogTooLarge, (**name).to_owned()));
            continue;
        }
        if unpacked == Unpacked::Cut
            || log.hash_algorithm != "SHA-256"
            || hex(digest(&SHA256, &buffer).as_ref()) != log.hash_value
        {
            integrity.faults.push((Fault::LogChanged, (**name).to_owned()));
        }
        // What was altered is told all the same, as far as it can be read.
        each(&buffer);
    }
    let listed: HashSet<&str> = listed.into_keys().collect();
    for key in folder.objects.iter().filter(|key| key.contains("/CloudTrail/") && !listed.contains(key.as_str())) {
        // What came after the last digest, the next one will name.
        if delivered_at(key).zip(newest).is_none_or(|(at, newest)| at <= newest) {
            integrity.faults.push((Fault::LogUnlisted, key.clone()));
            if let Some(bytes) = folder.object(key) {
                if inflate(&bytes, &mut buffer) == Unpacked::TooLarge {
                    integrity.faults.push((Fault::LogTooLarge, key.clone()));
                } else {
                    each(&buffer);
                }
            }
        }
    }
    let account = format!("AWSLogs/{}/", folder.export.account);
    let elsewhere = |key: &&String| !key.starts_with(&account) && !key.starts_with(AGENTS);
    integrity.faults.extend(folder.objects.iter().filter(elsewhere).map(|key| (Fault::OtherAccount, key.clone())));
    integrity.faults.sort();
    integrity
}

/// The region of the stage's trail, by the name of its first digest.
pub fn home_of(folder: &Folder, stage: &Stage) -> Option<String> {
    let trail = format!("idbellen-{}", stage.as_str());
    let mut digests = folder.objects.iter().filter(|key| key.contains("/CloudTrail-Digest/"));
    digests.find_map(|key| home(key, &trail)).map(str::to_owned)
}

/// The digests by region, and apart from them those that were delivered belatedly, oldest first.
fn chains(folder: &Folder, integrity: &mut Integrity) -> BTreeMap<(String, bool), Vec<Delivered>> {
    let mut chains: BTreeMap<(String, bool), Vec<Delivered>> = BTreeMap::new();
    let mut buffer = Vec::new();
    for key in folder.objects.iter().filter(|key| key.contains("/CloudTrail-Digest/")) {
        integrity.digests += 1;
        let read = folder.object(key).filter(|bytes| inflate(bytes, &mut buffer) == Unpacked::Whole).and_then(|_| {
            let digest: Digest = serde_json::from_slice(&buffer).ok()?;
            let seconds = |time: &str| Some(time.parse::<jiff::Timestamp>().ok()?.as_second());
            let (start, end) = (seconds(&digest.digest_start_time)?, seconds(&digest.digest_end_time)?);
            Some(Delivered {
                key: key.clone(),
                hash: hex(aws_lc_rs::digest::digest(&SHA256, &buffer).as_ref()),
                digest,
                start,
                end,
            })
        });
        let Some(read) = read else {
            integrity.faults.push((Fault::DigestUnreadable, key.clone()));
            continue;
        };
        let region = key.split_once("/CloudTrail-Digest/").and_then(|(_, rest)| rest.split('/').next());
        let backfill = key.ends_with("_backfill.json.gz");
        chains.entry((region.unwrap_or_default().to_owned(), backfill)).or_default().push(read);
    }
    for chain in chains.values_mut() {
        chain.sort_by_key(|read| (read.end, read.start));
    }
    chains
}

fn check_chain(folder: &Folder, region: &str, chain: &[Delivered], integrity: &mut Integrity) {
    let mut fault = |fault: Fault, key: &str| integrity.faults.push((fault, key.to_owned()));
    for (index, read) in chain.iter().enumerate() {
        let Delivered { key, hash, digest, .. } = read;
        if digest.aws_account_id != folder.export.account {
            fault(Fault::OtherAccount, key);
        }
        if digest.digest_s3_object != *key || digest.digest_s3_bucket != folder.export.bucket {
            fault(Fault::DigestMoved, key);
        }
        if let Some(before) = index.checked_sub(1).and_then(|before| chain.get(before)) {
            if digest.previous_digest_s3_object.as_deref() != Some(&before.key) {
                fault(Fault::DigestMissing, key);
            } else if digest.previous_digest_hash_value.as_deref() != Some(&before.hash) {
                fault(Fault::DigestChanged, &before.key);
            }
        }
        let next = chain.get(index + 1).filter(|next| next.digest.previous_digest_s3_object.as_deref() == Some(key));
        let signature =
            folder.export.signatures.get(key).or(next.and_then(|next| next.digest.previous_digest_signature.as_ref()));
        let Some(signature) = signature else {
            fault(Fault::SignatureMissing, key);
            continue;
        };
        let named = &digest.digest_public_key_fingerprint;
        let Some(public) = folder.keys.iter().find(|one| one.fingerprint == *named && one.region == region) else {
            fault(Fault::KeyMissing, key);
            continue;
        };
        // What is signed ("Data signing string format").
        let signed = format!(
            "{}\n{}/{}\n{hash}\n{}",
            digest.digest_end_time,
            digest.digest_s3_bucket,
            digest.digest_s3_object,
            digest.previous_digest_signature.as_deref().unwrap_or("null")
        );
        let valid = digest.digest_signature_algorithm.as_deref().is_none_or(|name| name == "SHA256withRSA")
            && verifies(&public.value, signed.as_bytes(), signature);
        if !valid {
            fault(Fault::SignatureWrong, key);
        }
    }
}

fn verifies(public: &str, signed: &[u8], signature: &str) -> bool {
    let (Ok(public), Some(signature)) = (STANDARD.decode(public), unhex(signature)) else { return false };
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(signed, &signature).is_ok()
}

/// So many bytes a file is at most when it is unpacked. CloudTrail and Firehose deliver files of some megabytes, that are ten
/// to twenty times as large when they are unpacked; a file of one byte a thousand times over would fill the memory.
const MOST_UNPACKED: u64 = 256 << 20;

/// How a file was unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpacked {
    Whole,
    /// It is damaged. What came before that is there.
    Cut,
    /// It is larger than [`MOST_UNPACKED`]. Nothing of it is there.
    TooLarge,
}

/// Unpacks a file into `buffer`.
pub fn inflate(bytes: &[u8], buffer: &mut Vec<u8>) -> Unpacked {
    buffer.clear();
    let read = MultiGzDecoder::new(bytes).take(MOST_UNPACKED + 1).read_to_end(buffer);
    if buffer.len() as u64 > MOST_UNPACKED {
        *buffer = Vec::new();
        return Unpacked::TooLarge;
    }
    if read.is_ok() { Unpacked::Whole } else { Unpacked::Cut }
}

/// The home region of the trail with this name, by the name of one of its digests:
/// `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_TIME.json.gz`.
fn home<'a>(key: &'a str, trail: &str) -> Option<&'a str> {
    let name = key.rsplit('/').next()?.strip_suffix(".json.gz")?;
    let mut parts = name.strip_suffix("_backfill").unwrap_or(name).rsplit('_').skip(1);
    let home = parts.next()?;
    (parts.next()? == trail).then_some(home)
}

/// When a log file was delivered, by its name: `…_20260101T1230Z_….json.gz`; Unix seconds.
fn delivered_at(key: &str) -> Option<i64> {
    let name = key.rsplit('/').next()?;
    let part = name.split('_').find(|part| part.len() == 14 && part.ends_with('Z') && part.as_bytes().get(8) == Some(&b'T'))?;
    let number = |from: usize, to: usize| part.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize, to: usize| number(from, to).and_then(|number| i8::try_from(number).ok());
    let time = jiff::civil::DateTime::new(number(0, 4)?, small(4, 6)?, small(6, 8)?, small(9, 11)?, small(11, 13)?, 0, 0);
    Some(time.ok()?.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_log_file_says_when_it_was_delivered() {
        let key = "AWSLogs/1/CloudTrail/eu-central-1/2026/01/02/1_CloudTrail_eu-central-1_20260102T0304Z_abc.json.gz";
        assert_eq!(delivered_at(key), Some(1_767_323_040));
        assert_eq!(delivered_at("AWSLogs/1/CloudTrail/x/1_CloudTrail_x_later.json.gz"), None);
    }
}
