//! The same exchange and look-up in Node and in Python: `bench/node` and `bench/python`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result, ensure};
use local::tools::PIP_INSTALL;
use tokio::process::Command;

use crate::release;
use crate::world::World;

/// Both, installed and built.
pub struct Others {
    node: PathBuf,
    python: PathBuf,
    /// The interpreter, with what is needed.
    interpreter: PathBuf,
}

impl Others {
    /// Installs what they need: for Node beside the scripts, for Python in `.local`.
    pub fn build(world: &World) -> Result<Self> {
        crate::say("Installing what Node and Python need");
        let bench = world.stack.tools().checkout().join("bench");
        let (node, python) = (bench.join("node"), bench.join("python"));
        run("npm", &["ci", "--ignore-scripts", "--silent", "--no-audit", "--no-fund"], &node)?;
        run("npm", &["run", "--silent", "build"], &node)?;
        let environment = world.stack.tools().folder().join("bench-python");
        let interpreter = environment.join("bin/python");
        if !interpreter.exists() {
            run("python3", &["-m", "venv", path(&environment)?], &python)?;
        }
        let install = PIP_INSTALL.iter().copied().chain(["requirements.txt"]).collect::<Vec<_>>();
        run(path(&interpreter)?, &install, &python)?;
        Ok(Self { node, python, interpreter })
    }

    /// The command that runs a function in Node.
    pub fn node(&self, world: &World, script: &str) -> Command {
        let mut command = world.command("node", binary(script));
        // The AWS SDK says at each start that it will not support this version for ever.
        command.arg("--no-warnings").arg("runtime.cjs").arg(format!("dist/{script}.cjs")).current_dir(&self.node);
        command
    }

    /// The command that runs a function in Python.
    pub fn python(&self, world: &World, script: &str) -> Command {
        let mut command = world.command(&self.interpreter, binary(script));
        command.args(["-m", "awslambdaric"]).arg(format!("{script}.handler")).current_dir(&self.python);
        command
    }

    /// The bytes of what Node runs, and of its zip.
    pub fn node_sizes(&self, script: &str) -> Result<(u64, u64)> {
        release::sizes(&self.node.join(format!("dist/{script}.cjs")))
    }
}

/// The function that a script does the work of.
fn binary(script: &str) -> &'static str {
    if script == "lookup" { "agent-lookup" } else { "dtmf-exchange" }
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("the checkout's path is not UTF-8")
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    ensure!(fs::exists(folder)?, "{} is missing", folder.display());
    let mut command = process::Command::new(program);
    local::process::clean(&mut command);
    let status = command.args(arguments).current_dir(folder).status();
    let status = status.with_context(|| format!("{program} is missing: install it"))?;
    ensure!(status.success(), "{program} {} failed", arguments.join(" "));
    Ok(())
}
