//! What a report is of: which records, which findings, and how many there are of each kind.

use std::collections::{BTreeMap, HashSet};
use std::ops::{Range, RangeInclusive};

use shared::reference::Reference;

use super::digest::Integrity;
use super::facts::Facts;
use super::finding::Finding;
use super::folder::Hour;
use super::ids::Id;
use super::life::{Act, Life, Touch};
use super::story::{CodeStory, End, Flaw, RECORD};
use super::words::Language;

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
    /// How often an agent asked for a record and got nothing.
    pub in_vain: u64,
    pub codes: u64,
    pub longest: i64,
    /// How many records lived so many minutes, begun ones included; the last place is for all beyond the hour.
    pub minutes: Vec<u64>,
    flaws: BTreeMap<(bool, Flaw), u64>,
}

impl Tally {
    /// How many were not seen to be deleted by whoever should.
    pub fn not_by_rule(&self) -> u64 {
        self.not_seen + self.too_recent + self.other
    }

    pub fn flaws(&self, of_code: bool, flaw: Flaw) -> u64 {
        self.flaws.get(&(of_code, flaw)).copied().unwrap_or_default()
    }
}

/// Whether it shows that there is or was a record or code.
fn shows(touch: &Touch) -> bool {
    touch.act.shows_existence() || (touch.act == Act::Deleted && touch.conditional)
}

impl Report {
    /// Until when the trail tells everything.
    pub fn told_until(&self) -> i64 {
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
            let made = life.touches.iter().find(|touch| touch.act == Act::Made);
            let Some(first) = made.or(life.touches.iter().find(|touch| shows(touch))) else { continue };
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
            tally.in_vain += story.told.marks.iter().filter(|mark| !mark.answered).map(|_| 1).sum::<u64>();
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
        for code in self.loose_codes(ids) {
            for flaw in code.flaws {
                *tally.flaws.entry((true, flaw)).or_default() += 1;
            }
        }
        if self.scope.reference.is_none() {
            tally.in_vain += self.asked_for_nothing();
        }
        tally
    }

    /// Codes of the period that no record's story tells.
    fn loose_codes(&self, ids: &[Id]) -> Vec<CodeStory> {
        let ids: HashSet<&Id> = ids.iter().collect();
        let began = self.integrity.covered.map_or(i64::MIN, |(from, _)| from);
        let loose = self.facts.codes.iter().filter(|(id, life)| {
            let record = life.other.filter(|record| ids.contains(record));
            if record.and_then(|record| self.facts.records.get(&record)?.other) == Some(**id) {
                return false;
            }
            if self.scope.reference.is_some() {
                return record.is_some();
            }
            let made = life.touches.iter().find(|touch| touch.act == Act::Made);
            let Some(first) = made.or(life.touches.iter().find(|touch| shows(touch))) else { return false };
            self.scope.period.contains(&first.at) && (made.is_some() || first.at > began + RECORD)
        });
        loose.map(|(id, life)| self.code_story(*id, life)).collect()
    }

    /// How often an agent asked for what is no record.
    fn asked_for_nothing(&self) -> u64 {
        let none = self.facts.records.values().filter(|life| !life.touches.iter().any(shows));
        let marks = none.filter_map(|life| life.asked.as_deref()).flat_map(|asked| &asked.marks);
        marks.filter(|mark| self.scope.period.contains(&mark.at)).map(|_| 1).sum()
    }
}
