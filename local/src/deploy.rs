//! `sam build` and `sam deploy` of a template, as an operator runs them, to the AWS emulator.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::REGION;
use crate::emulator::{Credentials, Emulator};
use crate::process::{self, Process};
use crate::tools::Tools;

/// The stack's name on the emulator.
pub const STACK_NAME: &str = "idbellen-local";

/// What was deployed.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployment {
    /// The id of the HTTP API.
    pub api_id: String,
    /// The stack's outputs.
    pub outputs: BTreeMap<String, String>,
    /// Physical ids by the names that resources have in the template.
    pub resources: BTreeMap<String, String>,
    /// Functions by the names that they have in the template.
    pub functions: BTreeMap<String, Function>,
}

/// A deployed function.
#[derive(Clone, Debug, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The ARN of its role.
    pub role: String,
    /// What its role may do: policy documents.
    pub policies: Vec<Value>,
    /// With which it signs its calls; the emulator knows them once the function has run.
    pub credentials: Credentials,
}

impl Deployment {
    /// The template's names of functions by access key id.
    #[must_use]
    pub fn callers(&self) -> HashMap<String, String> {
        self.functions.iter().map(|(name, function)| (function.credentials.key_id.clone(), name.clone())).collect()
    }
}

/// Built functions, ready to be deployed.
pub struct Build {
    template: PathBuf,
    folder: PathBuf,
    // Until all is uploaded, no other process may build.
    _lock: std::fs::File,
}

/// Builds the functions of `template` without optimization; what it prints goes to `sam-build.log` in `folder`.
pub async fn build(tools: &Tools, template: &Path, folder: &Path) -> Result<Build> {
    let lock = tools.lock("build").await?;
    let built = tools.folder().join("build");
    let mut command = sam(tools)?;
    command
        .arg("build")
        .arg("--template")
        .arg(template)
        .arg("--build-dir")
        .arg(&built)
        .args(if cfg!(target_arch = "aarch64") { &["--parameter-overrides", "Architecture=arm64"][..] } else { &[] })
        .env("SAM_BUILD_MODE", "debug")
        // The host's own cargo in place of a cross-compiler, so that `target/` is shared with plain `cargo build`.
        .env("CARGO_LAMBDA_COMPILER", "cargo");
    Process::start("sam build", &mut command, &folder.join("sam-build.log"))?.finish().await?;
    Ok(Build { template: built.join("template.yaml"), folder: folder.to_owned(), _lock: lock })
}

impl Build {
    /// Deploys to the emulator, with the template's `parameters`, and completes what the emulator leaves out.
    pub async fn deploy(self, tools: &Tools, emulator: &Emulator, parameters: &[(String, String)]) -> Result<Deployment> {
        let mut command = sam(tools)?;
        command
            .arg("deploy")
            .arg("--template-file")
            .arg(&self.template)
            .args(["--stack-name", STACK_NAME, "--region", REGION, "--resolve-s3", "--capabilities", "CAPABILITY_NAMED_IAM"])
            .args(["--no-confirm-changeset", "--no-progressbar", "--on-failure", "DO_NOTHING", "--parameter-overrides"])
            .args(parameters.iter().map(|(name, value)| format!("ParameterKey={name},ParameterValue={value}")))
            .env("SAM_CLI_POLL_DELAY", "0.2");
        aws(&mut command, emulator.url(), emulator.root());
        Process::start("sam deploy", &mut command, &self.folder.join("sam-deploy.log"))?.finish().await?;

        let answer = self.folder.join("deployment.json");
        python(tools, emulator, "after_deploy.py", &[STACK_NAME], &answer).await?;
        let answer = std::fs::read_to_string(&answer)?;
        serde_json::from_str(answer.lines().last().unwrap_or_default()).with_context(|| format!("after_deploy.py says: {answer}"))
    }
}

/// Runs one of our scripts for the emulator; what it prints goes to `output`.
pub(crate) async fn python(tools: &Tools, emulator: &Emulator, script: &str, arguments: &[&str], output: &Path) -> Result<()> {
    let mut command = process::inheriting(tools.python_bin().join("python"));
    command.arg(tools.checkout().join("local/emulator").join(script)).args(arguments);
    aws(&mut command, emulator.url(), emulator.root());
    Process::start(script, &mut command, output)?.finish().await
}

fn sam(tools: &Tools) -> Result<Command> {
    let mut command = process::inheriting(tools.python_bin().join("python"));
    command.arg(tools.checkout().join("local/emulator/sam.py"));
    command
        .env("PATH", tools.path()?)
        .env("SAM_CLI_TELEMETRY", "0")
        .current_dir(tools.checkout())
        .env("__SAM_CLI_APP_DIR", tools.folder().join("sam"));
    Ok(command)
}

/// Points a command at the emulator, and at nothing else.
pub(crate) fn aws(command: &mut Command, url: String, who: &Credentials) {
    command
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", &who.key_id)
        .env("AWS_SECRET_ACCESS_KEY", &who.secret)
        .envs(who.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token)))
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
}
