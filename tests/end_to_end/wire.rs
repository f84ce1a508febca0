//! What a request costs: the calls that a function makes to AWS, counted where they pass.

use anyhow::Result;
use local::wallet::Person;

use crate::tests;
use crate::world::{BSN_AND_NAME, World};

tests! {
    beside_others: [],
    alone: [an_exchange_costs_one_call_to_kms_and_one_to_the_database, a_look_up_and_a_clear_cost_one_call_to_the_database_each]
}

/// The calls that `function` made since `mark`, as `service:Operation`.
fn calls(world: &World, mark: usize, function: &str) -> Vec<String> {
    let calls = world.stack.tap.calls_since(mark);
    calls.iter().filter(|call| call.caller == function).map(|call| format!("{}:{}", call.service, call.operation)).collect()
}

async fn an_exchange_costs_one_call_to_kms_and_one_to_the_database(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let code = world.stack.disclose(&wallet, BSN_AND_NAME).await?.code;
    let mark = world.stack.tap.mark();
    world.stack.secret(&code, &world.contact()).await?;
    assert_eq!(calls(world, mark, "DtmfExchange"), ["kms:GenerateMac", "dynamodb:UpdateItem"]);
    Ok(())
}

async fn a_look_up_and_a_clear_cost_one_call_to_the_database_each(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let code = world.stack.disclose(&wallet, BSN_AND_NAME).await?.code;
    let secret = world.stack.secret(&code, &world.contact()).await?;
    world.stack.look_up_until_ended("anna", &secret, None).await?.expect(200)?;
    let mark = world.stack.tap.mark();
    world.stack.look_up("anna", &secret, None).await?.expect(200)?;
    world.stack.clear("anna", &secret, None).await?.expect(204)?;
    assert_eq!(calls(world, mark, "AgentLookup"), ["dynamodb:UpdateItem"]);
    assert_eq!(calls(world, mark, "ClearContact"), ["dynamodb:DeleteItem"]);
    Ok(())
}
