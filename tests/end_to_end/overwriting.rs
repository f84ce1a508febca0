//! The secret in the attributes of a contact of Amazon Connect, overwritten at clear. There is no Amazon Connect here: the
//! tap before AWS answers in its place.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use local::tap::{Call, Fault, Gate};
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
        the_answer_does_not_wait_for_amazon_connect,
        of_the_contact_nothing_is_logged,
        when_amazon_connect_fails_it_is_tried_again_and_counted,
        when_it_can_not_be_overwritten_later_the_contact_is_cleared_all_the_same,
    ]
}

/// The calls to Amazon Connect for a contact, of which `wanted` must come.
async fn overwritten(world: &World, contact: &str, wanted: impl Fn(&Call) -> bool) -> Result<Vec<Call>> {
    let began = Instant::now();
    loop {
        let calls = world.stack.to_aws.calls_since(0);
        let calls: Vec<Call> = calls.into_iter().filter(|call| call.service == "connect" && call.says(contact)).collect();
        if calls.iter().any(&wanted) {
            return Ok(calls);
        }
        ensure!(began.elapsed() < Duration::from_secs(30), "nothing like it among {} calls", calls.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
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
    world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    let calls = overwritten(world, &contact, |_| true).await?;
    let [call] = &calls[..] else { anyhow::bail!("{} calls", calls.len()) };
    assert_eq!((call.caller.as_str(), call.operation.as_str()), ("ClearContact", "POST /contact/attributes"));
    assert_eq!(serde_json::from_slice::<Value>(&call.body)?, emptied(&contact));
    Ok(())
}

async fn after_a_transfer_it_is_overwritten_at_the_first_contact(world: &World) -> Result<()> {
    let (first, second) = (world.contact(), world.contact());
    let planted = looked_up(world, &first).await?;
    world.stack.look_up("bram", &planted.secret, Some(&second)).await?.expect(200)?;
    let body = json!({"secret": planted.secret, "contactId": second, "initialContactId": first});
    world.stack.post(&world.stack.agent("bram")?, "/contacts/clear", &body).await?.expect(204)?;
    let calls = overwritten(world, &first, |_| true).await?;
    assert_eq!(serde_json::from_slice::<Value>(&calls[0].body)?, emptied(&first));
    Ok(())
}

async fn of_an_abandoned_call_it_is_overwritten_too(world: &World) -> Result<()> {
    let (contact, planted) = (world.contact(), planted::fresh(world).await?);
    let outcome = world.stack.connect("ClearContact", &contact, json!({"secret": planted.secret})).await?;
    assert_eq!(outcome, json!({"result": "ok"}));
    let calls = overwritten(world, &contact, |_| true).await?;
    assert_eq!(serde_json::from_slice::<Value>(&calls[0].body)?, emptied(&contact));
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
    let (held, until) = (contact.clone(), gate.clone());
    let holding = world
        .stack
        .to_aws
        .inject(move |call: &Call| (call.service == "connect" && call.says(&held)).then(|| Fault::Hold(until.clone())));
    world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    assert!(!world.has("Records", &planted.record).await?);
    gate.reached().await?;
    drop(holding);
    gate.open();
    overwritten(world, &contact, |call| call.status == 200).await?;
    Ok(())
}

async fn of_the_contact_nothing_is_logged(world: &World) -> Result<()> {
    let contact = world.contact();
    let planted = looked_up(world, &contact).await?;
    world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
    overwritten(world, &contact, |_| true).await?;
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
    for (fault, attempts) in
        [(Fault::answer(429, throttled), 3), (Fault::answer(503, "{}"), 3), (Fault::HangUp, 3), (Fault::answer(403, "{}"), 1)]
    {
        let contact = world.contact();
        let planted = looked_up(world, &contact).await?;
        let before = sums(world).await?;
        let (spoiled, left) = (contact.clone(), AtomicU32::new(attempts));
        let take_one = move || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        let failing = world
            .stack
            .to_aws
            .inject(move |call: &Call| (call.service == "connect" && call.says(&spoiled) && take_one()).then(|| fault.clone()));
        world.stack.clear("anna", &planted.secret, Some(&contact)).await?.expect(204)?;
        assert!(!world.has("Records", &planted.record).await?);
        let calls = overwritten(world, &contact, |call| call.status == 200).await?;
        assert_eq!(calls.len(), usize::try_from(attempts)? + 1);
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
