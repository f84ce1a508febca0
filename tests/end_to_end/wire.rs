//! What a request costs: the calls that a function makes to AWS, counted where they pass.

use anyhow::Result;
use local::wallet::Person;

use crate::tests;
use crate::world::{BSN_AND_NAME, World};

tests! {
    beside_others: [],
    alone: [
        a_start_costs_two_calls_to_kms_and_one_to_the_database,
        a_result_costs_two_calls_to_the_database_and_one_to_kms,
        an_exchange_costs_one_call_to_kms_and_one_to_the_database,
        a_look_up_and_a_clear_cost_two_calls_to_the_database_each,
    ]
}

/// The calls that `function` made since `mark`, as `service:Operation`; without those to Parameter Store, which is read
/// once a minute at most.
fn calls(world: &World, mark: usize, function: &str) -> Vec<String> {
    let calls = world.stack.to_aws.calls_since(mark);
    calls
        .iter()
        .filter(|call| call.caller == function && call.service != "ssm")
        .map(|call| format!("{}:{}", call.service, call.operation))
        .collect()
}

async fn a_start_costs_two_calls_to_kms_and_one_to_the_database(world: &World) -> Result<()> {
    world.start(BSN_AND_NAME).await?;
    let mark = world.stack.to_aws.mark();
    world.start(BSN_AND_NAME).await?;
    assert_eq!(calls(world, mark, "SessionStart"), ["kms:GenerateMac", "kms:Encrypt", "dynamodb:TransactWriteItems"]);
    Ok(())
}

/// The callback itself costs one call more to the database, and one to Lambda.
async fn a_result_costs_two_calls_to_the_database_and_one_to_kms(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let mark = world.stack.to_aws.mark();
    let session = world.start(BSN_AND_NAME).await?;
    wallet.perform(&session.pointer).await?;
    let secret = world.stack.secret(&session.code, &world.contact()).await?;
    world.stack.look_up_until_ended("anna", &secret, None).await?.expect(200)?;
    // Sessions of other tests may time out meanwhile, and are called back.
    let calls = world.stack.to_aws.calls_since(mark);
    let ours = calls.iter().filter(|call| call.caller == "SessionIngest" && call.says(&session.id));
    let mut calls: Vec<String> = ours.map(|call| format!("{}:{}", call.service, call.operation)).collect();
    // The invocation is answered before what it invoked is done, or after.
    calls.sort_by_key(|call| call.starts_with("lambda"));
    let invoked = calls.pop();
    assert!(invoked.is_some_and(|call| call.starts_with("lambda:POST ")));
    assert_eq!(calls, ["dynamodb:GetItem", "dynamodb:GetItem", "kms:Decrypt", "dynamodb:UpdateItem"]);
    Ok(())
}

async fn an_exchange_costs_one_call_to_kms_and_one_to_the_database(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let code = world.stack.disclose(&wallet, BSN_AND_NAME).await?.code;
    let mark = world.stack.to_aws.mark();
    world.stack.secret(&code, &world.contact()).await?;
    assert_eq!(calls(world, mark, "DtmfExchange"), ["kms:GenerateMac", "dynamodb:UpdateItem"]);
    Ok(())
}

/// The mark, which goes beside, and what it is about.
async fn a_look_up_and_a_clear_cost_two_calls_to_the_database_each(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let code = world.stack.disclose(&wallet, BSN_AND_NAME).await?.code;
    let secret = world.stack.secret(&code, &world.contact()).await?;
    world.stack.look_up_until_ended("anna", &secret, None).await?.expect(200)?;
    let mark = world.stack.to_aws.mark();
    world.stack.look_up("anna", &secret, None).await?.expect(200)?;
    world.stack.clear("anna", &secret, None).await?.expect(204)?;
    for (function, call) in [("AgentLookup", "dynamodb:UpdateItem"), ("ClearContact", "dynamodb:DeleteItem")] {
        let mut calls = calls(world, mark, function);
        calls.sort_by_key(|call| call != "dynamodb:GetItem");
        assert_eq!(calls, ["dynamodb:GetItem", call]);
    }
    Ok(())
}
