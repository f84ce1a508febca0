//! What a wallet adds of its own, and what one session can do to the others: nothing.

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use local::issuer::{Issuer, SigningKey};
use local::tap::{Call, Fault};
use local::wallet::Person;
use serde_json::{Value, json};
use shared::clock::now;
use shared::ingest::OPEN_WITHIN;

use crate::logs::{counted, sums};
use crate::results::{BSN, age, ask, attribute, claims, look_up, serve, serve_claims, status, take_in};
use crate::tests;
use crate::world::{self, BSN_AND_NAME, NAME_AND_PERHAPS_BSN, Started, World};

tests! {
    beside_others: [
        only_what_was_asked_when_the_session_started_is_taken_in,
        a_record_of_the_release_before_is_taken_in_too,
        what_can_never_be_taken_in_ends_its_record_at_once,
        a_session_that_nobody_opened_ends_early,
        a_session_that_the_server_forgot_is_lost_when_it_is_called_back,
    ],
    alone: [
        // It counts.
        what_a_wallet_adds_of_its_own_is_not_taken_in,
        what_can_never_be_taken_in_fails_no_run,
        // It changes the IRMA server's key, for us.
        a_key_that_was_replaced_is_read_anew_at_once,
    ]
}

const FIRST_NAMES: &str = "irma-demo.MijnOverheid.fullName.firstnames";
const FIRST_NAME: &str = "irma-demo.MijnOverheid.fullName.firstname";
const FAMILY_NAME: &str = "irma-demo.MijnOverheid.fullName.familyname";

/// What the agent sees of a session: each row.
async fn rows(world: &World, session: &Started) -> Result<Vec<Value>> {
    let body = look_up(world, session).await?.expect(200)?;
    Ok(body["attributes"].as_array().context("there are no attributes")?.clone())
}

/// By a real wallet, at the real server: someone keeps the BSN back that they may give, and adds one all the same, from a card
/// that the scheme lets anyone issue.
async fn what_a_wallet_adds_of_its_own_is_not_taken_in(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let (session, before) = (world.start(NAME_AND_PERHAPS_BSN).await?, sums(world).await?);
    let outcome = wallet.perform_and_add(&session.pointer, &[BSN, FIRST_NAME]).await?;
    let said = format!("{:?}", outcome.outcome);
    ensure!(said == "Success", "the server takes no additions any more: {outcome:?}");
    counted(world, &before, &[("Disclosed", 1)]).await?;
    let rows = rows(world, &session).await?;
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap_or_default()).collect();
    assert_eq!(ids, [FIRST_NAMES, FAMILY_NAME]);
    counted(world, &before, &[("AttributesDropped", 2), ("AttributesDropped afspraak", 2)]).await?;
    // The server did pass them on as good.
    let url = format!("{}/session/{}/result", world.stack.irma.lock().await.url(), session.token);
    let result: Value = world.stack.client().get(url).send().await?.json().await?;
    assert_eq!(result["proofStatus"], "VALID");
    let statuses = result["disclosed"].as_array().into_iter().flatten().flat_map(|set| set.as_array().into_iter().flatten());
    let extra = statuses.filter(|attribute| attribute["status"] == "EXTRA").count();
    assert_eq!(extra, 2);
    Ok(())
}

/// Whatever the purpose says meanwhile.
async fn only_what_was_asked_when_the_session_started_is_taken_in(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    ask(world, &session, &["a.b.c.two", "a.b.c.one"]).await?;
    let mut extra = attribute("a.b.c.one", "of another card");
    extra["status"] = json!("EXTRA");
    let disclosed = json!([[attribute("a.b.c.one", "1"), attribute(BSN, "999992235")], [attribute("a.b.c.two", "2")], [extra]]);
    let _served = serve_claims(world, &session, &json!({"disclosed": disclosed})).await?;
    ensure!(take_in(world, &session.id).await?, "the result was not taken in");
    let rows = rows(world, &session).await?;
    let shown: Vec<_> = rows.iter().map(|row| (&row["id"], &row["value"], &row["label"]["nl"])).collect();
    let expected = [("a.b.c.two", "2"), ("a.b.c.one", "1")].map(|(id, value)| (json!(id), json!(value), json!(id)));
    assert_eq!(shown, expected.iter().map(|(id, value, label)| (id, value, label)).collect::<Vec<_>>());
    Ok(())
}

/// Such a record does not say what was asked. The purpose says it, until the last of them is gone.
async fn a_record_of_the_release_before_is_taken_in_too(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let update = world.stack.dynamodb().update_item().table_name(world.stack.table("Records")?);
    let update = update.key("id", AttributeValue::S(session.id.clone())).condition_expression("attribute_exists(asked)");
    update.update_expression("REMOVE asked").send().await?;
    let disclosed = json!([[attribute("a.b.c.one", "1"), attribute(BSN, "999992235")]]);
    let _served = serve_claims(world, &session, &json!({"disclosed": disclosed})).await?;
    ensure!(take_in(world, &session.id).await?, "the result was not taken in");
    let rows = rows(world, &session).await?;
    let shown: Vec<_> = rows.iter().map(|row| (&row["id"], &row["format"], &row["label"]["nl"])).collect();
    assert_eq!(shown, [(&json!(BSN), &json!("bsn"), &json!("Burgerservicenummer (BSN)"))]);
    Ok(())
}

/// Results that a session can have once, and never another in their place.
async fn poisoned(world: &World, session: &Started) -> Result<Vec<(&'static str, Fault)>> {
    let other = world.start(BSN_AND_NAME).await?;
    let large = |members: &[&str], kilobytes: usize| {
        let (mut attribute, value) = (attribute(BSN, ""), "9".repeat(kilobytes * 1024));
        for member in members {
            attribute[*member] = json!(value);
        }
        json!({"disclosed": [[attribute]]})
    };
    let mut results = Vec::new();
    for (what, changes) in [
        ("more than a megabyte", large(&["rawvalue", "value"], 400)),
        ("more than an item holds", large(&["rawvalue"], 500)),
        ("another session's token", json!({"token": other.token})),
        ("another subject", json!({"sub": "signing_result"})),
        ("another type", json!({"type": "signing"})),
        ("no status", json!({"status": null})),
        ("attributes that are none", json!({"disclosed": [[{"id": 1}]]})),
    ] {
        let token = world.stack.irma.lock().await.result(claims(session, &changes));
        results.push((what, Fault::answer(200, token.sign()?)));
    }
    Ok(results)
}

async fn what_can_never_be_taken_in_ends_its_record_at_once(world: &World) -> Result<()> {
    let count = poisoned(world, &world.start(BSN_AND_NAME).await?).await?.len();
    for at in 0..count {
        let session = world.start(BSN_AND_NAME).await?;
        let (what, answer) = poisoned(world, &session).await?.swap_remove(at);
        let _served = serve(world, &session, answer);
        ensure!(take_in(world, &session.id).await?, "a result with {what} fails session-ingest");
        ensure!(status(world, &session.id).await? == "lost", "a result with {what} did not end its record");
        assert_eq!(look_up(world, &session).await?.expect(200)?["status"], "lost");
    }
    Ok(())
}

/// Called back or not: so one session keeps no alarm on.
async fn what_can_never_be_taken_in_fails_no_run(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let (_, answer) = poisoned(world, &session).await?.swap_remove(0);
    let _served = serve(world, &session, answer);
    age(world, &session, 60).await?;
    let before = sums(world).await?;
    world.run_well("SessionReconcile").await?;
    assert_eq!(status(world, &session.id).await?, "lost");
    counted(world, &before, &[("ResultsRefused", 1), ("Lost", 1)]).await
}

async fn a_session_that_nobody_opened_ends_early(world: &World) -> Result<()> {
    let (young, waiting, old) =
        (world.start(BSN_AND_NAME).await?, world.start(BSN_AND_NAME).await?, world.start(BSN_AND_NAME).await?);
    age(world, &waiting, 60).await?;
    age(world, &old, OPEN_WITHIN).await?;
    let mark = world.stack.to_aws.mark();
    world.run("SessionReconcile").await?;
    assert_eq!(status(world, &old.id).await?, "declined");
    let url = format!("{}/session/{}/status", world.stack.irma.lock().await.url(), old.token);
    let at_irma: Value = world.stack.client().get(url).send().await?.json().await?;
    assert_eq!(at_irma, "CANCELLED");
    assert_eq!(status(world, &waiting.id).await?, "pending");
    // Most are opened, or not, before they cost anything.
    let calls = world.stack.to_aws.calls_since(mark);
    let ours = |id: &str| calls.iter().filter(|call: &&Call| call.caller == "SessionReconcile" && call.says(id)).count();
    assert_eq!(ours(&young.id), 0);
    assert!(ours(&waiting.id) > 0);
    Ok(())
}

/// As it does with one that it times out, as soon as it has called back.
async fn a_session_that_the_server_forgot_is_lost_when_it_is_called_back(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let _forgotten = serve(world, &session, Fault::answer(400, r#"{"error": "SESSION_UNKNOWN"}"#));
    assert!(take_in(world, &session.id).await?);
    assert_eq!(status(world, &session.id).await?, "lost");
    Ok(())
}

async fn a_key_that_was_replaced_is_read_anew_at_once(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let issuer = Issuer::start().await?;
    let mut token = world.stack.irma.lock().await.result(claims(&session, &json!({})));
    token.key = issuer.token("anna").key;
    assert!(matches!(token.key, SigningKey::Rsa(_)));
    let _served = serve(world, &session, Fault::answer(200, token.sign()?));
    // Whoever is asked now keeps the old key for a minute.
    assert!(!take_in(world, &session.id).await?);
    assert_eq!(status(world, &session.id).await?, "pending");

    let old = world.stack.irma.lock().await.public_key().await?;
    put_key(world, &issuer.public_pem()?).await?;
    let began = now();
    let taken_in = async {
        // What was read within a second is not read again.
        while !take_in(world, &session.id).await? {
            ensure!(now() - began < 10, "the new key is not read");
        }
        status(world, &session.id).await
    }
    .await;
    put_key(world, &old).await?;
    assert_eq!(taken_in?, "disclosed");
    // And so is the one before, for the others.
    let after = world.start(BSN_AND_NAME).await?;
    let _good = serve_claims(world, &after, &json!({})).await?;
    while !take_in(world, &after.id).await? {
        ensure!(now() - began < 20, "the old key is not read");
    }
    Ok(())
}

async fn put_key(world: &World, pem: &str) -> Result<()> {
    let parameter = json!({"Name": "/idbellen/local/irma-public-key", "Value": pem, "Type": "String", "Overwrite": true});
    world::ask(world, "ssm", "AmazonSSM.PutParameter", &parameter.to_string()).await.map(|_| ())
}
