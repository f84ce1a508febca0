//! The functions as they are deployed: built with the command that `sam build` runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use local::operate::built;
use local::process;
use local::tools::Tools;

/// Builds these functions, each for itself, and in the same way what they are measured against. The answer is a folder: in it
/// is a program as `NAME/bootstrap`.
pub fn build(tools: &Tools, functions: &BTreeSet<&str>) -> Result<PathBuf> {
    let built = tools.checkout().join("target/bench");
    let packages = functions.iter().map(|binary| format!("functions/{binary}"));
    for package in packages.chain(["bench/floor".to_owned()]) {
        crate::say(&format!("Building {package} for release"));
        let mut cargo = Command::new("cargo");
        process::clean_for_build(&mut cargo);
        cargo.args(["lambda", "build", "--release", "--locked", "--lambda-dir"]).arg(&built).env("PATH", tools.path()?);
        let status = cargo.current_dir(tools.checkout().join(&package)).status().context("cargo can't be run")?;
        ensure!(status.success(), "{package} can't be built");
    }
    Ok(built)
}

/// Builds the command `idbellen`, which no function is: without optimization across crates, which takes it many minutes.
pub fn build_command() -> Result<PathBuf> {
    crate::say("Building idbellen");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--message-format", "json-render-diagnostics"]);
    cargo.args(["--profile", "bench", "--package", "ops", "--bin", "idbellen"]);
    let output = cargo.stderr(Stdio::inherit()).output().context("cargo can't be run")?;
    ensure!(output.status.success(), "cargo build failed");
    built(&output.stdout)
}

/// The bytes of a program, and of its zip, as `sam deploy` makes it: with Python's own module.
pub fn sizes(program: &Path) -> Result<(u64, u64)> {
    let zip = std::env::temp_dir().join(format!("idbellen-bench-{}.zip", std::process::id()));
    let status = Command::new("python3").args(["-m", "zipfile", "-c"]).args([&zip, program]).status();
    ensure!(status.context("python3 can't be run")?.success(), "{} can't be zipped", program.display());
    let sizes = (fs::metadata(program)?.len(), fs::metadata(&zip)?.len());
    fs::remove_file(zip)?;
    Ok(sizes)
}
