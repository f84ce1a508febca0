//! Ways in which a stack can break a promise, as AWS would tell of them, and the check that must find each.

use std::sync::atomic::{AtomicUsize, Ordering};

use local::tap::Fault;
use serde_json::{Value, json};

use super::{Described, Rule, change, limits_as_aws_says, on};

/// A way to break a promise.
pub struct Deviation {
    pub what: &'static str,
    /// The one check that must find it.
    pub breaks: &'static str,
    pub rules: Vec<Rule>,
}

fn deviation(what: &'static str, breaks: &'static str, rule: Rule) -> Deviation {
    Deviation { what, breaks, rules: vec![rule] }
}

/// All of them.
pub fn all(stack: &Described) -> Vec<Deviation> {
    [in_the_stack(stack), tables(), copies(), keys(), functions(), roles(), schedules(), api(stack), logs(), parameters()]
        .into_iter()
        .flatten()
        .collect()
}

/// The path on which a function is asked for.
const AGENT_LOOKUP: &str = "/2015-03-31/functions/idbellen-local-agent-lookup";
const SESSION_START: &str = "/2015-03-31/functions/idbellen-local-session-start";

/// The JSON of a policy, changed in its text.
fn policy(answer: &mut Value, change: impl Fn(&mut Value)) {
    let mut policy: Value = answer["Policy"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    change(&mut policy);
    answer["Policy"] = policy.to_string().into();
}

fn push(list: &mut Value, item: Value) {
    if let Value::Array(items) = list {
        items.push(item);
    } else {
        *list = json!([item]);
    }
}

/// A role that everyone may take.
const EVERYONE: &str = "<GetRoleResponse><GetRoleResult><Role><AssumeRolePolicyDocument>%7B%22Statement%22%3A%7B%22Effect%22%3A\
    %22Allow%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22%2A%22%7D%7D%7D\
    </AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>";

fn in_the_stack(stack: &Described) -> Vec<Deviation> {
    let lifetime = "<ParameterKey>RecordLifetimeSeconds</ParameterKey><ParameterValue>";
    let long = stack.stack.replace(&format!("{lifetime}3600"), &format!("{lifetime}86400"));
    let (open, closed) = ("<ParameterKey>VerifyPrincipal</ParameterKey><ParameterValue>", "</ParameterValue>");
    let anyone = stack.stack.split_once(open).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(closed)?;
        Some(format!("{before}{open}*{closed}{after}"))
    });
    let more = "<member><LogicalResourceId>Copier</LogicalResourceId><PhysicalResourceId>copier</PhysicalResourceId>\
        <ResourceType>AWS::Lambda::Function</ResourceType></member></StackResourceSummaries>";
    let more = stack.resources.replace("</StackResourceSummaries>", more);
    vec![
        Deviation {
            what: "records of a day",
            breaks: "the stack: its parameters are within the template's limits, a record's lifetime among them",
            rules: vec![
                on("DescribeStacks", "", Fault::answer(200, long)),
                change(SESSION_START, "", |json| {
                    json["Configuration"]["Environment"]["Variables"]["RECORD_LIFETIME_SECONDS"] = json!("86400");
                }),
            ],
        },
        Deviation {
            what: "a principal that the template does not allow",
            breaks: "the stack: its parameters are within the template's limits, a record's lifetime among them",
            rules: vec![
                on("DescribeStacks", "", Fault::answer(200, anyone.unwrap_or_default())),
                // Deployed so, the role would let everyone in.
                on("GetRole", "RoleName=idbellen-local-verify", Fault::answer(200, EVERYONE)),
            ],
        },
        deviation(
            "a function that the template does not have",
            "the stack: its resources are those of the template",
            on("ListStackResources", "", Fault::answer(200, more)),
        ),
    ]
}

fn tables() -> Vec<Deviation> {
    let records = "idbellen-local-records";
    let policy_of_records = "table Records: its policy is the template's: no one but its functions";
    vec![
        deviation(
            "TTL off",
            "table Records: DynamoDB deletes what is past expires_at",
            change("DescribeTimeToLive", records, |json| {
                json["TimeToLiveDescription"] = json!({"TimeToLiveStatus": "DISABLED"});
            }),
        ),
        deviation(
            "TTL on something else",
            "table Codes: DynamoDB deletes what is past expires_at",
            change("DescribeTimeToLive", "idbellen-local-codes", |json| {
                json["TimeToLiveDescription"] = json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "used_until"});
            }),
        ),
        deviation(
            "point-in-time recovery on",
            "table Records: no point-in-time recovery",
            change("DescribeContinuousBackups", records, |json| {
                json["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] =
                    json!("ENABLED");
            }),
        ),
        deviation(
            "a stream",
            "table Records: no stream",
            change("DescribeTable", records, |json| {
                json["Table"]["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
            }),
        ),
        deviation(
            "a replica",
            "table Records: no replica in another region",
            change("DescribeTable", records, |json| json["Table"]["Replicas"] = json!([{"RegionName": "us-east-1"}])),
        ),
        deviation(
            "a key of the customer's",
            "table Records: encrypted by a key that AWS owns",
            change("DescribeTable", records, |json| {
                json["Table"]["SSEDescription"] = json!({"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": "x"});
            }),
        ),
        deviation(
            "what is sealed in an index",
            "table Records: nothing that is sealed is in an index",
            change("DescribeTable", records, |json| {
                json["Table"]["GlobalSecondaryIndexes"][0]["Projection"] = json!({"ProjectionType": "ALL"});
            }),
        ),
        deviation(
            "contributor insights of an index",
            "table Codes: no contributor insights",
            change("DescribeContributorInsights", "by-expiry\",\"TableName\":\"idbellen-local-codes", |json| {
                json["ContributorInsightsStatus"] = json!("ENABLED");
            }),
        ),
        deviation("no policy", policy_of_records, on("GetResourcePolicy", records, Fault::exception("PolicyNotFoundException"))),
        deviation(
            "one more role at records",
            policy_of_records,
            change("GetResourcePolicy", records, |json| {
                policy(json, |policy| {
                    let roles = &mut policy["Statement"][0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"];
                    push(roles, json!("arn:aws:iam::000000000000:role/idbellen-local-verify"));
                });
            }),
        ),
    ]
}

fn copies() -> Vec<Deviation> {
    let records = "idbellen-local-records";
    vec![
        deviation(
            "a Kinesis stream",
            "table Records: no Kinesis stream takes its changes",
            change("DescribeKinesisStreamingDestination", records, |json| {
                json["KinesisDataStreamDestinations"] = json!([{"StreamArn": "x", "DestinationStatus": "ACTIVE"}]);
            }),
        ),
        deviation(
            "a backup",
            "table Records: no backup made by DynamoDB",
            change("ListBackups", records, |json| json["BackupSummaries"] = json!([{"BackupArn": "x"}])),
        ),
        Deviation {
            what: "a backup on the second page",
            breaks: "table Records: no backup made by DynamoDB",
            rules: vec![
                change("ListBackups", "ExclusiveStartBackupArn", |json| json["BackupSummaries"] = json!([{"BackupArn": "x"}])),
                change("ListBackups", records, |json| json["LastEvaluatedBackupArn"] = json!("y")),
            ],
        },
        deviation(
            "a recovery point in AWS Backup",
            "table Codes: no recovery point in AWS Backup",
            change(
                "/resources/arn%3Aaws%3Adynamodb%3Aeu-central-1%3A000000000000%3Atable%2Fidbellen-local-codes/recovery-points/",
                "",
                |json| json["RecoveryPoints"] = json!([{"RecoveryPointArn": "x"}]),
            ),
        ),
        deviation(
            "an export",
            "table Records: no export",
            change("ListExports", records, |json| json["ExportSummaries"] = json!([{"ExportArn": "x"}])),
        ),
    ]
}

fn keys() -> Vec<Deviation> {
    vec![
        deviation(
            "a key that is switched off",
            "key alias/idbellen-local-code-previous: enabled, of the template's kind, and made in KMS",
            change("DescribeKey", "code-previous", |json| json["KeyMetadata"]["KeyState"] = json!("Disabled")),
        ),
        Deviation {
            what: "codes that no one finds",
            breaks: "key alias/idbellen-local-code-current: codes are looked for under the key that they are made with",
            // The same key under another id: by its ARN it is found too.
            rules: vec![change("DescribeKey", "code-current", |json| {
                json["KeyMetadata"]["KeyId"] = json["KeyMetadata"]["Arn"].clone();
            })],
        },
        deviation(
            "a key of another kind",
            "key alias/idbellen-local-code-current: enabled, of the template's kind, and made in KMS",
            change("DescribeKey", "code-current", |json| json["KeyMetadata"]["KeySpec"] = json!("HMAC_512")),
        ),
        deviation(
            "a key of which there is a copy elsewhere",
            "key alias/idbellen-local-code-next: enabled, of the template's kind, and made in KMS",
            change("DescribeKey", "code-next", |json| json["KeyMetadata"]["Origin"] = json!("EXTERNAL")),
        ),
        deviation(
            "a key that other regions have",
            "key alias/idbellen-local-token: enabled, of the template's kind, and made in KMS",
            change("DescribeKey", "local-token", |json| json["KeyMetadata"]["MultiRegion"] = json!(true)),
        ),
        deviation(
            "a key for something else",
            "key alias/idbellen-local-parameters: enabled, of the template's kind, and made in KMS",
            change("DescribeKey", "local-parameters", |json| json["KeyMetadata"]["KeyUsage"] = json!("SIGN_VERIFY")),
        ),
        of_one_key("a key that keeps its material", "parameters", "KMS makes new material for it every year", |asked| {
            change("GetKeyRotationStatus", "", move |json| {
                if asked() == 0 {
                    json["KeyRotationEnabled"] = json!(false);
                }
            })
        }),
        of_one_key("a key with a tag that gives rights", "code-current", "its tags are the stack's", |asked| {
            change("ListResourceTags", "", move |json| {
                if asked() == 0 {
                    push(&mut json["Tags"], json!({"TagKey": "may-use", "TagValue": "everyone"}));
                }
            })
        }),
        of_one_key("a swap's mark on a key that no swap made", "token", "its tags are the stack's", |asked| {
            change("ListResourceTags", "", move |json| {
                if asked() == 2 {
                    push(&mut json["Tags"], json!({"TagKey": "idbellen:replaces", "TagValue": "x"}));
                }
            })
        }),
        deviation(
            "someone else uses a key",
            "key alias/idbellen-local-token: its policy is the template's: who may use it, and who manages it",
            change("GetKeyPolicy", "", |json| {
                policy(json, |policy| {
                    // Of the three keys, the token key has these four statements.
                    if policy["Statement"][3]["Sid"] == "Open" {
                        push(&mut policy["Statement"][2]["Action"], json!("kms:Decrypt"));
                        push(
                            &mut policy["Statement"],
                            json!({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}),
                        );
                    }
                });
            }),
        ),
        of_one_key("a grant", "parameters", "no grant lets anyone else use it", |asked| {
            change("ListGrants", "", move |json| {
                if asked() == 1 {
                    json["Grants"] = json!([{"GranteePrincipal": "x", "Operations": ["Decrypt"]}]);
                }
            })
        }),
    ]
}

/// Of one key: the rule is told how many keys were asked before, which are asked in the order of their aliases' names in the
/// template.
fn of_one_key(
    what: &'static str,
    alias: &str,
    promise: &str,
    rule: impl Fn(Box<dyn Fn() -> usize + Send + Sync>) -> Rule,
) -> Deviation {
    let asked = AtomicUsize::new(0);
    let breaks = format!("key alias/idbellen-local-{alias}: {promise}").leak();
    deviation(what, breaks, rule(Box::new(move || asked.fetch_add(1, Ordering::Relaxed))))
}

fn functions() -> Vec<Deviation> {
    let configured = |what: &'static str, breaks: &'static str, set: fn(&mut Value)| {
        deviation(what, breaks, change(AGENT_LOOKUP, "", move |json| set(&mut json["Configuration"])))
    };
    let variables = "function AgentLookup: its variables are the template's";
    let ours = "function AgentLookup: it runs our code only: no layer, extension, image or file system";
    let place = "function AgentLookup: its time, memory and place are the template's";
    let qualified = "function AgentLookup: it has no version and no alias, which others could invoke";
    let kept = "function AgentLookup: a failed event is not tried again or passed on";
    vec![
        configured("RUST_LOG", variables, |json| json["Environment"]["Variables"]["RUST_LOG"] = json!("trace")),
        configured("a wrapper", variables, |json| json["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] = json!("/opt/x")),
        configured("another table", variables, |json| json["Environment"]["Variables"]["RECORDS_TABLE"] = json!("other")),
        configured("a layer", ours, |json| json["Layers"] = json!([{"Arn": "x"}])),
        configured("a file system", ours, |json| json["FileSystemConfigs"] = json!([{"Arn": "x"}])),
        configured("a network", place, |json| json["VpcConfig"] = json!({"SubnetIds": ["x"], "VpcId": "x"})),
        configured("another runtime", place, |json| json["Runtime"] = json!("provided.al2")),
        configured("tracing", "function AgentLookup: it is not traced", |json| json["TracingConfig"]["Mode"] = json!("Active")),
        configured("another role", "function AgentLookup: its role is the template's", |json| json["Role"] = json!("x")),
        configured("debug lines", "function AgentLookup: its log is JSON, in its own group, without debug lines", |json| {
            json["LoggingConfig"]["ApplicationLogLevel"] = json!("DEBUG");
        }),
        configured("a dead-letter queue", "function AgentLookup: no dead-letter queue keeps a failed event", |json| {
            json["DeadLetterConfig"] = json!({"TargetArn": "x"});
        }),
        deviation(
            "a function that can't run",
            "function AgentLookup: it may run as often as the template says",
            change(AGENT_LOOKUP, "", |json| json["Concurrency"] = json!({"ReservedConcurrentExecutions": 0})),
        ),
        deviation(
            "a destination",
            kept,
            change("/2019-09-25/functions/idbellen-local-agent-lookup/event-invoke-config/list", "", |json| {
                json["FunctionEventInvokeConfigs"][0]["DestinationConfig"]["OnFailure"]["Destination"] = json!("x");
            }),
        ),
        deviation(
            "retries",
            kept,
            change("/2019-09-25/functions/idbellen-local-agent-lookup/event-invoke-config/list", "", |json| {
                json["FunctionEventInvokeConfigs"] = json!([]);
            }),
        ),
        deviation(
            "a function URL",
            "function AgentLookup: it has no address of its own",
            change("/2021-10-31/functions/idbellen-local-agent-lookup/urls", "", |json| {
                json["FunctionUrlConfigs"] = json!([{"FunctionUrl": "x"}]);
            }),
        ),
        deviation(
            "a version",
            qualified,
            change("/2015-03-31/functions/idbellen-local-agent-lookup/versions", "", |json| {
                push(&mut json["Versions"], json!({"Version": "1"}));
            }),
        ),
        deviation(
            "an alias",
            qualified,
            change("/2015-03-31/functions/idbellen-local-agent-lookup/aliases", "", |json| {
                json["Aliases"] = json!([{"Name": "live", "FunctionVersion": "$LATEST"}]);
            }),
        ),
        deviation(
            "one more who may invoke it",
            "function AgentLookup: who may invoke it is as in the template",
            change("/2015-03-31/functions/idbellen-local-agent-lookup/policy", "", |json| {
                policy(json, |policy| {
                    let everyone =
                        json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": "*"});
                    push(&mut policy["Statement"], everyone);
                });
            }),
        ),
    ]
}

fn roles() -> Vec<Deviation> {
    let attached = "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies><member>\
        <PolicyArn>arn:aws:iam::aws:policy/AdministratorAccess</PolicyArn></member></AttachedPolicies>\
        </ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>";
    let policy = "<GetRolePolicyResponse><GetRolePolicyResult><PolicyDocument>%7B%22Statement%22%3A%5B%7B%22Effect%22%3A\
        %22Allow%22%2C%22Action%22%3A%22dynamodb%3AScan%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D</PolicyDocument>\
        </GetRolePolicyResult></GetRolePolicyResponse>";
    let trust = "<GetRoleResponse><GetRoleResult><Role><AssumeRolePolicyDocument>%7B%22Statement%22%3A%7B%22Effect%22%3A\
        %22Allow%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%2C%22Principal%22%3A%22%2A%22%7D%7D\
        </AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>";
    let role = "RoleName=idbellen-local-agent-lookup";
    vec![
        deviation(
            "a managed policy",
            "role AgentLookupRole: no managed policy is attached",
            on("ListAttachedRolePolicies", role, Fault::answer(200, attached)),
        ),
        deviation(
            "another policy",
            "role AgentLookupRole: what it may do is as in the template",
            on("GetRolePolicy", role, Fault::answer(200, policy)),
        ),
        deviation(
            "everyone in a role",
            "role AgentLookupRole: who may take it is as in the template",
            on("GetRole", role, Fault::answer(200, trust)),
        ),
    ]
}

fn schedules() -> Vec<Deviation> {
    let expire = "/schedules/idbellen-local-expire";
    let every_minute = "schedule of ExpireRecords: it runs every minute";
    let gone = r#"{"__type":"ResourceNotFoundException","Message":"gone"}"#;
    vec![
        deviation("no sweep", every_minute, on("/schedules/idbellen-local-expire", "", Fault::answer(404, gone))),
        deviation("the sweep off", every_minute, change(expire, "", |json| json["State"] = json!("DISABLED"))),
        deviation(
            "the sweep once an hour",
            every_minute,
            change(expire, "", |json| json["ScheduleExpression"] = json!("rate(1 hour)")),
        ),
        deviation("a sweep that ends", every_minute, change(expire, "", |json| json["EndDate"] = json!(1_900_000_000))),
        deviation(
            "a sweep that fails",
            "schedule of ExpireRecords: a run succeeded in the last five minutes",
            change("GetMetricStatistics", "\"Swept\"", |json| json["Datapoints"] = json!([])),
        ),
        deviation(
            "a reconciliation that fails",
            "schedule of SessionReconcile: a run succeeded in the last five minutes",
            change("GetMetricStatistics", "\"Reconciled\"", |json| json["Datapoints"] = json!([{"Sum": 0.0}])),
        ),
        deviation(
            "a record of over an hour",
            "schedule of ExpireRecords: no record older than 61 minutes was found in the last day",
            change("GetMetricStatistics", "\"OldestRecord\"", |json| {
                json["Datapoints"] = json!([{"Maximum": 3700.0}, {"Maximum": 0.0}]);
            }),
        ),
    ]
}

fn api(stack: &Described) -> Vec<Deviation> {
    let asked = |what: &str| -> &'static str { format!("/v2/apis/{}{what}", stack.api).leak() };
    let route = |json: &mut Value, key: &str, set: &dyn Fn(&mut Value)| {
        for route in json["items"].as_array_mut().into_iter().flatten().filter(|route| route["routeKey"] == key) {
            set(route);
        }
    };
    vec![
        deviation(
            "an agents' route without authorizer",
            "the API: POST /contacts/lookup: for agents only",
            change(asked("/routes"), "", move |json| {
                route(json, "POST /contacts/lookup", &|route| route["authorizationType"] = json!("NONE"));
            }),
        ),
        deviation(
            "an agents' route without the scope",
            "the API: POST /contacts/clear: for agents only",
            change(asked("/routes"), "", move |json| {
                route(json, "POST /contacts/clear", &|route| route["authorizationScopes"] = json!([]));
            }),
        ),
        deviation(
            "another function behind telephony's route",
            "the API: POST /dtmf/exchange: for signed requests only",
            change(asked("/routes"), "", move |json| {
                route(json, "POST /dtmf/exchange", &|route| route["target"] = json!("integrations/other"));
            }),
        ),
        deviation(
            "one more route",
            "the API: it has no other route",
            change(asked("/routes"), "", |json| push(&mut json["items"], json!({"routeKey": "GET /records"}))),
        ),
        deviation(
            "another issuer of agents' tokens",
            "the API: an agent's token is checked as in the template",
            change(asked("/authorizers"), "", |json| json["items"][0]["jwtConfiguration"]["issuer"] = json!("https://x")),
        ),
        deviation(
            "browsers from everywhere",
            "the API: browsers may call it from the origins of the parameters only",
            change(asked(""), "", |json| json["corsConfiguration"]["allowOrigins"] = json!(["*"])),
        ),
        deviation(
            "addresses in the access log",
            "the API: its access log names no one: it holds the template's fields",
            change(asked("/stages"), "", |json| {
                limits_as_aws_says(json);
                json["items"][0]["accessLogSettings"]["format"] = json!("$context.identity.sourceIp");
            }),
        ),
        deviation(
            "sessions without a limit",
            "the API: each route takes as many requests a second as in the template",
            change(asked("/stages"), "", |json| {
                limits_as_aws_says(json);
                json["items"][0]["routeSettings"] = json!({});
            }),
        ),
        deviation(
            "a route that takes nothing",
            "the API: each route takes as many requests a second as in the template",
            change(asked("/stages"), "", |json| {
                limits_as_aws_says(json);
                json["items"][0]["routeSettings"]["POST /contacts/lookup"] = json!({"throttlingRateLimit": 0.0});
            }),
        ),
        deviation(
            "requests that a function gets otherwise",
            "the API: functions get requests as they came",
            change(asked("/integrations"), "", |json| {
                json["items"][0]["requestParameters"] = json!({"overwrite:header.authorization": "x"});
            }),
        ),
    ]
}

fn logs() -> Vec<Deviation> {
    let retention = "log AgentLookupLog: it is there, and kept for LogRetentionDays";
    vec![
        deviation(
            "a log that is kept for ever",
            retention,
            change("DescribeLogGroups", "agent-lookup", |json| json["logGroups"][0]["retentionInDays"] = json!(null)),
        ),
        deviation(
            "a log that is gone",
            retention,
            change("DescribeLogGroups", "agent-lookup", |json| json["logGroups"] = json!([])),
        ),
        deviation(
            "a subscription",
            "log ApiLog: no line leaves it but agents' lines to the audit account",
            change("DescribeSubscriptionFilters", "apigateway", |json| {
                json["subscriptionFilters"] = json!([{"filterPattern": "", "destinationArn": "x"}]);
            }),
        ),
        deviation(
            "a subscription of the whole account",
            "all logs: no policy of the account sends lines elsewhere",
            on("DescribeAccountPolicies", "", Fault::answer(200, r#"{"accountPolicies":[{"policyName":"all"}]}"#)),
        ),
    ]
}

/// Another key than the IRMA server's.
const OTHER_KEY: &str = include_str!("../../../ops/tests/command/keys/rsa-2048.pem");

fn parameters() -> Vec<Deviation> {
    let token = "parameters: the requestor token is there, encrypted by the stack's key";
    vec![
        deviation(
            "a token in plain sight",
            token,
            change("DescribeParameters", "", |json| json["Parameters"][0]["Type"] = json!("String")),
        ),
        deviation(
            "a token by another key",
            token,
            change("DescribeParameters", "", |json| json["Parameters"][0]["KeyId"] = json!("alias/aws/ssm")),
        ),
        deviation("no token", token, change("DescribeParameters", "", |json| json["Parameters"] = json!([]))),
        deviation(
            "a purpose that can't be read",
            "parameters: there are purposes, and each can be read",
            change("GetParametersByPath", "", |json| json["Parameters"][0]["Value"] = json!("{}")),
        ),
        deviation(
            "the key of another IRMA server",
            "the IRMA server: the key that it signs with is the stored one",
            change("GetParameter", "irma-public-key", |json| json["Parameter"]["Value"] = json!(OTHER_KEY)),
        ),
    ]
}
