//! What was done to a record or code.

use super::agents::Asked;
use super::ids::Id;
use super::names::{Role, Text};

/// What was done to a record or code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// It was made.
    Made,
    /// A key sealed the record's IRMA token.
    TokenSealed,
    /// A function looked whether there is one whose result is awaited.
    Fetched,
    /// A key opened the record's IRMA token.
    TokenOpened,
    /// The session's result was taken in, and the token removed.
    Ended,
    /// An agent's look-up read the record.
    Read,
    /// The code was exchanged.
    Used,
    /// Someone else read it.
    ReadByOther,
    /// Someone else wrote it.
    WrittenByOther,
    /// It was deleted; it is not there at that moment.
    Deleted,
}

impl Act {
    /// What the machine-readable report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::TokenSealed => "tokenSealed",
            Self::Fetched => "fetched",
            Self::TokenOpened => "tokenOpened",
            Self::Ended => "ended",
            Self::Read => "read",
            Self::Used => "used",
            Self::ReadByOther => "readByOther",
            Self::WrittenByOther => "writtenByOther",
            Self::Deleted => "deleted",
        }
    }

    /// Whether it shows that the record or code is there right after.
    pub fn shows_existence(self) -> bool {
        matches!(self, Self::Made | Self::Ended | Self::Read | Self::Used | Self::WrittenByOther)
    }
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    Role(Role),
    /// A principal that is none of ours.
    Other(Text),
}

/// Something that was done to a record or code, with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// Unix seconds.
    pub at: i64,
    pub act: Act,
    pub who: Who,
    /// Whether it was done on a condition. Our deletions are: one that succeeded shows that there was something.
    pub conditional: bool,
}

/// All that was done to one record or code.
#[derive(Default)]
pub struct Life {
    pub touches: Vec<Touch>,
    /// Of a record that an agent asked for: what tells which.
    pub asked: Option<Box<Asked>>,
    /// Of a record its code, and the other way round.
    pub other: Option<Id>,
    /// The first making that was read.
    pub making: Option<Making>,
}

/// When something was made.
#[derive(Clone, Copy, Debug)]
pub struct Making {
    /// Unix seconds.
    pub at: i64,
    /// The access key that it was made with.
    pub key: Text,
}

impl Life {
    /// When it is touched as what session-start and who ends a session never do: it was there before it was made, or its
    /// session ended twice. Its touches are in order.
    pub fn out_of_role(&self) -> Option<Touch> {
        let made = self.touches.iter().find(|touch| touch.act == Act::Made);
        let was_there = |touch: &&Touch| touch.act.shows_existence() || (touch.act == Act::Deleted && touch.conditional);
        let before = made.filter(|made| self.touches.iter().filter(was_there).any(|touch| touch.at < made.at));
        before.or(self.touches.iter().filter(|touch| touch.act == Act::Ended).nth(1)).copied()
    }

    /// What tells which agents asked for the record.
    pub fn asked(&mut self) -> &mut Asked {
        self.asked.get_or_insert_default()
    }
}
