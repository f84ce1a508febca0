//! What is past its time is deleted, and what is not is not.

use anyhow::{Result, anyhow};
use getrandom::SysRng;
use serde_json::json;
use shared::clock::{UnixSeconds, now};
use shared::code_key::CodeLock;
use shared::codes::{Codes, NewCode};
use shared::records::{NewRecord, Records};
use shared::secret::Secret;
use shared::start::start;
use shared::token_key::SealedToken;

use crate::tests;
use crate::world::World;

tests! {
    beside_others: [a_record_and_a_code_past_their_time_are_swept, what_can_still_be_used_is_not_swept],
    alone: []
}

/// Writes a record and a code that expire at these moments, as session-start would have, and gives their keys.
async fn written(world: &World, record_expires: UnixSeconds, code_expires: UnixSeconds) -> Result<(String, String)> {
    let client = world.stack.dynamodb();
    let records = Records::new(client.clone(), world.stack.table("Records")?);
    let codes = Codes::new(client.clone(), world.stack.table("Codes")?);
    let secret = Secret::draw(&mut SysRng)?;
    let record = NewRecord {
        purpose: "burgerzaken".to_owned(),
        public_key: secret.key_pair().1,
        token: SealedToken::from_bytes(vec![0; 32]),
        created_at: record_expires - 3600,
        expires_at: record_expires,
    };
    let lock = CodeLock::from_mac(Secret::draw(&mut SysRng)?.as_bytes());
    let sealed = lock.seal(&secret).map_err(|_| anyhow!("not sealed"))?;
    let code = NewCode { id: lock.id().clone(), secret: sealed, expires_at: code_expires };
    start(&client, &records, &record, &codes, &code).await.map_err(|error| anyhow!("{error:?}"))?;
    Ok((secret.record_id().to_string(), lock.id().as_str().to_owned()))
}

async fn sweep(world: &World) -> Result<()> {
    let run = world.stack.invoke(world.stack.root(), "ExpireRecords", &json!({})).await?;
    assert!(!run.failed, "{}", run.payload);
    Ok(())
}

async fn is_there(world: &World, table: &str, id: &str) -> Result<bool> {
    Ok(world.stack.items(table).await?.iter().any(|item| item.get("id").and_then(|id| id.as_s().ok()).is_some_and(|it| it == id)))
}

async fn a_record_and_a_code_past_their_time_are_swept(world: &World) -> Result<()> {
    let (record, code) = written(world, now() + Records::MARGIN, now()).await?;
    sweep(world).await?;
    assert!(!is_there(world, "Records", &record).await?);
    assert!(!is_there(world, "Codes", &code).await?);
    Ok(())
}

async fn what_can_still_be_used_is_not_swept(world: &World) -> Result<()> {
    let (record, code) = written(world, now() + Records::MARGIN + 60, now() + 60).await?;
    sweep(world).await?;
    assert!(is_there(world, "Records", &record).await?);
    assert!(is_there(world, "Codes", &code).await?);
    Ok(())
}
