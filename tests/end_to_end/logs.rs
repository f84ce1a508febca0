//! What the logs are for: agents' audit events, and what is counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use local::tap::Fault;
use local::wallet::Person;
use serde_json::{Value, json};
use shared::audit::Pseudonym;

use crate::world::{BSN_AND_NAME, World};
use crate::{planted, tests};

tests! {
    beside_others: [each_look_up_and_each_clear_leaves_an_audit_event],
    alone: [a_call_is_counted_step_by_step, what_is_not_found_is_counted]
}

/// The lines of JSON that the functions logged.
async fn lines(world: &World) -> Result<Vec<Value>> {
    let logs = world.stack.function_logs().await?;
    Ok(logs.lines().filter_map(|line| serde_json::from_str(&line[line.find('{')?..]).ok()).collect())
}

async fn each_look_up_and_each_clear_leaves_an_audit_event(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let planted = planted::fresh(world).await?;
    stack.look_up("audited-anna", &planted.secret, Some(&contact)).await?.expect(200)?;
    stack.clear("audited-bram", &planted.secret, Some(&world.contact())).await?.expect(204)?;
    stack.clear("audited-anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    stack.look_up("audited-bram", &planted.secret, None).await?.expect(404)?;
    // What is asked of the database is done, and its answers get lost.
    let unheard = planted::fresh(world).await?;
    let record = unheard.record.clone();
    let losing = stack.to_aws.inject(move |call| call.says(&record).then(|| Fault::lost(500)));
    stack.look_up("audited-anna", &unheard.secret, Some(&contact)).await?.expect(503)?;
    stack.clear("audited-anna", &unheard.secret, Some(&contact)).await?.expect(503)?;
    drop(losing);
    assert!(!world.has("Records", &unheard.record).await?);

    let (anna, bram) = (Pseudonym::of("audited-anna").to_string(), Pseudonym::of("audited-bram").to_string());
    let expected = [
        ("lookup", &anna, "disclosed"),
        ("clear", &bram, "nothing to clear"),
        ("clear", &anna, "cleared"),
        ("lookup", &bram, "unknown"),
        ("lookup", &anna, "failed"),
        ("clear", &anna, "failed"),
    ];
    let began = Instant::now();
    loop {
        let logged = lines(world).await?;
        let is_ours = |line: &&Value| line["record"] == planted.record || line["record"] == unheard.record;
        let events: Vec<&Value> = logged.iter().filter(|line| line["audit"] == "agent").filter(is_ours).collect();
        if events.len() == expected.len() || began.elapsed() > Duration::from_secs(20) {
            for (action, agent, outcome) in expected {
                let is_it =
                    |event: &&&Value| event["action"] == action && event["agent"] == **agent && event["outcome"] == outcome;
                let found = events.iter().find(is_it);
                ensure!(
                    found.is_some_and(|event| event["timestamp"].is_string()),
                    "{action}, {outcome} is not there: {events:?}"
                );
            }
            assert_eq!(events.len(), expected.len());
            // Neither who the agent is, nor anything of the contact.
            let written = format!("{events:?}");
            assert!(!written.contains("audited") && !written.contains(&contact) && !written.contains(&planted.secret));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The sums of all metrics, in all and by purpose.
pub async fn sums(world: &World) -> Result<BTreeMap<String, i64>> {
    let mut sums = BTreeMap::new();
    for line in lines(world).await? {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
            assert_eq!(directive["Namespace"], "idbellen/local");
            for metric in directive["Metrics"].as_array().into_iter().flatten() {
                let name = metric["Name"].as_str().unwrap_or_default();
                let value = line[name].as_i64().unwrap_or_default();
                *sums.entry(name.to_owned()).or_default() += value;
                if let Some(purpose) = line["purpose"].as_str() {
                    assert_eq!(directive["Dimensions"], json!([[], ["purpose"]]));
                    *sums.entry(format!("{name} {purpose}")).or_default() += value;
                }
            }
        }
    }
    Ok(sums)
}

/// What was counted since: each of these must be there so often.
pub async fn counted(world: &World, before: &BTreeMap<String, i64>, expected: &[(&str, i64)]) -> Result<()> {
    let began = Instant::now();
    loop {
        let after = sums(world).await?;
        let since = |name: &str| after.get(name).copied().unwrap_or_default() - before.get(name).copied().unwrap_or_default();
        let differs: Vec<_> = expected.iter().filter(|(name, times)| since(name) != *times).collect();
        if differs.is_empty() {
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(20), "not counted so often: {differs:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn a_call_is_counted_step_by_step(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let before = sums(world).await?;
    let dialled = stack.disclose(&wallet, BSN_AND_NAME).await?;
    let secret = stack.secret(&dialled.code, &contact).await?;
    stack.look_up_until_ended("anna", &secret, Some(&contact)).await?.expect(200)?;
    stack.clear("anna", &secret, Some(&contact)).await?.expect(204)?;
    let abandoned = planted::fresh(world).await?;
    stack.post(&stack.telephony().await?, "/telephony/clear", &json!({"secret": abandoned.secret})).await?.expect(204)?;
    counted(
        world,
        &before,
        &[
            ("Started", 1),
            ("Started burgerzaken", 1),
            ("Disclosed", 1),
            ("Disclosed burgerzaken", 1),
            ("Exchanged", 1),
            ("UnknownCodes", 0),
            ("LookedUp", 1),
            ("LookedUp burgerzaken", 1),
            ("UnknownSecrets", 0),
            ("Cleared", 1),
            ("Abandoned", 1),
        ],
    )
    .await?;
    let after = sums(world).await?;
    for seconds in ["SecondsToEnd burgerzaken", "SecondsToLookUp burgerzaken"] {
        assert!(after.contains_key(seconds), "{seconds}");
    }
    Ok(())
}

async fn what_is_not_found_is_counted(world: &World) -> Result<()> {
    let before = sums(world).await?;
    world.stack.exchange("0000000000", &world.contact()).await?.expect(404)?;
    world.stack.look_up("anna", &"A".repeat(43), None).await?.expect(404)?;
    world.run_well("ExpireRecords").await?;
    counted(world, &before, &[("UnknownCodes", 1), ("UnknownSecrets", 1), ("Exchanged", 0), ("LookedUp", 0)]).await?;
    let after = sums(world).await?;
    let swept = |sums: &BTreeMap<String, i64>| sums.get("Swept").copied().unwrap_or_default();
    assert!(swept(&after) > swept(&before));
    assert!(after.contains_key("OldestRecord") && after.contains_key("ExpiredRecords") && after.contains_key("ExpiredCodes"));
    Ok(())
}
