//! A trail, which the emulator does not deploy: what AWS would say of a stack that has one.

use std::time::{SystemTime, UNIX_EPOCH};

use local::tap::Fault;
use serde_json::{Value, json};

use super::{Described, Rule, on};

const KEY: &str = "arn:aws:kms:eu-central-1:111111111111:key/x";
const BUCKET: &str = "idbellen-local-audit-111111111111";

/// What AWS says of it when all is well.
pub fn status() -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|past| past.as_secs()).unwrap_or_default();
    json!({"IsLogging": true, "LatestDeliveryTime": now - 60, "LatestDigestDeliveryTime": now - 3000})
}

/// The stack with a trail, of which AWS says this.
pub fn rules(stack: &Described, status: &Value) -> Vec<Rule> {
    with(stack, (BUCKET, KEY), status, &trail(), &selectors())
}

/// The stack with a trail that goes to this bucket, encrypted by this key.
pub fn rules_with(stack: &Described, bucket: &str, key: &str) -> Vec<Rule> {
    let mut trail = trail();
    (trail["S3BucketName"], trail["KmsKeyId"]) = (json!(bucket), json!(key));
    with(stack, (bucket, key), &status(), &trail, &selectors())
}

fn with(stack: &Described, (bucket, key): (&str, &str), status: &Value, trail: &Value, selectors: &Value) -> Vec<Rule> {
    let member = "<member><LogicalResourceId>Trail</LogicalResourceId><PhysicalResourceId>idbellen-local</PhysicalResourceId>\
        <ResourceType>AWS::CloudTrail::Trail</ResourceType></member></StackResourceSummaries>";
    let resources = stack.resources.replace("</StackResourceSummaries>", member);
    let mut described = stack.stack.clone();
    for (name, value) in [("AuditBucket", bucket), ("AuditKeyArn", key)] {
        let before = format!("<ParameterKey>{name}</ParameterKey><ParameterValue>");
        described = described.replace(&before, &format!("{before}{value}"));
    }
    vec![
        on("DescribeStacks", "", Fault::answer(200, described)),
        on("ListStackResources", "", Fault::answer(200, resources)),
        on("GetTrailStatus", "trail/idbellen-local", Fault::answer(200, status.to_string())),
        on("GetTrail", "trail/idbellen-local", Fault::answer(200, json!({"Trail": trail}).to_string())),
        on(
            "GetEventSelectors",
            "trail/idbellen-local",
            Fault::answer(200, json!({"AdvancedEventSelectors": selectors}).to_string()),
        ),
    ]
}

fn trail() -> Value {
    json!({
        "Name": "idbellen-local", "S3BucketName": BUCKET, "KmsKeyId": KEY, "IsMultiRegionTrail": true,
        "IncludeGlobalServiceEvents": true, "LogFileValidationEnabled": true, "HomeRegion": "eu-central-1",
    })
}

/// As CloudTrail tells them: with the lists that were left out, empty.
fn selectors() -> Value {
    let table = |name: &str| format!("arn:aws:dynamodb:eu-central-1:000000000000:table/idbellen-local-{name}");
    let data = json!({"Field": "eventCategory", "Equals": ["Data"], "StartsWith": []});
    let within = [format!("{}/", table("codes")), format!("{}/", table("records"))];
    json!([
        {"Name": "Invocations of functions", "FieldSelectors": [
            data, {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]},
        ]},
        {"Name": "Management events", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
        {"Name": "Access to items", "FieldSelectors": [
            data, {"Field": "resources.type", "Equals": ["AWS::DynamoDB::Table"]},
            {"Field": "resources.ARN", "Equals": [table("codes"), table("records")], "StartsWith": within},
        ]},
        {"Name": "Access to items through a stream", "FieldSelectors": [
            data, {"Field": "resources.type", "Equals": ["AWS::DynamoDB::Stream"]},
            {"Field": "resources.ARN", "StartsWith": within},
        ]},
    ])
}

/// Ways in which a trail can fail, and the check that must find each.
pub fn deviations(stack: &Described) -> Vec<(&'static str, &'static str, Vec<Rule>)> {
    let but = |mut value: Value, name: &str, other: Value| {
        value[name] = other;
        value
    };
    let of_status = |name: &str, other: Value| rules(stack, &but(status(), name, other));
    let of_trail = |name: &str, other: Value| with(stack, (BUCKET, KEY), &status(), &but(trail(), name, other), &selectors());
    let mut without_items = selectors();
    without_items[2]["FieldSelectors"][2]["Equals"] = json!([]);
    let own_key = "arn:aws:kms:eu-central-1:000000000000:key/x";
    let elsewhere = "the trail: its bucket is in another account";
    let delivered = "the trail: it delivered within the last hour, without an error";
    let settings = "the trail: it covers all regions, is signed, and goes to AuditBucket";
    vec![
        ("stopped", "the trail: it is logging", of_status("IsLogging", json!(false))),
        ("an error", delivered, of_status("LatestDeliveryError", json!("AccessDenied"))),
        ("nothing for long", delivered, of_status("LatestDeliveryTime", json!(1_700_000_000))),
        (
            "no digest",
            "the trail: it delivered a digest within three hours, without an error",
            of_status("LatestDigestDeliveryTime", json!(null)),
        ),
        ("not signed", settings, of_trail("LogFileValidationEnabled", json!(false))),
        ("another bucket", settings, of_trail("S3BucketName", json!("other"))),
        (
            "without items",
            "the trail: it holds what the template says",
            with(stack, (BUCKET, KEY), &status(), &trail(), &without_items),
        ),
        ("a key of this account", elsewhere, rules_with(stack, BUCKET, own_key)),
        ("a bucket of this account", elsewhere, rules_with(stack, "idbellen-local-audit-000000000000", KEY)),
    ]
}
