//! Calls in which all goes well, or the citizen says no.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use local::call::{Dialled, Session};
use local::wallet::{Ending, Person};
use serde_json::{Value, json};

use crate::tests;
use crate::world::{BSN_AND_NAME, NAME_AND_PERHAPS_BSN, World};

tests! {
    beside_others: [
        a_call_through_the_api,
        a_call_through_amazon_connect,
        an_attribute_that_the_citizen_does_not_have_is_left_out,
        an_optional_attribute_can_be_disclosed,
        an_optional_attribute_can_be_kept,
        the_page_gets_no_code_and_the_wallet_does,
        who_declines_is_shown_as_declined,
    ],
    alone: []
}

const BSN: &str = "irma-demo.MijnOverheid.singleton.BSN";
const FIRST_NAMES: &str = "irma-demo.MijnOverheid.fullName.firstnames";
const FAMILY_NAME: &str = "irma-demo.MijnOverheid.fullName.familyname";
const PREFIX: &str = "irma-demo.MijnOverheid.fullName.prefix";

/// The value that the agent sees for an attribute.
fn shown<'a>(body: &'a Value, id: &str) -> Option<&'a str> {
    let attributes = body["attributes"].as_array()?;
    attributes.iter().find(|attribute| attribute["id"] == id)?["value"].as_str()
}

async fn a_call_through_the_api(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let dialled = stack.disclose(&wallet, BSN_AND_NAME).await?;
    let secret = stack.secret(&dialled.code, &contact).await?;
    let body = stack.look_up_until_ended("anna", &secret, Some(&contact)).await?.expect(200)?;

    assert_eq!(body["status"], "disclosed");
    assert_eq!(body["purpose"], BSN_AND_NAME);
    assert_eq!(shown(&body, BSN), Some(Person::WILLEKE.bsn));
    assert_eq!(shown(&body, FIRST_NAMES), Some(Person::WILLEKE.firstnames));
    assert_eq!(shown(&body, FAMILY_NAME), Some(Person::WILLEKE.familyname));
    assert_eq!(shown(&body, PREFIX), Person::WILLEKE.prefix);
    let labels: Vec<&Value> = body["attributes"].as_array().into_iter().flatten().map(|shown| &shown["label"]["nl"]).collect();
    assert!(labels.contains(&&json!("Burgerservicenummer (BSN)")), "{labels:?}");

    assert_eq!(stack.clear("anna", &secret, Some(&contact)).await?.status, 204);
    assert_eq!(stack.look_up("anna", &secret, Some(&contact)).await?.status, 404);
    Ok(())
}

async fn a_call_through_amazon_connect(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let dialled = stack.disclose(&wallet, BSN_AND_NAME).await?;
    let outcome = world.exchange_by_connect(&contact, json!({"dtmf": dialled.code})).await?;
    assert_eq!(outcome["result"], "ok");
    assert!(outcome.as_object().context("no flat map")?.values().all(Value::is_string), "Connect reads texts only: {outcome}");
    let secret = outcome["secret"].as_str().context("no secret")?;
    let body = stack.look_up_until_ended("anna", secret, Some(&contact)).await?.expect(200)?;
    assert_eq!(shown(&body, BSN), Some(Person::WILLEKE.bsn));

    // Once an agent has looked, telephony can't delete under their eyes.
    assert_eq!(stack.connect("ClearContact", &contact, json!({"secret": secret})).await?, json!({"result": "ok"}));
    assert_eq!(stack.look_up("anna", secret, Some(&contact)).await?.status, 200);
    assert_eq!(stack.clear("anna", secret, Some(&contact)).await?.status, 204);
    assert_eq!(stack.look_up("anna", secret, Some(&contact)).await?.status, 404);
    Ok(())
}

async fn an_attribute_that_the_citizen_does_not_have_is_left_out(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::JOCHEM).await?;
    let dialled = stack.disclose(&wallet, BSN_AND_NAME).await?;
    let secret = stack.secret(&dialled.code, &contact).await?;
    let body = stack.look_up_until_ended("anna", &secret, Some(&contact)).await?.expect(200)?;
    assert_eq!(shown(&body, FAMILY_NAME), Some(Person::JOCHEM.familyname));
    assert_eq!(shown(&body, PREFIX), None);
    Ok(())
}

async fn an_optional_attribute_can_be_disclosed(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let dialled = stack.disclose(&wallet, NAME_AND_PERHAPS_BSN).await?;
    let secret = stack.secret(&dialled.code, &contact).await?;
    let body = stack.look_up_until_ended("anna", &secret, None).await?.expect(200)?;
    assert_eq!(shown(&body, FAMILY_NAME), Some(Person::WILLEKE.familyname));
    assert_eq!(shown(&body, BSN), Some(Person::WILLEKE.bsn));
    Ok(())
}

async fn an_optional_attribute_can_be_kept(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let Session { pointer, .. } = stack.start_session(NAME_AND_PERHAPS_BSN).await?;
    let dialled = Dialled::read(&wallet.perform_without_optional(&pointer).await?)?;
    let secret = stack.secret(&dialled.code, &contact).await?;
    let body = stack.look_up_until_ended("anna", &secret, None).await?.expect(200)?;
    assert_eq!(shown(&body, FAMILY_NAME), Some(Person::WILLEKE.familyname));
    assert_eq!(shown(&body, BSN), None);
    Ok(())
}

async fn who_declines_is_shown_as_declined(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    // The app dials nothing after a refusal. A code that is dialled all the same gives no attributes.
    let session = world.start(BSN_AND_NAME).await?;
    let outcome = wallet.decline(&session.pointer).await?;
    assert_eq!(outcome.outcome, Ending::Declined);
    let secret = stack.secret(&session.code, &contact).await?;
    let body = stack.look_up_until_ended("anna", &secret, Some(&contact)).await?.expect(200)?;
    assert_eq!(body["status"], "declined");
    assert_eq!(body.get("attributes"), None);
    Ok(())
}

async fn the_page_gets_no_code_and_the_wallet_does(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let session = world.stack.start_session(BSN_AND_NAME).await?;
    let dialled = Dialled::read(&wallet.perform(&session.pointer).await?)?;
    assert_eq!(dialled.code.len(), 10);
    assert!(!session.answer.to_string().contains(&dialled.code));
    let members: BTreeSet<&str> = session.answer.as_object().context("no object")?.keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["expiresAt", "frontendRequest", "sessionPtr"]));
    Ok(())
}
