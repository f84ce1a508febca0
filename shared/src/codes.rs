//! The table `Codes`: one item a code, from the start of a session until twenty seconds after the code was used.
//!
//! | attribute | what |
//! |---|---|
//! | `id` | [`CodeId`], the key: a hash of the code under the code key |
//! | `secret` | [`SealedSecret`] |
//! | `contact` | [`ContactTag`] of the contact that used the code; absent until then |
//! | `used_until`, `expires_at` | Unix seconds; `expires_at` is the table's TTL attribute |
//! | `shard` | partition of the index `by-expiry` |

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem};

use crate::clock::UnixSeconds;
use crate::code_key::{CodeId, ContactTag};
use crate::database::{
    Expiry, Item, MOST_EXPIRED, by_expiry, bytes, delete_expired, key, malformed, met, number, put_new, read_bytes, read_text,
    shard, text, time,
};
use crate::sealed::SealedSecret;

pub use crate::database::DatabaseUnavailable;

/// The table `Codes`.
#[derive(Clone)]
pub struct Codes {
    client: Client,
    table: String,
}

/// A code as it is made.
pub struct NewCode {
    /// The key of its item.
    pub id: CodeId,
    /// The secret it will be exchanged for.
    pub secret: SealedSecret,
    /// Until when it can be used.
    pub expires_at: UnixSeconds,
}

impl Codes {
    /// How long a code lives, in seconds. The sweep may come two minutes late, and the code is still gone twenty
    /// minutes after it was made.
    pub const LIFETIME: i64 = 18 * 60;

    /// How long the contact that used a code may ask again, in seconds: Amazon Connect repeats a call that failed for
    /// eight seconds.
    pub const REPEAT: i64 = 20;

    const NAME: &str = "Codes";

    /// The table with this name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The write that makes `code`, and fails if there is one with its id. The one who runs it is
    /// [`start`](crate::start).
    pub(crate) fn put(&self, code: &NewCode) -> Result<TransactWriteItem, DatabaseUnavailable> {
        let attributes = [
            ("id", text(code.id.as_str())),
            ("secret", bytes(code.secret.as_bytes())),
            ("expires_at", number(code.expires_at)),
            ("shard", shard(code.id.as_str())),
        ];
        put_new(&self.table, attributes)
    }

    /// Uses the code `id` for `contact` and gives its secret: one `UpdateItem`.
    ///
    /// The first contact gets it, and gets it again for [`Self::REPEAT`] seconds, which repeating does not lengthen.
    /// `None` for an unknown or expired code and for any other contact.
    pub async fn exchange(
        &self,
        id: &CodeId,
        contact: &ContactTag,
        now: UnixSeconds,
    ) -> Result<Option<SealedSecret>, DatabaseUnavailable> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id.as_str())))
            .update_expression(
                "SET contact = :contact, used_until = if_not_exists(used_until, :until), \
                 expires_at = if_not_exists(used_until, :until)",
            )
            // A code in its last seconds is refused, or its use would lengthen its life.
            .condition_expression(
                "(attribute_not_exists(contact) AND expires_at > :until) OR (contact = :contact AND expires_at > :now)",
            )
            .expression_attribute_values(":contact", bytes(contact.as_bytes()))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":until", number(now + Self::REPEAT))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let Some(done) = met(answer, "UpdateItem")? else { return Ok(None) };
        let secret = read_bytes(&done.attributes.unwrap_or_default(), "secret").ok_or_else(|| malformed(Self::NAME, "secret"))?;
        Ok(Some(SealedSecret::from_bytes(secret)))
    }

    /// What time it is for the database; see [`Records::time`](crate::records::Records::time).
    pub async fn time(&self) -> Result<UnixSeconds, DatabaseUnavailable> {
        time(&self.client, &self.table).await
    }

    /// The keys of the codes that must go at `now`; of many a part, as
    /// [`Records::expired`](crate::records::Records::expired).
    pub async fn expired(&self, now: UnixSeconds) -> Result<Vec<String>, DatabaseUnavailable> {
        let read = |item: &Item| read_text(item, "id").map(str::to_owned);
        by_expiry(&self.client, &self.table, Expiry::Until(now), MOST_EXPIRED, read).await
    }

    /// Deletes a code that [`Self::expired`] found. Says whether it was still there.
    pub async fn expire(&self, key: &str, now: UnixSeconds) -> Result<bool, DatabaseUnavailable> {
        delete_expired(&self.client, &self.table, key, now).await
    }
}
