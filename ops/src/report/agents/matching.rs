//! Which calls belong to which marks, and which lines to both.

use std::collections::BTreeSet;

use shared::audit::Outcome;

use super::{Agent, Asked, Call, Did, Line, Mark};
use crate::report::names::Text;

/// So many seconds a function's call to the database takes at most, with all that AWS's SDK repeats of it because an answer
/// was lost (`operation_timeout` in `shared::config`). What comes later is no repetition.
const OPERATION: i64 = 3;
/// So often the SDK sends a call at most (`RetryConfig::standard`).
const ATTEMPTS: usize = 3;
/// So many seconds after a mark its line comes at most: no function runs longer (`Timeout` in `template.yaml`).
const FUNCTION: i64 = 10;

/// So many seconds a mark lies after its call, the likeliest first. Both are sent at the same moment, and either may be
/// repeated. A look-up's call can be two operations, one after the other; a mark is one.
const DISTANCES: [i64; 10] = [0, -1, 1, -2, 2, -3, 3, -4, -5, -6];

/// A mark of an agent, and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkTold {
    /// Unix seconds.
    pub at: i64,
    pub clears: bool,
    pub agent: Agent,
    /// Whether a call belongs to it. If not, the agent asked and got nothing.
    pub answered: bool,
}

/// What marks and lines tell of one record.
#[derive(Default)]
pub struct Told {
    /// All marks, by time.
    pub marks: Vec<MarkTold>,
    /// Who cleared it.
    pub cleared_by: Option<Agent>,
    /// Whether it is known of each look-up which agent it was.
    pub looks_known: bool,
    /// Whether a call has no line.
    pub line_missing: bool,
    /// Whether a line tells of what the trail does not show.
    pub line_too_many: bool,
}

/// Tells which agents looked at a record and cleared it. `cleared` is when clear-contact deleted it for an agent, if it did;
/// `with_lines` whether lines were delivered at all.
pub fn told(asked: &Asked, cleared: Option<i64>, with_lines: bool) -> Told {
    let looks: Vec<Call> = asked.calls.iter().filter(|call| !matches!(call.did, Did::Deleted | Did::Failed)).copied().collect();
    let marks: Vec<Mark> = asked.marks.iter().filter(|mark| !mark.clears).copied().collect();
    let pairs = pair(&looks, &marks);
    let looked: Vec<(Call, Mark)> =
        looks.iter().zip(&pairs).filter_map(|(call, pair)| Some((*call, *marks.get((*pair)?)?))).collect();
    let anchor = |pair: &Option<usize>| Some(Anchor::Mark(marks.get((*pair)?)?.at));
    let attempts = looks.iter().zip(&pairs).map(|(call, pair)| Attempt::of(call, None, anchor(pair)));
    let looks_known = all_anchored(attempts.collect()) && unambiguous(&looks, &pairs, &marks) && failed_have_marks(asked, &marks);
    let cleared_by = cleared.and_then(|at| who_cleared(asked, at, &looks, &looked));

    let mut answered: Vec<MarkTold> = Vec::with_capacity(asked.marks.len());
    let used = used(&pairs);
    let of = |mark: &Mark, answered| MarkTold { at: mark.at, clears: mark.clears, agent: mark.agent, answered };
    answered.extend(marks.iter().enumerate().map(|(index, mark)| of(mark, used.contains(&index))));
    let clears = asked.marks.iter().filter(|mark| mark.clears);
    answered.extend(
        clears
            .map(|mark| of(mark, cleared.is_some_and(|at| cleared_by == Some(mark.agent) && (mark.at - at).abs() <= OPERATION))),
    );
    answered.sort_unstable();

    let mut told = Told { marks: answered, cleared_by, looks_known, ..Told::default() };
    if with_lines {
        compare_looks(&mut told, asked, &looked);
        compare_clear(&mut told, asked, cleared);
    }
    told
}

/// For each call the place of its mark: one mark for one call, with the same access key, and the nearest first. Both are
/// sorted by access key and time.
fn pair(calls: &[Call], marks: &[Mark]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; calls.len()];
    let mut used = vec![false; marks.len()];
    for distance in DISTANCES {
        let mut next = marks.iter().zip(&mut used).enumerate().peekable();
        for (call, pair) in calls.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
            let wanted = (call.key, call.at + distance);
            while next.next_if(|(_, (mark, used))| **used || (mark.key, mark.at) < wanted).is_some() {}
            if let Some((index, (_, used))) = next.next_if(|(_, (mark, _))| (mark.key, mark.at) == wanted) {
                *used = true;
                *pair = Some(index);
            }
        }
    }
    pairs
}

/// The places of the marks that belong to a call.
fn used(pairs: &[Option<usize>]) -> BTreeSet<usize> {
    pairs.iter().flatten().copied().collect()
}

/// What shows that a call was made for an agent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Anchor {
    /// A mark, at this moment; Unix seconds.
    Mark(i64),
    Line,
}

impl Anchor {
    /// Whether it may be of a look-up that made a call at this moment: [`DISTANCES`].
    fn may_be_of(self, at: i64) -> bool {
        match self {
            Self::Mark(mark) => (mark - OPERATION..=mark + 2 * OPERATION).contains(&at),
            Self::Line => true,
        }
    }
}

/// A call that may be one attempt of several.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    by: (Text, Text, Option<Agent>),
    at: i64,
    repeats: bool,
    anchor: Option<Anchor>,
}

impl Attempt {
    fn of(call: &Call, agent: Option<Agent>, anchor: Option<Anchor>) -> Self {
        Self { by: (call.key, call.address, agent), at: call.at, repeats: call.did != Did::Took, anchor }
    }
}

/// Attempts of which one is anchored, and the others are its repetitions.
struct Group {
    by: (Text, Text, Option<Agent>),
    /// When the first came, and the last may come; Unix seconds.
    first: i64,
    last: i64,
    count: usize,
    anchor: Option<Anchor>,
}

impl Group {
    fn of(attempt: &Attempt) -> Self {
        // To take the caller is an operation of its own. Asked again it fails, and the look-up's second one follows.
        let operations = if attempt.repeats { 1 } else { 2 };
        Self { by: attempt.by, first: attempt.at, last: attempt.at + operations * OPERATION, count: 1, anchor: attempt.anchor }
    }

    fn takes(&self, attempt: &Attempt) -> bool {
        attempt.by == self.by
            && attempt.repeats
            && self.count < ATTEMPTS
            && (self.first..=self.last).contains(&attempt.at)
            && match (self.anchor, attempt.anchor) {
                (Some(_), Some(_)) => false,
                (Some(anchor), None) => anchor.may_be_of(attempt.at),
                (None, anchor) => anchor.is_none_or(|anchor| anchor.may_be_of(self.first)),
            }
    }
}

/// Whether each attempt is anchored, or the repetition of one that is: of the same sandbox, from the same address, right
/// before or after it.
fn all_anchored(mut attempts: Vec<Attempt>) -> bool {
    attempts.sort_unstable();
    let mut group: Option<Group> = None;
    for attempt in attempts {
        match &mut group {
            Some(group) if group.takes(&attempt) => {
                group.count += 1;
                group.anchor = group.anchor.or(attempt.anchor);
            }
            Some(group) if group.anchor.is_none() => return false,
            _ => group = Some(Group::of(&attempt)),
        }
    }
    group.is_none_or(|group| group.anchor.is_some())
}

/// Whether no other agent's mark, that is left over, may be that of a call.
fn unambiguous(calls: &[Call], pairs: &[Option<usize>], marks: &[Mark]) -> bool {
    let agents: Vec<Option<Agent>> = pairs.iter().map(|pair| Some(marks.get((*pair)?)?.agent)).collect();
    // For each call the first after it that is another agent's.
    let mut changes = vec![calls.len(); calls.len()];
    for index in (0..calls.len().saturating_sub(1)).rev() {
        let same = agents.get(index) == agents.get(index + 1);
        let next = if same { changes.get(index + 1).copied().unwrap_or_default() } else { index + 1 };
        if let Some(change) = changes.get_mut(index) {
            *change = next;
        }
    }
    let used = used(pairs);
    marks.iter().enumerate().filter(|(index, _)| !used.contains(index)).all(|(_, mark)| {
        // A mark comes up to 3 seconds after its call, and up to 6 before.
        let begin = calls.partition_point(|call| (call.key, call.at) < (mark.key, mark.at - OPERATION));
        let end = calls.partition_point(|call| (call.key, call.at) <= (mark.key, mark.at + 2 * OPERATION));
        let own = agents.get(begin).is_some_and(|agent| *agent == Some(mark.agent));
        begin >= end || (own && changes.get(begin).is_some_and(|change| *change >= end))
    })
}

/// Whether each look-up that failed has a mark beside it. One mark may stand for several: a contact that asks again fails to
/// take the caller, and then reads. DynamoDB can be asked for the record when the condition fails.
fn failed_have_marks(asked: &Asked, marks: &[Mark]) -> bool {
    asked.calls.iter().filter(|call| call.did == Did::Failed).all(|call| {
        let begin = marks.partition_point(|mark| (mark.key, mark.at) < (call.key, call.at - 2 * OPERATION));
        marks.get(begin).is_some_and(|mark| mark.key == call.key && mark.at <= call.at + OPERATION)
    })
}

/// Which agent's clear it was that deleted the record at this moment: the one whose mark lies beside the call. Of several,
/// who looked since somebody last took the caller: another does not hold the caller any more.
fn who_cleared(asked: &Asked, at: i64, looks: &[Call], looked: &[(Call, Mark)]) -> Option<Agent> {
    let deletion = asked.calls.iter().find(|call| call.did == Did::Deleted && call.at == at)?;
    let beside = |mark: &&Mark| mark.clears && mark.key == deletion.key && (mark.at - at).abs() <= OPERATION;
    let mut agents: BTreeSet<Agent> = asked.marks.iter().filter(beside).map(|mark| mark.agent).collect();
    if agents.len() > 1 {
        // Without the expression it is not known who took the caller.
        if looks.iter().any(|call| call.did == Did::ReadSomehow) {
            return None;
        }
        let taken = looks.iter().filter(|call| call.did != Did::Read).map(|call| call.at).max()?;
        let hold: BTreeSet<Agent> = looked.iter().filter(|(call, _)| call.at >= taken).map(|(_, mark)| mark.agent).collect();
        agents.retain(|agent| hold.contains(agent));
    }
    let only = agents.pop_first()?;
    agents.is_empty().then_some(only)
}

/// Whether a line comes after this second, and not later than its function ends.
fn follows(line: &Line, at: i64) -> bool {
    (0..1000 + FUNCTION * 1000).contains(&line.at.saturating_sub(at.saturating_mul(1000)))
}

/// Holds the lines that say that the record was shown against the look-ups.
fn compare_looks(told: &mut Told, asked: &Asked, looked: &[(Call, Mark)]) {
    let mut looked: Vec<(Agent, i64, Call, bool)> =
        looked.iter().map(|(call, mark)| (mark.agent, mark.at, *call, false)).collect();
    looked.sort_unstable();
    // Those that certainly showed it come first: a failed one may have had no call at all.
    for failed in [false, true] {
        let lines = asked.lines.iter().filter(|line| line.may_show() && (line.outcome == Outcome::Failed) == failed);
        let mut looks = looked.iter_mut().filter(|(.., has_line)| !has_line).peekable();
        for line in lines {
            while looks
                .next_if(|(agent, at, ..)| (*agent, *at) < (line.agent, i64::MIN) || (*agent == line.agent && too_old(line, *at)))
                .is_some()
            {}
            match looks.next_if(|(agent, at, ..)| *agent == line.agent && follows(line, *at)) {
                Some((.., has_line)) => *has_line = true,
                None => told.line_too_many |= !failed,
            }
        }
    }
    let attempts =
        looked.iter().map(|(agent, _, call, has_line)| Attempt::of(call, Some(*agent), has_line.then_some(Anchor::Line)));
    told.line_missing |= !all_anchored(attempts.collect());
}

/// Whether the line comes too late for what was done in this second.
fn too_old(line: &Line, at: i64) -> bool {
    line.at.saturating_sub(at.saturating_mul(1000)) >= 1000 + FUNCTION * 1000
}

/// Holds the lines of clears against the deletion.
fn compare_clear(told: &mut Told, asked: &Asked, cleared: Option<i64>) {
    let lines = || asked.lines.iter().filter(|line| line.clears);
    let cleared = told.cleared_by.zip(cleared);
    let belongs = |line: &&Line| cleared.is_some_and(|(agent, at)| line.agent == agent && follows(line, at));
    // A clear that did not hear that it deleted the record says that there was nothing, or that it failed.
    told.line_missing |= cleared.is_some() && !lines().any(|line| belongs(&line));
    let says = |line: &&Line| line.outcome == Outcome::Cleared;
    let own = lines().filter(|line| says(line) && belongs(line)).count();
    told.line_too_many |= lines().filter(says).count() > own.min(1);
}
