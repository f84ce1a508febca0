//! The emulator's own events, written as CloudTrail documents its files. The emulator records the access key, and whole
//! requests; CloudTrail names the principal, and of an item its key and no other attribute.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Writer;
use super::event::{Call, Principal, function_arn, key_arn, table_arn};
use crate::operate::STAGE;
use crate::rsa::RsaKey;
use crate::{Stack, Unsigned};

/// The account that the emulator gives everyone.
const ACCOUNT: &str = "000000000000";
/// CloudTrail delivers every five minutes or so, and a digest every hour.
const DELIVERY: i64 = 300;
const HOUR: i64 = 3600;

impl Stack {
    /// Writes the trail of what happened since this moment to `folder`. `schedules` tells the
    /// schedules' roles, by the access key ids that they were played with.
    pub async fn write_trail(&self, since: SystemTime, schedules: &[(String, String)], folder: &Path) -> Result<()> {
        let since = since.duration_since(UNIX_EPOCH)?;
        let mut calls = Vec::new();
        for recorded in self.recorded().await? {
            if recorded["EventTime"].as_f64().context("an event without a time")? >= since.as_secs_f64() {
                calls.extend(self.as_aws_does(&recorded, schedules)?);
            }
        }
        let since = since.as_secs().cast_signed();
        calls.sort_by_key(|call| call.at);
        let last = calls.last().map_or(since, |call| call.at);
        let mut writer = Writer::new(folder, ACCOUNT, STAGE, Arc::new(RsaKey::generate()?))?;
        // What happens in these minutes is delivered at their end.
        let mut files: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
        for call in &calls {
            files.entry((call.at / DELIVERY + 1) * DELIVERY).or_default().push(call.event(ACCOUNT)?);
        }
        let (mut start, mut files) = (since, files.into_iter().peekable());
        while start <= last + DELIVERY {
            let end = (start / HOUR + 1) * HOUR;
            while let Some((at, events)) = files.next_if(|(at, _)| *at <= end) {
                writer.log(at, &events)?;
            }
            writer.digest(start, end)?;
            start = end;
        }
        let (lines, started) = said(&self.function_logs().await?, since);
        writer.lines(last + DELIVERY, &lines)?;
        writer.finish(Some(&started.into_iter().collect::<Vec<_>>()))
    }

    /// All events of the emulator, the newest first, with the names of what they were done to.
    pub async fn recorded(&self) -> Result<Vec<Value>> {
        let (mut events, mut request) = (Vec::new(), json!({"MaxResults": 50}));
        loop {
            let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
            let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
            let body = request.to_string();
            let asked = Unsigned { method: "POST", path: "/", headers: &headers, body: body.as_bytes() };
            let page: Value =
                self.signed_for_aws(self.root(), "cloudtrail", &asked)?.send().await?.error_for_status()?.json().await?;
            events.extend(page["Events"].as_array().context("no events")?.iter().cloned());
            match page["NextToken"].as_str() {
                Some(token) => request["NextToken"] = json!(token),
                None => return Ok(events),
            }
        }
    }

    /// A recorded event as a call; none of a service that has nothing to do with ID-bellen.
    fn as_aws_does(&self, recorded: &Value, schedules: &[(String, String)]) -> Result<Option<Call>> {
        let event: Value = serde_json::from_str(recorded["CloudTrailEvent"].as_str().context("no event")?)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (operation, sent) = (text(&event["eventName"]), &event["requestParameters"]);
        let source = text(&event["eventSource"]);
        let service = source.split('.').next().unwrap_or_default();
        let at = text(&event["eventTime"]).parse::<Timestamp>().context("an event without a time")?.as_second();
        let key = text(&event["userIdentity"]["accessKeyId"]);
        let mut call = Call {
            at,
            by: self.principal(&key, schedules),
            service: service.to_owned(),
            operation,
            parameters: Value::Null,
            resource: None,
            error: event["errorCode"].as_str().map(str::to_owned),
        };
        match service {
            "dynamodb" => of_item(&mut call, sent),
            "kms" => {
                let alias = text(&sent["KeyId"]);
                call.resource = self.key(&alias).map(|key| ("AWS::KMS::Key", key_arn(ACCOUNT, &key)));
                call.parameters = json!({"keyId": alias});
                if sent["EncryptionContext"].is_object() {
                    call.parameters["encryptionContext"] = sent["EncryptionContext"].clone();
                }
            }
            "ssm" => call.parameters = lower(sent),
            "sts" => call.parameters = json!({"roleArn": sent["RoleArn"]}),
            "lambda" => {
                let name = text(&recorded["Resources"][0]["ResourceName"]);
                let name = name.rsplit(':').next().unwrap_or_default();
                call.parameters = json!({"functionName": name});
                call.resource = Some(("AWS::Lambda::Function", function_arn(ACCOUNT, name)));
            }
            // The tests look at what the functions logged; CloudTrail does not record that.
            _ => return Ok(None),
        }
        Ok(Some(call))
    }

    fn principal(&self, key: &str, schedules: &[(String, String)]) -> Principal {
        let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let function = self.deployment.functions.values().find(|function| function.credentials.key_id == key);
        if let Some((_, role)) = schedules.iter().find(|(id, _)| id == key) {
            return Principal::Schedule(name(role));
        }
        match function {
            Some(function) => Principal::Role(name(&function.role)),
            None if key == self.root().key_id => Principal::Root,
            None => Principal::User(key.to_owned()),
        }
    }

    /// The id of the key that has this alias.
    fn key(&self, alias: &str) -> Option<String> {
        let end = alias.rsplit_once("alias/")?.1.strip_prefix("idbellen-local-")?;
        let logical = match end {
            "code-current" | "code-previous" | "code-next" => "CodeKey",
            "token" => "TokenKey",
            "parameters" => "ParameterKey",
            _ => return None,
        };
        self.deployment.resources.get(logical).cloned()
    }
}

/// DynamoDB's requests, of which CloudTrail gives names, keys and expressions.
fn of_item(call: &mut Call, sent: &Value) {
    let id = |item: &Value| item["id"]["S"].clone();
    let table = |of: &Value| of["TableName"].as_str().unwrap_or_default().to_owned();
    let mut named = table(sent);
    if let Some(items) = sent["TransactItems"].as_array() {
        let of_one = |item: &Value| {
            let (operation, item) = item.as_object()?.iter().next()?;
            let key = if item["Item"].is_object() { id(&item["Item"]) } else { id(&item["Key"]) };
            let attributes: Vec<&String> = item["Item"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
            Some(json!({
                "operation": operation, "tableName": item["TableName"], "key": {"id": key}, "items": attributes,
                "conditionExpression": item["ConditionExpression"],
            }))
        };
        named = items.first().and_then(|item| item.as_object()?.values().next()).map(table).unwrap_or_default();
        call.parameters = json!({"requestItems": items.iter().filter_map(of_one).collect::<Vec<_>>()});
    } else {
        call.parameters = json!({"tableName": named});
        let key = if sent["Item"].is_object() { id(&sent["Item"]) } else { id(&sent["Key"]) };
        if !key.is_null() {
            call.parameters["key"] = json!({"id": key});
        }
        for (ours, aws) in [
            ("IndexName", "indexName"),
            ("ConditionExpression", "conditionExpression"),
            ("UpdateExpression", "updateExpression"),
            ("KeyConditionExpression", "keyConditionExpression"),
            ("ProjectionExpression", "projectionExpression"),
        ] {
            if !sent[ours].is_null() {
                call.parameters[aws] = sent[ours].clone();
            }
        }
    }
    call.resource = Some(("AWS::DynamoDB::Table", table_arn(ACCOUNT, &named)));
}

/// The same members, with names that begin in lower case.
fn lower(sent: &Value) -> Value {
    let members = sent.as_object().into_iter().flatten().map(|(name, value)| {
        let mut name = name.clone();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        (name, value.clone())
    });
    Value::Object(members.filter(|(name, _)| name != "value").collect())
}

type Lines = Vec<(i64, String, String)>;

/// The agents' lines of what the functions logged since a moment, and how many sessions they counted as started in each
/// hour.
fn said(logs: &str, since: i64) -> (Lines, BTreeMap<i64, u64>) {
    let (mut lines, mut started) = (Vec::new(), BTreeMap::new());
    for line in logs.lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(at), Some(group), Some(message)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let Ok(at) = at.parse::<i64>() else { continue };
        let Ok(said) = serde_json::from_str::<Value>(message) else { continue };
        if at / 1000 < since {
            continue;
        }
        if said["audit"] == "agent" {
            let function = group.rsplit('/').next().unwrap_or_default().trim_start_matches("idbellen-local-");
            lines.push((at, function.to_owned(), message.to_owned()));
        }
        if let Some(count) = said["Started"].as_u64() {
            *started.entry(at / 1000 / HOUR * HOUR).or_default() += count;
        }
    }
    (lines, started)
}
