//! `idbellen irma-key`: the key that the IRMA server signs results with.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Subcommand;
use reqwest::{Client, redirect};
use shared::irma::ServerUrl;

use crate::confirm::{confirm, somebody_to_ask};
use crate::fingerprint::Fingerprint;
use crate::parameter_store::ParameterStore;
use crate::public_key::PublicKey;
use crate::stage::Stage;

/// What can be done with the key.
#[derive(Subcommand)]
pub enum Command {
    /// Fetches the server's key, has its fingerprint compared, and stores it
    ///
    /// Whoever can put another key in its place can forge what a citizen disclosed. So the fingerprint is to be
    /// compared with one that the keeper of the IRMA server gave by another way, such as by phone. The keeper finds
    /// it on the server with:
    ///
    /// openssl rsa -in private-key.pem -pubout -outform DER | sha256sum
    ///
    /// On a terminal this command asks for the comparison; a script gives the keeper's fingerprint with
    /// --fingerprint. Stored as /idbellen/STAGE/irma-public-key, over what was there.
    #[command(verbatim_doc_comment)]
    Fetch {
        /// The stage of the deployment
        #[arg(long)]
        stage: Stage,
        /// Where the IRMA server listens: https://…, or http://127.0.0.1:PORT on a developer's machine
        #[arg(long, value_name = "URL")]
        server: Server,
        /// The fingerprint that the keeper of the IRMA server gave: 64 hexadecimal digits, spaces and colons allowed
        #[arg(long, value_name = "SHA256")]
        fingerprint: Option<Fingerprint>,
    },
}

impl Command {
    /// Does it.
    pub async fn run(self) -> Result<()> {
        let Self::Fetch { stage, server, fingerprint } = self;
        if fingerprint.is_none() {
            somebody_to_ask("Give the keeper's fingerprint with --fingerprint")?;
        }
        let key = PublicKey::from_pem(&server.public_key().await?).with_context(|| format!("{server} gave no usable key"))?;
        let name = stage.irma_public_key();
        let store = ParameterStore::from_environment().await;
        let stored = store.get(&name).await?;
        let stored = stored.map(|pem| PublicKey::from_pem(pem.as_bytes()).map(|stored| stored.fingerprint()));

        println!("The key of {server} has the SHA-256 fingerprint\n\n    {}\n", key.fingerprint());
        match &stored {
            Some(Ok(same)) if *same == key.fingerprint() => println!("It is the key that is stored already."),
            Some(Ok(other)) => println!("{name} holds another key, with the fingerprint\n\n    {other}\n\n{REPLACED}"),
            Some(Err(_)) => println!("{name} holds something that is no usable key.\n{REPLACED}"),
            None => {}
        }
        match fingerprint {
            Some(expected) if expected == key.fingerprint() => {}
            Some(expected) => bail!("the key is not the one that --fingerprint names, {expected}. Nothing was stored"),
            None => {
                let question = "Is this the fingerprint that the keeper of the IRMA server gave you?";
                let is_right = confirm(question).context("nothing was stored")?;
                ensure!(is_right, "then it is not to be trusted: ask the keeper of the IRMA server. Nothing was stored");
            }
        }
        if matches!(stored, Some(Ok(same)) if same == key.fingerprint()) {
            println!("Nothing to store.");
            return Ok(());
        }
        let version = store.put(&name, &key.to_pem()).await?;
        println!("Stored {name}, version {version}.");
        Ok(())
    }
}

const REPLACED: &str = "If it is replaced, the results of calls that are under way will be refused.";

/// Where an IRMA server listens, as [`ServerUrl`] allows it.
#[derive(Clone, Debug)]
pub struct Server(String);

impl FromStr for Server {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<ServerUrl>() {
            Ok(_) => Ok(Self(text.trim_end_matches('/').to_owned())),
            Err(_) => Err("a server is https://…, or http://127.0.0.1:PORT on a developer's machine"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Server {
    const CONNECT: Duration = Duration::from_secs(10);
    const IN_ALL: Duration = Duration::from_secs(30);
    /// An RSA key of 8192 bits takes less than 2 KB.
    const LARGEST: usize = 16 * 1024;

    /// What the server says that its public key is (IRMA documentation, "IRMA server", `GET /publickey`).
    pub async fn public_key(&self) -> Result<Vec<u8>> {
        let url = format!("{self}/publickey");
        let mut client = Client::builder()
            .connect_timeout(Self::CONNECT)
            .timeout(Self::IN_ALL)
            // The key is to come from the server that was named.
            .redirect(redirect::Policy::none());
        if url.starts_with("http:") {
            client = client.no_proxy();
        }
        let unreachable = |error: reqwest::Error| anyhow!(error.without_url()).context(format!("{url} can't be read"));
        let mut response = client.build()?.get(&url).send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            bail!("{url} answered with status {}", response.status());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > Self::LARGEST {
                bail!("{url} answered with more than {} KB: that is no key", Self::LARGEST / 1024);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
