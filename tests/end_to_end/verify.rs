//! `idbellen verify`, run by the role that the stack has for it. A tap between it and AWS changes answers: to what AWS
//! says where the emulator says something else, and to what it would say of a stack that breaks a promise.

mod deviations;
mod trail;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt as _, stream};
use local::deploy::STACK_NAME;
use local::emulator::Credentials;
use local::tap::{Call, Fault};
use serde_json::{Value, json};

use crate::tests;
use crate::world::{World, ask, ask_query};

tests! {
    beside_others: [
        every_promise_holds_or_it_is_said_why_not,
        what_could_not_be_looked_at_fails_a_machine_unless_it_is_accepted,
        parameters_are_compared_with_those_that_were_meant,
        purposes_are_compared_with_those_that_were_meant,
        a_trail_is_verified,
        what_aws_does_not_tell_is_unknown,
        its_role_has_the_rights_that_it_uses_and_no_others,
        code_that_was_not_built_is_found,
    ],
    // It runs the command for each deviation, and each run asks of everything.
    alone: [each_deviation_is_found_and_nothing_else]
}

/// What shall happen to a call of `idbellen verify`.
type Rule = Arc<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

/// A rule for the calls of an operation (or of a method and path) whose request says `text`.
fn on(operation: &'static str, text: &'static str, fault: Fault) -> Rule {
    Arc::new(move |call| {
        let asked = call.operation == operation || call.operation.strip_prefix("GET ").is_some_and(|path| path == operation);
        let asked = asked || call.says(&format!("Action={operation}&"));
        (asked && call.says(text)).then(|| fault.clone())
    })
}

/// A rule that changes the JSON of the answers to such calls.
fn change(operation: &'static str, text: &'static str, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Rule {
    on(operation, text, Fault::changed(move |_, json| change(json)))
}

/// What AWS says, and the emulator does not: it knows no TTL of the template, makes no metrics of logs, and gives the
/// limits of routes as the template writes them.
fn as_aws_says() -> Vec<Rule> {
    vec![
        change("DescribeTimeToLive", "", |json| {
            json["TimeToLiveDescription"] = json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"});
        }),
        change("GetMetricStatistics", "", |json| json["Datapoints"] = json!([{"Sum": 1.0, "Maximum": 59.0}])),
        Arc::new(|call| call.operation.ends_with("/stages").then(|| Fault::changed(|_, json| limits_as_aws_says(json)))),
    ]
}

/// `ThrottlingRateLimit` as `throttlingRateLimit`, and a parameter's text as a number.
fn limits_as_aws_says(stages: &mut Value) {
    let renamed = |limits: &Value| {
        let limits = limits.as_object().into_iter().flatten().map(|(name, limit)| {
            let number = limit.as_str().and_then(|text| text.parse::<f64>().ok()).map_or_else(|| limit.clone(), |one| json!(one));
            (name.replacen("Throttling", "throttling", 1), number)
        });
        limits.collect::<serde_json::Map<_, _>>()
    };
    for stage in stages["items"].as_array_mut().into_iter().flatten() {
        stage["defaultRouteSettings"] = renamed(&stage["defaultRouteSettings"]).into();
        for limits in stage["routeSettings"].as_object_mut().into_iter().flatten().map(|(_, limits)| limits) {
            *limits = renamed(limits).into();
        }
    }
}

/// What `idbellen verify` found.
struct Found {
    code: Option<i32>,
    checks: Vec<Value>,
    text: String,
    errors: String,
    calls: Vec<Call>,
}

impl Found {
    /// The subjects and promises with this result.
    fn with(&self, result: &str) -> BTreeSet<String> {
        let checks = self.checks.iter().filter(|check| check["result"] == result);
        checks.map(|check| name(&check["subject"], &check["promise"])).collect()
    }
}

fn name(subject: &Value, promise: &Value) -> String {
    format!("{}: {}", subject.as_str().unwrap_or_default(), promise.as_str().unwrap_or_default())
}

/// Credentials for the role that the stack has for it.
async fn role(world: &World) -> Result<Credentials> {
    let role = world.stack.deployment.outputs.get("VerifyRole").context("there is no VerifyRole")?;
    world.stack.assume_role(role).await
}

/// Runs it with its role. Of several rules for a call the first counts.
async fn verify(world: &World, rules: &[Rule], more: &[&str]) -> Result<Found> {
    let role = role(world).await?;
    let rules: Vec<Rule> = rules.iter().cloned().chain(as_aws_says()).collect();
    let caller = role.key_id.clone();
    let _rules = world.stack.to_aws.inject(move |call| {
        let ours = call.caller == caller;
        ours.then(|| rules.iter().find_map(|rule| rule(call))).flatten()
    });
    let mark = world.stack.to_aws.mark();
    let arguments: Vec<&str> = ["verify", STACK_NAME].into_iter().chain(more.iter().copied()).collect();
    let operator = world.operator().await?;
    let output = operator.run_as(&role, world.stack.to_aws.url(), &arguments, "").await?;
    let text = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let checks = if more.contains(&"--json") {
        let mut json: Value = serde_json::from_str(&text).with_context(|| format!("no JSON: {text}{errors}"))?;
        serde_json::from_value(json["checks"].take())?
    } else {
        Vec::new()
    };
    let mut calls = world.stack.to_aws.calls_since(mark);
    calls.retain(|call| call.caller == role.key_id);
    Ok(Found { code: output.status.code(), checks, text, errors, calls })
}

fn build(world: &World) -> Result<String> {
    let folder = world.stack.tools().folder().join("build");
    Ok(folder.to_str().context("the path of the build is not UTF-8")?.to_owned())
}

/// What can't be seen on this stack, and why the words are there.
const NOT_SEEN: [&str; 6] = [
    // The emulator does not know the operation.
    "all logs: no policy of the account sends lines elsewhere",
    // It was deployed without an audit account.
    "the trail: agents' lines go to another account",
    "the trail: there is one",
    // It was not told what was meant.
    "the stack: its parameters are those that you meant",
    "parameters: the purposes are those that you meant",
    // No account can see it.
    "the organisation: infra/organisation-policy.json and organisation-policy-calls.json are attached to the account",
];

async fn every_promise_holds_or_it_is_said_why_not(world: &World) -> Result<()> {
    let build = build(world)?;
    let found = verify(world, &[], &["--json", "--build", &build]).await?;
    assert_eq!(found.with("broken"), BTreeSet::new(), "{}", found.text);
    assert_eq!(found.with("unknown"), NOT_SEEN.map(str::to_owned).into(), "{}", found.text);
    ensure!(found.with("holds").len() + NOT_SEEN.len() == found.checks.len(), "two checks have one name");
    ensure!(found.checks.len() > 190, "{} checks are few", found.checks.len());
    assert_eq!(found.code, Some(0));
    for check in found.checks {
        let explained = ["reason", "action"].iter().all(|name| check[name].as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(explained, check["result"] != "holds", "{check}");
    }
    let printed = verify(world, &[], &[]).await?.text;
    ensure!(printed.contains("table Records\n  ✔ DynamoDB deletes what is past expires_at\n"), "{printed}");
    ensure!(printed.contains("  ? its code is what was built\n      why:   there is nothing to compare it with\n"), "{printed}");
    Ok(())
}

async fn what_could_not_be_looked_at_fails_a_machine_unless_it_is_accepted(world: &World) -> Result<()> {
    let build = build(world)?;
    let file = world.stack.folder().join("accepted.txt");
    let path = file.to_str().context("the path is not UTF-8")?;
    let strictly =
        async |rules: &[Rule], more: &[&str]| verify(world, rules, &[&["--build", &build, "--strict"], more].concat()).await;
    let accepting = async |rules: &[Rule], names: &str| {
        std::fs::write(&file, names)?;
        strictly(rules, &["--accept", path]).await
    };
    let found = strictly(&[], &[]).await?;
    assert_eq!(found.code, Some(1));
    for name in NOT_SEEN {
        ensure!(found.errors.contains(&format!("\n  {name}")), "{name} is not named: {}", found.errors);
    }
    let all = format!("# Accepted, and why.\n{}\n", NOT_SEEN.join("\n"));
    let found = accepting(&[], &all).await?;
    assert_eq!((found.code, found.errors.as_str()), (Some(0), ""));
    let found = accepting(&[], &all.replace(NOT_SEEN[0], "")).await?;
    ensure!(found.code == Some(1) && found.errors.contains(NOT_SEEN[0]), "{}", found.errors);
    // Someone takes a right from the role: what the machine would have found, it can't see.
    let refused = [on("DescribeTimeToLive", "records", Fault::exception("AccessDeniedException"))];
    let found = accepting(&refused, &all).await?;
    let unseen = "table Records: DynamoDB deletes what is past expires_at";
    ensure!(found.code == Some(1) && found.errors.contains(unseen), "{:?} {}", found.code, found.errors);
    // Of a key that can't be described nothing else goes unsaid.
    let refused = [on("DescribeKey", "local-token", Fault::exception("AccessDeniedException"))];
    let found = accepting(&refused, &all).await?;
    for promise in ["enabled, of", "it names the", "its policy", "no grant", "its tags", "KMS makes new material"] {
        let name = format!("key alias/idbellen-local-token: {promise}");
        ensure!(found.code == Some(1) && found.errors.contains(&name), "{name} is not named: {}", found.errors);
    }
    // What is accepted for nothing is told, and does no harm.
    let found = accepting(&[], &format!("{all}table Records: no stream\ntable Recards: no stream\n")).await?;
    for remark in ["could be looked at: table Records: no stream\n", "has the name: table Recards: no stream\n"] {
        ensure!(found.code == Some(0) && found.errors.contains(remark), "{remark}: {}", found.errors);
    }
    // A promise that is not kept can't be accepted.
    let stopped = on("ListBackups", "records", Fault::answer(200, r#"{"BackupSummaries":[{"BackupArn":"x"}]}"#));
    let found = accepting(&[stopped], &format!("{all}table Records: no backup made by DynamoDB\n")).await?;
    assert_eq!(found.code, Some(1));
    std::fs::remove_file(&file)?;
    let alone = world.operator().await?.run(&["verify", STACK_NAME, "--accept", path], "").await;
    ensure!(alone.is_err_and(|error| error.to_string().contains("--strict")), "a list is of no use without --strict");
    Ok(())
}

async fn purposes_are_compared_with_those_that_were_meant(world: &World) -> Result<()> {
    const PROMISE: &str = "parameters: the purposes are those that you meant";
    let folder = world.stack.folder().join("meant-purposes");
    std::fs::create_dir_all(&folder)?;
    let mut stored = Vec::new();
    for name in ["afspraak", "burgerzaken"] {
        let file = format!("{name}.json");
        let text = std::fs::read_to_string(world.stack.tools().checkout().join("infra/purposes").join(&file))?;
        let purpose: Value = serde_json::from_str(&text)?;
        stored.push(json!({"Name": format!("/idbellen/local/purposes/{name}"), "Value": purpose.to_string()}));
        std::fs::write(folder.join(&file), text)?;
    }
    let path = folder.to_str().context("the path is not UTF-8")?;
    let with = async |change: &dyn Fn(&mut Vec<Value>)| {
        let mut stored = stored.clone();
        change(&mut stored);
        let rule = on("GetParametersByPath", "", Fault::answer(200, json!({"Parameters": stored}).to_string()));
        verify(world, &[rule], &["--json", "--expect-purposes", path]).await
    };
    let found = with(&|_| {}).await?;
    ensure!(found.with("holds").contains(PROMISE), "{}", found.text);
    let found = with(&|stored| {
        let elsewhere = stored[0]["Value"].as_str().map(|text| text.replace("+31200000002", "+31200000009"));
        stored[0]["Value"] = json!(elsewhere);
    });
    let found = found.await?;
    assert_eq!((found.with("broken"), found.code), ([PROMISE.to_owned()].into(), Some(1)));
    ensure!(found.text.contains("afspraak has another phoneNumber"), "{}", found.text);
    let found = with(&|stored| stored.truncate(1)).await?;
    assert_eq!(found.with("broken"), [PROMISE.to_owned()].into());
    std::fs::remove_dir_all(&folder)?;
    let operator = world.operator().await?;
    let run = operator.run(&["verify", STACK_NAME, "--expect-purposes", path], "").await;
    ensure!(run.is_err_and(|error| error.to_string().contains("can't be read")), "it takes a folder that is not there");
    Ok(())
}

async fn each_deviation_is_found_and_nothing_else(world: &World) -> Result<()> {
    let usual = verify(world, &[], &["--json"]).await?;
    let stack = stack(world).await?;
    let deviations = deviations::all(&stack);
    ensure!(deviations.len() >= 10, "{} are few", deviations.len());
    let tried = stream::iter(deviations).map(|deviation| async move {
        let found = verify(world, &deviation.rules, &["--json"]).await?;
        anyhow::Ok((deviation, found))
    });
    let mut wrong = String::new();
    let mut tried = tried.buffer_unordered(4);
    while let Some(result) = tried.next().await {
        let (deviation, found) = result?;
        let broken: BTreeSet<String> = [deviation.breaks.to_owned()].into();
        if found.with("broken") != broken {
            writeln!(wrong, "{}: expected {broken:?}, found {:?}", deviation.what, found.with("broken"))?;
        }
        let mut unknown = usual.with("unknown");
        unknown.remove(deviation.breaks);
        if found.with("unknown") != unknown {
            writeln!(wrong, "{}: unknown are {:?}", deviation.what, found.with("unknown"))?;
        }
        if found.code != Some(1) {
            writeln!(wrong, "{}: exit code {:?}", deviation.what, found.code)?;
        }
    }
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(())
}

/// What CloudFormation says of the stack: `DescribeStacks` and `ListStackResources`.
struct Described {
    stack: String,
    resources: String,
    api: String,
}

async fn stack(world: &World) -> Result<Described> {
    let ask = async |operation: &str| {
        let body = format!("Action={operation}&StackName={STACK_NAME}&Version=2010-05-15");
        ask_query(world, "cloudformation", &body).await
    };
    let api = world.stack.deployment.api_id.clone();
    Ok(Described { stack: ask("DescribeStacks").await?, resources: ask("ListStackResources").await?, api })
}

async fn parameters_are_compared_with_those_that_were_meant(world: &World) -> Result<()> {
    let promise = "the stack: its parameters are those that you meant".to_owned();
    let described = stack(world).await?.stack;
    let mut meant = serde_json::Map::new();
    for part in described.split("<ParameterKey>").skip(1) {
        let (name, rest) = part.split_once("</ParameterKey>").context("a parameter without a name")?;
        let value = rest.split_once("<ParameterValue>").and_then(|(_, rest)| rest.split_once("</ParameterValue>"));
        meant.insert(name.to_owned(), json!(value.map_or("", |(value, _)| value)));
    }
    let file = world.stack.folder().join("parameters.json");
    let path = file.to_str().context("the path is not UTF-8")?;
    std::fs::write(&file, Value::from(meant.clone()).to_string())?;
    let found = verify(world, &[], &["--json", "--expect", path]).await?;
    ensure!(found.with("holds").contains(&promise), "{}", found.text);
    meant["OidcIssuer"] = json!("https://login.example.nl");
    std::fs::write(&file, Value::from(meant).to_string())?;
    let found = verify(world, &[], &["--json", "--expect", path]).await?;
    assert_eq!(found.with("broken"), [promise].into());
    ensure!(found.text.contains("OidcIssuer is ") && !found.text.contains("OidcAudience is "), "{}", found.text);
    std::fs::write(&file, "[]")?;
    let operator = world.operator().await?;
    let run = operator.run(&["verify", STACK_NAME, "--expect", path], "").await;
    ensure!(run.is_err_and(|error| error.to_string().contains("is no JSON object of parameters")), "it takes a list");
    std::fs::remove_file(&file)?;
    Ok(())
}

async fn a_trail_is_verified(world: &World) -> Result<()> {
    let stack = stack(world).await?;
    let found = verify(world, &trail::rules(&stack, &trail::status()), &["--json"]).await?;
    assert_eq!(found.with("broken"), BTreeSet::new(), "{}", found.text);
    assert_eq!(found.with("holds").iter().filter(|name| name.starts_with("the trail: ")).count(), 6, "{}", found.text);
    // The key alone does not tell whose the bucket is, nor does the bucket's name alone.
    let key = "arn:aws:kms:eu-central-1:111111111111:key/x";
    for (bucket, key) in [("audit", key), ("idbellen-local-audit-222222222222", key), ("idbellen-local-audit-111111111111", "")] {
        let found = verify(world, &trail::rules_with(&stack, bucket, key), &["--json"]).await?;
        ensure!(found.with("unknown").contains("the trail: its bucket is in another account"), "{bucket} {key}: {}", found.text);
    }
    for (what, breaks, rules) in trail::deviations(&stack) {
        let found = verify(world, &rules, &["--json"]).await?;
        assert_eq!(found.with("broken"), [breaks.to_owned()].into(), "{what}");
    }
    Ok(())
}

async fn what_aws_does_not_tell_is_unknown(world: &World) -> Result<()> {
    let refused: Rule = Arc::new(|call| {
        let of_stack = call.says("Action=DescribeStacks") || call.says("Action=ListStackResources");
        (!of_stack).then(|| Fault::exception("AccessDeniedException"))
    });
    let found = verify(world, &[refused], &["--json"]).await?;
    let holds = found.with("holds");
    ensure!(holds.len() == 3 && holds.iter().all(|name| name.starts_with("the stack: ")), "{holds:?}");
    assert_eq!(found.with("broken"), BTreeSet::new());
    let nothing: Rule = Arc::new(|call| (!call.says("Action=")).then(|| Fault::answer(200, "{}")));
    let found = verify(world, &[nothing], &["--json"]).await?;
    let wrong: Vec<String> =
        found.with("holds").into_iter().filter(|name| !name.starts_with("role ") && !name.starts_with("the stack: ")).collect();
    ensure!(wrong.is_empty(), "an empty answer is taken for a good one: {wrong:?}");
    // What it does not look at, it says.
    let described = stack(world).await?.stack;
    let without = "<ParameterKey>WebSites</ParameterKey><ParameterValue>no";
    ensure!(described.contains(without), "{described}");
    let with = on("DescribeStacks", "", Fault::answer(200, described.replace(without, &without.replace("no", "yes"))));
    let found = verify(world, &[with], &["--json"]).await?;
    ensure!(found.with("unknown").contains("the web sites: they are what was built"), "{}", found.text);
    // AWS adds settings that may let data out.
    let new = change("/2015-03-31/functions/idbellen-local-agent-lookup", "", |json| {
        json["Configuration"]["BroadcastConfig"] = json!({"To": "everyone"});
    });
    let found = verify(world, &[new], &["--json"]).await?;
    assert_eq!(found.with("broken"), BTreeSet::new());
    ensure!(found.with("unknown").contains("function AgentLookup: it has no setting that this command does not know"));
    Ok(())
}

async fn its_role_has_the_rights_that_it_uses_and_no_others(world: &World) -> Result<()> {
    let stack = stack(world).await?;
    let mut calls = verify(world, &[], &["--json"]).await?.calls;
    calls.extend(verify(world, &trail::rules(&stack, &trail::status()), &["--json"]).await?.calls);
    let used: BTreeSet<String> = calls.iter().map(action).collect::<Result<_>>()?;
    let policy = "Action=GetRolePolicy&RoleName=idbellen-local-verify&PolicyName=verify&Version=2010-05-08";
    let policy = ask_query(world, "iam", policy).await?;
    // Each action stands in the policy as `%22dynamodb%3ADescribeTable%22`.
    let policy = policy.replace("%22", "\"").replace("%3A", ":");
    let is_action = |text: &&str| {
        let (service, operation) = text.split_once(':').unwrap_or_default();
        !service.is_empty()
            && service.chars().all(|letter| letter.is_ascii_lowercase())
            && !operation.is_empty()
            && operation.chars().all(|letter| letter.is_ascii_alphabetic())
            // A condition's key.
            && *text != "kms:ResourceAliases"
    };
    let given: BTreeSet<String> = policy.split('"').filter(is_action).map(str::to_owned).collect();
    assert_eq!(used, given);
    Ok(())
}

/// The IAM action of a call.
fn action(call: &Call) -> Result<String> {
    let service = call.service.replace("monitoring", "cloudwatch");
    let body = String::from_utf8_lossy(&call.body);
    let named = body.strip_prefix("Action=").and_then(|rest| rest.split('&').next());
    let path = call.operation.strip_prefix("GET ").map(|path| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    let operation = match (service.as_str(), named, path) {
        (_, Some(operation), _) => operation,
        ("apigateway", _, Some(_)) => "GET",
        ("backup", _, Some("recovery-points")) => "ListRecoveryPointsByResource",
        ("scheduler", _, Some(_)) => "GetSchedule",
        ("lambda", _, Some("policy")) => "GetPolicy",
        ("lambda", _, Some("urls")) => "ListFunctionUrlConfigs",
        ("lambda", _, Some("versions")) => "ListVersionsByFunction",
        ("lambda", _, Some("aliases")) => "ListAliases",
        ("lambda", _, Some("list")) => "ListFunctionEventInvokeConfigs",
        ("lambda", _, Some(_)) => "GetFunction",
        (_, None, None) => &call.operation,
        _ => anyhow::bail!("{service} was asked {}", call.operation),
    };
    Ok(format!("{service}:{operation}"))
}

async fn code_that_was_not_built_is_found(world: &World) -> Result<()> {
    let (built, other) = (build(world)?, world.stack.folder().join("other-build"));
    for function in world.stack.deployment.functions.keys() {
        std::fs::create_dir_all(other.join(function))?;
        let mut program = std::fs::read(format!("{built}/{function}/bootstrap"))?;
        if function == "AgentLookup" {
            program.push(0);
        }
        std::fs::write(other.join(function).join("bootstrap"), program)?;
    }
    let folder = other.to_str().context("the path of the build is not UTF-8")?;
    let found = verify(world, &[], &["--json", "--build", folder]).await?;
    assert_eq!(found.with("broken"), ["function AgentLookup: its code is what was built".to_owned()].into());
    std::fs::remove_dir_all(&other)?;
    // What came is not what Lambda says that it runs.
    let another = change("/2015-03-31/functions/idbellen-local-agent-lookup", "", |json| {
        json["Configuration"]["CodeSha256"] = json!("AAAA");
    });
    let found = verify(world, &[another], &["--json", "--build", &built]).await?;
    ensure!(found.with("unknown").contains("function AgentLookup: its code is what was built"));
    // The parameter is there, as `ask` shows; the command never asked for its value.
    let name = json!({"Name": "/idbellen/local/irma-requestor-token"}).to_string();
    ask(world, "ssm", "AmazonSSM.GetParameter", &name).await?;
    ensure!(!found.calls.iter().any(|call| call.operation == "GetParameter" && call.says("irma-requestor-token")));
    Ok(())
}
