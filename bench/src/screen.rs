//! Drawing: how long a browser takes for what it was answered, in the real pages, on the local stack with its own functions:
//! what those take is not in it.

use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use local::demo::{self, Demo};
use local::operate::Operator;
use local::tools::Tools;
use local::{Options, Stack};
use serde::Deserialize;

use crate::table::Table;

/// What `web/tests/drawing.ts` prints: milliseconds of each turn.
#[derive(Deserialize)]
struct Times {
    disclosed: Vec<f64>,
    qr: Vec<f64>,
}

/// Draws both again and again.
pub async fn measure() -> Result<Table> {
    crate::say("Drawing in a browser");
    let chromium = Tools::chromium()?;
    let stack = Arc::new(Stack::up(&Options::default(), &crate::say).await?);
    let operator = Operator::of(&stack, &crate::say).await?;
    demo::fill_parameters(&stack, &operator).await?;
    let demo = Demo::start(&stack, true, &crate::say).await?;
    let mut node = Command::new("node");
    node.args(["--import", "tsx", "tests/drawing.ts"])
        .current_dir(stack.tools().checkout().join("web"))
        .env("IDBELLEN_DEMO", &demo.places().demo)
        .env("IDBELLEN_CHROMIUM", chromium)
        .stderr(Stdio::inherit());
    let output = tokio::task::spawn_blocking(move || node.output()).await??;
    if !output.status.success() {
        stack.keep_folder().await?;
    }
    drop(demo);
    if let Some(stack) = Arc::into_inner(stack) {
        stack.down().await;
    }
    ensure!(output.status.success(), "the browser did not draw what it should");
    let times: Times = serde_json::from_slice(&output.stdout).context("drawing.ts prints something else")?;
    let mut table = Table::of_waits("Drawing");
    table.notes = vec![
        "From the end of the answer, as the browser saw it, to the frame that shows it, in Chromium without a window. A frame comes \
         every 16.7 ms, so that half of one is waiting for it."
            .to_owned(),
    ];
    table.push_waits("agent-lookup's answer to what was disclosed on the agent's screen", &times.disclosed)?;
    let to_code = "the answer to `POST /sessions` to the QR code on the citizen's, after a request to the IRMA server";
    table.push_waits(to_code, &times.qr)?;
    Ok(table)
}
