//! The audit trail: that it runs, what it holds, and where it goes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::{Expected, Template};
use crate::aws::{Aws, CLOUDTRAIL, NotSeen};

/// Checks the trail and where agents' lines go.
pub async fn check(aws: &Aws, stack: &Stack, report: &mut Report) {
    let template = &stack.template;
    let without = "the steps are in docs/security.md, \"Setting it up\"";
    let trails = template.all("AWS::CloudTrail::Trail");
    if trails.is_empty() {
        let why = "the stack has no AuditBucket, and so no trail: nothing of this can be proved afterwards";
        report.add("the trail", "there is one", Ok(Outcome::unknown(why, without)));
    }
    for expected in trails {
        let trail = Trail { aws, arn: arn(template, &expected) };
        let status = trail.ask("GetTrailStatus", "Name").await;
        let of_status = |look: fn(&Value) -> Outcome| status.as_ref().map(look).map_err(Clone::clone);
        let mut add = |promise: &str, outcome| report.add("the trail", promise, outcome);
        add("it is logging", of_status(logging));
        add("it delivered within the last hour, without an error", of_status(delivered));
        add("it delivered a digest within three hours, without an error", of_status(digested));
        add("it covers all regions, is signed, and goes to AuditBucket", trail.settings(&expected).await);
        add("it holds what the template says", trail.selectors(&expected).await);
        add("its bucket is in another account", Ok(is_elsewhere(template)));
    }
    let destination = template.parameter("AuditDestinationArn");
    let outcome = if destination.is_empty() {
        Outcome::unknown("the stack has no AuditDestinationArn: agents' lines end with the log", without)
    } else {
        let elsewhere = account(destination) != template.account();
        Outcome::holds_if(elsewhere, "AuditDestinationArn is in this account", "deploy with that of the audit account")
    };
    report.add("the trail", "agents' lines go to another account", Ok(outcome));
}

/// The name that the template gives it is the name in its ARN.
fn arn(template: &Template, expected: &Expected) -> String {
    template.account_arn("cloudtrail", &format!("trail/{}", expected.properties["TrailName"].as_str().unwrap_or_default()))
}

struct Trail<'a> {
    aws: &'a Aws,
    arn: String,
}

impl Trail<'_> {
    async fn ask(&self, operation: &str, name: &str) -> Result<Value, NotSeen> {
        self.aws.json(CLOUDTRAIL, operation, &json!({name: self.arn})).await
    }

    async fn settings(&self, expected: &Expected) -> Result<Outcome, NotSeen> {
        let found = self.ask("GetTrail", "Name").await?;
        let (found, expected) = (&found["Trail"], &expected.properties);
        let pairs = [
            ("S3BucketName", "S3BucketName"),
            ("KMSKeyId", "KmsKeyId"),
            ("IsMultiRegionTrail", "IsMultiRegionTrail"),
            ("IncludeGlobalServiceEvents", "IncludeGlobalServiceEvents"),
            ("EnableLogFileValidation", "LogFileValidationEnabled"),
        ];
        let differences = pairs.iter().filter(|(ours, theirs)| expected[*ours] != found[*theirs]);
        let named =
            differences.map(|(ours, theirs)| format!("{ours} is {}, and in the template {}", found[*theirs], expected[*ours]));
        Ok(Outcome::no_difference(&named.collect::<Vec<_>>(), DEPLOY))
    }

    async fn selectors(&self, expected: &Expected) -> Result<Outcome, NotSeen> {
        let found = self.ask("GetEventSelectors", "TrailName").await?;
        let expected = selectors(&expected.properties["AdvancedEventSelectors"]);
        Ok(Outcome::same(&json!(expected), &json!(selectors(&found["AdvancedEventSelectors"])), DEPLOY))
    }
}

/// Whose a bucket is, S3 tells its owner only. The audit account's template ends its name in the account's number, and that of
/// the key stands in its ARN.
fn is_elsewhere(template: &Template) -> Outcome {
    const WITH_OUTPUTS: &str = "deploy with the outputs of the audit account's stack";
    let (bucket, key) = (template.parameter("AuditBucket"), template.parameter("AuditKeyArn"));
    let of = |account: &str| !account.is_empty() && bucket.ends_with(&format!("-{account}"));
    if of(template.account()) {
        Outcome::broken("AuditBucket has this account's number in its name", WITH_OUTPUTS)
    } else if account(key) == template.account() {
        Outcome::broken("AuditKeyArn is of this account", WITH_OUTPUTS)
    } else if of(account(key)) {
        Outcome::Holds
    } else {
        Outcome::unknown("AuditBucket is not named after the account of AuditKeyArn", "look in the audit account")
    }
}

fn logging(status: &Value) -> Outcome {
    Outcome::holds_if(
        status["IsLogging"] == true,
        "it was stopped",
        "start it; find out in the audit account who stopped it, and since when",
    )
}

const DELIVER: &str = "see in the audit account that bucket and key accept it";

fn delivered(status: &Value) -> Outcome {
    recent(status, "LatestDeliveryTime", "LatestDeliveryError", 3600)
}

fn digested(status: &Value) -> Outcome {
    recent(status, "LatestDigestDeliveryTime", "LatestDigestDeliveryError", 3 * 3600)
}

/// As promised if what is at `time` happened in the last `seconds`, and nothing is at `error`.
fn recent(status: &Value, time: &str, error: &str, seconds: i64) -> Outcome {
    if let Some(error) = status[error].as_str().filter(|error| !error.is_empty()) {
        return Outcome::broken(format!("the last one failed: {error}"), DELIVER);
    }
    let Some(at) = status[time].as_f64() else { return Outcome::broken("there was none yet", DELIVER) };
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let ago = Timestamp::now().as_second() - at as i64;
    Outcome::holds_if(ago <= seconds, format!("the last one was {ago} seconds ago"), DELIVER)
}

/// What the selectors select, without their names, and in one order.
fn selectors(selectors: &Value) -> Vec<Value> {
    let mut all: Vec<Value> =
        selectors.as_array().into_iter().flatten().map(|selector| in_order(&selector["FieldSelectors"])).collect();
    all.sort_by_key(Value::to_string);
    all
}

/// With every list in order, and without what is empty.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(in_order).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(fields) => {
            let full = fields.iter().filter(|(_, value)| value.as_array().is_none_or(|items| !items.is_empty()));
            full.map(|(name, value)| (name.clone(), in_order(value))).collect::<serde_json::Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// The account in an ARN.
fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}
