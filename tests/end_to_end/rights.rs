//! What each function may do on AWS, tried with the credentials of its role: what it needs, and nothing else. The code of
//! a function has no part in this.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use local::emulator::Credentials;
use local::{EXTERNAL_ID, Unsigned};
use serde_json::{Value, json};

use crate::tests;
use crate::world::{CONNECT_INSTANCE, World, ask};

tests! {
    beside_others: [
        a_function_can_do_what_it_needs_and_nothing_else,
        a_role_names_each_of_its_rights,
        an_administrator_reads_and_writes_no_item,
        an_administrator_uses_no_key,
        telephonys_role_is_for_who_knows_the_id,
        verify_reads_settings_and_no_item_or_secret,
    ],
    alone: []
}

/// That what this module says of the keys holds, when one has changed.
pub async fn hold_of_keys(world: &World) -> Result<()> {
    functions_can_do_what_they_need_of(world, &on_keys(world).await?).await?;
    an_administrator_uses_no_key(world).await
}

/// All that each function may do, of everything that is tried below.
///
/// "Its expiry" is there because a condition reads it: IAM can't tell an attribute that is read from one that is written.
/// And for what a write returns when its condition fails, IAM has no condition at all: what is sealed.
const NEEDED: [(&str, &[&str]); 7] = [
    (
        "SessionStart",
        &[
            "TransactWriteItems Records",
            "TransactWriteItems Records, and read it when that fails",
            "TransactWriteItems Codes",
            "TransactWriteItems Codes, and read it when that fails",
            "GenerateMac CodeKey, by code-current",
            "Encrypt TokenKey, for a record",
            "GetParameter irma-requestor-token",
            "GetParametersByPath purposes",
        ],
    ),
    (
        "SessionIngest",
        &[
            "GetItem Records, what ingest reads",
            "UpdateItem Records, its end",
            "UpdateItem Records, its public key",
            "GetItem Records, an agent's mark",
            "GetItem Records, whether it is there",
            "Decrypt TokenKey, for a record",
            "GetParameter irma-public-key",
            "GetParametersByPath purposes",
            "Invoke SessionIngest",
        ],
    ),
    (
        "SessionReconcile",
        &[
            "Query Records by-expiry",
            "GetItem Records, what ingest reads",
            "UpdateItem Records, its end",
            "UpdateItem Records, its public key",
            "GetItem Records, an agent's mark",
            "GetItem Records, whether it is there",
            "Decrypt TokenKey, for a record",
            "GetParameter irma-public-key",
            "GetParametersByPath purposes",
        ],
    ),
    (
        "DtmfExchange",
        &[
            "UpdateItem Codes, its use",
            "UpdateItem Codes, its expiry",
            "GenerateMac CodeKey, by code-previous",
            "GenerateMac CodeKey, by code-next",
        ],
    ),
    ("AgentLookup", &["UpdateItem Records, its holder", "UpdateItem Records, its expiry", "GetItem Records, an agent's mark"]),
    (
        "ClearContact",
        &[
            "DeleteItem Records",
            "DeleteItem Records, and read it when that fails",
            "GetItem Records, an agent's mark",
            "Invoke ClearContact",
        ],
    ),
    (
        "ExpireRecords",
        &[
            "Query Records by-expiry",
            "Query Codes by-expiry",
            "DeleteItem Records",
            "DeleteItem Records, and read it when that fails",
            "DeleteItem Codes",
            "DeleteItem Codes, and read it when that fails",
        ],
    ),
];

/// What the role of `idbellen verify` may do of the same.
const NEEDED_BY_VERIFY: [&str; 16] = [
    "DescribeTable Records",
    "DescribeTable Codes",
    "GetKeyPolicy CodeKey",
    "GetKeyPolicy TokenKey",
    "GetKeyPolicy ParameterKey",
    "DescribeParameters",
    "GetParameter irma-public-key",
    "GetParameter purposes/burgerzaken",
    "GetParametersByPath purposes",
    "GetFunction SessionStart",
    "GetFunction SessionIngest",
    "GetFunction SessionReconcile",
    "GetFunction DtmfExchange",
    "GetFunction AgentLookup",
    "GetFunction ClearContact",
    "GetFunction ExpireRecords",
];

/// Something to try.
struct Action {
    name: String,
    service: &'static str,
    method: &'static str,
    path: String,
    /// The operation, for a service that finds it in a header.
    target: String,
    body: String,
}

impl Action {
    fn json(name: impl Into<String>, service: &'static str, target: impl Into<String>, body: &Value) -> Self {
        let (path, target) = ("/".to_owned(), target.into());
        Self { name: name.into(), service, method: "POST", path, target, body: body.to_string() }
    }

    fn rest(name: impl Into<String>, service: &'static str, method: &'static str, path: String, body: &Value) -> Self {
        Self { name: name.into(), service, method, path, target: String::new(), body: body.to_string() }
    }

    fn query(name: impl Into<String>, service: &'static str, body: &str) -> Self {
        let (path, target) = ("/".to_owned(), String::new());
        Self { name: name.into(), service, method: "POST", path, target, body: body.to_owned() }
    }

    /// What AWS answers who tries it.
    async fn answer(&self, world: &World, credentials: &Credentials) -> Result<String> {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let json = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", self.target.as_str())];
        let headers: &[(&str, &str)] = match (self.target.as_str(), self.body.starts_with('{')) {
            ("", true) => &json[..1],
            ("", false) => &form,
            _ => &json,
        };
        let request = Unsigned { method: self.method, path: &self.path, headers, body: self.body.as_bytes() };
        let answer = world.stack.signed_for_aws(credentials, self.service, &request)?.send().await?;
        Ok(answer.text().await?)
    }

    /// Whether AWS lets it pass, for all that the rights say: it may still find the request not valid.
    async fn is_allowed(&self, world: &World, credentials: &Credentials) -> Result<bool> {
        let answer = self.answer(world, credentials).await?;
        // The address of a function's code has a signature in it, too.
        let unsigned = ["security token", "InvalidSignature", "IncompleteSignature", "SignatureDoesNotMatch"];
        ensure!(!unsigned.iter().any(|refusal| answer.contains(refusal)), "{}: {answer}", self.name);
        Ok(!(answer.contains("AccessDenied") || answer.contains("not authorized to perform")))
    }
}

/// Of the stack, the items, and what can make them outlive their time.
#[expect(clippy::too_many_lines, reason = "a table")]
fn on_tables(world: &World) -> Result<Vec<Action>> {
    let id = json!({"id": {"S": "A".repeat(43)}});
    let mut actions = Vec::new();
    for logical in ["Records", "Codes"] {
        let table = world.stack.table(logical)?;
        let arn = format!("arn:aws:dynamodb:{}:000000000000:table/{table}", local::REGION);
        let mut add = |name: &str, body: Value| {
            let operation = name.split([' ', ',']).next().unwrap_or_default();
            let what = name.strip_prefix(operation).unwrap_or_default();
            let (name, target) = (format!("{operation} {logical}{what}"), format!("DynamoDB_20120810.{operation}"));
            actions.push(Action::json(name, "dynamodb", target, &body));
        };
        let update = |expression: &str, values: Value, returned: &str| {
            json!({
                "TableName": table, "Key": id, "UpdateExpression": expression, "ConditionExpression": "attribute_exists(id)",
                "ExpressionAttributeNames": if expression.contains("#status") { json!({"#status": "status"}) } else { json!(null) },
                "ExpressionAttributeValues": values, "ReturnValues": returned,
            })
        };
        let (bytes, number) = (json!({":value": {"B": "AAAA"}}), json!({":value": {"N": "1"}}));
        let read = json!({"TableName": table, "Key": id});
        let projected = |attributes: &str| {
            json!({
                "TableName": table, "Key": id, "ProjectionExpression": attributes,
                "ExpressionAttributeNames": if attributes.contains("#status") { json!({"#status": "status"}) } else { json!(null) },
            })
        };
        add("GetItem", read.clone());
        add("GetItem, what is sealed", projected("attributes, secret"));
        if logical == "Records" {
            add(
                "GetItem, what ingest reads",
                projected("#status, purpose, asked, public_key, irma_token, created_at, expires_at"),
            );
            let removing = "SET #status = :value REMOVE irma_token, public_key, asked, attributes";
            add("UpdateItem, its end", update(removing, bytes.clone(), "NONE"));
            // A key that no record has, which the trail then holds.
            let mark = json!({"id": {"S": format!("agent/{0}/{0}", "A".repeat(43))}});
            let marked = |attributes: &str| json!({"TableName": table, "Key": mark, "ProjectionExpression": attributes});
            add("GetItem, an agent's mark", marked("id"));
            add("GetItem, what is sealed by a mark", marked("id, attributes"));
            add("GetItem, all by a mark", json!({"TableName": table, "Key": mark}));
            add("GetItem, whether it is there", projected("id"));
            add("UpdateItem, its end, and read it", update("SET #status = :value", bytes.clone(), "ALL_NEW"));
            add("UpdateItem, its end, and read what it changes", update("SET attributes = :value", bytes.clone(), "UPDATED_NEW"));
            add("UpdateItem, its holder", update("SET holder = :value, holders = :value", bytes.clone(), "ALL_NEW"));
            add("UpdateItem, its public key", update("SET public_key = :value", bytes.clone(), "NONE"));
        } else {
            add("UpdateItem, its use", update("SET contact = :value, used_until = :value", bytes.clone(), "ALL_NEW"));
            add("UpdateItem, its secret", update("SET secret = :value", bytes.clone(), "NONE"));
        }
        add("UpdateItem, its expiry", update("SET expires_at = :value", number, "NONE"));
        add("UpdateItem, something else", update("SET more = :value", bytes, "NONE"));
        add("BatchGetItem", json!({"RequestItems": {&table: {"Keys": [id]}}}));
        add("TransactGetItems", json!({"TransactItems": [{"Get": read}]}));
        let query = json!({
            "TableName": table, "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "A"}},
        });
        add("Query", query);
        let by_expiry = json!({
            "TableName": table, "IndexName": "by-expiry", "KeyConditionExpression": "#shard = :shard",
            "ExpressionAttributeNames": {"#shard": "shard"}, "ExpressionAttributeValues": {":shard": {"N": "0"}}, "Limit": 1,
        });
        add("Query by-expiry", by_expiry);
        add("Scan", json!({"TableName": table, "Limit": 1}));
        add("Scan by-expiry", json!({"TableName": table, "IndexName": "by-expiry", "Limit": 1}));
        add("PutItem", json!({"TableName": table, "Item": id, "ConditionExpression": "attribute_exists(id)"}));
        add("DeleteItem", read.clone());
        add("DeleteItem, and read it", json!({"TableName": table, "Key": id, "ReturnValues": "ALL_OLD"}));
        let failing = |item: &str| {
            json!({
                "TableName": table, item: id, "ConditionExpression": if item == "Item" { "attribute_exists(id)" } else { "attribute_not_exists(id)" },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            })
        };
        add("PutItem, and read it when that fails", failing("Item"));
        let put = json!({"TableName": table, "Item": id, "ConditionExpression": "attribute_exists(id)"});
        add("TransactWriteItems", json!({"TransactItems": [{"Put": put}]}));
        add("TransactWriteItems, and read it when that fails", json!({"TransactItems": [{"Put": failing("Item")}]}));
        add("DeleteItem, and read it when that fails", failing("Key"));
        add("BatchWriteItem", json!({"RequestItems": {&table: [{"DeleteRequest": {"Key": id}}]}}));
        add("ExecuteStatement", json!({"Statement": format!("SELECT * FROM \"{table}\" WHERE id = 'A'")}));
        add("DescribeTable", json!({"TableName": table}));
        add(
            "UpdateTable",
            json!({"TableName": table, "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}}),
        );
        add("DeleteTable", json!({"TableName": table}));
        add("CreateBackup", json!({"TableName": table, "BackupName": "backup"}));
        let recovery = json!({"TableName": table, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
        add("UpdateContinuousBackups", recovery);
        add("ExportTableToPointInTime", json!({"TableArn": arn, "S3Bucket": "bucket"}));
        add(
            "RestoreTableToPointInTime",
            json!({"SourceTableName": table, "TargetTableName": "copy", "UseLatestRestorableTime": true}),
        );
        let no_ttl = json!({"TableName": table, "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": false}});
        add("UpdateTimeToLive", no_ttl);
        add(
            "EnableKinesisStreamingDestination",
            json!({"TableName": table, "StreamArn": "arn:aws:kinesis:eu-central-1:000000000000:stream/x"}),
        );
        add("PutResourcePolicy", json!({"ResourceArn": arn, "Policy": "{}"}));
        add("DeleteResourcePolicy", json!({"ResourceArn": arn}));
    }
    Ok(actions)
}

/// Of the keys. What is decrypted was encrypted by the root user, whom the key policies stop nowhere but on AWS.
async fn on_keys(world: &World) -> Result<Vec<Action>> {
    let mut actions = Vec::new();
    for logical in ["CodeKey", "TokenKey", "ParameterKey"] {
        let key = if logical == "CodeKey" { world.code_key().await? } else { world.stack.table(logical)? };
        let mut add = |name: &str, body: Value| {
            let operation = name.split(',').next().unwrap_or_default();
            let more = name.strip_prefix(operation).unwrap_or_default();
            actions.push(Action::json(format!("{operation} {logical}{more}"), "kms", format!("TrentService.{operation}"), &body));
        };
        if logical == "CodeKey" {
            let mac = |key: &str| json!({"KeyId": key, "Message": "AAAA", "MacAlgorithm": "HMAC_SHA_256"});
            let verify = |key: &str| json!({"KeyId": key, "Message": "AAAA", "Mac": "AAAA", "MacAlgorithm": "HMAC_SHA_256"});
            add("GenerateMac", mac(&key));
            add("VerifyMac", verify(&key));
            for alias in ["code-current", "code-previous", "code-next"] {
                add(&format!("GenerateMac, by {alias}"), mac(&format!("alias/idbellen-local-{alias}")));
                add(&format!("VerifyMac, by {alias}"), verify(&format!("alias/idbellen-local-{alias}")));
            }
        } else {
            let contexts = [
                ("", json!({})),
                (", for a record", json!({"record": "A"})),
                (", for more", json!({"record": "A", "more": "A"})),
            ];
            for (name, context) in contexts {
                let encrypt = json!({"KeyId": key, "Plaintext": "AAAA", "EncryptionContext": context});
                let encrypted = ask(world, "kms", "TrentService.Encrypt", &encrypt.to_string()).await?;
                add(&format!("Encrypt{name}"), encrypt);
                add(
                    &format!("Decrypt{name}"),
                    json!({"CiphertextBlob": encrypted["CiphertextBlob"], "EncryptionContext": context}),
                );
            }
            add("GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"}));
            let plain = json!({"KeyId": key, "Plaintext": "AAAA"});
            let encrypted = ask(world, "kms", "TrentService.Encrypt", &plain.to_string()).await?;
            add("ReEncrypt", json!({"CiphertextBlob": encrypted["CiphertextBlob"], "DestinationKeyId": key}));
        }
        add(
            "CreateGrant",
            json!({"KeyId": key, "GranteePrincipal": "arn:aws:iam::000000000000:root", "Operations": ["Decrypt"]}),
        );
        add("GetKeyPolicy", json!({"KeyId": key, "PolicyName": "default"}));
        add("PutKeyPolicy", json!({"KeyId": key, "PolicyName": "default", "Policy": "{}"}));
        add("DisableKey", json!({"KeyId": key}));
        add("ScheduleKeyDeletion", json!({"KeyId": key}));
    }
    actions.push(Action::json("ListKeys", "kms", "TrentService.ListKeys", &json!({})));
    Ok(actions)
}

fn on_parameters() -> Vec<Action> {
    let ssm = |name: &str, operation: &str, body: Value| Action::json(name, "ssm", format!("AmazonSSM.{operation}"), &body);
    let mut actions = vec![
        ssm("DescribeParameters", "DescribeParameters", json!({})),
        ssm("GetParametersByPath all", "GetParametersByPath", json!({"Path": "/idbellen/local", "Recursive": true})),
        ssm("GetParametersByPath purposes", "GetParametersByPath", json!({"Path": "/idbellen/local/purposes"})),
        ssm("GetParametersByPath root", "GetParametersByPath", json!({"Path": "/", "Recursive": true})),
        ssm("GetParameter of another stage", "GetParameter", json!({"Name": "/idbellen/other/irma-requestor-token"})),
    ];
    for name in ["irma-requestor-token", "irma-public-key", "purposes/burgerzaken"] {
        let path = format!("/idbellen/local/{name}");
        let mut add = |operation: &str, body: Value| actions.push(ssm(&format!("{operation} {name}"), operation, body));
        add("GetParameter", json!({"Name": path}));
        add("GetParameters", json!({"Names": [path]}));
        add("GetParameterHistory", json!({"Name": path}));
        add("PutParameter", json!({"Name": path, "Value": "x", "Type": "String", "Overwrite": false}));
        add("DeleteParameter", json!({"Name": path}));
        add("AddTagsToResource", json!({"ResourceType": "Parameter", "ResourceId": path, "Tags": [{"Key": "a", "Value": "b"}]}));
    }
    actions
}

fn on_functions(world: &World) -> Vec<Action> {
    let mut actions = Vec::new();
    for (logical, function) in &world.stack.deployment.functions {
        let path = format!("/2015-03-31/functions/{}", function.name);
        let mut add = |operation: &str, method, path: String| {
            actions.push(Action::rest(format!("{operation} {logical}"), "lambda", method, path, &json!({"record": "x"})));
        };
        add("Invoke", "POST", format!("{path}/invocations"));
        add("GetFunction", "GET", path.clone());
        add("UpdateFunctionCode", "PUT", format!("{path}/code"));
        add("UpdateFunctionConfiguration", "PUT", format!("{path}/configuration"));
        add("AddPermission", "POST", format!("{path}/policy"));
        add("DeleteFunction", "DELETE", path);
        let log = format!("/aws/lambda/{}", function.name);
        let mut add = |operation: &str, body: Value| {
            actions.push(Action::json(format!("{operation} {logical}"), "logs", format!("Logs_20140328.{operation}"), &body));
        };
        add("GetLogEvents", json!({"logGroupName": log, "logStreamName": "x"}));
        add("FilterLogEvents", json!({"logGroupName": log}));
        add("DeleteLogGroup", json!({"logGroupName": log}));
        add("PutRetentionPolicy", json!({"logGroupName": log, "retentionInDays": 365}));
        let filter = json!({"logGroupName": log, "filterName": "x", "filterPattern": "", "destinationArn": function.arn});
        add("PutSubscriptionFilter", filter);
    }
    actions
}

fn on_the_account(world: &World) -> Vec<Action> {
    let mut actions = vec![
        Action::query("CreateUser", "iam", "Action=CreateUser&UserName=x&Version=2010-05-08"),
        Action::query("ListRoles", "iam", "Action=ListRoles&Version=2010-05-08"),
        Action::rest("ListBuckets", "s3", "GET", "/".to_owned(), &json!({})),
        Action::json("StopLogging", "cloudtrail", "CloudTrail_20131101.StopLogging", &json!({"Name": "idbellen-local"})),
        Action::rest("DeleteSchedule", "scheduler", "DELETE", "/schedules/idbellen-local-expire".to_owned(), &json!({})),
    ];
    for (logical, function) in &world.stack.deployment.functions {
        let role = function.role.rsplit('/').next().unwrap_or_default();
        let policy = format!("Action=PutRolePolicy&RoleName={role}&PolicyName=more&PolicyDocument=%7B%7D&Version=2010-05-08");
        actions.push(Action::query(format!("PutRolePolicy {logical}"), "iam", &policy));
        let assume = format!("Action=AssumeRole&RoleArn={}&RoleSessionName=x&Version=2011-06-15", function.role);
        actions.push(Action::query(format!("AssumeRole {logical}"), "sts", &assume));
    }
    actions
}

/// Everything that is tried.
async fn every_action(world: &World) -> Result<Vec<Action>> {
    let mut actions = on_tables(world)?;
    actions.extend(on_keys(world).await?);
    actions.extend(on_parameters());
    actions.extend(on_functions(world));
    actions.extend(on_the_account(world));
    Ok(actions)
}

/// The names of those that someone may do.
async fn allowed<'a>(actions: &'a [Action], world: &World, credentials: &Credentials) -> Result<BTreeSet<&'a str>> {
    let mut allowed = BTreeSet::new();
    for action in actions {
        if action.is_allowed(world, credentials).await? {
            allowed.insert(action.name.as_str());
        }
    }
    Ok(allowed)
}

async fn a_function_can_do_what_it_needs_and_nothing_else(world: &World) -> Result<()> {
    let actions = every_action(world).await?;
    let names: BTreeSet<&str> = actions.iter().map(|action| action.name.as_str()).collect();
    let missing: Vec<_> = NEEDED.iter().flat_map(|(_, needed)| *needed).filter(|name| !names.contains(*name)).collect();
    ensure!(missing.is_empty(), "not tried: {missing:?}");
    functions_can_do_what_they_need_of(world, &actions).await
}

async fn functions_can_do_what_they_need_of(world: &World, actions: &[Action]) -> Result<()> {
    let names: BTreeSet<&str> = actions.iter().map(|action| action.name.as_str()).collect();
    ensure!(names.len() == actions.len(), "two actions have one name");
    for (function, needed) in NEEDED {
        let credentials = &world.stack.deployment.functions.get(function).context("no such function")?.credentials;
        // Its credentials come into being with its first run.
        world.stack.invoke(world.stack.root(), function, &json!({})).await?;
        let needed = needed.iter().copied().filter(|name| names.contains(name)).collect();
        assert_eq!(allowed(actions, world, credentials).await?, needed, "{function}");
    }
    assert_eq!(NEEDED.len(), world.stack.deployment.functions.len());
    Ok(())
}

async fn verify_reads_settings_and_no_item_or_secret(world: &World) -> Result<()> {
    let role = world.stack.deployment.outputs.get("VerifyRole").context("there is no VerifyRole")?;
    let role = world.stack.assume_role(role).await?;
    let actions = every_action(world).await?;
    assert_eq!(allowed(&actions, world, &role).await?, NEEDED_BY_VERIFY.into());
    Ok(())
}

async fn telephonys_role_is_for_who_knows_the_id(world: &World) -> Result<()> {
    let role = world.stack.deployment.outputs.get("TelephonyRole").context("there is no TelephonyRole")?;
    for (id, may) in [("", false), ("&ExternalId=another", false), (&format!("&ExternalId={EXTERNAL_ID}"), true)] {
        let body = format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=telephony&Version=2011-06-15{id}");
        let assume = Action::query("AssumeRole", "sts", &body);
        assert_eq!(assume.is_allowed(world, world.stack.root()).await?, may, "{id}");
    }
    Ok(())
}

/// What was not tried above is not there either: no role has a right by a pattern, or on everything, but for the key that
/// an alias of the code key names.
async fn a_role_names_each_of_its_rights(world: &World) -> Result<()> {
    let list = |value: &Value| -> Vec<String> {
        let many = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        many.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let contacts = format!("instance/{CONNECT_INSTANCE}/contact/*");
    for (logical, function) in &world.stack.deployment.functions {
        let needed = NEEDED.iter().find(|(name, _)| name == logical).context("no such function")?.1;
        let mut operations: BTreeSet<String> = needed
            .iter()
            .filter_map(|name| name.split(' ').next())
            // A transaction has no action of its own.
            .map(|operation| operation.replace("Invoke", "InvokeFunction").replace("TransactWriteItems", "PutItem"))
            .collect();
        operations.extend(["CreateLogStream".to_owned(), "PutLogEvents".to_owned()]);
        if logical == "SessionStart" {
            // Through Parameter Store only; directly it is refused above.
            operations.insert("Decrypt".to_owned());
        }
        if logical == "ClearContact" {
            // Of Amazon Connect the emulator knows nothing, not even who may do what.
            operations.extend(["GetContactAttributes", "UpdateContactAttributes"].map(str::to_owned));
        }
        let mut named = BTreeSet::new();
        for statement in function.policies.iter().flat_map(|policy| policy["Statement"].as_array().cloned().unwrap_or_default()) {
            ensure!(
                statement["Effect"] == "Allow" && statement.get("NotAction").is_none() && statement.get("NotResource").is_none()
            );
            let aliases = list(&statement["Condition"]["StringEquals"]["kms:RequestAlias"]);
            let are_of_the_code_key = aliases.iter().all(|alias| alias.starts_with("alias/idbellen-local-code-"));
            let is_by_alias = statement["Action"] == "kms:GenerateMac" && !aliases.is_empty() && are_of_the_code_key;
            for resource in list(&statement["Resource"]) {
                // The streams of its log group, the purposes, and the contacts of the one instance of Amazon Connect.
                let ends = [
                    (":*", resource.contains(":log-group:/")),
                    (":parameter/idbellen/local/purposes/*", true),
                    (&contacts, true),
                    (":key/*", is_by_alias),
                ];
                let prefix = ends.iter().filter(|(_, may)| *may).find_map(|(end, _)| resource.strip_suffix(end));
                ensure!(!prefix.unwrap_or(&resource).contains('*'), "{logical} has rights on {resource}");
            }
            for action in list(&statement["Action"]) {
                let (_, operation) = action.split_once(':').with_context(|| format!("{logical} has rights to {action}"))?;
                ensure!(!action.contains('*'), "{logical} has rights to {action}");
                named.insert(operation.to_owned());
            }
        }
        assert_eq!(named, operations, "{logical}");
    }
    Ok(())
}

/// Credentials for a role that may do everything, as far as its own policy goes.
async fn administrator(world: &World) -> Result<Credentials> {
    role_with(world, "administrator", &["*".to_owned()]).await
}

/// Credentials for a role that may do these actions, as far as its own policy goes.
pub async fn role_with(world: &World, role: &str, actions: &[String]) -> Result<Credentials> {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}"#;
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let encoded = |text: &str| text.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
    let create = format!("Action=CreateRole&RoleName={role}&AssumeRolePolicyDocument={}&Version=2010-05-08", encoded(trust));
    let put =
        format!("Action=PutRolePolicy&RoleName={role}&PolicyName=all&PolicyDocument={}&Version=2010-05-08", encoded(&policy));
    for body in [create, put] {
        Action::query(role, "iam", &body).answer(world, world.stack.root()).await?;
    }
    world.stack.assume_role(&format!("arn:aws:iam::000000000000:role/{role}")).await
}

async fn an_administrator_reads_and_writes_no_item(world: &World) -> Result<()> {
    let administrator = administrator(world).await?;
    // ExecuteStatement is another action on AWS (PartiQLSelect), which the emulator does not know.
    for action in on_tables(world)? {
        let operation = action.name.split(' ').next().unwrap_or_default();
        let is_of_items = operation.ends_with("Item") || operation.ends_with("Items") || matches!(operation, "Query" | "Scan");
        if is_of_items {
            ensure!(!action.is_allowed(world, &administrator).await?, "an administrator may: {}", action.name);
        }
    }
    // The role is all that it seems: what the tables' policies leave alone, it may.
    let describe = Action::json(
        "DescribeTable",
        "dynamodb",
        "DynamoDB_20120810.DescribeTable",
        &json!({"TableName": world.stack.table("Records")?}),
    );
    assert!(describe.is_allowed(world, &administrator).await?);
    Ok(())
}

async fn an_administrator_uses_no_key(world: &World) -> Result<()> {
    let administrator = administrator(world).await?;
    for action in on_keys(world).await? {
        let operation = action.name.split(' ').next().unwrap_or_default();
        if matches!(
            operation,
            "GenerateMac" | "VerifyMac" | "Encrypt" | "Decrypt" | "GenerateDataKey" | "ReEncrypt" | "CreateGrant"
        ) {
            ensure!(!action.is_allowed(world, &administrator).await?, "an administrator may: {}", action.name);
        }
        if operation == "GetKeyPolicy" {
            ensure!(action.is_allowed(world, &administrator).await?, "an administrator may not: {}", action.name);
        }
    }
    Ok(())
}
