//! The scripts beside this file, run with the Python environment of the local stack.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use local::tools::Tools;
use serde_json::{Value, json};

/// Python with the packages that the local stack needs.
pub struct Python {
    program: PathBuf,
    checkout: PathBuf,
}

impl Python {
    /// Installs it if it isn't there.
    pub fn install() -> Result<Self> {
        let tools = tokio::runtime::Runtime::new()?.block_on(Tools::install(&|_| ()))?;
        Ok(Self { program: tools.python_bin().join("python"), checkout: tools.checkout().to_owned() })
    }

    /// The template as it is written.
    pub fn source(&self) -> Result<Value> {
        self.run("process.py", &[Path::new("--source"), &self.checkout.join("template.yaml")], &json!(null))
    }

    /// What AWS makes of templates before it deploys them.
    pub fn processed(&self, sources: &[Value]) -> Result<Vec<Value>> {
        Ok(serde_json::from_value(self.run("process.py", &[], &json!(sources))?)?)
    }

    /// What a script answers to `input`.
    pub fn run(&self, script: &str, arguments: &[&Path], input: &Value) -> Result<Value> {
        let mut child = Command::new(&self.program)
            .arg(self.checkout.join("tests/template").join(script))
            .args(arguments)
            .env_remove("PYTHONPATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // It reads all before it writes, so neither waits for the other.
        let mut stdin = child.stdin.take().context("no standard input")?;
        stdin.write_all(input.to_string().as_bytes())?;
        drop(stdin);
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{script} failed");
        serde_json::from_slice(&output.stdout).with_context(|| format!("{script} answers no JSON"))
    }
}
