//! `idbellen verify`: whether a live stack keeps the promises now. It reads settings, and changes nothing.
//!
//! What is expected comes from the project's own `template.yaml`, with the stack's parameters filled in; never from what
//! was deployed, which may be another template. Each subject has a file. A new check is one more [`Report::add`] in the
//! file of its subject, and the right to make its call in the role `VerifyRole` of `template.yaml`.

mod api;
mod code;
mod functions;
mod keys;
mod logs;
mod organisation;
mod package;
mod parameters;
mod policy;
mod report;
mod roles;
mod schedules;
mod stack;
mod strict;
mod tables;
mod template;
mod trail;
mod yaml;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::aws::Aws;
use crate::purposes;
use report::Report;
use stack::Stack;
use strict::Accepted;

/// What is to be verified.
#[derive(Args)]
pub struct Command {
    /// The stack's name, as idbellen
    stack: String,
    /// The folder that `sam build` made: the functions' code is compared with it
    #[arg(long, value_name = "FOLDER")]
    build: Option<PathBuf>,
    /// The parameters that you meant, as JSON: {"OidcIssuer": "https://…", …}. Those that it does not name must have the
    /// template's defaults
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// The folder with the purposes that you meant, in files as `idbellen purposes put` takes them. All of them, and no
    /// others, must be stored
    #[arg(long, value_name = "FOLDER")]
    expect_purposes: Option<PathBuf>,
    /// Exit code 1 as well if something could not be looked at: what a machine should use
    #[arg(long)]
    strict: bool,
    /// With --strict: the checks that may be a ?, in a file with a check's name on each line, as `SUBJECT: PROMISE`. Lines
    /// that start with # are yours. A name that is of no use is told on standard error
    #[arg(long, value_name = "FILE", requires = "strict")]
    accept: Option<PathBuf>,
    /// Prints JSON: docs/running.md describes it
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Does it.
    pub async fn run(self) -> Result<()> {
        let meant = self.expect.as_deref().map(read_parameters).transpose()?;
        let purposes = self.expect_purposes.as_deref().map(purposes::read_folder).transpose()?;
        let accepted = self.accept.as_deref().map(Accepted::read).transpose()?.unwrap_or_default();
        let aws = Aws::from_environment().await?;
        let stack = Stack::find(&aws, &self.stack).await?;
        let mut report = Report::default();
        stack.check(meant.as_ref(), &mut report);
        tables::check(&aws, &stack, &mut report).await;
        keys::check(&aws, &stack, &mut report).await;
        functions::check(&aws, &stack, self.build.as_deref(), &mut report).await;
        roles::check(&aws, &stack, &mut report).await;
        schedules::check(&aws, &stack, &mut report).await;
        api::check(&aws, &stack, &mut report).await;
        logs::check(&aws, &stack, &mut report).await;
        trail::check(&aws, &stack, &mut report).await;
        parameters::check(&aws, &stack, purposes.as_ref(), &mut report).await;
        organisation::check(&mut report);
        println!("{}", if self.json { report.to_json(&stack) } else { report.to_string() });
        let mut failures = Vec::new();
        match report.broken() {
            0 => {}
            1 => failures.push("1 promise is not kept".to_owned()),
            count => failures.push(format!("{count} promises are not kept")),
        }
        if self.strict {
            let judgement = accepted.judge(&report);
            for remark in judgement.remarks {
                eprintln!("{remark}");
            }
            if !judgement.unaccepted.is_empty() {
                failures.push(format!("could not be looked at, and is not accepted:\n  {}", judgement.unaccepted.join("\n  ")));
            }
        }
        if failures.is_empty() { Ok(()) } else { bail!(failures.join("; ")) }
    }
}

/// A JSON object of texts.
fn read_parameters(file: &Path) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON object of parameters, each a text", file.display()))
}
