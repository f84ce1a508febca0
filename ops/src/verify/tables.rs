//! The tables: no copy of an item, deletion by DynamoDB as the safety net, no one but the functions at it.

use serde_json::{Value, json};

use super::policy;
use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::Expected;
use crate::aws::{Aws, DYNAMODB, ListNames, NotSeen, encoded};

/// Checks all tables.
pub async fn check(aws: &Aws, stack: &Stack, report: &mut Report) {
    for Expected { logical, properties } in stack.template.all("AWS::DynamoDB::Table") {
        let table = Table { aws, name: stack.template.physical(&logical), arn: stack.template.arn(&logical) };
        let subject = format!("table {logical}");
        let mut add = |promise: &str, outcome| report.add(&subject, promise, outcome);
        add("DynamoDB deletes what is past expires_at", table.ttl(&properties).await);
        add("no point-in-time recovery", table.point_in_time_recovery().await);
        let described = table.ask("DescribeTable", "Table").await;
        for (promise, holds) in [
            ("no stream", no_stream as fn(&Value) -> Outcome),
            ("no replica in another region", no_replica),
            ("encrypted by a key that AWS owns", no_key),
        ] {
            add(promise, described.as_ref().map(holds).map_err(Clone::clone));
        }
        add("nothing that is sealed is in an index", described.map(|described| indexes(&properties, &described)));
        add("no Kinesis stream takes its changes", table.kinesis().await);
        add("no contributor insights", table.insights().await);
        add("no backup made by DynamoDB", table.backups().await);
        add("no recovery point in AWS Backup", table.recovery_points().await);
        add("no export", table.exports().await);
        add("its policy is the template's: no one but its functions", table.policy(&properties).await);
    }
}

struct Table<'a> {
    aws: &'a Aws,
    name: &'a str,
    arn: String,
}

const COPY: &str = "find out in the trail who made it and whether it was used; delete it; tell your privacy officer";

impl Table<'_> {
    /// What `operation` says of the table, in the field `content`.
    async fn ask(&self, operation: &str, content: &str) -> Result<Value, NotSeen> {
        let mut answer = self.aws.json(DYNAMODB, operation, &json!({"TableName": self.name})).await?;
        match answer[content].take() {
            Value::Null => Err(NotSeen::without(&format!("dynamodb:{operation}"), content)),
            content => Ok(content),
        }
    }

    async fn ttl(&self, properties: &Value) -> Result<Outcome, NotSeen> {
        let found = self.ask("DescribeTimeToLive", "TimeToLiveDescription").await?;
        let status = &found["TimeToLiveStatus"];
        let attribute = &properties["TimeToLiveSpecification"]["AttributeName"];
        let holds = status == "ENABLED" && found["AttributeName"] == *attribute;
        Ok(Outcome::holds_if(holds, format!("it is {status}, on {}", found["AttributeName"]), DEPLOY))
    }

    async fn point_in_time_recovery(&self) -> Result<Outcome, NotSeen> {
        let found = self.ask("DescribeContinuousBackups", "ContinuousBackupsDescription").await?;
        let status = &found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"];
        Ok(Outcome::holds_if(status == "DISABLED", format!("it is {status}"), DEPLOY))
    }

    async fn kinesis(&self) -> Result<Outcome, NotSeen> {
        let found = self.ask("DescribeKinesisStreamingDestination", "KinesisDataStreamDestinations").await?;
        let destinations = found.as_array().into_iter().flatten();
        // One that was taken away is listed for a while.
        let live = destinations.filter(|destination| destination["DestinationStatus"] != "DISABLED");
        Ok(none(live.map(|destination| &destination["StreamArn"]).collect(), COPY))
    }

    async fn insights(&self) -> Result<Outcome, NotSeen> {
        let mut on = Vec::new();
        for index in [None, Some("by-expiry")] {
            let mut body = json!({"TableName": self.name});
            if let Some(index) = index {
                body["IndexName"] = index.into();
            }
            let found = self.aws.json(DYNAMODB, "DescribeContributorInsights", &body).await?;
            if found["ContributorInsightsStatus"] != "DISABLED" {
                on.push(format!("{} for {}", found["ContributorInsightsStatus"], index.unwrap_or("the table")));
            }
        }
        Ok(Outcome::no_difference(&on, DEPLOY))
    }

    async fn backups(&self) -> Result<Outcome, NotSeen> {
        let body = json!({"TableName": self.name, "BackupType": "ALL"});
        let pages = ("ExclusiveStartBackupArn", "LastEvaluatedBackupArn");
        let found = self.aws.json_list(DYNAMODB, "ListBackups", body, "BackupSummaries", pages).await?;
        Ok(none(found.iter().map(|backup| &backup["BackupArn"]).collect(), COPY))
    }

    async fn recovery_points(&self) -> Result<Outcome, NotSeen> {
        let path = format!("/resources/{}/recovery-points/", encoded(&self.arn));
        let names = ListNames { list: "RecoveryPoints", token: "nextToken", next: "NextToken" };
        let found = match self.aws.get_list("backup", "ListRecoveryPointsByResource", &path, names).await {
            // AWS does not say whether it answers so for a table that it never backed up.
            Err(error) if error.is_absence() => {
                return Ok(Outcome::unknown(error.to_string(), "look in AWS Backup for the table"));
            }
            found => found?,
        };
        Ok(none(found.iter().map(|point| &point["RecoveryPointArn"]).collect(), COPY))
    }

    async fn exports(&self) -> Result<Outcome, NotSeen> {
        let body = json!({"TableArn": self.arn});
        let found = self.aws.json_list(DYNAMODB, "ListExports", body, "ExportSummaries", ("NextToken", "NextToken")).await?;
        Ok(none(found.iter().map(|export| &export["ExportArn"]).collect(), COPY))
    }

    async fn policy(&self, properties: &Value) -> Result<Outcome, NotSeen> {
        let found = self.aws.json(DYNAMODB, "GetResourcePolicy", &json!({"ResourceArn": self.arn})).await;
        let found = match found {
            Err(error) if error.is("PolicyNotFoundException") => return Ok(Outcome::broken("there is none", DEPLOY)),
            found => found?,
        };
        let found = policy::read("dynamodb:GetResourcePolicy", &found["Policy"])?;
        Ok(policy::same(&properties["ResourcePolicy"]["PolicyDocument"], &found))
    }
}

/// As promised if nothing is named.
fn none(named: Vec<&Value>, action: &str) -> Outcome {
    let named: Vec<String> = named.into_iter().map(|name| name.as_str().unwrap_or("one without a name").to_owned()).collect();
    Outcome::no_difference(&named, action)
}

/// The items of a stream that is switched off can be read for 24 hours more (DynamoDB developer guide, "Change data capture
/// for DynamoDB Streams").
fn no_stream(table: &Value) -> Outcome {
    if table["StreamSpecification"]["StreamEnabled"] == true {
        return Outcome::broken("it has one: items can be read from it for a day", DEPLOY);
    }
    match table["LatestStreamArn"].as_str() {
        Some(stream) => Outcome::unknown(
            format!("{stream} was switched off; for a day after that, items can be read from it"),
            "find out in the trail who switched it on, when it went off, and who read it; tell your privacy officer",
        ),
        None => Outcome::Holds,
    }
}

fn no_replica(table: &Value) -> Outcome {
    let replicas = table["Replicas"].as_array().into_iter().flatten();
    let witnesses = table["GlobalTableWitnesses"].as_array().into_iter().flatten();
    none(replicas.chain(witnesses).map(|replica| &replica["RegionName"]).collect(), COPY)
}

/// A key of the customer's that can't be reached makes DynamoDB archive the table into a backup.
fn no_key(table: &Value) -> Outcome {
    let key = &table["SSEDescription"];
    let holds = key.is_null() || key["Status"] == "DISABLED";
    Outcome::holds_if(holds, format!("it is by {} {}", key["SSEType"], key["KMSMasterKeyArn"]), DEPLOY)
}

fn indexes(properties: &Value, table: &Value) -> Outcome {
    let of = |indexes: &Value| -> Value {
        let mut indexes: Vec<Value> = indexes.as_array().into_iter().flatten().map(index).collect();
        indexes.sort_by_key(Value::to_string);
        json!(indexes)
    };
    let (expected, found) = (of(&properties["GlobalSecondaryIndexes"]), of(&table["GlobalSecondaryIndexes"]));
    if table["LocalSecondaryIndexes"].as_array().is_some_and(|indexes| !indexes.is_empty()) {
        return Outcome::broken("it has a local index", DEPLOY);
    }
    Outcome::same(&expected, &found, DEPLOY)
}

fn index(index: &Value) -> Value {
    let mut attributes: Vec<&str> =
        index["Projection"]["NonKeyAttributes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    attributes.sort_unstable();
    let projection = &index["Projection"]["ProjectionType"];
    json!({"name": index["IndexName"], "keys": index["KeySchema"], "projection": projection, "attributes": attributes})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_was_switched_off_may_be_read() {
        let stream = json!("arn:aws:dynamodb:eu-central-1:1:table/t/stream/x");
        assert!(matches!(no_stream(&json!({})), Outcome::Holds));
        assert!(matches!(no_stream(&json!({"LatestStreamArn": stream})), Outcome::Unknown(_)));
        let on = json!({"LatestStreamArn": stream, "StreamSpecification": {"StreamEnabled": true}});
        assert!(matches!(no_stream(&on), Outcome::Broken(_)));
        let off = json!({"LatestStreamArn": stream, "StreamSpecification": {"StreamEnabled": false}});
        assert!(matches!(no_stream(&off), Outcome::Unknown(_)));
    }
}
