//! The rules in `infra/guard/`, and the engine of AWS CloudFormation Guard.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use local::tools::Tools;
use serde_json::{Value, json};

/// All rules.
pub struct Rules {
    files: Vec<String>,
    program: PathBuf,
    /// What each rule says when it rejects a template.
    pub promises: BTreeMap<String, String>,
}

/// What the rules say of a template.
pub struct Verdict {
    /// Rules that found nothing to look at.
    pub skipped: BTreeSet<String>,
    /// Rules that reject it, with what they say.
    pub failed: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    /// Reads them; each must say one thing, whatever it rejects, and no two the same.
    pub fn read() -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/guard");
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "guard") {
                files.push(fs::read_to_string(path)?);
            }
        }
        let mut promises = BTreeMap::new();
        for rule in files.iter().flat_map(|file| file.split("\nrule ").skip(1)) {
            let name = rule.split_whitespace().next().context("a rule without a name")?;
            let said: BTreeSet<&str> = rule.split("<<").skip(1).filter_map(|rest| Some(rest.split_once(">>")?.0)).collect();
            let [promise] = said.into_iter().collect::<Vec<_>>()[..] else { bail!("{name} does not say one thing") };
            ensure!(promises.insert(name.to_owned(), promise.to_owned()).is_none(), "two rules are called {name}");
        }
        let different: BTreeSet<&String> = promises.values().collect();
        ensure!(different.len() == promises.len(), "two rules say the same");
        let installing = async { Tools::install(&|_| ()).await?.guard(&|line| eprintln!("{line} …")).await };
        let program = tokio::runtime::Runtime::new()?.block_on(installing)?;
        Ok(Self { files, program, promises })
    }

    /// What they say of each template.
    pub fn check(&self, templates: &[Value]) -> Result<Vec<Verdict>> {
        let data: Vec<String> = templates.iter().map(Value::to_string).collect();
        let payload = json!({"rules": self.files, "data": data}).to_string();
        let mut child = Command::new(&self.program)
            .args(["validate", "--payload", "--structured", "--output-format", "json", "--show-summary", "none"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // It reads all before it writes, so neither waits for the other.
        let mut stdin = child.stdin.take().context("no standard input")?;
        stdin.write_all(payload.as_bytes())?;
        drop(stdin);
        let output = child.wait_with_output()?;
        // Rules that it can't read it leaves out, and tells by its status; 19 is a template that is rejected.
        ensure!(matches!(output.status.code(), Some(0 | 19)), "the rules can't be read");
        let reports: Vec<Value> = serde_json::from_slice(&output.stdout)?;
        ensure!(reports.len() == templates.len(), "{} templates, and {} reports", templates.len(), reports.len());
        reports.iter().map(|report| self.verdict(report)).collect()
    }

    fn verdict(&self, report: &Value) -> Result<Verdict> {
        let names = |list: &Value| -> BTreeSet<String> {
            list.as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
        };
        let mut verdict = Verdict { skipped: names(&report["not_applicable"]), failed: BTreeMap::new() };
        for rule in report["not_compliant"].as_array().into_iter().flatten() {
            let name = rule["Rule"]["name"].as_str().context("a rule without a name")?;
            let said = verdict.failed.entry(name.to_owned()).or_default();
            collect_messages(&rule["Rule"]["checks"], said);
        }
        let heard = names(&report["compliant"]).len() + verdict.skipped.len() + verdict.failed.len();
        ensure!(heard == self.promises.len(), "{} rules, and {heard} were heard", self.promises.len());
        Ok(verdict)
    }
}

/// What the clauses that failed say. Those that only choose what to look at say nothing.
fn collect_messages(report: &Value, said: &mut BTreeSet<String>) {
    match report {
        Value::Object(fields) => {
            let message = fields.get("custom_message").and_then(Value::as_str).filter(|message| !message.is_empty());
            said.extend(message.map(str::to_owned));
            fields.values().for_each(|field| collect_messages(field, said));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_messages(item, said)),
        _ => {}
    }
}
