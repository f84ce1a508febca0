//! Starting: from the start of the process until the function asks for its first event, and until its first answer.

use anyhow::Result;
use serde_json::json;

use crate::others::Others;
use crate::programs::{Kind, Program};
use crate::release;
use crate::table::Table;
use crate::world::World;
use crate::{median, megabytes, milliseconds};

/// How often each program is started. All of them in turn, so that a machine that slows down slows all.
const ROUNDS: usize = 15;

/// What was measured of a program.
pub struct Start {
    /// The program.
    pub program: Program,
    /// Milliseconds to the first request for an event: the median.
    pub to_next: f64,
    /// Megabytes held at most, up to the first answer.
    pub memory: f64,
    /// Megabytes of the zip that is deployed; none for what is not built.
    pub zip: Option<f64>,
}

/// What each start of a program took.
#[derive(Default)]
struct Turns {
    to_next: Vec<f64>,
    to_answer: Vec<f64>,
    memory: Vec<f64>,
    /// Of the last start.
    calls: u64,
}

/// Starts every program a number of times.
pub async fn measure(world: &World, others: Option<&Others>, programs: &[Program]) -> Result<(Table, Vec<Start>)> {
    crate::say("Starting each program");
    let programs: Vec<_> = programs.iter().filter(|program| program.starts_anew()).cloned().collect();
    let mut figures: Vec<Turns> = programs.iter().map(|_| Turns::default()).collect();
    for round in 0..ROUNDS {
        for (program, turns) in crate::to_and_fro(programs.iter().zip(&mut figures), round) {
            let event = program.event(world).await?;
            let before = world.endpoint.calls();
            let mut function = program.start(world, others).await?;
            let answer = function.invoke(event).await?;
            program.check(&answer.body)?;
            turns.calls = world.endpoint.calls() - before;
            turns.to_next.push(milliseconds(function.to_first_next));
            turns.to_answer.push(milliseconds(answer.since_start));
            turns.memory.push(megabytes(function.usage()?.peak_memory));
            function.stop().await?;
        }
    }
    let mut table = Table::new(
        "Cold start",
        &[
            "program",
            "to first `next`, ms",
            "times the floor",
            "to first answer, ms",
            "calls to AWS",
            "memory, MB",
            "program, MB",
            "zip, MB",
        ],
    );
    table.notes = vec![format!(
        "The median of {ROUNDS} starts of each, in turn, on an idle machine. Memory is the most that was resident (`VmHWM`). AWS's \
         services are on this machine: no TLS is begun, and Parameter Store answers at once. What Lambda itself adds (a micro virtual \
         machine, fetching the zip) is in none of them. Calls to AWS are those of a start and its first event."
    )];
    let mut starts = Vec::new();
    let mut floor = None;
    for (program, turns) in programs.into_iter().zip(figures) {
        let (to_next, memory) = (median(&turns.to_next), median(&turns.memory));
        let floor = *floor.get_or_insert(to_next);
        let sizes = match program.kind {
            Kind::Rust(binary) => Some(release::sizes(&world.program(binary))?),
            Kind::Beside(binary) => Some(release::sizes(&world.program_elsewhere(binary))?),
            Kind::Node(script) => others.map(|others| others.node_sizes(script)).transpose()?,
            Kind::Python(_) => None,
        };
        let [size, zip] = [sizes.map(|sizes| megabytes(sizes.0)), sizes.map(|sizes| megabytes(sizes.1))];
        table.rows.push(vec![
            json!(program.name),
            json!(to_next),
            json!(to_next / floor),
            json!(median(&turns.to_answer)),
            json!(turns.calls),
            json!(memory),
            json!(size),
            json!(zip),
        ]);
        starts.push(Start { program, to_next, memory, zip });
    }
    Ok((table, starts))
}
