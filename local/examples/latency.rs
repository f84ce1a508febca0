//! `cargo run -p local --example latency`: how long an agent waits for what a caller disclosed, counted from the moment
//! at which the wallet says success. Telephony's exchange is part of it; the seconds in which a phone dials are not.
//! The emulator's own delay of some 50 ms per invocation is in every figure.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

use std::time::{Duration, Instant};

use anyhow::Result;
use local::call::Dialled;
use local::operate::Operator;
use local::wallet::Person;
use local::{Options, Stack};

const CALLS: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let progress = |line: &str| eprintln!("{line} …");
    let stack = Stack::up(&Options::default(), &progress).await?;
    Operator::of(&stack, &progress).await?.fill_parameters().await?;
    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let telephony = stack.telephony().await?;
    let mut times = Vec::new();
    for call in 0..CALLS {
        let session = stack.start_session("burgerzaken").await?;
        let outcome = wallet.perform(&session.pointer).await?;
        let success = Instant::now();
        let contact = format!("latency-{call}");
        let secret = stack.secret_for(&telephony, &Dialled::read(&outcome)?.code, &contact).await?;
        stack.look_up_until_ended("agent", &secret, Some(&contact)).await?.expect(200)?;
        times.push(success.elapsed());
        stack.clear("agent", &secret, Some(&contact)).await?;
    }
    stack.down().await;
    let first = times.remove(0);
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let slowest = times.last().copied().unwrap_or_default();
    let milliseconds = |time: Duration| time.as_millis();
    println!("first call (functions start)  {:>5} ms", milliseconds(first));
    println!("next {} calls, median         {:>5} ms", times.len(), milliseconds(median));
    println!("next {} calls, slowest        {:>5} ms", times.len(), milliseconds(slowest));
    Ok(())
}
