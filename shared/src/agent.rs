//! What the agent portal sends: the secret, and which contact the agent has.

use lambda_http::Request;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::contact::{ContactId, Holder};
use crate::problem::Problem;
use crate::request::{agent, read_body};
use crate::secret::{HolderTag, Secret};

const SHAPE: &str = "The body is a JSON object with the text \"secret\", possibly the text \"contactId\", and nothing else.";
const CONTACT_ID: &str = "\"contactId\" is 1 to 128 visible ASCII characters.";

/// What a secret must be, for the one who sent something else.
pub const SECRET: &str = "\"secret\" is 43 characters A to Z, a to z, 0 to 9, - and _, as it was given to telephony.";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    secret: Zeroizing<String>,
    contact_id: Option<String>,
}

/// Reads the secret from an agent's request, and who has the caller on screen: the contact if the portal names it,
/// or else the agent.
pub fn read_contact(request: &Request) -> Result<(Secret, HolderTag), Problem> {
    let body: Body = read_body(request, SHAPE)?;
    let secret: Secret = body.secret.parse().map_err(|_| Problem::InvalidBody(SECRET))?;
    let tag = if let Some(id) = body.contact_id {
        let contact: ContactId = id.parse().map_err(|_| Problem::InvalidBody(CONTACT_ID))?;
        secret.holder(&Holder::Contact(&contact))
    } else {
        let agent = agent(request).ok_or_else(|| {
            tracing::error!("the portal names no contact, and the agent's token has no sub");
            Problem::Internal
        })?;
        secret.holder(&Holder::Agent(&agent))
    };
    Ok((secret, tag))
}
