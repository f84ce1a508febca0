//! A citizen's wallet, scripted.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::irma_server::IrmaServer;
use crate::random;
use crate::tools::Tools;

/// A citizen of the demo scheme, with a made-up name.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Citizen service number: only ones that are published for testing.
    pub bsn: &'static str,
    /// All given names.
    pub firstnames: &'static str,
    /// The name that is used.
    pub firstname: &'static str,
    /// Family name, without its prefix.
    pub familyname: &'static str,
    /// What comes before the family name, like `van der`: not everyone has one.
    pub prefix: Option<&'static str>,
}

impl Person {
    /// Someone with every attribute.
    pub const WILLEKE: Self = Self {
        bsn: "999992235",
        firstnames: "Willeke Liselotte",
        firstname: "Willeke",
        familyname: "Bruijn",
        prefix: Some("de"),
    };
    /// Someone without a prefix, an attribute that is optional.
    pub const JOCHEM: Self =
        Self { bsn: "999993653", firstnames: "Jochem Émile", firstname: "Jochem", familyname: "Bakker", prefix: None };
}

/// How a session ended for the wallet.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How it ended.
    pub outcome: Ending,
    /// What the phone opens next, after a success: `tel:…`.
    pub client_return_url: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// What the citizen types on the page, while the wallet waits for that.
    pairing_code: Option<String>,
}

/// How a session can end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The wallet has started and can be used; never the end of a session.
    Ready,
    /// The page wants to know that this wallet is the citizen's; never the end of a session.
    Pairing,
    /// The attributes were disclosed, or the credentials received.
    Success,
    /// The citizen said no. The IRMA server hears of it a moment later: the client library does not wait for that.
    Declined,
    /// See [`Outcome::error`].
    Failure,
}

/// A running wallet. It ends when it is dropped, or with our process, because its standard input does.
pub struct Wallet {
    child: Child,
    pipes: Arc<Mutex<(ChildStdin, BufReader<ChildStdout>)>>,
    pairing_code: Arc<Mutex<Option<String>>>,
}

impl Wallet {
    /// Starts an empty wallet, with a folder of its own in `folder`.
    pub async fn start(tools: &Tools, folder: &Path) -> Result<Self> {
        let storage = folder.join(format!("wallet-{}", random::hex(4)?));
        fs::create_dir_all(storage.join("data"))?;
        let mut child = Command::new(tools.wallet())
            .arg("-storage")
            .arg(storage.join("data"))
            .arg("-schemes")
            .arg(tools.schemes())
            .env_clear()
            .env("HOME", &storage)
            .current_dir(&storage)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(storage.join("wallet.log"))?)
            .spawn()
            .context("cannot start the wallet")?;
        let pipes = child.stdin.take().zip(child.stdout.take()).context("the wallet has no pipes")?;
        let wallet =
            Self { child, pipes: Arc::new(Mutex::new((pipes.0, BufReader::new(pipes.1)))), pairing_code: Arc::default() };
        let outcome = wallet.talk(None).await?;
        ensure!(outcome.outcome == Ending::Ready, "the wallet did not start");
        Ok(wallet)
    }

    /// Starts a wallet that holds this person's credentials.
    pub async fn of(person: &Person, tools: &Tools, folder: &Path, irma: &IrmaServer) -> Result<Self> {
        let wallet = Self::start(tools, folder).await?;
        wallet.receive(person, irma).await?;
        Ok(wallet)
    }

    /// Receives a person's credentials from the demo issuers on this IRMA server.
    pub async fn receive(&self, person: &Person, irma: &IrmaServer) -> Result<()> {
        let mut full_name = json!({
            "firstnames": person.firstnames, "firstname": person.firstname, "familyname": person.familyname,
        });
        // Left out, it is disclosed as `null`; a JSON `null` here would make it an empty text.
        if let Some(prefix) = person.prefix {
            full_name["prefix"] = prefix.into();
        }
        let session = irma
            .start_session(&json!({
                "@context": "https://irma.app/ld/request/issuance/v2",
                "credentials": [
                    {"credential": "irma-demo.MijnOverheid.singleton", "attributes": {"BSN": person.bsn}},
                    {"credential": "irma-demo.MijnOverheid.fullName", "attributes": full_name},
                ],
            }))
            .await?;
        let outcome = self.perform(&session["sessionPtr"]).await?;
        ensure!(outcome.outcome == Ending::Success, "the wallet received no credentials: {:?}", outcome.error);
        Ok(())
    }

    /// Performs the session that this `sessionPtr` leads to, and discloses all that is asked and held.
    pub async fn perform(&self, pointer: &Value) -> Result<Outcome> {
        self.talk(Some(json!({"pointer": pointer}))).await
    }

    /// Performs the session, and leaves out what is optional.
    pub async fn perform_without_optional(&self, pointer: &Value) -> Result<Outcome> {
        self.talk(Some(json!({"pointer": pointer, "omitOptional": true}))).await
    }

    /// Performs the session, leaves out what is optional, and discloses these attributes besides, which nobody asks for.
    pub async fn perform_and_add(&self, pointer: &Value, attributes: &[&str]) -> Result<Outcome> {
        self.talk(Some(json!({"pointer": pointer, "omitOptional": true, "add": attributes}))).await
    }

    /// Lets the citizen say no; see [`Ending::Declined`].
    pub async fn decline(&self, pointer: &Value) -> Result<Outcome> {
        self.talk(Some(json!({"pointer": pointer, "decline": true}))).await
    }

    /// The code that the wallet shows for the citizen to type on the page, while it waits for that.
    #[must_use]
    pub fn pairing_code(&self) -> Option<String> {
        self.pairing_code.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a line, if any, and reads what comes of it.
    async fn talk(&self, line: Option<Value>) -> Result<Outcome> {
        let (pipes, shown) = (self.pipes.clone(), self.pairing_code.clone());
        tokio::task::spawn_blocking(move || {
            let mut pipes = pipes.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(line) = line {
                writeln!(pipes.0, "{line}").context("the wallet has ended")?;
            }
            let show = |code| *shown.lock().unwrap_or_else(PoisonError::into_inner) = code;
            loop {
                let mut answer = String::new();
                if pipes.1.read_line(&mut answer)? == 0 {
                    bail!("the wallet has ended: see wallet.log in its folder");
                }
                let mut outcome: Outcome = serde_json::from_str(&answer).context("the wallet says what is no outcome")?;
                show(outcome.pairing_code.take());
                if outcome.outcome != Ending::Pairing {
                    return Ok(outcome);
                }
            }
        })
        .await?
    }
}

impl Drop for Wallet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
