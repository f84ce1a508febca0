//! On what it was measured.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// The machine, the versions of what was run, and the commit.
#[derive(Serialize)]
pub struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
    rust: String,
    node: String,
    python: String,
    commit: String,
}

impl Machine {
    /// Reads all of it.
    pub fn read() -> Self {
        let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: model.map_or("unknown", |(_, model)| model).to_owned(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            // Behind the version stands whose build it is.
            kernel: kernel.split(['-', '\n']).next().unwrap_or_default().to_owned(),
            rust: says("rustc", &["--version"]),
            node: says("node", &["--version"]),
            python: says("python3", &["--version"]),
            commit: says("git", &["describe", "--always", "--dirty"]),
        }
    }

    /// A line of Markdown.
    pub fn line(&self) -> String {
        let Self { processor, processors, kernel, rust, node, python, commit } = self;
        format!("{processors} × {processor}, Linux {kernel}; {rust}, Node {node}, {python}; commit {commit}.")
    }
}

fn says(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "none".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
