//! Exchanging a code for the secret.

use anyhow::Result;
use local::wallet::Person;
use serde_json::json;

use crate::tests;
use crate::world::{BSN_AND_NAME, World};

tests! {
    beside_others: [
        a_wrong_code_gives_nothing,
        a_code_works_for_one_contact_only,
        the_same_contact_gets_the_same_secret_again,
        what_was_not_keyed_is_an_unknown_code_for_connect,
    ],
    alone: []
}

async fn a_wrong_code_gives_nothing(world: &World) -> Result<()> {
    let answer = world.stack.exchange("0000000000", &world.contact()).await?;
    assert_eq!((answer.status, &answer.body["type"]), (404, &json!("urn:idbellen:problem:unknown-code")));
    let outcome = world.stack.connect("DtmfExchange", &world.contact(), json!({"dtmf": "0000000000"})).await?;
    assert_eq!(outcome, json!({"result": "unknown_code"}));
    Ok(())
}

async fn a_code_works_for_one_contact_only(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let code = world.stack.disclose(&wallet, BSN_AND_NAME).await?.code;
    world.stack.secret(&code, &world.contact()).await?;
    // A used code looks like one that never was.
    let used = world.stack.exchange(&code, &world.contact()).await?;
    assert_eq!(used, world.stack.exchange("0000000000", &world.contact()).await?);
    Ok(())
}

async fn the_same_contact_gets_the_same_secret_again(world: &World) -> Result<()> {
    let contact = world.contact();
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let code = world.stack.disclose(&wallet, BSN_AND_NAME).await?.code;
    let first = world.stack.secret(&code, &contact).await?;
    assert!(first == world.stack.secret(&code, &contact).await?, "the API gives another secret");
    let again = world.stack.connect("DtmfExchange", &contact, json!({"dtmf": code})).await?;
    assert!(again["secret"] == first, "Connect gives another secret");
    Ok(())
}

async fn what_was_not_keyed_is_an_unknown_code_for_connect(world: &World) -> Result<()> {
    for parameters in [json!({"dtmf": "Timeout"}), json!({"dtmf": ""}), json!({}), json!(null)] {
        let outcome = world.stack.connect("DtmfExchange", &world.contact(), parameters).await?;
        assert_eq!(outcome, json!({"result": "unknown_code"}));
    }
    Ok(())
}
