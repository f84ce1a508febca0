//! The functions: their settings, who may invoke them, what becomes of a failed event, and their code.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::{Expected, FUNCTION, Template};
use super::{code, policy};
use crate::aws::{Aws, ListNames, NotSeen, encoded};

/// Checks all functions; their code against what is in the folder `build`.
pub async fn check(aws: &Aws, stack: &Stack, build: Option<&Path>, report: &mut Report) {
    for expected in stack.template.all(FUNCTION) {
        let name = stack.template.physical(&expected.logical);
        let subject = format!("function {}", expected.logical);
        let mut add = |promise: &str, outcome| report.add(&subject, promise, outcome);
        let path = format!("/2015-03-31/functions/{}", encoded(name));
        let found = aws.get("lambda", "GetFunction", &path).await.and_then(|found| match found["Configuration"] {
            Value::Object(_) => Ok(found),
            _ => Err(NotSeen::without("lambda:GetFunction", "Configuration")),
        });
        let configuration = found.as_ref().map(|found| &found["Configuration"]).map_err(Clone::clone);
        let look = |at: fn(&Value, &Value) -> Outcome| configuration.clone().map(|found| at(&expected.properties, found));
        add("its variables are the template's", look(variables));
        add("its role is the template's", look(|expected, found| Outcome::same(&expected["Role"], &found["Role"], DEPLOY)));
        add("it runs our code only: no layer, extension, image or file system", look(runs_our_code));
        add("its time, memory and place are the template's", look(runtime));
        add("it is not traced", look(tracing));
        add("its log is JSON, in its own group, without debug lines", look(logging));
        add("no dead-letter queue keeps a failed event", look(dead_letters));
        add("it has no setting that this command does not know", look(|_, found| unknown_settings(found)));
        let concurrency = found.as_ref().map(|found| &found["Concurrency"]["ReservedConcurrentExecutions"]);
        let concurrency = concurrency.map_err(Clone::clone).map(|found| reserved(&expected.properties, found));
        add("it may run as often as the template says", concurrency);
        add("a failed event is not tried again or passed on", events(aws, name, &expected).await);
        add("it has no address of its own", no_url(aws, name).await);
        add("it has no version and no alias, which others could invoke", unqualified(aws, &path).await);
        add("who may invoke it is as in the template", invokers(aws, &path, &stack.template, &expected).await);
        let outcome = match &found {
            Ok(found) => code::check(aws, found, build.map(|folder| folder.join(&expected.logical))).await,
            Err(error) => Err(error.clone()),
        };
        add("its code is what was built", outcome);
    }
}

/// The version that every function has, and what is invoked where none is named.
const LATEST: &str = "$LATEST";

/// Names only: no value is needed to see what is wrong.
fn variables(expected: &Value, found: &Value) -> Outcome {
    let (expected, found) = (texts(&expected["Environment"]["Variables"]), texts(&found["Environment"]["Variables"]));
    let more = found.keys().filter(|name| !expected.contains_key(*name)).map(|name| format!("{name} is not in the template"));
    let other = expected.iter().filter_map(|(name, value)| match found.get(name) {
        None => Some(format!("{name} is missing")),
        Some(found) => (found != value && value != Template::HIDDEN).then(|| format!("{name} has another value")),
    });
    let differences: Vec<String> = more.chain(other).collect();
    Outcome::no_difference(&differences, DEPLOY)
}

fn texts(variables: &Value) -> BTreeMap<String, String> {
    let variables = variables.as_object().into_iter().flatten();
    variables.map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect()
}

fn runs_our_code(_: &Value, found: &Value) -> Outcome {
    let mut differences = Vec::new();
    for name in ["Layers", "FileSystemConfigs", "ImageConfigResponse"] {
        if !is_empty(&found[name]) {
            differences.push(format!("{name}: {}", found[name]));
        }
    }
    if found["PackageType"] != "Zip" {
        differences.push(format!("PackageType: {}", found["PackageType"]));
    }
    if !matches!(found["SnapStart"]["ApplyOn"].as_str(), None | Some("None")) {
        differences.push("SnapStart keeps a copy of its memory".to_owned());
    }
    Outcome::no_difference(&differences, DEPLOY)
}

fn runtime(expected: &Value, found: &Value) -> Outcome {
    let mut differences = Vec::new();
    for name in ["Runtime", "Handler", "Architectures", "Timeout", "MemorySize"] {
        if expected[name] != found[name] {
            differences.push(format!("{name} is {}, and in the template {}", found[name], expected[name]));
        }
    }
    // Whoever runs that network sees, and can redirect, where the function calls.
    if !is_empty(&found["VpcConfig"]["SubnetIds"]) {
        differences.push(format!("it runs in a network: {}", found["VpcConfig"]["VpcId"]));
    }
    Outcome::no_difference(&differences, DEPLOY)
}

fn tracing(_: &Value, found: &Value) -> Outcome {
    let mode = found["TracingConfig"]["Mode"].as_str().unwrap_or("PassThrough");
    Outcome::holds_if(mode == "PassThrough", format!("it is {mode}"), DEPLOY)
}

fn logging(expected: &Value, found: &Value) -> Outcome {
    let (expected, found) = (&expected["LoggingConfig"], &found["LoggingConfig"]);
    let mut differences = Vec::new();
    for name in ["LogFormat", "LogGroup"] {
        if expected[name] != found[name] {
            differences.push(format!("{name} is {}, and in the template {}", found[name], expected[name]));
        }
    }
    for name in ["ApplicationLogLevel", "SystemLogLevel"] {
        if matches!(found[name].as_str(), Some("DEBUG" | "TRACE")) {
            differences.push(format!("{name} is {}", found[name]));
        }
    }
    Outcome::no_difference(&differences, DEPLOY)
}

fn dead_letters(_: &Value, found: &Value) -> Outcome {
    let target = found["DeadLetterConfig"]["TargetArn"].as_str().unwrap_or_default();
    Outcome::holds_if(target.is_empty(), format!("{target} keeps them"), DEPLOY)
}

/// What `GetFunction` tells and some check, or nobody, looks at.
const KNOWN: [&str; 37] = [
    "Architectures",
    "CodeSha256",
    "CodeSize",
    "ConfigSha256",
    "DeadLetterConfig",
    "Description",
    "Environment",
    "EphemeralStorage",
    "FileSystemConfigs",
    "FunctionArn",
    "FunctionName",
    "Handler",
    "ImageConfigResponse",
    "KMSKeyArn",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "Layers",
    "LoggingConfig",
    "MasterArn",
    "MemorySize",
    "PackageType",
    "RevisionId",
    "Role",
    "Runtime",
    "RuntimeVersionConfig",
    "SigningJobArn",
    "SigningProfileVersionArn",
    "SnapStart",
    "State",
    "StateReason",
    "StateReasonCode",
    "Timeout",
    "TracingConfig",
    "Version",
    "VpcConfig",
];

/// AWS adds settings. One that is new here may let data out, or be harmless.
fn unknown_settings(found: &Value) -> Outcome {
    let settings = found.as_object().into_iter().flatten();
    let unknown =
        settings.filter(|(name, value)| !KNOWN.contains(&name.as_str()) && !is_empty(value)).map(|(name, _)| name.as_str());
    let unknown: Vec<&str> = unknown.collect();
    if unknown.is_empty() {
        return Outcome::Holds;
    }
    Outcome::unknown(
        format!("it has {}", unknown.join(", ")),
        "look them up in AWS's documentation of GetFunction; update idbellen",
    )
}

fn reserved(expected: &Value, found: &Value) -> Outcome {
    let number = |value: &Value| value.as_str().map_or_else(|| value.as_i64(), |text| text.parse().ok());
    let (expected, found) = (number(&expected["ReservedConcurrentExecutions"]), number(found));
    let text = |number: Option<i64>| number.map_or_else(|| "not limited".to_owned(), |number| number.to_string());
    Outcome::holds_if(expected == found, format!("it is {}, and in the template {}", text(found), text(expected)), DEPLOY)
}

async fn events(aws: &Aws, name: &str, expected: &Expected) -> Result<Outcome, NotSeen> {
    let path = format!("/2019-09-25/functions/{}/event-invoke-config/list", encoded(name));
    let names = ListNames { list: "FunctionEventInvokeConfigs", token: "Marker", next: "NextMarker" };
    let found = aws.get_list("lambda", "ListFunctionEventInvokeConfigs", &path, names).await?;
    let expected = &expected.properties["EventInvokeConfig"];
    let mut differences = Vec::new();
    if found.is_empty() {
        differences.push("there is no such setting, so that it is tried again for hours".to_owned());
    }
    for config in &found {
        for setting in ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"] {
            if config[setting] != expected[setting] {
                differences.push(format!("{setting} is {}, and in the template {}", config[setting], expected[setting]));
            }
        }
        for when in ["OnSuccess", "OnFailure"] {
            if let Some(destination) = config["DestinationConfig"][when]["Destination"].as_str() {
                differences.push(format!("{destination} gets it {when}"));
            }
        }
    }
    Ok(Outcome::no_difference(&differences, DEPLOY))
}

async fn no_url(aws: &Aws, name: &str) -> Result<Outcome, NotSeen> {
    let path = format!("/2021-10-31/functions/{}/urls", encoded(name));
    let names = ListNames { list: "FunctionUrlConfigs", token: "Marker", next: "NextMarker" };
    let found = aws.get_list("lambda", "ListFunctionUrlConfigs", &path, names).await?;
    let urls: Vec<String> = found.iter().map(|url| url["FunctionUrl"].to_string()).collect();
    Ok(Outcome::no_difference(&urls, DEPLOY))
}

/// A version or alias has a policy of its own, and a version runs code of before.
async fn unqualified(aws: &Aws, path: &str) -> Result<Outcome, NotSeen> {
    let list = async |operation: &str, what: &str, list: &'static str| {
        let names = ListNames { list, token: "Marker", next: "NextMarker" };
        aws.get_list("lambda", operation, &format!("{path}/{what}"), names).await
    };
    let versions = list("ListVersionsByFunction", "versions", "Versions").await?;
    if !versions.iter().any(|version| version["Version"] == LATEST) {
        return Err(NotSeen::without("lambda:ListVersionsByFunction", LATEST));
    }
    let versions = versions.iter().filter(|version| version["Version"] != LATEST);
    let mut named: Vec<String> = versions.map(|version| format!("version {}", version["Version"])).collect();
    let aliases = list("ListAliases", "aliases", "Aliases").await?;
    named.extend(aliases.iter().map(|alias| format!("alias {}", alias["Name"])));
    Ok(Outcome::no_difference(&named, "find out in the trail who made it, and whether it was invoked; delete it"))
}

async fn invokers(aws: &Aws, path: &str, template: &Template, expected: &Expected) -> Result<Outcome, NotSeen> {
    let found = match aws.get("lambda", "GetPolicy", &format!("{path}/policy")).await {
        Err(error) if error.is("ResourceNotFoundException") => json!({}),
        found => policy::read("lambda:GetPolicy", &found?["Policy"])?,
    };
    Ok(policy::same(&json!({"Statement": permissions(template, expected)}), &found))
}

/// The statements that AWS makes of the template's permissions, and of those that SAM makes of the API's events.
fn permissions(template: &Template, function: &Expected) -> Vec<Value> {
    let arn = template.arn(&function.logical);
    let statement = |service: &str, condition: Value| {
        json!({
            "Effect": "Allow", "Principal": {"Service": service}, "Action": "lambda:InvokeFunction", "Resource": arn,
            "Condition": condition,
        })
    };
    let routes = template.events("HttpApi").into_iter().filter(|event| event.function == function.logical).map(|event| {
        let source = template.route_arn(&event.properties);
        statement("apigateway.amazonaws.com", json!({"ArnLike": {"AWS:SourceArn": source}}))
    });
    let others = template.all("AWS::Lambda::Permission").into_iter().map(|permission| permission.properties);
    let names = [arn.as_str(), template.physical(&function.logical)];
    let others = others.filter(|permission| permission["FunctionName"].as_str().is_some_and(|name| names.contains(&name)));
    let others = others.map(|permission| {
        let mut condition = json!({});
        if let Some(source) = permission.get("SourceArn") {
            condition["ArnLike"] = json!({"AWS:SourceArn": source});
        }
        if let Some(account) = permission.get("SourceAccount") {
            condition["StringEquals"] = json!({"AWS:SourceAccount": account});
        }
        statement(permission["Principal"].as_str().unwrap_or_default(), condition)
    });
    routes.chain(others).collect()
}

/// Nothing, or nothing in it.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
