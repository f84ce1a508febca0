//! Which agents looked up and cleared a record. The trail tells: beside each call on a record, agent-lookup and
//! clear-contact read a key that is never in the table, and that key names agent and record. That call is the *mark* of the
//! agent; AWS signs it with the rest of the trail. The functions' lines tell it too. Nobody signs those, so they are only
//! compared with the marks.

pub mod lines;
mod matching;

use std::collections::HashMap;

use shared::audit::Outcome;

use super::ids::{Id, id_text};
use super::names::Text;

pub use self::matching::{MarkTold, Told, told};

/// The number of an agent in [`Agents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent(u32);

/// The agents' pseudonyms, each kept once.
#[derive(Default)]
pub struct Agents {
    numbers: HashMap<Id, Agent>,
    pseudonyms: Vec<Id>,
}

impl Agents {
    /// No more are kept, about 80 MB: what a malformed trail holds must not fill the memory.
    const MOST: usize = 1_000_000;

    /// The number of the agent with this pseudonym; `None` if too many others came before.
    pub fn number(&mut self, pseudonym: Id) -> Option<Agent> {
        if let Some(number) = self.numbers.get(&pseudonym) {
            return Some(*number);
        }
        if self.pseudonyms.len() >= Self::MOST {
            return None;
        }
        let number = Agent(u32::try_from(self.pseudonyms.len()).ok()?);
        self.pseudonyms.push(pseudonym);
        self.numbers.insert(pseudonym, number);
        Some(number)
    }

    /// The agent's pseudonym.
    pub fn text(&self, agent: Agent) -> String {
        self.pseudonyms.get(agent.0 as usize).map_or_else(|| "?".to_owned(), id_text)
    }
}

/// What a call of agent-lookup or clear-contact on a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Did {
    /// It read the record for a contact that takes the caller, which succeeds once (`shared::records`).
    Took,
    /// It read the record for an agent who takes the caller, and whose portal names no contact.
    TookAgain,
    /// It read the record, and nobody takes the caller.
    Read,
    /// It read the record; the event does not tell more.
    ReadSomehow,
    /// It deleted the record.
    Deleted,
    /// It would have read the record, and its condition was not met.
    Failed,
}

/// Such a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The access key that signed it.
    pub key: Text,
    /// Unix seconds.
    pub at: i64,
    pub did: Did,
    /// The address that it came from.
    pub address: Text,
}

/// An agent's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The access key that signed it.
    pub key: Text,
    /// Unix seconds.
    pub at: i64,
    pub agent: Agent,
    /// Whether clear-contact made it, or agent-lookup.
    pub clears: bool,
}

/// What an agent did, by the line that a function logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub agent: Agent,
    /// Unix milliseconds.
    pub at: i64,
    pub clears: bool,
    pub outcome: Outcome,
}

impl Line {
    /// Whether it is of a look-up that showed the record, or may have before it failed.
    pub fn may_show(&self) -> bool {
        !self.clears && self.outcome != Outcome::Unknown
    }
}

/// All that tells of agents at one record.
#[derive(Default)]
pub struct Asked {
    pub calls: Vec<Call>,
    pub marks: Vec<Mark>,
    pub lines: Vec<Line>,
}

impl Asked {
    pub fn add_call(&mut self, call: Call) {
        push(&mut self.calls, call);
    }

    pub fn add_mark(&mut self, mark: Mark) {
        push(&mut self.marks, mark);
    }

    pub fn add_line(&mut self, line: Line) {
        push(&mut self.lines, line);
    }

    /// Brings it in order.
    pub fn finish(&mut self) {
        self.calls.sort_unstable();
        self.marks.sort_unstable();
        self.lines.sort_unstable();
        // Firehose may deliver a line twice.
        self.lines.dedup();
    }
}

/// Most records are looked up once and cleared once: there is room for two at first.
fn push<T>(list: &mut Vec<T>, one: T) {
    if list.capacity() == 0 {
        list.reserve_exact(2);
    }
    list.push(one);
}
