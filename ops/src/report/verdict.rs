//! A statement, and what is said of it.

use serde::Serialize;

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

/// What is said of all statements.
pub fn overall(statements: &[Statement]) -> Verdict {
    statements.iter().map(|statement| statement.verdict).max().unwrap_or(Verdict::NotProven)
}
