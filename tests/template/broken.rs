//! Ways to break a promise in `template.yaml`, one at a time, and what must reject each.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

/// A template that breaks a promise.
pub struct Broken {
    /// How.
    pub what: &'static str,
    /// The names of all rules that reject it, and who can do more or less with what.
    pub rejected_by: &'static [&'static str],
    edits: Vec<(String, Option<Value>)>,
}

fn broken(what: &'static str, rejected_by: &'static [&'static str]) -> Broken {
    Broken { what, rejected_by, edits: Vec::new() }
}

impl Broken {
    /// Puts a value at a JSON pointer. In a list, `-` is a place at its end, and `Sid=X` the item that has it.
    fn set(mut self, pointer: impl Into<String>, value: Value) -> Self {
        self.edits.push((pointer.into(), Some(value)));
        self
    }

    fn remove(mut self, pointer: impl Into<String>) -> Self {
        self.edits.push((pointer.into(), None));
        self
    }

    /// The template `source` with the edits.
    pub fn template(&self, source: &Value) -> Result<Value> {
        let mut template = source.clone();
        for (pointer, value) in &self.edits {
            let before = template.clone();
            let tokens: Vec<String> =
                pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
            edit(&mut template, &tokens, value.as_ref()).with_context(|| format!("{}: {pointer}", self.what))?;
            ensure!(template != before, "{}: {pointer} is so already", self.what);
        }
        Ok(template)
    }
}

fn edit(at: &mut Value, tokens: &[String], value: Option<&Value>) -> Result<()> {
    let (token, rest) = tokens.split_first().context("the pointer names nothing")?;
    if let Value::Array(items) = at {
        let place = match (token.as_str(), token.split_once('=')) {
            ("-", _) => items.len(),
            (_, Some((name, wanted))) => items.iter().position(|item| item[name] == wanted).context("no such item")?,
            _ => token.parse()?,
        };
        if place == items.len() {
            items.push(Value::Null);
        }
        if !rest.is_empty() {
            return edit(items.get_mut(place).context("the list is shorter")?, rest, value);
        }
        match value {
            Some(value) => items[place] = value.clone(),
            None => drop(items.remove(place)),
        }
        return Ok(());
    }
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    let Value::Object(fields) = at else { bail!("{token} is in a {at}") };
    match (rest.is_empty(), value) {
        (false, None) => edit(fields.get_mut(token).context("there is nothing")?, rest, value),
        (false, Some(_)) => edit(fields.entry(token).or_insert(Value::Null), rest, value),
        (true, None) => fields.remove(token).map(drop).context("there is nothing"),
        (true, Some(value)) => {
            fields.insert(token.clone(), value.clone());
            Ok(())
        }
    }
}

/// All of them.
pub fn all() -> Vec<Broken> {
    [tables(), time(), functions(), stack(), api(), rights(), keys(), audit(), web()].into_iter().flatten().collect()
}

/// Where a statement of a role's policy is.
fn of_role(role: &str, statement: &str) -> String {
    format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement/{statement}")
}

/// Where a statement is, of what clear-contact may do at Amazon Connect.
fn at_connect(statement: &str) -> String {
    format!("/Resources/ClearContactConnectPolicy/Properties/PolicyDocument/Statement/{statement}")
}

/// Where a statement of a table's policy is.
fn of_table(table: &str, statement: &str) -> String {
    format!("/Resources/{table}/Properties/ResourcePolicy/PolicyDocument/Statement/{statement}")
}

/// Where a statement of a key's policy is.
fn of_key(key: &str, statement: &str) -> String {
    format!("/Resources/{key}/Properties/KeyPolicy/Statement/{statement}")
}

/// Where it stands what the trail holds.
fn of_trail(selector: &str) -> String {
    format!("/Resources/Trail/Properties/AdvancedEventSelectors/{selector}")
}

/// The ARN of something of this account, as templates say it.
fn arn(service: &str, what: &str) -> Value {
    json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{what}")})
}

/// The ARN of a role, or the root user, of this account.
fn iam(what: &str) -> Value {
    json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{what}")})
}

/// A statement that lets something be done.
fn allow(action: &str, resource: &Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

/// The condition that a request comes from this function.
fn only(function: &str) -> Value {
    json!({"lambda:SourceFunctionArn": arn("lambda", &format!("function:idbellen-${{Stage}}-{function}"))})
}

/// A statement that lets this function do something.
fn allow_to(function: &str, action: &str, resource: &Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource, "Condition": {"ArnEquals": only(function)}})
}

fn tables() -> Vec<Broken> {
    vec![
        broken("point-in-time recovery of records", &["tables_have_no_point_in_time_recovery"])
            .set("/Resources/Records/Properties/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", json!(true)),
        broken("point-in-time recovery of codes, where a condition holds", &["tables_have_no_point_in_time_recovery"]).set(
            "/Resources/Codes/Properties/PointInTimeRecoverySpecification",
            json!({"Fn::If": ["HasAuditBucket", {"PointInTimeRecoveryEnabled": true}, {"Ref": "AWS::NoValue"}]}),
        ),
        broken("a stream of records", &["tables_have_no_stream"])
            .set("/Resources/Records/Properties/StreamSpecification/StreamViewType", json!("KEYS_ONLY")),
        broken("records to Kinesis", &["tables_feed_no_kinesis_stream"]).set(
            "/Resources/Records/Properties/KinesisStreamSpecification/StreamArn",
            json!("arn:aws:kinesis:eu-central-1:000000000000:stream/x"),
        ),
        broken("a replica of a table", &["tables_have_no_replica"]).set(
            "/Resources/Replicated",
            json!({"Type": "AWS::DynamoDB::GlobalTable", "Properties": {"Replicas": [{"Region": "eu-west-1"}]}}),
        ),
        broken("contributor insights of codes", &["tables_have_no_contributor_insights"])
            .set("/Resources/Codes/Properties/ContributorInsightsSpecification/Enabled", json!(true)),
        broken("contributor insights of an index", &["tables_have_no_contributor_insights"]).set(
            "/Resources/Records/Properties/GlobalSecondaryIndexes/0/ContributorInsightsSpecification",
            json!({"Enabled": true}),
        ),
        broken("a customer's key on records", &["tables_have_no_customer_key"]).set(
            "/Resources/Records/Properties/SSESpecification",
            json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "TokenKey"}}),
        ),
        broken("TTL off", &["tables_delete_what_expired"])
            .set("/Resources/Records/Properties/TimeToLiveSpecification/Enabled", json!(false)),
        broken("no TTL", &["tables_delete_what_expired"]).remove("/Resources/Codes/Properties/TimeToLiveSpecification"),
        broken("TTL on something else", &["tables_delete_what_expired"])
            .set("/Resources/Records/Properties/TimeToLiveSpecification/AttributeName", json!("created_at")),
        broken("records that outlive the stack", &["tables_go_with_the_stack"])
            .set("/Resources/Records/DeletionPolicy", json!("Retain")),
        broken("a snapshot of codes", &["tables_go_with_the_stack"])
            .set("/Resources/Codes/UpdateReplacePolicy", json!("Snapshot")),
        broken("what is sealed in an index", &["indexes_hold_nothing_sealed"])
            .set("/Resources/Records/Properties/GlobalSecondaryIndexes/0/Projection/NonKeyAttributes/-", json!("attributes")),
        broken("an index with everything", &["indexes_hold_nothing_sealed"])
            .set("/Resources/Codes/Properties/GlobalSecondaryIndexes/0/Projection/ProjectionType", json!("ALL")),
        broken("no policy on records", &["records_are_for_their_functions_only", "administrator on Records", "root on Records"])
            .remove("/Resources/Records/Properties/ResourcePolicy"),
        broken("no policy on codes", &["codes_are_for_their_functions_only", "administrator on Codes", "root on Codes"])
            .remove("/Resources/Codes/Properties/ResourcePolicy"),
        broken("one more role at records", &["records_are_for_their_functions_only", "administrator on Records"])
            .set(of_table("Records", "0/Condition/ArnNotEquals/aws:PrincipalArn/-"), iam("role/administrator")),
        broken("telephony's role at records", &["records_are_for_their_functions_only"])
            .set(of_table("Records", "0/Condition/ArnNotEquals/aws:PrincipalArn/-"), iam("role/idbellen-${Stage}-dtmf-exchange")),
        broken("records by PartiQL", &["records_are_for_their_functions_only", "administrator on Records", "root on Records"])
            .set(of_table("Records", "0/Action"), json!(["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"])),
        broken("codes by their index", &["codes_are_for_their_functions_only", "administrator on Codes", "root on Codes"])
            .remove(of_table("Codes", "0/Resource/1")),
        broken(
            "everyone but one kept from codes",
            &["codes_are_for_their_functions_only", "administrator on Codes", "root on Codes"],
        )
        .set(of_table("Codes", "0/Condition/StringNotEquals"), json!({"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}})),
        broken("another account at records", &["records_are_for_their_functions_only"]).set(
            of_table("Records", "-"),
            json!({
                "Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "dynamodb:UpdateTimeToLive", "Resource": "*",
            }),
        ),
    ]
}

fn time() -> Vec<Broken> {
    vec![
        broken("records of a day", &["records_live_an_hour_at_most"])
            .set("/Parameters/RecordLifetimeSeconds/MaxValue", json!(86400)),
        broken("records of two hours if no one says otherwise", &["records_live_an_hour_at_most"])
            .set("/Parameters/RecordLifetimeSeconds/Default", json!(7200)),
        broken("no limit on a record's life", &["records_live_an_hour_at_most"])
            .remove("/Parameters/RecordLifetimeSeconds/MaxValue"),
        broken("a record's life that is no parameter", &["records_live_an_hour_at_most"])
            .set("/Resources/SessionStart/Properties/Environment/Variables/RECORD_LIFETIME_SECONDS", json!("86400")),
        broken("the sweep every hour", &["what_expired_is_swept_every_minute"])
            .set("/Resources/ExpireRecords/Properties/Events/EveryMinute/Properties/ScheduleExpression", json!("rate(1 hour)")),
        broken("the sweep off", &["what_expired_is_swept_every_minute"])
            .set("/Resources/ExpireRecords/Properties/Events/EveryMinute/Properties/State", json!("DISABLED")),
        broken("the sweep until some day", &["what_expired_is_swept_every_minute"])
            .set("/Resources/ExpireRecords/Properties/Events/EveryMinute/Properties/EndDate", json!("2030-01-01T00:00:00Z")),
        broken("no room for the sweep", &["what_expired_is_swept_every_minute"])
            .set("/Resources/ExpireRecords/Properties/ReservedConcurrentExecutions", json!(0)),
        broken("the other schedule slower", &["lost_results_are_looked_for_every_minute"]).set(
            "/Resources/SessionReconcile/Properties/Events/EveryMinute/Properties/ScheduleExpression",
            json!("rate(5 minutes)"),
        ),
        broken("the other schedule off", &["lost_results_are_looked_for_every_minute"])
            .set("/Resources/SessionReconcile/Properties/Events/EveryMinute/Properties/State", json!("DISABLED")),
        broken("no alarm when the sweep fails", &["a_sweep_that_fails_raises_an_alarm"]).remove("/Resources/SweepFails"),
        broken("no alarm when the sweep does not run", &["a_sweep_that_fails_raises_an_alarm"])
            .set("/Resources/SweepFails/Properties/TreatMissingData", json!("notBreaching")),
        broken("logs for ever", &["logs_are_kept_for_a_stated_time"])
            .remove("/Resources/DtmfExchangeLog/Properties/RetentionInDays"),
        broken("logs for ten years", &["logs_are_kept_for_a_stated_time"])
            .set("/Parameters/LogRetentionDays/AllowedValues/-", json!(3653)),
        broken("a log that outlives the stack", &["logs_are_kept_for_a_stated_time"])
            .set("/Resources/ApiLog/DeletionPolicy", json!("Retain")),
    ]
}

fn functions() -> Vec<Broken> {
    vec![
        broken("X-Ray", &["functions_are_not_traced"]).set("/Resources/AgentLookup/Properties/Tracing", json!("Active")),
        broken("X-Ray for all", &["functions_are_not_traced"]).set("/Globals/Function/Tracing", json!("PassThrough")),
        broken("RUST_LOG", &["functions_have_known_settings_only"])
            .set("/Resources/SessionIngest/Properties/Environment/Variables/RUST_LOG", json!("trace")),
        broken("AWS_LAMBDA_LOG_LEVEL for all", &["functions_have_known_settings_only"])
            .set("/Globals/Function/Environment/Variables/AWS_LAMBDA_LOG_LEVEL", json!("TRACE")),
        broken("a setting where a condition holds", &["functions_have_known_settings_only"]).set(
            "/Resources/AgentLookup/Properties/Environment/Variables/Fn::If",
            json!(["HasAuditBucket", {"RUST_LOG": "trace"}, {"Ref": "AWS::NoValue"}]),
        ),
        broken("a proxy", &["functions_have_known_settings_only"])
            .set("/Resources/SessionIngest/Properties/Environment/Variables/HTTPS_PROXY", json!("http://192.0.2.1")),
        broken("a log as text", &["functions_log_as_json_to_groups_of_the_stack"])
            .set("/Resources/AgentLookup/Properties/LoggingConfig/LogFormat", json!("Text")),
        broken("a log with payloads", &["functions_log_as_json_to_groups_of_the_stack"])
            .set("/Resources/AgentLookup/Properties/LoggingConfig/ApplicationLogLevel", json!("TRACE")),
        broken("a log elsewhere", &["functions_log_as_json_to_groups_of_the_stack"])
            .set("/Resources/AgentLookup/Properties/LoggingConfig/LogGroup", json!("/elsewhere")),
        broken("the log that Lambda makes", &["functions_log_as_json_to_groups_of_the_stack"])
            .remove("/Resources/ClearContact/Properties/LoggingConfig"),
        broken("a layer", &["functions_run_our_code_only"]).set(
            "/Resources/AgentLookup/Properties/Layers",
            json!(["arn:aws:lambda:eu-central-1:000000000000:layer:extension:1"]),
        ),
        broken("another runtime", &["functions_run_our_code_only"])
            .set("/Resources/AgentLookup/Properties/Runtime", json!("nodejs22.x")),
        broken("a dead-letter queue", &["failed_events_are_not_kept", "SessionIngest on elsewhere"])
            .set(
                "/Resources/SessionIngest/Properties/DeadLetterQueue",
                json!({"Type": "SQS", "TargetArn": "arn:aws:sqs:us-east-1:000000000000:x"}),
            )
            .set(of_role("SessionIngestRole", "-"), allow_to("session-ingest", "sqs:SendMessage", &arn("sqs", "x"))),
        broken("a destination for failures", &["failed_events_are_not_kept"]).set(
            "/Globals/Function/EventInvokeConfig/DestinationConfig/OnFailure",
            json!({"Type": "SQS", "Destination": "arn:aws:sqs:us-east-1:000000000000:x"}),
        ),
        broken("a destination for successes", &["failed_events_are_not_kept"]).set(
            "/Resources/SessionIngest/Properties/EventInvokeConfig/DestinationConfig/OnSuccess",
            json!({"Type": "EventBridge", "Destination": "arn:aws:events:us-east-1:000000000000:event-bus/x"}),
        ),
        broken("retries", &["failed_events_are_not_kept"])
            .set("/Globals/Function/EventInvokeConfig/MaximumRetryAttempts", json!(2)),
        broken("Lambda's own retries", &["failed_events_are_not_kept"]).remove("/Globals/Function/EventInvokeConfig"),
        broken("retries of clearing for hours", &["failed_events_are_not_kept"])
            .set("/Resources/ClearContact/Properties/EventInvokeConfig/MaximumEventAgeInSeconds", json!(21600)),
        broken(
            "a queue for failed runs",
            &["failed_events_are_not_kept", "roles_name_their_resources", "ExpireRecordsEveryMinuteRole on elsewhere"],
        )
        .set(
            "/Resources/ExpireRecords/Properties/Events/EveryMinute/Properties/DeadLetterConfig/Arn",
            json!("arn:aws:sqs:us-east-1:000000000000:x"),
        ),
        broken("a file system", &["functions_store_nothing_themselves"]).set(
            "/Resources/SessionIngest/Properties/FileSystemConfigs",
            json!([{"Arn": "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/x", "LocalMountPath": "/mnt/x"}]),
        ),
        broken("a snapshot of memory", &["functions_store_nothing_themselves"])
            .set("/Resources/AgentLookup/Properties/SnapStart/ApplyOn", json!("PublishedVersions")),
        broken("a function's own address", &["functions_have_no_url"])
            .set("/Resources/AgentLookup/Properties/FunctionUrlConfig/AuthType", json!("AWS_IAM")),
        broken("a function for everyone", &["functions_are_invoked_by_the_api_and_connect_only"]).set(
            "/Resources/Everyone",
            json!({"Type": "AWS::Lambda::Permission", "Properties": {
                "FunctionName": {"Ref": "AgentLookup"}, "Action": "lambda:InvokeFunction", "Principal": "*",
            }}),
        ),
        broken("a function for another account", &["functions_are_invoked_by_the_api_and_connect_only"]).set(
            "/Resources/Other",
            json!({"Type": "AWS::Lambda::Permission", "Properties": {
                "FunctionName": {"Ref": "DtmfExchange"}, "Action": "lambda:InvokeFunction", "Principal": "111111111111",
            }}),
        ),
        broken("every Amazon Connect", &["functions_are_invoked_by_the_api_and_connect_only"])
            .remove("/Resources/ConnectMayExchange/Properties/SourceArn"),
        broken("Amazon Connect looks up", &["functions_are_invoked_by_the_api_and_connect_only"])
            .set("/Resources/ConnectMayClear/Properties/FunctionName", json!({"Fn::GetAtt": ["AgentLookup", "Arn"]})),
    ]
}

/// Where a route of telephony stands.
fn of_telephony(route: &str, rest: &str) -> String {
    let path = if route == "exchange" { "~1dtmf~1exchange" } else { "~1telephony~1clear" };
    format!("/Resources/Api/Properties/DefinitionBody/paths/{path}/{rest}")
}

fn stack() -> Vec<Broken> {
    let store = |kind: &str| json!({"Type": kind, "Properties": {}});
    vec![
        broken("a backup plan", &["nothing_is_backed_up"]).set("/Resources/Plan", store("AWS::Backup::BackupPlan")),
        broken("a vault", &["nothing_is_backed_up"]).set("/Resources/Vault", store("AWS::Backup::BackupVault")),
        broken("a queue", &["nothing_else_stores_what_passes"]).set("/Resources/Queue", store("AWS::SQS::Queue")),
        broken("a topic", &["nothing_else_stores_what_passes"]).set("/Resources/Topic", store("AWS::SNS::Topic")),
        broken("a stream", &["nothing_else_stores_what_passes"]).set("/Resources/Stream", store("AWS::Kinesis::Stream")),
        broken("a delivery stream", &["nothing_else_stores_what_passes"])
            .set("/Resources/Delivery", store("AWS::KinesisFirehose::DeliveryStream")),
        broken("a bucket", &["buckets_hold_the_sites_files_only"]).set("/Resources/Bucket", store("AWS::S3::Bucket")),
        broken("a stack in the stack", &["nothing_else_stores_what_passes"])
            .set("/Resources/Nested", store("AWS::CloudFormation::Stack")),
        broken("another way into a function", &["nothing_else_stores_what_passes"])
            .set("/Resources/Mapping", store("AWS::Lambda::EventSourceMapping")),
        broken("a macro", &["nothing_changes_the_template_afterwards"])
            .set("/Transform", json!(["AWS::Serverless-2016-10-31", "Macro"])),
    ]
}

fn api() -> Vec<Broken> {
    let log = |format: &str| json!(format!(r#"{{"time":"$context.requestTime",{format}}}"#));
    vec![
        broken("addresses in the access log", &["access_log_names_no_one"])
            .set("/Resources/Api/Properties/AccessLogSettings/Format", log(r#""address":"$context.identity.sourceIp""#)),
        broken("paths in the access log", &["access_log_names_no_one"])
            .set("/Resources/Api/Properties/AccessLogSettings/Format", log(r#""path":"$context.path""#)),
        broken("agents in the access log", &["access_log_names_no_one"])
            .set("/Resources/Api/Properties/AccessLogSettings/Format", log(r#""agent":"$context.authorizer.claims.sub""#)),
        broken("user agents in the access log", &["access_log_names_no_one"])
            .set("/Resources/Api/Properties/AccessLogSettings/Format", log(r#""browser":"$context.identity.userAgent""#)),
        broken("answers in the access log", &["access_log_names_no_one"])
            .set("/Resources/Api/Properties/AccessLogSettings/Format", log(r#""body":"$context.integration.error""#)),
        broken("an access log elsewhere", &["access_log_names_no_one"])
            .set("/Resources/Api/Properties/AccessLogSettings/DestinationArn", json!("arn:aws:firehose:x")),
        broken("a look-up for everyone", &["three_routes_are_public", "agents_show_a_token_with_the_scope"])
            .remove("/Resources/AgentLookup/Properties/Events/LookUp/Properties/Auth"),
        broken("an exchange for everyone", &["three_routes_are_public", "telephony_signs_its_requests"])
            .remove(of_telephony("exchange", "Fn::If/1/post/security")),
        broken("an exchange that Amazon Connect does not need", &["telephony_signs_its_requests"])
            .set(of_telephony("exchange", "Fn::If/0"), json!("HasConnect")),
        broken("an exchange by another method", &["telephony_signs_its_requests"])
            .set(of_telephony("exchange", "Fn::If/1/get"), json!({"security": [{"AWS_IAM": []}]})),
        broken("an exchange otherwise where no one is telephony", &["telephony_signs_its_requests"])
            .set(of_telephony("exchange", "Fn::If/2"), json!({"post": {"security": [{"AWS_IAM": []}]}})),
        broken("sessions without a throttle of their own", &["each_kind_of_route_has_a_throttle"])
            .remove("/Resources/Api/Properties/RouteSettings/POST ~1sessions"),
        broken("no alarm when agents are refused", &["each_kind_of_route_has_a_throttle"]).remove("/Resources/AgentsAreRefused"),
        broken("one more public route", &["three_routes_are_public"]).set(
            "/Resources/AgentLookup/Properties/Events/More",
            json!({"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Method": "POST", "Path": "/more"}}),
        ),
        broken(
            "one more method of a public route",
            &["three_routes_are_public", "functions_are_invoked_by_the_api_and_connect_only"],
        )
        .set(
            "/Resources/AgentLookup/Properties/Events/More",
            json!({"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Method": "DELETE", "Path": "/sessions"}}),
        ),
        broken("a look-up without the scope", &["agents_show_a_token_with_the_scope"])
            .remove("/Resources/AgentLookup/Properties/Events/LookUp/Properties/Auth/AuthorizationScopes"),
        broken("clearing with another scope", &["agents_show_a_token_with_the_scope"])
            .set("/Resources/ClearContact/Properties/Events/Clear/Properties/Auth/AuthorizationScopes", json!(["openid"])),
        broken("tokens for someone else", &["agents_show_a_token_with_the_scope"])
            .set("/Resources/Api/Properties/Auth/Authorizers/AgentToken/JwtConfiguration/audience/-", json!("other")),
        broken("an agent's token for telephony", &["telephony_signs_its_requests"])
            .set(of_telephony("exchange", "Fn::If/1/post/security"), json!([{"AgentToken": [{"Ref": "AgentScope"}]}])),
        broken("every origin", &["browsers_of_known_origins_only"])
            .set("/Resources/Api/Properties/CorsConfiguration/AllowOrigins/-", json!("*")),
        broken("every secure origin", &["browsers_of_known_origins_only"])
            .set("/Resources/Api/Properties/CorsConfiguration/AllowOrigins", json!(["https://*"])),
        broken("cookies from other origins", &["browsers_of_known_origins_only"])
            .set("/Resources/Api/Properties/CorsConfiguration/AllowCredentials", json!(true)),
        broken("an API with routes from elsewhere", &["the_api_is_in_this_template"]).set(
            "/Resources/Other",
            json!({"Type": "AWS::ApiGatewayV2::Api", "Properties": {
                "BodyS3Location": {"Bucket": "x", "Key": "x"},
                "Body": {
                    "paths": {"/x": {"get": {"security": [{"AWS_IAM": []}]}}},
                    "x-amazon-apigateway-cors": {"allowOrigins": [{"Ref": "PortalOrigin"}]},
                },
            }}),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rights() -> Vec<Broken> {
    vec![
        broken("every action on codes", &["roles_name_their_actions", "roles_can_make_no_copy", "DtmfExchange on Codes"])
            .set(of_role("DtmfExchangeRole", "Sid=UseCode/Action"), json!("dynamodb:*")),
        broken("every action but one", &["roles_name_their_actions", "roles_can_make_no_copy", "DtmfExchange on Codes"])
            .remove(of_role("DtmfExchangeRole", "Sid=UseCode/Action"))
            .set(of_role("DtmfExchangeRole", "Sid=UseCode/NotAction"), json!("dynamodb:Scan")),
        broken("a function makes backups", &["roles_can_make_no_copy", "AgentLookup on Records"]).set(
            of_role("AgentLookupRole", "-"),
            allow_to("agent-lookup", "dynamodb:CreateBackup", &json!({"Fn::GetAtt": ["Records", "Arn"]})),
        ),
        broken("a function makes data keys", &["roles_can_make_no_copy"])
            .set(of_role("SessionStartRole", "Sid=SealIrmaToken/Action"), json!(["kms:Encrypt", "kms:GenerateDataKey"])),
        broken("a look-up that reads any record", &["marks_are_of_agents_only", "AgentLookup on Records"]).set(
            of_role("AgentLookupRole", "-"),
            allow_to("agent-lookup", "dynamodb:GetItem", &json!({"Fn::GetAtt": ["Records", "Arn"]})),
        ),
        broken("a look-up that reads what is sealed by its mark", &["marks_are_of_agents_only", "AgentLookup on Records"]).set(
            of_role("AgentLookupRole", "Sid=Mark/Condition/ForAllValues:StringEquals/dynamodb:Attributes"),
            json!(["id", "attributes"]),
        ),
        broken("a mark with any key", &["marks_are_of_agents_only", "AgentLookup on Records"])
            .remove(of_role("AgentLookupRole", "Sid=Mark/Condition/ForAllValues:StringLike")),
        broken("a mark of a record", &["marks_are_of_agents_only", "ClearContact on Records"])
            .set(of_role("ClearContactRole", "Sid=Mark/Condition/ForAllValues:StringLike/dynamodb:LeadingKeys"), json!("*")),
        broken("a mark that reads all", &["marks_are_of_agents_only", "ClearContact on Records"])
            .remove(of_role("ClearContactRole", "Sid=Mark/Condition/StringEqualsIfExists")),
        broken("a mark without a key", &["marks_are_of_agents_only", "ClearContact on Records"])
            .remove(of_role("ClearContactRole", "Sid=Mark/Condition/Null")),
        broken("a right of every function with the role", &["a_functions_role_is_for_that_function"])
            .remove(of_role("AgentLookupRole", "Sid=LookUp/Condition/ArnEquals")),
        broken(
            "a right of another function with the role",
            &["a_functions_role_is_for_that_function", "SessionIngest on Records"],
        )
        .set(of_role("SessionIngestRole", "Sid=ReadPendingRecord/Condition/ArnEquals"), only("session-reconcile")),
        broken("a right of every region's function", &["a_functions_role_is_for_that_function"]).set(
            of_role("ExpireRecordsRole", "Sid=Expire/Condition/ArnEquals/lambda:SourceFunctionArn"),
            json!({"Fn::Sub": "arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:idbellen-${Stage}-expire-records"}),
        ),
        broken("rights at Amazon Connect for every function", &["a_functions_role_is_for_that_function"])
            .remove(at_connect("Sid=OverwriteSecret/Condition")),
        broken("a look-up that writes anything", &["AgentLookup on Records"])
            .remove(of_role("AgentLookupRole", "Sid=LookUp/Condition/ForAllValues:StringEquals")),
        broken("an end of a session that reads what was sealed before", &["SessionIngest on Records"]).set(
            of_role("SessionIngestRole", "Sid=EndSession/Condition/StringEqualsIfExists/dynamodb:ReturnValues"),
            json!(["NONE", "UPDATED_NEW"]),
        ),
        broken("clearing that reads", &["ClearContact on Records"]).set(
            of_role("ClearContactRole", "Sid=Clear/Condition/StringEqualsIfExists/dynamodb:ReturnValues"),
            json!(["NONE", "ALL_OLD"]),
        ),
        broken("clearing that reads contacts", &["clear_contact_may_overwrite_at_connect", "ClearContact on contact"]).set(
            at_connect("Sid=OverwriteSecret/Action"),
            json!(["connect:GetContactAttributes", "connect:UpdateContactAttributes", "connect:DescribeContact"]),
        ),
        broken("clearing in every instance", &["clear_contact_may_overwrite_at_connect", "ClearContact on another-instance"])
            .set(at_connect("Sid=OverwriteSecret/Resource"), json!("arn:aws:connect:*:*:instance/*")),
        broken(
            "clearing that invokes another function",
            &["clear_contact_may_overwrite_at_connect", "ClearContact on ClearContact", "ClearContact on AgentLookup"],
        )
        .set(at_connect("Sid=OverwriteLater/Resource"), json!({"Fn::GetAtt": ["AgentLookup", "Arn"]})),
        broken("rights at Amazon Connect without it", &["clear_contact_may_overwrite_at_connect"])
            .remove("/Resources/ClearContactConnectPolicy/Condition"),
        broken(
            "rights at Amazon Connect for another function",
            &["clear_contact_may_overwrite_at_connect", "ClearContact on ClearContact", "ClearContact on contact"],
        )
        .set("/Resources/ClearContactConnectPolicy/Properties/Roles/0", json!({"Ref": "AgentLookupRole"})),
        broken("ingest that reads what is sealed", &["SessionIngest on Records"])
            .set(
                of_role("SessionIngestRole", "Sid=ReadPendingRecord/Condition/ForAllValues:StringEquals/dynamodb:Attributes/-"),
                json!("attributes"),
            )
            .set(
                of_role("SessionIngestRole", "Sid=ReadPendingRecord/Condition/ForAllValues:StringEquals/dynamodb:Attributes/-"),
                json!("secret"),
            ),
        broken("a sweep that reads tables", &["ExpireRecords on Records"])
            .set(of_role("ExpireRecordsRole", "Sid=FindExpired/Resource/-"), json!({"Fn::GetAtt": ["Records", "Arn"]})),
        broken(
            "everything",
            &[
                "roles_name_their_resources",
                "SessionIngest on SessionStart",
                "SessionIngest on SessionReconcile",
                "SessionIngest on DtmfExchange",
                "SessionIngest on AgentLookup",
                "SessionIngest on ClearContact",
                "SessionIngest on ExpireRecords",
            ],
        )
        .set(of_role("SessionIngestRole", "Sid=TakeInLater/Resource"), json!("*")),
        broken(
            "every function of the stack",
            &[
                "roles_name_their_resources",
                "SessionIngest on SessionStart",
                "SessionIngest on SessionReconcile",
                "SessionIngest on DtmfExchange",
                "SessionIngest on AgentLookup",
                "SessionIngest on ClearContact",
                "SessionIngest on ExpireRecords",
            ],
        )
        .set(of_role("SessionIngestRole", "Sid=TakeInLater/Resource"), arn("lambda", "function:idbellen-${Stage}-*")),
        broken("a table in another account", &["roles_stay_in_the_account"]).set(
            of_role("SessionStartRole", "Sid=MakeRecordAndCode/Resource/-"),
            json!({"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:111111111111:table/x"}),
        ),
        broken("a managed policy", &["roles_have_no_policies_from_elsewhere"]).set(
            "/Resources/AgentLookupRole/Properties/ManagedPolicyArns",
            json!(["arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess"]),
        ),
        broken("a policy beside the role", &["roles_have_no_policies_from_elsewhere"]).set(
            "/Resources/More",
            json!({"Type": "AWS::IAM::RolePolicy", "Properties": {"RoleName": {"Ref": "AgentLookupRole"}, "PolicyName": "more"}}),
        ),
        broken("a person in a function's role", &["roles_are_for_the_functions_and_schedules"])
            .set("/Resources/AgentLookupRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal/AWS", iam("root")),
        broken("everyone in telephony's role", &["telephony_role_is_for_telephony"])
            .set("/Resources/TelephonyRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal", json!({"AWS": "*"})),
        broken("telephony's role without the id agreed on", &["telephony_role_is_for_telephony"])
            .remove("/Resources/TelephonyRole/Properties/AssumeRolePolicyDocument/Statement/0/Condition"),
        broken("telephony's role with an empty id", &["telephony_role_is_for_telephony"]).remove("/Rules/TelephonyShowsItsId"),
        broken("everyone in verify's role", &["verify_role_is_for_who_verifies"])
            .set("/Resources/VerifyRole/Properties/AssumeRolePolicyDocument/Statement/0/Principal", json!({"AWS": "*"})),
        // Tables and keys keep it out all the same.
        broken("verify reads items", &["verify_reads_settings_only"])
            .set(of_role("VerifyRole", "-"), allow("dynamodb:GetItem", &json!({"Fn::GetAtt": ["Records", "Arn"]}))),
        broken("verify uses keys", &["verify_reads_settings_only"])
            .set(of_role("VerifyRole", "Sid=Keys/Action/-"), json!("kms:Decrypt")),
        broken("verify reads the requestor token", &["verify_reads_settings_only", "VerifyRole on irma-requestor-token"]).set(
            of_role("VerifyRole", "Sid=Parameters/Resource/-"),
            arn("ssm", "parameter/idbellen/${Stage}/irma-requestor-token"),
        ),
        broken("verify reads log lines", &["verify_reads_settings_only", "VerifyRole on AgentLookupLog"])
            .set(of_role("VerifyRole", "-"), allow("logs:FilterLogEvents", &json!({"Fn::Sub": "${AgentLookupLog.Arn}:*"}))),
        broken("verify changes a function", &["verify_reads_settings_only", "VerifyRole on AgentLookup"]).set(
            of_role("VerifyRole", "-"),
            allow("lambda:UpdateFunctionConfiguration", &json!({"Fn::GetAtt": ["AgentLookup", "Arn"]})),
        ),
        broken("telephony's role looks up", &["TelephonyRole on Api"])
            .set(of_role("TelephonyRole", "0/Resource/-"), arn("execute-api", "${Api}/*/POST/contacts/lookup")),
        // The table's policy would still refuse it.
        broken("telephony's function at records", &["telephony_reaches_no_record"]).set(
            of_role("DtmfExchangeRole", "-"),
            allow_to("dtmf-exchange", "dynamodb:GetItem", &json!({"Fn::GetAtt": ["Records", "Arn"]})),
        ),
        broken(
            "telephony's function in another role",
            &[
                "DtmfExchange on Codes",
                "DtmfExchange on CodeKey",
                "DtmfExchange on another-key",
                "DtmfExchange on DtmfExchangeLog",
            ],
        )
        .set("/Resources/DtmfExchange/Properties/Role", json!({"Fn::GetAtt": ["AgentLookupRole", "Arn"]})),
        broken(
            "codes named with any key",
            &["other_keys_are_used_by_the_code_keys_aliases_only", "DtmfExchange on CodeKey", "DtmfExchange on another-key"],
        )
        .remove(of_role("DtmfExchangeRole", "Sid=NameAndOpenCode/Condition/StringEquals")),
        broken(
            "codes named with the key of any alias",
            &["other_keys_are_used_by_the_code_keys_aliases_only", "SessionStart on CodeKey", "SessionStart on another-key"],
        )
        .set(
            of_role("SessionStartRole", "Sid=NameAndSealCode/Condition"),
            json!({
                "ArnEquals": only("session-start"),
                "StringLike": {"kms:RequestAlias": {"Fn::Sub": "alias/idbellen-${Stage}-*"}},
            }),
        ),
        broken(
            "codes named with another alias too",
            &["other_keys_are_used_by_the_code_keys_aliases_only", "SessionStart on CodeKey", "SessionStart on another-key"],
        )
        .set(
            of_role("SessionStartRole", "Sid=NameAndSealCode/Condition/StringEquals/kms:RequestAlias"),
            json!([{"Ref": "CodeKeyCurrent"}, {"Ref": "TokenKeyAlias"}]),
        ),
        broken(
            "more than a mac with the key of an alias",
            &["other_keys_are_used_by_the_code_keys_aliases_only", "DtmfExchange on another-key"],
        )
        .set(of_role("DtmfExchangeRole", "Sid=NameAndOpenCode/Action"), json!(["kms:GenerateMac", "kms:Decrypt"])),
        broken(
            "codes named with a key whose material someone has",
            &["other_keys_are_used_by_the_code_keys_aliases_only", "SessionStart on another-key"],
        )
        .remove(of_role("SessionStartRole", "Sid=NameAndSealCode/Condition/StringEquals/kms:KeyOrigin")),
        broken("one key more in a list", &["other_keys_are_used_by_the_code_keys_aliases_only", "AgentLookup on another-key"])
            .set(
                of_role("AgentLookupRole", "-"),
                json!({
                    "Effect": "Allow", "Action": "kms:Decrypt",
                    "Resource": [{"Fn::GetAtt": ["AgentLookupLog", "Arn"]}, arn("kms", "key/another")],
                    "Condition": {"ArnEquals": only("agent-lookup")},
                }),
            ),
        broken("the code key by its ARN", &["SessionStart on CodeKey", "SessionStart on another-key"])
            .set(of_role("SessionStartRole", "Sid=NameAndSealCode/Resource"), json!({"Fn::GetAtt": ["CodeKey", "Arn"]}))
            .remove(of_role("SessionStartRole", "Sid=NameAndSealCode/Condition/StringEquals")),
        broken("session-start looks for codes", &["SessionStart on CodeKey", "SessionStart on another-key"]).set(
            of_role("SessionStartRole", "Sid=NameAndSealCode/Condition/StringEquals/kms:RequestAlias"),
            json!([{"Ref": "CodeKeyCurrent"}, {"Ref": "CodeKeyPrevious"}]),
        ),
        broken("the IRMA server's token for ingest", &["SessionIngest on irma-requestor-token"]).set(
            of_role("SessionIngestRole", "-"),
            allow_to("session-ingest", "ssm:GetParameter", &arn("ssm", "parameter/idbellen/${Stage}/irma-requestor-token")),
        ),
    ]
}

fn keys() -> Vec<Broken> {
    vec![
        broken(
            "the root user decrypts",
            &[
                "who_manages_a_key_cannot_use_it",
                "administrator on TokenKey",
                "root on TokenKey",
                "SessionIngest on TokenKey",
                "SessionReconcile on TokenKey",
            ],
        )
        .set(of_key("TokenKey", "Sid=Manage/Action/-"), json!("kms:Decrypt")),
        broken("the root user grants", &["who_manages_a_key_cannot_use_it", "administrator on CodeKey", "root on CodeKey"])
            .set(of_key("CodeKey", "Sid=Manage/Action/-"), json!("kms:CreateGrant")),
        broken("the policy that KMS gives", &["who_manages_a_key_cannot_use_it", "administrator on CodeKey", "root on CodeKey"])
            .set(of_key("CodeKey", "Sid=Manage/Action"), json!("kms:*")),
        broken("another account's key", &["who_manages_a_key_cannot_use_it"]).set(
            of_key("CodeKey", "-"),
            json!({
                "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:DescribeKey",
                "Resource": "*",
            }),
        ),
        broken("an administrator names codes", &["keys_are_used_by_their_functions_only", "administrator on CodeKey"])
            .set(of_key("CodeKey", "Sid=NameCodes/Condition/ArnEquals/aws:PrincipalArn/-"), iam("role/administrator")),
        broken(
            "everyone but one opens tokens",
            &[
                "keys_are_used_by_their_functions_only",
                "who_manages_a_key_cannot_use_it",
                "administrator on TokenKey",
                "root on TokenKey",
                "SessionIngest on TokenKey",
                "SessionReconcile on TokenKey",
                "use_of_the_token_key_names_a_record",
            ],
        )
        .set(of_key("TokenKey", "Sid=Open/Condition"), json!({"StringNotEquals": {"aws:PrincipalAccount": "111111111111"}})),
        broken(
            "the IRMA server's token read back",
            &["keys_are_used_by_their_functions_only", "administrator on ParameterKey", "root on ParameterKey"],
        )
        .remove(of_key("ParameterKey", "Sid=GetThroughParameterStore/Condition/ArnEquals")),
        broken(
            "a token opened without a record's name",
            &["use_of_the_token_key_names_a_record", "SessionIngest on TokenKey", "SessionReconcile on TokenKey"],
        )
        .remove(of_key("TokenKey", "Sid=Open/Condition/Null"))
        .remove(of_key("TokenKey", "Sid=Open/Condition/ForAllValues:StringEquals")),
        broken("a key for other regions", &["keys_stay_in_kms"]).set("/Resources/CodeKey/Properties/MultiRegion", json!(true)),
        broken("a key from elsewhere", &["keys_stay_in_kms"]).set("/Resources/TokenKey/Properties/Origin", json!("EXTERNAL")),
    ]
}

fn audit() -> Vec<Broken> {
    vec![
        broken("no trail", &["there_is_a_trail"]).remove("/Resources/Trail"),
        broken("a trail in one region", &["the_trail_has_no_gap"])
            .set("/Resources/Trail/Properties/IsMultiRegionTrail", json!(false)),
        broken("a trail that can be altered", &["the_trail_has_no_gap"])
            .remove("/Resources/Trail/Properties/EnableLogFileValidation"),
        broken("a trail that is off", &["the_trail_has_no_gap"]).set("/Resources/Trail/Properties/IsLogging", json!(false)),
        broken("a trail without items", &["the_trail_holds_every_access_to_an_item"]).remove(of_trail("Name=Access to items")),
        broken("a trail without codes", &["the_trail_holds_every_access_to_an_item"]).set(
            of_trail("Name=Access to items/FieldSelectors/Field=resources.ARN/Equals"),
            json!([{"Fn::GetAtt": ["Records", "Arn"]}]),
        ),
        broken("a trail of what is written", &["the_trail_holds_every_access_to_an_item"])
            .set(of_trail("Name=Access to items/FieldSelectors/-"), json!({"Field": "readOnly", "Equals": ["false"]})),
        broken("a trail without invocations", &["the_trail_holds_every_direct_invocation"])
            .remove(of_trail("Name=Invocations of functions")),
        broken("a trail with invocations of this region only", &["the_trail_holds_every_direct_invocation"]).set(
            of_trail("Name=Invocations of functions/FieldSelectors/-"),
            json!({"Field": "resources.ARN", "StartsWith": [arn("lambda", "function:idbellen-${Stage}-")]}),
        ),
        broken("a trail without uses of keys", &["the_trail_holds_every_use_of_keys_and_parameters"])
            .remove(of_trail("Name=Management events")),
        broken("a trail without Decrypt", &["the_trail_holds_every_use_of_keys_and_parameters"]).set(
            of_trail("Name=Management events/FieldSelectors/-"),
            json!({"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}),
        ),
        broken("all lines to the audit account", &["no_log_leaves_but_for_the_audit_account"])
            .set("/Resources/AgentLookupAudit/Properties/FilterPattern", json!("")),
        broken("a record or code written outside a transaction", &["SessionStart on Records", "SessionStart on Codes"])
            .remove(of_role("SessionStartRole", "Sid=MakeRecordAndCode/Condition/StringEquals")),
        broken("logs to somewhere", &["no_log_leaves_but_for_the_audit_account"]).set(
            "/Resources/Elsewhere",
            json!({"Type": "AWS::Logs::SubscriptionFilter", "Properties": {
                "LogGroupName": {"Ref": "AgentLookupLog"}, "FilterPattern": "",
                "DestinationArn": "arn:aws:logs:eu-central-1:111111111111:destination:x",
            }}),
        ),
    ]
}

fn of_site(site: &str, rest: &str) -> String {
    format!("/Resources/{site}/Properties/DistributionConfig/{rest}")
}

fn of_headers(site: &str, rest: &str) -> String {
    format!("/Resources/{site}Headers/Properties/ResponseHeadersPolicyConfig/SecurityHeadersConfig/{rest}")
}

fn web() -> Vec<Broken> {
    vec![
        broken("a site that logs its visits", &["a_sites_visits_are_not_logged"])
            .set(of_site("CitizenSite", "Logging"), json!({"Bucket": "log.s3.amazonaws.com"})),
        broken("a site whose visits can be followed", &["a_sites_visits_are_not_logged"]).set(
            of_site("PortalSite", "CacheBehaviors/0/RealtimeLogConfigArn"),
            json!("arn:aws:cloudfront::1:realtime-log-config/x"),
        ),
        broken("visits followed live", &["a_sites_visits_are_not_logged"])
            .set("/Resources/Visits", json!({"Type": "AWS::CloudFront::RealtimeLogConfig", "Properties": {}})),
        broken("a bucket that logs who reads", &["a_sites_visits_are_not_logged"])
            .set("/Resources/PortalFiles/Properties/LoggingConfiguration", json!({"LogFilePrefix": "x"})),
        broken("an API cached at the edge", &["the_api_behind_a_site_is_not_cached"])
            .set(of_site("PortalSite", "CacheBehaviors/0/CachePolicyId"), json!("658327ea-f89d-4fab-a63d-7e88639e58f6")),
        broken("telephony's routes through the citizen's page", &["a_site_passes_on_its_own_routes_only"])
            .set(of_site("CitizenSite", "CacheBehaviors/0/PathPattern"), json!("/api/*")),
        broken("sessions through the portal", &["a_site_passes_on_its_own_routes_only"])
            .set(of_site("PortalSite", "CacheBehaviors/0/PathPattern"), json!("/api/sessions")),
        broken("a site's secret that the console shows", &["the_site_alone_knows_its_secret"])
            .set("/Parameters/SiteSecret/NoEcho", json!(false)),
        broken("a site without its secret", &["the_site_alone_knows_its_secret"])
            .remove(of_site("CitizenSite", "Origins/1/OriginCustomHeaders")),
        broken("a site's secret at the portal", &["the_site_alone_knows_its_secret"]).set(
            of_site("PortalSite", "Origins/1/OriginCustomHeaders"),
            json!([{"HeaderName": "x-idbellen-site", "HeaderValue": {"Ref": "SiteSecret"}}]),
        ),
        broken("a limit that can be gone round", &["the_site_alone_knows_its_secret"]).remove("/Rules/LimitsHold"),
        broken("a site in plain text", &["sites_are_encrypted_on_both_sides"])
            .set(of_site("CitizenSite", "DefaultCacheBehavior/ViewerProtocolPolicy"), json!("allow-all")),
        broken("an API asked in plain text", &["sites_are_encrypted_on_both_sides"])
            .set(of_site("PortalSite", "Origins/1/CustomOriginConfig/OriginProtocolPolicy"), json!("match-viewer")),
        broken("a site without HSTS", &["sites_are_encrypted_on_both_sides"])
            .remove(of_headers("Portal", "StrictTransportSecurity")),
        broken("a portal that runs what it is sent", &["a_site_runs_its_own_scripts_only"]).set(
            of_headers("Portal", "ContentSecurityPolicy/ContentSecurityPolicy/Fn::Sub/0"),
            json!("script-src 'self' 'unsafe-inline'"),
        ),
        broken("a page without a policy of content", &["a_site_runs_its_own_scripts_only"])
            .remove(of_headers("Citizen", "ContentSecurityPolicy")),
        broken("a site without headers", &["a_site_runs_its_own_scripts_only"])
            .remove(of_site("CitizenSite", "DefaultCacheBehavior/ResponseHeadersPolicyId")),
        broken("a portal that says where a browser was", &["an_address_tells_no_other_site_where_it_was"])
            .set(of_headers("Portal", "ReferrerPolicy/ReferrerPolicy"), json!("unsafe-url")),
        broken("a bucket that can be public", &["buckets_hold_the_sites_files_only"])
            .set("/Resources/CitizenFiles/Properties/PublicAccessBlockConfiguration/BlockPublicPolicy", json!(false)),
        broken("an earlier version that stays", &["what_a_site_no_longer_names_is_gone_after_a_week"])
            .remove("/Resources/PortalFiles/Properties/LifecycleConfiguration"),
        broken("a site that is deleted while it is in use", &["what_a_site_no_longer_names_is_gone_after_a_week"])
            .remove("/Resources/CitizenFiles/Properties/LifecycleConfiguration/Rules/0/TagFilters"),
        broken("a bucket that anyone reads", &["buckets_hold_the_sites_files_only"])
            .set("/Resources/CitizenFilesPolicy/Properties/PolicyDocument/Statement/0/Principal", json!("*")),
    ]
}
