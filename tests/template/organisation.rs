//! What the organisation's policies leave to whom in the application's account: to those whose own rights would let them do
//! everything. Roles' own rights, and the policies of tables and keys, then narrow it further (`rights.rs`).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::python::Python;

/// The policies, and how many bytes of one AWS takes ("Quotas for AWS Organizations": 5,120 for long, and more of late). White
/// space counts where a file is sent as it is.
const POLICIES: [&str; 2] = ["organisation-policy.json", "organisation-policy-calls.json"];
const MOST_BYTES: usize = 5_120;

/// Who asks: an ARN in the account, and the service through which.
const WHO: [(&str, &str, Option<&str>); 16] = [
    ("administrator", "role/administrator", None),
    ("root", "root", None),
    ("deployment", "role/administrator", Some("cloudformation.amazonaws.com")),
    ("other service", "role/administrator", Some("servicecatalog.amazonaws.com")),
    ("start", "role/idbellen-production-session-start", None),
    ("ingest", "role/idbellen-production-session-ingest", None),
    ("reconcile", "role/idbellen-production-session-reconcile", None),
    ("exchange", "role/idbellen-production-dtmf-exchange", None),
    ("look-up", "role/idbellen-production-agent-lookup", None),
    ("clear", "role/idbellen-production-clear-contact", None),
    ("expire", "role/idbellen-production-expire-records", None),
    ("telephony", "role/idbellen-production-telephony", None),
    ("schedule", "role/idbellen-ExpireRecordsEveryMinuteRole-X", None),
    ("other schedule", "role/idbellen-SessionReconcileEveryMinuteRole-X", None),
    // Roles that anyone can make, named as ours are named but for where the name starts.
    ("look-alike", "role/x-ExpireRecordsEveryMinuteRole-X", None),
    ("look-alike in a path", "role/x/idbellen-production-telephony", None),
];

const EVERYONE: &[&str] = &["everyone"];
const NO_ONE: &[&str] = &[];
const DEPLOYMENT: &[&str] = &["deployment"];
const FUNCTIONS: &[&str] = &["start", "ingest", "reconcile", "exchange", "look-up", "clear", "expire"];
const INVOKERS: &[&str] = &["ingest", "clear", "schedule", "other schedule"];

const TABLE: &str = "arn:aws:dynamodb:REGION:ACCOUNT:table/idbellen-production-records";
const TRAIL: &str = "arn:aws:cloudtrail:REGION:ACCOUNT:trail/idbellen-production";
const ROLE: &str = "arn:aws:iam::ACCOUNT:role/idbellen-production-agent-lookup";
/// As SAM names the role of a schedule.
const SCHEDULE_ROLE: &str = "arn:aws:iam::ACCOUNT:role/idbellenx-ExpireRecordsEveryMinuteRole-Y";
const OTHER_ROLE: &str = "arn:aws:iam::ACCOUNT:role/x-ExpireRecordsEveryMinuteRole-Y";
const KEY: &str = "arn:aws:kms:REGION:ACCOUNT:key/x";
const FUNCTION: &str = "arn:aws:lambda:REGION:ACCOUNT:function:idbellen-production-agent-lookup";
/// Of the same name, where no one looks.
const ELSEWHERE: &str = "arn:aws:lambda:eu-west-1:ACCOUNT:function:idbellen-production-agent-lookup";
const MAPPING: &str = "arn:aws:lambda:REGION:ACCOUNT:event-source-mapping:x";
const LOG: &str = "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/lambda/idbellen-production-agent-lookup:log-stream:x";
const ACCESS_LOG: &str = "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/apigateway/idbellen-production:log-stream:x";
const OTHER_LOG: &str = "arn:aws:logs:REGION:ACCOUNT:log-group:/x/y:log-stream:x";
const DESTINATION: &str = "arn:aws:logs:REGION:111111111111:destination:idbellen-production-audit-agents";
const SCHEDULE: &str = "arn:aws:scheduler:REGION:ACCOUNT:schedule/default/idbellen-production-expire";
const API: &str = "arn:aws:apigateway:REGION::/apis/x/routes";
const PARAMETER: &str = "arn:aws:ssm:REGION:ACCOUNT:parameter/idbellen/production/irma-public-key";

/// What is asked, with what, and who of all these may still do it.
const ASKED: &[(&str, &str, &[&str])] = &[
    // Copies.
    ("dynamodb:AssociateTableReplica", TABLE, NO_ONE),
    ("dynamodb:CreateBackup", TABLE, NO_ONE),
    ("dynamodb:CreateGlobalTable", "arn:aws:dynamodb::ACCOUNT:global-table/idbellen-production-records", NO_ONE),
    ("dynamodb:CreateGlobalTableWitness", TABLE, NO_ONE),
    ("dynamodb:CreateTableReplica", TABLE, NO_ONE),
    ("dynamodb:EnableKinesisStreamingDestination", TABLE, NO_ONE),
    ("dynamodb:ExportTableToPointInTime", TABLE, NO_ONE),
    ("dynamodb:GetRecords", "arn:aws:dynamodb:REGION:ACCOUNT:table/idbellen-production-records/stream/x", NO_ONE),
    ("dynamodb:GetShardIterator", "arn:aws:dynamodb:REGION:ACCOUNT:table/idbellen-production-records/stream/x", NO_ONE),
    ("dynamodb:RestoreTableFromAwsBackup", TABLE, NO_ONE),
    ("dynamodb:RestoreTableFromBackup", TABLE, NO_ONE),
    ("dynamodb:RestoreTableToPointInTime", TABLE, NO_ONE),
    ("dynamodb:StartAwsBackupJob", TABLE, NO_ONE),
    ("dynamodb:UpdateGlobalTable", "arn:aws:dynamodb::ACCOUNT:global-table/idbellen-production-records", NO_ONE),
    ("dynamodb:UpdateKinesisStreamingDestination", TABLE, NO_ONE),
    // A table without its policy: by a change, or deleted and made anew.
    ("dynamodb:CreateTable", TABLE, DEPLOYMENT),
    ("dynamodb:DeleteResourcePolicy", TABLE, DEPLOYMENT),
    ("dynamodb:DeleteTable", TABLE, DEPLOYMENT),
    ("dynamodb:ImportTable", TABLE, DEPLOYMENT),
    ("dynamodb:PutResourcePolicy", TABLE, DEPLOYMENT),
    ("dynamodb:UpdateContinuousBackups", TABLE, DEPLOYMENT),
    ("dynamodb:UpdateContributorInsights", TABLE, DEPLOYMENT),
    ("dynamodb:UpdateTable", TABLE, DEPLOYMENT),
    ("dynamodb:UpdateTimeToLive", TABLE, DEPLOYMENT),
    // Items: here the tables' own policies have the word.
    ("dynamodb:GetItem", TABLE, EVERYONE),
    // The trail.
    ("cloudtrail:DeleteTrail", TRAIL, NO_ONE),
    ("cloudtrail:PutEventSelectors", TRAIL, DEPLOYMENT),
    ("cloudtrail:PutInsightSelectors", TRAIL, DEPLOYMENT),
    ("cloudtrail:StopLogging", TRAIL, NO_ONE),
    ("cloudtrail:UpdateTrail", TRAIL, DEPLOYMENT),
    // Roles: those that the policies name, and those that would be taken for one of them.
    ("iam:AttachRolePolicy", ROLE, DEPLOYMENT),
    ("iam:CreateRole", ROLE, DEPLOYMENT),
    ("iam:CreateRole", SCHEDULE_ROLE, DEPLOYMENT),
    ("iam:CreateRole", OTHER_ROLE, EVERYONE),
    ("iam:DeleteRole", ROLE, DEPLOYMENT),
    ("iam:DeleteRolePermissionsBoundary", ROLE, DEPLOYMENT),
    ("iam:DeleteRolePolicy", ROLE, DEPLOYMENT),
    ("iam:DetachRolePolicy", ROLE, DEPLOYMENT),
    ("iam:PassRole", ROLE, DEPLOYMENT),
    ("iam:PassRole", SCHEDULE_ROLE, DEPLOYMENT),
    ("iam:PutRolePermissionsBoundary", ROLE, DEPLOYMENT),
    ("iam:PutRolePolicy", ROLE, DEPLOYMENT),
    ("iam:UpdateAssumeRolePolicy", ROLE, DEPLOYMENT),
    ("iam:UpdateAssumeRolePolicy", SCHEDULE_ROLE, DEPLOYMENT),
    ("iam:UpdateRole", ROLE, DEPLOYMENT),
    // Keys. A swap of the code key makes one, and has one deleted.
    ("kms:CreateGrant", KEY, DEPLOYMENT),
    ("kms:CreateKey", "*", EVERYONE),
    ("kms:DisableKey", KEY, DEPLOYMENT),
    ("kms:PutKeyPolicy", KEY, DEPLOYMENT),
    ("kms:ScheduleKeyDeletion", KEY, EVERYONE),
    ("kms:UpdateAlias", KEY, EVERYONE),
    // Functions, in every region.
    ("lambda:AddPermission", FUNCTION, DEPLOYMENT),
    ("lambda:CreateAlias", FUNCTION, DEPLOYMENT),
    ("lambda:CreateEventSourceMapping", MAPPING, DEPLOYMENT),
    ("lambda:CreateFunction", FUNCTION, DEPLOYMENT),
    ("lambda:CreateFunction", ELSEWHERE, DEPLOYMENT),
    ("lambda:CreateFunctionUrlConfig", FUNCTION, DEPLOYMENT),
    ("lambda:DeleteFunction", FUNCTION, DEPLOYMENT),
    ("lambda:GetFunction", FUNCTION, EVERYONE),
    ("lambda:InvokeAsync", FUNCTION, INVOKERS),
    ("lambda:InvokeFunction", FUNCTION, INVOKERS),
    ("lambda:InvokeFunctionUrl", FUNCTION, INVOKERS),
    ("lambda:PublishVersion", FUNCTION, DEPLOYMENT),
    ("lambda:PutFunctionConcurrency", FUNCTION, DEPLOYMENT),
    ("lambda:PutFunctionEventInvokeConfig", FUNCTION, DEPLOYMENT),
    ("lambda:RemovePermission", FUNCTION, DEPLOYMENT),
    ("lambda:UpdateEventSourceMapping", MAPPING, DEPLOYMENT),
    ("lambda:UpdateFunctionCode", FUNCTION, DEPLOYMENT),
    ("lambda:UpdateFunctionConfiguration", FUNCTION, DEPLOYMENT),
    ("lambda:UpdateFunctionConfiguration", ELSEWHERE, DEPLOYMENT),
    // Lines of agents, made up, left out, changed, or sent from somewhere else.
    ("logs:AssociateKmsKey", LOG, DEPLOYMENT),
    ("logs:CreateLogStream", LOG, FUNCTIONS),
    ("logs:DeleteLogGroup", LOG, DEPLOYMENT),
    ("logs:DeleteLogStream", LOG, DEPLOYMENT),
    ("logs:DeleteSubscriptionFilter", LOG, DEPLOYMENT),
    ("logs:FilterLogEvents", LOG, EVERYONE),
    ("logs:PutAccountPolicy", "*", DEPLOYMENT),
    ("logs:PutDataProtectionPolicy", LOG, DEPLOYMENT),
    ("logs:PutLogEvents", LOG, FUNCTIONS),
    ("logs:PutLogEvents", OTHER_LOG, EVERYONE),
    ("logs:PutMetricFilter", ACCESS_LOG, DEPLOYMENT),
    ("logs:PutRetentionPolicy", LOG, DEPLOYMENT),
    ("logs:PutSubscriptionFilter", LOG, DEPLOYMENT),
    ("logs:PutSubscriptionFilter", OTHER_LOG, DEPLOYMENT),
    ("logs:PutSubscriptionFilter", DESTINATION, DEPLOYMENT),
    ("logs:PutTransformer", LOG, DEPLOYMENT),
    // The API: who calls telephony's routes, and who changes any.
    ("apigateway:DELETE", API, DEPLOYMENT),
    ("apigateway:GET", API, EVERYONE),
    ("apigateway:PATCH", API, DEPLOYMENT),
    ("apigateway:POST", API, DEPLOYMENT),
    ("apigateway:PUT", API, DEPLOYMENT),
    ("execute-api:Invoke", "arn:aws:execute-api:REGION:ACCOUNT:x/$default/POST/dtmf/exchange", &["telephony"]),
    ("execute-api:Invoke", "arn:aws:execute-api:REGION:ACCOUNT:x/$default/POST/telephony/clear", &["telephony"]),
    // Schedules.
    ("scheduler:CreateSchedule", SCHEDULE, DEPLOYMENT),
    ("scheduler:CreateSchedule", "arn:aws:scheduler:REGION:ACCOUNT:schedule/other/idbellen-production-expire", DEPLOYMENT),
    ("scheduler:DeleteSchedule", SCHEDULE, DEPLOYMENT),
    ("scheduler:UpdateSchedule", SCHEDULE, DEPLOYMENT),
    // Deployments: as a whole, with a template, and by no other way into CloudFormation.
    ("cloudformation:ActivateType", "*", NO_ONE),
    ("cloudformation:CreateResource", "*", NO_ONE),
    ("cloudformation:CreateStack", "arn:aws:cloudformation:REGION:ACCOUNT:stack/x/y", EVERYONE),
    ("cloudformation:DeleteResource", "*", NO_ONE),
    ("cloudformation:RegisterType", "*", NO_ONE),
    ("cloudformation:UpdateResource", "*", NO_ONE),
    // What stays with the operators, and is not covered.
    ("ssm:PutParameter", PARAMETER, EVERYONE),
    // The account.
    ("account:CloseAccount", "*", NO_ONE),
    ("organizations:LeaveOrganization", "*", NO_ONE),
];

fn policies() -> Result<Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra");
    let read = |name| {
        let text = fs::read_to_string(folder.join(name))?;
        ensure!(text.len() <= MOST_BYTES, "{name} has {} bytes, and AWS takes {MOST_BYTES}", text.len());
        serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))
    };
    POLICIES.into_iter().map(read).collect()
}

#[test]
fn the_organisation_leaves_each_what_the_table_says_and_no_more() -> Result<()> {
    // AWS's own, and its European Sovereign Cloud.
    ["aws", "aws-eusc"].into_iter().try_for_each(leaves_what_the_table_says)
}

fn leaves_what_the_table_says(partition: &str) -> Result<()> {
    let arn = |who: &str| format!("arn:{partition}:iam::000000000000:{who}");
    let filled_in = |thing: &str| {
        let thing = thing.replace("REGION", "us-east-1").replace("ACCOUNT", "000000000000");
        thing.replace("arn:aws:", &format!("arn:{partition}:"))
    };
    let asked = json!({
        "policies": policies()?,
        "principals": WHO.map(|(_, who, through)| json!([arn(who), through.map_or(vec![], |service| vec![service])])),
        "questions": ASKED.iter().map(|(action, thing, _)| json!([action, filled_in(thing)])).collect::<Vec<_>>(),
    });
    let answers: Vec<Vec<bool>> = serde_json::from_value(Python::install()?.run("organisation.py", &[], &asked)?)?;
    ensure!(answers.len() == ASKED.len(), "not all were answered");
    let mut wrong = Vec::new();
    for ((action, thing, expected), answers) in ASKED.iter().zip(answers) {
        let found: Vec<&str> = WHO.iter().zip(answers).filter(|(_, may)| *may).map(|((who, ..), _)| *who).collect();
        let expected = if *expected == EVERYONE { WHO.map(|(who, ..)| who).to_vec() } else { expected.to_vec() };
        if found != expected {
            wrong.push(format!("{action} {thing}:\n    expected {expected:?}\n    found    {found:?}"));
        }
    }
    ensure!(wrong.is_empty(), "in the partition {partition}:\n{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn each_action_that_the_organisation_denies_is_asked() -> Result<()> {
    let mut never = BTreeSet::new();
    for policy in policies()? {
        for statement in policy["Statement"].as_array().context("no statements")? {
            ensure!(statement["Effect"] == "Deny", "a policy of the organisation allows nothing");
            let actions = &statement["Action"];
            let actions = actions.as_array().cloned().unwrap_or_else(|| vec![actions.clone()]);
            for action in actions.iter().filter_map(Value::as_str) {
                let is_asked = |asked: &str| match action.strip_suffix('*') {
                    Some(start) => asked.starts_with(start),
                    None => asked == action,
                };
                if !ASKED.iter().any(|(asked, ..)| is_asked(asked)) {
                    never.insert(action.to_owned());
                }
            }
        }
    }
    ensure!(never.is_empty(), "not asked: {never:?}");
    Ok(())
}
