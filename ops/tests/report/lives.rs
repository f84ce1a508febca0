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
    assert_eq!(first["agents"].as_array().unwrap().len(), 2);
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
    trail.report("shows").is(&[("deleted", "violated")]);
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
        trail.report(&format!("after-{number}")).is(&[("silent", "violated"), no_line]);
    }
}

#[test]
fn what_fails_after_the_deletion_writes_nothing() {
    let mut trail = Trail::of_one_call();
    for (by, operation) in [("session-ingest", "UpdateItem"), ("agent-lookup", "UpdateItem"), ("clear-contact", "DeleteItem")] {
        trail.calls.push(item(500, by, operation, RECORDS, &id(1)).failed("ConditionalCheckFailedException"));
    }
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
fn without_a_line_it_is_not_proven_which_agent_it_was() {
    let mut trail = Trail::of_one_call();
    trail.lines.pop();
    trail.report("no-clear-line").is(&[("agents", "notProven")]);
    let mut trail = Trail::of_one_call();
    trail.lines.remove(0);
    trail.report("no-lookup-line").is(&[("agents", "notProven")]);
    let mut trail = Trail::of_one_call();
    trail.lines.clear();
    trail.report("no-lines").is(&[("agents", "notProven")]);
}

/// A trail of one call with these look-ups, at tenths of a second, and the lines of some.
fn looked_up(calls: &[Call], lines: &[i64]) -> Trail {
    let mut trail = Trail::of_one_call();
    trail.calls.retain(|call| call.by != crate::trail::role("agent-lookup"));
    trail.lines.remove(0);
    trail.calls.extend_from_slice(calls);
    for tenths in lines {
        trail.line(0, "lookup", 1, "disclosed", 1);
        trail.lines.last_mut().unwrap().0 += tenths * 100;
    }
    trail
}

fn look(at: i64) -> Call {
    item(at, "agent-lookup", "UpdateItem", RECORDS, &id(1))
}

/// With this a contact takes the caller.
fn take(at: i64) -> Call {
    const ADD: &str = "ADD holders :holders";
    assert!(include_str!("../../../shared/src/records.rs").contains(ADD), "the report knows it by this");
    let mut call = look(at);
    call.parameters["updateExpression"] = format!("SET holder = :holder {ADD}").into();
    call
}

#[test]
fn a_look_up_that_was_repeated_because_its_answer_was_lost_needs_one_line() {
    for (number, (calls, lines, expected)) in [
        (vec![look(100), look(100)], vec![1001], "proven"),
        // CloudTrail gives whole seconds: this may have been 2.9 seconds before.
        (vec![look(97), look(100)], vec![1009], "proven"),
        (vec![look(96), look(100)], vec![1000], "notProven"),
        // A line comes after its look-up.
        (vec![look(100), look(101)], vec![1009], "notProven"),
        (vec![look(98), look(99), look(100)], vec![1005], "proven"),
        (vec![look(99), look(99), look(100), look(100)], vec![1005], "notProven"),
        // Four may be two, of three attempts each at most.
        (vec![look(99), look(99), look(100), look(100)], vec![1003, 1005], "proven"),
        (vec![look(99), look(100)], vec![], "notProven"),
        (vec![look(99), look(100)], vec![2000], "notProven"),
        // A line far away stands for nothing near.
        (vec![look(98), look(99), look(100), look(100), look(200)], vec![1005, 2000], "notProven"),
        // To take the caller is an operation of its own, before the second.
        (vec![take(94), look(100)], vec![1009], "proven"),
        (vec![take(93), look(100)], vec![1000], "notProven"),
        (vec![take(100), look(100)], vec![1001], "proven"),
        // Each contact takes the caller once: these are two look-ups.
        (vec![take(99), take(100)], vec![1001], "notProven"),
        (vec![look(99), take(100)], vec![1001], "notProven"),
        (vec![take(99), take(100)], vec![991, 1001], "proven"),
    ]
    .into_iter()
    .enumerate()
    {
        looked_up(&calls, &lines).report(&format!("repeated-{number}")).is(&[("agents", expected)]);
    }
}

#[test]
fn the_line_of_a_look_up_that_failed_stands_for_its_own_calls_only() {
    // It failed at 100.
    for (number, (calls, lines, expected)) in [
        (vec![look(100)], vec![], "proven"),
        (vec![look(98), look(99), look(100)], vec![], "proven"),
        (vec![look(200)], vec![], "notProven"),
        // Its call got nowhere.
        (vec![look(200)], vec![2001], "proven"),
        (vec![look(100), look(200)], vec![2001], "proven"),
        (vec![look(200), look(300)], vec![2001], "notProven"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut trail = looked_up(&calls, &lines);
        trail.line(100, "lookup", 1, "failed", 1);
        trail.lines.last_mut().unwrap().0 += 100;
        trail.report(&format!("look-up-failed-{number}")).is(&[("agents", expected)]);
    }
}

#[test]
fn what_comes_from_elsewhere_is_no_repetition() {
    let with = |lines: &[i64], name: &str, change: &dyn Fn(&mut Value)| {
        let trail = looked_up(&[look(98), look(99), look(100)], lines);
        let event = |call: &Call| {
            let mut event = call.event(ACCOUNT).unwrap();
            if call.at == BEGIN + 99 {
                change(&mut event);
            }
            (call.at, event)
        };
        let events: Vec<_> = trail.calls.iter().map(event).collect();
        trail.write_events(&format!("elsewhere-{name}"), &events).report(&[])
    };
    let key = |event: &mut Value| event["userIdentity"]["accessKeyId"] = "ASIAOTHER".into();
    let address = |event: &mut Value| event["sourceIPAddress"] = "192.0.2.1".into();
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/idbellen-test-agent-lookup/mallory");
    let session = |event: &mut Value| event["userIdentity"]["arn"] = arn.clone().into();
    with(&[1005], "not", &|_| ()).is(&[]);
    with(&[1005], "key", &key).is(&[("agents", "notProven")]);
    with(&[1005], "address", &address).is(&[("agents", "notProven")]);
    with(&[1005], "session", &session).is(&[("others", "violated")]);
    // Two look-ups at the same time, of which one was repeated.
    with(&[995, 1005], "both", &key).is(&[]);
}

#[test]
fn a_clear_that_was_repeated_because_its_answer_was_lost_is_known_by_its_line() {
    // The record was deleted at 360, after agent 1 had looked it up.
    for (number, (lines, expected)) in [
        (&[(3600, 1, 1)][..], "proven"),
        (&[(3639, 1, 1)], "proven"),
        (&[(3640, 1, 1)], "notProven"),
        (&[(3599, 1, 1)], "notProven"),
        // Of another record.
        (&[(3610, 2, 1)], "notProven"),
        // Agent 3 did not look it up. Agent 2 did.
        (&[(3610, 1, 3)], "notProven"),
        (&[(3610, 1, 2)], "proven"),
        (&[(3610, 1, 1), (3610, 1, 2)], "notProven"),
        (&[(3610, 1, 1), (3610, 1, 3)], "proven"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut trail = looked_up(&[look(100), look(200)], &[1001]);
        trail.line(200, "lookup", 1, "disclosed", 2);
        trail.line(200, "lookup", 1, "unknown", 3);
        trail.lines.remove(0);
        for (tenths, record, by) in lines {
            trail.line(0, "clear", *record, "nothing to clear", *by);
            trail.lines.last_mut().unwrap().0 += tenths * 100;
        }
        let report = trail.report(&format!("unheard-{number}"));
        report.is(&[("agents", expected)]);
        let (ended, whom) = (&report.record(1)["endedBy"], &report.record(1)["endedByWhom"]);
        assert_eq!(ended, "agent");
        assert_eq!(*whom, if expected == "proven" { Value::from(agent(lines[0].2)) } else { Value::Null });
    }
    // Nor did it hear, at last, that it asked in vain.
    for (name, tenths, expected) in [("at-once", 0, "proven"), ("in-time", 49, "proven"), ("late", 50, "notProven")] {
        let mut trail = Trail::of_one_call();
        trail.lines.pop();
        trail.line(360, "clear", 1, "failed", 1);
        trail.lines.last_mut().unwrap().0 += tenths * 100;
        trail.report(&format!("unheard-failed-{name}")).is(&[("agents", expected)]);
    }
    // Agent 3 asked for the record, saw nothing of it, and can't have deleted it.
    let mut trail = Trail::of_one_call();
    trail.lines.pop();
    trail.line(300, "lookup", 1, "failed", 3);
    trail.line(360, "clear", 1, "nothing to clear", 3);
    let report = trail.report("unheard-by-who-saw-nothing");
    report.is(&[("agents", "notProven")]);
    assert!(!report.html.contains(&agent(3)), "who saw nothing is named as a reader");
    // What telephony or the sweep deleted, no agent did.
    for (end, by) in [(End::Telephony(200), "telephony"), (End::Sweep(200), "sweep")] {
        let mut trail = Trail::default();
        trail.call(1, 60, end);
        trail.line(261, "clear", 1, "nothing to clear", 1);
        let report = trail.report(&format!("unheard-{by}"));
        report.is(&[]);
        assert_eq!(report.record(1)["endedBy"], by);
    }
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
