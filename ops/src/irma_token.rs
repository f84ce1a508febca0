//! `idbellen irma-token`: the token that the IRMA server knows ID-bellen by.

use std::io::{IsTerminal, Read, stdin};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use shared::irma::RequestorToken;
use zeroize::Zeroizing;

use crate::parameter_store::ParameterStore;
use crate::stage::Stage;

/// What can be done with the token.
#[derive(Subcommand)]
pub enum Command {
    /// Stores the requestor token, encrypted
    ///
    /// Reads the token from standard input: typed or pasted, it is not shown; from a pipe, it is one line. There is
    /// no option that takes it: it would stay in the shell's history, and every user of the machine could read it in
    /// the list of processes. It is never printed.
    ///
    /// Stored as SecureString /idbellen/STAGE/irma-requestor-token, with the key alias/idbellen-STAGE-parameters, over
    /// what was there.
    Put {
        /// The stage of the deployment
        #[arg(long)]
        stage: Stage,
    },
}

impl Command {
    /// Does it.
    pub async fn run(self) -> Result<()> {
        let Self::Put { stage } = self;
        let token = read()?;
        let (name, key) = (stage.requestor_token(), stage.parameters_key());
        let version = ParameterStore::from_environment().await.put_secret(&name, &token, &key).await?;
        println!("Stored {name}, version {version}: a SecureString, encrypted with {key}.");
        Ok(())
    }
}

/// Reads a token from standard input, and checks that it can be one.
fn read() -> Result<Zeroizing<String>> {
    // Longer than any token, so that what is too long is not taken for its beginning.
    const LONGEST: u64 = 1024;
    let mut text = Zeroizing::new(String::new());
    if stdin().is_terminal() {
        text = Zeroizing::new(rpassword::prompt_password("Requestor token (it is not shown): ")?);
    } else {
        stdin().take(LONGEST).read_to_string(&mut text).context("the token can't be read from standard input")?;
    }
    let token = text.strip_suffix('\n').unwrap_or(&text);
    let token = token.strip_suffix('\r').unwrap_or(token);
    if token.is_empty() {
        bail!("standard input is empty: give the requestor token there");
    }
    if token.parse::<RequestorToken>().is_err() {
        bail!("that is no requestor token: one line of 16 to 256 visible ASCII characters, without spaces");
    }
    Ok(Zeroizing::new(token.to_owned()))
}
