//! What was found.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use super::stack::Stack;
use crate::aws::NotSeen;

/// What came of one check.
#[derive(Debug)]
pub enum Outcome {
    /// It is as promised.
    Holds,
    /// It is not.
    Broken(Finding),
    /// It could not be seen, and may or may not be as promised.
    Unknown(Finding),
}

/// Why, and what to do.
#[derive(Debug)]
pub struct Finding {
    reason: String,
    action: String,
}

impl Outcome {
    /// Not as promised.
    pub fn broken(reason: impl Into<String>, action: impl Into<String>) -> Self {
        Self::Broken(Finding { reason: reason.into(), action: action.into() })
    }

    /// Not to be seen.
    pub fn unknown(reason: impl Into<String>, action: impl Into<String>) -> Self {
        Self::Unknown(Finding { reason: reason.into(), action: action.into() })
    }

    /// As promised if this is true.
    pub fn holds_if(holds: bool, reason: impl Into<String>, action: impl Into<String>) -> Self {
        if holds { Self::Holds } else { Self::broken(reason, action) }
    }

    /// As promised if there are no differences: what is named is put into one reason.
    pub fn no_difference(differences: &[String], action: impl Into<String>) -> Self {
        Self::holds_if(differences.is_empty(), differences.join("; "), action)
    }

    /// As promised if what was found is what the template says.
    pub fn same(expected: &Value, found: &Value, action: impl Into<String>) -> Self {
        Self::holds_if(expected == found, format!("it is {found}, and in the template {expected}"), action)
    }
}

/// What to do when someone changed what the template says.
pub const DEPLOY: &str = "find out in the trail who changed it; deploy the template again";

/// All checks, in the order in which they were made.
#[derive(Default)]
pub struct Report(Vec<Check>);

struct Check {
    subject: String,
    promise: String,
    outcome: Outcome,
}

impl Check {
    /// No other check has it.
    fn name(&self) -> String {
        format!("{}: {}", self.subject, self.promise)
    }
}

impl Report {
    /// Adds a check: of what, and what is promised of it. What is not there keeps no promise; what AWS would not tell is
    /// unknown.
    pub fn add(&mut self, subject: &str, promise: impl Into<String>, outcome: Result<Outcome, NotSeen>) {
        let outcome = outcome.unwrap_or_else(|not_seen| {
            if not_seen.is_absence() {
                Outcome::broken(format!("it is not there: {not_seen}"), DEPLOY)
            } else {
                Outcome::unknown(not_seen.to_string(), not_seen.action())
            }
        });
        self.0.push(Check { subject: subject.to_owned(), promise: promise.into(), outcome });
    }

    /// How many promises are not kept.
    pub fn broken(&self) -> usize {
        self.0.iter().filter(|check| matches!(check.outcome, Outcome::Broken(_))).count()
    }

    /// The names of all checks.
    pub fn names(&self) -> BTreeSet<String> {
        self.0.iter().map(Check::name).collect()
    }

    /// The names of those that could not be made.
    pub fn unknown(&self) -> BTreeSet<String> {
        self.0.iter().filter(|check| matches!(check.outcome, Outcome::Unknown(_))).map(Check::name).collect()
    }

    /// For machines; `docs/running.md` describes it.
    pub fn to_json(&self, stack: &Stack) -> String {
        let checks: Vec<Value> = self
            .0
            .iter()
            .map(|check| {
                let (result, finding) = match &check.outcome {
                    Outcome::Holds => ("holds", None),
                    Outcome::Broken(finding) => ("broken", Some(finding)),
                    Outcome::Unknown(finding) => ("unknown", Some(finding)),
                };
                let mut json = json!({"subject": check.subject, "promise": check.promise, "result": result});
                if let Some(Finding { reason, action }) = finding {
                    json["reason"] = reason.as_str().into();
                    json["action"] = action.as_str().into();
                }
                json
            })
            .collect();
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let json = json!({"stack": stack.id, "version": env!("CARGO_PKG_VERSION"), "checkedAt": at, "checks": checks});
        format!("{json:#}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut subject = "";
        for check in &self.0 {
            if check.subject != subject {
                subject = &check.subject;
                writeln!(formatter, "{subject}")?;
            }
            let (mark, finding) = match &check.outcome {
                Outcome::Holds => ('✔', None),
                Outcome::Broken(finding) => ('✘', Some(finding)),
                Outcome::Unknown(finding) => ('?', Some(finding)),
            };
            writeln!(formatter, "  {mark} {}", check.promise)?;
            if let Some(Finding { reason, action }) = finding {
                writeln!(formatter, "      why:   {reason}\n      to do: {action}")?;
            }
        }
        let (all, broken, unknown) = (self.0.len(), self.broken(), self.unknown().len());
        write!(formatter, "{all} checks: {} ✔, {broken} ✘, {unknown} ?", all - broken - unknown)
    }
}
