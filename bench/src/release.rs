//! The functions as they are deployed: the release build.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Builds these functions, and what they are measured against; the answer is the folder with the binaries.
pub fn build(functions: &BTreeSet<&str>) -> Result<PathBuf> {
    crate::say("Building the functions for release");
    let packages = functions.iter().flat_map(|&binary| ["--package", binary]);
    let program = cargo(["--release", "--package", "floor"].into_iter().chain(packages))?;
    program.parent().map(Path::to_owned).context("cargo does not say where the functions are")
}

/// Builds the command `idbellen`, which no function is: without optimization across crates, which takes it many minutes.
pub fn build_command() -> Result<PathBuf> {
    crate::say("Building idbellen");
    cargo(["--profile", "bench", "--package", "ops", "--bin", "idbellen"].into_iter())
}

/// Runs `cargo build`; the answer is a program that it built.
fn cargo<'a>(arguments: impl Iterator<Item = &'a str>) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--message-format", "json-render-diagnostics"]).args(arguments);
    let output = cargo.stderr(Stdio::inherit()).output().context("cargo can't be run")?;
    ensure!(output.status.success(), "cargo build failed");
    let messages = output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let program = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    program.context("cargo does not say what it built")
}

/// The bytes of a program, and of the zip that is deployed of it.
pub fn sizes(program: &Path) -> Result<(u64, u64)> {
    let bytes = fs::read(program).with_context(|| format!("{} can't be read", program.display()))?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", SimpleFileOptions::default().compression_method(CompressionMethod::Deflated))?;
    zip.write_all(&bytes)?;
    let zipped = zip.finish()?.into_inner().len();
    Ok((bytes.len().try_into()?, zipped.try_into()?))
}
