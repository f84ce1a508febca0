//! The schedules, and whether their functions succeed.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::{Event, Template};
use crate::aws::{Aws, CLOUDWATCH, NotSeen, encoded};

/// Checks both schedules, and what the sweep found.
pub async fn check(aws: &Aws, stack: &Stack, report: &mut Report) {
    for event in stack.template.events("ScheduleV2") {
        let subject = format!("schedule of {}", event.function);
        report.add(&subject, "it runs every minute", every_minute(aws, &stack.template, &event).await);
        let metric = if event.function == "ExpireRecords" { "Swept" } else { "Reconciled" };
        report.add(&subject, "a run succeeded in the last five minutes", succeeded(aws, &stack.template, metric).await);
    }
    let promise = "no record older than 61 minutes was found in the last day";
    report.add("schedule of ExpireRecords", promise, oldest(aws, &stack.template).await);
}

async fn every_minute(aws: &Aws, template: &Template, event: &Event) -> Result<Outcome, NotSeen> {
    let Event { function, name, properties } = event;
    let path = format!("/schedules/{}", encoded(template.physical(&format!("{function}{name}"))));
    let found = aws.get("scheduler", "GetSchedule", &path).await?;
    let target = &found["Target"];
    let retry = &properties["RetryPolicy"];
    let expected = [
        ("State", json!("ENABLED"), &found["State"]),
        ("ScheduleExpression", properties["ScheduleExpression"].clone(), &found["ScheduleExpression"]),
        ("FlexibleTimeWindow", json!("OFF"), &found["FlexibleTimeWindow"]["Mode"]),
        ("StartDate", Value::Null, &found["StartDate"]),
        ("EndDate", Value::Null, &found["EndDate"]),
        ("Target", json!(template.arn(function)), &target["Arn"]),
        ("Role", json!(template.arn(&format!("{function}{name}Role"))), &target["RoleArn"]),
        ("DeadLetterConfig", Value::Null, &target["DeadLetterConfig"]["Arn"]),
        ("MaximumRetryAttempts", retry["MaximumRetryAttempts"].clone(), &target["RetryPolicy"]["MaximumRetryAttempts"]),
    ];
    let differences = expected.iter().filter(|(_, expected, found)| expected != *found);
    let differences: Vec<String> =
        differences.map(|(name, expected, found)| format!("{name} is {found}, and in the template {expected}")).collect();
    Ok(Outcome::no_difference(&differences, DEPLOY))
}

async fn succeeded(aws: &Aws, template: &Template, metric: &str) -> Result<Outcome, NotSeen> {
    let sums = statistics(aws, template, metric, "Sum", SignedDuration::from_mins(5), 60).await?;
    let reason = format!("the metric {metric} counted none");
    Ok(Outcome::holds_if(sums.iter().any(|sum| *sum >= 1.0), reason, "look at the function's log at once"))
}

async fn oldest(aws: &Aws, template: &Template) -> Result<Outcome, NotSeen> {
    let ages = statistics(aws, template, "OldestRecord", "Maximum", SignedDuration::from_hours(24), 3600).await?;
    let Some(oldest) = ages.into_iter().reduce(f64::max) else {
        return Ok(Outcome::unknown("the metric OldestRecord has no values", "see that the sweep runs, and run this again"));
    };
    let action = "find out why the sweep failed; tell your privacy officer";
    Ok(Outcome::holds_if(oldest < 3660.0, format!("one was {oldest:.0} seconds old"), action))
}

/// The values of a metric, one a period of so many seconds.
async fn statistics(
    aws: &Aws,
    template: &Template,
    metric: &str,
    statistic: &str,
    past: SignedDuration,
    period: i64,
) -> Result<Vec<f64>, NotSeen> {
    let now = Timestamp::now();
    let body = json!({
        "Namespace": format!("idbellen/{}", template.parameter("Stage")), "MetricName": metric, "Statistics": [statistic],
        "StartTime": (now - past).as_second(), "EndTime": now.as_second(), "Period": period,
    });
    let points = aws.json_list(CLOUDWATCH, "GetMetricStatistics", body, "Datapoints", ("NextToken", "NextToken")).await?;
    Ok(points.iter().filter_map(|point| point[statistic].as_f64()).collect())
}
