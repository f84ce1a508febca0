//! What a report says of what is not one of our roles doing what that role does.

use std::fs;

use local::trail::event::{Call, Principal, function_arn, key_arn, table_arn};
use local::trail::gzip;
use serde_json::{Value, json};

use crate::trail::{ACCOUNT, BEGIN, CODES, RECORDS, Trail, id, item, key, role};

pub fn mallory() -> Principal {
    Principal::User("mallory".to_owned())
}

/// A call of someone else, half an hour after the beginning.
pub fn call(by: Principal, service: &str, operation: &str, parameters: Value, resource: Option<(&'static str, String)>) -> Call {
    Call { at: BEGIN + 1800, by, service: service.to_owned(), operation: operation.to_owned(), parameters, resource, error: None }
}

fn table() -> (&'static str, String) {
    ("AWS::DynamoDB::Table", table_arn(ACCOUNT, RECORDS))
}

/// The report of one good call, and of this one.
pub fn with(test: &str, call: Call) -> crate::trail::Report {
    let mut trail = Trail::of_one_call();
    trail.calls.push(call);
    trail.report(test)
}

#[test]
fn each_access_by_someone_else_is_flagged() {
    let lambda = |name: &str| Some(("AWS::Lambda::Function", function_arn(ACCOUNT, name)));
    let cases = [
        (
            "get",
            call(mallory(), "dynamodb", "GetItem", json!({"tableName": RECORDS, "key": {"id": id(1)}}), Some(table())),
            "access",
        ),
        (
            "root",
            call(Principal::Root, "dynamodb", "GetItem", json!({"tableName": RECORDS, "key": {"id": id(1)}}), Some(table())),
            "access",
        ),
        ("scan", call(mallory(), "dynamodb", "Scan", json!({"tableName": CODES}), None), "access"),
        ("arn", call(mallory(), "dynamodb", "Query", json!({"tableName": table_arn(ACCOUNT, RECORDS)}), None), "access"),
        ("partiql", call(mallory(), "dynamodb", "ExecuteStatement", json!({"statement": "x"}), Some(table())), "access"),
        ("batch", call(mallory(), "dynamodb", "BatchGetItem", json!({"requestItems": {RECORDS: {}}}), Some(table())), "access"),
        ("key", key(1800, mallory(), "GenerateMac", "code-current", None), "keyUse"),
        ("token", key(1800, mallory(), "Decrypt", "token", Some(json!({"record": id(1)}))), "keyUse"),
        (
            "parameter",
            call(mallory(), "ssm", "GetParameter", json!({"name": "/idbellen/test/irma-requestor-token"}), None),
            "parameterRead",
        ),
        (
            "parameters",
            call(mallory(), "ssm", "GetParametersByPath", json!({"path": "/", "recursive": true}), None),
            "parameterRead",
        ),
        (
            "invoke",
            call(
                mallory(),
                "lambda",
                "Invoke",
                json!({"functionName": "idbellen-test-agent-lookup"}),
                lambda("idbellen-test-agent-lookup"),
            ),
            "invocation",
        ),
        (
            "role",
            call(
                mallory(),
                "sts",
                "AssumeRole",
                json!({"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/idbellen-test-agent-lookup")}),
                None,
            ),
            "roleTaken",
        ),
        ("backup", call(mallory(), "dynamodb", "CreateBackup", json!({"tableName": RECORDS, "backupName": "x"}), None), "copy"),
        (
            "export",
            call(mallory(), "dynamodb", "ExportTableToPointInTime", json!({"tableArn": table_arn(ACCOUNT, RECORDS)}), None),
            "copy",
        ),
        ("recovery", call(mallory(), "dynamodb", "UpdateContinuousBackups", json!({"tableName": RECORDS}), None), "copy"),
        ("table", call(mallory(), "dynamodb", "UpdateTable", json!({"tableName": RECORDS}), None), "change"),
        ("policy", key(1800, mallory(), "PutKeyPolicy", "code-current", None), "change"),
        ("trail", call(mallory(), "cloudtrail", "StopLogging", json!({"name": "idbellen-test"}), None), "change"),
        (
            "code",
            call(
                mallory(),
                "lambda",
                "UpdateFunctionCode20150331v2",
                json!({"functionName": "idbellen-test-agent-lookup"}),
                None,
            ),
            "change",
        ),
        ("rights", call(mallory(), "iam", "PutRolePolicy", json!({"roleName": "idbellen-test-agent-lookup"}), None), "change"),
        ("put", call(mallory(), "ssm", "PutParameter", json!({"name": "/idbellen/test/irma-public-key"}), None), "change"),
    ];
    for (name, call, kind) in cases {
        let report = with(&format!("other-{name}"), call);
        assert_eq!(report.found(), [kind], "{name}");
        report.is(&[("others", "violated")]);
        assert!(report.html.contains("class=\"violated\"") && report.text.contains('!'), "{name}");
    }
}

#[test]
fn a_change_of_a_schedule_or_of_a_role_beside_the_functions_is_flagged() {
    let cases = [
        ("unscheduled", call(mallory(), "scheduler", "DeleteSchedule", json!({"name": "idbellen-test-expire"}), None)),
        ("rescheduled", call(mallory(), "scheduler", "UpdateSchedule", json!({"name": "idbellen-test-reconcile"}), None)),
        ("verify", call(mallory(), "iam", "UpdateAssumeRolePolicy", json!({"roleName": "idbellen-test-verify"}), None)),
        (
            "schedule",
            call(
                mallory(),
                "iam",
                "UpdateAssumeRolePolicy",
                json!({"roleName": "idbellen-SessionReconcileEveryMinuteRole-1A2B3C"}),
                None,
            ),
        ),
        (
            "schedule-rights",
            call(mallory(), "iam", "PutRolePolicy", json!({"roleName": "idbellen-test-ExpireRecordsEveryMinuteRole-1A"}), None),
        ),
        (
            "alias",
            call(
                mallory(),
                "kms",
                "UpdateAlias",
                json!({"aliasName": "alias/idbellen-test-code-next", "targetKeyId": key_arn(ACCOUNT, "other")}),
                None,
            ),
        ),
    ];
    for (name, call) in cases {
        let report = with(&format!("change-{name}"), call);
        assert_eq!(report.found(), ["change"], "{name}");
        report.is(&[("others", "violated")]);
    }
}

#[test]
fn a_role_that_does_what_it_never_does_is_flagged() {
    for (name, call) in [
        ("telephony", item(1800, "dtmf-exchange", "GetItem", RECORDS, &id(1))),
        ("lookup", item(1800, "agent-lookup", "GetItem", RECORDS, &id(1))),
        ("start", item(1800, "session-start", "PutItem", RECORDS, &id(1))),
        ("clear", item(1800, "clear-contact", "DeleteItem", CODES, &id(1))),
    ] {
        let report = with(&format!("role-{name}"), call);
        assert_eq!(report.found(), ["outOfRole"], "{name}");
        report.is(&[("others", "violated")]);
    }
    let named_alike = Principal::Role("idbellen-test-agent-lookup-2".to_owned());
    let mut call = item(1800, "", "GetItem", RECORDS, &id(1));
    call.by = named_alike;
    assert_eq!(with("role-alike", call).found(), ["access"]);
}

#[test]
fn a_role_of_another_account_is_someone_else() {
    let mut event = item(1800, "agent-lookup", "UpdateItem", RECORDS, &id(1)).event(ACCOUNT).unwrap();
    event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] =
        json!("arn:aws:iam::999999999999:role/idbellen-test-agent-lookup");
    let report = with_event("other-account", event);
    assert_eq!(report.found(), ["access"]);
    assert_eq!(report.on("others"), "violated");
    // It wrote after the deletion.
    assert_eq!(report.on("silent"), "violated");
}

#[test]
fn what_aws_and_deployments_do_is_no_violation() {
    let deployment = |operation: &str, parameters: Value, service: &str| {
        let mut event = call(mallory(), service, operation, parameters, None).event(ACCOUNT).unwrap();
        event["userIdentity"]["invokedBy"] = json!("cloudformation.amazonaws.com");
        event["sourceIPAddress"] = json!("cloudformation.amazonaws.com");
        event
    };
    let gateway = Principal::Service("apigateway.amazonaws.com".to_owned());
    let lambda = Principal::Service("lambda.amazonaws.com".to_owned());
    let function = "idbellen-test-agent-lookup";
    let trail = Trail::of_one_call();
    let mut events: Vec<_> = trail.calls.iter().map(|call| (call.at, call.event(ACCOUNT).unwrap())).collect();
    for event in [
        deployment("UpdateFunctionCode20150331v2", json!({"functionName": function}), "lambda"),
        deployment("UpdateTable", json!({"tableName": RECORDS}), "dynamodb"),
        call(
            gateway,
            "lambda",
            "Invoke",
            json!({"functionName": function}),
            Some(("AWS::Lambda::Function", function_arn(ACCOUNT, function))),
        )
        .event(ACCOUNT)
        .unwrap(),
        call(lambda, "sts", "AssumeRole", json!({"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{function}")}), None)
            .event(ACCOUNT)
            .unwrap(),
        call(role("session-ingest"), "lambda", "Invoke", json!({"functionName": "idbellen-test-session-ingest"}), None)
            .event(ACCOUNT)
            .unwrap(),
        call(role("session-start"), "ssm", "GetParametersByPath", json!({"path": "/idbellen/test/purposes"}), None)
            .event(ACCOUNT)
            .unwrap(),
        call(mallory(), "dynamodb", "DescribeTable", json!({"tableName": RECORDS}), None).event(ACCOUNT).unwrap(),
        call(mallory(), "s3", "ListBuckets", Value::Null, None).event(ACCOUNT).unwrap(),
        call(mallory(), "dynamodb", "CreateBackup", json!({"tableName": "idbellen-test-2-records"}), None)
            .event(ACCOUNT)
            .unwrap(),
    ] {
        events.push((BEGIN + 1800, event));
    }
    let report = trail.write_events("deployment", &events).report(&[]);
    report.is(&[]);
    assert_eq!(report.found(), ["deployment", "deployment"]);
    let not_ours = report.json["notOurs"].as_array().unwrap();
    assert!(not_ours.iter().any(|one| one["service"] == "s3.amazonaws.com"), "{not_ours:?}");
}

pub fn invocation(by: Principal, of: &str) -> Call {
    let resource = Some(("AWS::Lambda::Function", function_arn(ACCOUNT, of)));
    call(by, "lambda", "Invoke", json!({"functionName": of}), resource)
}

pub fn assumption(by: Principal, role: &str) -> Call {
    call(by, "sts", "AssumeRole", json!({"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}")}), None)
}

/// The report of one good call, and of this event.
pub fn with_event(test: &str, event: Value) -> crate::trail::Report {
    let trail = Trail::of_one_call();
    let mut events: Vec<_> = trail.calls.iter().map(|call| (call.at, call.event(ACCOUNT).unwrap())).collect();
    events.push((BEGIN + 1800, event));
    trail.write_events(test, &events).report(&[])
}

#[test]
fn a_function_that_invokes_itself_for_its_later_work_does_its_part() {
    for name in ["session-ingest", "clear-contact"] {
        let report = with(&format!("itself-{name}"), invocation(role(name), &format!("idbellen-test-{name}")));
        report.is(&[]);
        let uses = report.json["uses"].as_array().unwrap();
        assert!(uses.iter().any(|one| one["role"] == name && one["on"] == name), "{uses:?}");
    }
    for (by, of) in [("session-ingest", "clear-contact"), ("clear-contact", "agent-lookup"), ("agent-lookup", "agent-lookup")] {
        let report = with(&format!("another-{by}-{of}"), invocation(role(by), &format!("idbellen-test-{of}")));
        assert_eq!(report.found(), ["outOfRole"], "{by} {of}");
    }
}

#[test]
fn who_verifies_reads_what_is_not_secret_and_no_more() {
    let read = |operation: &str, parameters: Value| call(role("verify"), "ssm", operation, parameters, None);
    let mut trail = Trail::of_one_call();
    trail.calls.extend([
        assumption(mallory(), "idbellen-test-verify"),
        read("GetParameter", json!({"name": "/idbellen/test/irma-public-key"})),
        read("GetParametersByPath", json!({"path": "/idbellen/test/purposes"})),
        call(role("verify"), "dynamodb", "DescribeTable", json!({"tableName": RECORDS}), None),
    ]);
    let report = trail.report("verify");
    report.is(&[]);
    assert_eq!(report.found(), ["roleUsed"]);
    for (name, call, kind) in [
        ("token", read("GetParameter", json!({"name": "/idbellen/test/irma-requestor-token"})), "parameterRead"),
        ("path", read("GetParametersByPath", json!({"path": "/idbellen/test"})), "parameterRead"),
        ("item", item(1800, "verify", "GetItem", RECORDS, &id(1)), "outOfRole"),
    ] {
        let report = with(&format!("verify-{name}"), call);
        assert_eq!(report.found(), [kind], "{name}");
        report.is(&[("others", "violated")]);
    }
}

#[test]
fn another_function_with_a_role_of_ours_is_someone_else() {
    let session = |mut event: Value| {
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/idbellen-test-session-start/idbellen-test-agent-lookup");
        event["userIdentity"]["arn"] = json!(arn);
        event
    };
    let context = Some(json!({"record": id(1)}));
    for (name, call, kind) in [
        ("key", key(1800, role("session-start"), "GenerateMac", "code-current", None), "keyUse"),
        ("seal", key(1800, role("session-start"), "Encrypt", "token", context), "keyUse"),
        (
            "parameter",
            call(role("session-start"), "ssm", "GetParameter", json!({"name": "/idbellen/test/irma-requestor-token"}), None),
            "parameterRead",
        ),
        ("looks", call(role("session-start"), "s3", "ListBuckets", Value::Null, None), "outOfRole"),
        (
            "log",
            call(role("session-start"), "logs", "CreateLogStream", json!({"logGroupName": "/aws/lambda/x"}), None),
            "outOfRole",
        ),
    ] {
        with(&format!("own-{name}"), call.clone()).is(&[]);
        let report = with_event(&format!("borrowed-{name}"), session(call.event(ACCOUNT).unwrap()));
        assert_eq!(report.found(), [kind], "{name}");
        report.is(&[("others", "violated")]);
    }
}

#[test]
fn only_aws_itself_and_the_schedules_invoke_functions() {
    const SCHEDULE: &str = "idbellen-ExpireRecordsEveryMinuteRole-1A2B3C";
    let swept = |role: &str| invocation(Principal::Schedule(role.to_owned()), "idbellen-test-expire-records");
    with("scheduled", swept(SCHEDULE)).is(&[]);
    with("scheduled-stage", swept("idbellen-test-ExpireRecordsEveryMinuteRole-1A2B3C")).is(&[]);
    for other in ["other-ExpireRecordsEveryMinuteRole-1A2B3C", "mine-idbellen-ExpireRecordsEveryMinuteRole-1A2B3C"] {
        let report = with(&format!("scheduled-{other}"), swept(other));
        assert_eq!(report.found(), ["invocation"], "{other}");
        report.is(&[("others", "violated")]);
    }
    // Its role, but not the scheduler.
    let by_hand = invocation(Principal::Role(SCHEDULE.to_owned()), "idbellen-test-expire-records");
    with("scheduled-by-hand", by_hand).is(&[("others", "violated")]);
    for service in ["apigateway", "connect"] {
        let service = format!("{service}.amazonaws.com");
        with(&format!("by-{service}"), invocation(Principal::Service(service.clone()), "idbellen-test-clear-contact")).is(&[]);
        // Someone's own rights, used through that service.
        let mut event = invocation(mallory(), "idbellen-test-clear-contact").event(ACCOUNT).unwrap();
        event["userIdentity"]["invokedBy"] = json!(service);
        let report = with_event(&format!("through-{service}"), event);
        assert_eq!(report.found(), ["invocation"], "{service}");
    }
    let scheduler = Principal::Service("scheduler.amazonaws.com".to_owned());
    with("by-scheduler", invocation(scheduler, "idbellen-test-clear-contact")).is(&[("others", "violated")]);
}

#[test]
fn a_stack_with_another_name_has_other_schedules() {
    let mut trail = Trail::of_one_call();
    let schedule = Principal::Schedule("calls-SessionReconcileEveryMinuteRole-1A2B3C".to_owned());
    trail.calls.push(invocation(schedule, "idbellen-test-session-reconcile"));
    let folder = trail.write("stack");
    folder.report(&[]).is(&[("others", "violated")]);
    folder.report(&["--stack", "calls"]).is(&[]);
}

#[test]
fn a_deployment_by_a_person_is_a_deployment() {
    for (name, parameters) in [
        ("name", json!({"stackName": "idbellen-test", "changeSetName": "x"})),
        ("arn", json!({"stackName": format!("arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/idbellen-test/1")})),
    ] {
        let report = with(&format!("deploys-{name}"), call(mallory(), "cloudformation", "ExecuteChangeSet", parameters, None));
        report.is(&[]);
        assert_eq!(report.found(), ["deployment"], "{name}");
    }
    // The name of stack and trail, elsewhere.
    let report = with("named-alike", call(mallory(), "s3", "PutBucketTagging", json!({"tag": "idbellen-test"}), None));
    report.is(&[]);
    assert!(report.found().is_empty());
}

#[test]
fn what_may_make_an_unknown_key_ours_is_never_left_out() {
    let mut trail = Trail::of_one_call();
    let context =
        json!({"PARAMETER_ARN": format!("arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/idbellen/test/irma-requestor-token")});
    trail.calls.push(key(10, role("session-start"), "Decrypt", "parameters", Some(context)));
    let other = key_arn(ACCOUNT, "other");
    for operation in
        ["GenerateMac", "VerifyMac", "PutKeyPolicy", "CreateGrant", "ScheduleKeyDeletion", "CancelKeyDeletion", "Decrypt"]
    {
        let mut calls = trail.calls.clone();
        calls.push(Call::on_key(BEGIN + 1800, mallory(), operation, &other, other.clone(), None));
        let report = Trail { calls, lines: trail.lines.clone(), ..Trail::of_one_call() }.report(&format!("stays-{operation}"));
        if operation == "Decrypt" {
            report.is(&[]);
        } else {
            assert_eq!(report.found(), ["unknownKey"], "{operation}");
            report.is(&[("others", "notProven")]);
        }
    }
}

#[test]
fn who_takes_on_the_role_of_telephony_is_told_once_an_hour() {
    let mut trail = Trail::of_one_call();
    for (at, by) in [(100, "exchange"), (200, "exchange"), (300, "mallory"), (3700, "exchange")] {
        let mut call = assumption(Principal::User(by.to_owned()), "idbellen-test-telephony");
        call.at = BEGIN + at;
        trail.calls.push(call);
    }
    let report = trail.report("telephony-role");
    report.is(&[]);
    assert_eq!(report.found(), ["roleUsed"; 3]);
    let findings = report.json["findings"].as_array().unwrap();
    let who: Vec<_> = findings.iter().map(|one| one["who"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
    assert_eq!(who, ["exchange", "mallory", "exchange"]);
    assert_eq!(findings[0]["at"], "2026-01-14T23:01:40Z");
    assert!(report.text.contains("user/mallory") && report.html.contains("user/mallory"));
}

#[test]
fn what_is_of_another_stage_or_of_lambda_itself_is_not_ours() {
    let other = "idbellen-test-2-agent-lookup";
    let report = with("other-stage", invocation(mallory(), other));
    report.is(&[]);
    assert!(report.found().is_empty());
    let mut event = invocation(mallory(), other).event(ACCOUNT).unwrap();
    event["requestParameters"] = Value::Null;
    event["resources"] = json!([]);
    assert_eq!(with_event("no-function", event).found(), ["unknownForm"]);
    let settings = Some(json!({"aws:lambda:FunctionArn": function_arn(ACCOUNT, "idbellen-test-session-start")}));
    let managed = key_arn(ACCOUNT, "lambda");
    let decrypts = |by: Principal, context| Call::on_key(BEGIN + 1800, by, "Decrypt", &managed, managed.clone(), context);
    let report = with("settings", decrypts(role("session-start"), settings));
    report.is(&[]);
    assert!(report.found().is_empty());
    assert_eq!(with("no-settings", decrypts(role("session-start"), None)).found(), ["unknownKey"]);
}

#[test]
fn a_backup_by_a_deployment_is_a_copy_too() {
    let mut event = call(mallory(), "dynamodb", "CreateBackup", json!({"tableName": RECORDS}), None).event(ACCOUNT).unwrap();
    event["sourceIPAddress"] = json!("cloudformation.amazonaws.com");
    let report = with_event("deployed-backup", event);
    report.is(&[("others", "violated")]);
}

#[test]
fn what_was_refused_is_shown_and_is_no_access() {
    let refused = call(mallory(), "dynamodb", "GetItem", json!({"tableName": RECORDS, "key": {"id": id(1)}}), Some(table()));
    let report = with("refused", refused.failed("AccessDenied"));
    report.is(&[]);
    assert_eq!(report.json["findings"][0]["refused"], true);
}

#[test]
fn a_key_of_which_it_is_not_known_whose_it_is_is_not_proven() {
    let by_arn = Call::on_key(BEGIN + 1800, mallory(), "Decrypt", &key_arn(ACCOUNT, "other"), key_arn(ACCOUNT, "other"), None);
    // The parameter key was not used in this trail: it may be that.
    with("key-unknown", by_arn.clone()).is(&[("others", "notProven")]);
    let mut trail = Trail::of_one_call();
    let context =
        json!({"PARAMETER_ARN": format!("arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/idbellen/test/irma-requestor-token")});
    trail.calls.push(key(10, role("session-start"), "Decrypt", "parameters", Some(context)));
    trail.calls.push(by_arn);
    trail.report("key-known").is(&[]);
    // Ours, by its ARN alone.
    trail.calls.push(Call::on_key(
        BEGIN + 1801,
        mallory(),
        "Decrypt",
        &key_arn(ACCOUNT, "token"),
        key_arn(ACCOUNT, "token"),
        None,
    ));
    trail.report("key-ours").is(&[("others", "violated")]);
}

#[test]
fn an_event_in_a_form_that_is_not_known_is_said_to_be_so() {
    let trail = Trail::of_one_call();
    let good: Vec<_> = trail.calls.iter().map(|call| (call.at, call.event(ACCOUNT).unwrap())).collect();
    let mut without_key = item(1800, "agent-lookup", "UpdateItem", RECORDS, &id(1)).event(ACCOUNT).unwrap();
    without_key["requestParameters"]["key"] = json!({"id": {"S": id(1)}});
    let mut new_operation = item(1800, "agent-lookup", "PeekItem", RECORDS, &id(1)).event(ACCOUNT).unwrap();
    new_operation["requestParameters"] = Value::Null;
    let mut without_time = item(1800, "agent-lookup", "UpdateItem", RECORDS, &id(1)).event(ACCOUNT).unwrap();
    without_time["eventTime"] = json!("yesterday");
    let mut other_table = item(1800, "agent-lookup", "GetItem", "other", &id(1)).event(ACCOUNT).unwrap();
    other_table["resources"] = json!([]);
    for (name, event) in [
        ("key", without_key),
        ("operation", new_operation),
        ("time", without_time),
        ("table", other_table),
        ("text", json!("an event")),
        ("empty", json!({})),
    ] {
        let mut events = good.clone();
        events.push((BEGIN + 1800, event));
        let report = trail.write_events(&format!("form-{name}"), &events).report(&[]);
        report.is(&[("understood", "notProven")]);
        assert_eq!(report.found(), ["unknownForm"], "{name}");
    }
}

#[test]
fn agents_lines_that_cannot_be_read_are_counted_and_not_repeated() {
    let mut trail = Trail::of_one_call();
    let said = json!({"audit": "agent", "action": "lookup", "record": "999993653", "agent": "999993653", "outcome": "999993653"});
    trail.lines.push(((BEGIN + 60) * 1000, "agent-lookup".to_owned(), said.to_string()));
    let report = trail.report("lines");
    report.is(&[("understood", "notProven")]);
    let folder = trail.write("lines-broken");
    fs::write(folder.object(folder.lines.as_deref().unwrap()), b"no gzip").unwrap();
    folder.report(&[]).is(&[("understood", "notProven"), ("agents", "notProven")]);
    assert!(!format!("{}{}{}{}", report.text, report.err, report.html, report.json).contains("999993653"));
}

/// A trail should hold no attribute. One that does is not repeated.
#[test]
fn what_a_trail_should_not_hold_is_not_repeated() {
    let marker = "999993653 <b>Willeke</b>";
    let trail = Trail::of_one_call();
    let mut events: Vec<_> = trail.calls.iter().map(|call| (call.at, call.event(ACCOUNT).unwrap())).collect();
    for (_, event) in &mut events {
        event["requestParameters"]["item"] = json!({"attributes": marker});
        event["errorMessage"] = json!(marker);
        event["userAgent"] = json!(marker);
    }
    let mut other = call(mallory(), "dynamodb", "GetItem", json!({"tableName": RECORDS, "key": {"id": marker}}), Some(table()))
        .event(ACCOUNT)
        .unwrap();
    other["responseElements"] = json!({"attributes": marker});
    events.push((BEGIN + 1800, other));
    let folder = trail.write_events("marker", &events);
    fs::write(folder.object("agents/x.gz"), gzip(format!("{{\"message\": \"{marker}\"}}").as_bytes()).unwrap()).unwrap();
    let report = folder.report(&[]);
    let all = format!("{}{}{}{}", report.text, report.err, report.html, report.json);
    assert!(!all.contains("999993653") && !all.contains("Willeke"));
    assert_eq!((report.found(), report.on("others")), (vec!["access"], "violated"));
}

#[test]
fn the_page_stands_alone() {
    for language in ["nl", "en"] {
        let report = Trail::of_one_call().write(&format!("page-{language}")).report(&["--language", language]);
        let page = &report.html;
        assert!(page.contains(&format!("<html lang=\"{language}\">")) && page.contains("<svg "));
        for outside in ["<script", "http://", "https://", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
