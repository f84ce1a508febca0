//! Agents' audit events: who looked up or cleared which record, and when. They are log lines with `"audit":"agent"`, which
//! the template sends on to the audit account. They name the record by its id and the agent by a pseudonym.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

use crate::derive::base64url;
use crate::record_id::RecordId;

/// An agent's pseudonym: `base64url(SHA-256("idbellen/v1/agent " ‖ sub))`. Who knows the subject of an agent's token can
/// tell whether an event is theirs; the event alone does not tell whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Pseudonym(String);

impl Pseudonym {
    /// The pseudonym of the agent with this subject.
    #[must_use]
    pub fn of(subject: &str) -> Self {
        Self(base64url(digest(&SHA256, format!("idbellen/v1/agent {subject}").as_bytes()).as_ref()))
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What an agent did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Looked up a record.
    LookUp,
    /// Cleared a contact.
    Clear,
}

/// The outcome of a look-up or a clear that the caller is told to try again, whatever it did before it failed.
pub const FAILED: &str = "failed";

/// Logs that `agent` did this to `record`, and what came of it.
pub fn log(agent: &Pseudonym, action: Action, record: &RecordId, outcome: &'static str) {
    let action = match action {
        Action::LookUp => "lookup",
        Action::Clear => "clear",
    };
    tracing::info!(audit = "agent", action, %record, %agent, outcome);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_agents_own_and_does_not_show_who() {
        let (anna, bram) = (Pseudonym::of("anna@example.nl").to_string(), Pseudonym::of("bram@example.nl").to_string());
        assert_eq!(anna.len(), 43);
        assert_ne!(anna, bram);
        assert!(!anna.contains("anna"));
    }
}
