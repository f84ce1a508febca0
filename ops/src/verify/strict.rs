//! What may stay unseen. A machine that runs `idbellen verify` every day must not stay green because someone took the right
//! to look away from it: with `--strict` every check that could not be made counts, but for those that the operator accepts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::report::Report;

/// The names of the checks that may be unknown.
#[derive(Default)]
pub struct Accepted(BTreeSet<String>);

/// How a report stands to what is accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The names of checks that could not be made, and are not accepted.
    pub unaccepted: Vec<String>,
    /// What is wrong with the list: names of no check, or of one that was made.
    pub remarks: Vec<String>,
}

impl Accepted {
    /// Reads a file with the name of a check on each line. Empty lines, and lines that start with `#`, say nothing.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let mut names = BTreeSet::new();
        let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        for (number, line) in lines {
            ensure!(names.insert(line.to_owned()), "line {number} names a check a second time");
        }
        Ok(Self(names))
    }

    /// Holds a report against it.
    pub fn judge(&self, report: &Report) -> Judgement {
        let (names, unknown) = (report.names(), report.unknown());
        let remarks = self.0.iter().filter_map(|name| {
            if !names.contains(name) {
                Some(format!("accepted, but no check of this stack has the name: {name}"))
            } else if !unknown.contains(name) {
                Some(format!("accepted, but it could be looked at: {name}"))
            } else {
                None
            }
        });
        Judgement { unaccepted: unknown.difference(&self.0).cloned().collect(), remarks: remarks.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.add("table Records", "no stream", Ok(Outcome::Holds));
        report.add("table Records", "no export", Ok(Outcome::unknown("refused", "look")));
        report.add("the trail", "there is one", Ok(Outcome::unknown("there is none", "make one")));
        report.add("the trail", "it is logging", Ok(Outcome::broken("it was stopped", "start it")));
        report
    }

    #[test]
    fn what_could_not_be_looked_at_must_be_accepted_by_name() {
        let judge = |text: &str| Accepted::parse(text).unwrap().judge(&report());
        let (export, trail) = ("table Records: no export".to_owned(), "the trail: there is one".to_owned());
        assert_eq!(judge("").unaccepted, [export.clone(), trail.clone()]);
        let some = judge("# There is no audit account yet.\n\n  the trail: there is one\r\n");
        assert_eq!(some, Judgement { unaccepted: vec![export.clone()], remarks: vec![] });
        let all = judge(&format!("{export}\n{trail}"));
        assert_eq!(all, Judgement { unaccepted: vec![], remarks: vec![] });
        // A part of a name, or the subject alone, is no name.
        assert_eq!(judge("the trail\nno export\ntable Records: no").unaccepted, [export, trail]);
    }

    #[test]
    fn what_is_accepted_for_nothing_is_told() {
        let judge = |text: &str| Accepted::parse(text).unwrap().judge(&report()).remarks;
        assert_eq!(
            judge("table Records: no streams"),
            ["accepted, but no check of this stack has the name: table Records: no streams"]
        );
        assert_eq!(judge("table Records: no stream"), ["accepted, but it could be looked at: table Records: no stream"]);
        // What is broken can't be accepted.
        assert_eq!(judge("the trail: it is logging"), ["accepted, but it could be looked at: the trail: it is logging"]);
        let twice = Accepted::parse("the trail: there is one\n#\nthe trail: there is one");
        assert!(twice.is_err_and(|error| error.to_string() == "line 3 names a check a second time"));
    }
}
