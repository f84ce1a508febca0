//! How long `idbellen report` takes over the events of a day, and how much memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use local::rsa::RsaKey;
use local::trail::Writer;
use local::trail::event::{Call, Principal, key_arn};
use serde_json::{Value, json};

use crate::runtime::peak_memory;
use crate::table::Table;
use crate::{goals, megabytes, release};

/// So many events are in the trail.
const EVENTS: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const ACCOUNT: &str = "111122223333";
const RECORDS: &str = "idbellen-test-records";
const CODES: &str = "idbellen-test-codes";
/// 2026-01-15 in Dutch time.
const BEGIN: i64 = 1_768_431_600;
const HOUR: i64 = 3600;
/// What one call takes.
const EVENTS_A_CALL: usize = 13;

/// Reports on each trail; the answer is also held against the goals.
pub fn measure() -> Result<[Table; 2]> {
    let program = release::build_command()?;
    let mut table = Table::new("Growth of `idbellen report`", &["events", "calls", "time, s", "memory, MB"]);
    table.notes = vec![
        "One report a trail of one day, with CloudTrail's files, digests and agents' lines, in text, HTML and JSON. Writing the \
         trail is not in it."
            .to_owned(),
    ];
    let mut goals = None;
    for events in EVENTS {
        crate::say(&format!("Reporting on {events} events"));
        let folder = std::env::temp_dir().join(format!("idbellen-bench-{}", std::process::id()));
        let measured = write(&folder, events.div_ceil(EVENTS_A_CALL)).and_then(|calls| {
            let (took, memory) = report(&program, &folder)?;
            let (seconds, memory) = (took.as_secs_f64(), megabytes(memory));
            if events == 1_000_000 {
                goals = Some(goals::of_report(seconds, memory));
            }
            Ok(vec![json!(calls * EVENTS_A_CALL), json!(calls), json!(seconds), json!(memory)])
        });
        fs::remove_dir_all(&folder)?;
        table.rows.push(measured?);
    }
    Ok([goals.context("no trail has a million events")?, table])
}

/// Writes a day of calls, evenly spread; the answer is how many.
fn write(folder: &Path, calls: usize) -> Result<usize> {
    let mut writer = Writer::new(folder, ACCOUNT, "test", Arc::new(RsaKey::generate()?))?;
    let calls_in = |part: usize| calls * (part + 1) / (24 * 12) - calls * part / (24 * 12);
    let (mut number, mut started) = (0_u64, Vec::new());
    for hour in 0..26 {
        let start = BEGIN + hour * HOUR;
        for part in 0..12 {
            let at = start + part * 300;
            let index = usize::try_from(hour * 12 + part)?;
            let many = if hour < 24 { calls_in(index) } else { 0 };
            let (mut events, mut lines) = (Vec::new(), Vec::new());
            for _ in 0..many {
                number += 1;
                call(number, at, &mut events, &mut lines)?;
            }
            if many > 0 {
                writer.log(at + 300, &events)?;
                writer.lines(at + 300, &lines)?;
                started.push((start, many as u64));
            }
        }
        writer.digest(start, start + HOUR)?;
    }
    writer.finish(Some(&started))?;
    Ok(usize::try_from(number)?)
}

fn call(number: u64, at: i64, events: &mut Vec<Value>, lines: &mut Vec<(i64, String, String)>) -> Result<()> {
    let id = |of: u8| {
        let mut id = [of; 32];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        URL_SAFE_NO_PAD.encode(id)
    };
    let (record, code) = (&id(1), &id(2));
    let role = |name: &str| Principal::Role(format!("idbellen-test-{name}"));
    let on = |after: i64, by: &str, operation: &str, table: &str, id: &str| {
        Call::on_item(at + after, role(by), operation, table, ACCOUNT, id)
    };
    let key = |after: i64, by: &str, operation: &str, name: &str, context: Option<Value>| {
        Call::on_key(at + after, role(by), operation, &format!("alias/idbellen-test-{name}"), key_arn(ACCOUNT, name), context)
    };
    let agent = &URL_SAFE_NO_PAD.encode([u8::try_from(number % 50)?; 32]);
    let mark = |after: i64, by: &str| Call::mark(at + after, role(by), RECORDS, ACCOUNT, agent, record);
    let context = Some(json!({"record": record}));
    let calls: [Call; EVENTS_A_CALL] = [
        key(0, "session-start", "GenerateMac", "code-current", None),
        key(0, "session-start", "Encrypt", "token", context.clone()),
        Call::making(at, role("session-start"), ACCOUNT, [(RECORDS, record), (CODES, code)]),
        on(20, "session-ingest", "GetItem", RECORDS, record),
        key(20, "session-ingest", "Decrypt", "token", context),
        on(20, "session-ingest", "UpdateItem", RECORDS, record),
        key(30, "dtmf-exchange", "GenerateMac", "code-current", None),
        on(30, "dtmf-exchange", "UpdateItem", CODES, code),
        mark(40, "agent-lookup"),
        on(40, "agent-lookup", "UpdateItem", RECORDS, record),
        on(100, "expire-records", "DeleteItem", CODES, code),
        mark(200, "clear-contact"),
        on(200, "clear-contact", "DeleteItem", RECORDS, record),
    ];
    for call in calls {
        events.push(call.event(ACCOUNT)?);
    }
    for (after, function, action, outcome) in
        [(40, "agent-lookup", "lookup", "disclosed"), (200, "clear-contact", "clear", "cleared")]
    {
        let line = json!({"audit": "agent", "action": action, "record": record, "agent": agent, "outcome": outcome});
        lines.push(((at + after) * 1000, function.to_owned(), line.to_string()));
    }
    Ok(())
}

/// Runs the command; the answer is how long it took, and the most memory that it held, in bytes.
fn report(program: &PathBuf, folder: &Path) -> Result<(Duration, u64)> {
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(["report", "--stage", "test", "--account", ACCOUNT, "--day", "2026-01-15", "--language", "en", "--folder"])
        .arg(folder)
        .arg("--json")
        .arg(folder.join("report.json"))
        .arg("--html")
        .arg(folder.join("report.html"))
        .stdout(std::process::Stdio::null())
        .spawn()?;
    let mut most = 0;
    // Read until the command ends.
    let ended = loop {
        most = most.max(peak_memory(child.id()).unwrap_or_default());
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    ensure!(ended.success(), "the report is not proven");
    Ok((began.elapsed(), most))
}
