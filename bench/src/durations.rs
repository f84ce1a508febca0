//! What Lambda bills of an invocation, worked out of what was measured: processor time here, by the share of a processor
//! that Lambda gives, and the waiting for other services, which can't be measured here.

use anyhow::{Context, Result};

use crate::cost::{Billed, Durations};
use crate::growth::Each;
use crate::programs::Work;
use crate::warm::Warm;

/// What the template gives a function.
const MEMORY_MB: u32 = 256;
/// With so much memory a function has a whole processor (AWS Lambda developer guide, "Configure Lambda function memory").
const WHOLE_PROCESSOR_MB: f64 = 1769.0;
/// What a call to a service of AWS takes, in milliseconds: assumed.
const CALL: f64 = 10.0;
/// What a request to the IRMA server takes, in milliseconds: assumed.
const IRMA: f64 = 50.0;
/// How many items are done at a time by the functions that run every minute.
const AT_A_TIME: f64 = 16.0;

/// What a reader must know of these.
pub fn note() -> String {
    format!(
        "Billed time is the processor time measured here × {:.1}, for the share of a processor that Lambda gives {MEMORY_MB} MB, and an \
         assumed {CALL} ms for each call to AWS and {IRMA} ms for each request to the IRMA server. All cold starts are \
         taken for what session-start's takes.",
        WHOLE_PROCESSOR_MB / f64::from(MEMORY_MB)
    )
}

/// Works them out. `take_in` is the processor time of the invocation that takes in a result, in milliseconds; `each` what one more
/// takes in the functions that run every minute; `start` what a cold start takes.
pub fn of(warm: &[Warm], take_in: f64, each: &Each, start: f64) -> Result<Durations> {
    let share = WHOLE_PROCESSOR_MB / f64::from(MEMORY_MB);
    let cpu = |work: Work| {
        let ours = warm.iter().find(|warm| warm.program.work == work && warm.program.is_ours());
        ours.map(|warm| warm.cpu).context("a function was not measured")
    };
    let billed =
        |cpu: f64, calls: f64, irma: f64| Billed { milliseconds: cpu * share + calls * CALL + irma * IRMA, memory_mb: MEMORY_MB };
    let clear = cpu(Work::Clear)?;
    Ok(Durations {
        show_purpose: billed(cpu(Work::Show)?, 0.0, 0.0),
        start: billed(cpu(Work::Start)?, 3.0, 1.0),
        callback: billed(cpu(Work::Callback)?, 2.0, 0.0),
        take_in: billed(take_in, 3.0, 1.0),
        exchange: billed(cpu(Work::Exchange)?, 2.0, 0.0),
        look_up: billed(cpu(Work::LookUp)?, 1.0, 0.0),
        clear: billed(clear, 1.0, 0.0),
        // There is no Amazon Connect here: taken for as much as a clear.
        overwrite: billed(clear, 1.0, 0.0),
        // One query after the other, for eight shards; of the sweep's two tables at the same time, and the time besides.
        reconcile: billed(cpu(Work::Reconcile)?, 8.0, 0.0),
        expire: billed(cpu(Work::Expire)?, 9.0, 0.0),
        reconciliation_milliseconds: each.reconciliation * share + (2.0 * CALL + IRMA) / AT_A_TIME,
        deletion_milliseconds: each.deletion * share + CALL / AT_A_TIME,
        cold_start_milliseconds: start * share,
    })
}
