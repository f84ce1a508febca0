//! A new code key takes over while calls come and go, and is interrupted at every step.
//!
//! The command `idbellen code-key swap` is the real one, against the emulator's KMS. Half an hour can't pass in a test: in
//! its place, KMS says of aliases and keys that they were changed and made so much earlier, each by all the time that is said
//! to have passed since. Codes under the old key would be dead by then; here they are used before.

mod time;

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join;
use local::emulator::Credentials;
use local::operate::Operator;
use local::tap::{Call, Fault, Injected, Tap};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use self::time::Time;
use crate::rights;
use crate::tests;
use crate::world::{BSN_AND_NAME, World, ask};

tests! {
    beside_others: [],
    // A key that goes takes the codes of other tests along.
    alone: [
        a_swap_loses_no_call,
        a_swap_that_fails_or_gets_no_answer_at_any_step_goes_on_when_run_again,
        a_swap_leaves_alone_what_it_did_not_make,
        a_swap_takes_no_key_that_only_says_that_it_is_the_new_one,
        a_swap_deletes_no_key_that_only_a_tag_names,
    ]
}

/// All that the operator must be allowed. `docs/running.md` and the command's help say the same.
const NEEDED: [&str; 9] = [
    "CreateKey",
    "DescribeKey",
    "GetKeyPolicy",
    "ListAliases",
    "ListKeys",
    "ListResourceTags",
    "ScheduleKeyDeletion",
    "TagResource",
    "UpdateAlias",
];

const ALIASES: [&str; 3] = ["previous", "current", "next"];
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// An operator who may do what a swap needs and no more, and a KMS that says as much later as the test wants.
struct Swap<'a> {
    world: &'a World,
    operator: Operator<'a>,
    who: Credentials,
    kms: Tap,
    time: Arc<Time>,
    /// So many seconds KMS's clock is ahead of ours.
    ahead: Arc<AtomicI64>,
}

/// What a run of the command came to.
struct Run {
    out: String,
    err: String,
    /// Whether it ended well; `None` if it was stopped while it waited.
    ended: Option<bool>,
}

impl<'a> Swap<'a> {
    async fn of(world: &'a World) -> Result<Self> {
        let actions = NEEDED.map(|action| format!("kms:{action}"));
        let who = rights::role_with(world, "code-key-operator", &actions).await?;
        let address = world.stack.aws_url();
        let kms = Tap::start(0, address.trim_start_matches("http://")).await?;
        Ok(Self { world, operator: world.operator().await?, who, kms, time: Arc::default(), ahead: Arc::default() })
    }

    /// Has KMS say that so many seconds have passed since the last change, until an alias changes.
    fn passes(&self, seconds: i64) -> Injected {
        let (time, ahead) = (Arc::clone(&self.time), Arc::clone(&self.ahead));
        time.passes(seconds);
        self.kms.inject(move |call: &Call| time.of(call, ahead.load(Ordering::Relaxed)))
    }

    /// Runs the command until it waits or ends.
    async fn run(&self) -> Result<Run> {
        self.run_with(&["--yes"]).await
    }

    async fn run_with(&self, more: &[&str]) -> Result<Run> {
        let arguments = [&["code-key", "swap", "--stage", "local"], more].concat();
        let command = self.operator.command(&arguments, self.kms.url(), &self.who);
        let mut child = Command::from(command).stdin(Stdio::null()).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut run = Run { out: String::new(), err: String::new(), ended: None };
        while let Some(line) = lines.next_line().await? {
            run.out += &line;
            run.out.push('\n');
            if line.starts_with("Waiting") {
                child.kill().await?;
                return Ok(run);
            }
        }
        child.stderr.take().context("no errors")?.read_to_string(&mut run.err).await?;
        run.ended = Some(child.wait().await?.success());
        Ok(run)
    }

    /// Runs the command, which must come to wait for this.
    async fn run_until_it_waits(&self, what: &str) -> Result<()> {
        let run = self.run().await?;
        ensure!(run.ended.is_none() && run.out.contains(what), "it does not wait {what}: {}{}", run.out, run.err);
        Ok(())
    }
}

/// The ids of the keys that the aliases name: previous, current, next.
async fn named(world: &World) -> Result<[String; 3]> {
    let listed = ask(world, "kms", "TrentService.ListAliases", "{}").await?;
    let listed = listed["Aliases"].as_array().context("no aliases")?;
    let target = |alias: &str| {
        let name = format!("alias/idbellen-local-code-{alias}");
        let entry = listed.iter().find(|entry| entry["AliasName"] == name.as_str());
        entry.and_then(|entry| entry["TargetKeyId"].as_str()).unwrap_or_default().to_owned()
    };
    Ok(ALIASES.map(target))
}

/// The ids of all keys.
async fn keys(world: &World) -> Result<BTreeSet<String>> {
    let listed = ask(world, "kms", "TrentService.ListKeys", "{}").await?;
    let listed = listed["Keys"].as_array().context("no keys")?;
    Ok(listed.iter().filter_map(|key| key["KeyId"].as_str().map(str::to_owned)).collect())
}

async fn describe(world: &World, key: &str) -> Result<Value> {
    let described = ask(world, "kms", "TrentService.DescribeKey", &json!({"KeyId": key}).to_string()).await?;
    Ok(described["KeyMetadata"].clone())
}

async fn policy(world: &World, key: &str) -> Result<Value> {
    let asked = json!({"KeyId": key, "PolicyName": "default"}).to_string();
    let answer = ask(world, "kms", "TrentService.GetKeyPolicy", &asked).await?;
    Ok(serde_json::from_str(answer["Policy"].as_str().context("no policy")?)?)
}

/// The code of a session that was just started.
async fn code(world: &World) -> Result<String> {
    Ok(world.start(BSN_AND_NAME).await?.code)
}

/// Each of these codes gives its secret.
async fn all_work(world: &World, codes: impl IntoIterator<Item = String>) -> Result<()> {
    for code in codes {
        world.stack.secret(&code, &world.contact()).await.context("a code is lost")?;
    }
    Ok(())
}

/// Calls, one after the other, until it is over.
async fn calls(world: &World, over: &AtomicBool) -> Result<u32> {
    let mut calls = 0;
    while !over.load(Ordering::Relaxed) {
        all_work(world, [code(world).await?]).await?;
        calls += 1;
    }
    Ok(calls)
}

async fn a_swap_loses_no_call(world: &World) -> Result<()> {
    let swap = Swap::of(world).await?;
    let over = AtomicBool::new(false);
    let swapping = async {
        let done = swap_step_by_step(&swap).await;
        over.store(true, Ordering::Relaxed);
        done
    };
    // That one of them fails, ends both.
    let ((), made) = try_join(swapping, calls(world, &over)).await?;
    ensure!(made >= 5, "{made} calls are few");

    // With the new key, everyone can do what they could, and nothing else.
    rights::hold_of_keys(world).await
}

async fn swap_step_by_step(swap: &Swap<'_>) -> Result<()> {
    let world = swap.world;
    let [old, ..] = named(world).await?;
    let before = keys(world).await?;
    let [first, second, third] = [code(world).await?, code(world).await?, code(world).await?];

    // At the latest a day after another swap.
    let time = swap.passes(DAY + MINUTE);
    swap.run_until_it_waits("until codes are looked for under the new key").await?;
    drop(time);
    let new = keys(world).await?.difference(&before).next().context("there is no new key")?.clone();
    assert_eq!(named(world).await?, [&old, &old, &new].map(String::clone));
    all_work(world, [first, code(world).await?]).await?;
    assert_eq!(policy(world, &new).await?, policy(world, &old).await?);
    for same in ["Description", "KeySpec", "KeyUsage", "KeyState", "MultiRegion"] {
        assert_eq!(describe(world, &new).await?[same], describe(world, &old).await?[same], "{same}");
    }

    // Too early, again and again.
    for passed in [0, 9 * MINUTE] {
        let _time = swap.passes(passed);
        swap.run_until_it_waits("until codes are looked for under the new key").await?;
        assert_eq!(named(world).await?, [&old, &old, &new].map(String::clone));
    }

    // KMS's clock counts, not ours: by that one it is a minute too early.
    let time = swap.passes(9 * MINUTE);
    swap.ahead.store(MINUTE, Ordering::Relaxed);
    swap.run_until_it_waits("until every code under the old key is dead").await?;
    drop(time);
    swap.ahead.store(0, Ordering::Relaxed);
    assert_eq!(named(world).await?, [&old, &new, &new].map(String::clone));
    let with_the_new = code(world).await?;
    all_work(world, [second, code(world).await?]).await?;

    for passed in [0, 28 * MINUTE] {
        let _time = swap.passes(passed);
        swap.run_until_it_waits("until every code under the old key is dead").await?;
        assert_eq!(named(world).await?, [&old, &new, &new].map(String::clone));
    }
    all_work(world, [third]).await?;

    let time = swap.passes(30 * MINUTE);
    swap.run_until_it_waits("until no one asks the old key any more").await?;
    drop(time);
    assert_eq!(named(world).await?, [&new, &new, &new].map(String::clone));
    all_work(world, [with_the_new, code(world).await?]).await?;
    let last = code(world).await?;

    let time = swap.passes(9 * MINUTE);
    swap.run_until_it_waits("until no one asks the old key any more").await?;
    drop(time);
    assert_eq!(describe(world, &old).await?["KeyState"], "Enabled");

    let time = swap.passes(10 * MINUTE);
    let run = swap.run().await?;
    ensure!(run.ended == Some(true) && run.out.contains("Done."), "{}{}", run.out, run.err);
    drop(time);
    assert_eq!(describe(world, &old).await?["KeyState"], "PendingDeletion");
    assert_eq!(describe(world, &new).await?["KeyState"], "Enabled");

    // Whoever wants to know whether it is done starts no other swap.
    let run = swap.run().await?;
    ensure!(run.ended == Some(true) && run.out.starts_with("Done:"), "{}{}", run.out, run.err);
    assert_eq!(named(world).await?, [&new, &new, &new].map(String::clone));
    assert_eq!(keys(world).await?.len(), before.len() + 1);
    all_work(world, [last, code(world).await?]).await?;

    // It asked for what it needs, and nothing else. Tags are given with a key, and need a right of their own.
    let asked: BTreeSet<String> = swap.kms.calls_since(0).into_iter().map(|call| call.operation).collect();
    let needed = NEEDED.iter().filter(|action| **action != "TagResource").map(|&action| action.to_owned());
    assert_eq!(asked, needed.collect());
    let guide = fs::read_to_string(world.stack.tools().checkout().join("docs/running.md"))?;
    let help = world.operator().await?.run(&["code-key", "swap", "--help"], "").await?;
    for action in NEEDED {
        ensure!(guide.contains(&format!("`kms:{action}`")), "docs/running.md does not name {action}");
        ensure!(help.contains(&format!("kms:{action}")), "the help does not name {action}");
    }
    Ok(())
}

async fn a_swap_that_fails_or_gets_no_answer_at_any_step_goes_on_when_run_again(world: &World) -> Result<()> {
    let swap = Swap::of(world).await?;
    let [old, ..] = named(world).await?;
    let before = keys(world).await?;
    for (step, passed) in [
        ("CreateKey", DAY + MINUTE),
        ("code-next", DAY + MINUTE),
        ("code-current", 10 * MINUTE),
        ("code-previous", 30 * MINUTE),
        ("ScheduleKeyDeletion", 10 * MINUTE),
    ] {
        let is_step = move |call: &Call| call.operation == step || (call.operation == "UpdateAlias" && call.says(step));
        for fault in [Fault::exception("LimitExceededException"), Fault::lost(500)] {
            let failing = swap.kms.inject(move |call: &Call| is_step(call).then(|| fault.clone()));
            let _time = swap.passes(passed);
            let mark = swap.kms.mark();
            let run = swap.run().await?;
            drop(failing);
            let was_tried = swap.kms.calls_since(mark).iter().any(is_step);
            ensure!(was_tried && run.ended == Some(false), "{step}: {}{}", run.out, run.err);
            ensure!(run.err.contains("run the command again"), "{step}: {}", run.err);
            all_work(world, [code(world).await?]).await?;
        }
    }
    let run = swap.run().await?;
    ensure!(run.ended == Some(true) && run.out.starts_with("Done:"), "{}{}", run.out, run.err);
    let made: Vec<String> = keys(world).await?.difference(&before).cloned().collect();
    let [new] = made.as_slice() else { anyhow::bail!("{} keys were made", made.len()) };
    assert_eq!(named(world).await?, [new, new, new].map(String::clone));
    assert_eq!(describe(world, &old).await?["KeyState"], "PendingDeletion");
    Ok(())
}

async fn a_swap_leaves_alone_what_it_did_not_make(world: &World) -> Result<()> {
    let swap = Swap::of(world).await?;
    let [key, ..] = named(world).await?;
    let spec = json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}).to_string();
    let made = ask(world, "kms", "TrentService.CreateKey", &spec).await?;
    let foreign = made["KeyMetadata"]["KeyId"].as_str().context("a key without an id")?.to_owned();
    let point = async |alias: &str, key: &str| {
        let update = json!({"AliasName": format!("alias/idbellen-local-code-{alias}"), "TargetKeyId": key}).to_string();
        ask(world, "kms", "TrentService.UpdateAlias", &update).await
    };
    let token_key = world.stack.table("TokenKey")?;
    for (alias, other, says) in [
        ("next", &foreign, "do not stand as a swap leaves them"),
        ("next", &token_key, "no HMAC_256 key"),
        ("current", &foreign, "do not stand"),
    ] {
        point(alias, other).await?;
        let was = named(world).await?;
        let _time = swap.passes(DAY + MINUTE);
        let run = swap.run().await?;
        let is = named(world).await?;
        point(alias, &key).await?;
        ensure!(run.ended == Some(false) && run.err.contains(says), "{}{}", run.out, run.err);
        assert_eq!(is, was);
        assert_eq!(describe(world, other).await?["KeyState"], "Enabled");
    }
    let operator = world.operator().await?;
    let elsewhere = operator.run(&["code-key", "swap", "--stage", "elsewhere", "--yes"], "").await;
    ensure!(elsewhere.is_err_and(|error| error.to_string().contains("is the stage deployed here?")), "it finds another stage");
    Ok(())
}

/// A key with the tag that a swap gives, and this policy, or KMS's own.
async fn planted(world: &World, old: &str, policy: Option<&Value>) -> Result<String> {
    let mut asked = json!({
        "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC",
        "Tags": [{"TagKey": "idbellen:replaces", "TagValue": old}],
    });
    if let Some(policy) = policy {
        asked["Policy"] = policy.to_string().into();
    }
    let made = ask(world, "kms", "TrentService.CreateKey", &asked.to_string()).await?;
    Ok(made["KeyMetadata"]["KeyId"].as_str().context("a key without an id")?.to_owned())
}

async fn delete(world: &World, key: &str) -> Result<()> {
    let asked = json!({"KeyId": key, "PendingWindowInDays": 7}).to_string();
    ask(world, "kms", "TrentService.ScheduleKeyDeletion", &asked).await.map(|_| ())
}

async fn a_swap_takes_no_key_that_only_says_that_it_is_the_new_one(world: &World) -> Result<()> {
    let swap = Swap::of(world).await?;
    let [old, ..] = named(world).await?;
    let was = named(world).await?;
    let _time = swap.passes(DAY + MINUTE);
    let refused = async |says: &str| {
        let run = swap.run().await?;
        ensure!(run.ended == Some(false) && run.err.contains(says), "{says}: {}{}", run.out, run.err);
        assert_eq!(named(world).await?, was);
        anyhow::Ok(())
    };

    let with_another_policy = planted(world, &old, None).await?;
    let before = keys(world).await?;
    refused("another policy").await?;
    assert_eq!(keys(world).await?, before);
    delete(world, &with_another_policy).await?;

    let alike = policy(world, &old).await?;
    let imported = planted(world, &old, Some(&alike)).await?;
    let key = imported.clone();
    let origin = swap.kms.inject(move |call: &Call| {
        (call.operation == "DescribeKey" && call.says(&key))
            .then(|| Fault::changed(|_, answer| answer["KeyMetadata"]["Origin"] = json!("EXTERNAL")))
    });
    refused("not made in KMS").await?;
    drop(origin);

    // Someone else's, which this swap sees when it has made its own.
    let (key, made) = (imported.clone(), Arc::new(AtomicBool::new(false)));
    let hidden = swap.kms.inject(move |call: &Call| {
        made.fetch_or(call.operation == "CreateKey", Ordering::Relaxed);
        let (key, hide) = (key.clone(), call.operation == "ListKeys" && !made.load(Ordering::Relaxed));
        hide.then(|| {
            Fault::changed(move |_, answer| {
                if let Some(keys) = answer["Keys"].as_array_mut() {
                    keys.retain(|listed| listed["KeyId"] != key.as_str());
                }
            })
        })
    });
    refused("were both made to replace").await?;
    drop(hidden);
    // And without having made another.
    let two = keys(world).await?;
    refused("were both made to replace").await?;
    assert_eq!(keys(world).await?, two);
    for key in two.difference(&before) {
        delete(world, key).await?;
    }
    Ok(())
}

async fn a_swap_deletes_no_key_that_only_a_tag_names(world: &World) -> Result<()> {
    let swap = Swap::of(world).await?;
    let [current, ..] = named(world).await?;
    let tags = ask(world, "kms", "TrentService.ListResourceTags", &json!({"KeyId": current}).to_string()).await?;
    let tags = tags["Tags"].as_array().cloned().unwrap_or_default();
    let before = tags.into_iter().find(|tag| tag["TagKey"] == "idbellen:replaces");
    let tag = async |value: &str| {
        let tag = json!({"KeyId": current, "Tags": [{"TagKey": "idbellen:replaces", "TagValue": value}]});
        ask(world, "kms", "TrentService.TagResource", &tag.to_string()).await
    };
    // Someone's key, for something else; and one that has the code key's policy and description.
    let spec = json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"});
    let mut alike = spec.clone();
    alike["Policy"] = policy(world, &current).await?.to_string().into();
    alike["Description"] = describe(world, &current).await?["Description"].clone();
    for spec in [spec, alike] {
        let made = ask(world, "kms", "TrentService.CreateKey", &spec.to_string()).await?;
        let foreign = made["KeyMetadata"]["KeyId"].as_str().context("a key without an id")?.to_owned();
        tag(&foreign).await?;
        let time = swap.passes(2 * DAY);
        let was = named(world).await?;
        let run = swap.run().await?;
        drop(time);
        let says = run.err.contains(&format!("it replaced the key {foreign}, and nothing else does"));
        ensure!(run.ended == Some(false) && says, "{}{}", run.out, run.err);
        assert_eq!(describe(world, &foreign).await?["KeyState"], "Enabled");
        assert_eq!(named(world).await?, was);
    }
    if let Some(tag) = before {
        let again = json!({"KeyId": current, "Tags": [tag]}).to_string();
        ask(world, "kms", "TrentService.TagResource", &again).await?;
    } else {
        let untag = json!({"KeyId": current, "TagKeys": ["idbellen:replaces"]}).to_string();
        ask(world, "kms", "TrentService.UntagResource", &untag).await?;
    }
    // A script must say that it wants the old key deleted.
    let run = swap.run_with(&[]).await?;
    ensure!(run.ended == Some(false) && run.err.contains("nobody to ask") && run.err.contains("--yes"), "{}{}", run.out, run.err);
    Ok(())
}
