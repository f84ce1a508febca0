//! Warm: processor time and latency of a request to a function that runs, at the Runtime API.

use anyhow::Result;
use serde_json::json;

use crate::others::Others;
use crate::programs::{Program, Work};
use crate::table::Table;
use crate::world::World;
use crate::{median, milliseconds, percentile};

/// Requests that are counted, in each of [`ROUNDS`] turns, after [`WARM_UP`] that are not.
const REQUESTS: usize = 100;
const WARM_UP: usize = 200;
/// Turns of all programs.
const ROUNDS: usize = 5;

/// What was measured of a program.
pub struct Warm {
    /// The program.
    pub program: Program,
    /// Milliseconds of processor time a request: the median of the turns.
    pub cpu: f64,
}

/// Asks every program that is asked often.
pub async fn measure(world: &World, others: Option<&Others>, programs: &[Program]) -> Result<(Table, Vec<Warm>)> {
    crate::say("Asking each program again and again");
    let programs: Vec<_> = programs.iter().filter(|program| program.work != Work::Nothing).cloned().collect();
    let mut figures: Vec<(Vec<f64>, Vec<f64>)> = programs.iter().map(|_| (Vec::new(), Vec::new())).collect();
    for round in 0..ROUNDS {
        let turns = programs.iter().zip(&mut figures);
        for (program, (cpu, latencies)) in crate::to_and_fro(turns, round) {
            let mut events = Vec::new();
            for _ in 0..WARM_UP + REQUESTS {
                events.push(program.event(world).await?);
            }
            let mut function = program.start(world, others).await?;
            let counted = events.split_off(WARM_UP);
            for event in events {
                program.check(&function.invoke(event).await?.body)?;
            }
            let before = function.usage()?.cpu;
            for event in counted {
                let answer = function.invoke(event).await?;
                program.check(&answer.body)?;
                latencies.push(milliseconds(answer.took));
            }
            cpu.push(milliseconds(function.usage()?.cpu.saturating_sub(before)) / f64::from(u32::try_from(REQUESTS)?));
            function.stop().await?;
        }
    }
    let mut table = Table::new("Warm", &["program", "processor time, ms", "latency p50, ms", "latency p99, ms"]);
    table.notes = vec![format!(
        "{ROUNDS} turns of {REQUESTS} requests after {WARM_UP} that do not count. Processor time is of all threads of the process (`schedstat`), \
         the median of the turns. Latency is from the event at the Runtime API to the answer there: the database (Dynoxide), KMS \
         (the emulator) and the IRMA server on this machine are in it."
    )];
    let mut warm = Vec::new();
    for (program, (cpu, latencies)) in programs.into_iter().zip(figures) {
        let cpu = median(&cpu);
        table.rows.push(vec![json!(program.name), json!(cpu), json!(median(&latencies)), json!(percentile(&latencies, 99))]);
        warm.push(Warm { program, cpu });
    }
    Ok((table, warm))
}
