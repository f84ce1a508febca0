//! Records and codes that a test puts into the tables itself, to have them at any age: written by the code with which
//! session-start and session-ingest write theirs.

use anyhow::{Context as _, Result, anyhow};
use getrandom::SysRng;
use serde_json::json;
use shared::asked::Asked;
use shared::clock::{UnixSeconds, now};
use shared::code_key::CodeLock;
use shared::codes::{Codes, NewCode};
use shared::record_key::Version;
use shared::records::{Ending, NewRecord, Records};
use shared::sealed::SealedAttributes;
use shared::secret::Secret;
use shared::start::start;
use shared::token_key::SealedToken;

use crate::world::World;

/// A record and its code, in the tables.
pub struct Planted {
    /// The secret that opens the record.
    pub secret: String,
    /// The record's key.
    pub record: String,
    /// The code's key. No digits lead to it: no one but KMS could say which.
    pub code: String,
}

/// Plants a record whose attributes are in, and a code, that expire at these moments. The record was made an hour before.
pub async fn disclosed(world: &World, record_expires: UnixSeconds, code_expires: UnixSeconds) -> Result<Planted> {
    plant(world, record_expires, code_expires, Version::Two, true).await
}

/// The same as the release before made it, that sealed with X25519 alone.
pub async fn of_the_release_before(world: &World) -> Result<Planted> {
    plant(world, now() + 3600, now() + Codes::LIFETIME, Version::One, true).await
}

/// Plants a record whose result is not in, and a code, that expire at these moments. No IRMA session belongs to it.
pub async fn pending(world: &World, record_expires: UnixSeconds, code_expires: UnixSeconds) -> Result<Planted> {
    plant(world, record_expires, code_expires, Version::Two, false).await
}

/// Plants a record whose attributes are in, as fresh as can be.
pub async fn fresh(world: &World) -> Result<Planted> {
    disclosed(world, now() + 3600, now() + Codes::LIFETIME).await
}

async fn plant(
    world: &World,
    record_expires: UnixSeconds,
    code_expires: UnixSeconds,
    version: Version,
    disclosed: bool,
) -> Result<Planted> {
    let client = world.stack.dynamodb();
    let records = Records::new(client.clone(), world.stack.table("Records")?);
    let codes = Codes::new(client.clone(), world.stack.table("Codes")?);
    let secret = Secret::draw(&mut SysRng)?;
    let keys = secret.key_pairs().find(|keys| keys.version() == version).context("no such version")?;
    let (purpose, public_key, id) = ("burgerzaken", keys.public(), keys.record_id());
    let attributes = json!([{"id": "a.b.c.d", "value": "x", "label": {"nl": "x", "en": "x"}, "issuedAt": now()}]);
    let sealed = SealedAttributes::seal(attributes.to_string().as_bytes(), &public_key, purpose).map_err(failed)?;
    let record = NewRecord {
        purpose: purpose.parse().map_err(failed)?,
        public_key,
        token: SealedToken::from_bytes(vec![0; 32]),
        asked: Asked::from_bytes(b"[]").map_err(failed)?,
        created_at: record_expires - 3600,
        expires_at: record_expires,
    };
    let lock = CodeLock::from_mac(Secret::draw(&mut SysRng)?.as_bytes());
    let code = NewCode { id: lock.id().clone(), secret: lock.seal(&secret).map_err(failed)?, expires_at: code_expires };
    start(&client, &records, &record, &codes, &code).await.map_err(failed)?;
    if disclosed {
        records.end(id, &Ending::Disclosed(sealed)).await.map_err(failed)?;
    }
    world.keep_secret(&secret.reveal());
    Ok(Planted { secret: secret.reveal().to_string(), record: id.to_string(), code: lock.id().as_str().to_owned() })
}

fn failed(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow!("nothing was planted: {error:?}")
}
