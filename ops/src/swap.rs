//! What a swap of the code key has to do next, by what KMS says: which key each alias names, and since when.
//!
//! Codes are made with `current`, and looked for under `previous` and `next`. The new key goes to `next`, then to
//! `current`, then to `previous`; then the old one is deleted. Before each step everyone must have seen the one before:
//!
//! - `current` waits until everyone looks for codes under the new key, or a code made with it could be missed;
//! - `previous` waits until no code under the old key can be alive;
//! - deletion waits until no one asks the old key any more, because it answers with an error then.

use std::fmt;

use shared::clock::UnixSeconds;
use shared::codes::Codes;

/// Until everyone at KMS sees an alias where it points now, in seconds. Most changes take seconds, "in some cases several
/// minutes" (AWS Key Management Service developer guide, "AWS KMS eventual consistency"); a change can take five minutes
/// until it counts for who may use a key ("Use aliases to control access to KMS keys"). Twice that.
pub const SEEN_BY_ALL: UnixSeconds = 10 * 60;

/// Until every code under the old key is dead, in seconds, from when `current` was pointed at the new one: the last is made
/// when all have seen that, and lives its life. The two minutes are for a session that was being started, and for clocks.
pub const CODES_DEAD: UnixSeconds = SEEN_BY_ALL + Codes::LIFETIME + 2 * 60;

/// After a swap, the same command starts no other for so long, in seconds: it may only be asked whether it is done.
pub const REST: UnixSeconds = 24 * 60 * 60;

/// Clocks of KMS may differ by so much, in seconds, where moments are held against each other.
const CLOCKS: UnixSeconds = 60;

/// An alias of the code key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// Where codes are looked for first.
    Previous,
    /// What codes are made with.
    Current,
    /// Where codes are looked for as well.
    Next,
}

/// The key that an alias names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The key's id.
    pub key: String,
    /// Since when the alias names it.
    pub since: UnixSeconds,
}

/// All that decides what comes next.
#[derive(Clone, Debug)]
pub struct State {
    /// What codes are looked for under.
    pub previous: Target,
    /// What they are made with.
    pub current: Target,
    /// What they are looked for under, too.
    pub next: Target,
    /// When the key that `next` names was made.
    pub made_at: UnixSeconds,
    /// The id of the key that it was made to replace, if its tag says so, and what became of that one. Whoever may tag a key
    /// can have the tag say what they want.
    pub replaces: Option<(String, Old)>,
}

/// What became of a key that another was made to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Some alias of the account names it.
    Named,
    /// It is there, and no alias names it.
    Left {
        /// When it was made.
        made_at: UnixSeconds,
        /// Whether the key that replaces it has its policy, description and tags, as a swap passes them on.
        is_alike: bool,
    },
    /// It is not there, or to be deleted.
    Gone,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a key that replaces this one, and point `next` at it.
    Start(String),
    /// Point an alias at this key.
    Point(Alias, String),
    /// Delete this key.
    Delete(String),
    /// Nothing before this moment; and what it waits for.
    Wait(UnixSeconds, &'static str),
    /// Nothing: there was a swap. Another can start at this moment.
    Done(UnixSeconds),
}

/// Why there is no next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The aliases do not stand as a swap makes them stand.
    Aliases,
    /// The swap is over, and this key, which it is said to have replaced, is named by some alias.
    InUse(String),
    /// The swap is over, and of this key nothing but a tag says that it was replaced.
    NotReplaced(String),
}

impl State {
    /// The step that comes next at `now`, by AWS's clock.
    pub fn step(&self, now: UnixSeconds) -> Result<Step, Refusal> {
        let (previous, current, next) = (&self.previous.key, &self.current.key, &self.next.key);
        let after = |at: UnixSeconds, what, step| if now >= at { step } else { Step::Wait(at, what) };
        if previous == current && current == next {
            return Ok(match &self.replaces {
                Some((old, Old::Named)) => return Err(Refusal::InUse(old.clone())),
                Some((old, Old::Left { made_at, is_alike })) => {
                    if !is_alike || !self.took_over_from_one_made_at(*made_at) {
                        return Err(Refusal::NotReplaced(old.clone()));
                    }
                    let at = self.previous.since + SEEN_BY_ALL;
                    after(at, "until no one asks the old key any more", Step::Delete(old.clone()))
                }
                Some((_, Old::Gone)) if now < self.made_at + REST => Step::Done(self.made_at + REST),
                Some((_, Old::Gone)) | None => Step::Start(current.clone()),
            });
        }
        // What `next` names must be the key that a swap made, and `previous` the one that it replaces.
        if self.replaces.as_ref().is_none_or(|(old, _)| old != previous) {
            return Err(Refusal::Aliases);
        }
        if current == previous {
            let at = self.next.since + SEEN_BY_ALL;
            return Ok(after(at, "until codes are looked for under the new key", Step::Point(Alias::Current, next.clone())));
        }
        if current == next {
            let at = self.current.since + CODES_DEAD;
            return Ok(after(at, "until every code under the old key is dead", Step::Point(Alias::Previous, next.clone())));
        }
        Err(Refusal::Aliases)
    }

    /// Whether the aliases came to name the key as a swap has them do: made after the one that it replaces, it went to `next`,
    /// then to `current`, then to `previous`, and each time long enough after. Of a key that the stack made, they came to name
    /// it at once.
    fn took_over_from_one_made_at(&self, old_made_at: UnixSeconds) -> bool {
        let moments = [old_made_at, self.made_at, self.next.since];
        moments.windows(2).all(|pair| pair[0] <= pair[1] + CLOCKS)
            && self.next.since + SEEN_BY_ALL <= self.current.since + CLOCKS
            && self.current.since + CODES_DEAD <= self.previous.since + CLOCKS
    }
}

impl Alias {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Previous, Self::Current, Self::Next];
}

impl fmt::Display for Alias {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Previous => "previous",
            Self::Current => "current",
            Self::Next => "next",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: UnixSeconds = 1_800_000_000;

    /// When the old key was made.
    const LONG_AGO: UnixSeconds = T - 30 * 24 * 60 * 60;

    /// Aliases that name these keys since these moments; `next` names one that was made at `T` to replace "old", which has all
    /// that the new one has.
    fn state(previous: (&str, i64), current: (&str, i64), next: (&str, i64)) -> State {
        let target = |(key, since): (&str, i64)| Target { key: key.to_owned(), since };
        let (previous, current, next) = (target(previous), target(current), target(next));
        let named = [&previous, &current, &next].iter().any(|target| target.key == "old");
        let old = if named { Old::Named } else { Old::Left { made_at: LONG_AGO, is_alike: true } };
        State { previous, current, next, made_at: T, replaces: Some(("old".to_owned(), old)) }
    }

    fn point(alias: Alias) -> Step {
        Step::Point(alias, "new".to_owned())
    }

    /// That `state` waits until `at`, and then takes this step, then and later.
    fn waits(state: &State, at: UnixSeconds, step: &Step) {
        for before in [T, at - 1] {
            assert!(matches!(state.step(before), Ok(Step::Wait(until, _)) if until == at), "{before}");
        }
        for later in [at, at + 1, at + REST] {
            assert_eq!(state.step(later).as_ref(), Ok(step));
        }
    }

    #[test]
    fn a_key_that_no_swap_made_is_replaced() {
        let mut first = state(("old", T), ("old", T), ("old", T));
        first.replaces = None;
        assert_eq!(first.step(T), Ok(Step::Start("old".to_owned())));
    }

    #[test]
    fn no_code_is_made_with_a_key_before_everyone_looks_under_it() {
        let began = state(("old", 0), ("old", 0), ("new", T + 5));
        waits(&began, T + 5 + 10 * 60, &point(Alias::Current));
    }

    #[test]
    fn the_old_key_is_looked_under_until_every_code_under_it_is_dead() {
        let made_with = state(("old", 0), ("new", T + 700), ("new", T + 5));
        // Ten minutes until all make codes with the new key; a session takes 28 s to start at most, and a code lives 18 min.
        waits(&made_with, T + 700 + 30 * 60, &point(Alias::Previous));
    }

    #[test]
    fn the_old_key_is_deleted_when_no_one_asks_it_any_more() {
        let moved = state(("new", T + 3000), ("new", T + 700), ("new", T + 5));
        waits(&moved, T + 3000 + 10 * 60, &Step::Delete("old".to_owned()));
    }

    #[test]
    fn after_a_swap_there_is_none_for_a_day() {
        let mut done = state(("new", T + 3000), ("new", T + 700), ("new", T + 5));
        done.replaces = Some(("old".to_owned(), Old::Gone));
        for now in [T + 3600, T + REST - 1] {
            assert_eq!(done.step(now), Ok(Step::Done(T + REST)));
        }
        assert_eq!(done.step(T + REST), Ok(Step::Start("new".to_owned())));
    }

    #[test]
    fn aliases_that_no_swap_left_so_are_left_alone() {
        for (previous, current, next) in [
            ("old", "new", "old"),
            ("old", "third", "new"),
            ("new", "old", "old"),
            ("third", "third", "new"),
            ("third", "new", "new"),
        ] {
            let odd = state((previous, 0), (current, 0), (next, 0));
            assert_eq!(odd.step(T + REST), Err(Refusal::Aliases), "{previous} {current} {next}");
        }
        let mut not_made_for_it = state(("old", 0), ("old", 0), ("new", 0));
        not_made_for_it.replaces = None;
        assert_eq!(not_made_for_it.step(T + REST), Err(Refusal::Aliases));
    }

    #[test]
    fn a_key_that_only_a_tag_names_is_not_deleted() {
        let over = state(("new", T + 3000), ("new", T + 700), ("new", T + 5));
        let never = T + 1000 * REST;
        assert_eq!(over.step(never), Ok(Step::Delete("old".to_owned())));
        let refused = |change: &dyn Fn(&mut State)| {
            let mut changed = over.clone();
            change(&mut changed);
            changed.step(never)
        };
        let left = |state: &mut State, made_at: UnixSeconds, is_alike: bool| {
            state.replaces = Some(("old".to_owned(), Old::Left { made_at, is_alike }));
        };
        let not_replaced = Err(Refusal::NotReplaced("old".to_owned()));
        // It is for something else: of another policy, description or other tags.
        assert_eq!(refused(&|state: &mut State| left(state, LONG_AGO, false)), not_replaced);
        // It was made when the one in use was there.
        assert_eq!(refused(&|state: &mut State| left(state, T + REST, true)), not_replaced);
        // No swap ever was: the stack made the key and its aliases at once, or the aliases first named another.
        assert_eq!(
            refused(&|state: &mut State| [state.previous.since, state.current.since, state.next.since] = [T + 5; 3]),
            not_replaced
        );
        assert_eq!(refused(&|state: &mut State| state.next.since = T + 700), not_replaced);
        assert_eq!(refused(&|state: &mut State| state.previous.since = T + 710), not_replaced);
        assert_eq!(refused(&|state: &mut State| state.next.since = T - 700), not_replaced);
        // It is in use.
        let in_use = refused(&|state: &mut State| state.replaces = Some(("old".to_owned(), Old::Named)));
        assert_eq!(in_use, Err(Refusal::InUse("old".to_owned())));
    }

    /// When each alias came to name the new key, and when the old one was deleted, in a swap that waits no longer than it
    /// must.
    fn swap() -> ([UnixSeconds; 3], UnixSeconds) {
        let mut state = state(("old", 0), ("old", 0), ("old", 0));
        state.replaces = None;
        let mut now = T;
        loop {
            let target = |key: String| Target { key, since: now };
            match state.step(now) {
                Ok(Step::Start(old)) => {
                    (state.next, state.replaces) = (target("new".to_owned()), Some((old, Old::Named)));
                    state.made_at = now;
                }
                Ok(Step::Point(Alias::Current, key)) => state.current = target(key),
                Ok(Step::Point(_, key)) => {
                    state.previous = target(key);
                    state.replaces = Some(("old".to_owned(), Old::Left { made_at: LONG_AGO, is_alike: true }));
                }
                Ok(Step::Wait(until, _)) => now = until,
                Ok(Step::Delete(_)) => return ([state.previous.since, state.current.since, state.next.since], now),
                other => unreachable!("{other:?}"),
            }
        }
    }

    #[test]
    fn however_late_each_one_sees_an_alias_every_code_is_found_and_no_deleted_key_asked() {
        let ([previous, current, next], deleted) = swap();
        let names = |moved: UnixSeconds, at: UnixSeconds, late: UnixSeconds| if at >= moved + late { "new" } else { "old" };
        let each = [0, 5 * 60, SEEN_BY_ALL];
        let late: Vec<[UnixSeconds; 3]> = (0..27).map(|n| [each[n % 3], each[n / 3 % 3], each[n / 9]]).collect();
        let mut tried = 0;
        for made in (T - 3600..deleted + 3600).step_by(60) {
            // With what starting a session takes, and clocks, that differ.
            for used in (made..made + Codes::LIFETIME + 2 * 60).step_by(60) {
                for [make, first, second] in &late {
                    let key = names(current, made, *make);
                    let found = [names(previous, used, *first), names(next, used, *second)];
                    assert!(found.contains(&key), "made at {made} with {key}, used at {used}");
                    assert!(used < deleted || !found.contains(&"old"), "the old key is asked at {used}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 10_000);
        assert_eq!(deleted - T, 50 * 60);
    }
}
