//! ID-bellen, tried on the stack as it is deployed: the real template, the real IRMA server, a scripted wallet. The
//! stack is started once, and ends with the tests.
//!
//! A test is an `async fn` that takes the [`World`] and is named in its module's `tests!`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

mod access;
mod accountability;
mod bodies;
mod canary;
mod cases;
mod code_key;
mod contacts;
mod exchange;
mod logs;
mod openapi;
mod overwriting;
mod planted;
#[path = "../promises/mod.rs"]
mod promises;
mod results;
mod rights;
mod sessions;
mod sweeping;
mod telephony_client;
mod unasked;
mod verify;
mod whole_calls;
mod wire;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Conclusion};
use world::World;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Most of what a test does is to wait.
    arguments.test_threads.get_or_insert(8);
    if arguments.list {
        libtest_mimic::run(&arguments, world::trials(None)).exit();
    }
    match run(&arguments) {
        Ok(conclusion) => conclusion.exit_code(),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Conclusion> {
    let runtime = tokio::runtime::Runtime::new()?;
    let world = Arc::new(runtime.block_on(World::up())?);
    let mut conclusion = libtest_mimic::run(arguments, world::trials(Some((&world, runtime.handle()))));
    // What they left behind, if all of them ran.
    if arguments.filter.is_none() {
        let in_order = Arguments { test_threads: Some(1), ..arguments.clone() };
        let canary = libtest_mimic::run(&in_order, world::last_trials(&world, runtime.handle()));
        conclusion.num_passed += canary.num_passed;
        conclusion.num_failed += canary.num_failed;
    }
    runtime.block_on(async {
        if conclusion.has_failed() {
            world.stack.keep_folder().await?;
            eprintln!("The logs are in {}", world.stack.folder().display());
        }
        if let Some(world) = Arc::into_inner(world) {
            world.stack.down().await;
        }
        Ok(conclusion)
    })
}
