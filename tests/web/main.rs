//! The web pages, played in a real browser on the stack as it is deployed. What is played is in `web/`, in the files
//! `*.test.ts`; this brings up the stack and the pages, publishes them as an operator does, and runs the tests with Node's
//! own test runner.
//!
//! `cargo test --test web -- WORDS` runs the tests with these words in their name.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use local::demo::{self, Demo};
use local::deploy::STACK_NAME;
use local::operate::Operator;
use local::tools::Tools;
use local::{Options, Stack, Unsigned};
use serde_json::Value;

/// Options of Rust's own test runner that change nothing here.
const NO_VALUE: [&str; 3] = ["--nocapture", "--quiet", "-q"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    // An option's value would be taken for words.
    if let Some(option) = arguments.iter().find(|argument| argument.starts_with('-') && !NO_VALUE.contains(&argument.as_str())) {
        eprintln!("the tests of the web pages take words, and no {option}");
        return ExitCode::FAILURE;
    }
    let words = arguments.iter().find(|argument| !argument.starts_with('-'));
    let done = tokio::runtime::Runtime::new().context("no runtime").and_then(|runtime| runtime.block_on(run(words)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(words: Option<&String>) -> Result<()> {
    let chromium = Tools::chromium()?;
    let began = Instant::now();
    let progress = |line: &str| println!("[{:>4} s] {line} …", began.elapsed().as_secs());
    let options = Options { parameters: vec![("WebSites".to_owned(), "yes".to_owned())], ..Options::default() };
    let stack = Arc::new(Stack::up(&options, &progress).await?);
    let operator = Operator::of(&stack, &progress).await?;
    demo::fill_parameters(&stack, &operator).await?;
    let demo = Demo::start(&stack, true, &progress).await?;
    let web = stack.tools().checkout().join("web");
    if words.is_none() {
        progress("Publishing the web pages");
        published(&stack, &operator, &web).await?;
    }
    let files = test_files(&web)?;
    ensure!(!files.is_empty(), "there are no tests in {}", web.display());

    let mut node = Command::new("node");
    // One file at a time: what a page shows depends on what else is asked of two cores.
    node.args(["--import", "tsx", "--test", "--test-concurrency=1", "--test-reporter=spec"])
        .args(words.map(|words| format!("--test-name-pattern={words}")))
        .args(files)
        .current_dir(&web)
        .env("IDBELLEN_DEMO", &demo.places().demo)
        .env("IDBELLEN_CHROMIUM", chromium);
    let status = tokio::task::spawn_blocking(move || node.status()).await??;
    if !status.success() {
        stack.keep_folder().await?;
        eprintln!("The logs are in {}", stack.folder().display());
    }
    drop(demo);
    if let Some(stack) = Arc::into_inner(stack) {
        stack.down().await;
    }
    ensure!(status.success(), "tests of the web pages failed");
    Ok(())
}

/// That `idbellen web publish` puts the pages where the distributions find them. The emulator serves no distribution.
async fn published(stack: &Stack, operator: &Operator<'_>, web: &Path) -> Result<()> {
    operator.run(&["web", "publish", STACK_NAME, "--web", web.to_str().context("the path is not UTF-8")?], "").await?;
    for (bucket, page) in [("CitizenFiles", "citizen"), ("PortalFiles", "agent")] {
        let bucket = stack.deployment.outputs.get(bucket).context("there is no bucket")?;
        let (kept, index) = object(stack, bucket, "index.html").await?;
        ensure!(kept == "no-cache", "a new page would not be seen at once");
        ensure!(index == fs::read(web.join(page).join("dist/index.html"))?, "another page is in {bucket}");
    }
    let portal = stack.deployment.outputs.get("PortalFiles").context("there is no bucket")?;
    let settings: Value = serde_json::from_slice(&object(stack, portal, "config.json").await?.1)?;
    ensure!(settings["oidc"]["authority"] == stack.issuer.url(), "the portal asks another issuer: {settings}");
    Ok(())
}

/// Reads an object of a bucket: how long browsers keep it, and what it holds.
async fn object(stack: &Stack, bucket: &str, key: &str) -> Result<(String, Vec<u8>)> {
    let path = format!("/{bucket}/{key}");
    let request = Unsigned { method: "GET", path: &path, headers: &[], body: &[] };
    let answer = stack.signed_for_aws(stack.root(), "s3", &request)?.send().await?.error_for_status()?;
    let kept = answer.headers().get("cache-control").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    Ok((kept, answer.bytes().await?.to_vec()))
}

/// All `*.test.ts` below a folder, but for those of packages and those that were built.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() && name != "node_modules" && name != "dist" {
            found.extend(test_files(&path)?);
        } else if name.to_string_lossy().ends_with(".test.ts") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
