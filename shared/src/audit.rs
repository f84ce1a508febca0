//! Agents' audit events: who looked up or cleared which record, and when. They are log lines with `"audit":"agent"`, which
//! the template sends on to the audit account. They name the record by its id and the agent by a pseudonym. Whoever may
//! write to a log could forge such a line; the proof of who looked is the mark
//! ([`Records::mark`](crate::records::Records::mark)), and the lines tell what came of it.

use std::fmt;

use crate::derive::pseudonym;
use crate::record_id::RecordId;

/// An agent's pseudonym: `base64url(SHA-256("idbellen/v1/agent " ‖ sub))`. Who knows the subject of an agent's token can
/// tell whether an event is theirs; the event alone does not tell whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Pseudonym(String);

impl Pseudonym {
    /// The pseudonym of the agent with this subject.
    #[must_use]
    pub fn of(subject: &str) -> Self {
        Self(pseudonym("idbellen/v1/agent ", subject))
    }

    /// As it stands in a log line and in a mark.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A look-up showed what the citizen disclosed.
    Disclosed,
    /// A look-up came before the citizen's answer.
    Pending,
    /// A look-up showed that the citizen declined.
    Declined,
    /// A look-up showed that no result came.
    Lost,
    /// A look-up found no record that can be used.
    Unknown,
    /// A clear deleted the record.
    Cleared,
    /// A clear found no record that the agent holds.
    NothingToClear,
    /// The agent was told to try again. What was asked of the database may have been done.
    Failed,
}

impl Outcome {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Disclosed,
        Self::Pending,
        Self::Declined,
        Self::Lost,
        Self::Unknown,
        Self::Cleared,
        Self::NothingToClear,
        Self::Failed,
    ];

    /// As it stands in the line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disclosed => "disclosed",
            Self::Pending => "pending",
            Self::Declined => "declined",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
            Self::Cleared => "cleared",
            Self::NothingToClear => "nothing to clear",
            Self::Failed => "failed",
        }
    }
}

/// Logs that `agent` did this to `record`, and what came of it.
pub fn log(agent: &Pseudonym, action: Action, record: &RecordId, outcome: Outcome) {
    let action = match action {
        Action::LookUp => "lookup",
        Action::Clear => "clear",
    };
    tracing::info!(audit = "agent", action, %record, %agent, outcome = outcome.as_str());
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
