//! What session-start and the functions that end a session could read or replace with the rights that they need.

use local::trail::event::{Call, Principal};
use serde_json::{Value, json};

use crate::trail::{ACCOUNT, BEGIN, CODES, RECORDS, Trail, code, id, item, role};

/// A transaction of session-start, this long after the first call of [`Trail::of_one_call`].
fn making(at: i64, record: &str, code: &str) -> Call {
    Call::making(BEGIN + at, role("session-start"), ACCOUNT, [(RECORDS, record), (CODES, code)])
}

fn with(call: Call) -> Trail {
    let mut trail = Trail::of_one_call();
    trail.calls.push(call);
    trail
}

#[test]
fn a_transaction_that_asks_for_what_is_there_is_red_also_where_it_fails() {
    for error in [None, Some("TransactionCanceledException".to_owned())] {
        for place in [0, 1] {
            let mut call = making(200, &id(1), &code(1));
            call.parameters["requestItems"][place]["returnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
            call.error.clone_from(&error);
            let report = with(call).report(&format!("asks-{place}-{}", error.is_some()));
            assert_eq!(report.on("others"), "violated");
            assert!(report.found().contains(&"outOfRole"));
        }
    }
}

#[test]
fn a_transaction_that_fails_on_what_is_there_is_not_proven_to_have_read_nothing() {
    for (name, record, code) in [("record", id(1), code(9)), ("code", id(9), code(1))] {
        let mut call = making(70, &record, &code);
        call.error = Some("TransactionCanceledException".to_owned());
        let report = with(call).report(&format!("fails-{name}"));
        report.is(&[("others", "notProven")]);
        assert_eq!(report.found(), ["collision"], "{name}");
    }
    // Of what is not there it tells nothing.
    let mut call = making(200, &id(9), &code(9));
    call.error = Some("TransactionCanceledException".to_owned());
    with(call).report("fails-none").is(&[]);
}

#[test]
fn what_is_made_in_the_place_of_a_record_is_a_violation() {
    let mut trail = with(making(90, &id(1), &code(9)));
    trail.calls.push(item(150, "expire-records", "DeleteItem", CODES, &code(9)));
    let report = trail.report("replaced");
    assert_eq!(report.on("others"), "violated");
    assert!(report.found().contains(&"outOfRole"));
}

#[test]
fn a_code_is_judged_though_its_record_is_said_to_have_another() {
    let mut trail = Trail::of_one_call();
    trail.calls.retain(|call| !(call.by == role("expire-records") && call.parameters["tableName"] == CODES));
    trail.calls.push(making(90, &id(1), &code(9)));
    trail.calls.push(item(150, "expire-records", "DeleteItem", CODES, &code(9)));
    let report = trail.report("another-code");
    assert_ne!(report.on("codes"), "proven");
}

#[test]
fn whoever_ends_a_session_gets_nothing_back_and_ends_it_once() {
    for values in ["UPDATED_OLD", "UPDATED_NEW", "ALL_OLD", "ALL_NEW"] {
        let mut call = item(85, "session-reconcile", "UpdateItem", RECORDS, &id(1));
        call.parameters["returnValues"] = json!(values);
        assert_eq!(with(call).report(&format!("back-{values}")).on("others"), "violated", "{values}");
    }
    assert_eq!(with(item(88, "session-reconcile", "UpdateItem", RECORDS, &id(1))).report("twice").on("others"), "violated");
}

#[test]
fn credentials_of_a_function_are_its_own_where_aws_says_to_whom_they_were_issued() {
    let region = local::REGION;
    let function = |name: &str| format!("arn:aws:lambda:{region}:{ACCOUNT}:function:idbellen-test-{name}");
    let elsewhere = format!("arn:aws:lambda:eu-west-1:{ACCOUNT}:function:idbellen-test-session-ingest");
    let of = |kind: &str, to: &str| json!({"issuerType": kind, "credentialsIssuedTo": to});
    for (name, scope, expected) in [
        ("own", of("AWS::Lambda::Function", &function("session-ingest")), "proven"),
        ("another", of("AWS::Lambda::Function", &function("agent-lookup")), "violated"),
        ("region", of("AWS::Lambda::Function", &elsewhere), "violated"),
        ("machine", of("AWS::EC2::Instance", &format!("arn:aws:ec2:{region}:{ACCOUNT}:instance/i-1")), "violated"),
    ] {
        let trail = Trail::of_one_call();
        let events: Vec<(i64, Value)> = trail
            .calls
            .iter()
            .map(|call| {
                let mut event = call.event(ACCOUNT).unwrap();
                if call.by == role("session-ingest") {
                    event["userIdentity"]["inScopeOf"] = scope.clone();
                }
                (call.at, event)
            })
            .collect();
        assert_eq!(trail.write_events(&format!("scope-{name}"), &events).report(&[]).on("others"), expected, "{name}");
    }
}

#[test]
fn a_code_that_is_used_again_after_its_contacts_time_is_said() {
    with(item(105, "dtmf-exchange", "UpdateItem", CODES, &code(1))).report("again-soon").is(&[]);
    let report = with(item(115, "dtmf-exchange", "UpdateItem", CODES, &code(1))).report("again-late");
    assert_ne!(report.on("codes"), "proven");
}

#[test]
fn a_name_that_json_escapes_hides_no_reading_of_a_parameter() {
    let by = Principal::User("mallory".to_owned());
    let names = json!({"names": ["/idbellen/test/irma-public-key", "a\"b"]});
    let (service, operation) = ("ssm".to_owned(), "GetParameters".to_owned());
    let call = Call { at: BEGIN + 200, by, service, operation, parameters: names, resource: None, error: None };
    assert_eq!(with(call).report("escaped").on("others"), "violated");
}
