//! Starting a session, what is shown before, and what happens when a part that is needed for it fails.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use local::call::{Answer, Caller};
use local::tap::{Call, Fault, Gate};
use serde_json::{Value, json};
use shared::clock::now;

use crate::tests;
use crate::world::{BSN_AND_NAME, OUT_OF_HOURS, SWITCHED_OFF, World, number_of};

tests! {
    beside_others: [
        an_unknown_purpose_is_refused,
        a_purpose_that_is_switched_off_starts_nothing,
        a_purpose_out_of_hours_starts_nothing_and_says_when_it_is_open,
        a_purpose_says_what_is_asked_and_why,
        a_code_lives_eighteen_minutes,
    ],
    alone: [
        while_the_irma_server_is_down_nothing_is_started,
        an_irma_server_that_fails_starts_nothing,
        an_irma_server_that_is_slow_starts_nothing,
        a_new_requestor_token_is_taken_up_at_once,
        a_requestor_token_that_is_refused_is_read_anew_once,
        a_code_that_is_in_use_is_drawn_anew,
        codes_that_are_always_in_use_start_nothing,
        when_the_database_fails_the_irma_session_is_cancelled,
        when_the_databases_answer_gets_lost_nothing_can_be_disclosed,
        when_the_irma_session_cannot_be_cancelled_nothing_is_left_either,
        when_the_key_service_fails_nothing_is_started,
    ]
}

async fn an_unknown_purpose_is_refused(world: &World) -> Result<()> {
    for name in ["no-such-purpose", "", "../irma-requestor-token", "Burgerzaken", "burgerzaken ", "burgerzaken/", "*"] {
        let answer = world.stack.post(&Caller::Anyone, "/sessions", &json!({"purpose": name})).await?;
        assert_eq!((answer.status, &answer.body["type"]), (400, &json!("urn:idbellen:problem:unknown-purpose")), "{name}");
    }
    for name in ["no-such-purpose", "Burgerzaken", "burgerzaken%20", "%2a"] {
        let answer = world.stack.get(&format!("/purposes/{name}")).await?;
        assert_eq!((answer.status, &answer.body["type"]), (404, &json!("urn:idbellen:problem:unknown-purpose")), "{name}");
    }
    Ok(())
}

async fn a_purpose_that_is_switched_off_starts_nothing(world: &World) -> Result<()> {
    is_closed(world, SWITCHED_OFF).await
}

async fn a_purpose_out_of_hours_starts_nothing_and_says_when_it_is_open(world: &World) -> Result<()> {
    is_closed(world, OUT_OF_HOURS).await
}

async fn is_closed(world: &World, purpose: &str) -> Result<()> {
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
    const LIFETIME: i64 = 18 * 60;
    let before = now();
    let told = world.stack.start_session(BSN_AND_NAME).await?.answer["expiresAt"].as_i64().context("no expiresAt")?;
    let session = world.start(BSN_AND_NAME).await?;
    let stored = number_of(world, "Codes", &session.code_id, "expires_at").await?;
    for expires_at in [told, stored] {
        assert!((before + LIFETIME..=now() + LIFETIME).contains(&expires_at), "{}", expires_at - before);
    }
    Ok(())
}

async fn post(world: &World) -> Result<Answer> {
    world.stack.post(&Caller::Anyone, "/sessions", &json!({"purpose": BSN_AND_NAME})).await
}

/// The keys of all items.
async fn keys(world: &World) -> Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    for table in ["Records", "Codes"] {
        let items = world.stack.items(table).await?;
        keys.extend(items.iter().filter_map(|item| item.get("id")?.as_s().ok().cloned()));
    }
    Ok(keys)
}

/// A citizen tries to start, which must fail with this problem and leave no item behind.
async fn starts_nothing(world: &World, problem: &str) -> Result<()> {
    let before = keys(world).await?;
    let answer = post(world).await?;
    ensure!(answer.body["type"] == format!("urn:idbellen:problem:{problem}"), "not {problem}: {answer:?}");
    ensure!(answer.status == 503, "{answer:?}");
    let left: Vec<String> = keys(world).await?.difference(&before).cloned().collect();
    ensure!(left.is_empty(), "items are left: {left:?}");
    Ok(())
}

fn asks_for_a_session(call: &Call) -> bool {
    call.operation == "POST /session"
}

/// The tokens of the IRMA sessions that were started since `mark`.
fn started_at_irma(world: &World, mark: usize) -> Vec<String> {
    let calls = world.stack.to_irma.calls_since(mark);
    let answers = calls.iter().filter(|call| asks_for_a_session(call) && call.status == 200);
    answers.filter_map(|call| Some(serde_json::from_slice::<Value>(&call.answer).ok()?["token"].as_str()?.to_owned())).collect()
}

/// What the IRMA server itself says of a session.
async fn status_at_irma(world: &World, token: &str) -> Result<String> {
    let url = format!("{}/session/{token}/status", world.stack.irma.lock().await.url());
    Ok(world.stack.client().get(url).send().await?.json().await?)
}

async fn while_the_irma_server_is_down_nothing_is_started(world: &World) -> Result<()> {
    world.stack.irma.lock().await.stop().await;
    let down = starts_nothing(world, "irma-unavailable").await;
    world.stack.irma.lock().await.resume().await?;
    down?;
    post(world).await?.expect(201)?;
    Ok(())
}

async fn an_irma_server_that_fails_starts_nothing(world: &World) -> Result<()> {
    let large = format!(r#"{{"token": "{}"}}"#, "a".repeat(300 * 1024));
    for (status, body) in [
        (500, "{}"),
        (502, "<html>"),
        (400, r#"{"error": "INVALID_REQUEST", "message": "marker"}"#),
        (302, ""),
        (200, ""),
        (200, "null"),
        (200, "<html>"),
        (200, "[]"),
        (200, r#"{"sessionPtr": {}, "frontendRequest": {}}"#),
        (200, r#"{"token": "no/token", "sessionPtr": {}, "frontendRequest": {}}"#),
        (200, r#"{"token": "", "sessionPtr": {}, "frontendRequest": {}}"#),
        (200, r#"{"token": "abc", "sessionPtr": {}}"#),
        (200, &large),
    ] {
        let fault = Fault::answer(status, body);
        let _failing = world.stack.to_irma.inject(move |call| asks_for_a_session(call).then(|| fault.clone()));
        starts_nothing(world, "irma-unavailable").await.with_context(|| format!("{status} {body:.40}"))?;
    }
    let _failing = world.stack.to_irma.inject(|call| asks_for_a_session(call).then_some(Fault::HangUp));
    starts_nothing(world, "irma-unavailable").await
}

async fn an_irma_server_that_is_slow_starts_nothing(world: &World) -> Result<()> {
    let gate = Gate::new();
    let held = gate.clone();
    let slow = world.stack.to_irma.inject(move |call| asks_for_a_session(call).then(|| Fault::Hold(held.clone())));
    let given_up = starts_nothing(world, "irma-unavailable").await;
    drop(slow);
    gate.open();
    given_up
}

async fn a_new_requestor_token_is_taken_up_at_once(world: &World) -> Result<()> {
    post(world).await?.expect(201)?;
    world.stack.irma.lock().await.change_requestor_token().await?;
    // Until the operator has put the new one.
    let refused = starts_nothing(world, "irma-unavailable").await;
    world.operator().await?.put_requestor_token().await?;
    refused?;
    post(world).await?.expect(201)?;
    Ok(())
}

async fn a_requestor_token_that_is_refused_is_read_anew_once(world: &World) -> Result<()> {
    for status in [401, 403] {
        let fault = Fault::answer(status, r#"{"error": "UNAUTHORIZED"}"#);
        let (irma, aws) = (world.stack.to_irma.mark(), world.stack.to_aws.mark());
        let _refusing = world.stack.to_irma.inject(move |call| asks_for_a_session(call).then(|| fault.clone()));
        starts_nothing(world, "irma-unavailable").await?;
        let tries = world.stack.to_irma.calls_since(irma);
        assert_eq!(tries.iter().filter(|call| asks_for_a_session(call)).count(), 2);
        let calls = world.stack.to_aws.calls_since(aws);
        let read = |call: &&Call| call.caller == "SessionStart" && call.operation == "GetParameter";
        assert_eq!(calls.iter().filter(read).count(), 1);
    }
    post(world).await?.expect(201)?;
    Ok(())
}

/// From now on, KMS names the next `times` codes as it named that of an earlier session: they collide with it in the
/// database.
async fn collide(world: &World, times: usize) -> Result<(local::tap::Injected, String)> {
    let mark = world.stack.to_aws.mark();
    let earlier = world.start(BSN_AND_NAME).await?;
    let calls = world.stack.to_aws.calls_since(mark);
    let named = |call: &&Call| call.caller == "SessionStart" && call.operation == "GenerateMac";
    let mac = String::from_utf8(calls.iter().find(named).context("no code was named")?.answer.to_vec())?;
    let left = std::sync::Mutex::new(times);
    let injected = world.stack.to_aws.inject(move |call| {
        let mut left = left.lock().ok()?;
        if *left == 0 || !named(&call) {
            return None;
        }
        *left -= 1;
        Some(Fault::answer(200, mac.clone()))
    });
    Ok((injected, earlier.code))
}

async fn a_code_that_is_in_use_is_drawn_anew(world: &World) -> Result<()> {
    let (_colliding, code_in_use) = collide(world, 1).await?;
    let mark = world.stack.to_irma.mark();
    post(world).await?.expect(201)?;
    let tokens = started_at_irma(world, mark);
    assert_eq!(tokens.len(), 2);
    assert_eq!(status_at_irma(world, &tokens[0]).await?, "CANCELLED");
    assert_eq!(status_at_irma(world, &tokens[1]).await?, "INITIALIZED");
    // All was drawn anew: the wallet would dial another code, and the callback would be another record's.
    let calls = world.stack.to_irma.calls_since(mark);
    for part in ["/request/clientReturnUrl", "/callbackUrl"] {
        let asked = calls.iter().filter(|call| asks_for_a_session(call));
        let asked =
            asked.filter_map(|call| serde_json::from_slice::<Value>(&call.body).ok()?.pointer(part).map(Value::to_string));
        assert_eq!(asked.collect::<BTreeSet<String>>().len(), 2, "{part}");
    }
    // The first session's code is still its own.
    world.stack.exchange(&code_in_use, &world.contact()).await?.expect(200)?;
    Ok(())
}

async fn codes_that_are_always_in_use_start_nothing(world: &World) -> Result<()> {
    let (_colliding, _) = collide(world, usize::MAX).await?;
    let mark = world.stack.to_irma.mark();
    starts_nothing(world, "unavailable").await?;
    let tokens = started_at_irma(world, mark);
    assert_eq!(tokens.len(), 3);
    for token in tokens {
        assert_eq!(status_at_irma(world, &token).await?, "CANCELLED");
    }
    Ok(())
}

async fn when_the_database_fails_the_irma_session_is_cancelled(world: &World) -> Result<()> {
    for fault in
        [Fault::answer(500, "{}"), Fault::exception("ThrottlingException"), Fault::HangUp, Fault::answer(200, "nonsense")]
    {
        let mark = world.stack.to_irma.mark();
        let _failing = world.stack.to_aws.inject(move |call| (call.operation == "TransactWriteItems").then(|| fault.clone()));
        starts_nothing(world, "unavailable").await?;
        let tokens = started_at_irma(world, mark);
        assert_eq!(tokens.len(), 1);
        assert_eq!(status_at_irma(world, &tokens[0]).await?, "CANCELLED");
    }
    Ok(())
}

/// The write came through after all: a record is there that nobody has a pointer to, and nothing can come into it.
async fn when_the_databases_answer_gets_lost_nothing_can_be_disclosed(world: &World) -> Result<()> {
    let (before, mark) = (keys(world).await?, world.stack.to_irma.mark());
    let losing = world.stack.to_aws.inject(|call| (call.operation == "TransactWriteItems").then(|| Fault::lost(500)));
    post(world).await?.expect(503)?;
    drop(losing);
    let tokens = started_at_irma(world, mark);
    assert_eq!(status_at_irma(world, &tokens[0]).await?, "CANCELLED");
    assert_eq!(keys(world).await?.difference(&before).count(), 2);

    let calls = world.stack.to_irma.calls_since(mark);
    let asked: Value = serde_json::from_slice(&calls.iter().find(|call| asks_for_a_session(call)).context("no call")?.body)?;
    let code = asked["request"]["clientReturnUrl"].as_str().and_then(|url| url.rsplit(',').next()).context("no code")?;
    let secret = world.stack.secret(code, &world.contact()).await?;
    // The IRMA server calls back for a session that was cancelled, too.
    assert_eq!(world.stack.look_up_until_ended("anna", &secret, None).await?.expect(200)?["status"], "declined");
    Ok(())
}

async fn when_the_irma_session_cannot_be_cancelled_nothing_is_left_either(world: &World) -> Result<()> {
    let _no_database =
        world.stack.to_aws.inject(|call| (call.operation == "TransactWriteItems").then(|| Fault::answer(500, "{}")));
    let _no_cancelling = world.stack.to_irma.inject(|call| call.operation.starts_with("DELETE ").then_some(Fault::HangUp));
    starts_nothing(world, "unavailable").await
}

async fn when_the_key_service_fails_nothing_is_started(world: &World) -> Result<()> {
    let failing = |operation: &'static str| {
        let fails = move |call: &Call| call.caller == "SessionStart" && call.operation == operation;
        world.stack.to_aws.inject(move |call| fails(call).then(|| Fault::exception("KMSInternalException")))
    };
    let mark = world.stack.to_irma.mark();
    let no_mac = failing("GenerateMac");
    starts_nothing(world, "unavailable").await?;
    assert!(started_at_irma(world, mark).is_empty(), "without a code there is nothing to ask of the IRMA server");
    drop(no_mac);

    let _no_sealing = failing("Encrypt");
    starts_nothing(world, "unavailable").await?;
    let tokens = started_at_irma(world, mark);
    assert_eq!(tokens.len(), 1);
    assert_eq!(status_at_irma(world, &tokens[0]).await?, "CANCELLED");
    Ok(())
}
