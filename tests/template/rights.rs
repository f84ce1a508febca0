//! Who can do what, by the policies of roles, tables and keys together, without a stack. The end-to-end tests try the same
//! for the functions; here are also telephony, the schedules, an administrator and the account's root user, and what the
//! emulator has no action for.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::python::Python;

/// All that each may do, of everything that is asked. Who is not here has another answer in [`needed`].
const NEEDED: [(&str, &[&str]); 11] = [
    (
        "SessionStart",
        &[
            "PutItem Records, in a transaction",
            "PutItem Codes, in a transaction",
            "GenerateMac CodeKey, by code-current",
            "GenerateMac another-key, by code-current",
            "Encrypt TokenKey, for a record",
            "GetParameter irma-requestor-token",
            "Decrypt ParameterKey, through Parameter Store",
            "GetParametersByPath purposes",
            "PutLogEvents SessionStartLog",
        ],
    ),
    (
        "SessionIngest",
        &[
            "GetItem Records, what ingest reads",
            "GetItem Records, an agent's mark",
            "GetItem Records, by no key",
            "GetItem Records, one of two",
            "GetItem Records, whether it is there",
            "UpdateItem Records, its end",
            // Removing it is writing it, for IAM; whoever uses it checks it against the record's id.
            "UpdateItem Records, its public key",
            "Decrypt TokenKey, for a record",
            "GetParameter irma-public-key",
            "GetParametersByPath purposes",
            "InvokeFunction SessionIngest",
            "PutLogEvents SessionIngestLog",
        ],
    ),
    (
        "SessionReconcile",
        &[
            "Query Records by-expiry",
            "GetItem Records, what ingest reads",
            "GetItem Records, an agent's mark",
            "GetItem Records, by no key",
            "GetItem Records, one of two",
            "GetItem Records, whether it is there",
            "UpdateItem Records, its end",
            // Removing it is writing it, for IAM; whoever uses it checks it against the record's id.
            "UpdateItem Records, its public key",
            "Decrypt TokenKey, for a record",
            "GetParameter irma-public-key",
            "GetParametersByPath purposes",
            "PutLogEvents SessionReconcileLog",
        ],
    ),
    (
        "DtmfExchange",
        &[
            "UpdateItem Codes, its use",
            "UpdateItem Codes, its expiry",
            "GenerateMac CodeKey, by code-previous",
            "GenerateMac CodeKey, by code-next",
            "GenerateMac another-key, by code-previous",
            "GenerateMac another-key, by code-next",
            "PutLogEvents DtmfExchangeLog",
        ],
    ),
    (
        "AgentLookup",
        &[
            "UpdateItem Records, its holder",
            "UpdateItem Records, its expiry",
            "GetItem Records, an agent's mark",
            "PutLogEvents AgentLookupLog",
        ],
    ),
    (
        "ClearContact",
        &[
            "DeleteItem Records",
            "DeleteItem Records, if held",
            "GetItem Records, an agent's mark",
            "InvokeFunction ClearContact",
            "GetContactAttributes contact",
            "UpdateContactAttributes contact",
            "PutLogEvents ClearContactLog",
        ],
    ),
    (
        "ExpireRecords",
        &[
            "Query Records by-expiry",
            "Query Codes by-expiry",
            "DeleteItem Records",
            "DeleteItem Records, if expired",
            "DeleteItem Codes",
            "DeleteItem Codes, if expired",
            "PutLogEvents ExpireRecordsLog",
        ],
    ),
    ("SessionReconcileEveryMinuteRole", &["InvokeFunction SessionReconcile"]),
    ("ExpireRecordsEveryMinuteRole", &["InvokeFunction ExpireRecords"]),
    ("TelephonyRole", &["Invoke Api, POST/dtmf/exchange", "Invoke Api, POST/telephony/clear"]),
    (
        "VerifyRole",
        &[
            "DescribeTable Records",
            "DescribeTable Codes",
            "GetKeyPolicy CodeKey",
            "GetKeyPolicy TokenKey",
            "GetKeyPolicy ParameterKey",
            "GetFunction SessionStart",
            "GetFunction SessionIngest",
            "GetFunction SessionReconcile",
            "GetFunction DtmfExchange",
            "GetFunction AgentLookup",
            "GetFunction ClearContact",
            "GetFunction ExpireRecords",
            "GetParameter irma-public-key",
            "GetParameter purposes/burgerzaken",
            "GetParametersByPath purposes",
        ],
    ),
];

/// All that functions of the same names in another region may do with the roles of ours.
const ELSEWHERE: [(&str, &[&str]); 7] = [
    // Parameter Store asks for it, once it has seen that the function is allowed to get the token: it is not.
    ("SessionStart, elsewhere", &["Decrypt ParameterKey, through Parameter Store"]),
    ("SessionIngest, elsewhere", &[]),
    ("SessionReconcile, elsewhere", &[]),
    ("DtmfExchange, elsewhere", &[]),
    ("AgentLookup, elsewhere", &[]),
    ("ClearContact, elsewhere", &[]),
    ("ExpireRecords, elsewhere", &[]),
];

/// Who may do everything, as far as their own policies go: the policies of tables and keys stop them.
const ALMIGHTY: [&str; 2] = ["administrator", "root"];

/// The instance of Amazon Connect that the stack is given.
pub const INSTANCE: &str = "arn:aws:connect:eu-central-1:000000000000:instance/x";

/// A thing that someone may or may not be able to do.
struct Question {
    name: String,
    action: String,
    /// With this of the template, or what `suffix` names in it; or, where it is empty, with the ARN `suffix`.
    resource: &'static str,
    suffix: String,
    context: Value,
    /// The policy of a table or key is the last word on it.
    guarded: bool,
}

/// Who is asked about.
pub fn everyone() -> Vec<&'static str> {
    NEEDED.iter().map(|(who, _)| *who).chain(ALMIGHTY).collect()
}

/// The functions of the same names in another region.
pub fn namesakes() -> Vec<&'static str> {
    ELSEWHERE.iter().map(|(who, _)| *who).collect()
}

/// What each of these may do of everything that is asked, for each template.
pub fn ask(python: &Python, templates: &[Value], principals: &[&str]) -> Result<Vec<BTreeMap<String, BTreeSet<String>>>> {
    let questions = questions();
    let names: BTreeSet<&str> = questions.iter().map(|question| question.name.as_str()).collect();
    ensure!(names.len() == questions.len(), "two questions have one name");
    let input = json!({
        "templates": templates,
        // Whatever is conditional is there.
        "parameters": {
            "AuditBucket": "audit",
            "ConnectInstanceArn": INSTANCE,
            "TelephonyPrincipal": "arn:aws:iam::000000000000:root",
            "TelephonyExternalId": "local-telephony-1",
            "VerifyPrincipal": "arn:aws:iam::000000000000:root",
        },
        "principals": principals,
        "questions": questions
            .iter()
            .map(|question| json!([question.action, question.resource, question.suffix, question.context]))
            .collect::<Vec<_>>(),
    });
    let answers: Vec<Vec<Vec<bool>>> = serde_json::from_value(python.run("evaluate.py", &[], &input)?)?;
    let of_template = |answers: Vec<Vec<bool>>| {
        let of_principal = |answers: Vec<bool>| {
            questions.iter().zip(answers).filter(|(_, may)| *may).map(|(question, _)| question.name.clone()).collect()
        };
        principals.iter().map(|&who| who.to_owned()).zip(answers.into_iter().map(of_principal)).collect()
    };
    Ok(answers.into_iter().map(of_template).collect())
}

/// What `who` may do of everything that is asked.
pub fn needed(who: &str) -> Result<BTreeSet<String>> {
    if ALMIGHTY.contains(&who) {
        return Ok(questions().into_iter().filter(|question| !question.guarded).map(|question| question.name).collect());
    }
    let (_, needed) = NEEDED.iter().chain(&ELSEWHERE).find(|(name, _)| *name == who).context("no one of that name")?;
    Ok(needed.iter().map(|&name| name.to_owned()).collect())
}

/// With what something is done: the second word of its name.
pub fn thing(name: &str) -> &str {
    name.split([' ', ',']).nth(1).unwrap_or_default()
}

fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    for table in ["Records", "Codes"] {
        on_table(table, &mut all);
    }
    for key in ["CodeKey", "TokenKey", "ParameterKey"] {
        on_key(key, &mut all);
    }
    on_another_key(&mut all);
    on_parameters(&mut all);
    on_functions(&mut all);
    on_connect(&mut all);
    on_the_account(&mut all);
    all
}

fn on_table(table: &'static str, all: &mut Vec<Question>) {
    let mut add = |operation: &str, what: &str, suffix: &str, context: Value, guarded| {
        all.push(Question {
            name: format!("{operation} {table}{what}"),
            action: format!("dynamodb:{operation}"),
            resource: table,
            suffix: suffix.to_owned(),
            context,
            guarded,
        });
    };
    let named = |attributes: &[&str]| json!({"dynamodb:Attributes": attributes});
    let returning = |attributes: &[&str], what: &str| json!({"dynamodb:Attributes": attributes, "dynamodb:ReturnValues": what});
    let reading = |attributes: &[&str]| json!({"dynamodb:Attributes": attributes, "dynamodb:Select": "SPECIFIC_ATTRIBUTES"});
    let whole = json!({"dynamodb:Attributes": ["id"], "dynamodb:Select": "ALL_ATTRIBUTES"});
    let pending = ["id", "status", "purpose", "asked", "public_key", "irma_token", "created_at", "expires_at"];
    let end = ["id", "status", "attributes", "irma_token", "public_key", "asked"];

    add("GetItem", "", "", whole.clone(), true);
    add("GetItem", ", what is sealed", "", reading(&["id", "attributes", "secret"]), true);
    add("GetItem", ", what ingest reads", "", reading(&pending), true);
    let mark = |keys: Value, attributes: &[&str], select: &str| json!({"dynamodb:LeadingKeys": keys, "dynamodb:Attributes": attributes, "dynamodb:Select": select});
    let of_agent = json!(["agent/x/y"]);
    add("GetItem", ", an agent's mark", "", mark(of_agent.clone(), &["id"], "SPECIFIC_ATTRIBUTES"), true);
    add("GetItem", ", an agent's mark, whole", "", mark(of_agent.clone(), &["id"], "ALL_ATTRIBUTES"), true);
    add("GetItem", ", what is sealed by a mark", "", mark(of_agent, &["id", "attributes"], "SPECIFIC_ATTRIBUTES"), true);
    add("GetItem", ", whether it is there", "", mark(json!(["x"]), &["id"], "SPECIFIC_ATTRIBUTES"), true);
    let no_key = json!({"dynamodb:Attributes": ["id"], "dynamodb:Select": "SPECIFIC_ATTRIBUTES"});
    add("GetItem", ", by no key", "", no_key, true);
    add("GetItem", ", one of two", "", mark(json!(["agent/x/y", "x"]), &["id"], "SPECIFIC_ATTRIBUTES"), true);
    add("UpdateItem", ", its end", "", returning(&end, "NONE"), true);
    add("UpdateItem", ", its end, and read it", "", returning(&["id", "status"], "ALL_NEW"), true);
    add("UpdateItem", ", its end, and read what was there", "", returning(&end, "UPDATED_OLD"), true);
    add("UpdateItem", ", its end, and read what is there", "", returning(&end, "UPDATED_NEW"), true);
    add("UpdateItem", ", its holder", "", returning(&["id", "holder", "holders", "looked_up_at"], "ALL_NEW"), true);
    add("UpdateItem", ", its public key", "", returning(&["id", "public_key"], "NONE"), true);
    add("UpdateItem", ", its use", "", returning(&["id", "contact"], "ALL_NEW"), true);
    add("UpdateItem", ", its secret", "", returning(&["id", "secret"], "NONE"), true);
    add("UpdateItem", ", its expiry", "", returning(&["id", "expires_at"], "NONE"), true);
    add("UpdateItem", ", something else", "", returning(&["id", "more"], "NONE"), true);
    add("PutItem", "", "", named(&["id"]), true);
    let transaction = json!({"dynamodb:Attributes": ["id"], "dynamodb:EnclosingOperation": "TransactWriteItems"});
    add("PutItem", ", in a transaction", "", transaction, true);
    add("DeleteItem", "", "", named(&["id"]), true);
    add("DeleteItem", ", and read it", "", returning(&["id"], "ALL_OLD"), true);
    add("DeleteItem", ", if held", "", returning(&["id", "holder"], "NONE"), true);
    add("DeleteItem", ", if expired", "", returning(&["id", "expires_at"], "NONE"), true);
    add("Query", "", "", whole.clone(), true);
    add("Query", " by-expiry", "/index/by-expiry", named(&["shard", "expires_at"]), true);
    add("Scan", "", "", whole.clone(), true);
    add("Scan", " by-expiry", "/index/by-expiry", whole, true);
    for operation in [
        "BatchGetItem",
        "BatchWriteItem",
        "ConditionCheckItem",
        "PartiQLSelect",
        "PartiQLInsert",
        "PartiQLUpdate",
        "PartiQLDelete",
    ] {
        add(operation, "", "", json!({}), true);
    }
    for operation in [
        "CreateBackup",
        "CreateTableReplica",
        "DeleteResourcePolicy",
        "DeleteTable",
        "DescribeTable",
        "EnableKinesisStreamingDestination",
        "ExportTableToPointInTime",
        "PutResourcePolicy",
        "RestoreTableToPointInTime",
        "StartAwsBackupJob",
        "UpdateContinuousBackups",
        "UpdateContributorInsights",
        "UpdateTable",
        "UpdateTimeToLive",
    ] {
        add(operation, "", "", json!({}), false);
    }
    add("GetRecords", " stream", "/stream/x", json!({}), false);
}

fn on_key(key: &'static str, all: &mut Vec<Question>) {
    let mut add = |operation: &str, what: &str, context: Value, guarded| {
        all.push(Question {
            name: format!("{operation} {key}{what}"),
            action: format!("kms:{operation}"),
            resource: key,
            suffix: String::new(),
            context,
            guarded,
        });
    };
    for operation in [
        "CreateGrant",
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GetParametersForImport",
        "ReEncryptFrom",
        "ReEncryptTo",
        "ReplicateKey",
        "VerifyMac",
    ] {
        add(operation, "", json!({}), true);
    }
    let through = json!({"kms:ViaService": "ssm.us-east-1.amazonaws.com"});
    add("Decrypt", ", through Parameter Store", through.clone(), true);
    // Whoever puts the IRMA server's token there encrypts it, so that is for administrators too.
    add("Encrypt", ", through Parameter Store", through, key != "ParameterKey");
    for operation in ["Encrypt", "Decrypt"] {
        add(operation, ", for a record", json!({"kms:EncryptionContextKeys": ["record"]}), true);
        add(operation, ", for a record and more", json!({"kms:EncryptionContextKeys": ["record", "more"]}), true);
    }
    for alias in ALIASES {
        add("GenerateMac", &format!(", by {alias}"), by_alias(alias), true);
    }
    let alias = match key {
        "CodeKey" => "alias/idbellen-production-code-current",
        "TokenKey" => "alias/idbellen-production-token",
        _ => "alias/idbellen-production-parameters",
    };
    for operation in ["GetKeyPolicy", "PutKeyPolicy", "DisableKey", "ScheduleKeyDeletion"] {
        add(operation, "", json!({"kms:ResourceAliases": [alias]}), false);
    }
}

/// Those of the code key, and two that are not.
const ALIASES: [&str; 5] = ["code-current", "code-previous", "code-next", "code-other", "token"];

/// The context of a request that names its key, which KMS made, by this alias.
fn by_alias(alias: &str) -> Value {
    json!({"kms:RequestAlias": format!("alias/idbellen-production-{alias}"), "kms:KeyOrigin": "AWS_KMS"})
}

/// A key that is not in the template; its own policy leaves all to the policies of who asks.
fn on_another_key(all: &mut Vec<Question>) {
    let mut add = |operation: &str, what: &str, context: Value| {
        all.push(Question {
            name: format!("{operation} another-key{what}"),
            action: format!("kms:{operation}"),
            resource: "",
            suffix: "arn:aws:kms:REGION:ACCOUNT:key/another".to_owned(),
            context,
            guarded: false,
        });
    };
    for operation in ["CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey", "GenerateMac", "ScheduleKeyDeletion", "VerifyMac"] {
        add(operation, "", json!({}));
        for alias in ALIASES {
            add(operation, &format!(", by {alias}"), by_alias(alias));
            let mut imported = by_alias(alias);
            imported["kms:KeyOrigin"] = json!("EXTERNAL");
            add(operation, &format!(", imported, by {alias}"), imported);
        }
    }
}

/// Something that no policy but the role's own is about.
fn ask_role(name: String, action: &str, resource: &'static str, suffix: &str) -> Question {
    Question { name, action: action.to_owned(), resource, suffix: suffix.to_owned(), context: json!({}), guarded: false }
}

fn on_parameters(all: &mut Vec<Question>) {
    let arn = |path: &str| format!("arn:aws:ssm:REGION:ACCOUNT:parameter{path}");
    for (name, path) in [("all", "/idbellen/production"), ("purposes", "/idbellen/production/purposes"), ("root", "/")] {
        let name = format!("GetParametersByPath {name}");
        all.push(ask_role(name, "ssm:GetParametersByPath", "", &arn(path)));
    }
    let other = arn("/idbellen/other/irma-requestor-token");
    all.push(ask_role("GetParameter another-stage".to_owned(), "ssm:GetParameter", "", &other));
    for parameter in ["irma-requestor-token", "irma-public-key", "purposes/burgerzaken"] {
        for operation in ["GetParameter", "GetParameters", "GetParameterHistory", "PutParameter", "DeleteParameter"] {
            let path = arn(&format!("/idbellen/production/{parameter}"));
            all.push(ask_role(format!("{operation} {parameter}"), &format!("ssm:{operation}"), "", &path));
        }
    }
}

fn on_functions(all: &mut Vec<Question>) {
    for (function, log, role) in [
        ("SessionStart", "SessionStartLog", "SessionStartRole"),
        ("SessionIngest", "SessionIngestLog", "SessionIngestRole"),
        ("SessionReconcile", "SessionReconcileLog", "SessionReconcileRole"),
        ("DtmfExchange", "DtmfExchangeLog", "DtmfExchangeRole"),
        ("AgentLookup", "AgentLookupLog", "AgentLookupRole"),
        ("ClearContact", "ClearContactLog", "ClearContactRole"),
        ("ExpireRecords", "ExpireRecordsLog", "ExpireRecordsRole"),
    ] {
        for operation in [
            "InvokeFunction",
            "GetFunction",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "PutFunctionEventInvokeConfig",
            "AddPermission",
            "CreateFunctionUrlConfig",
        ] {
            all.push(ask_role(format!("{operation} {function}"), &format!("lambda:{operation}"), function, ""));
        }
        all.push(ask_role(format!("PutLogEvents {log}"), "logs:PutLogEvents", log, ":log-stream:x"));
        for operation in ["GetLogEvents", "FilterLogEvents", "DeleteLogGroup", "PutRetentionPolicy", "PutSubscriptionFilter"] {
            all.push(ask_role(format!("{operation} {log}"), &format!("logs:{operation}"), log, ":log-stream:x"));
        }
        for operation in ["iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PassRole", "sts:AssumeRole"] {
            let name = operation.split(':').nth(1).unwrap_or_default();
            all.push(ask_role(format!("{name} {role}"), operation, role, ""));
        }
    }
}

fn on_connect(all: &mut Vec<Question>) {
    for operation in
        ["UpdateContactAttributes", "GetContactAttributes", "DescribeContact", "SearchContacts", "StopContact", "UpdateContact"]
    {
        let action = format!("connect:{operation}");
        all.push(ask_role(format!("{operation} contact"), &action, "", &format!("{INSTANCE}/contact/y")));
        all.push(ask_role(format!("{operation} another-instance"), &action, "", &format!("{INSTANCE}y/contact/y")));
    }
}

fn on_the_account(all: &mut Vec<Question>) {
    for (name, action, on) in [
        ("Invoke Api, POST/dtmf/exchange", "execute-api:Invoke", "arn:aws:execute-api:REGION:ACCOUNT:Api/x/POST/dtmf/exchange"),
        (
            "Invoke Api, POST/telephony/clear",
            "execute-api:Invoke",
            "arn:aws:execute-api:REGION:ACCOUNT:Api/x/POST/telephony/clear",
        ),
        (
            "Invoke Api, POST/contacts/lookup",
            "execute-api:Invoke",
            "arn:aws:execute-api:REGION:ACCOUNT:Api/x/POST/contacts/lookup",
        ),
        ("StopLogging trail", "cloudtrail:StopLogging", "arn:aws:cloudtrail:REGION:ACCOUNT:trail/idbellen-production"),
        (
            "PutEventSelectors trail",
            "cloudtrail:PutEventSelectors",
            "arn:aws:cloudtrail:REGION:ACCOUNT:trail/idbellen-production",
        ),
        (
            "DeleteSchedule sweep",
            "scheduler:DeleteSchedule",
            "arn:aws:scheduler:REGION:ACCOUNT:schedule/default/idbellen-production-expire",
        ),
        (
            "UpdateSchedule sweep",
            "scheduler:UpdateSchedule",
            "arn:aws:scheduler:REGION:ACCOUNT:schedule/default/idbellen-production-expire",
        ),
        ("CreateUser users", "iam:CreateUser", "arn:aws:iam::ACCOUNT:user/x"),
        ("PutObject elsewhere", "s3:PutObject", "arn:aws:s3:::bucket/x"),
        ("SendMessage elsewhere", "sqs:SendMessage", "arn:aws:sqs:REGION:ACCOUNT:x"),
        ("Publish elsewhere", "sns:Publish", "arn:aws:sns:REGION:ACCOUNT:x"),
        ("PutRecord elsewhere", "kinesis:PutRecord", "arn:aws:kinesis:REGION:ACCOUNT:stream/x"),
        ("PutItem elsewhere", "dynamodb:PutItem", "arn:aws:dynamodb:REGION:ACCOUNT:table/x"),
        ("PutTraceSegments elsewhere", "xray:PutTraceSegments", "*"),
        ("PutMetricData elsewhere", "cloudwatch:PutMetricData", "*"),
        ("CreateLogGroup elsewhere", "logs:CreateLogGroup", "arn:aws:logs:REGION:ACCOUNT:log-group:x"),
        ("StartBackupJob elsewhere", "backup:StartBackupJob", "arn:aws:backup:REGION:ACCOUNT:backup-vault:x"),
    ] {
        all.push(ask_role(name.to_owned(), action, "", on));
    }
}
