//! What a report says of which agents looked and cleared: by their marks, which CloudTrail signs, and by the lines of the
//! functions, which nobody signs.

use std::fs;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use local::trail::event::{Call, Principal};
use local::trail::gzip;
use serde_json::{Value, json};

use crate::trail::{ACCOUNT, BEGIN, End, RECORDS, Report, Trail, agent, id, item, mark, role};

/// A trail of one call in which no agent looked yet, and that one cleared after five minutes.
fn not_looked_up() -> Trail {
    let mut trail = Trail::of_one_call();
    trail.calls.retain(|call| call.by != role("agent-lookup"));
    trail.lines.remove(0);
    trail
}

/// The same, with these calls, and no lines at all.
fn with_calls(calls: &[Call]) -> Trail {
    let mut trail = not_looked_up();
    trail.calls.extend_from_slice(calls);
    trail.lines.clear();
    trail
}

fn look(at: i64) -> Call {
    item(at, "agent-lookup", "UpdateItem", RECORDS, &id(1))
}

fn looks_by(at: i64, agent: u8) -> Call {
    mark(at, "agent-lookup", agent, 1)
}

/// With this a contact takes the caller.
fn take(at: i64) -> Call {
    const ADD: &str = "ADD holders :holders";
    assert!(include_str!("../../../shared/src/records.rs").contains(ADD), "the report knows it by this");
    let mut call = look(at);
    call.parameters["updateExpression"] = format!("SET holder = :holder {ADD}").into();
    call
}

/// A contact that took the caller before asks again.
fn again(at: i64) -> Call {
    let mut call = look(at);
    call.parameters["updateExpression"] = "SET looked_up_at = if_not_exists(looked_up_at, :now)".into();
    call
}

/// Reports on the trail, with these changes to some of its events.
fn changed(trail: &Trail, test: &str, change: impl Fn(&Call, &mut Value)) -> Report {
    let event = |call: &Call| {
        let mut event = call.event(ACCOUNT).unwrap();
        change(call, &mut event);
        (call.at, event)
    };
    let events: Vec<_> = trail.calls.iter().map(event).collect();
    trail.write_events(test, &events).report(&[])
}

fn agents(report: &Report) -> Vec<(String, bool)> {
    let agents = report.record(1)["agents"].as_array().unwrap();
    agents.iter().map(|one| (one["agent"].as_str().unwrap().to_owned(), one["answered"].as_bool().unwrap())).collect()
}

#[test]
fn marks_alone_prove_which_agent_it_was() {
    let mut trail = Trail::of_one_call();
    trail.lines.clear();
    let report = trail.report("marks-alone");
    report.is(&[]);
    assert_eq!(agents(&report), [(agent(1), true), (agent(1), true)]);
    assert_eq!(report.record(1)["endedByWhom"], agent(1));
    assert!(report.html.contains(&agent(1)));
}

#[test]
fn a_call_without_a_mark_is_not_proven_whatever_the_lines_say() {
    for (name, by, operation) in [("look-up", "agent-lookup", "UpdateItem"), ("clear", "clear-contact", "DeleteItem")] {
        let mut trail = Trail::of_one_call();
        trail.calls.retain(|call| call.by != role(by) || call.operation == operation);
        let report = trail.report(&format!("no-mark-{name}"));
        report.is(&[("agents", "notProven")]);
        assert_eq!(report.record(1)["verdict"], "notProven");
        assert!(report.record(1)["flaws"].as_array().unwrap().contains(&json!("noAgent")), "{}", report.record(1));
    }
}

#[test]
fn a_look_up_without_its_own_mark_does_not_hide_behind_that_of_another() {
    // Somebody looks with the function's credentials, an agent looks rightly before and after.
    let rightly = [looks_by(100, 1), take(100), looks_by(107, 1), again(107)];
    with_calls(&rightly).report("hidden-not").is(&[]);
    for at in [101, 103, 108, 200] {
        let mut trail = with_calls(&rightly);
        // To take the caller is no repetition of anything; nor is what comes from elsewhere.
        trail.calls.push(take(at));
        trail.report(&format!("hidden-take-{at}")).is(&[("agents", "notProven")]);
        trail.calls.pop();
        trail.calls.push(again(at));
        let report = changed(&trail, &format!("hidden-elsewhere-{at}"), |call, event| {
            if call.at == BEGIN + at {
                event["sourceIPAddress"] = "198.51.100.7".into();
            }
        });
        report.is(&[("agents", "notProven")]);
    }
}

/// `DynamoDB` can be asked for the item when the condition fails.
#[test]
fn a_look_up_that_fails_has_a_mark_too_and_asks_for_nothing() {
    let failed = |at: i64| take(at).failed("ConditionalCheckFailedException");
    // A contact that asks again.
    let rightly = [looks_by(100, 1), take(100), looks_by(200, 1), failed(200), failed(201), again(202)];
    with_calls(&rightly).report("failed-rightly").is(&[]);
    for (name, at, expected) in [("beside", 206, "proven"), ("after", 207, "notProven"), ("before", 196, "notProven")] {
        let mut trail = with_calls(&rightly);
        trail.calls.push(failed(at));
        trail.report(&format!("failed-{name}")).is(&[("agents", expected)]);
    }
    for (name, by, operation) in [
        ("look", "agent-lookup", "UpdateItem"),
        ("clear", "clear-contact", "DeleteItem"),
        ("end", "session-ingest", "UpdateItem"),
        ("sweep", "expire-records", "DeleteItem"),
    ] {
        for error in ["ConditionalCheckFailedException", ""] {
            let mut call = item(200, by, operation, RECORDS, &id(1));
            call.parameters["returnValuesOnConditionCheckFailure"] = "ALL_OLD".into();
            call.error = (!error.is_empty()).then(|| error.to_owned());
            let mut trail = with_calls(&[looks_by(100, 1), take(100), looks_by(200, 1)]);
            trail.calls.push(call);
            let report = trail.report(&format!("returns-{name}-{error}"));
            report.is(&[("others", "violated")]);
            assert_eq!((report.found(), &report.json["findings"][0]["refused"]), (vec!["outOfRole"], &false.into()), "{name}");
        }
    }
}

#[test]
fn a_mark_lies_beside_its_call() {
    for (apart, expected) in [(0, "proven"), (3, "proven"), (4, "notProven"), (-6, "proven"), (-7, "notProven")] {
        let report = with_calls(&[looks_by(100 + apart, 1), look(100)]).report(&format!("beside-{apart}"));
        report.is(&[("agents", expected)]);
        assert_eq!(agents(&report).iter().any(|(_, answered)| !answered), expected != "proven");
    }
    // One function's mark is not another's.
    for (name, by) in [("clear", "clear-contact"), ("look", "agent-lookup")] {
        let expected = if name == "look" { "proven" } else { "notProven" };
        with_calls(&[mark(100, by, 1, 1), look(100)]).report(&format!("beside-{name}")).is(&[("agents", expected)]);
    }
    // Nor is that of one sandbox of another, or that of one record of another.
    let report = changed(&with_calls(&[looks_by(100, 1), look(100)]), "beside-key", |call, event| {
        if call.operation == "UpdateItem" && call.at == BEGIN + 100 {
            event["userIdentity"]["accessKeyId"] = "ASIAOTHER".into();
        }
    });
    report.is(&[("agents", "notProven")]);
    with_calls(&[mark(100, "agent-lookup", 1, 2), look(100)]).report("beside-record").is(&[("agents", "notProven")]);
    // One that was refused says nothing.
    with_calls(&[looks_by(100, 1).failed("AccessDenied"), look(100)]).report("beside-refused").is(&[("agents", "notProven")]);
}

#[test]
fn a_look_up_that_was_repeated_because_its_answer_was_lost_needs_one_mark() {
    for (number, (calls, marks, expected)) in [
        (vec![look(100), look(100)], vec![100], "proven"),
        (vec![look(97), look(100)], vec![97], "proven"),
        (vec![look(97), look(100)], vec![100], "proven"),
        (vec![look(96), look(100)], vec![100], "notProven"),
        (vec![look(98), look(99), look(100)], vec![98], "proven"),
        (vec![look(99), look(99), look(100), look(100)], vec![100], "notProven"),
        // Four may be two, of three attempts each at most.
        (vec![look(99), look(99), look(100), look(100)], vec![100, 100], "proven"),
        (vec![look(99), look(100)], vec![], "notProven"),
        (vec![look(99), look(100)], vec![200], "notProven"),
        // A mark far away stands for nothing near.
        (vec![look(98), look(99), look(100), look(100), look(200)], vec![100, 200], "notProven"),
        // To take the caller is an operation of its own, before the second.
        (vec![take(94), look(100)], vec![94], "proven"),
        (vec![take(93), look(100)], vec![93], "notProven"),
        (vec![take(100), look(100)], vec![100], "proven"),
        // Each contact takes the caller once: these are two look-ups.
        (vec![take(99), take(100)], vec![100], "notProven"),
        (vec![look(99), take(100)], vec![100], "notProven"),
        (vec![take(99), take(100)], vec![99, 100], "proven"),
        // The mark was repeated too.
        (vec![look(99), look(100)], vec![99, 100], "proven"),
        (vec![look(100)], vec![99, 100, 101], "proven"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut calls = calls;
        calls.extend(marks.into_iter().map(|at| looks_by(at, 1)));
        with_calls(&calls).report(&format!("repeated-{number}")).is(&[("agents", expected)]);
    }
    // What comes from elsewhere is no repetition.
    let trail = with_calls(&[look(98), look(99), look(100), looks_by(98, 1)]);
    let with = |name: &str, change: &dyn Fn(&mut Value)| {
        changed(&trail, &format!("elsewhere-{name}"), |call, event| {
            if call.at == BEGIN + 99 {
                change(event);
            }
        })
    };
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/idbellen-test-agent-lookup/mallory");
    with("not", &|_| ()).is(&[]);
    with("key", &|event| event["userIdentity"]["accessKeyId"] = "ASIAOTHER".into()).is(&[("agents", "notProven")]);
    with("address", &|event| event["sourceIPAddress"] = "192.0.2.1".into()).is(&[("agents", "notProven")]);
    with("session", &|event| event["userIdentity"]["arn"] = arn.clone().into()).is(&[("others", "violated")]);
}

#[test]
fn of_agents_who_look_at_the_same_time_each_is_named_or_it_is_said_that_it_is_not_known() {
    // Each got an answer.
    let report = with_calls(&[looks_by(100, 2), look(100), looks_by(101, 3), look(101)]).report("both");
    report.is(&[]);
    assert_eq!(agents(&report), [(agent(2), true), (agent(3), true), (agent(1), true)]);
    // One of them got none, and it is not known which: the same sandbox may have served both.
    for (name, calls) in [
        ("same", [looks_by(100, 2), looks_by(100, 3), look(100)]),
        ("later", [looks_by(100, 2), looks_by(106, 3), look(106)]),
        ("before", [looks_by(100, 2), looks_by(97, 3), look(100)]),
    ] {
        with_calls(&calls).report(&format!("one-of-two-{name}")).is(&[("agents", "notProven")]);
    }
    let report = with_calls(&[looks_by(100, 2), looks_by(107, 3), look(107)]).report("one-of-two-apart");
    report.is(&[]);
    assert_eq!(agents(&report), [(agent(2), false), (agent(3), true), (agent(1), true)]);
}

#[test]
fn who_asked_and_got_nothing_is_told() {
    let mut trail = Trail::of_one_call();
    // After the deletion, and for what is no record.
    trail.calls.extend([
        mark(500, "agent-lookup", 2, 1),
        look(500).failed("ConditionalCheckFailedException"),
        mark(501, "clear-contact", 2, 1),
        mark(600, "agent-lookup", 3, 77),
    ]);
    let report = trail.report("in-vain");
    report.is(&[]);
    assert_eq!(agents(&report), [(agent(1), true), (agent(1), true), (agent(2), false), (agent(2), false)]);
    let counts = &report.json["counts"];
    assert_eq!((&counts["askedInVain"], &counts["agentMarks"], &counts["records"]), (&3.into(), &5.into(), &1.into()));
    let reference = id(1).parse::<shared::record_id::RecordId>().unwrap().reference().to_string();
    let text = trail.write("in-vain-one").report(&["--reference", &reference, "--language", "en"]).text;
    assert!(text.contains(&format!("{} asked to look and got nothing", agent(2))), "{text}");
}

#[test]
fn a_mark_that_no_function_of_agents_left_is_an_access_by_someone_else() {
    let key = |by: Principal| Call::mark(BEGIN + 100, by, RECORDS, ACCOUNT, &agent(7), &id(1));
    for (name, call, kind) in [
        ("user", key(Principal::User("mallory".to_owned())), "access"),
        ("root", key(Principal::Root), "access"),
        ("ingest", key(role("session-ingest")), "outOfRole"),
        ("telephony", key(role("telephony")), "outOfRole"),
        ("verify", key(role("verify")), "outOfRole"),
    ] {
        let mut trail = Trail::of_one_call();
        trail.calls.push(call);
        let report = trail.report(&format!("mark-{name}"));
        report.is(&[("others", "violated")]);
        assert_eq!(report.found(), [kind], "{name}");
        assert!(!report.record(1)["agents"].to_string().contains(&agent(7)), "{name}");
        let reference = id(1).parse::<shared::record_id::RecordId>().unwrap().reference().to_string();
        assert_eq!(report.json["findings"][0]["reference"], reference, "{name}");
    }
    let mut trail = Trail::of_one_call();
    trail.calls.push(mark(110, "agent-lookup", 7, 1));
    let report = changed(&trail, "mark-borrowed", |call, event| {
        if call.at == BEGIN + 110 && call.operation == "GetItem" {
            event["userIdentity"]["arn"] = format!("arn:aws:sts::{ACCOUNT}:assumed-role/idbellen-test-agent-lookup/x").into();
        }
    });
    assert_eq!((report.found(), report.on("others")), (vec!["access"], "violated"));
    // What looks like one and is none, no function asks for.
    for (name, text) in [("short", "agent/x/y".to_owned()), ("one", format!("agent/{}", agent(1)))] {
        let mut trail = Trail::of_one_call();
        let mut call = mark(100, "agent-lookup", 1, 1);
        call.parameters["key"]["id"] = text.into();
        trail.calls.push(call);
        trail.report(&format!("mark-{name}")).is(&[("others", "violated")]);
    }
}

#[test]
fn a_clear_is_an_agents_if_one_looked_and_telephonys_if_none_did() {
    // Without a mark after a look-up: no agent is named, and telephony can't have done it.
    let mut trail = with_calls(&[looks_by(100, 1), look(100)]);
    trail.calls.retain(|call| !(call.by == role("clear-contact") && call.operation == "GetItem"));
    let report = trail.report("cleared-by-none");
    report.is(&[("agents", "notProven")]);
    assert_eq!((&report.record(1)["endedBy"], &report.record(1)["endedByWhom"]), (&"agent".into(), &Value::Null));
    // An agent who did not look asks to clear, and then telephony does: nobody held the caller.
    let mut trail = Trail::default();
    trail.call(1, 60, End::Telephony(200));
    trail.calls.push(mark(259, "clear-contact", 2, 1));
    let report = trail.report("cleared-by-telephony");
    report.is(&[]);
    assert_eq!((&report.record(1)["endedBy"], agents(&report)), (&"telephony".into(), vec![(agent(2), false)]));
    assert!(report.text.contains("telefonie 1"), "{}", report.text);
}

#[test]
fn of_several_agents_who_clear_at_once_the_one_who_has_the_caller_did() {
    let both = [mark(360, "clear-contact", 2, 1), mark(360, "clear-contact", 3, 1)];
    for (name, looks, by) in [
        // The second took the caller over.
        ("over", [take(100), looks_by(100, 2), take(101), looks_by(101, 3)].to_vec(), Some(3)),
        // The first one asked again since, perhaps with the other's contact.
        ("again", [take(100), looks_by(100, 2), take(101), looks_by(101, 3), again(200), looks_by(200, 2)].to_vec(), None),
        ("same-second", [take(100), looks_by(100, 2), take(100), looks_by(100, 3)].to_vec(), None),
        // The events do not tell who took the caller.
        ("unsaid", [look(100), looks_by(100, 2), look(101), looks_by(101, 3)].to_vec(), None),
    ] {
        let mut trail = with_calls(&looks);
        trail.calls.retain(|call| !(call.by == role("clear-contact") && call.operation == "GetItem"));
        trail.calls.extend_from_slice(&both);
        let report = trail.report(&format!("cleared-{name}"));
        report.is(&[("agents", if by.is_some() { "proven" } else { "notProven" })]);
        let whom = by.map_or(Value::Null, |by: u8| agent(by).into());
        assert_eq!((&report.record(1)["endedBy"], &report.record(1)["endedByWhom"]), (&"agent".into(), &whom), "{name}");
    }
    // Apart from each other, each is known by its own moment.
    let mut trail = with_calls(&[take(100), looks_by(100, 1), mark(356, "clear-contact", 2, 1)]);
    trail.lines.clear();
    assert_eq!(trail.report("cleared-apart").record(1)["endedByWhom"], agent(1));
}

/// The lines of a trail, as messages of a subscription that may be another.
fn messages(trail: &Trail, change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut all = Vec::new();
    for (at, function, line) in &trail.lines {
        let mut message = json!({
            "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": format!("/aws/lambda/idbellen-test-{function}"),
            "logStream": "stream", "subscriptionFilters": ["audit"],
            "logEvents": [{"id": "1", "timestamp": at, "message": line}],
        });
        change(&mut message);
        all.extend(gzip(message.to_string().as_bytes()).unwrap());
    }
    all
}

#[test]
fn a_line_counts_only_from_the_log_of_its_function_and_by_the_subscription_of_the_template() {
    type Change = fn(&mut Value);
    let good: Change = |_| ();
    let changes: [(&str, Change, bool); 10] = [
        ("good", good, true),
        ("group", |one| one["logGroup"] = "/insider/anything".into(), false),
        ("group-alike", |one| one["logGroup"] = "/aws/lambda/idbellen-test-agent-lookup-2".into(), false),
        ("other-function", |one| one["logGroup"] = "/aws/lambda/idbellen-test-session-start".into(), false),
        ("other-stage", |one| one["logGroup"] = "/aws/lambda/idbellen-prod-agent-lookup".into(), false),
        ("filter", |one| one["subscriptionFilters"] = json!(["mine"]), false),
        ("filters", |one| one["subscriptionFilters"] = json!(["audit", "mine"]), false),
        ("no-filter", |one| drop(one.as_object_mut().unwrap().remove("subscriptionFilters")), false),
        ("owner", |one| one["owner"] = "999999999999".into(), false),
        ("no-group", |one| drop(one.as_object_mut().unwrap().remove("logGroup")), false),
    ];
    for (name, change, counts) in changes {
        let trail = Trail::of_one_call();
        let folder = trail.write(&format!("line-{name}"));
        fs::write(folder.object(folder.lines.as_deref().unwrap()), messages(&trail, change)).unwrap();
        let report = folder.report(&[]);
        let missing = [("understood", "notProven"), ("agents", "notProven")];
        report.is(if counts { &[] } else { &missing });
        assert_eq!(report.json["counts"]["agentLines"], if counts { 2 } else { 0 }, "{name}");
    }
    // Each function says what it does itself.
    let trail = Trail::of_one_call();
    let folder = trail.write("line-swapped");
    let swapped = |one: &mut Value| {
        let other = if one["logGroup"] == "/aws/lambda/idbellen-test-agent-lookup" { "clear-contact" } else { "agent-lookup" };
        one["logGroup"] = format!("/aws/lambda/idbellen-test-{other}").into();
    };
    fs::write(folder.object(folder.lines.as_deref().unwrap()), messages(&trail, swapped)).unwrap();
    folder.report(&[]).is(&[("understood", "notProven"), ("agents", "notProven")]);
}

#[test]
fn an_insiders_lines_neither_hide_nor_frame_nor_erase() {
    let mallory = |one: &mut Value| {
        one["logGroup"] = "/insider/anything".into();
        one["subscriptionFilters"] = json!(["mine"]);
    };
    let forged = |trail: &Trail, name: &str, by: &[u8]| {
        let mut lines = Trail { calls: Vec::new(), ..Trail::default() };
        for by in by {
            lines.line(200, "lookup", 1, "disclosed", *by);
        }
        let folder = trail.write(name);
        fs::write(folder.object("agents/forged.gz"), messages(&lines, mallory)).unwrap();
        folder.report(&[])
    };
    // A look-up with the function's credentials, and a forged line that accounts for it.
    let mut trail = Trail::of_one_call();
    trail.calls.push(look(200));
    forged(&trail, "forged-hide", &[7]).is(&[("agents", "notProven"), ("understood", "notProven")]);
    // A colleague who did not look.
    let report = forged(&Trail::of_one_call(), "forged-frame", &[7]);
    report.is(&[("understood", "notProven")]);
    assert!(!format!("{}{}", report.json, report.html).contains(&agent(7)));
    // So many that no other agent's name would fit.
    let lines: Vec<Value> = (0_u32..110_000)
        .map(|number| {
            let mut pseudonym = [9; 32];
            pseudonym[..4].copy_from_slice(&number.to_be_bytes());
            let by = URL_SAFE_NO_PAD.encode(pseudonym);
            let said = json!({"audit": "agent", "action": "lookup", "record": id(99), "agent": by, "outcome": "unknown"});
            json!({"id": "1", "timestamp": (BEGIN + 30) * 1000, "message": said.to_string()})
        })
        .collect();
    for (name, group, expected) in
        [("own", "/aws/lambda/idbellen-test-agent-lookup", &[][..]), ("other", "/insider/x", &[("understood", "notProven")])]
    {
        let message = json!({
            "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": group, "logStream": "x",
            "subscriptionFilters": ["audit"], "logEvents": &lines,
        });
        let folder = Trail::of_one_call().write(&format!("forged-flood-{name}"));
        // Before all others.
        fs::write(folder.object("agents/0.gz"), gzip(message.to_string().as_bytes()).unwrap()).unwrap();
        let report = folder.report(&[]);
        report.is(expected);
        assert_eq!((agents(&report), &report.record(1)["endedByWhom"]), (vec![(agent(1), true); 2], &agent(1).into()));
    }
}

/// A trail of one call with a mark for each of these look-ups, and with lines at tenths of a second, by agents.
fn told(looks: &[i64], lines: &[(i64, u8, &str)]) -> Trail {
    let mut trail = not_looked_up();
    for at in looks {
        trail.calls.extend([looks_by(*at, 1), look(*at)]);
    }
    for (tenths, by, outcome) in lines {
        trail.line(0, "lookup", 1, outcome, *by);
        trail.lines.last_mut().unwrap().0 += tenths * 100;
    }
    trail
}

#[test]
fn where_lines_are_delivered_each_call_has_one_and_each_line_a_call() {
    for (name, trail, expected) in [
        ("each", told(&[100, 200], &[(1001, 1, "disclosed"), (2005, 1, "pending")]), None),
        ("none", told(&[100], &[]), Some("noLine")),
        ("one", told(&[100, 200], &[(1001, 1, "disclosed")]), Some("noLine")),
        ("another's", told(&[100], &[(1001, 2, "disclosed")]), Some("noLine")),
        ("too-many", told(&[100], &[(1001, 1, "disclosed"), (1002, 1, "disclosed")]), Some("lineTooMany")),
        ("framed", told(&[100], &[(1001, 1, "disclosed"), (1001, 2, "declined")]), Some("lineTooMany")),
        ("before", told(&[100], &[(999, 1, "disclosed")]), Some("lineTooMany")),
        ("at-the-end", told(&[100], &[(1109, 1, "disclosed")]), None),
        ("after", told(&[100], &[(1110, 1, "disclosed")]), Some("lineTooMany")),
        // It may have read the record before it failed.
        ("failed", told(&[100], &[(1001, 1, "failed")]), None),
        ("failed-without-call", told(&[100], &[(1001, 1, "disclosed"), (2000, 1, "failed")]), None),
        ("failed-and-shown", told(&[100], &[(1001, 1, "failed"), (1005, 1, "disclosed")]), None),
        ("unknown", told(&[100], &[(1001, 1, "unknown")]), Some("noLine")),
        ("unknown-too", told(&[100], &[(1001, 1, "disclosed"), (1002, 2, "unknown")]), None),
        // Mark and call were repeated: one look-up, one line.
        ("repeated", told(&[100, 101], &[(1015, 1, "disclosed")]), None),
        ("not-repeated", told(&[100, 104], &[(1045, 1, "disclosed")]), Some("noLine")),
    ] {
        let report = trail.report(&format!("told-{name}"));
        report.is(&[("agents", if expected.is_some() { "notProven" } else { "proven" })]);
        let flaws = report.record(1)["flaws"].as_array().unwrap();
        assert!(expected.is_none_or(|flaw| flaws.contains(&flaw.into())), "{name}: {flaws:?}");
        // The marks say who looked, whatever the lines do.
        assert!(!agents(&report).contains(&(agent(2), true)), "{name}");
    }
}

#[test]
fn where_lines_are_delivered_a_clear_has_one_and_tells_of_no_other() {
    let clear = |lines: &[(i64, u8, &str)]| {
        let mut trail = Trail::of_one_call();
        trail.lines.pop();
        for (tenths, by, outcome) in lines {
            trail.line(0, "clear", 1, outcome, *by);
            trail.lines.last_mut().unwrap().0 += tenths * 100;
        }
        trail
    };
    for (name, lines, expected) in [
        ("one", &[(3600, 1, "cleared")][..], "proven"),
        ("none", &[], "notProven"),
        ("another's", &[(3600, 2, "cleared")], "notProven"),
        ("two", &[(3600, 1, "cleared"), (3601, 1, "cleared")], "notProven"),
        ("framed", &[(3600, 1, "cleared"), (3600, 2, "cleared")], "notProven"),
        ("before", &[(3599, 1, "cleared")], "notProven"),
        ("late", &[(3710, 1, "cleared")], "notProven"),
        // It did not hear that it deleted the record.
        ("unheard", &[(3610, 1, "nothing to clear")], "proven"),
        ("failed", &[(3630, 1, "failed")], "proven"),
        ("in-vain", &[(3600, 1, "cleared"), (3700, 2, "nothing to clear")], "proven"),
    ] {
        let report = clear(lines).report(&format!("clear-line-{name}"));
        report.is(&[("agents", expected)]);
        assert_eq!(report.record(1)["endedByWhom"], agent(1), "{name}");
    }
    // What telephony or the sweep deleted, no agent did.
    for (end, by) in [(End::Telephony(200), "telephony"), (End::Sweep(200), "sweep")] {
        for (outcome, expected) in [("nothing to clear", "proven"), ("cleared", "notProven")] {
            let mut trail = Trail::default();
            trail.call(1, 60, end);
            trail.line(261, "clear", 1, outcome, 1);
            let report = trail.report(&format!("clear-line-{by}-{expected}"));
            report.is(&[("agents", expected)]);
            assert_eq!(report.record(1)["endedBy"], by);
        }
    }
}

#[test]
fn a_file_that_would_fill_the_memory_is_not_read_and_said_to_be_so() {
    let large = gzip(&vec![b' '; (256 << 20) + 1]).unwrap();
    let folder = Trail::of_one_call().write("large");
    fs::write(folder.object("agents/large.gz"), &large).unwrap();
    folder.report(&[]).is(&[("understood", "notProven")]);
    let folder = Trail::of_one_call().write("large-log");
    fs::write(folder.object(&folder.logs[0]), &large).unwrap();
    let report = folder.report(&[]);
    assert_eq!((report.on("integrity"), report.faults()), ("notProven", vec!["logTooLarge"]));
}
