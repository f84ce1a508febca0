//! What a report says of what is not one of our roles doing what that role does.

use std::fs;

use local::trail::event::{Call, Principal, function_arn, key_arn, table_arn};
use local::trail::gzip;
use serde_json::{Value, json};

use crate::trail::{ACCOUNT, BEGIN, CODES, RECORDS, Trail, id, item, key, role};

fn mallory() -> Principal {
    Principal::User("mallory".to_owned())
}

/// A call of someone else, half an hour after the beginning.
fn call(by: Principal, service: &str, operation: &str, parameters: Value, resource: Option<(&'static str, String)>) -> Call {
    Call { at: BEGIN + 1800, by, service: service.to_owned(), operation: operation.to_owned(), parameters, resource, error: None }
}

fn table() -> (&'static str, String) {
    ("AWS::DynamoDB::Table", table_arn(ACCOUNT, RECORDS))
}

/// The report of one good call, and of this one.
fn with(test: &str, call: Call) -> crate::trail::Report {
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
    let trail = Trail::of_one_call();
    let mut events: Vec<_> = trail.calls.iter().map(|call| (call.at, call.event(ACCOUNT).unwrap())).collect();
    events.push((BEGIN + 1800, event));
    let report = trail.write_events("other-account", &events).report(&[]);
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

#[test]
fn a_backup_by_a_deployment_is_a_copy_too() {
    let mut event = call(mallory(), "dynamodb", "CreateBackup", json!({"tableName": RECORDS}), None).event(ACCOUNT).unwrap();
    event["sourceIPAddress"] = json!("cloudformation.amazonaws.com");
    let trail = Trail::of_one_call();
    let mut events: Vec<_> = trail.calls.iter().map(|call| (call.at, call.event(ACCOUNT).unwrap())).collect();
    events.push((BEGIN + 1800, event));
    let report = trail.write_events("deployed-backup", &events).report(&[]);
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
