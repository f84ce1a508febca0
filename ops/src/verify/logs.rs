//! The logs: how long they are kept, and that no line leaves but to the audit account.

use serde_json::{Value, json};

use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::{Expected, Template};
use crate::aws::{Aws, LOGS, NotSeen};

/// Checks all log groups of the stack.
pub async fn check(aws: &Aws, stack: &Stack, report: &mut Report) {
    for expected in stack.template.all("AWS::Logs::LogGroup") {
        let subject = format!("log {}", expected.logical);
        report.add(&subject, "it is there, and kept for LogRetentionDays", retention(aws, &expected).await);
        let outcome = subscriptions(aws, &stack.template, &expected).await;
        report.add(&subject, "no line leaves it but agents' lines to the audit account", outcome);
    }
    report.add("all logs", "no policy of the account sends lines elsewhere", no_account_policy(aws).await);
}

async fn retention(aws: &Aws, expected: &Expected) -> Result<Outcome, NotSeen> {
    let name = &expected.properties["LogGroupName"];
    let body = json!({"logGroupNamePrefix": name});
    let found = aws.json_list(LOGS, "DescribeLogGroups", body, "logGroups", ("nextToken", "nextToken")).await?;
    let Some(found) = found.into_iter().find(|group| group["logGroupName"] == *name) else {
        return Ok(Outcome::broken("there is no such log group", DEPLOY));
    };
    let (expected, days) = (&expected.properties["RetentionInDays"], &found["retentionInDays"]);
    let holds = days.as_i64().is_some_and(|days| expected.as_str() == Some(&days.to_string()));
    let kept = days.as_i64().map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
    Ok(Outcome::holds_if(holds, format!("it is kept {kept}, and in the template {expected} days"), DEPLOY))
}

async fn subscriptions(aws: &Aws, template: &Template, expected: &Expected) -> Result<Outcome, NotSeen> {
    let name = &expected.properties["LogGroupName"];
    let body = json!({"logGroupName": name});
    let pages = ("nextToken", "nextToken");
    let found = aws.json_list(LOGS, "DescribeSubscriptionFilters", body, "subscriptionFilters", pages).await?;
    // The name too: the report takes lines by the template's alone.
    let of = |filter: &Value, names: [&str; 3]| json!(names.map(|name| filter[name].clone()));
    let found: Vec<Value> = found.iter().map(|filter| of(filter, ["filterName", "filterPattern", "destinationArn"])).collect();
    let filters = template.all("AWS::Logs::SubscriptionFilter").into_iter().map(|filter| filter.properties);
    let filters = filters.filter(|filter| filter["LogGroupName"] == *name);
    let expected: Vec<Value> = filters.map(|filter| of(&filter, ["FilterName", "FilterPattern", "DestinationArn"])).collect();
    Ok(Outcome::same(&json!(expected), &json!(found), DEPLOY))
}

/// One policy can subscribe all log groups of an account (Amazon `CloudWatch` Logs user guide, "Account-level subscription
/// filters").
async fn no_account_policy(aws: &Aws) -> Result<Outcome, NotSeen> {
    let body = json!({"policyType": "SUBSCRIPTION_FILTER_POLICY"});
    let pages = ("nextToken", "nextToken");
    let found = aws.json_list(LOGS, "DescribeAccountPolicies", body, "accountPolicies", pages).await?;
    let named: Vec<String> = found.iter().map(|policy| policy["policyName"].to_string()).collect();
    Ok(Outcome::no_difference(
        &named,
        "leave the stack's logs out of it with a selection criterion, or delete it; then this stays to be judged by you",
    ))
}
