//! The result of a session: called back, called back again, forged, lost.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use local::Item;
use local::call::{Answer, Caller, Dialled};
use local::irma_server::ISSUER;
use local::issuer::{Issuer, SigningKey};
use local::tap::{Fault, Gate, Injected};
use local::wallet::Person;
use serde_json::{Value, json};
use shared::clock::now;
use shared::records::Records;

use crate::world::{BSN_AND_NAME, Started, World, number, patiently};
use crate::{planted, tests};

tests! {
    beside_others: [
        a_callback_for_an_unknown_record_is_refused,
        a_callback_may_end_in_a_slash,
        a_forged_callback_changes_nothing,
        a_callback_that_comes_again_changes_nothing,
        a_callback_after_the_record_expired_or_was_cleared_is_refused,
        a_look_up_before_disclosure_says_pending,
        a_result_that_is_not_right_is_not_taken_in,
        a_citizen_who_did_not_disclose_what_is_valid_declined,
        a_session_that_goes_on_stays_pending,
        attributes_are_taken_in_as_they_are,
        who_discloses_nothing_of_what_was_asked_has_declined,
        fifty_attributes_are_taken_in,
        a_hundred_kilobytes_are_taken_in,
        a_record_whose_public_key_was_swapped_takes_nothing_in,
        a_contact_that_is_cleared_while_its_result_is_written_stays_cleared,
        an_irma_server_that_is_away_for_longer_than_it_remembers_loses_the_result,
        a_result_that_never_comes_is_lost_after_twenty_minutes,
    ],
    alone: [
        // By nobody but the schedule.
        a_lost_callback_is_recovered_within_two_minutes,
        // Its runs fail for this record only.
        an_irma_server_that_is_away_for_less_than_it_remembers_loses_nothing,
        a_server_that_may_not_have_been_reached_is_asked_once_more,
        fifty_callbacks_at_once_are_one,
        an_irma_server_that_is_started_anew_loses_the_result,
    ]
}

pub const BSN: &str = "irma-demo.MijnOverheid.singleton.BSN";

/// The claims of a good result of a session, with some changed; null leaves one out.
pub fn claims(session: &Started, changes: &Value) -> Value {
    let mut claims = json!({
        "iat": now(), "exp": now() + 120, "iss": ISSUER, "sub": "disclosing_result", "token": session.token,
        "type": "disclosing", "status": "DONE", "proofStatus": "VALID", "disclosed": [[attribute(BSN, "999992235")]],
    });
    if let (Some(claims), Some(changes)) = (claims.as_object_mut(), changes.as_object()) {
        claims.extend(changes.clone());
        claims.retain(|_, value| !value.is_null());
    }
    claims
}

pub fn attribute(id: &str, value: &str) -> Value {
    json!({"id": id, "rawvalue": value, "value": {"": value, "en": value, "nl": value}, "status": "PRESENT", "issuancetime": now() - 86_400})
}

/// From now on, the IRMA server gives this for the result of a session.
pub fn serve(world: &World, session: &Started, answer: Fault) -> Injected {
    let path = format!("GET /session/{}/result-jwt", session.token);
    world.stack.to_irma.inject(move |call| (call.operation == path).then(|| answer.clone()))
}

/// The same, with a result of these claims that the IRMA server signed.
pub async fn serve_claims(world: &World, session: &Started, changes: &Value) -> Result<Injected> {
    let token = world.stack.irma.lock().await.result(claims(session, changes));
    Ok(serve(world, session, Fault::answer(200, token.sign()?)))
}

/// Has session-ingest take in a result, as it does after a callback, and says whether it could.
pub async fn take_in(world: &World, id: &str) -> Result<bool> {
    let run = world.stack.invoke(world.stack.root(), "SessionIngest", &json!({"record": id})).await?;
    ensure!(run.status == 200, "session-ingest can't be invoked: {}", run.payload);
    Ok(!run.failed)
}

/// The status of a record, which holds attributes only if they were disclosed.
pub async fn status(world: &World, id: &str) -> Result<String> {
    status_in(&world.item("Records", id).await?.context("the record is gone")?)
}

/// The status that a record says, which has to be true of it.
fn status_in(item: &Item) -> Result<String> {
    let status = item.get("status").and_then(|status| status.as_s().ok()).context("the record has no status")?;
    ensure!(item.contains_key("attributes") == (status == "disclosed"), "a record that is {status} and its attributes");
    for of_pending in ["irma_token", "public_key", "asked"] {
        ensure!(item.contains_key(of_pending) == (status == "pending"), "a record that is {status} and {of_pending}");
    }
    Ok(status.clone())
}

pub async fn look_up(world: &World, session: &Started) -> Result<Answer> {
    let contact = world.contact();
    let secret = world.stack.secret(&session.code, &contact).await?;
    world.stack.look_up("anna", &secret, Some(&contact)).await
}

async fn until_status(world: &World, id: &str, expected: &str, patience: Duration) -> Result<()> {
    let began = Instant::now();
    while status(world, id).await? != expected {
        ensure!(began.elapsed() < patience, "the record did not become {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn a_callback_for_an_unknown_record_is_refused(world: &World) -> Result<()> {
    for id in ["A".repeat(43), "x".to_owned(), "A".repeat(43) + "/", "A".repeat(42) + "B", "%00".to_owned(), "a/b".to_owned()] {
        let answer = world.call_back(&id).await?;
        assert_eq!((answer.status, &answer.body["type"]), (404, &json!("urn:idbellen:problem:unknown-record")), "{id}");
    }
    Ok(())
}

/// The IRMA server appends one.
async fn a_callback_may_end_in_a_slash(world: &World) -> Result<()> {
    for end in ["", "/"] {
        let session = world.start(BSN_AND_NAME).await?;
        let _served = serve_claims(world, &session, &json!({})).await?;
        world.call_back(&(session.id.clone() + end)).await?.expect(204)?;
        until_status(world, &session.id, "disclosed", Duration::from_secs(10)).await?;
    }
    Ok(())
}

async fn a_forged_callback_changes_nothing(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let result = claims(&session, &json!({}));
    let signed = Issuer::start().await?.token("anna").claim("disclosed", result["disclosed"].clone()).sign()?;
    let path = format!("/irma/result/{}", session.id);
    for body in [result.to_string(), signed, "{".to_owned(), String::new(), "x".repeat(100_000)] {
        let answer = world.stack.post_raw(&Caller::Anyone, &path, "application/json", body.as_bytes()).await?;
        assert_eq!(answer.status, 204);
    }
    assert!(take_in(world, &session.id).await?);
    assert_eq!(status(world, &session.id).await?, "pending");
    assert_eq!(look_up(world, &session).await?.status, 202);
    Ok(())
}

async fn a_callback_that_comes_again_changes_nothing(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let session = world.start(BSN_AND_NAME).await?;
    wallet.perform(&session.pointer).await?;
    until_status(world, &session.id, "disclosed", Duration::from_secs(10)).await?;
    let before = world.item("Records", &session.id).await?;
    let _served = serve_claims(world, &session, &json!({"disclosed": [[attribute(BSN, "999993653")]]})).await?;
    world.call_back(&session.id).await?.expect(204)?;
    assert!(take_in(world, &session.id).await?);
    assert_eq!(world.item("Records", &session.id).await?, before);
    Ok(())
}

async fn fifty_callbacks_at_once_are_one(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let _served = serve_claims(world, &session, &json!({})).await?;
    let mark = world.stack.to_aws.mark();
    let answers = try_join_all((0..50).map(|_| patiently(|| world.call_back(&session.id)))).await?;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    // Until all that was invoked has ended: who found the record pending has tried to write.
    let began = Instant::now();
    let (tries, writes) = loop {
        let calls: Vec<_> = world.stack.to_aws.calls_since(mark).into_iter().filter(|call| call.says(&session.id)).collect();
        let count = |operation: &str| calls.iter().filter(|call| call.operation.contains(operation)).count();
        let (read, invoked) = (count("GetItem"), count("/invocations"));
        let pending = calls.iter().filter(|call| String::from_utf8_lossy(&call.answer).contains("\"pending\"")).count();
        let tries = calls.iter().filter(|call| call.operation == "UpdateItem");
        // What Lambda did not take, does not run: on a busy machine it is asked again.
        let taken = calls.iter().filter(|call| call.operation.contains("/invocations") && call.status == 202).count();
        if taken >= 1 && read >= 50 + taken && tries.clone().count() + invoked >= pending {
            break (tries.clone().count(), tries.filter(|call| call.status == 200).count());
        }
        ensure!(began.elapsed() < Duration::from_mins(1), "the invocations do not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(tries >= 1);
    assert_eq!(writes, 1);
    assert_eq!(status(world, &session.id).await?, "disclosed");
    Ok(())
}

async fn a_callback_after_the_record_expired_or_was_cleared_is_refused(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    world.set("Records", &session.id, "expires_at", number(now() + Records::MARGIN)).await?;
    let _served = serve_claims(world, &session, &json!({})).await?;
    world.call_back(&session.id).await?.expect(404)?;
    assert!(take_in(world, &session.id).await?);
    // The schedule may have swept it.
    if let Some(record) = world.item("Records", &session.id).await? {
        assert_eq!(status_in(&record)?, "pending");
    }

    let cleared = world.start(BSN_AND_NAME).await?;
    let contact = world.contact();
    let secret = world.stack.secret(&cleared.code, &contact).await?;
    world.stack.look_up("anna", &secret, Some(&contact)).await?.expect(202)?;
    world.stack.clear("anna", &secret, Some(&contact)).await?.expect(204)?;
    let _served = serve_claims(world, &cleared, &json!({})).await?;
    world.call_back(&cleared.id).await?.expect(404)?;
    assert!(take_in(world, &cleared.id).await?);
    assert!(!world.has("Records", &cleared.id).await?);
    Ok(())
}

async fn a_look_up_before_disclosure_says_pending(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let session = world.start(BSN_AND_NAME).await?;
    let secret = stack.secret(&session.code, &contact).await?;
    let body = stack.look_up("anna", &secret, Some(&contact)).await?.expect(202)?;
    assert_eq!((&body["status"], body.get("attributes")), (&json!("pending"), None));
    wallet.perform(&session.pointer).await?;
    assert_eq!(stack.look_up_until_ended("anna", &secret, Some(&contact)).await?.expect(200)?["status"], "disclosed");
    Ok(())
}

async fn a_result_that_is_not_right_is_not_taken_in(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let sign = async |changes: &Value| world.stack.irma.lock().await.result(claims(&session, changes)).sign();
    let by = async |algorithm: &str, key: SigningKey| {
        let mut token = world.stack.irma.lock().await.result(claims(&session, &json!({})));
        token.header["alg"] = json!(algorithm);
        token.key = key;
        token.sign()
    };
    let public_key = world.stack.irma.lock().await.public_key().await?.into_bytes();
    let another_key = Issuer::start().await?.token("anna").key;
    let own_key = world.stack.irma.lock().await.result(json!({})).key;
    let good = sign(&json!({})).await?;
    for (what, answer) in [
        ("another key", Fault::answer(200, by("RS256", another_key).await?)),
        ("no signature", Fault::answer(200, by("none", SigningKey::Nothing).await?)),
        ("the public key as a secret", Fault::answer(200, by("HS256", SigningKey::Hmac(public_key)).await?)),
        ("another hash", Fault::answer(200, by("RS512", own_key).await?)),
        ("another issuer", Fault::answer(200, sign(&json!({"iss": "another"})).await?)),
        ("past its time", Fault::answer(200, sign(&json!({"exp": now() - 180})).await?)),
        ("without an end", Fault::answer(200, sign(&json!({"exp": null})).await?)),
        ("older than the session", Fault::answer(200, sign(&json!({"iat": now() - 600})).await?)),
        ("of the future", Fault::answer(200, sign(&json!({"iat": now() + 600})).await?)),
        ("cut short", Fault::answer(200, &good[..good.len() - 1])),
        ("nothing", Fault::answer(200, "")),
        ("nonsense", Fault::answer(200, "<html>")),
        ("a failure", Fault::answer(500, "{}")),
        ("a refusal", Fault::answer(403, r#"{"error": "UNAUTHORIZED"}"#)),
        ("a redirection", Fault::answer(302, "")),
        ("no answer", Fault::HangUp),
    ] {
        let _served = serve(world, &session, answer);
        ensure!(!take_in(world, &session.id).await?, "session-ingest does not complain of a result with {what}");
        ensure!(status(world, &session.id).await? == "pending", "a result with {what} was taken in");
    }
    // It was all this that kept it out: the same without any of it is taken in.
    let _served = serve(world, &session, Fault::answer(200, good));
    assert!(take_in(world, &session.id).await?);
    assert_eq!(status(world, &session.id).await?, "disclosed");
    Ok(())
}

/// As a load balancer says. Only session-ingest asks: the schedule finds nothing meanwhile.
async fn a_server_that_may_not_have_been_reached_is_asked_once_more(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let _unseen = world
        .stack
        .to_aws
        .inject(|call| (call.caller == "SessionReconcile" && call.operation == "Query").then(|| Fault::answer(500, "{}")));
    for (answer, tries) in [(502, 2), (503, 2), (504, 2), (500, 1)] {
        let mark = world.stack.to_irma.mark();
        let _served = serve(world, &session, Fault::answer(answer, "<html>"));
        ensure!(!take_in(world, &session.id).await?, "session-ingest does not complain of {answer}");
        let calls = world.stack.to_irma.calls_since(mark).into_iter();
        let asked = calls.filter(|call| call.operation.contains(&session.token) && call.status == answer).count();
        assert_eq!(asked, tries, "{answer}");
    }
    Ok(())
}

async fn a_citizen_who_did_not_disclose_what_is_valid_declined(world: &World) -> Result<()> {
    for changes in [
        json!({"proofStatus": "INVALID"}),
        json!({"proofStatus": "INVALID_TIMESTAMP"}),
        json!({"proofStatus": "UNMATCHED_REQUEST"}),
        json!({"proofStatus": "MISSING_ATTRIBUTES"}),
        json!({"proofStatus": "EXPIRED"}),
        json!({"proofStatus": null}),
        json!({"status": "CANCELLED", "proofStatus": null, "disclosed": null}),
        json!({"status": "TIMEOUT", "proofStatus": null, "disclosed": null}),
    ] {
        let session = world.start(BSN_AND_NAME).await?;
        let _served = serve_claims(world, &session, &changes).await?;
        assert!(take_in(world, &session.id).await?, "{changes}");
        assert_eq!(status(world, &session.id).await?, "declined", "{changes}");
        let body = look_up(world, &session).await?.expect(200)?;
        assert_eq!((&body["status"], body.get("attributes")), (&json!("declined"), None), "{changes}");
    }
    Ok(())
}

async fn a_session_that_goes_on_stays_pending(world: &World) -> Result<()> {
    for going_on in ["INITIALIZED", "PAIRING", "CONNECTED"] {
        let session = world.start(BSN_AND_NAME).await?;
        // Whatever it says besides.
        let _served = serve_claims(world, &session, &json!({"status": going_on})).await?;
        assert!(take_in(world, &session.id).await?);
        assert_eq!(status(world, &session.id).await?, "pending", "{going_on}");
    }
    Ok(())
}

/// Sets what the session had asked, each labelled by its id.
pub async fn ask(world: &World, session: &Started, ids: &[&str]) -> Result<()> {
    let asked: Vec<Value> = ids.iter().map(|id| json!({"id": id, "label": {"nl": id, "en": id}})).collect();
    world.set("Records", &session.id, "asked", AttributeValue::B(serde_json::to_vec(&asked)?.into())).await
}

/// Makes a session look as old as this, in seconds.
pub async fn age(world: &World, session: &Started, seconds: i64) -> Result<()> {
    world.set("Records", &session.id, "created_at", number(now() - seconds)).await
}

/// Has a result with these attributes taken in, of a session that asked them, and gives what the agent sees of it, as pairs of
/// id and value.
async fn shown(world: &World, disclosed: Value) -> Result<Vec<(String, String)>> {
    let session = world.start(BSN_AND_NAME).await?;
    let ids = disclosed.as_array().into_iter().flatten().flat_map(|options| options.as_array().into_iter().flatten());
    let mut once: Vec<&str> = Vec::new();
    for id in ids.filter_map(|attribute| attribute["id"].as_str()) {
        if !once.contains(&id) {
            once.push(id);
        }
    }
    ask(world, &session, &once).await?;
    let _served = serve_claims(world, &session, &json!({"disclosed": disclosed})).await?;
    ensure!(take_in(world, &session.id).await?, "the result was not taken in");
    let body = look_up(world, &session).await?.expect(200)?;
    let attributes = body["attributes"].as_array().context("there are no attributes")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("not a text");
    attributes.iter().map(|shown| Ok((text(&shown["id"])?, text(&shown["value"])?))).collect()
}

async fn attributes_are_taken_in_as_they_are(world: &World) -> Result<()> {
    let absent = json!({"id": "a.b.c.null", "rawvalue": null, "value": null, "status": "NULL", "issuancetime": 0});
    let odd = "Ünïcödé 🧀 \"quoted\" \\ </script> \u{1}";
    let disclosed = json!([
        [attribute("a.b.c.one", "1"), attribute("a.b.c.two", "2")],
        [attribute("a.b.c.empty", ""), absent],
        [],
        [attribute("a.b.c.one", "another card's"), attribute("a.b.c.odd", odd)],
    ]);
    let expected = [("one", "1"), ("one", "another card's"), ("two", "2"), ("empty", ""), ("odd", odd)];
    let expected = expected.map(|(id, value)| (format!("a.b.c.{id}"), value.to_owned()));
    assert_eq!(shown(world, disclosed).await?, expected);
    Ok(())
}

async fn who_discloses_nothing_of_what_was_asked_has_declined(world: &World) -> Result<()> {
    let absent = json!({"id": BSN, "rawvalue": null, "value": null, "status": "NULL", "issuancetime": 0});
    for disclosed in [json!([]), json!([[]]), json!([[absent]])] {
        let session = world.start(BSN_AND_NAME).await?;
        let _served = serve_claims(world, &session, &json!({"disclosed": disclosed})).await?;
        assert!(take_in(world, &session.id).await?, "{disclosed}");
        assert_eq!(status(world, &session.id).await?, "declined", "{disclosed}");
    }
    Ok(())
}

async fn fifty_attributes_are_taken_in(world: &World) -> Result<()> {
    let attributes: Vec<Value> = (0..50).map(|at| attribute(&format!("a.b.c.attribute-{at}"), &format!("value {at}"))).collect();
    let shown = shown(world, json!([attributes])).await?;
    assert_eq!(shown.len(), 50);
    assert_eq!(shown[49], ("a.b.c.attribute-49".to_owned(), "value 49".to_owned()));
    Ok(())
}

/// As a portrait photo is.
async fn a_hundred_kilobytes_are_taken_in(world: &World) -> Result<()> {
    let photo: String = (0..100 * 1024_u32).map(|at| char::from(b'a' + u8::try_from(at % 26).unwrap_or_default())).collect();
    assert_eq!(shown(world, json!([[attribute("a.b.c.photo", &photo)]])).await?, [("a.b.c.photo".to_owned(), photo)]);
    Ok(())
}

async fn a_record_whose_public_key_was_swapped_takes_nothing_in(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    let attackers = shared::secret::Secret::from_bytes(&[7; 32]).key_pair().public().to_bytes();
    for key in [attackers, vec![0; 32], vec![7; 31], Vec::new()] {
        world.set("Records", &session.id, "public_key", AttributeValue::B(key.into())).await?;
        let _served = serve_claims(world, &session, &json!({})).await?;
        assert!(!take_in(world, &session.id).await?);
        assert_eq!(status(world, &session.id).await?, "pending");
    }
    // Session-reconcile would come to it every minute.
    world.set("Records", &session.id, "expires_at", number(now())).await
}

async fn a_contact_that_is_cleared_while_its_result_is_written_stays_cleared(world: &World) -> Result<()> {
    let (session, contact, gate) = (world.start(BSN_AND_NAME).await?, world.contact(), Gate::new());
    let _served = serve_claims(world, &session, &json!({})).await?;
    let (held, id) = (gate.clone(), session.id.clone());
    let _writing = world.stack.to_aws.inject(move |call| {
        let writes = matches!(call.caller.as_str(), "SessionIngest" | "SessionReconcile") && call.operation == "UpdateItem";
        (writes && call.says(&id)).then(|| Fault::Hold(held.clone()))
    });
    let mark = world.stack.to_aws.mark();
    let secret = world.stack.secret(&session.code, &contact).await?;
    let clearing = async {
        gate.reached().await?;
        world.stack.look_up("anna", &secret, Some(&contact)).await?.expect(202)?;
        world.stack.clear("anna", &secret, Some(&contact)).await?.expect(204)?;
        gate.open();
        anyhow::Ok(())
    };
    let (taken_in, cleared) = tokio::join!(take_in(world, &session.id), clearing);
    cleared?;
    assert!(taken_in?);
    assert!(!world.has("Records", &session.id).await?);
    // The write came, and met no record.
    let calls = world.stack.to_aws.calls_since(mark);
    let refused = |call: &&local::tap::Call| call.operation == "UpdateItem" && call.says(&session.id) && call.status == 400;
    assert!(calls.iter().any(|call| refused(&call) && call.caller.starts_with("Session")));
    Ok(())
}

async fn a_lost_callback_is_recovered_within_two_minutes(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let session = world.start(BSN_AND_NAME).await?;
    let path = format!("POST /irma/result/{}", session.id);
    let _lost = world.stack.to_api.inject(move |call| call.operation.starts_with(&path).then_some(Fault::HangUp));
    let dialled = Dialled::read(&wallet.perform(&session.pointer).await?)?;
    assert_eq!(dialled.code, session.code);
    until_status(world, &session.id, "disclosed", Duration::from_mins(2)).await?;
    assert_eq!(look_up(world, &session).await?.expect(200)?["status"], "disclosed");
    Ok(())
}

/// On our line to it, that is: the wallet still reaches it.
fn away(world: &World, session: &Started) -> Injected {
    serve(world, session, Fault::HangUp)
}

async fn an_irma_server_that_is_away_for_less_than_it_remembers_loses_nothing(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let session = world.start(BSN_AND_NAME).await?;
    let away = away(world, &session);
    wallet.perform(&session.pointer).await?;
    let (secret, contact) = (world.stack.secret(&session.code, &world.contact()).await?, world.contact());
    age(world, &session, 60).await?;
    for _ in 0..2 {
        let mark = world.stack.to_irma.mark();
        world.run("SessionReconcile").await?;
        let tries = world.stack.to_irma.calls_since(mark);
        assert!(tries.iter().any(|call| call.operation.contains(&session.token) && call.status == 0));
        world.stack.look_up("anna", &secret, Some(&contact)).await?.expect(202)?;
    }
    drop(away);
    world.run("SessionReconcile").await?;
    assert_eq!(status(world, &session.id).await?, "disclosed");
    Ok(())
}

/// It remembers a result for five minutes, here for two.
async fn an_irma_server_that_is_away_for_longer_than_it_remembers_loses_the_result(world: &World) -> Result<()> {
    let wallet = world.stack.wallet(&Person::WILLEKE).await?;
    let session = world.start(BSN_AND_NAME).await?;
    let away = away(world, &session);
    wallet.perform(&session.pointer).await?;
    let result = format!("{}/session/{}/result-jwt", world.stack.irma.lock().await.url(), session.token);
    let began = Instant::now();
    while world.stack.client().get(&result).send().await.is_ok_and(|answer| answer.status().is_success()) {
        ensure!(began.elapsed() < Duration::from_mins(4), "the IRMA server does not forget");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(status(world, &session.id).await?, "pending");
    drop(away);
    world.run("SessionReconcile").await?;
    is_lost(world, &session).await
}

async fn an_irma_server_that_is_started_anew_loses_the_result(world: &World) -> Result<()> {
    let session = world.start(BSN_AND_NAME).await?;
    {
        let mut irma = world.stack.irma.lock().await;
        irma.stop().await;
        let taken_in = take_in(world, &session.id).await;
        irma.resume().await?;
        assert!(!taken_in?);
    }
    age(world, &session, 60).await?;
    world.run("SessionReconcile").await?;
    is_lost(world, &session).await
}

/// The record is lost, and the agent is told.
async fn is_lost(world: &World, session: &Started) -> Result<()> {
    assert_eq!(status(world, &session.id).await?, "lost");
    let body = look_up(world, session).await?.expect(200)?;
    assert_eq!((&body["status"], body.get("attributes")), (&json!("lost"), None));
    Ok(())
}

async fn a_result_that_never_comes_is_lost_after_twenty_minutes(world: &World) -> Result<()> {
    // Made an hour before it expires.
    let made = |minutes_ago: i64| now() - 60 * minutes_ago + 3600;
    let old = planted::pending(world, made(20), now()).await?;
    world.run("SessionReconcile").await?;
    assert_eq!(status(world, &old.record).await?, "lost");

    let young = planted::pending(world, made(19), now()).await?;
    world.run("SessionReconcile").await?;
    assert_eq!(status(world, &young.record).await?, "pending");
    Ok(())
}
