//! Growth: what the two functions that run every minute take, with more and more in the tables.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dynoxide::types::AttributeValue;
use dynoxide::{ImportOptions, types::Item};
use serde_json::{Value, json};
use shared::clock::now;

use crate::milliseconds;
use crate::programs::SCHEDULED;
use crate::runtime::Function;
use crate::table::Table;
use crate::world::{ASKED, PURPOSE, World, request};

/// So many records are in the table that stay.
const STORED: [u64; 4] = [0, 1_000, 100_000, 1_000_000];
/// So many have expired, or are pending for too long.
const TO_DO: [u64; 3] = [0, 1_000, 10_000];
/// So many sessions go on.
const GOING_ON: [u64; 3] = [0, 1_000, 3_000];
const PROCESSOR: &str = "processor time, ms";
/// So many are written at a time.
const BATCH: u64 = 10_000;
/// How many partitions the index has, as in `shared`.
const SHARDS: u64 = 8;

/// What one more takes, in milliseconds of processor time.
pub struct Each {
    /// An item that expire-records deletes.
    pub deletion: f64,
    /// A session that session-reconcile asks for, and that goes on.
    pub reconciliation: f64,
}

/// Runs both with each number of records, and session-reconcile with sessions that go on.
pub async fn measure(world: &World) -> Result<(Vec<Table>, Each)> {
    let mut tables = Vec::new();
    for (binary, what, status) in
        [("expire-records", "records to delete", "disclosed"), ("session-reconcile", "sessions to give up", "pending")]
    {
        let mut table = table(&format!("Growth of {binary}"), &["records that stay", what]);
        table.notes.push("The records that stay are live, and their sessions have ended.".to_owned());
        for stored in STORED {
            for to_do in TO_DO {
                crate::say(&format!("{binary} with {stored} records that stay and {to_do} {what}"));
                world.empty().await?;
                let live = |index| item(index, "disclosed", now() - 600, now() + 3000);
                write(world, stored, live)?;
                let (made, expires) = if binary == "expire-records" { (3599, 1) } else { (1500, 2100) };
                write(world, to_do, |index| item(stored + index, status, now() - made, now() + expires))?;
                let left = if binary == "expire-records" { stored } else { stored + to_do };
                table.rows.push([vec![json!(stored), json!(to_do)], run(world, binary, to_do, left).await?].concat());
            }
        }
        tables.push(table);
    }
    let mut going_on = table("session-reconcile, with sessions that go on", &["sessions"]);
    going_on.notes.push("The sessions are of the real IRMA server, which is asked for each.".to_owned());
    for sessions in GOING_ON {
        crate::say(&format!("session-reconcile with {sessions} sessions that go on"));
        world.empty().await?;
        start(world, sessions).await?;
        going_on.rows.push([vec![json!(sessions)], run(world, "session-reconcile", 2 * sessions, sessions).await?].concat());
    }
    world.empty().await?;
    let (deletion, reconciliation) = (each(tables.first(), 1)?, each(Some(&going_on), 0)?);
    tables.push(going_on);
    Ok((tables, Each { deletion, reconciliation }))
}

fn table(title: &str, first: &[&str]) -> Table {
    let mut table = Table::new(title, &[first, &["calls to AWS", "time, ms", PROCESSOR, "memory, MB"]].concat());
    table.notes = vec!["One run each, on the same machine as the database (Dynoxide).".to_owned()];
    table
}

/// What one of those in column `of` takes, with nothing else in the tables: from the first two rows.
fn each(table: Option<&Table>, of: usize) -> Result<f64> {
    let table = table.context("nothing was measured")?;
    let column = table.columns.iter().position(|column| column == PROCESSOR).context("no processor time was measured")?;
    let [without, with] = table.rows.get(..2).context("too little was measured")? else { bail!("too little was measured") };
    let number = |row: &[Value], column: usize| row.get(column).and_then(Value::as_f64).context("no number was measured");
    Ok((number(with, column)? - number(without, column)?) / (number(with, of)? - number(without, of)?))
}

/// Starts this many sessions, for which no citizen comes.
async fn start(world: &World, sessions: u64) -> Result<()> {
    let mut function = Function::start(world.command(world.program("session-start"), "session-start"), world.log()).await?;
    for _ in 0..sessions {
        let answer = function.invoke(request("POST", "/sessions", &json!({}), &json!({"purpose": PURPOSE}))).await?;
        ensure!(String::from_utf8_lossy(&answer.body).contains("sessionPtr"), "a session did not start");
    }
    function.stop().await
}

/// Runs a function once, which makes so many calls to AWS, and some to search, and leaves so many records.
async fn run(world: &World, binary: &str, least_calls: u64, expected: u64) -> Result<Vec<Value>> {
    let mut function = Function::start(world.command(world.program(binary), binary), world.log()).await?;
    let (calls, before) = (world.endpoint.calls(), function.usage()?);
    let answered = function.invoke(SCHEDULED.to_owned()).await?;
    let after = function.usage()?;
    let calls = world.endpoint.calls() - calls;
    function.stop().await?;
    let left = world.endpoint.database().table_stats().map_err(|error| anyhow!("{error}"))?;
    let left = left.iter().find(|table| table.table_name == world.records_table).context("no table")?.item_count;
    ensure!(u64::try_from(left)? == expected, "{binary} left {left} records");
    ensure!((least_calls + 1..least_calls + 200).contains(&calls), "{binary} made {calls} calls: not what it had to do");
    let processor = milliseconds(after.cpu.saturating_sub(before.cpu));
    let memory = crate::megabytes(after.peak_memory);
    Ok(vec![json!(calls), json!(milliseconds(answered.took)), json!(processor), json!(memory)])
}

/// Writes this many records, past the API.
fn write(world: &World, many: u64, item: impl Fn(u64) -> Item) -> Result<()> {
    let mut from = 0;
    while from < many {
        let to = many.min(from + BATCH);
        let items = (from..to).map(&item).collect();
        let imported = world.endpoint.database().import_items(&world.records_table, items, ImportOptions::default());
        imported.map_err(|error| anyhow!("records can't be written: {error}"))?;
        from = to;
    }
    Ok(())
}

/// A record with as many bytes as a real one, and nothing in it.
fn item(index: u64, status: &str, created_at: i64, expires_at: i64) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: i64| AttributeValue::N(number.to_string());
    let mut id = [0; 32];
    id[..8].copy_from_slice(&index.to_be_bytes());
    let mut item: Item = HashMap::from([
        ("id".to_owned(), AttributeValue::S(URL_SAFE_NO_PAD.encode(id))),
        ("status".to_owned(), text(status)),
        ("purpose".to_owned(), text(PURPOSE)),
        ("created_at".to_owned(), number(created_at)),
        ("expires_at".to_owned(), number(expires_at)),
        ("shard".to_owned(), AttributeValue::N((index % SHARDS).to_string())),
    ]);
    let of_pending = [("irma_token", 160), ("public_key", 32), ("asked", ASKED.len())];
    let sealed = if status == "pending" { &of_pending[..] } else { &[("attributes", 561)] };
    item.extend(sealed.iter().map(|(name, bytes)| ((*name).to_owned(), AttributeValue::B(vec![0; *bytes]))));
    item
}
