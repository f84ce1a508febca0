//! The story of one record and of its code, and what is wrong with them.

use serde::Serialize;

use super::agents::{Agent, Asked, Line, Told, told};
use super::ids::Id;
use super::life::{Act, Life, Touch, Who};
use super::names::{Role, Text};
use super::tally::Report;
use super::verdict::Verdict;
use super::words::Language;

/// A record is gone this long after it was made, in seconds.
pub const RECORD: i64 = 3600;
/// A code is gone this long after it was made, in seconds.
const CODE: i64 = 20 * 60;
/// A code is gone this long after it was used, in seconds: twenty seconds for the contact that used it, and two minutes
/// until the sweep (docs/architecture.md).
const USED_CODE: i64 = 140;
/// CloudTrail delivers most events within a quarter of an hour.
pub const LATE: i64 = 900;

/// A contact may use a code again for so long, in seconds.
const CONTACT: i64 = 20;

/// How a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// An agent cleared the contact: this one, if a mark says so.
    Agent(Option<Agent>),
    /// Telephony cleared it before an agent had looked.
    Telephony,
    /// A sweep deleted it.
    Sweep,
    /// Someone else deleted it.
    Other(Text),
    /// No deletion is in the trail, and its time has passed: DynamoDB's TTL deletes without a call.
    NotSeen,
    /// No deletion is in the trail yet.
    TooRecent,
}

impl End {
    /// What the machine-readable report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent(_) => "agent",
            Self::Telephony => "telephony",
            Self::Sweep => "sweep",
            Self::Other(_) => "other",
            Self::NotSeen => "notSeen",
            Self::TooRecent => "tooRecent",
        }
    }
}

/// What is wrong with a record or code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Flaw {
    /// It lived longer than it may.
    TooOld,
    /// Something was written after its deletion.
    WrittenAfter,
    /// Someone else read or wrote it.
    Other,
    /// Its deletion is not in the trail.
    DeletionNotSeen,
    /// The trail ends before its time does.
    TooRecent,
    /// The trail does not show how it was made.
    MakingNotSeen,
    /// It was read or cleared by agent-lookup or clear-contact, and no mark says by which agent.
    NoAgent,
    /// It was read or cleared for an agent, and there is no line of it.
    NoLine,
    /// The code was used again after the time of the contact that used it.
    UsedAgain,
    /// There is a line of what the trail does not show.
    LineTooMany,
}

impl Flaw {
    pub fn violates(self) -> bool {
        matches!(self, Self::TooOld | Self::WrittenAfter | Self::Other)
    }

    pub fn in_words(self, language: Language) -> &'static str {
        match self {
            Self::TooOld => language.pick("leefde te lang", "lived too long"),
            Self::WrittenAfter => language.pick("beschreven na het wissen", "written after its deletion"),
            Self::Other => language.pick("benaderd door een ander", "accessed by someone else"),
            Self::DeletionNotSeen => language.pick("het wissen staat niet in het spoor", "its deletion is not in the trail"),
            Self::TooRecent => language.pick("het spoor houdt te vroeg op", "the trail ends too early"),
            Self::MakingNotSeen => language.pick("het ontstaan staat niet in het spoor", "its making is not in the trail"),
            Self::NoAgent => {
                language.pick("het spoor zegt niet welke medewerker het was", "the trail does not say which agent it was")
            }
            Self::NoLine => language.pick("een regel over een medewerker ontbreekt", "a line on an agent is missing"),
            Self::UsedAgain => language
                .pick("meer dan 20 seconden na het gebruik nog eens gebruikt", "used again more than 20 seconds after its use"),
            Self::LineTooMany => language.pick(
                "een regel over een medewerker waarvan het spoor niets weet",
                "a line on an agent that the trail does not bear out",
            ),
        }
    }
}

/// The story of one record, and of its code.
pub struct Story<'a> {
    pub id: Id,
    pub made: Option<i64>,
    pub deleted: Option<i64>,
    pub end: End,
    pub touches: &'a [Touch],
    pub told: Told,
    pub lines: &'a [Line],
    pub flaws: Vec<Flaw>,
    pub code: Option<CodeStory>,
}

/// The story of a code.
pub struct CodeStory {
    pub id: Id,
    pub made: Option<i64>,
    pub used: Option<i64>,
    pub deleted: Option<i64>,
    pub flaws: Vec<Flaw>,
}

impl Story<'_> {
    /// Seconds.
    pub fn lifetime(&self) -> Option<i64> {
        Some(self.deleted? - self.made?)
    }

    pub fn verdict(&self) -> Verdict {
        worst(self.flaws.iter().chain(self.code.iter().flat_map(|code| &code.flaws)))
    }

    pub fn flaws_in_words(&self, language: Language) -> String {
        let code = self.code.iter().flat_map(|code| &code.flaws);
        let code = code.map(|flaw| format!("code: {}", flaw.in_words(language)));
        self.flaws.iter().map(|flaw| flaw.in_words(language).to_owned()).chain(code).collect::<Vec<_>>().join("; ")
    }
}

fn worst<'a>(flaws: impl Iterator<Item = &'a Flaw>) -> Verdict {
    flaws.map(|flaw| if flaw.violates() { Verdict::Violated } else { Verdict::NotProven }).max().unwrap_or(Verdict::Proven)
}

impl Report {
    /// The story of a record.
    pub fn story(&self, id: &Id) -> Story<'_> {
        static NOTHING: Life = Life { touches: Vec::new(), asked: None, other: None, making: None };
        static NOT_ASKED: Asked = Asked { calls: Vec::new(), marks: Vec::new(), lines: Vec::new() };
        let life = self.facts.records.get(id).unwrap_or(&NOTHING);
        let (made, deleted, mut flaws) = self.lived(life, |made| made + RECORD);
        let last = deleted.and_then(|at| life.touches.iter().find(|touch| touch.act == Act::Deleted && touch.at == at));
        let asked = life.asked.as_deref().unwrap_or(&NOT_ASKED);
        // Telephony clears only what no agent has looked up, and an agent only what one has.
        let read = life.touches.iter().any(|touch| touch.act == Act::Read);
        let cleared = last.filter(|touch| touch.who == Who::Role(Role::ClearContact) && read).map(|touch| touch.at);
        let told = told(asked, cleared, self.has_agents);
        let end = match last.map(|touch| touch.who) {
            Some(Who::Role(Role::ExpireRecords)) => End::Sweep,
            Some(Who::Role(_)) if cleared.is_none() => End::Telephony,
            Some(Who::Role(_)) => End::Agent(told.cleared_by),
            Some(Who::Other(who)) => End::Other(who),
            None if flaws.contains(&Flaw::TooRecent) => End::TooRecent,
            None => End::NotSeen,
        };
        let marked = [
            (!told.looks_known || end == End::Agent(None), Flaw::NoAgent),
            (told.line_missing, Flaw::NoLine),
            (told.line_too_many, Flaw::LineTooMany),
        ];
        flaws.extend(marked.into_iter().filter(|(is, _)| *is).map(|(_, flaw)| flaw));
        let code = life.other.and_then(|code| Some((code, self.facts.codes.get(&code)?)));
        let code = code.map(|(id, life)| self.code_story(id, life));
        Story { id: *id, made, deleted, end, touches: &life.touches, told, lines: &asked.lines, flaws, code }
    }

    /// The story of a code.
    pub fn code_story(&self, id: Id, life: &Life) -> CodeStory {
        let mut moments = life.touches.iter().filter(|touch| touch.act == Act::Used).map(|touch| touch.at);
        let used = moments.next();
        let again = moments.next_back();
        let (made, deleted, mut flaws) =
            self.lived(life, |made| used.map_or(made + CODE, |used| (used + USED_CODE).min(made + CODE)));
        if used.zip(again).is_some_and(|(used, again)| again - used > CONTACT) {
            flaws.push(Flaw::UsedAgain);
        }
        CodeStory { id, made, used, deleted, flaws }
    }

    /// When something was made and deleted, and what is wrong with that; `limit` says when it must be gone.
    fn lived(&self, life: &Life, limit: impl Fn(i64) -> i64) -> (Option<i64>, Option<i64>, Vec<Flaw>) {
        let mut flaws = Vec::new();
        let touches = &life.touches;
        let made = touches.iter().find(|touch| touch.act == Act::Made).map(|touch| touch.at);
        // A deletion that succeeds leaves nothing, whether there was something or not.
        let from = made.unwrap_or(i64::MIN);
        let deletion = touches.iter().position(|touch| touch.act == Act::Deleted && touch.at >= from);
        let deleted = deletion.and_then(|index| touches.get(index)).map(|touch| touch.at);
        if made.is_none() {
            flaws.push(Flaw::MakingNotSeen);
        }
        let there = |touch: &Touch| touch.act.shows_existence() || (touch.act == Act::Deleted && touch.conditional);
        if let Some(limit) = made.map(&limit)
            && (deleted.is_some_and(|at| at > limit) || touches.iter().any(|touch| touch.at > limit && there(touch)))
        {
            flaws.push(Flaw::TooOld);
        }
        match (deletion, deleted) {
            (Some(index), Some(at)) => {
                // Of two deletions on a condition only one can find something, unless it was written in between.
                let after = |touch: &&Touch| (touch.at > at && there(touch)) || (touch.act == Act::Deleted && touch.conditional);
                if touches.iter().skip(index + 1).any(|touch| after(&touch)) {
                    flaws.push(Flaw::WrittenAfter);
                }
            }
            _ if made.is_some_and(|made| limit(made) + LATE > self.told_until()) => flaws.push(Flaw::TooRecent),
            _ => flaws.push(Flaw::DeletionNotSeen),
        }
        if touches.iter().any(|touch| matches!(touch.who, Who::Other(_))) {
            flaws.push(Flaw::Other);
        }
        (made, deleted, flaws)
    }
}
