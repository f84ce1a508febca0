//! A report for machines. docs/accountability.md tells its shape.

use serde::{Serialize, Serializer};
use shared::reference::Reference;

use super::agents::{Line, MarkTold};
use super::digest;
use super::finding::Finding;
use super::ids::{Id, id_text};
use super::life::{Touch, Who};
use super::names::shown;
use super::story::{CodeStory, End, Flaw, Story};
use super::tally::{Report, Tally};
use super::verdict::{Statement, Verdict, overall};
use super::words::utc;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'a> {
    version: u8,
    stage: &'a str,
    account: &'a str,
    bucket: &'a str,
    period: Period,
    reference: Option<String>,
    verdict: Verdict,
    statements: Vec<Said<'a>>,
    integrity: Trail,
    counts: Counts,
    /// How many records lived 0 to 1 minute, 1 to 2, …; the last is of those that lived longer than 60.
    lifetimes: &'a [u64],
    records: Records<'a>,
    uses: Vec<Use<'a>>,
    telephony: Vec<Taken<'a>>,
    findings: Vec<Found<'a>>,
    not_ours: Vec<NotOurs<'a>>,
}

#[derive(Serialize)]
struct Period {
    from: String,
    until: String,
}

#[derive(Serialize)]
struct Said<'a> {
    id: &'static str,
    verdict: Verdict,
    title: &'static str,
    reasons: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trail {
    digests: u64,
    log_files: u64,
    covered: Option<Period>,
    faults: Vec<Fault>,
}

#[derive(Serialize)]
struct Fault {
    fault: &'static str,
    object: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    records: u64,
    agent: u64,
    telephony: u64,
    sweep: u64,
    other: u64,
    not_seen: u64,
    too_recent: u64,
    reads: u64,
    events: u64,
    duplicates: u64,
    asked_in_vain: u64,
    agent_marks: u64,
    agent_lines: u64,
}

struct Records<'a>(&'a Report, &'a [Id]);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    id: String,
    reference: String,
    verdict: Verdict,
    flaws: &'a [Flaw],
    made: Option<String>,
    deleted: Option<String>,
    lifetime_seconds: Option<i64>,
    ended_by: &'static str,
    /// The agent's pseudonym, or the name of someone else.
    ended_by_whom: Option<String>,
    touches: Vec<Done<'a>>,
    agents: Vec<Agent>,
    lines: Vec<AgentLine>,
    code: Option<Code<'a>>,
}

#[derive(Serialize)]
struct Done<'a> {
    at: String,
    act: &'static str,
    by: &'a str,
}

/// What an agent asked, by the trail.
#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "it is the agent of the mark")]
struct Agent {
    at: String,
    action: &'static str,
    answered: bool,
    agent: String,
}

#[derive(Serialize)]
struct AgentLine {
    at: String,
    action: &'static str,
    outcome: &'static str,
    agent: String,
}

#[derive(Serialize)]
struct Code<'a> {
    id: String,
    flaws: &'a [Flaw],
    made: Option<String>,
    used: Option<String>,
    deleted: Option<String>,
}

#[derive(Serialize)]
struct Use<'a> {
    role: &'static str,
    action: &'a str,
    on: &'a str,
    count: u64,
}

/// Who took on telephony's role.
#[derive(Serialize)]
struct Taken<'a> {
    who: &'a str,
    count: u64,
    first: String,
    last: String,
}

#[derive(Serialize)]
struct Found<'a> {
    at: Option<String>,
    kind: &'static str,
    who: &'a str,
    action: &'a str,
    on: &'a str,
    reference: Option<String>,
    refused: bool,
}

#[derive(Serialize)]
struct NotOurs<'a> {
    service: &'a str,
    count: u64,
}

impl Serialize for Records<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report, ids) = self;
        serializer.collect_seq(ids.iter().map(|id| OneOf(report, *id)))
    }
}

struct OneOf<'a>(&'a Report, Id);

impl Serialize for OneOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(report, id) = self;
        let story = report.story(id);
        one(report, &story).serialize(serializer)
    }
}

fn one<'a>(report: &'a Report, story: &'a Story<'a>) -> One<'a> {
    let agent = |agent| report.facts.agents.text(agent);
    let action = |clears: bool| if clears { "clear" } else { "lookup" };
    let done = |touch: &Touch| Done { at: utc(touch.at), act: touch.act.as_str(), by: report.who(touch.who) };
    let mark = |mark: &MarkTold| Agent {
        at: utc(mark.at),
        action: action(mark.clears),
        answered: mark.answered,
        agent: agent(mark.agent),
    };
    let line = |line: &Line| AgentLine {
        at: utc(line.at.div_euclid(1000)),
        action: action(line.clears),
        outcome: line.outcome.as_str(),
        agent: agent(line.agent),
    };
    let code = |code: &'a CodeStory| Code {
        id: id_text(&code.id),
        flaws: &code.flaws,
        made: code.made.map(utc),
        used: code.used.map(utc),
        deleted: code.deleted.map(utc),
    };
    One {
        id: id_text(&story.id),
        reference: Reference::of(&story.id).to_string(),
        verdict: story.verdict(),
        flaws: &story.flaws,
        made: story.made.map(utc),
        deleted: story.deleted.map(utc),
        lifetime_seconds: story.lifetime(),
        ended_by: story.end.as_str(),
        ended_by_whom: match story.end {
            End::Agent(Some(who)) => Some(agent(who)),
            End::Other(who) => Some(report.facts.texts.text(who).to_owned()),
            _ => None,
        },
        touches: story.touches.iter().map(done).collect(),
        agents: story.told.marks.iter().map(mark).collect(),
        lines: story.lines.iter().map(line).collect(),
        code: story.code.as_ref().map(code),
    }
}

impl Report {
    /// Writes the report as JSON.
    pub fn json(
        &self,
        stage: &str,
        (account, bucket): (&str, &str),
        statements: &[Statement],
        tally: &Tally,
        ids: &[Id],
        out: impl std::io::Write,
    ) -> serde_json::Result<()> {
        let facts = &self.facts;
        let text = |text| facts.texts.text(text);
        let said =
            statements.iter().map(|one| Said { id: one.id, verdict: one.verdict, title: one.title, reasons: &one.reasons });
        let period = |from: i64, until: i64| Period { from: utc(from), until: utc(until) };
        let found = |finding: &Finding| Found {
            at: (finding.at != 0).then(|| utc(finding.at)),
            kind: finding.kind.as_str(),
            who: match finding.who {
                Who::Role(role) => role.as_str(),
                Who::Other(who) => facts.texts.text(who),
            },
            action: facts.texts.text(finding.action),
            on: facts.texts.text(finding.on),
            reference: finding.record.map(|id| Reference::of(&id).to_string()),
            refused: finding.refused,
        };
        let fault = |(fault, object): &(digest::Fault, String)| Fault { fault: fault.as_str(), object: shown(object) };
        let uses = facts.uses.iter().map(|((role, action, on), count)| Use {
            role: role.as_str(),
            action: text(*action),
            on: text(*on),
            count: *count,
        });
        let telephony = facts.telephony.takers.iter().map(|(who, taken)| Taken {
            who: self.who(*who),
            count: taken.count,
            first: utc(taken.first),
            last: utc(taken.last),
        });
        let whole = Whole {
            version: 2,
            stage,
            account,
            bucket,
            period: period(self.scope.period.start, self.scope.period.end),
            reference: self.scope.reference.map(|reference| reference.to_string()),
            verdict: overall(statements),
            statements: said.collect(),
            integrity: Trail {
                digests: self.integrity.digests,
                log_files: self.integrity.logs,
                covered: self.integrity.covered.map(|(from, until)| period(from, until)),
                faults: self.integrity.faults.iter().map(fault).collect(),
            },
            counts: Counts {
                records: tally.records,
                agent: tally.agent,
                telephony: tally.telephony,
                sweep: tally.sweep,
                other: tally.other,
                not_seen: tally.not_seen,
                too_recent: tally.too_recent,
                reads: tally.reads,
                events: facts.events,
                duplicates: facts.duplicates,
                asked_in_vain: tally.in_vain,
                agent_marks: facts.marks,
                agent_lines: facts.lines,
            },
            lifetimes: &tally.minutes,
            records: Records(self, ids),
            uses: uses.collect(),
            telephony: telephony.collect(),
            findings: self.findings().map(found).collect(),
            not_ours: facts.not_ours.iter().map(|(service, count)| NotOurs { service: text(*service), count: *count }).collect(),
        };
        serde_json::to_writer(out, &whole)
    }
}
