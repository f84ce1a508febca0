//! The secret in the attributes of a contact of Amazon Connect, overwritten at clear. There is no Amazon Connect here: the
//! tap before AWS answers in its place.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use local::tap::{Call, Fault, Gate, Injected};
use serde_json::{Value, json};

use crate::logs::{counted, sums};
use crate::planted::{self, Planted};
use crate::tests;
use crate::world::{CONNECT_INSTANCE, World};

tests! {
    beside_others: [],
    // Side by side, runs that invoke themselves keep the emulator from answering in time.
    alone: [
        the_secret_is_overwritten_when_the_contact_is_cleared,
        after_a_transfer_it_is_overwritten_at_the_first_contact,
        of_an_abandoned_call_it_is_overwritten_too,
        what_is_not_cleared_is_not_overwritten,
        the_secret_of_another_call_is_not_overwritten,
        the_answer_does_not_wait_for_amazon_connect,
        of_the_contact_nothing_is_logged,
        when_amazon_connect_fails_it_is_tried_again_and_counted,
        when_it_can_not_be_overwritten_later_the_contact_is_cleared_all_the_same,
    ]
}

/// The call that empties a contact's secret, or asks for it.
const EMPTIES: &str = "POST /contact/attributes";

fn asks(contact: &str) -> String {
    format!("GET /contact/attributes/{CONNECT_INSTANCE}/{contact}")
}

/// The calls to Amazon Connect for a contact, of which `wanted` must come.
async fn overwritten(world: &World, contact: &str, wanted: impl Fn(&Call) -> bool) -> Result<Vec<Call>> {
    let began = Instant::now();
    loop {
        let calls = world.stack.to_aws.calls_since(0);
        let is_of = |call: &Call| call.service == "connect" && (call.says(contact) || call.operation == asks(contact));
        let calls: Vec<Call> = calls.into_iter().filter(is_of).collect();
        if calls.iter().any(&wanted) {
            return Ok(calls);
        }
        ensure!(began.elapsed() < Duration::from_secs(30), "nothing like it among {} calls", calls.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn empties(call: &Call) -> bool {
    call.operation == EMPTIES && call.status == 200
}

/// From now on Amazon Connect has this secret in the attributes of a contact.
fn keeps(world: &World, contact: &str, secret: &str) -> Injected {
    let (asked, answer) = (asks(contact), json!({"Attributes": {"idbellen_secret": secret}}).to_string());
    world.stack.to_aws.inject(move |call: &Call| (call.operation == asked).then(|| Fault::answer(200, answer.clone())))
}

/// Whether clear-contact was to invoke itself for a contact: it asks for that before it answers.
fn is_invoked_for(world: &World, contact: &str) -> bool {
    let calls = world.stack.to_aws.calls_since(0);
    calls.iter().any(|call| call.caller == "ClearContact" && call.service == "lambda" && call.says(contact))
}

/// A record that the agent of `contact` has on screen.
async fn looked_up(world: &World, contact: &str) -> Result<Planted> {
    let planted = planted::fresh(world).await?;
    world.stack.look_up("anna", &planted.secret, Some(contact)).await?.expect(200)?;
    Ok(planted)
}

fn emptied(contact: &str) -> Value {
    json!({"InitialContactId": contact, "InstanceId": CONNECT_INSTANCE, "Attributes": {"idbellen_secret": ""}})
}

async fn the_secret_is_overwritten_when_the_contact_is_cleared(world: &World) -> Result<()> {
    let contact = world.contact();
    let planted = looked_up(world, &contact).await?;
    let _there = keeps(world, &contact, &planted.secret);
    world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    let calls = overwritten(world, &contact, empties).await?;
    let [asked, emptying] = &calls[..] else { anyhow::bail!("{} calls", calls.len()) };
    assert_eq!((asked.caller.as_str(), asked.operation.clone()), ("ClearContact", asks(&contact)));
    assert_eq!((emptying.caller.as_str(), emptying.operation.as_str()), ("ClearContact", EMPTIES));
    assert_eq!(serde_json::from_slice::<Value>(&emptying.body)?, emptied(&contact));
    Ok(())
}

async fn after_a_transfer_it_is_overwritten_at_the_first_contact(world: &World) -> Result<()> {
    let (first, second) = (world.contact(), world.contact());
    let planted = looked_up(world, &first).await?;
    let _there = keeps(world, &first, &planted.secret);
    world.stack.look_up("bram", &planted.secret, Some(&second)).await?.expect(200)?;
    let body = json!({"secret": planted.secret, "contactId": second, "initialContactId": first});
    world.stack.post(&world.stack.agent("bram")?, "/contacts/clear", &body).await?.expect(204)?;
    let calls = overwritten(world, &first, empties).await?;
    assert_eq!(serde_json::from_slice::<Value>(&calls[1].body)?, emptied(&first));
    Ok(())
}

async fn of_an_abandoned_call_it_is_overwritten_too(world: &World) -> Result<()> {
    let (contact, planted) = (world.contact(), planted::fresh(world).await?);
    let _there = keeps(world, &contact, &planted.secret);
    let outcome = world.stack.connect("ClearContact", &contact, json!({"secret": planted.secret})).await?;
    assert_eq!(outcome, json!({"result": "ok"}));
    let calls = overwritten(world, &contact, empties).await?;
    assert_eq!(serde_json::from_slice::<Value>(&calls[1].body)?, emptied(&contact));
    Ok(())
}

/// After a transfer the second agent's portal may still read the secret there.
async fn what_is_not_cleared_is_not_overwritten(world: &World) -> Result<()> {
    let (first, second) = (world.contact(), world.contact());
    let planted = looked_up(world, &first).await?;
    world.stack.look_up("bram", &planted.secret, Some(&second)).await?.expect(200)?;
    world.stack.clear("anna", &planted.secret, Some(&first)).await?.expect(204)?;
    let outcome = world.stack.connect("ClearContact", &first, json!({"secret": planted.secret})).await?;
    assert_eq!(outcome, json!({"result": "ok"}));
    assert!(!is_invoked_for(world, &first));
    world.stack.clear("bram", &planted.secret, Some(&second)).await?.expect(204)?;
    assert!(is_invoked_for(world, &second));
    Ok(())
}

async fn the_answer_does_not_wait_for_amazon_connect(world: &World) -> Result<()> {
    let (contact, gate) = (world.contact(), Gate::new());
    let planted = looked_up(world, &contact).await?;
    let _there = keeps(world, &contact, &planted.secret);
    let (held, until) = (asks(&contact), gate.clone());
    let holding = world.stack.to_aws.inject(move |call: &Call| (call.operation == held).then(|| Fault::Hold(until.clone())));
    world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);
    gate.reached().await?;
    drop(holding);
    gate.open();
    overwritten(world, &contact, empties).await?;
    Ok(())
}

/// Which contact it is an agent's browser says. The other call's secret is there for its agent's portal to read.
async fn the_secret_of_another_call_is_not_overwritten(world: &World) -> Result<()> {
    let (mine, others) = (world.contact(), world.contact());
    let other = planted::fresh(world).await?;
    for there in [&other.secret, "", "no secret"] {
        let planted = looked_up(world, &mine).await?;
        let (before, _there) = (sums(world).await?, keeps(world, &others, there));
        let body = json!({"secret": planted.secret, "contactId": mine, "initialContactId": others});
        world.stack.post(&world.stack.agent("anna")?, "/contacts/clear", &body).await?.expect(204)?;
        overwritten(world, &others, |call| call.status == 200).await?;
        counted(world, &before, &[("Cleared", 1), ("NotOverwritten", 1)]).await?;
    }
    // Not for a name either that would be another path.
    let (planted, before) = (looked_up(world, &mine).await?, sums(world).await?);
    let body = json!({"secret": planted.secret, "contactId": mine, "initialContactId": format!("../{others}")});
    world.stack.post(&world.stack.agent("anna")?, "/contacts/clear", &body).await?.expect(204)?;
    counted(world, &before, &[("Cleared", 1), ("NotOverwritten", 1)]).await?;
    let calls = world.stack.to_aws.calls_since(0);
    assert!(!calls.iter().any(|call| call.operation == EMPTIES && call.says(&others)));
    Ok(())
}

async fn of_the_contact_nothing_is_logged(world: &World) -> Result<()> {
    let contact = world.contact();
    let planted = looked_up(world, &contact).await?;
    let _there = keeps(world, &contact, &planted.secret);
    world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    overwritten(world, &contact, empties).await?;
    let began = Instant::now();
    loop {
        let logs = world.stack.function_logs().await?;
        assert!(!logs.contains(&contact), "the contact is in a log");
        if logs.lines().any(|line| line.contains("the secret was overwritten") && line.contains(&planted.record)) {
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(20), "no line tells that the secret was overwritten");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What may pass is tried three times in a run; what is refused, once. After a run that failed, Lambda runs it again.
async fn when_amazon_connect_fails_it_is_tried_again_and_counted(world: &World) -> Result<()> {
    let throttled = r#"{"__type":"ThrottlingException"}"#;
    for (fault, attempts, spoils_the_question) in [
        (Fault::answer(429, throttled), 3, false),
        (Fault::answer(503, "{}"), 3, true),
        (Fault::HangUp, 3, false),
        (Fault::answer(403, "{}"), 1, true),
    ] {
        let contact = world.contact();
        let planted = looked_up(world, &contact).await?;
        let before = sums(world).await?;
        let _there = keeps(world, &contact, &planted.secret);
        let (asked, spoiled, left) = (asks(&contact), contact.clone(), AtomicU32::new(attempts));
        let take_one = move || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        let is_it = move |call: &Call| {
            if spoils_the_question { call.operation == asked } else { call.operation == EMPTIES && call.says(&spoiled) }
        };
        let failing = world.stack.to_aws.inject(move |call: &Call| (is_it(call) && take_one()).then(|| fault.clone()));
        world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
        assert!(!world.has("Records", &planted.record).await?);
        let calls = overwritten(world, &contact, empties).await?;
        // The run after asks first, too.
        let others = if spoils_the_question { 2 } else { 3 };
        assert_eq!(calls.len(), usize::try_from(attempts)? + others);
        counted(world, &before, &[("Cleared", 1), ("NotOverwritten", 1)]).await?;
        drop(failing);
    }
    Ok(())
}

async fn when_it_can_not_be_overwritten_later_the_contact_is_cleared_all_the_same(world: &World) -> Result<()> {
    let contact = world.contact();
    let planted = looked_up(world, &contact).await?;
    let before = sums(world).await?;
    let failing = world
        .stack
        .to_aws
        .inject(|call: &Call| (call.caller == "ClearContact" && call.service == "lambda").then(|| Fault::answer(500, "{}")));
    world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    drop(failing);
    assert!(!world.has("Records", &planted.record).await?);
    counted(world, &before, &[("Cleared", 1), ("NotOverwritten", 1)]).await?;

    // A portal that names no contact.
    let planted = planted::fresh(world).await?;
    world.stack.look_up("anna", &planted.secret, None).await?.expect(200)?;
    world.stack.clear("anna", &planted.secret, None).await?.expect(204)?;
    counted(world, &before, &[("Cleared", 2), ("NotOverwritten", 2)]).await
}
