//! What the trail of a hundred calls proves, by `idbellen report`. On a stack of its own: on the other one, tests act as
//! outsiders.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use local::call::{Caller, Dialled};
use local::operate::{Operator, STAGE};
use local::tap::Fault;
use local::wallet::{Person, Wallet};
use local::{Options, Stack};
use serde_json::{Value, json};
use shared::audit::Pseudonym;
use shared::clock::now;
use shared::secret::Secret;

use crate::tests;
use crate::world::{BSN_AND_NAME, World};

tests! {
    beside_others: [],
    // A hundred calls on a second stack leave the first one waiting.
    alone: [the_report_tells_what_happened_to_each_of_a_hundred_calls_and_flags_the_outsider]
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plot {
    /// An agent looks up and clears.
    Cleared,
    /// Anna looks up, and then Bram, who clears.
    Transferred,
    /// The caller hangs up before an agent looks; telephony clears.
    Abandoned,
    /// The citizen says no, and calls no one.
    Declined,
    /// The citizen discloses, and calls no one.
    Expired,
}

const PLOTS: [(Plot, usize); 5] =
    [(Plot::Cleared, 50), (Plot::Transferred, 15), (Plot::Abandoned, 15), (Plot::Declined, 10), (Plot::Expired, 10)];

/// The shortest that a record can live, in seconds: the sweep takes it, and its code, after a minute.
const LIFETIME: i64 = 300;
/// More than a minute, and less than what makes AWS's client or service refuse the signature, in seconds.
const LATER: i64 = 120;

/// So many at a time.
const AT_A_TIME: usize = 4;

async fn the_report_tells_what_happened_to_each_of_a_hundred_calls_and_flags_the_outsider(_: &World) -> Result<()> {
    let parameters = vec![("RecordLifetimeSeconds".to_owned(), LIFETIME.to_string())];
    let stack = Stack::up(&Options { parameters, ..Options::default() }, &|_| {}).await?;
    let told = tell(&stack).await;
    if told.is_err() {
        stack.keep_folder().await?;
    }
    stack.down().await;
    told
}

async fn tell(stack: &Stack) -> Result<()> {
    let operator = Operator::of(stack, &|_| {}).await?;
    operator.fill_parameters().await?;
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let role = stack.deployment.resources.get("ExpireRecordsEveryMinuteRole").context("the schedule has no role")?;
    let schedule = stack.assume_role(&format!("arn:aws:iam::000000000000:role/{role}")).await?;

    let since = SystemTime::now();
    let telephony = stack.telephony().await?;
    let plots = PLOTS.into_iter().flat_map(|(plot, many)| std::iter::repeat_n(plot, many)).enumerate();
    let calls = stream::iter(plots).map(|(number, plot)| play(stack, &wallet, &telephony, number, plot));
    let references: Vec<(Plot, Option<String>)> = calls.buffer_unordered(AT_A_TIME).try_collect().await?;
    // Who has the right to, reads a record.
    let read = read_by_root(stack, &wallet).await?;

    // The sweep goes by the database's clock: for it, all of these have passed.
    let clock = Fault::dated(now() + LATER);
    let _later =
        stack.to_aws.inject(move |call| (call.caller == "ExpireRecords" && call.operation == "Query").then(|| clock.clone()));
    let swept = stack.invoke(&schedule, "ExpireRecords", &json!({})).await?;
    ensure!(swept.status == 200 && !swept.failed, "the sweep failed: {}", swept.payload);

    let folder = stack.folder().join("trail");
    stack.write_trail(since, &[(schedule.key_id.clone(), role.clone())], &folder).await?;
    let report = folder.join("report.json");
    let path = |path: &std::path::Path| path.to_str().map(str::to_owned).context("a path is not UTF-8");
    let (folder, file) = (path(&folder)?, path(&report)?);
    let arguments =
        ["report", "--stage", STAGE, "--account", "000000000000", "--folder", &folder, "--json", &file, "--language", "en"];
    let mut command = tokio::process::Command::from(operator.command(&arguments, stack.aws_url(), stack.root()));
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.code() == Some(1), "the outsider was not flagged: {said}");
    let report: Value = serde_json::from_slice(&fs::read(&report)?)?;

    for statement in report["statements"].as_array().context("no statements")? {
        let expected = if statement["id"] == "others" { "violated" } else { "proven" };
        ensure!(statement["verdict"] == expected, "{said}");
    }
    let findings = report["findings"].as_array().context("no findings")?;
    let [exchange] = report["telephony"].as_array().context("no telephony")?.as_slice() else {
        anyhow::bail!("not one took on telephony's role: {said}")
    };
    // Once for all calls, and once for that of which root read the record.
    ensure!(exchange["count"] == 2, "{exchange}");
    let others: Vec<&Value> = findings.iter().filter(|finding| finding["kind"] != "roleUsed").collect();
    let [outsider] = others.as_slice() else { anyhow::bail!("not one finding: {said}") };
    ensure!(outsider["kind"] == "access" && outsider["action"] == "dynamodb:GetItem", "{outsider}");
    ensure!(outsider["who"] == "arn:aws:iam::000000000000:root" && outsider["reference"] == read.as_str(), "{outsider}");

    let many = |plots: &[Plot]| PLOTS.iter().filter(|(plot, _)| plots.contains(plot)).map(|(_, many)| many).sum::<usize>();
    let counts = &report["counts"];
    // And the one that was read by root.
    ensure!(counts["records"] == many(&PLOTS.map(|(plot, _)| plot)) + 1, "{counts}");
    ensure!(counts["agent"] == many(&[Plot::Cleared, Plot::Transferred]) + 1, "{counts}");
    ensure!(counts["telephony"] == many(&[Plot::Abandoned]), "{counts}");
    ensure!(counts["sweep"] == many(&[Plot::Declined, Plot::Expired]), "{counts}");
    let records = report["records"].as_array().context("no records")?;
    for (plot, reference) in references {
        let Some(reference) = reference else { continue };
        let record = records.iter().find(|record| record["reference"] == reference.as_str());
        let record = record.with_context(|| format!("{reference} is not in the report"))?;
        let agent = |name: &str| Pseudonym::of(name).to_string();
        let (cleared_by, looked) =
            if plot == Plot::Transferred { ("bram", vec![agent("anna"), agent("bram")]) } else { ("anna", vec![agent("anna")]) };
        ensure!(record["endedBy"] == "agent" && record["endedByWhom"] == agent(cleared_by), "{record}");
        let agents = |list: &str, of: &dyn Fn(&Value) -> bool| -> Result<BTreeSet<String>> {
            let list = record[list].as_array().context("no agents")?.iter();
            Ok(list.filter(|one| of(one)).filter_map(|one| one["agent"].as_str().map(str::to_owned)).collect())
        };
        // The trail says so, and so do the lines.
        let marked = agents("agents", &|one| one["action"] == "lookup" && one["answered"] == true)?;
        let told = agents("lines", &|one| one["action"] == "lookup" && one["outcome"] == "disclosed")?;
        let looked: BTreeSet<String> = looked.into_iter().collect();
        ensure!(marked == looked && told == looked, "{record}");
        let cleared = agents("agents", &|one| one["action"] == "clear" && one["answered"] == true)?;
        ensure!(cleared == BTreeSet::from([agent(cleared_by)]), "{record}");
        ensure!(record["verdict"] == "proven", "{record}");
    }
    let text = fs::read_to_string(&file)?;
    ensure!(!text.contains(Person::WILLEKE.bsn) && !text.contains(Person::WILLEKE.familyname), "the report tells who called");
    Ok(())
}

/// Plays a call. Gives its reference, if an agent saw one.
async fn play(stack: &Stack, wallet: &Wallet, telephony: &Caller, number: usize, plot: Plot) -> Result<(Plot, Option<String>)> {
    let contact = |leg: u8| format!("00000000-0000-4000-8000-{number:011}{leg}");
    let session = stack.start_session(BSN_AND_NAME).await?;
    if plot == Plot::Declined {
        wallet.decline(&session.pointer).await?;
        return Ok((plot, None));
    }
    let dialled = Dialled::read(&wallet.perform(&session.pointer).await?)?;
    if plot == Plot::Expired {
        return Ok((plot, None));
    }
    let secret = stack.secret_for(telephony, &dialled.code, &contact(0)).await?;
    if plot == Plot::Abandoned {
        stack.post(telephony, "/telephony/clear", &json!({"secret": secret})).await?.expect(204)?;
        return Ok((plot, None));
    }
    let shown = stack.look_up_until_ended("anna", &secret, Some(&contact(0))).await?.expect(200)?;
    let reference = shown["reference"].as_str().context("no reference")?.to_owned();
    if plot == Plot::Transferred {
        // Nobody takes a call over in less: the trail gives whole seconds.
        next_second().await;
        stack.look_up("bram", &secret, Some(&contact(1))).await?.expect(200)?;
        stack.clear("anna", &secret, Some(&contact(0))).await?.expect(204)?;
        stack.clear("bram", &secret, Some(&contact(1))).await?.expect(204)?;
    } else {
        stack.clear("anna", &secret, Some(&contact(0))).await?.expect(204)?;
    }
    Ok((plot, Some(reference)))
}

/// Waits until the next second begins.
async fn next_second() {
    let began = now();
    while now() == began {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Plays a call during which the root user reads the record. Gives its reference.
async fn read_by_root(stack: &Stack, wallet: &Wallet) -> Result<String> {
    const CONTACT: Option<&str> = Some("00000000-0000-4000-8000-900000000000");
    let dialled = stack.disclose(wallet, BSN_AND_NAME).await?;
    let secret = stack.secret(&dialled.code, CONTACT.unwrap_or_default()).await?;
    stack.look_up_until_ended("anna", &secret, CONTACT).await?.expect(200)?;
    let id = secret.parse::<Secret>().map_err(|_| anyhow!("that is no secret"))?.record_id();
    let key = AttributeValue::S(id.to_string());
    let item = stack.dynamodb().get_item().table_name(stack.table("Records")?).key("id", key).send().await?;
    ensure!(item.item.is_some(), "the root user can't read the record");
    stack.clear("anna", &secret, CONTACT).await?.expect(204)?;
    Ok(id.reference().to_string())
}
