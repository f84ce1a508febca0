//! What the facts prove: a verdict on each statement, and on all of them.

use std::ops::{Range, RangeInclusive};

use serde::Serialize;
use shared::audit::Outcome;
use shared::reference::Reference;

use super::digest::Integrity;
use super::facts::Facts;
use super::finding::{Finding, Kind};
use super::folder::Hour;
use super::ids::Id;
use super::life::{Act, Life, Line, Look, Touch, Who};
use super::names::{Role, Text};
use super::words::{Language, seconds, time};

/// A record is gone this long after it was made, in seconds.
pub const RECORD: i64 = 3600;
/// A code is gone this long after it was made, in seconds.
const CODE: i64 = 20 * 60;
/// A code is gone this long after it was used, in seconds: twenty seconds for the contact that used it, and two minutes
/// until the sweep (docs/architecture.md).
const USED_CODE: i64 = 140;
/// CloudTrail delivers most events within a quarter of an hour.
const LATE: i64 = 900;

/// So many milliseconds a function's call to the database takes at most, with all that AWS's SDK repeats of it because an
/// answer was lost (`operation_timeout` in `shared::config`). What comes later is no repetition.
const OPERATION: i64 = 3000;
/// So often the SDK sends a call at most (`RetryConfig::standard`).
const ATTEMPTS: usize = 3;

/// What is said of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    Proven,
    NotProven,
    Violated,
}

/// A statement and what is said of it.
pub struct Statement {
    /// What the machine-readable report calls it.
    pub id: &'static str,
    pub title: &'static str,
    pub verdict: Verdict,
    /// Why, in sentences.
    pub reasons: Vec<String>,
}

/// How a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// An agent cleared the contact: this one, if a line says so.
    Agent(Option<Text>),
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
    /// It was read or cleared by agent-lookup or clear-contact, and no line says by which agent.
    NoAgent,
}

impl Flaw {
    fn violates(self) -> bool {
        matches!(self, Self::TooOld | Self::WrittenAfter | Self::Other)
    }

    fn in_words(self, language: Language) -> &'static str {
        match self {
            Self::TooOld => language.pick("leefde te lang", "lived too long"),
            Self::WrittenAfter => language.pick("beschreven na het wissen", "written after its deletion"),
            Self::Other => language.pick("benaderd door een ander", "accessed by someone else"),
            Self::DeletionNotSeen => language.pick("het wissen staat niet in het spoor", "its deletion is not in the trail"),
            Self::TooRecent => language.pick("het spoor houdt te vroeg op", "the trail ends too early"),
            Self::MakingNotSeen => language.pick("het ontstaan staat niet in het spoor", "its making is not in the trail"),
            Self::NoAgent => language.pick("geen regel zegt welke medewerker", "no line says which agent"),
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

/// Whether the line is of a look-up that found the record, or may have before it failed.
fn tells_of_look(line: &Line) -> bool {
    !line.clears && line.outcome != Outcome::Unknown
}

/// Whether the line is of a look-up that showed the record.
pub fn shows(line: &Line) -> bool {
    tells_of_look(line) && line.outcome != Outcome::Failed
}

/// Whether a function that logged `line` may have had this many operations done since the second `at`. One that failed because
/// its time was over says so only after that.
fn may_follow(line: &Line, at: i64, operations: i64) -> bool {
    let after = if line.outcome == Outcome::Failed { 1000 } else { 0 };
    (0..1000 + operations * OPERATION + after).contains(&line.at.saturating_sub(at * 1000))
}

/// Whether there is a line for each look-up. Where there are fewer lines than calls, a line may be for several: those that
/// can be one look-up of which answers were lost.
fn all_looks_told(life: &Life) -> bool {
    let lines = || life.lines.iter().filter(|line| tells_of_look(line));
    // One that failed may have had no call at all.
    if lines().filter(|line| shows(line)).count() >= life.looks.len() {
        return true;
    }
    // A line comes right after its look-up's last call: that one is its own, and of those before what may be the same look-up.
    let mut left: Vec<_> = life.looks.iter().rev().collect();
    for line in lines() {
        let mut calls = Vec::new();
        left.retain(|look| {
            // To take the caller is an operation of its own. Asked again it fails, and the look-up's second one follows.
            let operations = if look.repeatable { 1 } else { 2 };
            let one = calls.len() < ATTEMPTS
                && may_follow(line, look.at, operations)
                && calls.iter().all(|later: &&Look| later.repeatable && later.origin == look.origin);
            if one {
                calls.push(*look);
            }
            !one
        });
    }
    left.is_empty()
}

/// Which agent's clear deleted the record though the function says that there was nothing to clear, or that it failed: it did
/// not hear that it had, and asked again. Only who looked the record up can have cleared it.
fn cleared_unheard(life: &Life, deleted: i64) -> Option<Text> {
    let unheard = |line: &&Line| line.clears && line.outcome != Outcome::Cleared && may_follow(line, deleted, 1);
    let looked = |agent: &Text| life.lines.iter().filter(|line| shows(line)).any(|line| line.agent == *agent);
    let mut agents = life.lines.iter().filter(unheard).map(|line| line.agent).filter(looked);
    let agent = agents.next()?;
    agents.all(|other| other == agent).then_some(agent)
}

/// Which part of a trail a report is of.
pub struct Scope {
    /// When its records were made, in Unix seconds.
    pub period: Range<i64>,
    /// Whether the period was asked for, or is what the digests cover.
    pub asked: bool,
    pub reference: Option<Reference>,
}

/// A report.
pub struct Report {
    pub facts: Facts,
    pub integrity: Integrity,
    pub scope: Scope,
    pub started: Option<Vec<Hour>>,
    pub has_agents: bool,
    pub language: Language,
}

/// What is counted while the records are gone through.
#[derive(Default)]
pub struct Tally {
    pub records: u64,
    pub agent: u64,
    pub telephony: u64,
    pub sweep: u64,
    pub other: u64,
    pub not_seen: u64,
    pub too_recent: u64,
    pub reads: u64,
    pub codes: u64,
    pub longest: i64,
    /// How many records lived so many minutes, begun ones included; the last place is for all beyond the hour.
    pub minutes: Vec<u64>,
    flaws: std::collections::BTreeMap<(bool, Flaw), u64>,
}

impl Tally {
    /// How many were not seen to be deleted by whoever should.
    pub fn not_by_rule(&self) -> u64 {
        self.not_seen + self.too_recent + self.other
    }

    fn flaws(&self, of_code: bool, flaw: Flaw) -> u64 {
        self.flaws.get(&(of_code, flaw)).copied().unwrap_or_default()
    }
}

impl Report {
    /// Until when the trail tells everything.
    fn told_until(&self) -> i64 {
        self.integrity.covered.map_or(i64::MIN, |(_, until)| until)
    }

    /// The records that the report is of, the oldest first.
    pub fn ids(&self) -> Vec<Id> {
        let mut ids: Vec<(i64, Id)> = Vec::new();
        for (id, life) in &self.facts.records {
            if let Some(reference) = &self.scope.reference
                && !reference.matches(id)
            {
                continue;
            }
            // Whoever asks for a record that there is not, leaves a trace and makes no record.
            let real = |touch: &&Touch| touch.act.shows_existence() || (touch.act == Act::Deleted && touch.conditional);
            let Some(first) = life.touches.iter().find(|touch| touch.act == Act::Made).or(life.touches.iter().find(real)) else {
                continue;
            };
            // What was made before the trail begins, is of an earlier report.
            let orphan = first.act != Act::Made;
            let began = self.integrity.covered.map_or(i64::MIN, |(from, _)| from);
            if self.scope.period.contains(&first.at) && !(orphan && first.at <= began + RECORD) {
                ids.push((first.at, *id));
            }
        }
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// The story of a record.
    pub fn story(&self, id: &Id) -> Story<'_> {
        static NOTHING: Life = Life { touches: Vec::new(), looks: Vec::new(), lines: Vec::new(), other: None };
        let life = self.facts.records.get(id).unwrap_or(&NOTHING);
        let (made, deleted, mut flaws) = self.lived(life, |made| made + RECORD);
        let last = deleted.and_then(|at| life.touches.iter().find(|touch| touch.act == Act::Deleted && touch.at == at));
        let read = life.touches.iter().filter(|touch| touch.act == Act::Read).count();
        let cleared = life.lines.iter().find(|line| line.clears && line.outcome == Outcome::Cleared).map(|line| line.agent);
        let end = match last.map(|touch| touch.who) {
            Some(Who::Role(Role::ExpireRecords)) => End::Sweep,
            // Telephony clears only what no agent has looked up.
            Some(Who::Role(_)) if cleared.is_none() && read == 0 => End::Telephony,
            Some(Who::Role(_)) => End::Agent(cleared.or(deleted.and_then(|at| cleared_unheard(life, at)))),
            Some(Who::Other(who)) => End::Other(who),
            None if flaws.contains(&Flaw::TooRecent) => End::TooRecent,
            None => End::NotSeen,
        };
        if !all_looks_told(life) || end == End::Agent(None) {
            flaws.push(Flaw::NoAgent);
        }
        let code = life.other.and_then(|code| Some((code, self.facts.codes.get(&code)?)));
        let code = code.map(|(id, life)| {
            let used = life.touches.iter().find(|touch| touch.act == Act::Used).map(|touch| touch.at);
            let (made, deleted, flaws) =
                self.lived(life, |made| used.map_or(made + CODE, |used| (used + USED_CODE).min(made + CODE)));
            CodeStory { id, made, used, deleted, flaws }
        });
        Story { id: *id, made, deleted, end, touches: &life.touches, lines: &life.lines, flaws, code }
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

    /// The findings that belong to the report. To a record belongs also what names no record, while it lived: whoever read
    /// all records, or took a key, got to this one.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let lives = self.lives();
        let while_it_lived = move |at: i64| lives.iter().any(|life| life.contains(&at));
        self.facts.findings.iter().filter(move |finding| match (&self.scope.reference, finding.record) {
            (Some(reference), Some(record)) => reference.matches(&record),
            (Some(_), None) => finding.at == 0 || while_it_lived(finding.at),
            (None, Some(record)) if self.made_in_period(&record) => true,
            (None, _) => finding.at == 0 || self.scope.period.contains(&finding.at),
        })
    }

    /// From when until when the record that was asked for lived, or may have lived.
    fn lives(&self) -> Vec<RangeInclusive<i64>> {
        let Some(reference) = self.scope.reference else { return Vec::new() };
        let of_it = self.facts.records.iter().filter(|(id, _)| reference.matches(id)).map(|(_, life)| life);
        let lived = of_it.filter_map(|life| {
            let made = life.touches.iter().find(|touch| touch.act == Act::Made).map(|touch| touch.at);
            let from = made.or(life.touches.first().map(|touch| touch.at - RECORD))?;
            let deleted = life.touches.iter().find(|touch| touch.act == Act::Deleted && touch.at >= from);
            Some(from..=deleted.map_or(made.or(life.touches.last().map(|touch| touch.at))? + RECORD, |touch| touch.at))
        });
        lived.collect()
    }

    fn made_in_period(&self, record: &Id) -> bool {
        let made = |life: &Life| life.touches.iter().find(|touch| touch.act == Act::Made).map(|touch| touch.at);
        self.facts.records.get(record).and_then(made).is_some_and(|at| self.scope.period.contains(&at))
    }

    /// Goes through all records.
    pub fn tally(&self, ids: &[Id]) -> Tally {
        let mut tally = Tally { minutes: vec![0; 61], ..Tally::default() };
        for id in ids {
            let story = self.story(id);
            tally.records += 1;
            tally.reads += story.touches.iter().filter(|touch| touch.act == Act::Read).map(|_| 1).sum::<u64>();
            *match story.end {
                End::Agent(_) => &mut tally.agent,
                End::Telephony => &mut tally.telephony,
                End::Sweep => &mut tally.sweep,
                End::Other(_) => &mut tally.other,
                End::NotSeen => &mut tally.not_seen,
                End::TooRecent => &mut tally.too_recent,
            } += 1;
            if let Some(lifetime) = story.lifetime() {
                tally.longest = tally.longest.max(lifetime);
                let minute = usize::try_from((lifetime - 1).max(0) / 60).unwrap_or_default().min(60);
                if let Some(count) = tally.minutes.get_mut(minute) {
                    *count += 1;
                }
            }
            for flaw in &story.flaws {
                *tally.flaws.entry((false, *flaw)).or_default() += 1;
            }
            if let Some(code) = &story.code {
                tally.codes += 1;
                for flaw in &code.flaws {
                    *tally.flaws.entry((true, *flaw)).or_default() += 1;
                }
            }
        }
        tally
    }

    /// What is said of each statement.
    pub fn statements(&self, tally: &Tally) -> Vec<Statement> {
        let mut statements = vec![self.integrity(), self.gone(tally), self.silent(tally), self.codes(tally), self.agents(tally)];
        if self.scope.reference.is_none() {
            statements.push(self.started(tally));
        }
        statements.push(self.others());
        statements.push(self.understood());
        statements
    }

    fn statement(
        &self,
        id: &'static str,
        title: (&'static str, &'static str),
        found: Vec<(Verdict, String)>,
        proven: String,
    ) -> Statement {
        let verdict = found.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Proven);
        let mut reasons: Vec<String> = found.into_iter().map(|(_, reason)| reason).collect();
        if reasons.is_empty() {
            reasons.push(proven);
        }
        Statement { id, title: self.language.pick(title.0, title.1), verdict, reasons }
    }

    fn integrity(&self) -> Statement {
        let (language, integrity) = (self.language, &self.integrity);
        let mut found = Vec::new();
        let mut counts: std::collections::BTreeMap<_, (u64, &str)> = std::collections::BTreeMap::new();
        for (fault, key) in &integrity.faults {
            counts.entry(*fault).or_insert((0, key)).0 += 1;
        }
        for (fault, (count, first)) in counts {
            let verdict = if fault.violates() { Verdict::Violated } else { Verdict::NotProven };
            let what = language.fault(fault);
            let first = super::names::shown(first);
            let line = match language {
                Language::Dutch => format!("{what}. Aantal keren: {count}; het eerst bij {first}"),
                Language::English => format!("{what}. How often: {count}; first at {first}"),
            };
            found.push((verdict, line));
        }
        let needed = if self.scope.asked { self.scope.period.end + RECORD + LATE } else { self.scope.period.end };
        match integrity.covered {
            None => {
                let line = language.pick("er is geen enkel overzichtsbestand (digest)", "there is no digest at all");
                found.push((Verdict::NotProven, line.to_owned()));
            }
            Some((from, until)) if from > self.scope.period.start || until < needed => {
                let (from, until) = (time(from), time(until));
                let line = match language {
                    Language::Dutch => {
                        format!("de overzichtsbestanden (digests) lopen van {from} tot {until}: dat is niet genoeg")
                    }
                    Language::English => format!("the digests run from {from} until {until}: that is not enough"),
                };
                found.push((Verdict::NotProven, line));
            }
            Some(_) => {}
        }
        let (digests, logs) = (integrity.digests, integrity.logs);
        let proven = match language {
            Language::Dutch => format!(
                "overzichtsbestanden (digests): {digests}, die op elkaar aansluiten en de handtekening van CloudTrail dragen; \
                 logbestanden: {logs}, zoals ze daarin staan"
            ),
            Language::English => format!(
                "digests: {digests}, that follow on each other and bear CloudTrail's signature; log files: {logs}, as they say"
            ),
        };
        let title = ("Het spoor is compleet en niet veranderd", "The trail is whole and unaltered");
        self.statement("integrity", title, found, proven)
    }

    fn flawed(&self, tally: &Tally, of_code: bool, flaws: &[Flaw], found: &mut Vec<(Verdict, String)>) {
        let things = if of_code { "codes" } else { "records" };
        for flaw in flaws {
            let count = tally.flaws(of_code, *flaw);
            if count > 0 {
                let verdict = if flaw.violates() { Verdict::Violated } else { Verdict::NotProven };
                found.push((verdict, format!("{count} {things}: {}", flaw.in_words(self.language))));
            }
        }
    }

    fn gone(&self, tally: &Tally) -> Statement {
        let mut found = Vec::new();
        if tally.records == 0 && self.scope.reference.is_some() {
            let none =
                self.language.pick("geen record met dit kenmerk in dit spoor", "no record with this reference in this trail");
            found.push((Verdict::NotProven, none.to_owned()));
        }
        let flaws = [Flaw::TooOld, Flaw::DeletionNotSeen, Flaw::TooRecent, Flaw::MakingNotSeen];
        self.flawed(tally, false, &flaws, &mut found);
        let (records, longest) = (tally.records, seconds(tally.longest));
        let proven = match self.language {
            Language::Dutch => format!("{records} records; het langste leefde {longest}"),
            Language::English => format!("{records} records; the longest lived {longest}"),
        };
        let title = ("Elk record was binnen 60 minuten gewist", "Each record was deleted within 60 minutes");
        self.statement("deleted", title, found, proven)
    }

    fn silent(&self, tally: &Tally) -> Statement {
        let mut found = Vec::new();
        self.flawed(tally, false, &[Flaw::WrittenAfter], &mut found);
        let proven = self.language.pick("bij geen enkel record", "to not one record").to_owned();
        let title = ("Na het wissen is niets meer geschreven", "Nothing was written after a deletion");
        self.statement("silent", title, found, proven)
    }

    fn codes(&self, tally: &Tally) -> Statement {
        let mut found = Vec::new();
        let missing = tally.records - tally.codes;
        if missing > 0 {
            let line = match self.language {
                Language::Dutch => format!("{missing} records: de code staat niet in het spoor"),
                Language::English => format!("{missing} records: the code is not in the trail"),
            };
            found.push((Verdict::NotProven, line));
        }
        let flaws = [Flaw::TooOld, Flaw::WrittenAfter, Flaw::Other, Flaw::DeletionNotSeen, Flaw::TooRecent, Flaw::MakingNotSeen];
        self.flawed(tally, true, &flaws, &mut found);
        let proven = format!("{} codes", tally.codes);
        let title = (
            "Elke code was binnen 20 minuten gewist, en binnen 140 seconden na gebruik",
            "Each code was deleted within 20 minutes, and within 140 seconds of its use",
        );
        self.statement("codes", title, found, proven)
    }

    fn agents(&self, tally: &Tally) -> Statement {
        let mut found = Vec::new();
        self.flawed(tally, false, &[Flaw::NoAgent], &mut found);
        if !self.has_agents && tally.reads + tally.agent > 0 {
            let line = self.language.pick("er zijn geen regels over medewerkers", "there are no lines on agents");
            found.push((Verdict::NotProven, line.to_owned()));
        }
        let (reads, cleared) = (tally.reads, tally.agent);
        let proven = match self.language {
            Language::Dutch => format!("opgevraagd: {reads}, gewist door een medewerker: {cleared}"),
            Language::English => format!("looked up: {reads}, cleared by an agent: {cleared}"),
        };
        let title =
            ("Van elk opvragen en wissen is bekend welke medewerker", "Of each look-up and clear it is known which agent it was");
        self.statement("agents", title, found, proven)
    }

    fn started(&self, tally: &Tally) -> Statement {
        const EDGE: i64 = 5;
        let Range { start, end } = self.scope.period;
        let mut found = Vec::new();
        let mut proven = String::new();
        match &self.started {
            None => {
                let line = self.language.pick("de telling (metriek Started) is er niet bij", "the metric Started is not there");
                found.push((Verdict::NotProven, line.to_owned()));
            }
            Some(hours) => {
                let counted: f64 = hours.iter().filter(|hour| hour.at + 3600 > start && hour.at < end).map(|hour| hour.sum).sum();
                // A session that starts at the very edge may be counted on its other side.
                let made = |from: i64, to: i64| {
                    let made =
                        self.facts.records.values().filter_map(|life| life.touches.iter().find(|one| one.act == Act::Made));
                    let made = made.filter(|touch| touch.at >= from && touch.at < to).count();
                    f64::from(u32::try_from(made).unwrap_or(u32::MAX))
                };
                let (least, most) = (made(start + EDGE, end - EDGE), made(start - EDGE, end + EDGE));
                let records = tally.records;
                let line = match self.language {
                    Language::Dutch => format!("{records} records in het spoor, {counted} begonnen sessies geteld"),
                    Language::English => format!("{records} records in the trail, {counted} started sessions counted"),
                };
                let whole_hours = start % 3600 == 0 && end % 3600 == 0;
                if counted > most && whole_hours {
                    found.push((Verdict::Violated, line));
                } else if counted > most || counted < least {
                    found.push((Verdict::NotProven, line));
                } else {
                    proven = line;
                }
            }
        }
        let title = (
            "Er zijn evenveel records als begonnen sessies",
            "There are as many records as sessions that were counted as started",
        );
        self.statement("started", title, found, proven)
    }

    fn others(&self) -> Statement {
        let mut found = Vec::new();
        let (mut red, mut keys, mut refused, mut deployments) = (0_u64, 0_u64, 0_u64, 0_u64);
        for finding in self.findings() {
            match finding.kind {
                _ if finding.refused => refused += 1,
                Kind::Deployment => deployments += 1,
                Kind::UnknownKey => keys += 1,
                Kind::RoleUsed | Kind::Unknown => {}
                _ => red += 1,
            }
        }
        if red > 0 {
            let line = match self.language {
                Language::Dutch => {
                    format!("een ander deed iets, of een rol iets wat zij nooit doet. Aantal keren: {red}. Zie hieronder")
                }
                Language::English => {
                    format!("someone else did something, or a role what it never does. How often: {red}. See below")
                }
            };
            found.push((Verdict::Violated, line));
        }
        if keys > 0 {
            let line = match self.language {
                Language::Dutch => {
                    format!("een ander gebruikte een sleutel; of die van ID-bellen is, zegt het spoor niet. Aantal keren: {keys}")
                }
                Language::English => {
                    format!("someone else used a key; the trail does not tell whether it is ID-bellen's. How often: {keys}")
                }
            };
            found.push((Verdict::NotProven, line));
        }
        let proven = match self.language {
            Language::Dutch => format!("niemand anders; {refused} pogingen geweigerd, {deployments} wijzigingen door een uitrol"),
            Language::English => format!("no one else; {refused} attempts refused, {deployments} changes by a deployment"),
        };
        let title = (
            "Alleen de functies kwamen bij records, codes, sleutels en parameters",
            "Only the functions got to records, codes, keys and parameters",
        );
        self.statement("others", title, found, proven)
    }

    fn understood(&self) -> Statement {
        let mut found = Vec::new();
        let unknown = self.facts.found.get(&Kind::Unknown).copied().unwrap_or_default();
        if unknown > 0 {
            let line = match self.language {
                Language::Dutch => format!("{unknown} gebeurtenissen hebben een vorm die dit programma niet kent"),
                Language::English => format!("{unknown} events are in a form that this program does not know"),
            };
            found.push((Verdict::NotProven, line));
        }
        let broken = self.facts.broken_lines;
        if broken > 0 {
            let line = match self.language {
                Language::Dutch => format!("{broken} regels over medewerkers zijn niet te lezen"),
                Language::English => format!("{broken} lines on agents can't be read"),
            };
            found.push((Verdict::NotProven, line));
        }
        let kept = self.facts.findings.iter().filter(|finding| !finding.refused).count() as u64;
        if self.facts.found.values().sum::<u64>() > kept {
            let line = self.language.pick("meer bevindingen dan hier staan", "more findings than are shown");
            found.push((Verdict::NotProven, line.to_owned()));
        }
        let (events, twice) = (self.facts.events, self.facts.duplicates);
        let others: u64 = self.facts.not_ours.values().sum();
        let proven = match self.language {
            Language::Dutch => format!("{events} gebeurtenissen; {twice} dubbel geleverd, {others} gaan niet over ID-bellen"),
            Language::English => format!("{events} events; {twice} delivered twice, {others} are not about ID-bellen"),
        };
        let title = ("Elke gebeurtenis in het spoor is begrepen", "Each event in the trail was understood");
        self.statement("understood", title, found, proven)
    }
}

/// What is said of all statements.
pub fn overall(statements: &[Statement]) -> Verdict {
    statements.iter().map(|statement| statement.verdict).max().unwrap_or(Verdict::NotProven)
}
