//! What the municipality's engineer does after a deployment, with the command `idbellen`: the requestor token, the IRMA
//! server's public key, the purposes.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::deploy::aws;
use crate::emulator::Credentials;
use crate::process::{Process, clean, inheriting};
use crate::{Progress, Stack, hex, random};

/// The command `idbellen`, built from this checkout.
pub struct Operator<'a> {
    stack: &'a Stack,
    program: PathBuf,
}

impl<'a> Operator<'a> {
    /// Builds the command, if that was not done before for this stack: Cargo may write the program anew each time, and one
    /// that is being written can't be run.
    pub async fn of(stack: &'a Stack, progress: Progress<'_>) -> Result<Self> {
        let program = stack.command.get_or_try_init(|| Self::build(stack, progress)).await?.clone();
        Ok(Self { stack, program })
    }

    async fn build(stack: &Stack, progress: Progress<'_>) -> Result<PathBuf> {
        progress("Building the operator's command");
        let mut command = inheriting("cargo");
        // As the stack compiled it, so that there is nothing left to do.
        command.args(["build", "--bin", "idbellen", "--message-format", "json-render-diagnostics"]);
        let log = stack.folder().join(format!("cargo-build-{}.log", random::hex(4)?));
        Process::start("cargo build", command.current_dir(stack.tools().checkout()), &log)?.finish().await?;
        built(&fs::read(&log)?)
    }

    /// Fills Parameter Store: the token, the key, and the purposes that come with the project. They are made to be open
    /// at every hour, so that a call can be played at every hour.
    pub async fn fill_parameters(&self) -> Result<()> {
        self.put_requestor_token().await?;
        let url = self.stack.irma.lock().await.url();
        // On this machine the keeper of the IRMA server is ourselves: the key that it shows is the one to expect.
        let fingerprint = fingerprint(&self.stack.irma.lock().await.public_key().await?)?;
        self.run(&["irma-key", "fetch", "--stage", STAGE, "--server", &url, "--fingerprint", &fingerprint], "").await?;
        for name in PURPOSES {
            self.put_purpose(name, &always_open(example_purpose(self.stack, name)?)).await?;
        }
        Ok(())
    }

    /// Puts the token in Parameter Store that the IRMA server knows ID-bellen by.
    pub async fn put_requestor_token(&self) -> Result<()> {
        let token = self.stack.irma.lock().await.requestor_token().to_owned();
        self.run(&["irma-token", "put", "--stage", STAGE], &token).await.map(|_| ())
    }

    /// Puts a purpose in Parameter Store.
    pub async fn put_purpose(&self, name: &str, purpose: &Value) -> Result<()> {
        let folder = self.stack.folder().join("purposes");
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{name}.json"));
        fs::write(&file, purpose.to_string())?;
        let file = file.to_str().context("the path of a purpose is not UTF-8")?;
        self.run(&["purposes", "put", "--stage", STAGE, "--demo", file], "").await.map(|_| ())
    }

    /// Runs `idbellen` with these arguments and this standard input, which must succeed; the answer is its standard output.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Result<String> {
        let output = self.run_as(self.stack.root(), self.stack.aws_url(), arguments, input).await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "idbellen {} failed: {errors}", arguments.join(" "));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `idbellen` with these arguments, ready to be run by `who`, that finds AWS at `url`.
    #[must_use]
    pub fn command(&self, arguments: &[&str], url: String, who: &Credentials) -> Command {
        let mut command = Command::new(&self.program);
        clean(&mut command);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        aws(&mut command, url, who);
        command
    }

    /// Runs `idbellen` as someone else, who finds AWS at `url`.
    pub async fn run_as(&self, who: &Credentials, url: String, arguments: &[&str], input: &str) -> Result<Output> {
        let command = self.command(arguments, url, who);
        let mut child = tokio::process::Command::from(command).spawn().context("cannot run idbellen")?;
        let mut pipe = child.stdin.take().context("idbellen has no standard input")?;
        pipe.write_all(input.as_bytes()).await?;
        drop(pipe);
        Ok(child.wait_with_output().await?)
    }
}

/// The SHA-256 of a public key's DER form, in hexadecimal.
fn fingerprint(pem: &str) -> Result<String> {
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    Ok(hex::sha256(&STANDARD.decode(base64).context("the IRMA server's key is not PEM")?))
}

/// The name of the local installation.
pub const STAGE: &str = "local";

/// The purposes that come with the project: one asks for BSN and name, the other for the name and, if the citizen wants,
/// the BSN.
pub const PURPOSES: [&str; 2] = ["burgerzaken", "afspraak"];

/// A purpose that comes with the project.
pub fn example_purpose(stack: &Stack, name: &str) -> Result<Value> {
    let file = stack.tools().checkout().join(format!("infra/purposes/{name}.json"));
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

/// The same purpose, open day and night.
#[must_use]
pub fn always_open(mut purpose: Value) -> Value {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let weekly: serde_json::Map<String, Value> =
        days.iter().map(|day| ((*day).to_owned(), json!([{"from": "00:00", "to": "24:00"}]))).collect();
    purpose["openingHours"] = json!({"weekly": weekly});
    purpose
}

/// Where cargo put the program, if it made one.
pub fn built(printed: &[u8]) -> Result<PathBuf> {
    let (_, program) = executables(printed).last().context("cargo does not say where it put the program")?;
    Ok(program)
}

/// The names of programs and where cargo put them, by the messages that it printed (`--message-format json`). Not always beside
/// our own: cargo can build in a folder of its own (`build.build-dir`).
pub fn executables(printed: &[u8]) -> impl Iterator<Item = (String, PathBuf)> {
    let messages = printed.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    messages.filter_map(|message| Some((message["target"]["name"].as_str()?.to_owned(), message["executable"].as_str()?.into())))
}
