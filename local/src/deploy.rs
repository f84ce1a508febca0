//! `sam build` and `sam deploy` of a template, as an operator runs them, to the AWS emulator.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::REGION;
use crate::emulator::{Credentials, Emulator};
use crate::operate::executables;
use crate::process::{self, Process};
use crate::tools::{REQUIREMENTS, Tools};

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
    _lock: File,
}

/// Compiles all that a stack runs: the functions, and the operator's command. The answer is the functions' programs.
///
/// One command compiles them, among the whole workspace, as `cargo test --workspace` does: each dependency is compiled once,
/// with the features that any package of the workspace wants. `sam build` as an operator runs it gives each function the
/// features that it asks for itself.
pub async fn compile(tools: &Tools, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(tools.checkout().join("functions"))? {
        names.push(entry?.file_name().into_string().ok().context("a function's name is not UTF-8")?);
    }
    names.sort();
    let mut command = process::inheriting("cargo");
    command.args(["build", "--bin", "idbellen", "--message-format", "json-render-diagnostics"]);
    command.args(names.iter().flat_map(|name| ["--bin", name])).current_dir(tools.checkout());
    let log = folder.join("cargo-build.log");
    Process::start("cargo build", &mut command, &log)?.finish().await?;
    let programs: BTreeMap<String, PathBuf> = executables(&fs::read(&log)?).collect();
    names.iter().map(|name| programs.get(name).cloned().with_context(|| format!("cargo does not say where {name} is"))).collect()
}

/// Packs the functions of `template`, which are [compiled](compile), without optimization; what `sam build` prints goes to
/// `sam-build.log` in `folder`. What the last call packed is taken again if nothing changed since.
pub async fn build(tools: &Tools, programs: &[PathBuf], template: &Path, folder: &Path) -> Result<Build> {
    let lock = tools.lock("build").await?;
    let (target, stamp) = (tools.folder().join("build"), tools.folder().join("build.stamp"));
    let build = Build { template: target.join("template.yaml"), folder: folder.to_owned(), _lock: lock };
    let current = packed(tools, programs, template)?;
    if build.template.exists() && fs::read_to_string(&stamp).is_ok_and(|last| last == current) {
        return Ok(build);
    }
    let _ = fs::remove_file(&stamp);
    let mut command = sam(tools)?;
    command
        .args(["build", "--template"])
        .arg(template)
        .arg("--build-dir")
        .arg(&target)
        .args(if cfg!(target_arch = "aarch64") { &["--parameter-overrides", "Architecture=arm64"][..] } else { &[] })
        .env("SAM_BUILD_MODE", "debug")
        // The host's own cargo in place of a cross-compiler, so that `target/` is shared with plain `cargo build`.
        .env("CARGO_LAMBDA_COMPILER", "cargo");
    Process::start("sam build", &mut command, &folder.join("sam-build.log"))?.finish().await?;
    fs::write(stamp, current)?;
    Ok(build)
}

/// What decides what `sam build` makes: the tools, the template, and when each program was compiled. Cargo compiles again
/// what has other sources, and nothing else.
fn packed(tools: &Tools, programs: &[PathBuf], template: &Path) -> Result<String> {
    let sam = fs::read_to_string(tools.checkout().join("local/emulator/sam.py"))?;
    let mut text = format!("{REQUIREMENTS}\n{sam}\n{}\n{}\n", template.display(), fs::read_to_string(template)?);
    for program in programs {
        let file = fs::metadata(program)?;
        writeln!(text, "{} {} {:?}", program.display(), file.len(), file.modified()?)?;
    }
    Ok(text)
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
        let answer = fs::read_to_string(&answer)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_compiled_anew_and_a_changed_template_are_packed_anew() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("idbellen-deploy-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let (program, template) = (folder.join("program"), folder.join("template.yaml"));
        fs::write(&program, "one")?;
        fs::write(&template, "Resources: {}")?;
        let tools = Tools::here()?;
        let packed = || packed(&tools, std::slice::from_ref(&program), &template);
        let first = packed()?;
        assert_eq!(packed()?, first, "nothing changed");
        let compiled = fs::metadata(&program)?.modified()? + std::time::Duration::from_nanos(1);
        File::options().write(true).open(&program)?.set_modified(compiled)?;
        let second = packed()?;
        assert_ne!(second, first, "the program was compiled anew");
        fs::write(&template, "Resources: {A: 1}")?;
        assert_ne!(packed()?, second, "the template changed");
        fs::remove_file(&program)?;
        assert!(packed().is_err(), "the program is gone");
        Ok(fs::remove_dir_all(folder)?)
    }
}
