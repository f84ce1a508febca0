//! What a report says of records and codes.

use local::trail::event::{Call, Principal};
use serde_json::{Value, json};

use crate::trail::{ACCOUNT, BEGIN, CODES, End, RECORDS, Trail, agent, code, id, item, key};

#[test]
fn a_day_on_which_all_goes_well_is_proven() {
    let mut trail = Trail::of_one_call();
    trail.call(2, 600, End::Telephony(200));
    trail.call(3, 1200, End::Sweep(3400));
    let report = trail.report("well");
    report.is(&[]);
    assert_eq!(report.json["counts"]["records"], 3);
    let first = report.record(1);
    assert_eq!((&first["endedBy"], &first["endedByWhom"]), (&"agent".into(), &agent(1).into()));
    assert_eq!(first["lifetimeSeconds"], 300);
    let agents: Vec<Value> = first["agents"].as_array().unwrap().clone();
    let marked = |at: &str, action: &str| json!({"at": at, "action": action, "answered": true, "agent": agent(1)});
    assert_eq!(agents, [marked("2026-01-14T23:01:40Z", "lookup"), marked("2026-01-14T23:06:00Z", "clear")]);
    assert_eq!(first["lines"].as_array().unwrap().len(), 2);
    let by: Vec<&str> = first["touches"].as_array().unwrap().iter().map(|touch| touch["by"].as_str().unwrap()).collect();
    assert!(["session-start", "session-ingest", "agent-lookup", "clear-contact"].iter().all(|role| by.contains(role)), "{by:?}");
    assert_eq!(report.record(2)["endedBy"], "telephony");
    assert_eq!((&report.record(3)["endedBy"], &report.record(3)["lifetimeSeconds"]), (&"sweep".into(), &3400.into()));
    let lifetimes = report.json["lifetimes"].as_array().unwrap();
    let in_minute = |minute: usize| lifetimes.get(minute).unwrap();
    assert_eq!((in_minute(4), in_minute(3), in_minute(56)), (&1.into(), &1.into(), &1.into()));
    let uses = report.json["uses"].as_array().unwrap();
    let count = |role: &str, action: &str, on: &str| {
        let of = uses.iter().find(|one| one["role"] == role && one["action"] == action && one["on"] == on);
        of.map_or(0, |one| one["count"].as_u64().unwrap())
    };
    assert_eq!(count("session-start", "kms:Encrypt", "TokenKey"), 3);
    assert_eq!(count("session-ingest", "kms:Decrypt", "TokenKey"), 3);
    assert_eq!(count("dtmf-exchange", "dynamodb:UpdateItem", "Codes"), 3);
}

#[test]
fn an_empty_trail_proves_that_there_was_nothing() {
    Trail::default().report("empty").is(&[]);
}

#[test]
fn a_record_of_which_no_deletion_is_seen_is_not_proven() {
    let mut trail = Trail::default();
    trail.call(1, 60, End::Nothing);
    let report = trail.report("ttl");
    report.is(&[("deleted", "notProven")]);
    assert_eq!(report.record(1)["endedBy"], "notSeen");
}

#[test]
fn a_record_that_may_still_live_when_the_trail_ends_is_not_proven() {
    let mut trail = Trail::default();
    trail.call(1, 2 * 3600 + 60, End::Nothing);
    let report = trail.report("recent");
    report.is(&[("deleted", "notProven")]);
    assert_eq!(report.record(1)["endedBy"], "tooRecent");
}

#[test]
fn sixty_minutes_are_enough_and_sixty_one_too_long() {
    for (after, expected) in [(3600, &[][..]), (3601, &[("deleted", "violated")]), (3660, &[("deleted", "violated")])] {
        let mut trail = Trail::default();
        trail.call(1, 60, End::Sweep(after));
        let report = trail.report(&format!("lived-{after}"));
        report.is(expected);
        let beyond = report.json["lifetimes"].as_array().unwrap().last().unwrap();
        assert_eq!(*beyond, u64::from(after > 3600));
    }
}

#[test]
fn a_record_that_shows_itself_after_its_hour_lived_too_long_though_no_deletion_is_seen() {
    let mut trail = Trail::default();
    trail.call(1, 60, End::Nothing);
    trail.calls.push(item(60 + 3700, "session-reconcile", "UpdateItem", RECORDS, &id(1)));
    // Nor does a session end twice.
    trail.report("shows").is(&[("deleted", "violated"), ("others", "violated")]);
}

#[test]
fn a_write_after_the_deletion_is_a_violation() {
    let after = [
        item(500, "session-ingest", "UpdateItem", RECORDS, &id(1)),
        item(500, "agent-lookup", "UpdateItem", RECORDS, &id(1)),
        // A second deletion on a condition found something.
        item(360, "expire-records", "DeleteItem", RECORDS, &id(1)),
    ];
    for (number, call) in after.into_iter().enumerate() {
        let mut trail = Trail::of_one_call();
        let reads = call.operation == "UpdateItem" && call.by == crate::trail::role("agent-lookup");
        trail.calls.push(call);
        let no_line = ("agents", if reads { "notProven" } else { "proven" });
        // A session does not end twice.
        let ended = ("others", if number == 0 { "violated" } else { "proven" });
        trail.report(&format!("after-{number}")).is(&[("silent", "violated"), no_line, ended]);
    }
}

#[test]
fn what_fails_after_the_deletion_writes_nothing() {
    let mut trail = Trail::of_one_call();
    for (by, operation) in [("session-ingest", "UpdateItem"), ("agent-lookup", "UpdateItem"), ("clear-contact", "DeleteItem")] {
        trail.calls.push(item(500, by, operation, RECORDS, &id(1)).failed("ConditionalCheckFailedException"));
    }
    trail.calls.push(crate::trail::mark(500, "agent-lookup", 2, 1));
    trail.line(500, "lookup", 1, "unknown", 2);
    trail.line(500, "clear", 1, "nothing to clear", 2);
    trail.report("failed").is(&[]);
}

#[test]
fn a_deletion_without_a_condition_tells_nothing_of_what_was_there_before() {
    let mut trail = Trail::of_one_call();
    let mut second = item(500, "expire-records", "DeleteItem", RECORDS, &id(1));
    second.parameters.as_object_mut().unwrap().remove("conditionExpression");
    trail.calls.push(second);
    trail.report("unconditional").is(&[]);
}

#[test]
fn a_code_must_go_in_twenty_minutes_and_soon_after_its_use() {
    for (name, used, deleted, expected) in [
        ("unused", None, 1200, "proven"),
        ("unused-late", None, 1201, "violated"),
        ("used", Some(100), 240, "proven"),
        ("used-late", Some(100), 241, "violated"),
        ("used-at-the-end", Some(1100), 1201, "violated"),
    ] {
        let mut trail = Trail::of_one_call();
        trail.calls.retain(|call| !call.parameters.to_string().contains(&code(1)) || call.operation == "TransactWriteItems");
        trail.calls.extend(used.map(|at| item(60 + at, "dtmf-exchange", "UpdateItem", CODES, &code(1))));
        trail.calls.push(item(60 + deleted, "expire-records", "DeleteItem", CODES, &code(1)));
        trail.report(&format!("code-{name}")).is(&[("codes", expected)]);
    }
    let mut trail = Trail::of_one_call();
    trail.calls.retain(|call| !(call.operation == "DeleteItem" && call.parameters["tableName"] == CODES));
    trail.report("code-ttl").is(&[("codes", "notProven")]);
}

#[test]
fn order_and_repetition_of_delivery_do_not_matter() {
    let mut trail = Trail::of_one_call();
    trail.call(2, 600, End::Sweep(3400));
    let events: Vec<_> = trail.calls.iter().map(|call| (call.at, call.event(crate::trail::ACCOUNT).unwrap())).collect();
    let mut mixed: Vec<_> = events.iter().rev().cloned().collect();
    // All of them delivered together, and again an hour later.
    let last = events.iter().map(|(at, _)| *at).max().unwrap();
    mixed.extend(events.iter().map(|(_, event)| (last, event.clone())));
    trail.lines.extend(trail.lines.clone());
    let report = trail.write_events("mixed", &mixed).report(&[]);
    report.is(&[]);
    assert_eq!(report.json["counts"]["duplicates"], events.len());
    assert_eq!(report.json["counts"]["reads"], 1);
}

#[test]
fn a_record_whose_making_is_not_in_the_trail_is_not_proven() {
    let mut trail = Trail::default();
    trail.calls.push(item(2 * 3600, "expire-records", "DeleteItem", RECORDS, &id(1)));
    trail.report("orphan").is(&[("deleted", "notProven"), ("codes", "notProven")]);
    // In its first hour it may be one of before.
    let mut trail = Trail::default();
    trail.calls.push(item(1000, "expire-records", "DeleteItem", RECORDS, &id(1)));
    trail.report("orphan-before").is(&[]);
}

#[test]
fn who_asks_for_a_record_that_there_is_not_makes_none() {
    let mut trail = Trail::default();
    trail.calls.push(item(2 * 3600, "session-ingest", "GetItem", RECORDS, &id(9)));
    let failed = item(2 * 3600, "agent-lookup", "UpdateItem", RECORDS, &id(9)).failed("ConditionalCheckFailedException");
    trail.calls.push(failed);
    let report = trail.report("none");
    report.is(&[]);
    assert_eq!(report.json["counts"]["records"], 0);
}

#[test]
fn creations_are_held_against_what_was_counted() {
    let mut trail = Trail::of_one_call();
    trail.started = None;
    trail.report("not-counted").is(&[("started", "notProven")]);
    trail.started = Some(Vec::new());
    trail.report("counted-less").is(&[("started", "notProven")]);
    trail.started = Some(vec![(crate::trail::BEGIN, 2)]);
    trail.report("counted-more").is(&[("started", "violated")]);
}

#[test]
fn one_record_can_be_asked_for_by_its_reference() {
    let mut trail = Trail::of_one_call();
    trail.call(2, 600, End::Nothing);
    let folder = trail.write("reference");
    let reference = |number: u8| id(number).parse::<shared::record_id::RecordId>().unwrap().reference().to_string();
    let report = folder.report(&["--reference", &reference(1)]);
    report.is(&[]);
    assert_eq!(report.json["records"].as_array().unwrap().len(), 1);
    assert!(report.text.contains(&agent(1)) && report.html.contains(&agent(1)));
    let report = folder.report(&["--reference", &reference(2).to_lowercase().replace('-', "")]);
    report.is(&[("deleted", "notProven")]);
    let report = folder.report(&["--reference", &reference(3)]);
    report.is(&[("deleted", "notProven")]);
    assert!(report.json["records"].as_array().unwrap().is_empty());
}

#[test]
fn of_one_record_also_that_is_told_which_names_no_record_and_was_done_while_it_lived() {
    let mallory = || Principal::User("mallory".to_owned());
    let reference = id(1).parse::<shared::record_id::RecordId>().unwrap().reference().to_string();
    let call = |at: i64, service: &str, operation: &str, parameters: Value| Call {
        at: BEGIN + at,
        by: mallory(),
        service: service.to_owned(),
        operation: operation.to_owned(),
        parameters,
        resource: None,
        error: None,
    };
    let role = format!("arn:aws:iam::{ACCOUNT}:role/idbellen-test-agent-lookup");
    let all = |at: i64| {
        [
            ("scan", call(at, "dynamodb", "Scan", json!({"tableName": RECORDS}))),
            ("backup", call(at, "dynamodb", "CreateBackup", json!({"tableName": RECORDS}))),
            ("role", call(at, "sts", "AssumeRole", json!({"roleArn": role}))),
            ("key", key(at, mallory(), "GenerateMac", "code-current", None)),
            ("policy", key(at, mallory(), "PutKeyPolicy", "token", None)),
        ]
    };
    // The record was made at 60 and deleted at 360.
    for (at, expected) in [(59, "proven"), (60, "violated"), (360, "violated"), (361, "proven")] {
        for (name, call) in all(at) {
            let mut trail = Trail::of_one_call();
            trail.calls.push(call);
            let report = trail.write(&format!("while-{name}-{at}")).report(&["--reference", &reference]);
            report.is(&[("others", expected)]);
        }
    }
    // No deletion is seen: it may have lived for an hour.
    for (at, expected) in [(3660, "violated"), (3661, "proven")] {
        let mut trail = Trail::default();
        trail.call(1, 60, End::Nothing);
        trail.calls.push(call(at, "dynamodb", "Scan", json!({"tableName": RECORDS})));
        let report = trail.write(&format!("while-unseen-{at}")).report(&["--reference", &reference]);
        report.is(&[("others", expected), ("deleted", "notProven")]);
    }
}

#[test]
fn a_code_that_someone_else_read_is_told_with_its_own_record() {
    let mut trail = Trail::of_one_call();
    trail.call(2, 60, End::Agent(300));
    let mut call = item(70, "", "GetItem", CODES, &code(1));
    call.by = Principal::User("mallory".to_owned());
    trail.calls.push(call);
    let folder = trail.write("code-read");
    let reference = |number: u8| id(number).parse::<shared::record_id::RecordId>().unwrap().reference().to_string();
    for arguments in [&[][..], &["--reference", &reference(1)]] {
        let report = folder.report(arguments);
        report.is(&[("codes", "violated"), ("others", "violated")]);
        assert_eq!(report.json["findings"][0]["reference"], reference(1));
    }
    folder.report(&["--reference", &reference(2)]).is(&[]);
}

#[test]
fn a_day_has_its_own_records_only() {
    let mut trail = Trail { hours: 28, ..Trail::of_one_call() };
    trail.call(2, 24 * 3600 + 60, End::Agent(300));
    let folder = trail.write("day");
    for (day, number) in [("2026-01-15", 1), ("2026-01-16", 2)] {
        let report = folder.report(&["--day", day]);
        let whole = if number == 1 { "proven" } else { "notProven" };
        // Of the second day the digests do not tell all.
        report.is(&[("integrity", whole)]);
        assert_eq!(report.json["counts"]["records"], 1);
        report.record(number);
    }
}

#[test]
fn a_record_deleted_by_someone_else_is_told_so() {
    let mut trail = Trail::default();
    trail.call(1, 60, End::Nothing);
    let mut call = item(500, "", "DeleteItem", RECORDS, &id(1));
    call.by = Principal::User("mallory".to_owned());
    trail.calls.push(call);
    let report = trail.report("deleted-by-other");
    report.is(&[("others", "violated")]);
    assert_eq!(report.record(1)["endedBy"], "other");
    assert_eq!(report.record(1)["endedByWhom"], format!("arn:aws:iam::{}:user/mallory", crate::trail::ACCOUNT));
}
