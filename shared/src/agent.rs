//! What the agent portal sends: the secret, and which contact the agent has.

use lambda_http::Request;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::audit::Pseudonym;
use crate::contact::{CONTACT_ID, ContactId, Holder};
use crate::problem::Problem;
use crate::request::{read_body, subject};
use crate::secret::{HolderTag, Secret};

const SHAPE: &str = "The body is a JSON object with the text \"secret\", possibly the texts \"contactId\" and \"initialContactId\", and nothing else.";
const INITIAL_CONTACT_ID: &str = "\"initialContactId\" is 1 to 128 visible ASCII characters.";

/// What a secret must be, for the one who sent something else.
pub const SECRET: &str = "\"secret\" is 43 characters A to Z, a to z, 0 to 9, - and _, as it was given to telephony.";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    secret: Zeroizing<String>,
    contact_id: Option<String>,
    initial_contact_id: Option<String>,
}

/// What an agent's request says.
pub struct AgentRequest {
    /// The key to the caller's attributes.
    pub secret: Secret,
    /// Who has the caller on screen: the contact if the portal names it, or else the agent.
    pub holder: HolderTag,
    /// The first contact of the call, where the portal names one; else the contact that it names.
    pub initial_contact: Option<ContactId>,
    /// Who asks.
    pub agent: Pseudonym,
}

/// Reads an agent's request. The agent is known by the subject of the token that API Gateway checked.
pub fn read_agent_request(request: &Request) -> Result<AgentRequest, Problem> {
    let body: Body = read_body(request, SHAPE)?;
    let secret: Secret = body.secret.parse().map_err(|_| Problem::InvalidBody(SECRET))?;
    let subject = subject(request).ok_or_else(|| {
        tracing::error!("the agent's token has no sub");
        Problem::Internal
    })?;
    let read =
        |id: Option<String>, what| id.map(|id| id.parse::<ContactId>().map_err(|_| Problem::InvalidBody(what))).transpose();
    let contact = read(body.contact_id, CONTACT_ID)?;
    let initial_contact = read(body.initial_contact_id, INITIAL_CONTACT_ID)?;
    let holder = match &contact {
        Some(contact) => secret.holder(&Holder::Contact(contact)),
        None => secret.holder(&Holder::Agent(&subject)),
    };
    Ok(AgentRequest { secret, holder, initial_contact: initial_contact.or(contact), agent: Pseudonym::of(&subject) })
}
