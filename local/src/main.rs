//! `cargo run --bin local`: brings up the whole system on this machine and plays one call on it, telling what each party
//! gets to see; then it serves a page on which to play calls by clicking. With `--once` it ends after the call.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use local::call::Dialled;
use local::demo::{self, Demo};
use local::operate::Operator;
use local::wallet::Person;
use local::{Options, Stack};
use serde_json::Value;

const USAGE: &str = "Usage: cargo run --bin local [-- --once]

Brings up ID-bellen on this machine, plays one call, and stays up until Ctrl-C,
with a page on which you play calls yourself. With --once it ends after the call.";

/// Where the API and the IRMA server listen, if these ports are free.
const PORTS: (u16, u16) = (8080, 8088);

/// What was swept is looked for so often.
const LOOK: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> ExitCode {
    let once = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [argument] if argument == "--once" => true,
        [argument] if argument == "--help" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    tokio::select! {
        done = run(once) => match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\n{error:#}");
                ExitCode::FAILURE
            }
        },
        // What was started ends when it is dropped.
        _ = tokio::signal::ctrl_c() => {
            println!("\nStopped.");
            // Without --once this is how it ends.
            if once { ExitCode::from(130) } else { ExitCode::SUCCESS }
        }
    }
}

async fn run(once: bool) -> Result<()> {
    let began = Instant::now();
    let progress = |line: &str| println!("[{:>4} s] {line} …", began.elapsed().as_secs());
    let options = Options { port: PORTS.0, irma_port: PORTS.1, ..Options::default() };
    let stack = Arc::new(Stack::up(&options, &progress).await?);
    let operator = Operator::of(&stack, &progress).await?;
    demo::fill_parameters(&stack, &operator).await?;
    println!("[{:>4} s] ID-bellen is up ({}).\n", began.elapsed().as_secs(), stack.took());

    let told = tell(&stack).await;
    if told.is_err() {
        stack.keep_folder().await?;
        eprintln!("\nThe call failed; the logs are in {}", stack.folder().display());
    }
    told?;
    if !once {
        let demo = Demo::start(&stack, false, &progress).await?;
        stay(&stack, &demo).await;
    }
    if let Some(stack) = Arc::into_inner(stack) {
        stack.down().await;
    }
    Ok(())
}

/// Plays one call, and tells it.
async fn tell(stack: &Stack) -> Result<()> {
    const AGENT: &str = "agent-1";
    const CONTACT: &str = "5ca32fbd-8f92-46af-92a5-6b0f970f0efe";
    let person = Person::WILLEKE;
    let wallet = stack.wallet(&person).await?;

    step(1, "A citizen starts on the municipality's page");
    let purpose = stack.get("/purposes/burgerzaken").await?.expect(200)?;
    say("page", &format!("shows what will be asked, and why: {}", labels(&purpose)));
    let session = stack.start_session("burgerzaken").await?;
    say("page", "gets a QR code to show, and no code to dial");
    say("database", "a record without attributes, and a code that only the code key can name");

    step(2, "The citizen's wallet discloses to the municipality's own IRMA server");
    let outcome = wallet.perform(&session.pointer).await?;
    let disclosed = Instant::now();
    let dialled = Dialled::read(&outcome)?;
    say("wallet", &format!("says success, and offers to call {} with a code of {} digits", dialled.number, dialled.code.len()));

    step(3, "The phone dials, and telephony exchanges the code");
    let secret = stack.secret(&dialled.code, CONTACT).await?;
    say("telephony", &format!("gets a secret: {} characters that carry no information", secret.len()));

    step(4, "The agent who picks up sees who calls");
    let shown = stack.look_up_until_ended(AGENT, &secret, Some(CONTACT)).await?.expect(200)?;
    let waited = disclosed.elapsed().as_millis();
    for attribute in shown["attributes"].as_array().context("there are no attributes")? {
        say(
            "agent",
            &format!(
                "{}: {}",
                attribute["label"]["nl"].as_str().unwrap_or_default(),
                attribute["value"].as_str().unwrap_or_default()
            ),
        );
    }
    say("agent", &format!("reference for the case file: {}", shown["reference"].as_str().unwrap_or_default()));
    say("", &format!("({waited} ms after the wallet said success, on functions that never ran before)"));
    let sealed = stack.items("Records").await?;
    let readable = format!("{sealed:?}");
    ensure!(!readable.contains(person.bsn) && !readable.contains(person.familyname), "the database must hold nothing readable");
    say("database", "holds the same, sealed: only the secret opens it");
    let again = stack.exchange(&dialled.code, "00000000-0000-4000-8000-000000000002").await?;
    ensure!(again.status == 404, "a code must work for one contact only");
    say("telephony", "a second contact with the same code gets nothing");

    step(5, "The agent clicks \"clear contact\"");
    stack.clear(AGENT, &secret, Some(CONTACT)).await?.expect(204)?;
    ensure!(stack.items("Records").await?.is_empty(), "the record must be gone");
    say("database", "the record is gone");
    let after = stack.look_up(AGENT, &secret, Some(CONTACT)).await?;
    ensure!(after.status == 404, "a cleared contact must be unknown");
    say("agent", "the secret opens nothing any more");

    step(6, "The code is swept within two minutes of its use");
    let waiting = Instant::now();
    let mut told = 0;
    while !stack.items("Codes").await?.is_empty() {
        let seconds = waiting.elapsed().as_secs();
        ensure!(seconds < 150, "the code must be swept within two minutes");
        if seconds / 10 > told {
            told = seconds / 10;
            say("database", &format!("still there after {seconds} s: the sweep runs every minute"));
        }
        tokio::time::sleep(LOOK).await;
    }
    say("database", "the code is gone: both tables are empty");
    println!();
    Ok(())
}

async fn stay(stack: &Stack, demo: &Demo) {
    let places = demo.places().clone();
    println!("It stays up. Ctrl-C ends it.\n");
    println!("Play a call yourself:  {}\n", places.demo);
    let rows = [
        ("citizen's page", places.citizen),
        ("agent portal", places.agent),
        ("API", places.api),
        ("AWS (emulator)", stack.aws_url()),
        ("OpenID Connect issuer of agents", places.issuer),
        ("IRMA server", places.irma),
        ("logs", stack.folder().display().to_string()),
    ];
    for (what, address) in rows {
        println!("  {what:<32} {address}");
    }
    println!("\nTry:  curl {}/purposes/burgerzaken", stack.url());
    std::future::pending::<()>().await;
}

fn step(number: u8, what: &str) {
    println!("{number}. {what}");
}

fn say(who: &str, what: &str) {
    println!("   {who:<10} {what}");
}

fn labels(purpose: &Value) -> String {
    let attributes = purpose["attributes"].as_object();
    let labels = attributes.into_iter().flat_map(|attributes| attributes.values());
    labels.filter_map(|terms| terms["label"]["nl"].as_str()).collect::<Vec<_>>().join(", ")
}
