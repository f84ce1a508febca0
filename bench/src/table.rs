//! What was measured, as tables: Markdown for people, JSON for machines.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::{median, percentile};

/// A table with a heading.
pub struct Table {
    /// The heading.
    pub title: String,
    /// What a reader must know of the figures.
    pub notes: Vec<String>,
    /// The columns' headings, units included.
    pub columns: Vec<String>,
    /// The rows, with a cell for each column: text, a number, or null where there is nothing to say.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(title: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.to_owned(), notes: Vec::new(), columns, rows: Vec::new() }
    }

    /// An empty table of [waits](Self::push_waits).
    #[must_use]
    pub fn of_waits(title: &str) -> Self {
        Self::new(title, &["what", "first, ms", "p50, ms", "slowest, ms"])
    }

    /// Adds how long one waits for this, of milliseconds in their order. The first wait stands apart: things start in it.
    pub fn push_waits(&mut self, what: &str, waits: &[f64]) -> Result<()> {
        let waits = waits.split_first().filter(|(_, others)| !others.is_empty());
        let (first, others) = waits.with_context(|| format!("too seldom measured: {what}"))?;
        self.rows.push(vec![json!(what), json!(first), json!(median(others)), json!(percentile(others, 100))]);
        Ok(())
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("### {}\n\n", self.title);
        for note in &self.notes {
            text.extend([note, "\n\n"]);
        }
        text += &line(self.columns.clone());
        let numeric = |index: usize| self.rows.iter().any(|row| row.get(index).is_some_and(Value::is_number));
        text += &line((0..self.columns.len()).map(|index| if numeric(index) { "---:" } else { "---" }.to_owned()).collect());
        for row in &self.rows {
            text += &line(row.iter().map(cell).collect());
        }
        text
    }

    /// The table as JSON: an object for each row.
    #[must_use]
    pub fn json(&self) -> Value {
        let row = |row: &Vec<Value>| self.columns.iter().cloned().zip(row.iter().cloned()).collect::<Map<_, _>>();
        json!({"title": self.title, "notes": self.notes, "rows": self.rows.iter().map(row).collect::<Vec<_>>()})
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(met) => if *met { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => match number.as_f64() {
            _ if number.is_u64() => grouped(number.as_u64().unwrap_or_default()),
            Some(number) if number >= 100.0 => whole(number),
            Some(number) if number.abs() >= 10.0 => format!("{number:.1}"),
            Some(number) if number.abs() < 0.1 => format!("{number:.3}"),
            Some(number) => format!("{number:.2}"),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// A number that is not negative, rounded, with a thin space between thousands.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is measured is positive, and far from 2^64")]
pub fn whole(number: f64) -> String {
    grouped(number.round() as u64)
}

/// A number with a thin space between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_well_in_both_forms() {
        let mut table = Table::new("Start", &["program", "ms"]);
        table.rows = vec![
            vec![json!("hello"), json!(2.714)],
            vec![json!("other"), Value::Null],
            vec![json!("many"), json!(12_345)],
            vec![json!("much"), json!(2345.6)],
            vec![json!("little"), json!(0.0496)],
        ];
        assert_eq!(
            table.markdown(),
            "### Start\n\n| program | ms |\n| --- | ---: |\n| hello | 2.71 |\n| other | – |\n| many | 12\u{202f}345 |\n| much | 2\u{202f}346 |\n| little | 0.050 |\n"
        );
        assert_eq!(table.json()["rows"][0], json!({"program": "hello", "ms": 2.714}));
    }
}
