//! Growth: what the two functions that run every minute take, with more and more in the tables.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dynoxide::types::AttributeValue;
use dynoxide::{ImportOptions, types::Item};
use serde_json::json;

use crate::milliseconds;
use crate::programs::SCHEDULED;
use crate::runtime::Function;
use crate::table::Table;
use crate::world::{PURPOSE, World, now};

/// So many records are in the table that stay.
const STORED: [u64; 4] = [0, 1_000, 100_000, 1_000_000];
/// So many have expired, or are pending for too long.
const TO_DO: [u64; 3] = [0, 1_000, 10_000];
/// So many are written at a time.
const BATCH: u64 = 10_000;
/// How many partitions the index has, as in `shared`.
const SHARDS: u64 = 8;

/// Runs both with each number of records; the answer is also the processor time of one deletion, in milliseconds.
pub async fn measure(world: &World) -> Result<(Vec<Table>, f64)> {
    let mut tables = Vec::new();
    for (binary, what, status) in
        [("expire-records", "records to delete", "disclosed"), ("session-reconcile", "sessions to give up", "pending")]
    {
        let mut table = Table::new(
            &format!("Growth of {binary}"),
            &["records that stay", what, "calls to DynamoDB", "time, ms", "processor time, ms", "memory, MB"],
        );
        table.notes = vec![
            "One run each, on the same machine as the database (Dynoxide). The records that stay are live and have ended."
                .to_owned(),
        ];
        for stored in STORED {
            for to_do in TO_DO {
                crate::say(&format!("{binary} with {stored} records that stay and {to_do} {what}"));
                world.empty().await?;
                let live = |index| item(index, "disclosed", now() - 600, now() + 3000);
                write(world, stored, live)?;
                let (made, expires) = if binary == "expire-records" { (3599, 1) } else { (1500, 2100) };
                write(world, to_do, |index| item(stored + index, status, now() - made, now() + expires))?;
                table.rows.push(run(world, binary, stored, to_do).await?);
            }
        }
        tables.push(table);
    }
    world.empty().await?;
    // With nothing else in the tables.
    let processor = |row: usize| tables.first().and_then(|table| table.rows.get(row)?.get(4)?.as_f64());
    let (Some(without), Some(with)) = (processor(0), processor(1)) else { bail!("no deletion was measured") };
    let deletion = (with - without) / 1000.0;
    Ok((tables, deletion))
}

async fn run(world: &World, binary: &str, stored: u64, to_do: u64) -> Result<Vec<serde_json::Value>> {
    let mut function = Function::start(world.command(world.program(binary), binary), world.log()).await?;
    let (calls, before) = (world.endpoint.calls(), function.usage()?);
    let answered = function.invoke(SCHEDULED.to_owned()).await?;
    let after = function.usage()?;
    let calls = world.endpoint.calls() - calls;
    function.stop().await?;
    let left = world.endpoint.database().table_stats().map_err(|error| anyhow!("{error}"))?;
    let left = left.iter().find(|table| table.table_name == world.records_table).context("no table")?.item_count;
    let expected = if binary == "expire-records" { stored } else { stored + to_do };
    ensure!(u64::try_from(left)? == expected, "{binary} left {left} records");
    ensure!(calls > to_do, "{binary} did not do all it had to");
    let processor = milliseconds(after.cpu.saturating_sub(before.cpu));
    let memory = crate::megabytes(after.peak_memory);
    Ok(vec![json!(stored), json!(to_do), json!(calls), json!(milliseconds(answered.took)), json!(processor), json!(memory)])
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
        ("public_key".to_owned(), AttributeValue::B(vec![0; 32])),
        ("created_at".to_owned(), number(created_at)),
        ("expires_at".to_owned(), number(expires_at)),
        ("shard".to_owned(), AttributeValue::N((index % SHARDS).to_string())),
    ]);
    let (name, bytes) = if status == "pending" { ("irma_token", 160) } else { ("attributes", 561) };
    item.insert(name.to_owned(), AttributeValue::B(vec![0; bytes]));
    item
}
