//! Looking up and clearing a contact.

use anyhow::Result;
use local::wallet::Person;
use serde_json::json;

use crate::tests;
use crate::world::{BSN_AND_NAME, World};

tests! {
    beside_others: [
        after_a_transfer_the_first_agent_clears_nothing,
        without_a_contact_id_the_agent_holds_the_caller,
        a_secret_that_is_wrong_and_one_that_is_cleared_look_the_same,
        an_abandoned_call_is_cleared_by_telephony,
        clearing_twice_is_no_error,
        clearing_before_a_look_up_deletes_nothing,
    ],
    alone: []
}

/// A secret whose attributes are in.
async fn disclosed(world: &World) -> Result<String> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let dialled = world.stack.disclose(&wallet, BSN_AND_NAME).await?;
    world.stack.secret(&dialled.code, &world.contact()).await
}

async fn after_a_transfer_the_first_agent_clears_nothing(world: &World) -> Result<()> {
    let stack = &world.stack;
    let (first, second) = (world.contact(), world.contact());
    let secret = disclosed(world).await?;
    stack.look_up_until_ended("anna", &secret, Some(&first)).await?.expect(200)?;
    stack.look_up("bram", &secret, Some(&second)).await?.expect(200)?;

    stack.clear("anna", &secret, Some(&first)).await?.expect(204)?;
    stack.look_up("bram", &secret, Some(&second)).await?.expect(200)?;
    stack.clear("bram", &secret, Some(&second)).await?.expect(204)?;
    stack.look_up("bram", &secret, Some(&second)).await?.expect(404)?;
    Ok(())
}

async fn without_a_contact_id_the_agent_holds_the_caller(world: &World) -> Result<()> {
    let stack = &world.stack;
    let secret = disclosed(world).await?;
    stack.look_up_until_ended("anna", &secret, None).await?.expect(200)?;
    stack.clear("bram", &secret, None).await?.expect(204)?;
    stack.look_up("anna", &secret, None).await?.expect(200)?;
    stack.clear("anna", &secret, None).await?.expect(204)?;
    stack.look_up("anna", &secret, None).await?.expect(404)?;
    Ok(())
}

async fn a_secret_that_is_wrong_and_one_that_is_cleared_look_the_same(world: &World) -> Result<()> {
    let stack = &world.stack;
    let secret = disclosed(world).await?;
    stack.look_up("anna", &secret, None).await?;
    stack.clear("anna", &secret, None).await?.expect(204)?;
    let cleared = stack.look_up("anna", &secret, None).await?;
    let wrong = stack.look_up("anna", &"A".repeat(43), None).await?;
    assert_eq!(cleared.status, 404);
    assert_eq!(cleared, wrong);
    Ok(())
}

async fn an_abandoned_call_is_cleared_by_telephony(world: &World) -> Result<()> {
    let stack = &world.stack;
    let secret = disclosed(world).await?;
    let cleared = stack.post(&stack.telephony().await?, "/telephony/clear", &json!({"secret": secret})).await?;
    assert_eq!(cleared.status, 204);
    stack.look_up("anna", &secret, None).await?.expect(404)?;

    let secret = disclosed(world).await?;
    let outcome = stack.connect("ClearContact", &world.contact(), json!({"secret": secret})).await?;
    assert_eq!(outcome, json!({"result": "ok"}));
    stack.look_up("anna", &secret, None).await?.expect(404)?;
    Ok(())
}

async fn clearing_twice_is_no_error(world: &World) -> Result<()> {
    let secret = disclosed(world).await?;
    world.stack.look_up("anna", &secret, None).await?;
    for _ in 0..2 {
        assert_eq!(world.stack.clear("anna", &secret, None).await?.status, 204);
    }
    Ok(())
}

/// An agent who was offered the call and did not take it has not looked; the one who takes it next still can.
async fn clearing_before_a_look_up_deletes_nothing(world: &World) -> Result<()> {
    let secret = disclosed(world).await?;
    world.stack.clear("anna", &secret, None).await?.expect(204)?;
    world.stack.look_up_until_ended("bram", &secret, None).await?.expect(200)?;
    Ok(())
}
