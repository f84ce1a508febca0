//! What we want to reach, and whether the measurements do.

use serde_json::{Value, json};

use crate::programs::{Kind, Like, Program, Work};
use crate::start::Start;
use crate::table::Table;
use crate::warm::Warm;

const COLUMNS: [&str; 5] = ["goal", "of", "at most", "measured", "met"];

/// Holds what was measured of `idbellen report` on a million events against its goals.
pub fn of_report(seconds: f64, memory: f64) -> Table {
    let mut table = Table::new("Goals for a million events", &COLUMNS);
    for (goal, most, measured) in [("time, s", 60.0, seconds), ("memory, MB", 500.0, memory)] {
        table.rows.push(vec![json!(goal), json!("idbellen report"), json!(most), json!(measured), json!(measured <= most)]);
    }
    table
}

/// Holds what was measured of the functions against the goals.
pub fn table(starts: &[Start], warms: &[Warm]) -> Table {
    let mut table = Table::new("Goals", &COLUMNS);
    let floor = starts.iter().find(|start| start.program.work == Work::Nothing).map(|start| start.to_next);
    for start in starts {
        if !start.program.is_ours() {
            continue;
        }
        let name = json!(start.program.name);
        let mut row = |goal: &str, most: f64, measured: Option<f64>| {
            let met = measured.map(|measured| measured <= most);
            table.rows.push(vec![json!(goal), name.clone(), json!(most), json!(measured), json!(met)]);
        };
        let times = if matches!(start.program.work, Work::LookUp | Work::Clear) { 3.0 } else { 4.0 };
        row("start to first `next`, times the floor", times, floor.map(|floor| start.to_next / floor));
        row("memory, MB", 16.0, Some(start.memory));
        row("zip, MB", 2.5, start.zip);
        if let Some(node) = starts.iter().find(|other| other.program.work == start.program.work && is_node(&other.program)) {
            row("start, share of Node's", 1.0 / 20.0, Some(start.to_next / node.to_next));
        }
    }
    for warm in warms {
        let (most, like) = match warm.program.work {
            Work::LookUp => (0.4, Like::LookUp),
            Work::Clear => (0.4, Like::Clear),
            Work::Exchange => (0.6, Like::Exchange),
            _ => continue,
        };
        if !warm.program.is_ours() {
            continue;
        }
        let name = json!(warm.program.name);
        let met = |most: f64, measured: f64| json!(measured <= most);
        table.rows.push(vec![
            json!("processor time a request, ms"),
            name.clone(),
            json!(most),
            json!(warm.cpu),
            met(most, warm.cpu),
        ]);
        let bare = warms.iter().find(|other| other.program.work == Work::Bare(like)).map(|bare| warm.cpu / bare.cpu);
        let is_met = bare.map_or(Value::Null, |bare| met(2.0, bare));
        table.rows.push(vec![json!("processor time, times the bare client's"), name, json!(2.0), json!(bare), is_met]);
    }
    table
}

fn is_node(program: &Program) -> bool {
    matches!(program.kind, Kind::Node(_))
}
