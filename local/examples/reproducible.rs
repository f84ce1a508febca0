//! `cargo run --example reproducible -- [FUNCTION]`: builds one function of the template, or all, as an operator does,
//! with `sam build`, from the last commit, at two places and with cargo's files at two places; and fails unless both times
//! the same programs come out.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use local::hex::sha256;
use local::tools::Tools;

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(function: Option<&str>) -> Result<()> {
    let tools = Tools::install(&|line| eprintln!("{line} …")).await?;
    let folder = tools.folder().join("reproducible");
    let _ = fs::remove_dir_all(&folder);
    // Of different lengths and depths, so that no path can be in what is built.
    let first = build(&tools, &folder.join("one"), &cargo_home()?, function)?;
    let elsewhere = folder.join("another/place");
    fs::create_dir_all(&elsewhere)?;
    std::os::unix::fs::symlink(cargo_home()?.join("registry"), elsewhere.join("registry"))?;
    let second = build(&tools, &elsewhere.join("checkout"), &elsewhere, function)?;
    ensure!(!first.is_empty(), "nothing was built");
    for (name, hash) in &first {
        println!("{hash}  {name}");
    }
    ensure!(first == second, "at another place they are {second:?}");
    fs::remove_dir_all(&folder)?;
    println!("Built twice, at two places: the same.");
    Ok(())
}

/// Clones the last commit into `checkout` and builds it; the answer is each function's name and the SHA-256 of its program.
fn build(tools: &Tools, checkout: &Path, cargo_home: &Path, function: Option<&str>) -> Result<Vec<(String, String)>> {
    eprintln!("Building in {} …", checkout.display());
    succeed(Command::new("git").args(["clone", "--quiet", "--no-hardlinks"]).arg(tools.checkout()).arg(checkout))?;
    let built = checkout.join(".aws-sam/build");
    let mut sam = Command::new(tools.python_bin().join("sam"));
    local::process::clean_for_build(&mut sam);
    sam.arg("build").args(function).env("SAM_CLI_TELEMETRY", "0").env("PATH", tools.path()?).env("CARGO_HOME", cargo_home);
    succeed(sam.current_dir(checkout))?;
    let mut programs = Vec::new();
    for entry in fs::read_dir(&built)? {
        let program = entry?.path().join("bootstrap");
        if program.exists() {
            let name = program.parent().and_then(Path::file_name).context("a program is in no folder")?;
            programs.push((name.to_string_lossy().into_owned(), sha256(&fs::read(&program)?)));
        }
    }
    programs.sort();
    Ok(programs)
}

/// Where cargo has its files.
fn cargo_home() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).context("neither CARGO_HOME nor HOME is set")
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} can't be run"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
