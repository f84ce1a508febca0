//! The result of a session: called back, lost, and forged.

use anyhow::Result;
use local::call::Caller;
use local::wallet::Person;
use serde_json::json;

use crate::tests;
use crate::world::{BSN_AND_NAME, World};

tests! {
    beside_others: [
        a_callback_for_an_unknown_record_is_refused,
    ],
    alone: [a_forged_callback_changes_nothing, a_look_up_before_disclosure_says_pending, a_lost_callback_is_recovered]
}

async fn a_callback_for_an_unknown_record_is_refused(world: &World) -> Result<()> {
    for id in ["A".repeat(43), "x".to_owned(), "A".repeat(43) + "/"] {
        let answer = world.stack.post(&Caller::Anyone, &format!("/irma/result/{id}"), &json!({})).await?;
        assert_eq!(answer.status, 404, "{id}");
    }
    Ok(())
}

async fn a_forged_callback_changes_nothing(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let (_, code) = world.start_session_and_see_code(BSN_AND_NAME).await?;
    let secret = stack.secret(&code, &contact).await?;
    let id = secret.parse().map(|secret: shared::secret::Secret| secret.record_id().to_string()).unwrap_or_default();
    let forged = json!({"status": "DONE", "proofStatus": "VALID", "disclosed": [[{"id": "x.y.z.bsn", "rawvalue": "999990019"}]]});
    assert_eq!(stack.post(&Caller::Anyone, &format!("/irma/result/{id}"), &forged).await?.status, 204);
    assert_eq!(stack.look_up("anna", &secret, Some(&contact)).await?.status, 202);
    Ok(())
}

async fn a_look_up_before_disclosure_says_pending(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let (session, code) = world.start_session_and_see_code(BSN_AND_NAME).await?;
    let secret = stack.secret(&code, &contact).await?;
    let body = stack.look_up("anna", &secret, Some(&contact)).await?.expect(202)?;
    assert_eq!((&body["status"], body.get("attributes")), (&json!("pending"), None));
    wallet.perform(&session.pointer).await?;
    assert_eq!(stack.look_up_until_ended("anna", &secret, Some(&contact)).await?.expect(200)?["status"], "disclosed");
    Ok(())
}

async fn a_lost_callback_is_recovered(world: &World) -> Result<()> {
    let (stack, contact) = (&world.stack, world.contact());
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let session = stack.start_session(BSN_AND_NAME).await?;
    // The callback comes in, and what should follow it fails: as if it never came.
    stack.tap.inject(|call| {
        (call.caller == "SessionIngest" && call.service == "lambda")
            .then(|| (500.try_into().unwrap_or_default(), "{}".to_owned()))
    });
    let performed = wallet.perform(&session.pointer).await;
    stack.tap.heal();
    let dialled = local::call::Dialled::read(&performed?)?;
    let secret = stack.secret(&dialled.code, &contact).await?;

    let run = stack.invoke(stack.root(), "SessionReconcile", &json!({})).await?;
    assert!(!run.failed, "{}", run.payload);
    let body = stack.look_up("anna", &secret, Some(&contact)).await?.expect(200)?;
    assert_eq!(body["status"], "disclosed");
    Ok(())
}
