//! `cargo run --profile bench --package bench`: what ID-bellen takes, beside what a user would pick instead. Everything is
//! measured in one run, on this machine, against the same endpoints; absolute figures are the machine's, ratios are not.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

mod call;
mod cost;
mod durations;
mod endpoint;
mod goals;
mod growth;
mod machine;
mod others;
mod programs;
mod release;
mod runtime;
mod screen;
mod start;
mod table;
mod trail;
mod warm;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use local::tools::Tools;
use serde_json::json;

use crate::cost::{Assumptions, Durations};
use crate::machine::Machine;
use crate::others::Others;
use crate::programs::{Program, Work};
use crate::table::Table;
use crate::world::{FUNCTIONS, World};

const USAGE: &str = "Usage: cargo run --profile bench --package bench [-- PART ... | FUNCTION ... [--beside FOLDER]]

Measures, and prints tables in Markdown; target/bench.json has the same for machines.
Parts: start, warm, call, screen, growth, cost, report. All of them if none is named.
What it costs follows from start, warm, call and growth, which it measures too.
Functions, as agent-lookup: start and warm, of these only. With --beside, in turn with
the same as `sam build` left them in FOLDER (.aws-sam/build of another checkout): of another
commit, or built in another way. Both get what this checkout's template sets.";

const PARTS: [&str; 7] = ["start", "warm", "call", "screen", "growth", "cost", "report"];
/// Those that run the functions on their own.
const OF_FUNCTIONS: [&str; 5] = ["start", "warm", "call", "growth", "cost"];

#[tokio::main]
async fn main() -> ExitCode {
    let Some(Asked { parts, functions, elsewhere }) = Asked::read(std::env::args().skip(1).collect()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let measured = run(&parts, &functions, elsewhere).await;
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the arguments ask for.
struct Asked {
    parts: BTreeSet<&'static str>,
    functions: BTreeSet<&'static str>,
    elsewhere: Option<PathBuf>,
}

impl Asked {
    fn read(mut arguments: Vec<String>) -> Option<Self> {
        let mut elsewhere = None;
        if let Some(at) = arguments.iter().position(|argument| argument == "--beside") {
            let [_, folder]: [String; 2] = arguments.split_off(at).try_into().ok()?;
            elsewhere = Some(folder.into());
        }
        let named = |name: &&str| arguments.iter().any(|argument| argument == name);
        let all = FUNCTIONS.map(|(_, binary)| binary);
        let parts: BTreeSet<_> = PARTS.into_iter().filter(named).collect();
        let functions: BTreeSet<_> = all.into_iter().filter(named).collect();
        let known = arguments.iter().all(|argument| PARTS.contains(&argument.as_str()) || all.contains(&argument.as_str()));
        let (parts, functions) = match (parts.is_empty(), functions.is_empty()) {
            _ if !known => return None,
            (true, false) => (["start", "warm"].into(), functions),
            _ if elsewhere.is_some() => return None,
            (false, true) => (parts, all.into()),
            (true, true) => (PARTS.into(), all.into()),
            (false, false) => return None,
        };
        Some(Self { parts, functions, elsewhere })
    }
}

async fn run(parts: &BTreeSet<&str>, functions: &BTreeSet<&str>, elsewhere: Option<PathBuf>) -> Result<()> {
    let wanted = |part: &str| parts.contains(part);
    if let Some(folder) = &elsewhere {
        for (function, binary) in FUNCTIONS.iter().filter(|(_, binary)| functions.contains(binary)) {
            ensure!(folder.join(function).join("bootstrap").exists(), "in {} is no {binary}", folder.display());
        }
    }
    let machine = Machine::read();
    println!("{}\n", machine.line());
    let mut tables = Tables::default();
    let mut prices = None;
    if OF_FUNCTIONS.into_iter().any(wanted) {
        let tools = Tools::install(&say).await?;
        let world = World::up(release::build(&tools, functions)?, elsewhere).await?;
        let measured = on_the_functions(&world, &mut tables, |part| wanted(part) || wanted("cost"), functions).await;
        if measured.is_err() {
            world.stack.keep_folder().await?;
        }
        world.stack.down().await;
        prices = measured?.map(|durations| cost::compare(&durations, &Assumptions::default(), &cost::VOLUMES)).transpose()?;
    }
    if let Some(prices) = &prices {
        println!("### Cost\n\n{}\n\n{}", durations::note(), cost::markdown(prices));
    }
    if wanted("screen") {
        tables.push(&screen::measure().await?);
    }
    if wanted("report") {
        for table in trail::measure()? {
            tables.push(&table);
        }
    }
    let all = json!({"machine": machine, "tables": tables.0, "cost": prices});
    fs::write("target/bench.json", serde_json::to_string_pretty(&all)?)?;
    Ok(())
}

/// Tables as they are measured: printed at once, kept as JSON.
#[derive(Default)]
struct Tables(Vec<serde_json::Value>);

impl Tables {
    fn push(&mut self, table: &Table) {
        println!("{}", table.markdown());
        self.0.push(table.json());
    }
}

/// Measures what runs the functions. All of it together also tells what Lambda bills.
async fn on_the_functions(
    world: &World,
    tables: &mut Tables,
    wanted: impl Fn(&str) -> bool,
    functions: &BTreeSet<&str>,
) -> Result<Option<Durations>> {
    let programs = Program::all_beside(functions, world.has_elsewhere());
    let (mut starts, mut warms) = (Vec::new(), Vec::new());
    if wanted("start") || wanted("warm") {
        let others = if world.has_elsewhere() { None } else { Some(Others::build(world)?) };
        let others = others.as_ref();
        if wanted("start") {
            let (table, measured) = start::measure(world, others, &programs).await?;
            tables.push(&table);
            starts = measured;
        }
        if wanted("warm") {
            let (table, measured) = warm::measure(world, others, &programs).await?;
            tables.push(&table);
            warms = measured;
        }
        tables.push(&goals::table(&starts, &warms));
    }
    let (mut ingest, mut growth) = (None, None);
    if wanted("call") {
        let (table, each) = call::measure(world).await?;
        tables.push(&table);
        ingest = Some(each);
    }
    if wanted("growth") {
        let (measured, each) = growth::measure(world).await?;
        for table in measured {
            tables.push(&table);
        }
        growth = Some(each);
    }
    let start = starts.iter().find(|start| start.program.work == Work::Start).map(|start| start.to_next);
    let callback = warms.iter().find(|warm| warm.program.work == Work::Callback).map(|warm| warm.cpu);
    let (Some(start), Some(callback), Some(ingest), Some(each)) = (start, callback, ingest, growth) else {
        return Ok(None);
    };
    durations::of(&warms, (ingest - callback).max(0.0), &each, start).map(Some)
}

/// The turns of a round: every other round begins at the other end, so that none is always after the same.
fn to_and_fro<T>(turns: impl Iterator<Item = T>, round: usize) -> Vec<T> {
    let mut turns: Vec<T> = turns.collect();
    if round % 2 == 1 {
        turns.reverse();
    }
    turns
}

/// Tells what is going on.
fn say(line: &str) {
    eprintln!("{line} …");
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The median of some figures.
fn median(figures: &[f64]) -> f64 {
    percentile(figures, 50)
}

/// The figure below which this many of a hundred are.
fn percentile(figures: &[f64], percent: usize) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    let place = (figures.len() * percent).div_ceil(100).saturating_sub(1);
    figures.get(place).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a size of a few megabytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
