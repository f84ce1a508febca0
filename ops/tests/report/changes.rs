//! What a report says of changes beside a deployment, of namesakes in other regions, and of who is telephony.

use local::trail::event::{Call, Principal, function_arn, table_arn};
use serde_json::{Value, json};

use crate::others::{assumption, call, invocation, mallory, with, with_event};
use crate::trail::{ACCOUNT, BEGIN, CODES, RECORDS, Report, Trail, id, item, key, role};

/// The event, as CloudFormation makes the call for someone.
fn deployed(call: &Call) -> Value {
    let mut event = call.event(ACCOUNT).unwrap();
    event["userIdentity"]["invokedBy"] = json!("cloudformation.amazonaws.com");
    event["sourceIPAddress"] = json!("cloudformation.amazonaws.com");
    event
}

fn in_region(mut event: Value, region: &str) -> Value {
    event["awsRegion"] = region.into();
    event
}

fn function(name: &str) -> String {
    format!("idbellen-test-{name}")
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/idbellen-test-{name}")
}

fn destination() -> String {
    "arn:aws:logs:eu-central-1:444455556666:destination:idbellen-test-audit-agents".to_owned()
}

/// What changes something of ours: a name, the service, the operation and what was asked.
fn changes() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let lookup = function("agent-lookup");
    let groups = ["/aws/lambda/idbellen-test-agent-lookup", "/aws/apigateway/idbellen-test"];
    vec![
        ("table-deleted", "dynamodb", "DeleteTable", json!({"tableName": RECORDS})),
        ("table-made", "dynamodb", "CreateTable", json!({"tableName": CODES})),
        ("table-policy", "dynamodb", "PutResourcePolicy", json!({"resourceArn": table_arn(ACCOUNT, RECORDS)})),
        ("table-policy-gone", "dynamodb", "DeleteResourcePolicy", json!({"resourceArn": table_arn(ACCOUNT, RECORDS)})),
        ("table-ttl", "dynamodb", "UpdateTimeToLive", json!({"tableName": RECORDS})),
        ("function-deleted", "lambda", "DeleteFunction20150331", json!({"functionName": lookup})),
        ("function-made", "lambda", "CreateFunction20150331", json!({"functionName": "other", "role": role_arn("agent-lookup")})),
        ("function-set", "lambda", "UpdateFunctionConfiguration20150331v2", json!({"functionName": lookup})),
        (
            "mapping",
            "lambda",
            "CreateEventSourceMapping20150331",
            json!({"functionName": function_arn(ACCOUNT, &lookup), "eventSourceArn": "arn:aws:sqs:eu-central-1:111122223333:mine"}),
        ),
        ("version", "lambda", "PublishVersion20150331", json!({"functionName": lookup})),
        ("alias", "lambda", "CreateAlias20150331", json!({"functionName": lookup, "name": "live"})),
        ("permission", "lambda", "AddPermission20150331v2", json!({"functionName": lookup, "principal": "*"})),
        ("url", "lambda", "CreateFunctionUrlConfig", json!({"functionName": lookup})),
        ("concurrency", "lambda", "PutFunctionConcurrency20171031", json!({"functionName": lookup})),
        (
            "scheduled",
            "scheduler",
            "CreateSchedule",
            json!({"name": "mine", "target": {"arn": function_arn(ACCOUNT, &lookup), "roleArn": "arn:aws:iam::111122223333:role/x"}}),
        ),
        ("schedule-deleted", "scheduler", "DeleteSchedule", json!({"name": "idbellen-test-expire"})),
        ("target", "events", "PutTargets", json!({"rule": "mine", "targets": [{"arn": function_arn(ACCOUNT, &lookup)}]})),
        ("account-policy", "logs", "PutAccountPolicy", json!({"policyName": "x", "policyType": "SUBSCRIPTION_FILTER_POLICY"})),
        ("account-policy-gone", "logs", "DeleteAccountPolicy", json!({"policyName": "x"})),
        ("stream-deleted", "logs", "DeleteLogStream", json!({"logGroupName": groups[0], "logStreamName": "x"})),
        ("group-deleted", "logs", "DeleteLogGroup", json!({"logGroupName": groups[1]})),
        ("unsubscribed", "logs", "DeleteSubscriptionFilter", json!({"logGroupName": groups[0], "filterName": "audit"})),
        (
            "subscribed",
            "logs",
            "PutSubscriptionFilter",
            json!({"logGroupName": groups[0], "filterName": "mine", "destinationArn": "arn:aws:lambda:eu-central-1:1:function:x"}),
        ),
        (
            "subscribed-to-ours",
            "logs",
            "PutSubscriptionFilter",
            json!({"logGroupName": "/insider/anything", "filterName": "mine", "destinationArn": destination()}),
        ),
        ("role-deleted", "iam", "DeleteRole", json!({"roleName": function("agent-lookup")})),
        ("role-made", "iam", "CreateRole", json!({"roleName": function("agent-lookup")})),
        ("role-policy-gone", "iam", "DeleteRolePolicy", json!({"roleName": function("agent-lookup"), "policyName": "x"})),
        ("trust", "iam", "UpdateAssumeRolePolicy", json!({"roleName": function("telephony"), "policyDocument": "{}"})),
        ("session-length", "iam", "UpdateRole", json!({"roleName": function("telephony"), "maxSessionDuration": 43200})),
        ("boundary", "iam", "PutRolePermissionsBoundary", json!({"roleName": function("telephony")})),
        ("trail", "cloudtrail", "PutEventSelectors", json!({"trailName": "idbellen-test"})),
        ("tag", "tagging", "TagResources", json!({"resourceARNList": [table_arn(ACCOUNT, RECORDS)]})),
    ]
}

/// What Cloud Control API changes: in one call, without a template or a stack.
fn by_cloud_control() -> Vec<(&'static str, &'static str, Value)> {
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    let state = json!({"TableName": RECORDS}).to_string();
    vec![
        ("make", "CreateResource", json!({"typeName": "AWS::DynamoDB::Table", "desiredState": state})),
        ("make-hidden", "CreateResource", json!({"typeName": "AWS::Lambda::Function", "desiredState": hidden})),
        ("make-unsaid", "CreateResource", Value::Null),
        (
            "change",
            "UpdateResource",
            json!({"typeName": "AWS::IAM::Role", "identifier": function("agent-lookup"), "patchDocument": "[]"}),
        ),
        (
            "change-hidden",
            "UpdateResource",
            json!({"typeName": "AWS::Logs::SubscriptionFilter", "identifier": "x", "patchDocument": hidden}),
        ),
        ("delete", "DeleteResource", json!({"typeName": "AWS::DynamoDB::Table", "identifier": RECORDS})),
    ]
}

#[track_caller]
fn one_violation(report: &Report, kind: &str, name: &str) {
    assert_eq!(report.found(), [kind], "{name}");
    report.is(&[("others", "violated")]);
}

#[test]
fn whatever_changes_something_of_ours_turns_up_as_a_change() {
    for (name, service, operation, asked) in changes() {
        one_violation(&with(&format!("changes-{name}"), call(mallory(), service, operation, asked, None)), "change", name);
    }
    for (name, operation, asked) in by_cloud_control() {
        for service in ["cloudcontrolapi", "cloudformation"] {
            let call = call(mallory(), service, operation, asked.clone(), None);
            one_violation(&with(&format!("control-{name}-{service}"), call.clone()), "change", name);
            // It is no deployment, whoever carries it out.
            one_violation(&with_event(&format!("controlled-{name}-{service}"), deployed(&call)), "change", name);
        }
    }
    // One that names its function only in the answer.
    let mut event =
        call(mallory(), "lambda", "UpdateEventSourceMapping20150331", json!({"uUID": "x"}), None).event(ACCOUNT).unwrap();
    event["responseElements"] = json!({"functionArn": function_arn(ACCOUNT, &function("agent-lookup"))});
    one_violation(&with_event("changes-answer", event), "change", "answer");
}

#[test]
fn what_is_not_ours_is_no_change() {
    for (name, service, operation, asked) in [
        ("table", "dynamodb", "DeleteTable", json!({"tableName": "orders"})),
        ("function", "lambda", "DeleteFunction20150331", json!({"functionName": "idbellen-test-2-agent-lookup"})),
        ("group", "logs", "DeleteLogGroup", json!({"logGroupName": "/aws/apigateway/idbellen-test-2"})),
        (
            "subscription",
            "logs",
            "PutSubscriptionFilter",
            json!({"logGroupName": "x", "destinationArn": "arn:aws:logs:x:1:destination:y"}),
        ),
        (
            "control",
            "cloudcontrolapi",
            "CreateResource",
            json!({"typeName": "AWS::SQS::Queue", "desiredState": "{\"QueueName\": \"orders\"}"}),
        ),
        ("control-delete", "cloudcontrolapi", "DeleteResource", json!({"typeName": "AWS::SQS::Queue", "identifier": "orders"})),
    ] {
        let call = call(mallory(), service, operation, asked, None);
        for (kind, event) in [("by-hand", call.event(ACCOUNT).unwrap()), ("elsewhere", in_region(deployed(&call), "eu-west-1"))] {
            let report = with_event(&format!("others-{name}-{kind}"), event);
            report.is(&[]);
            assert!(report.found().is_empty(), "{name}");
        }
    }
}

#[test]
fn a_deployment_changes_it_and_subscribes_no_other_log_to_where_agents_lines_go() {
    for (name, service, operation, asked) in changes() {
        let report = with_event(&format!("deployed-{name}"), deployed(&call(mallory(), service, operation, asked, None)));
        if name == "subscribed-to-ours" {
            one_violation(&report, "change", name);
        } else {
            report.is(&[]);
            assert_eq!(report.found(), ["deployment"], "{name}");
        }
    }
    let subscribed = |group: &str, filter: &str| {
        let asked = json!({"logGroupName": group, "filterName": filter, "destinationArn": destination()});
        deployed(&call(mallory(), "logs", "PutSubscriptionFilter", asked, None))
    };
    for (name, group, filter, kind) in [
        ("lookup", "/aws/lambda/idbellen-test-agent-lookup", "audit", "deployment"),
        ("clear", "/aws/lambda/idbellen-test-clear-contact", "audit", "deployment"),
        ("filter", "/aws/lambda/idbellen-test-agent-lookup", "mine", "change"),
        ("function", "/aws/lambda/idbellen-test-session-start", "audit", "change"),
        ("group", "/insider/anything", "audit", "change"),
    ] {
        assert_eq!(with_event(&format!("subscribed-{name}"), subscribed(group, filter)).found(), [kind], "{name}");
    }
    // All logs of the account.
    let policy = json!({"policyName": "x", "policyDocument": format!("{{\"DestinationArn\": \"{}\"}}", destination())});
    let event = deployed(&call(mallory(), "logs", "PutAccountPolicy", policy, None));
    one_violation(&with_event("subscribed-account", event), "change", "account");
}

#[test]
fn a_namesake_in_another_region_is_someone_else_even_by_a_deployment() {
    for (name, service, operation, asked) in changes() {
        // These have no name of ours, or are not of one region.
        if ["account-policy", "account-policy-gone", "trail"].contains(&name) || service == "iam" {
            continue;
        }
        let call = call(mallory(), service, operation, asked, None);
        for (how, event) in [("by-hand", call.event(ACCOUNT).unwrap()), ("deployed", deployed(&call))] {
            let report = with_event(&format!("elsewhere-{how}-{name}"), in_region(event, "eu-west-1"));
            one_violation(&report, "elsewhere", name);
            assert!(
                report.json["findings"][0]["on"].as_str().unwrap().starts_with("eu-west-1:idbellen-test-")
                    || name == "group-deleted",
                "{name}"
            );
        }
    }
    // A function of the same name, with our role, reads what ours may read.
    let made = json!({"functionName": function("session-ingest"), "role": role_arn("session-ingest")});
    let made = call(mallory(), "lambda", "CreateFunction20150331", made, None);
    let mut trail = Trail::of_one_call();
    trail.calls.push(item(70, "session-ingest", "GetItem", RECORDS, &id(1)));
    trail.calls.push(key(70, role("session-ingest"), "Decrypt", "token", Some(json!({"record": id(1)}))));
    let mut events: Vec<_> = trail.calls.iter().map(|call| (call.at, call.event(ACCOUNT).unwrap())).collect();
    events.push((BEGIN + 10, in_region(deployed(&made), "eu-west-1")));
    one_violation(&trail.write_events("elsewhere-reads", &events).report(&[]), "elsewhere", "reads");
    // Lambda takes the role there, and the function logs, or uses what it finds.
    let lambda = || Principal::Service("lambda.amazonaws.com".to_owned());
    let taken = assumption(lambda(), &function("session-ingest")).event(ACCOUNT).unwrap();
    for (name, event, region, kind) in [
        ("taken", taken.clone(), "eu-west-1", Some("roleTaken")),
        ("taken-at-home", taken.clone(), "eu-central-1", None),
        // Where STS logs those who call its address for all regions.
        ("taken-for-all", taken, "us-east-1", None),
        (
            "logs",
            call(role("session-ingest"), "logs", "CreateLogStream", json!({"logGroupName": "/aws/lambda/idbellen-test-x"}), None)
                .event(ACCOUNT)
                .unwrap(),
            "eu-west-1",
            None,
        ),
        (
            "logs-ours",
            call(
                role("session-ingest"),
                "logs",
                "CreateLogStream",
                json!({"logGroupName": "/aws/lambda/idbellen-test-session-ingest"}),
                None,
            )
            .event(ACCOUNT)
            .unwrap(),
            "eu-west-1",
            Some("elsewhere"),
        ),
        ("key", key(1800, mallory(), "Decrypt", "token", None).event(ACCOUNT).unwrap(), "eu-west-1", Some("elsewhere")),
        (
            "invoked",
            invocation(Principal::Service("apigateway.amazonaws.com".to_owned()), &function("agent-lookup"))
                .event(ACCOUNT)
                .unwrap(),
            "eu-west-1",
            Some("elsewhere"),
        ),
        ("another-function", invocation(mallory(), "orders").event(ACCOUNT).unwrap(), "eu-west-1", None),
        (
            "looked-for",
            call(mallory(), "dynamodb", "DescribeTable", json!({"tableName": RECORDS}), None).event(ACCOUNT).unwrap(),
            "eu-west-1",
            None,
        ),
        (
            "looked-for-by-ours",
            call(role("agent-lookup"), "dynamodb", "DescribeTable", json!({"tableName": RECORDS}), None).event(ACCOUNT).unwrap(),
            "eu-west-1",
            Some("elsewhere"),
        ),
        (
            "iam",
            deployed(&call(mallory(), "iam", "PutRolePolicy", json!({"roleName": function("agent-lookup")}), None)),
            "us-east-1",
            Some("deployment"),
        ),
    ] {
        let report = with_event(&format!("elsewhere-{name}"), in_region(event, region));
        assert_eq!(report.found(), kind.into_iter().collect::<Vec<_>>(), "{name}");
        assert_eq!(report.on("others"), if matches!(kind, None | Some("deployment")) { "proven" } else { "violated" }, "{name}");
    }
}

#[test]
fn a_function_changes_nothing_of_its_logs() {
    let logs = |operation: &str| {
        let asked = json!({"logGroupName": "/aws/lambda/idbellen-test-agent-lookup"});
        call(role("agent-lookup"), "logs", operation, asked, None)
    };
    for operation in ["CreateLogGroup", "CreateLogStream"] {
        with(&format!("logs-{operation}"), logs(operation)).is(&[]);
    }
    for operation in ["DeleteLogStream", "PutSubscriptionFilter", "DeleteSubscriptionFilter"] {
        one_violation(&with(&format!("logs-{operation}"), logs(operation)), "change", operation);
    }
}

#[test]
fn who_took_on_telephonys_role_is_listed_with_how_often_and_when() {
    let mut trail = Trail::of_one_call();
    for (at, by) in [(200, "exchange"), (100, "exchange"), (300, "mallory"), (3700, "exchange"), (4000, "nobody")] {
        let mut call = assumption(Principal::User(by.to_owned()), "idbellen-test-telephony");
        call.at = BEGIN + at;
        trail.calls.push(if by == "nobody" { call.failed("AccessDenied") } else { call });
    }
    let mut verifies = assumption(Principal::User("checker".to_owned()), "idbellen-test-verify");
    verifies.at = BEGIN + 100;
    trail.calls.push(verifies);
    let report = trail.report("telephony-takers");
    report.is(&[]);
    let taken = |by: &str, count: u64, first: &str, last: &str| json!({"who": format!("arn:aws:iam::{ACCOUNT}:user/{by}"), "count": count, "first": first, "last": last});
    let expected = [
        taken("exchange", 3, "2026-01-14T23:01:40Z", "2026-01-15T00:01:40Z"),
        taken("mallory", 1, "2026-01-14T23:05:00Z", "2026-01-14T23:05:00Z"),
    ];
    let mut listed = report.json["telephony"].as_array().unwrap().clone();
    listed.sort_by_key(|one| one["who"].to_string());
    assert_eq!(listed, expected);
    assert!(
        report.html.contains("Wie de rol van telefonie aannam") && report.text.contains("user/exchange: 3, "),
        "{}",
        report.text
    );
}

#[test]
fn telephonys_route_is_called_by_who_has_telephonys_role() {
    let gateway = || Principal::Service("apigateway.amazonaws.com".to_owned());
    let called = |at: i64| Call { at: BEGIN + at, ..invocation(gateway(), &function("dtmf-exchange")) };
    let taken = |at: i64| Call { at: BEGIN + at, ..assumption(mallory(), &function("telephony")) };
    let with = |name: &str, calls: Vec<Call>| {
        let mut trail = Trail::of_one_call();
        trail.calls.extend(calls);
        trail.report(&format!("route-{name}"))
    };
    // A session of the role lasts an hour.
    for (name, calls, expected) in [
        ("had", vec![taken(3000), called(4000)], "proven"),
        ("never", vec![called(4000)], "notProven"),
        ("refused", vec![taken(3000).failed("AccessDenied"), called(4000)], "notProven"),
        ("over", vec![taken(600), called(600 + 3600 + 121)], "notProven"),
        ("not-over", vec![taken(600), called(600 + 3600)], "proven"),
        ("later", vec![taken(4100), called(4000)], "notProven"),
        // Who had it before the trail begins is not known.
        ("began", vec![called(3599)], "proven"),
    ] {
        let report = with(name, calls);
        report.is(&[("others", expected)]);
        let found = report.found().contains(&"notTelephony");
        assert_eq!(found, expected != "proven", "{name}");
    }
    // Told once an hour.
    assert_eq!(with("often", (0..50).map(|number| called(4000 + number * 60)).collect()).found(), ["notTelephony"]);
    // Amazon Connect has no role to take, and agents clear too.
    let connect = || Principal::Service("connect.amazonaws.com".to_owned());
    let by = |by: Principal, name: &str| Call { at: BEGIN + 4000, ..invocation(by, &function(name)) };
    with("connect", vec![by(connect(), "dtmf-exchange")]).is(&[]);
    with("clear", vec![by(gateway(), "clear-contact"), by(gateway(), "agent-lookup")]).is(&[]);
}
