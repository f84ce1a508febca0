//! What is wrong with a purpose, and on which line.

use serde_json::Value;
use shared::purpose::{Purpose, TimeOfDay};

use crate::json_lines::{JsonLines, child, quoted};
use crate::purpose_schema::PurposeSchema;

/// Something wrong on a line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, for people.
    pub what: String,
}

/// The largest value of a standard parameter, in bytes (AWS, "Managing parameter tiers").
const LARGEST: usize = 4096;

impl Problem {
    /// Something wrong on `line`.
    pub fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }

    /// What serde has against a document.
    pub fn of(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        Self::new(error.line().max(1), what)
    }
}

/// Whether a purpose may ask attributes of a demo scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// It may: what is disclosed proves nothing.
    Allowed,
    /// It may not.
    Refused,
}

/// Checks a purpose as it stands in a file. Gives what is to be stored, without spaces, or all that is wrong, in the
/// order of the lines.
pub fn check(text: &str, schema: &PurposeSchema, demo: Demo) -> Result<String, Vec<Problem>> {
    let json = JsonLines::read(text).map_err(|problem| vec![problem])?;
    let mut problems = json.duplicates.clone();
    schema.check(&json, &mut problems);
    check_terms(&json, &mut problems);
    check_hours(&json, &mut problems);
    if demo == Demo::Refused {
        check_schemes(&json, &mut problems);
    }
    if problems.is_empty() {
        check_as_the_functions_do(text, &mut problems);
    }
    let minified = json.value.to_string();
    if minified.len() > LARGEST {
        let size = minified.len();
        problems.push(Problem::new(1, format!("the purpose takes {size} bytes without spaces; a parameter holds {LARGEST}")));
    }
    problems.sort();
    problems.dedup();
    if problems.is_empty() { Ok(minified) } else { Err(problems) }
}

/// What is asked must have terms, and what has terms must be asked.
fn check_terms(json: &JsonLines, problems: &mut Vec<Problem>) {
    let asked = asked(&json.value);
    let terms = json.value.get("attributes").and_then(Value::as_object);
    for (pointer, id) in &asked {
        if terms.is_some_and(|terms| !terms.contains_key(*id)) {
            let what = format!("condiscon asks for {}, to which attributes gives no label and reason", quoted(id));
            problems.push(Problem::new(json.line(pointer), what));
        }
    }
    for id in terms.into_iter().flat_map(|terms| terms.keys()) {
        if !asked.iter().any(|(_, asked)| asked == id) {
            let what = format!("attributes gives terms for {}, which condiscon does not ask for", quoted(id));
            problems.push(Problem::new(json.name_line(&child("/attributes", id)), what));
        }
    }
    if asked.is_empty() && json.value.get("condiscon").is_some_and(|condiscon| condiscon.as_array().is_some()) {
        problems.push(Problem::new(json.line("/condiscon"), "condiscon asks for no attribute"));
    }
}

/// Of a demo scheme anyone can issue themselves what they like: its issuers' private keys are published with it.
fn check_schemes(json: &JsonLines, problems: &mut Vec<Problem>) {
    for (pointer, id) in asked(&json.value) {
        let scheme = id.split('.').next().unwrap_or_default();
        if is_demo(scheme) {
            let id = quoted(id);
            let what = format!("{id} is of a demo scheme, in which anyone can issue anything; --demo allows it");
            problems.push(Problem::new(json.line(&pointer), what));
        }
    }
}

/// Whether a scheme is a demo one by its name: those that say so in their description in irmago v1.3.0 (`<Demo>true</Demo>`),
/// and whatever calls itself one. The description itself only the IRMA server has.
fn is_demo(scheme: &str) -> bool {
    ["test", "test2"].contains(&scheme) || scheme.to_ascii_lowercase().contains("demo")
}

/// Each attribute in the condiscon, with the pointer to where it is asked. What is no condiscon is for the schema to say.
fn asked(purpose: &Value) -> Vec<(String, &str)> {
    fn items(pointer: String, value: &Value) -> impl Iterator<Item = (String, &Value)> {
        let items = value.as_array().into_iter().flatten().enumerate();
        items.map(move |(index, item)| (format!("{pointer}/{index}"), item))
    }
    purpose.get("condiscon").map_or_else(Vec::new, |condiscon| {
        items("/condiscon".to_owned(), condiscon)
            .flat_map(|(pointer, disjunction)| items(pointer, disjunction))
            .flat_map(|(pointer, conjunction)| items(pointer, conjunction))
            .filter_map(|(pointer, attribute)| Some((pointer, attribute.as_str().or_else(|| attribute.get("type")?.as_str())?)))
            .collect()
    })
}

/// Hours that end before they begin would never be open.
fn check_hours(json: &JsonLines, problems: &mut Vec<Problem>) {
    let weekly = json.value.pointer("/openingHours/weekly").and_then(Value::as_object);
    for (day, hours) in weekly.into_iter().flatten() {
        for (index, hours) in hours.as_array().into_iter().flatten().enumerate() {
            let time = |of: &str| hours[of].as_str().and_then(|text| TimeOfDay::try_from(text.to_owned()).ok());
            if let (Some(from), Some(to)) = (time("from"), time("to"))
                && from >= to
            {
                let (from, to) = (String::from(from), String::from(to));
                let pointer = format!("{}/{index}/to", child("/openingHours/weekly", day));
                problems.push(Problem::new(json.line(&pointer), format!("{day} closes at {to}, but opens at {from}")));
            }
        }
    }
}

/// The functions read a purpose with these two; should they know a rule that is not written above, it holds here too.
fn check_as_the_functions_do(text: &str, problems: &mut Vec<Problem>) {
    if let Err(error) = serde_json::from_str::<Purpose>(text) {
        problems.push(Problem::of(&error));
    } else if let Err(what) = Purpose::read(text) {
        problems.push(Problem::new(1, what));
    }
}

#[cfg(test)]
mod tests;
