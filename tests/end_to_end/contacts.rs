//! Looking up and clearing a contact.

use anyhow::{Context, Result};
use local::call::Answer;
use local::tap::Fault;
use serde_json::{Value, json};
use shared::audit::Pseudonym;
use shared::clock::now;
use shared::codes::Codes;
use shared::records::Records;

use crate::world::World;
use crate::{planted, tests};

tests! {
    beside_others: [
        after_a_transfer_the_first_agent_clears_nothing,
        a_portal_that_goes_on_asking_after_a_transfer_does_not_take_the_caller_back,
        an_agent_who_was_consulted_has_the_caller,
        the_twenty_first_contact_is_answered_and_takes_nothing,
        without_a_contact_id_the_agent_holds_the_caller,
        without_a_contact_id_an_agent_can_get_the_caller_back,
        an_agent_who_was_offered_the_call_and_missed_it_leaves_it_to_the_next,
        an_abandoned_call_is_cleared_by_telephony,
        once_an_agent_has_looked_telephony_clears_nothing,
        clearing_twice_is_no_error,
        clearing_before_a_look_up_deletes_nothing,
        what_another_contact_does_not_hold_it_does_not_clear,
        a_record_can_be_used_to_its_last_minute_and_no_longer,
        a_record_that_can_not_be_used_any_more_can_be_cleared,
        a_record_that_was_damaged_shows_nothing,
        a_record_of_the_release_before_is_looked_up_and_cleared,
        each_look_up_and_clear_leaves_the_agents_mark,
    ],
    alone: [
        a_secret_that_is_wrong_or_cleared_or_expired_looks_the_same_and_costs_the_same,
        while_the_database_throttles_nothing_is_shown_or_lost,
        without_a_mark_nothing_is_shown,
    ]
}

async fn after_a_transfer_the_first_agent_clears_nothing(world: &World) -> Result<()> {
    let stack = &world.stack;
    let (first, second) = (world.contact(), world.contact());
    let secret = planted::fresh(world).await?.secret;
    stack.look_up("anna", &secret, Some(&first)).await?.expect(200)?;
    stack.look_up("bram", &secret, Some(&second)).await?.expect(200)?;

    stack.clear("anna", &secret, Some(&first)).await?.expect(204)?;
    stack.look_up("bram", &secret, Some(&second)).await?.expect(200)?;
    stack.clear("bram", &secret, Some(&second)).await?.expect(204)?;
    stack.look_up("bram", &secret, Some(&second)).await?.expect(404)?;
    Ok(())
}

/// A warm transfer: for a while both have the caller.
async fn a_portal_that_goes_on_asking_after_a_transfer_does_not_take_the_caller_back(world: &World) -> Result<()> {
    let stack = &world.stack;
    let (first, second) = (world.contact(), world.contact());
    let planted = planted::fresh(world).await?;
    let secret = &planted.secret;
    for _ in 0..2 {
        stack.look_up("anna", secret, Some(&first)).await?.expect(200)?;
    }
    stack.look_up("bram", secret, Some(&second)).await?.expect(200)?;
    let before = world.item("Records", &planted.record).await?;
    let shown = stack.look_up("anna", secret, Some(&first)).await?;
    assert_eq!(world.item("Records", &planted.record).await?, before);
    assert_eq!(shown, stack.look_up("bram", secret, Some(&second)).await?);

    stack.clear("anna", secret, Some(&first)).await?.expect(204)?;
    assert!(world.has("Records", &planted.record).await?);
    stack.clear("bram", secret, Some(&second)).await?.expect(204)?;
    stack.look_up("anna", secret, Some(&first)).await?.expect(404)?;
    Ok(())
}

/// After a consultation the first agent goes on, and is answered; the one who was consulted has the caller, and their
/// portal clears.
async fn an_agent_who_was_consulted_has_the_caller(world: &World) -> Result<()> {
    let stack = &world.stack;
    let (first, consulted) = (world.contact(), world.contact());
    let planted = planted::fresh(world).await?;
    stack.look_up("anna", &planted.secret, Some(&first)).await?.expect(200)?;
    stack.look_up("bram", &planted.secret, Some(&consulted)).await?.expect(200)?;
    stack.look_up("anna", &planted.secret, Some(&first)).await?.expect(200)?;
    stack.clear("bram", &planted.secret, Some(&consulted)).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);
    stack.look_up("anna", &planted.secret, Some(&first)).await?.expect(404)?;
    Ok(())
}

/// The record can't be made to grow.
async fn the_twenty_first_contact_is_answered_and_takes_nothing(world: &World) -> Result<()> {
    let (planted, contacts) = (planted::fresh(world).await?, (0..21).map(|_| world.contact()).collect::<Vec<_>>());
    for contact in &contacts {
        world.stack.look_up("anna", &planted.secret, Some(contact)).await?.expect(200)?;
    }
    world.stack.clear("anna", &planted.secret, contacts.last().map(String::as_str)).await?.expect(204)?;
    assert!(world.has("Records", &planted.record).await?);
    world.stack.clear("anna", &planted.secret, contacts.get(19).map(String::as_str)).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);
    Ok(())
}

async fn without_a_contact_id_the_agent_holds_the_caller(world: &World) -> Result<()> {
    let stack = &world.stack;
    let secret = planted::fresh(world).await?.secret;
    stack.look_up("anna", &secret, None).await?.expect(200)?;
    stack.clear("bram", &secret, None).await?.expect(204)?;
    stack.look_up("anna", &secret, None).await?.expect(200)?;
    stack.clear("anna", &secret, None).await?.expect(204)?;
    stack.look_up("anna", &secret, None).await?.expect(404)?;
    Ok(())
}

async fn without_a_contact_id_an_agent_can_get_the_caller_back(world: &World) -> Result<()> {
    let stack = &world.stack;
    let planted = planted::fresh(world).await?;
    for agent in ["anna", "bram", "anna"] {
        stack.look_up(agent, &planted.secret, None).await?.expect(200)?;
    }
    stack.clear("bram", &planted.secret, None).await?.expect(204)?;
    assert!(world.has("Records", &planted.record).await?);
    stack.clear("anna", &planted.secret, None).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);
    Ok(())
}

/// The offer is of the same contact; who misses it has not looked, and their portal clears when it ends.
async fn an_agent_who_was_offered_the_call_and_missed_it_leaves_it_to_the_next(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let secret = planted::fresh(world).await?.secret;
    stack.clear("anna", &secret, Some(&contact)).await?.expect(204)?;
    stack.look_up("bram", &secret, Some(&contact)).await?.expect(200)?;
    stack.clear("bram", &secret, Some(&contact)).await?.expect(204)?;
    stack.look_up("bram", &secret, Some(&contact)).await?.expect(404)?;
    Ok(())
}

/// Telephony clears, over the API and from a contact flow.
async fn telephony_clears(world: &World, secret: &str, through_connect: bool) -> Result<()> {
    let stack = &world.stack;
    if through_connect {
        let outcome = stack.connect("ClearContact", &world.contact(), json!({"secret": secret})).await?;
        assert_eq!(outcome, json!({"result": "ok"}));
    } else {
        stack.post(&stack.telephony().await?, "/telephony/clear", &json!({"secret": secret})).await?.expect(204)?;
    }
    Ok(())
}

async fn an_abandoned_call_is_cleared_by_telephony(world: &World) -> Result<()> {
    for through_connect in [false, true] {
        let planted = planted::fresh(world).await?;
        telephony_clears(world, &planted.secret, through_connect).await?;
        assert!(!world.has("Records", &planted.record).await?);
        world.stack.look_up("anna", &planted.secret, None).await?.expect(404)?;
        telephony_clears(world, &planted.secret, through_connect).await?;
    }
    // Also while the citizen has not disclosed yet.
    let pending = planted::pending(world, now() + 3600, now() + Codes::LIFETIME).await?;
    telephony_clears(world, &pending.secret, false).await?;
    assert!(!world.has("Records", &pending.record).await?);
    Ok(())
}

async fn once_an_agent_has_looked_telephony_clears_nothing(world: &World) -> Result<()> {
    for through_connect in [false, true] {
        for contact in [None, Some(world.contact())] {
            let planted = planted::fresh(world).await?;
            world.stack.look_up("anna", &planted.secret, contact.as_deref()).await?.expect(200)?;
            telephony_clears(world, &planted.secret, through_connect).await?;
            world.stack.look_up("anna", &planted.secret, contact.as_deref()).await?.expect(200)?;
        }
    }
    Ok(())
}

async fn clearing_twice_is_no_error(world: &World) -> Result<()> {
    let secret = planted::fresh(world).await?.secret;
    world.stack.look_up("anna", &secret, None).await?.expect(200)?;
    for _ in 0..2 {
        assert_eq!(world.stack.clear("anna", &secret, None).await?.status, 204);
    }
    Ok(())
}

async fn clearing_before_a_look_up_deletes_nothing(world: &World) -> Result<()> {
    let secret = planted::fresh(world).await?.secret;
    world.stack.clear("anna", &secret, None).await?.expect(204)?;
    world.stack.look_up("bram", &secret, None).await?.expect(200)?;
    Ok(())
}

async fn what_another_contact_does_not_hold_it_does_not_clear(world: &World) -> Result<()> {
    let (planted, contact) = (planted::fresh(world).await?, world.contact());
    world.stack.look_up("anna", &planted.secret, Some(&contact)).await?.expect(200)?;
    world.stack.clear("anna", &planted.secret, Some(&world.contact())).await?.expect(204)?;
    world.stack.clear("anna", &planted.secret, None).await?.expect(204)?;
    assert!(world.has("Records", &planted.record).await?);
    Ok(())
}

async fn a_record_can_be_used_to_its_last_minute_and_no_longer(world: &World) -> Result<()> {
    for contact in [None, Some(world.contact())] {
        let expires_at = now() + Records::MARGIN + 55;
        let planted = planted::disclosed(world, expires_at, now()).await?;
        let body = world.stack.look_up("anna", &planted.secret, contact.as_deref()).await?.expect(200)?;
        assert_eq!(body["expiresAt"], expires_at - Records::MARGIN);
        // Whoever has it on screen gets no more of it either.
        world.set("Records", &planted.record, "expires_at", crate::world::number(now() + Records::MARGIN)).await.ok();
        world.stack.look_up("anna", &planted.secret, contact.as_deref()).await?.expect(404)?;
    }
    Ok(())
}

async fn a_record_that_can_not_be_used_any_more_can_be_cleared(world: &World) -> Result<()> {
    let planted = planted::fresh(world).await?;
    world.stack.look_up("anna", &planted.secret, None).await?.expect(200)?;
    world.set("Records", &planted.record, "expires_at", crate::world::number(now() + 1)).await?;
    world.stack.clear("anna", &planted.secret, None).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);
    Ok(())
}

async fn a_record_that_was_damaged_shows_nothing(world: &World) -> Result<()> {
    use aws_sdk_dynamodb::types::AttributeValue::{B, S};
    let other = planted::fresh(world).await?;
    let others = world.item("Records", &other.record).await?.and_then(|mut item| item.remove("attributes")).context("no item")?;
    for (attribute, value, status) in [
        ("attributes", B(vec![1; 300].into()), 500),
        ("attributes", others, 500),
        ("purpose", S("afspraak".to_owned()), 500),
        ("attributes", S("plain".to_owned()), 503),
        ("status", S("unheard-of".to_owned()), 503),
    ] {
        let planted = planted::fresh(world).await?;
        world.set("Records", &planted.record, attribute, value).await?;
        let answer = world.stack.look_up("anna", &planted.secret, None).await?;
        assert_eq!(answer.status, status, "{attribute}: {answer:?}");
    }
    Ok(())
}

/// It was sealed with X25519 alone. Such records are made no more, and are gone an hour after the release is deployed.
async fn a_record_of_the_release_before_is_looked_up_and_cleared(world: &World) -> Result<()> {
    let contact = world.contact();
    let planted = planted::of_the_release_before(world).await?;
    let shown = world.stack.look_up("anna", &planted.secret, Some(&contact)).await?.expect(200)?;
    assert_eq!(shown["attributes"][0]["value"], "x");
    world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);

    let planted = planted::of_the_release_before(world).await?;
    let body = json!({"secret": planted.secret});
    world.stack.post(&world.stack.telephony().await?, "/telephony/clear", &body).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);
    Ok(())
}

/// How many reads of the key that is an agent's mark on a record a function made.
fn marks(world: &World, function: &str, agent: &str, record: &str) -> usize {
    let key = json!({"id": {"S": format!("agent/{}/{record}", Pseudonym::of(agent))}});
    let calls = world.stack.to_aws.calls_since(0);
    let is_mark = |call: &&local::tap::Call| {
        let asked: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        call.caller == function && call.operation == "GetItem" && asked["Key"] == key && asked["ProjectionExpression"] == "id"
    };
    calls.iter().filter(is_mark).count()
}

async fn each_look_up_and_clear_leaves_the_agents_mark(world: &World) -> Result<()> {
    let planted = planted::fresh(world).await?;
    world.stack.look_up("anna", &planted.secret, None).await?.expect(200)?;
    world.stack.look_up("bram", &planted.secret, None).await?.expect(200)?;
    world.stack.clear("anna", &planted.secret, None).await?.expect(204)?;
    world.stack.clear("bram", &planted.secret, None).await?.expect(204)?;
    for agent in ["anna", "bram"] {
        for function in ["AgentLookup", "ClearContact"] {
            assert_eq!(marks(world, function, agent, &planted.record), 1, "{agent} by {function}");
        }
    }
    // Of a record that there is not too: it says who asked.
    world.stack.look_up("anna", &planted.secret, None).await?.expect(404)?;
    assert_eq!(marks(world, "AgentLookup", "anna", &planted.record), 2);
    Ok(())
}

async fn without_a_mark_nothing_is_shown(world: &World) -> Result<()> {
    let (stack, unavailable) = (&world.stack, json!("urn:idbellen:problem:unavailable"));
    let planted = planted::fresh(world).await?;
    let failing = stack.to_aws.inject(|call| {
        let is_mark = call.operation == "GetItem" && matches!(call.caller.as_str(), "AgentLookup" | "ClearContact");
        is_mark.then(|| Fault::exception("AccessDeniedException"))
    });
    let shown = stack.look_up("anna", &planted.secret, None).await?;
    assert_eq!((shown.status, &shown.body["type"], &shown.body["attributes"]), (503, &unavailable, &json!(null)));
    // The record is gone, and the agent is told to try again: until then nobody could say who cleared it.
    let cleared = stack.clear("anna", &planted.secret, None).await?;
    assert_eq!((cleared.status, &cleared.body["type"]), (503, &unavailable));
    assert!(!world.has("Records", &planted.record).await?);
    drop(failing);
    let before = marks(world, "ClearContact", "anna", &planted.record);
    stack.clear("anna", &planted.secret, None).await?.expect(204)?;
    assert_eq!(marks(world, "ClearContact", "anna", &planted.record), before + 1);
    Ok(())
}

/// The answers to a look-up and a clear, and the calls that they cost.
type Seen = (Answer, Answer, Vec<(String, String)>);

async fn a_secret_that_is_wrong_or_cleared_or_expired_looks_the_same_and_costs_the_same(world: &World) -> Result<()> {
    let wrong = "A".repeat(43);
    let cleared = planted::fresh(world).await?.secret;
    world.stack.look_up("anna", &cleared, None).await?.expect(200)?;
    world.stack.clear("anna", &cleared, None).await?.expect(204)?;
    // For each of the two ids that the record can have: a mark and these to look up, a mark and one to clear.
    for (contact, calls) in [(None, 1), (Some(world.contact()), 2)] {
        // Past its use, and not swept: the sweep finds nothing meanwhile.
        let _no_sweep = world.stack.to_aws.inject(|call| (call.caller == "ExpireRecords").then(|| Fault::answer(500, "{}")));
        let expired = planted::disclosed(world, now() + Records::MARGIN, now()).await?;
        let mut seen: Vec<Seen> = Vec::new();
        for secret in [&wrong, &cleared, &expired.secret] {
            let mark = world.stack.to_aws.mark();
            let looked_up = world.stack.look_up("anna", secret, contact.as_deref()).await?;
            let cleared = world.stack.clear("anna", secret, contact.as_deref()).await?;
            let agents = ["AgentLookup", "ClearContact"];
            let calls = world.stack.to_aws.calls_since(mark).into_iter().filter(|call| agents.contains(&call.caller.as_str()));
            let mut calls: Vec<(String, String)> = calls.map(|call| (call.caller, call.operation)).collect();
            // Mark and call go side by side.
            calls.sort();
            seen.push((looked_up, cleared, calls));
        }
        assert!(world.has("Records", &expired.record).await?);
        assert_eq!((seen[0].0.status, seen[0].1.status, seen[0].2.len()), (404, 204, 2 * (1 + calls) + 2 * 2));
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    }
    Ok(())
}

async fn while_the_database_throttles_nothing_is_shown_or_lost(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let planted = planted::fresh(world).await?;
    for fault in [Fault::exception("ProvisionedThroughputExceededException"), Fault::answer(500, "{}"), Fault::HangUp] {
        let failing = stack
            .to_aws
            .inject(move |call| matches!(call.caller.as_str(), "AgentLookup" | "ClearContact").then(|| fault.clone()));
        let unavailable = json!("urn:idbellen:problem:unavailable");
        let looked_up = stack.look_up("anna", &planted.secret, Some(&contact)).await?;
        assert_eq!((looked_up.status, &looked_up.body["type"]), (503, &unavailable));
        let cleared = stack.clear("anna", &planted.secret, Some(&contact)).await?;
        assert_eq!((cleared.status, &cleared.body["type"]), (503, &unavailable));
        let abandoned = stack.post(&stack.telephony().await?, "/telephony/clear", &json!({"secret": planted.secret})).await?;
        assert_eq!((abandoned.status, &abandoned.body["type"]), (503, &unavailable));
        let outcome = stack.connect("ClearContact", &contact, json!({"secret": planted.secret})).await?;
        assert_eq!(outcome, json!({"result": "unavailable"}));
        drop(failing);
        stack.look_up("anna", &planted.secret, Some(&contact)).await?.expect(200)?;
    }
    stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);
    Ok(())
}
