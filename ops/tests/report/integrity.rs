//! What a report says of a trail that was altered, or is not whole.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use local::rsa::RsaKey;
use local::trail::gzip;
use serde_json::json;

use crate::trail::{ACCOUNT, End, Folder, Trail};

fn trail(test: &str) -> Folder {
    let mut trail = Trail::of_one_call();
    trail.call(2, 3700, End::Telephony(300));
    trail.write(test)
}

#[test]
fn a_log_file_that_was_changed_is_noticed() {
    let folder = trail("changed");
    let other = Trail::of_one_call().write("changed-other");
    fs::copy(other.object(&other.logs[0]), folder.object(&folder.logs[0])).unwrap();
    let report = folder.report(&[]);
    assert_eq!((report.on("integrity"), report.faults()), ("violated", vec!["logChanged"]));
    assert_eq!(report.code, 1);
}

#[test]
fn a_log_file_that_was_cut_off_is_noticed() {
    let folder = trail("cut");
    let path = folder.object(&folder.logs[0]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let report = folder.report(&[]);
    assert_eq!((report.on("integrity"), report.faults()), ("violated", vec!["logChanged"]));
    // What it held is not known any more.
    assert_eq!(report.on("understood"), "notProven");
}

#[test]
fn a_log_file_that_is_missing_is_noticed() {
    let folder = trail("missing-log");
    fs::remove_file(folder.object(&folder.logs[0])).unwrap();
    let report = folder.report(&[]);
    assert_eq!((report.on("integrity"), report.faults()), ("notProven", vec!["logMissing"]));
}

#[test]
fn a_log_file_that_no_digest_names_is_noticed_and_read() {
    let folder = trail("unlisted");
    let mut other = Trail::default();
    other.call(3, 1800, End::Telephony(300));
    let other = other.write("unlisted-other");
    fs::copy(other.object(&other.logs[0]), folder.object(&other.logs[0])).unwrap();
    let report = folder.report(&[]);
    assert_eq!((report.on("integrity"), report.faults()), ("notProven", vec!["logUnlisted"]));
    assert_eq!(report.record(3)["endedBy"], "telephony");
}

#[test]
fn a_missing_digest_is_noticed() {
    let folder = trail("missing-digest");
    fs::remove_file(folder.object(&folder.digests[1])).unwrap();
    let report = folder.report(&[]);
    assert_eq!(report.on("integrity"), "notProven");
    // The log files that only it named are in no digest any more.
    assert!(report.faults().contains(&"digestMissing") && report.faults().contains(&"logUnlisted"), "{:?}", report.faults());
}

#[test]
fn a_digest_that_was_changed_is_noticed() {
    for index in 0..3 {
        let folder = trail(&format!("changed-digest-{index}"));
        let path = folder.object(&folder.digests[index]);
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(fs::File::open(&path).unwrap()), &mut content).unwrap();
        let mut digest: serde_json::Value = serde_json::from_slice(&content).unwrap();
        digest["newestEventTime"] = json!("2026-01-01T00:00:00Z");
        fs::write(&path, gzip(digest.to_string().as_bytes()).unwrap()).unwrap();
        let report = folder.report(&[]);
        assert_eq!(report.on("integrity"), "violated", "{index}");
        assert!(report.faults().contains(&"signatureWrong"), "{:?}", report.faults());
        // The next one says what it was.
        assert_eq!(report.faults().contains(&"digestChanged"), index < 2, "{:?}", report.faults());
    }
}

#[test]
fn a_signature_that_is_wrong_is_noticed() {
    let folder = trail("signature");
    let key = folder.digests[2].clone();
    folder.change("export.json", |export| {
        let signature = export["signatures"][&key].as_str().unwrap();
        let first = if signature.starts_with('0') { "1" } else { "0" };
        export["signatures"][&key] = format!("{first}{}", &signature[1..]).into();
    });
    let report = folder.report(&[]);
    assert_eq!((report.on("integrity"), report.faults()), ("violated", vec!["signatureWrong"]));
}

#[test]
fn the_newest_signature_is_needed_and_the_others_stand_in_the_next_digest() {
    let folder = trail("signatures");
    let newest = folder.digests[2].clone();
    folder.change("export.json", |export| {
        let signature = export["signatures"][&newest].clone();
        export["signatures"] = json!({&newest: signature});
    });
    folder.report(&[]).is(&[]);
    folder.change("export.json", |export| export["signatures"] = json!({}));
    let report = folder.report(&[]);
    report.is(&[("integrity", "notProven")]);
    assert_eq!(report.faults(), ["signatureMissing"]);
}

#[test]
fn without_cloudtrails_key_nothing_is_proven_and_another_key_proves_nothing() {
    let folder = trail("keys");
    folder.change("public-keys.json", |keys| *keys = json!([]));
    let report = folder.report(&[]);
    report.is(&[("integrity", "notProven")]);
    assert_eq!(report.faults(), ["keyMissing"; 3]);
    // A forger's own key, under the name of CloudTrail's.
    let folder = trail("keys-forged");
    let other = RsaKey::generate().unwrap().public_der();
    folder.change("public-keys.json", |keys| keys[0]["value"] = STANDARD.encode(&other).into());
    let report = folder.report(&[]);
    report.is(&[("integrity", "violated")]);
    assert_eq!(report.faults(), ["signatureWrong"; 3]);
}

#[test]
fn a_digest_that_lies_elsewhere_is_noticed() {
    let folder = trail("moved");
    let (from, to) = (folder.object(&folder.digests[2]), folder.object(&folder.digests[2].replace("T0", "T1")));
    fs::rename(from, to).unwrap();
    let report = folder.report(&[]);
    assert!(report.faults().contains(&"digestMoved"), "{:?}", report.faults());
    assert_eq!(report.on("integrity"), "violated");
}

#[test]
fn only_the_digests_of_the_trails_own_region_say_what_is_covered() {
    let folder = trail("regions");
    folder.add_region("us-east-1", 4);
    let report = folder.report(&[]);
    report.is(&[]);
    let covered = json!({"from": "2026-01-14T23:00:00Z", "until": "2026-01-15T02:00:00Z"});
    assert_eq!((&report.json["integrity"]["covered"], &report.json["integrity"]["logFiles"]), (&covered, &json!(18)));
    for digest in &folder.digests {
        fs::remove_file(folder.object(digest)).unwrap();
    }
    let report = folder.report(&[]);
    assert_eq!((report.on("integrity"), &report.json["integrity"]["covered"]), ("notProven", &serde_json::Value::Null));
}

#[test]
fn a_folder_is_of_the_account_that_it_must_be_of() {
    let folder = trail("account");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_idbellen"));
        command.args(["report", "--stage", "test", "--folder"]).arg(&folder.path).args(arguments).output().unwrap()
    };
    for (arguments, code, said) in [
        (&[][..], 2, "--account"),
        (&["--account", "11112222333"], 2, "12 digits"),
        (&["--account", "11112222333x"], 2, "12 digits"),
        (&["--account", "111122223334"], 1, "is of account 111122223333, not of 111122223334"),
        (&["--account", ACCOUNT], 0, ""),
    ] {
        let output = run(arguments);
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && err.contains(said), "{arguments:?}: {err}");
    }
    let report = folder.report(&[]);
    for place in [&report.text, &report.html] {
        assert!(place.contains(ACCOUNT) && place.contains(local::trail::BUCKET), "{place}");
    }
}

#[test]
fn what_is_of_another_account_is_noticed() {
    const OTHER: &str = "999999999999";
    // A whole trail of another account, that is said to be of this one.
    let mut calls = Trail::of_one_call();
    calls.lines.clear();
    let events: Vec<_> = calls.calls.iter().map(|call| (call.at, call.event(OTHER).unwrap())).collect();
    let folder = calls.write_of("account-other", OTHER, &events);
    folder.change("export.json", |export| export["account"] = ACCOUNT.into());
    let report = folder.report(&[]);
    // Log file, digests twice: by where they lie and what they say.
    assert_eq!((report.on("integrity"), report.faults()), ("violated", vec!["otherAccount"; folder.logs.len() + 2 * 3]));
    // One object that lies beside.
    let folder = trail("account-beside");
    let beside = folder.object(&folder.logs[0].replace(ACCOUNT, OTHER));
    fs::create_dir_all(beside.parent().unwrap()).unwrap();
    fs::copy(folder.object(&folder.logs[0]), beside).unwrap();
    let report = folder.report(&[]);
    assert_eq!(report.on("integrity"), "violated");
    assert!(report.faults().contains(&"otherAccount"), "{:?}", report.faults());
}

#[test]
fn a_key_in_a_fault_shows_only_what_can_be_a_name() {
    let folder = trail("fault-name");
    let strange = folder.object(&folder.logs[0].replace(".json.gz", " <b>\u{e9}.json.gz"));
    fs::copy(folder.object(&folder.logs[0]), strange).unwrap();
    let report = folder.report(&[]);
    let object = report.json["integrity"]["faults"][0]["object"].as_str().unwrap();
    assert!(object.ends_with("b.json.gz") && !object.contains(['<', ' ', '\u{e9}']), "{object}");
}

#[test]
fn a_folder_without_digests_proves_nothing() {
    let folder = trail("no-digests");
    for digest in &folder.digests {
        fs::remove_file(folder.object(digest)).unwrap();
    }
    let report = folder.report(&[]);
    assert_eq!(report.on("integrity"), "notProven");
    assert_eq!(report.code, 1);
}

#[test]
fn what_is_no_exported_folder_is_said_to_be_none() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_idbellen"))
        .args(["report", "--stage", "test", "--account", ACCOUNT, "--folder", env!("CARGO_TARGET_TMPDIR")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("is no exported folder"));
}
