//! The IRMA server of a municipality, the real one, with the demo scheme.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::issuer::{SigningKey, Token};
use crate::process::{self, Process};
use crate::rsa::RsaKey;
use crate::server::free_port;
use crate::tools::Tools;
use crate::{http, random};

/// The issuer that its results name.
pub const ISSUER: &str = "idbellen-local";

/// A running IRMA server, which can be stopped and started again to try an outage: it comes back at the same address with the
/// same key, but without its sessions.
pub struct IrmaServer {
    program: PathBuf,
    folder: PathBuf,
    schemes: PathBuf,
    port: u16,
    requestor_token: String,
    key: Arc<RsaKey>,
    process: Option<Process>,
}

impl IrmaServer {
    /// Starts it on `port`, or a free one, with a new key and requestor token, in `folder`.
    pub async fn start(tools: &Tools, folder: &Path, port: u16) -> Result<Self> {
        let folder = folder.join("irma-server");
        fs::create_dir_all(&folder)?;
        let (port, key, requestor_token) = (free_port(port)?, Arc::new(RsaKey::generate()?), random::hex(32)?);
        fs::write(folder.join("key.pem"), key.private_pem()?)?;
        let (program, schemes) = (tools.yivi(), tools.schemes());
        let mut server = Self { program, folder, schemes, port, requestor_token, key, process: None };
        server.resume().await?;
        Ok(server)
    }

    fn configuration(&self) -> Value {
        json!({
            "schemes_path": self.schemes,
            // No updates: they would come from the internet.
            "schemes_update": 0,
            "listen_addr": "127.0.0.1",
            "port": self.port,
            "url": self.url(),
            "no_tls": true,
            "no_auth": false,
            "jwt_issuer": ISSUER,
            "jwt_privkey_file": self.folder.join("key.pem"),
            // In minutes; by default 5. Tests wait until a result is forgotten.
            "session_result_lifetime": 2,
            // What the server allows everyone adds to what it allows a requestor; left out, it would be everything.
            "disclose_perms": [], "sign_perms": [], "issue_perms": [],
            "requestors": {"idbellen": {
                "auth_method": "token", "key": self.requestor_token,
                "disclose_perms": ["irma-demo.MijnOverheid.singleton.*", "irma-demo.MijnOverheid.fullName.*"],
                // For the wallet's credentials.
                "issue_perms": ["irma-demo.*"],
            }},
        })
    }

    /// Starts it again after [`IrmaServer::stop`], and waits until it answers.
    pub async fn resume(&mut self) -> Result<()> {
        fs::write(self.folder.join("config.json"), self.configuration().to_string())?;
        let mut command = process::bare(&self.program);
        command
            .args(["irma", "server", "-c"])
            .arg(self.folder.join("config.json"))
            .env("HOME", &self.folder)
            .current_dir(&self.folder);
        let mut process = Process::start("the IRMA server", &mut command, &self.folder.join("server.log"))?;
        let key = format!("{}/publickey", self.url());
        process
            .until(Duration::from_secs(30), async || http().get(&key).send().await.is_ok_and(|r| r.status().is_success()))
            .await?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it: from now on its address refuses connections.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop().await;
        }
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Gives the requestor another token, as its keeper may; the server must be started again for that, and loses its
    /// sessions.
    pub async fn change_requestor_token(&mut self) -> Result<()> {
        self.requestor_token = random::hex(32)?;
        self.stop().await;
        self.resume().await
    }

    /// A result with these claims, signed with the server's own key.
    #[must_use]
    pub fn result(&self, claims: Value) -> Token {
        Token { header: json!({"alg": "RS256", "typ": "JWT"}), claims, key: SigningKey::Rsa(self.key.clone()) }
    }

    /// What lets a requestor start sessions. Not to be printed.
    #[must_use]
    pub fn requestor_token(&self) -> &str {
        &self.requestor_token
    }

    /// The public key of its results, as PEM.
    pub async fn public_key(&self) -> Result<String> {
        Ok(http().get(format!("{}/publickey", self.url())).send().await?.error_for_status()?.text().await?)
    }

    /// Starts a session and returns the server's answer: `sessionPtr`, `token`, `frontendRequest`.
    pub async fn start_session(&self, request: &Value) -> Result<Value> {
        let response = http()
            .post(format!("{}/session", self.url()))
            .header("Authorization", &self.requestor_token)
            .json(request)
            .send()
            .await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "the IRMA server refused a session ({status}): {body}");
        serde_json::from_str(&body).context("the IRMA server's answer is no JSON")
    }
}
