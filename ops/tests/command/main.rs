//! The command as an operator runs it: against a Parameter Store and an IRMA server that record what they are asked.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod code_key;
mod irma_key;
mod irma_token;
mod purposes;
mod servers;
mod web;

use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::servers::ParameterStore;

/// What a run of the command left behind.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// Runs `idbellen` with `arguments` and, on standard input, `input`.
async fn idbellen(store: &ParameterStore, arguments: &[&str], input: &[u8]) -> Run {
    run(&store.url, arguments, input).await
}

/// The same, where all of AWS is at one address.
async fn run(aws: &str, arguments: &[&str], input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_idbellen"))
        .args(arguments)
        .env_clear()
        .envs([("AWS_ENDPOINT_URL", aws), ("AWS_REGION", "eu-central-1"), ("AWS_EC2_METADATA_DISABLED", "true")])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The command may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input).await;
    let Output { status, stdout, stderr } = child.wait_with_output().await.unwrap();
    Run { code: status.code().unwrap(), out: String::from_utf8(stdout).unwrap(), err: String::from_utf8(stderr).unwrap() }
}

/// An empty folder for one test.
fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
