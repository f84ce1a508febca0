//! Exchanging a code for the secret.

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use local::call::Answer;
use local::tap::{Call, Fault};
use serde_json::json;
use shared::clock::now;
use shared::codes::Codes;

use crate::tests;
use crate::world::{BSN_AND_NAME, World, number, number_of, patiently};

tests! {
    beside_others: [
        a_wrong_code_gives_nothing,
        a_code_works_for_one_contact_only,
        the_same_contact_gets_the_same_secret_again,
        asking_again_does_not_lengthen_a_codes_life,
        after_its_time_a_code_is_unknown_to_its_contact_too,
        a_code_that_was_never_used_dies,
        what_was_not_keyed_is_an_unknown_code_for_connect,
        a_contact_of_which_connect_tells_little_is_served,
    ],
    alone: [
        fifty_contacts_at_once_with_one_code_get_one_secret,
        one_contact_that_asks_fifty_times_at_once_gets_one_secret,
        while_a_service_fails_or_throttles_the_code_is_not_lost,
        an_answer_that_gets_lost_does_not_lose_the_code,
    ]
}

/// What the API answers to a code it does not know.
async fn unknown(world: &World) -> Result<Answer> {
    world.stack.exchange("0000000000", &world.contact()).await
}

async fn a_wrong_code_gives_nothing(world: &World) -> Result<()> {
    let answer = unknown(world).await?;
    assert_eq!((answer.status, &answer.body["type"]), (404, &json!("urn:idbellen:problem:unknown-code")));
    let outcome = world.exchange_by_connect(&world.contact(), json!({"dtmf": "0000000000"})).await?;
    assert_eq!(outcome, json!({"result": "unknown_code"}));
    Ok(())
}

async fn a_code_works_for_one_contact_only(world: &World) -> Result<()> {
    let code = world.start(BSN_AND_NAME).await?.code;
    world.stack.secret(&code, &world.contact()).await?;
    // A used code looks like one that never was.
    assert_eq!(world.stack.exchange(&code, &world.contact()).await?, unknown(world).await?);
    let outcome = world.exchange_by_connect(&world.contact(), json!({"dtmf": code})).await?;
    assert_eq!(outcome, json!({"result": "unknown_code"}));
    Ok(())
}

async fn the_same_contact_gets_the_same_secret_again(world: &World) -> Result<()> {
    let (code, contact) = (world.start(BSN_AND_NAME).await?.code, world.contact());
    let first = world.stack.secret(&code, &contact).await?;
    assert!(first == world.stack.secret(&code, &contact).await?, "the API gives another secret");
    let again = world.exchange_by_connect(&contact, json!({"dtmf": code})).await?;
    assert!(again["secret"] == first, "Connect gives another secret");
    Ok(())
}

async fn asking_again_does_not_lengthen_a_codes_life(world: &World) -> Result<()> {
    let (session, contact) = (world.start(BSN_AND_NAME).await?, world.contact());
    world.stack.secret(&session.code, &contact).await?;
    let dies = number_of(world, "Codes", &session.code_id, "expires_at").await?;
    assert!(dies <= now() + Codes::REPEAT, "a used code lives on");
    // Some seconds later, as far as the code knows.
    for attribute in ["used_until", "expires_at"] {
        let at = number_of(world, "Codes", &session.code_id, attribute).await?;
        world.set("Codes", &session.code_id, attribute, number(at - 10)).await?;
    }
    let before = world.item("Codes", &session.code_id).await?;
    world.stack.secret(&session.code, &contact).await?;
    assert_eq!(world.item("Codes", &session.code_id).await?, before);
    Ok(())
}

async fn after_its_time_a_code_is_unknown_to_its_contact_too(world: &World) -> Result<()> {
    let (session, contact) = (world.start(BSN_AND_NAME).await?, world.contact());
    world.stack.secret(&session.code, &contact).await?;
    // As if 25 seconds had passed.
    for attribute in ["used_until", "expires_at"] {
        world.set("Codes", &session.code_id, attribute, number(now() - 5)).await?;
    }
    assert_eq!(world.stack.exchange(&session.code, &contact).await?, unknown(world).await?);
    Ok(())
}

async fn a_code_that_was_never_used_dies(world: &World) -> Result<()> {
    // In its last seconds its use would lengthen its life.
    for left in [-60, 0, 1, Codes::REPEAT] {
        let session = world.start(BSN_AND_NAME).await?;
        world.set("Codes", &session.code_id, "expires_at", number(now() + left)).await?;
        assert_eq!(world.stack.exchange(&session.code, &world.contact()).await?, unknown(world).await?, "{left} s left");
    }
    let session = world.start(BSN_AND_NAME).await?;
    world.set("Codes", &session.code_id, "expires_at", number(now() + Codes::REPEAT + 30)).await?;
    world.stack.secret(&session.code, &world.contact()).await?;
    Ok(())
}

async fn what_was_not_keyed_is_an_unknown_code_for_connect(world: &World) -> Result<()> {
    for parameters in
        [json!({"dtmf": "Timeout"}), json!({"dtmf": ""}), json!({"dtmf": null}), json!({"dtmf": 1_234_567_890}), json!({})]
    {
        let outcome = world.exchange_by_connect(&world.contact(), parameters).await?;
        assert_eq!(outcome, json!({"result": "unknown_code"}));
    }
    Ok(())
}

/// Someone who withholds their number has no endpoint, and a flow without parameters sends none.
async fn a_contact_of_which_connect_tells_little_is_served(world: &World) -> Result<()> {
    let (code, contact) = (world.start(BSN_AND_NAME).await?.code, world.contact());
    let data = json!({"ContactId": contact, "CustomerEndpoint": null, "SystemEndpoint": null, "Queue": null});
    let event = json!({"Name": "ContactFlowEvent", "Details": {"ContactData": data, "Parameters": {"dtmf": code}}});
    let good = world.stack.invoke(world.stack.root(), "DtmfExchange", &event).await?;
    assert_eq!(good.payload["result"], "ok");
    for details in
        [json!(null), json!({}), json!({"ContactData": null, "Parameters": null}), json!({"Parameters": {"dtmf": code}})]
    {
        let answer = world.stack.invoke(world.stack.root(), "DtmfExchange", &json!({"Details": details})).await?;
        assert_eq!((answer.failed, answer.payload), (false, json!({"result": "unknown_code"})), "{details}");
    }
    let answer = world.stack.invoke(world.stack.root(), "DtmfExchange", &json!({"Details": "nonsense"})).await?;
    assert_eq!((answer.failed, answer.payload), (false, json!({"result": "unavailable"})));
    Ok(())
}

async fn fifty_contacts_at_once_with_one_code_get_one_secret(world: &World) -> Result<()> {
    let code = world.start(BSN_AND_NAME).await?.code;
    let telephony = world.stack.telephony().await?;
    let asked = (0..50).map(|_| {
        let body = json!({"dtmf": code, "contactId": world.contact()});
        let telephony = &telephony;
        async move { patiently(|| world.stack.post(telephony, "/dtmf/exchange", &body)).await }
    });
    let answers = try_join_all(asked).await?;
    let secrets = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 404).count();
    assert_eq!((secrets, refused), (1, 49));
    Ok(())
}

async fn one_contact_that_asks_fifty_times_at_once_gets_one_secret(world: &World) -> Result<()> {
    let (code, contact) = (world.start(BSN_AND_NAME).await?.code, world.contact());
    let telephony = world.stack.telephony().await?;
    let body = json!({"dtmf": code, "contactId": contact});
    let asked = (0..50).map(|_| patiently(|| world.stack.post(&telephony, "/dtmf/exchange", &body)));
    let mut secrets = Vec::new();
    for answer in try_join_all(asked).await? {
        secrets.push(answer.expect(200)?["secret"].as_str().context("there is no secret")?.to_owned());
    }
    secrets.dedup();
    assert_eq!(secrets.len(), 1);
    Ok(())
}

async fn while_a_service_fails_or_throttles_the_code_is_not_lost(world: &World) -> Result<()> {
    for (operation, fault) in [
        ("GenerateMac", Fault::exception("ThrottlingException")),
        ("GenerateMac", Fault::exception("DisabledException")),
        ("GenerateMac", Fault::answer(500, "{}")),
        ("GenerateMac", Fault::answer(200, r#"{"Mac": "AAAA"}"#)),
        ("GenerateMac", Fault::HangUp),
        ("UpdateItem", Fault::exception("ProvisionedThroughputExceededException")),
        ("UpdateItem", Fault::exception("ThrottlingException")),
        ("UpdateItem", Fault::exception("ResourceNotFoundException")),
        ("UpdateItem", Fault::answer(500, "{}")),
        ("UpdateItem", Fault::answer(200, "nonsense")),
        ("UpdateItem", Fault::HangUp),
    ] {
        let (code, contact) = (world.start(BSN_AND_NAME).await?.code, world.contact());
        let failing = world
            .stack
            .to_aws
            .inject(move |call: &Call| (call.caller == "DtmfExchange" && call.operation == operation).then(|| fault.clone()));
        let answer = world.stack.exchange(&code, &contact).await?;
        assert_eq!((answer.status, &answer.body["type"]), (503, &json!("urn:idbellen:problem:unavailable")), "{operation}");
        let outcome = world.exchange_by_connect(&contact, json!({"dtmf": code})).await?;
        assert_eq!(outcome, json!({"result": "unavailable"}), "{operation}");
        drop(failing);
        world.stack.secret(&code, &contact).await?;
    }
    Ok(())
}

async fn an_answer_that_gets_lost_does_not_lose_the_code(world: &World) -> Result<()> {
    let (session, contact) = (world.start(BSN_AND_NAME).await?, world.contact());
    let losing = world
        .stack
        .to_aws
        .inject(|call: &Call| (call.caller == "DtmfExchange" && call.operation == "UpdateItem").then(|| Fault::lost(500)));
    world.stack.exchange(&session.code, &contact).await?.expect(503)?;
    let item = world.item("Codes", &session.code_id).await?.context("the code is gone")?;
    ensure!(item.contains_key("contact"), "the code was not used after all");
    drop(losing);
    world.stack.secret(&session.code, &contact).await?;
    assert_eq!(world.stack.exchange(&session.code, &world.contact()).await?.status, 404);
    Ok(())
}
