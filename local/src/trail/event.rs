//! Events in CloudTrail's documented form.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::utc;
use crate::{REGION, random};

/// Who made a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A session of the role with this name, that is called as Lambda calls it: after the function with the same name.
    Role(String),
    /// `EventBridge` Scheduler, with the role with this name.
    Schedule(String),
    /// The account's root user.
    Root,
    /// The IAM user with this name.
    User(String),
    /// A service of AWS, `apigateway.amazonaws.com`.
    Service(String),
}

/// A call, before it is written as an event.
#[derive(Clone, Debug)]
pub struct Call {
    /// When, in Unix seconds.
    pub at: i64,
    /// Who made it.
    pub by: Principal,
    /// Of which service, `dynamodb`.
    pub service: String,
    /// Which operation, `GetItem`.
    pub operation: String,
    /// What was asked.
    pub parameters: Value,
    /// On what: type and ARN.
    pub resource: Option<(&'static str, String)>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl Call {
    /// A call to DynamoDB on the item with this id, on a condition.
    #[must_use]
    pub fn on_item(at: i64, by: Principal, operation: &str, table: &str, account: &str, id: &str) -> Self {
        Self {
            at,
            by,
            service: "dynamodb".to_owned(),
            operation: operation.to_owned(),
            parameters: json!({"tableName": table, "key": {"id": id}, "conditionExpression": "a = :b"}),
            resource: Some(("AWS::DynamoDB::Table", table_arn(account, table))),
            error: None,
        }
    }

    /// The mark of an agent beside a call on this record: a read of a key that is never there.
    #[must_use]
    pub fn mark(at: i64, by: Principal, table: &str, account: &str, agent: &str, record: &str) -> Self {
        let key = json!({"id": format!("agent/{agent}/{record}")});
        let parameters = json!({"tableName": table, "key": key, "projectionExpression": "id"});
        Self { parameters, ..Self::on_item(at, by, "GetItem", table, account, record) }
    }

    /// The transaction that makes a record and a code.
    #[must_use]
    pub fn making(at: i64, by: Principal, account: &str, items: [(&str, &str); 2]) -> Self {
        let put = |(table, id): (&str, &str)| {
            json!({
                "operation": "Put", "tableName": table, "key": {"id": id}, "items": ["id", "expires_at", "shard"],
                "conditionExpression": "attribute_not_exists(id)",
            })
        };
        let [(table, _), _] = items;
        Self {
            at,
            by,
            service: "dynamodb".to_owned(),
            operation: "TransactWriteItems".to_owned(),
            parameters: json!({"requestItems": items.map(put)}),
            resource: Some(("AWS::DynamoDB::Table", table_arn(account, table))),
            error: None,
        }
    }

    /// A call to KMS.
    #[must_use]
    pub fn on_key(at: i64, by: Principal, operation: &str, alias: &str, arn: String, context: Option<Value>) -> Self {
        let mut parameters = json!({"keyId": alias});
        if let Some(context) = context {
            parameters["encryptionContext"] = context;
        }
        Self {
            at,
            by,
            service: "kms".to_owned(),
            operation: operation.to_owned(),
            parameters,
            resource: Some(("AWS::KMS::Key", arn)),
            error: None,
        }
    }

    /// The same call, that failed.
    #[must_use]
    pub fn failed(mut self, error: &str) -> Self {
        self.error = Some(error.to_owned());
        self
    }

    /// The event, with an id of its own.
    pub fn event(&self, account: &str) -> Result<Value> {
        let is_data =
            self.resource.as_ref().is_some_and(|(kind, _)| kind.starts_with("AWS::DynamoDB") || kind.contains("Lambda"))
                && !["Backup", "Continuous", "UpdateTable", "Policy", "Code"].iter().any(|part| self.operation.contains(part));
        let reads = ["Get", "List", "Describe", "Query", "Scan"].iter().any(|verb| self.operation.starts_with(verb));
        let id = random::hex(16)?;
        let mut event = Map::new();
        let mut set = |name: &str, value: Value| event.insert(name.to_owned(), value);
        set("eventVersion", json!("1.11"));
        set("userIdentity", self.identity(account));
        set("eventTime", json!(utc(self.at, "%Y-%m-%dT%H:%M:%SZ")));
        set("eventSource", json!(format!("{}.amazonaws.com", self.service)));
        set("eventName", json!(self.operation));
        set("awsRegion", json!(REGION));
        set("sourceIPAddress", json!("192.0.2.0"));
        set("userAgent", json!("aws-sdk-rust/1.3 lang/rust"));
        if let Some(error) = &self.error {
            set("errorCode", json!(error));
        }
        set("requestParameters", self.parameters.clone());
        set("responseElements", Value::Null);
        set("requestID", json!(random::hex(16)?));
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(from, to)| id.get(from..to).unwrap_or_default());
        set("eventID", json!(parts.join("-")));
        // AWS says so of every use of a key.
        let uses_key = ["GenerateMac", "Encrypt", "Decrypt"].contains(&self.operation.as_str());
        set("readOnly", json!(reads || uses_key));
        if let Some((kind, arn)) = &self.resource {
            set("resources", json!([{"accountId": account, "type": kind, "ARN": arn}]));
        }
        set("eventType", json!("AwsApiCall"));
        set("managementEvent", json!(!is_data));
        set("recipientAccountId", json!(account));
        set("eventCategory", json!(if is_data { "Data" } else { "Management" }));
        Ok(Value::Object(event))
    }

    fn identity(&self, account: &str) -> Value {
        match &self.by {
            Principal::Schedule(name) => {
                let mut identity = Self { by: Principal::Role(name.clone()), ..self.clone() }.identity(account);
                identity["arn"] = json!(format!("arn:aws:sts::{account}:assumed-role/{name}/0123456789abcdef"));
                identity["invokedBy"] = json!("scheduler.amazonaws.com");
                identity
            }
            Principal::Role(name) => json!({
                "type": "AssumedRole", "principalId": format!("AROAEXAMPLE:{name}"),
                "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{name}"), "accountId": account,
                "accessKeyId": "ASIAEXAMPLE",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role", "principalId": "AROAEXAMPLE", "arn": format!("arn:aws:iam::{account}:role/{name}"),
                        "accountId": account, "userName": name,
                    },
                    "attributes": {"creationDate": utc(self.at, "%Y-%m-%dT%H:%M:%SZ"), "mfaAuthenticated": "false"},
                },
            }),
            Principal::Root => json!({
                "type": "Root", "principalId": account, "arn": format!("arn:aws:iam::{account}:root"), "accountId": account,
            }),
            Principal::User(name) => json!({
                "type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": format!("arn:aws:iam::{account}:user/{name}"),
                "accountId": account, "userName": name,
            }),
            Principal::Service(name) => json!({"type": "AWSService", "invokedBy": name}),
        }
    }
}

/// The ARN of a table.
#[must_use]
pub fn table_arn(account: &str, table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{account}:table/{table}")
}

/// The ARN of a function.
#[must_use]
pub fn function_arn(account: &str, function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{account}:function:{function}")
}

/// The ARN of a key.
#[must_use]
pub fn key_arn(account: &str, key: &str) -> String {
    format!("arn:aws:kms:{REGION}:{account}:key/{key}")
}
