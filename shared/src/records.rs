//! The table `Records`: one item a session, from its start until the contact is cleared or an hour has passed.
//!
//! | attribute | what |
//! |---|---|
//! | `id` | [`RecordId`], the key |
//! | `status` | `pending`, `disclosed`, `declined` or `lost` |
//! | `purpose` | the purpose's name |
//! | `public_key` | the key to which the attributes are sealed; `id` is its hash; only while pending |
//! | `irma_token` | the IRMA session token, sealed by KMS; only while pending |
//! | `asked` | what the session asks ([`Asked`]); only while pending |
//! | `attributes` | [`SealedAttributes`]; only when disclosed |
//! | `holder` | [`HolderTag`] of who has the caller on screen; absent until the first look-up |
//! | `holders` | the tags of all contacts that had, a set |
//! | `created_at`, `looked_up_at`, `expires_at` | Unix seconds; `expires_at` is the table's TTL attribute |
//! | `shard` | partition of the index `by-expiry` |

use std::str::FromStr;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem};

use crate::asked::Asked;
use crate::audit::Pseudonym;
use crate::clock::UnixSeconds;
use crate::database::{
    Expiry, Item, by_expiry, bytes, delete_expired, key, malformed, met, number, put_new, read_bytes, read_number, read_text,
    set_of_bytes, shard, text, time, unavailable,
};
use crate::purpose::PurposeName;
use crate::record_id::RecordId;
use crate::record_key::PublicKey;
use crate::sealed::SealedAttributes;
use crate::secret::HolderTag;
use crate::token_key::SealedToken;

pub use crate::database::{DatabaseUnavailable, MOST_EXPIRED};

/// The table `Records`.
#[derive(Clone)]
pub struct Records {
    client: Client,
    table: String,
}

/// How long a record lives: 300 to 3600 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(i64);

/// The text is not such a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidLifetime;

impl Lifetime {
    /// The lifetime in seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, InvalidLifetime> {
        text.parse().ok().filter(|seconds| (300..=3600).contains(seconds)).map(Self).ok_or(InvalidLifetime)
    }
}

/// A record as it is made.
pub struct NewRecord {
    /// The name of the purpose for which attributes are asked.
    pub purpose: PurposeName,
    /// The key to which they will be sealed.
    pub public_key: PublicKey,
    /// The IRMA session that asks for them.
    pub token: SealedToken,
    /// What it asks.
    pub asked: Asked,
    /// When the session started.
    pub created_at: UnixSeconds,
    /// When the record must be gone.
    pub expires_at: UnixSeconds,
}

/// A record whose result is not in yet.
pub struct Pending {
    /// The name of the purpose for which attributes are asked.
    pub purpose: PurposeName,
    /// The key to which they must be sealed, as stored: not yet checked against the id.
    pub public_key: Vec<u8>,
    /// The IRMA session that asks for them.
    pub token: SealedToken,
    /// What it asks. A record that the release before this one made does not say; they are gone an hour after the deployment.
    pub asked: Option<Asked>,
    /// When the session started.
    pub created_at: UnixSeconds,
}

/// A record as a look-up sees it.
pub struct Record {
    /// The name of the purpose for which attributes were asked.
    pub purpose: PurposeName,
    /// What became of the session.
    pub status: Status,
    /// When the session started.
    pub created_at: UnixSeconds,
    /// When an agent first looked.
    pub looked_up_at: UnixSeconds,
    /// When the record must be gone.
    pub expires_at: UnixSeconds,
}

/// What became of a session.
pub enum Status {
    /// The citizen has not answered yet, or the result is on its way.
    Pending,
    /// The citizen disclosed these.
    Disclosed(SealedAttributes),
    /// The citizen refused, or did not answer in time.
    Declined,
    /// The result could not be fetched any more, or can never be taken in.
    Lost,
}

/// How a session ends.
pub enum Ending {
    /// The citizen disclosed these.
    Disclosed(SealedAttributes),
    /// The citizen refused, or did not answer in time.
    Declined,
    /// The result could not be fetched any more, or can never be taken in.
    Lost,
}

impl Ending {
    /// The record's status from then on.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Disclosed(_) => "disclosed",
            Self::Declined => "declined",
            Self::Lost => "lost",
        }
    }
}

/// A record whose result is not in yet, as the index shows it.
pub struct PendingId {
    /// The record.
    pub id: RecordId,
    /// When the session started.
    pub created_at: UnixSeconds,
}

/// The first look-up is remembered.
const LOOKED_UP: &str = "SET looked_up_at = if_not_exists(looked_up_at, :now)";
const USABLE: &str = "expires_at > :usable";

/// A record that must go.
pub struct Expired {
    /// Its key in the table.
    pub key: String,
    /// When its session started.
    pub created_at: UnixSeconds,
}

impl Records {
    /// A record can be used until this long before it expires. The sweep that runs every minute deletes it from then
    /// on: two runs may fail, and the record is still gone in time.
    pub const MARGIN: i64 = 240;

    /// So many contacts can have had a caller; to one more it is shown, and it does not take the caller.
    const MOST_HOLDERS: i64 = 20;

    /// The most that sealed attributes can take, in bytes: an item holds 400 KB (Amazon DynamoDB developer guide, "Quotas"),
    /// and the rest of a record, twenty holders included, takes less than 4.
    pub const LARGEST_ATTRIBUTES: usize = 396 * 1024;

    const NAME: &str = "Records";

    /// The table with this name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The write that makes `record`, and fails if there is one with its id. The one who runs it is
    /// [`start`](crate::start).
    pub(crate) fn put(&self, record: &NewRecord) -> Result<TransactWriteItem, DatabaseUnavailable> {
        let id = RecordId::of(&record.public_key);
        let attributes = [
            ("id", text(id.as_str())),
            ("status", text("pending")),
            ("purpose", text(record.purpose.as_str())),
            ("public_key", bytes(&record.public_key.to_bytes())),
            ("irma_token", bytes(record.token.as_bytes())),
            ("asked", bytes(&record.asked.to_bytes())),
            ("created_at", number(record.created_at)),
            ("expires_at", number(record.expires_at)),
            ("shard", shard(id.as_str())),
        ];
        put_new(&self.table, attributes)
    }

    /// The record `id`, if it can still be used and its result is not in yet: one consistent `GetItem`. `Ok(Err(…))`
    /// says why not.
    pub async fn pending(&self, id: &RecordId, now: UnixSeconds) -> Result<Result<Pending, NotPending>, DatabaseUnavailable> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str())))
            .consistent_read(true)
            .projection_expression("#status, purpose, public_key, irma_token, asked, created_at, expires_at")
            .expression_attribute_names("#status", "status")
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        let Some(item) = answer.item.filter(|item| usable(item, now)) else { return Ok(Err(NotPending::NoRecord)) };
        if read_text(&item, "status") != Some("pending") {
            return Ok(Err(NotPending::Ended));
        }
        Ok(Ok(Pending {
            purpose: read_purpose(&item)?,
            public_key: read_bytes(&item, "public_key").ok_or_else(|| malformed(Self::NAME, "public_key"))?,
            token: SealedToken::from_bytes(read_bytes(&item, "irma_token").ok_or_else(|| malformed(Self::NAME, "irma_token"))?),
            asked: read_asked(&item)?,
            created_at: read_number(&item, "created_at").ok_or_else(|| malformed(Self::NAME, "created_at"))?,
        }))
    }

    /// Ends the session of record `id` and forgets what only a pending one needs: one `UpdateItem`. Does nothing, and says `false`, if
    /// the record is gone or its session ended already.
    pub async fn end(&self, id: &RecordId, ending: &Ending) -> Result<bool, DatabaseUnavailable> {
        let attributes = if let Ending::Disclosed(attributes) = ending { Some(attributes) } else { None };
        let set = if attributes.is_some() { "SET #status = :ended, attributes = :attributes" } else { "SET #status = :ended" };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str())))
            .update_expression(format!("{set} REMOVE irma_token, public_key, asked"))
            .condition_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", text("pending"))
            .expression_attribute_values(":ended", text(ending.status()));
        let update = match attributes {
            Some(attributes) => update.expression_attribute_values(":attributes", bytes(attributes.as_bytes())),
            None => update,
        };
        met(update.send().await, "UpdateItem").map(|done| done.is_some())
    }

    /// Leaves the mark of an agent who asks for record `id`: one `GetItem` of a key that is never there,
    /// `agent/{pseudonym}/{id}`.
    ///
    /// CloudTrail logs the key of each call to the table, and signs what it logs: so the trail itself has who asked for
    /// what, and nobody needs to believe a log line. Whoever calls this sends it beside the call that it is about, so that
    /// it takes no time of its own, and answers the agent only if both came through. Which of the two came first does not
    /// matter: a mark without an answer says that somebody asked, and an answer without a mark there is not.
    ///
    /// It costs half a read unit, and an event of CloudTrail, as any call to a table does (docs/performance.md).
    pub async fn mark(&self, agent: &Pseudonym, id: &RecordId) -> Result<(), DatabaseUnavailable> {
        self.client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(&format!("agent/{}/{}", agent.as_str(), id.as_str()))))
            .projection_expression("id")
            .send()
            .await
            .map(|_| ())
            .map_err(unavailable("GetItem"))
    }

    /// Reads the record `id` for `holder`, who has the caller on screen from now on: one `UpdateItem`, two for a contact
    /// that asks again. `None` if there is no such record, or it can't be used any more.
    ///
    /// A contact takes the caller once. After a transfer the portal of the first agent may ask again; it is answered, and
    /// does not take the caller back. An agent whose portal names no contact can't be told from one who got the caller
    /// back, and takes it each time.
    pub async fn look_up(
        &self,
        id: &RecordId,
        holder: &HolderTag,
        now: UnixSeconds,
    ) -> Result<Option<Record>, DatabaseUnavailable> {
        let take = self.update_usable(id, now).expression_attribute_values(":holder", bytes(holder.as_bytes()));
        let item = if holder.is_contact() {
            let take = take
                .update_expression(format!("{LOOKED_UP}, holder = :holder ADD holders :holders"))
                .condition_expression(format!(
                    "{USABLE} AND (attribute_not_exists(holders) OR (NOT contains(holders, :holder) AND size(holders) < :most))"
                ))
                .expression_attribute_values(":holders", set_of_bytes(holder.as_bytes()))
                .expression_attribute_values(":most", number(Self::MOST_HOLDERS));
            match met(take.send().await, "UpdateItem")? {
                Some(done) => Some(done),
                None => met(self.update_usable(id, now).send().await, "UpdateItem")?,
            }
        } else {
            met(take.update_expression(format!("{LOOKED_UP}, holder = :holder")).send().await, "UpdateItem")?
        };
        let Some(item) = item.and_then(|done| done.attributes) else { return Ok(None) };
        Ok(Some(Record {
            purpose: read_purpose(&item)?,
            status: read_status(&item)?,
            created_at: read_number(&item, "created_at").ok_or_else(|| malformed(Self::NAME, "created_at"))?,
            looked_up_at: read_number(&item, "looked_up_at").ok_or_else(|| malformed(Self::NAME, "looked_up_at"))?,
            expires_at: read_number(&item, "expires_at").ok_or_else(|| malformed(Self::NAME, "expires_at"))?,
        }))
    }

    /// Marks the record `id` as looked up, if it can be used, and gets it back.
    fn update_usable(&self, id: &RecordId, now: UnixSeconds) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str())))
            .update_expression(LOOKED_UP)
            .condition_expression(USABLE)
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":usable", number(now + Self::MARGIN))
            .return_values(ReturnValue::AllNew)
    }

    /// Deletes the record `id` if `holder` still has the caller on screen: one `DeleteItem`. Says whether it did.
    pub async fn clear(&self, id: &RecordId, holder: &HolderTag) -> Result<bool, DatabaseUnavailable> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str())))
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", bytes(holder.as_bytes()))
            .send()
            .await;
        met(answer, "DeleteItem").map(|done| done.is_some())
    }

    /// Deletes the record `id` if no agent has looked it up: one `DeleteItem`. Says whether it did.
    pub async fn clear_abandoned(&self, id: &RecordId) -> Result<bool, DatabaseUnavailable> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str())))
            .condition_expression("attribute_exists(id) AND attribute_not_exists(holder)")
            .send()
            .await;
        met(answer, "DeleteItem").map(|done| done.is_some())
    }

    /// The records that can still be used and whose result is not in yet.
    pub async fn all_pending(&self, now: UnixSeconds) -> Result<Vec<PendingId>, DatabaseUnavailable> {
        let read = |item: &Item| {
            let id = read_text(item, "id")?.parse().ok()?;
            Some(PendingId { id, created_at: read_number(item, "created_at")? })
        };
        // One that is damaged does not keep the others waiting.
        let read = |item: &Item| {
            read(item).or_else(|| {
                malformed(Self::NAME, "id or created_at");
                None
            })
        };
        by_expiry(&self.client, &self.table, Expiry::PendingAfter(now + Self::MARGIN), usize::MAX, read).await
    }

    /// What time it is for the database. Whoever deletes goes by it: a function whose own clock is fast would delete what
    /// others still use, and one whose clock is slow would keep it too long.
    pub async fn time(&self) -> Result<UnixSeconds, DatabaseUnavailable> {
        time(&self.client, &self.table).await
    }

    /// The records that must go at `now`: those that expire within [`Self::MARGIN`]. At most so many of each shard that
    /// memory holds them; if there are [`MOST_EXPIRED`] or more, there may be others.
    pub async fn expired(&self, now: UnixSeconds) -> Result<Vec<Expired>, DatabaseUnavailable> {
        let read = |item: &Item| {
            let created_at = read_number(item, "created_at").unwrap_or_default();
            Some(Expired { key: read_text(item, "id")?.to_owned(), created_at })
        };
        by_expiry(&self.client, &self.table, Expiry::Until(now + Self::MARGIN), MOST_EXPIRED, read).await
    }

    /// Deletes a record that [`Self::expired`] found. Says whether it was still there.
    pub async fn expire(&self, key: &str, now: UnixSeconds) -> Result<bool, DatabaseUnavailable> {
        delete_expired(&self.client, &self.table, key, now + Self::MARGIN).await
    }
}

/// Why a record's result is not awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPending {
    /// There is no such record, or none that can still be used.
    NoRecord,
    /// Its session has ended.
    Ended,
}

/// Whether a record can be used at `now`.
fn usable(item: &Item, now: UnixSeconds) -> bool {
    read_number(item, "expires_at").is_some_and(|expires_at: UnixSeconds| expires_at > now + Records::MARGIN)
}

fn read_purpose(item: &Item) -> Result<PurposeName, DatabaseUnavailable> {
    read_text(item, "purpose").and_then(|name| name.parse().ok()).ok_or_else(|| malformed(Records::NAME, "purpose"))
}

fn read_asked(item: &Item) -> Result<Option<Asked>, DatabaseUnavailable> {
    let Some(bytes) = read_bytes(item, "asked") else { return Ok(None) };
    Asked::from_bytes(&bytes).map(Some).map_err(|_| malformed(Records::NAME, "asked"))
}

fn read_status(item: &Item) -> Result<Status, DatabaseUnavailable> {
    match read_text(item, "status") {
        Some("pending") => Ok(Status::Pending),
        Some("disclosed") => read_bytes(item, "attributes")
            .map(|attributes| Status::Disclosed(SealedAttributes::from_bytes(attributes)))
            .ok_or_else(|| malformed(Records::NAME, "attributes")),
        Some("declined") => Ok(Status::Declined),
        Some("lost") => Ok(Status::Lost),
        _ => Err(malformed(Records::NAME, "status")),
    }
}
