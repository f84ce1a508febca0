//! What is past its time is deleted, and what is not is not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use local::tap::{Call, Fault, Gate, Injected};
use serde_json::{Value, json};
use shared::clock::now;
use shared::codes::Codes;
use shared::records::{MOST_EXPIRED, Records};

use crate::planted::{self, Planted};
use crate::tests;
use crate::world::{World, number, number_of};

tests! {
    beside_others: [],
    alone: [
        the_schedule_sweeps_by_itself,
        a_record_and_a_code_past_their_time_are_swept,
        what_can_still_be_used_is_not_swept,
        every_page_of_every_shard_is_swept,
        more_than_one_search_finds_is_swept,
        after_two_runs_that_failed_a_record_is_still_gone_within_the_hour,
        one_that_cannot_be_deleted_does_not_keep_the_others,
        a_table_that_cannot_be_read_does_not_keep_the_other,
        what_is_written_anew_between_finding_and_deleting_stays,
        a_clock_that_is_two_minutes_off_sweeps_neither_early_nor_late,
        a_used_code_is_swept_twenty_seconds_after_its_use,
    ]
}

const SWEEP: &str = "ExpireRecords";

/// Which of the two are still there: record, code.
async fn there(world: &World, planted: &Planted) -> Result<(bool, bool)> {
    Ok((world.has("Records", &planted.record).await?, world.has("Codes", &planted.code).await?))
}

/// A record that can't be used any more, for the last moment that is so, and a code that is dead.
async fn past(world: &World) -> Result<Planted> {
    planted::disclosed(world, now() + Records::MARGIN, now()).await
}

/// From now on, this happens to the sweep's calls of this operation that say `text`.
fn spoil(world: &World, operation: &'static str, text: &str, fault: Fault) -> Injected {
    let text = text.to_owned();
    world.stack.to_aws.inject(move |call: &Call| {
        (call.caller == SWEEP && call.operation == operation && call.says(&text)).then(|| fault.clone())
    })
}

/// Keeps the schedule's own sweeps from finding anything, while a test plants what they would delete. To be dropped when
/// the test's own faults are in force.
fn no_schedule(world: &World) -> Injected {
    spoil(world, "Query", "", Fault::answer(500, "{}"))
}

async fn a_record_and_a_code_past_their_time_are_swept(world: &World) -> Result<()> {
    let disclosed = past(world).await?;
    let pending = planted::pending(world, now() + Records::MARGIN, now()).await?;
    world.run_well(SWEEP).await?;
    assert_eq!(there(world, &disclosed).await?, (false, false));
    assert_eq!(there(world, &pending).await?, (false, false));
    Ok(())
}

async fn what_can_still_be_used_is_not_swept(world: &World) -> Result<()> {
    let planted = planted::disclosed(world, now() + Records::MARGIN + 30, now() + 30).await?;
    world.run_well(SWEEP).await?;
    assert_eq!(there(world, &planted).await?, (true, true));
    world.stack.look_up("anna", &planted.secret, None).await?.expect(200)?;
    Ok(())
}

/// DynamoDB gives a megabyte a page; here a page is one item.
async fn every_page_of_every_shard_is_swept(world: &World) -> Result<()> {
    let (unswept, mut all, mut shards) = (no_schedule(world), Vec::new(), BTreeMap::<_, usize>::new());
    // Until each shard of both tables has two of them.
    while shards.len() < 2 * 8 || shards.values().any(|&count| count < 2) {
        let planted = past(world).await?;
        for (table, id) in [("Records", &planted.record), ("Codes", &planted.code)] {
            *shards.entry((table, number_of(world, table, id, "shard").await?)).or_default() += 1;
        }
        all.push(planted);
    }
    let pages = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&pages);
    let _paging = world.stack.to_aws.inject(move |call: &Call| {
        if call.caller != SWEEP || call.operation != "Query" {
            return None;
        }
        let request: Value = serde_json::from_slice(&call.body).ok()?;
        let later = request.get("ExclusiveStartKey").is_some();
        seen.lock().ok()?.insert((
            request["TableName"].to_string(),
            request["ExpressionAttributeValues"][":shard"].to_string(),
            later,
        ));
        Some(Fault::changed(|_, answer| {
            if let Some(items) = answer["Items"].as_array_mut()
                && items.len() > 1
            {
                items.truncate(1);
                let last = &items[0];
                answer["LastEvaluatedKey"] = json!({"id": last["id"], "shard": last["shard"], "expires_at": last["expires_at"]});
                answer["Count"] = json!(1);
            }
        }))
    });
    drop(unswept);
    world.run_well(SWEEP).await?;
    for planted in &all {
        assert_eq!(there(world, planted).await?, (false, false));
    }
    // Two tables of eight shards, each with a first page and later ones.
    let pages = pages.lock().map_err(|_| anyhow::anyhow!("the pages are lost"))?;
    assert_eq!(pages.len(), 2 * 8 * 2, "{pages:?}");
    Ok(())
}

async fn more_than_one_search_finds_is_swept(world: &World) -> Result<()> {
    let unswept = no_schedule(world);
    let (database, table) = (world.stack.dynamodb(), world.stack.table("Codes")?);
    let ids: Vec<String> = (0..=MOST_EXPIRED).map(|index| format!("one-of-many-{index}")).collect();
    // As many as DynamoDB takes in one call.
    for some in ids.chunks(25) {
        let put = |id: &String| {
            let put = PutRequest::builder().item("id", AttributeValue::S(id.clone())).item("shard", number(0));
            Ok(WriteRequest::builder().put_request(put.item("expires_at", number(now() - 1)).build()?).build())
        };
        let puts = some.iter().map(put).collect::<Result<Vec<_>>>()?;
        database.batch_write_item().request_items(&table, puts).send().await?;
    }
    drop(unswept);
    world.run_well(SWEEP).await?;
    let left = world.stack.items("Codes").await?;
    let many = left.iter().filter(|item| matches!(item.get("id"), Some(AttributeValue::S(id)) if ids.contains(id))).count();
    assert_eq!(many, 0);
    Ok(())
}

async fn after_two_runs_that_failed_a_record_is_still_gone_within_the_hour(world: &World) -> Result<()> {
    let failing = spoil(world, "Query", "", Fault::answer(500, "{}"));
    let planted = past(world).await?;
    for _ in 0..2 {
        assert!(world.run(SWEEP).await?.failed, "a run that fails must say so, for the alarm");
        assert_eq!(there(world, &planted).await?, (true, true));
    }
    drop(failing);
    // As when two minutes have passed; the third run comes in the minute after.
    world.set("Records", &planted.record, "expires_at", number(now() + Records::MARGIN - 3 * 60)).await?;
    world.stack.look_up("anna", &planted.secret, None).await?.expect(404)?;
    world.run_well(SWEEP).await?;
    assert_eq!(there(world, &planted).await?, (false, false));
    Ok(())
}

async fn one_that_cannot_be_deleted_does_not_keep_the_others(world: &World) -> Result<()> {
    for fault in [Fault::exception("ThrottlingException"), Fault::HangUp] {
        let unswept = no_schedule(world);
        let (stuck, other, more) = (past(world).await?, past(world).await?, past(world).await?);
        let throttled =
            [spoil(world, "DeleteItem", &stuck.record, fault.clone()), spoil(world, "DeleteItem", &stuck.code, fault)];
        drop(unswept);
        assert!(world.run(SWEEP).await?.failed, "a run that could not delete all must say so");
        assert_eq!(there(world, &stuck).await?, (true, true));
        assert_eq!(there(world, &other).await?, (false, false));
        assert_eq!(there(world, &more).await?, (false, false));
        drop(throttled);
        world.run_well(SWEEP).await?;
        assert_eq!(there(world, &stuck).await?, (false, false));
    }
    Ok(())
}

async fn a_table_that_cannot_be_read_does_not_keep_the_other(world: &World) -> Result<()> {
    for (table, left) in [("Records", (true, false)), ("Codes", (false, true))] {
        let unswept = no_schedule(world);
        let planted = past(world).await?;
        let failing = spoil(world, "Query", &world.stack.table(table)?, Fault::exception("ThrottlingException"));
        drop(unswept);
        assert!(world.run(SWEEP).await?.failed);
        assert_eq!(there(world, &planted).await?, left, "{table}");
        drop(failing);
        world.run_well(SWEEP).await?;
        assert_eq!(there(world, &planted).await?, (false, false));
    }
    Ok(())
}

async fn what_is_written_anew_between_finding_and_deleting_stays(world: &World) -> Result<()> {
    let (unswept, record, code) = (no_schedule(world), Gate::new(), Gate::new());
    let planted = past(world).await?;
    let _deleting = [
        spoil(world, "DeleteItem", &planted.record, Fault::Hold(record.clone())),
        spoil(world, "DeleteItem", &planted.code, Fault::Hold(code.clone())),
    ];
    drop(unswept);
    let rewriting = async {
        record.reached().await?;
        world.set("Records", &planted.record, "expires_at", number(now() + 3600)).await?;
        record.open();
        code.reached().await?;
        world.set("Codes", &planted.code, "expires_at", number(now() + Codes::LIFETIME)).await?;
        code.open();
        Ok(())
    };
    let (run, rewritten) = tokio::join!(world.run_well(SWEEP), rewriting);
    rewritten.and(run)?;
    assert_eq!(there(world, &planted).await?, (true, true));
    Ok(())
}

/// It is the difference to the database's clock that counts; so the database's is put back, and forward.
async fn a_clock_that_is_two_minutes_off_sweeps_neither_early_nor_late(world: &World) -> Result<()> {
    for off in [-120, 120] {
        let database = now() + off;
        let _clock = spoil(world, "Query", "", Fault::dated(database));
        let usable = planted::disclosed(world, database + Records::MARGIN + 30, database + 30).await?;
        let past = planted::disclosed(world, database + Records::MARGIN - 5, database - 5).await?;
        world.run_well(SWEEP).await?;
        assert_eq!(there(world, &usable).await?, (true, true), "{off}");
        assert_eq!(there(world, &past).await?, (false, false), "{off}");
    }
    // Without one its own counts.
    let no_clock = Fault::changed(|headers, _| {
        headers.remove("date");
    });
    let _no_clock = spoil(world, "Query", "", no_clock);
    let (usable, past) = (planted::disclosed(world, now() + Records::MARGIN + 30, now() + 30).await?, past(world).await?);
    world.run_well(SWEEP).await?;
    assert_eq!((there(world, &usable).await?, there(world, &past).await?), ((true, true), (false, false)));
    Ok(())
}

async fn a_used_code_is_swept_twenty_seconds_after_its_use(world: &World) -> Result<()> {
    let session = world.start(crate::world::BSN_AND_NAME).await?;
    world.stack.secret(&session.code, &world.contact()).await?;
    world.run_well(SWEEP).await?;
    assert!(world.has("Codes", &session.code_id).await?);
    let until = number_of(world, "Codes", &session.code_id, "expires_at").await?;
    assert!((now() + Codes::REPEAT - 10..=now() + Codes::REPEAT).contains(&until));
    world.set("Codes", &session.code_id, "expires_at", number(until - Codes::REPEAT)).await?;
    world.run_well(SWEEP).await?;
    assert!(!world.has("Codes", &session.code_id).await?);
    Ok(())
}

/// Once a minute, and nobody asks for it.
async fn the_schedule_sweeps_by_itself(world: &World) -> Result<()> {
    let planted = past(world).await?;
    let began = std::time::Instant::now();
    while there(world, &planted).await? != (false, false) {
        anyhow::ensure!(began.elapsed() < std::time::Duration::from_secs(90), "the schedule does not sweep");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Ok(())
}
