//! Starting a session, and what is shown before.

use anyhow::{Context, Result};
use local::call::Caller;
use serde_json::json;
use shared::clock::now;
use shared::codes::Codes;

use crate::tests;
use crate::world::{BSN_AND_NAME, OUT_OF_HOURS, SWITCHED_OFF, World};

tests! {
    beside_others: [
        an_unknown_purpose_is_refused,
        a_purpose_that_is_switched_off_starts_nothing,
        a_purpose_out_of_hours_starts_nothing_and_says_when_it_is_open,
        a_purpose_says_what_is_asked_and_why,
        a_code_lives_eighteen_minutes,
    ],
    alone: []
}

async fn an_unknown_purpose_is_refused(world: &World) -> Result<()> {
    for name in ["no-such-purpose", "", "../irma-requestor-token", "Burgerzaken"] {
        let answer = world.stack.post(&Caller::Anyone, "/sessions", &json!({"purpose": name})).await?;
        assert_eq!((answer.status, &answer.body["type"]), (400, &json!("urn:idbellen:problem:unknown-purpose")), "{name}");
    }
    assert_eq!(world.stack.get("/purposes/no-such-purpose").await?.status, 404);
    Ok(())
}

async fn a_purpose_that_is_switched_off_starts_nothing(world: &World) -> Result<()> {
    starts_nothing(world, SWITCHED_OFF).await
}

async fn a_purpose_out_of_hours_starts_nothing_and_says_when_it_is_open(world: &World) -> Result<()> {
    starts_nothing(world, OUT_OF_HOURS).await
}

async fn starts_nothing(world: &World, purpose: &str) -> Result<()> {
    let answer = world.stack.post(&Caller::Anyone, "/sessions", &json!({"purpose": purpose})).await?;
    assert_eq!((answer.status, &answer.body["type"]), (503, &json!("urn:idbellen:problem:closed")));
    assert!(answer.body["openingHours"]["weekly"].is_object());
    assert_eq!(world.stack.get(&format!("/purposes/{purpose}")).await?.expect(200)?["open"], false);
    Ok(())
}

async fn a_purpose_says_what_is_asked_and_why(world: &World) -> Result<()> {
    let purpose = world.stack.get(&format!("/purposes/{BSN_AND_NAME}")).await?.expect(200)?;
    assert_eq!(purpose["open"], true);
    assert!(purpose["privacyUrl"].as_str().is_some_and(|url| url.starts_with("https://")));
    for (id, terms) in purpose["attributes"].as_object().context("no attributes")? {
        for language in ["nl", "en"] {
            assert!(terms["reason"][language].as_str().is_some_and(|text| !text.is_empty()), "{id}");
            assert!(terms["label"][language].as_str().is_some_and(|text| !text.is_empty()), "{id}");
        }
    }
    Ok(())
}

async fn a_code_lives_eighteen_minutes(world: &World) -> Result<()> {
    let before = now();
    let session = world.stack.start_session(BSN_AND_NAME).await?;
    let expires_at = session.answer["expiresAt"].as_i64().context("no expiresAt")?;
    assert!((before + Codes::LIFETIME..=now() + Codes::LIFETIME).contains(&expires_at));
    Ok(())
}
