//! `idbellen`: the operator's command. It puts in Parameter Store what the functions of a stage read there: the IRMA
//! server's requestor token and public key, and the purposes. It swaps the code key, verifies a live stack,
//! reports what the audit trail proves, and publishes the web pages.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

mod aws;
mod code_key;
mod confirm;
mod fingerprint;
mod hex;
mod irma_key;
mod irma_token;
mod json_lines;
mod kms;
mod merge;
mod parameter_store;
mod public_key;
mod purpose_check;
mod purpose_schema;
mod purposes;
mod report;
mod stage;
mod swap;
mod verify;
mod web;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, Parser, Subcommand};

/// Puts in Parameter Store what ID-bellen needs to run, swaps its code key, verifies that a stack keeps its promises, reports
/// what its audit trail proves, and publishes the web pages.
///
/// AWS is found as by AWS's own command: `AWS_PROFILE` and `AWS_REGION`, `aws sso login`, or a credential process.
/// Exit codes: 0 done; 1 refused or failed, with the reason on standard error; 2 wrong usage.
#[derive(Parser)]
#[command(name = "idbellen", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The token that the IRMA server knows ID-bellen by
    #[command(subcommand)]
    IrmaToken(irma_token::Command),
    /// The key that the IRMA server signs results with
    #[command(subcommand)]
    IrmaKey(irma_key::Command),
    /// For what citizens can identify themselves, what is asked of them and why
    ///
    /// The files in infra/purposes are examples, and ask for attributes of IRMA's demo scheme, which proves nothing: without
    /// --demo they are refused. A municipality asks for those that municipalities issue: pbdf.gemeente.bsn.bsn, and pbdf.gemeente.personalData.firstnames, .prefix and
    /// .familyname.
    #[command(subcommand)]
    Purposes(purposes::Command),
    /// The key in KMS that names and seals codes
    #[command(subcommand)]
    CodeKey(code_key::Command),
    /// Whether a live stack keeps the promises now
    ///
    /// Asks AWS, changes nothing, and prints each promise with what was found: ✔ it is kept; ✘ it is not; ? it can't be
    /// seen, and why. With ✘ and ? stands what to do. Exit code 1 if there is a ✘; with --strict, if there is a ? that is not
    /// accepted, too. The stack's role `VerifyRole` has the rights for it, and no others.
    Verify(verify::Command),
    Report(Box<report::Command>),
    /// The citizen's page and the agent portal
    #[command(subcommand)]
    Web(web::Command),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| without_token(error).exit());
    let done = match cli.command {
        Command::IrmaToken(command) => command.run().await,
        Command::IrmaKey(command) => command.run().await,
        Command::Purposes(command) => command.run().await,
        Command::CodeKey(command) => command.run().await,
        Command::Verify(command) => command.run().await,
        Command::Report(command) => command.run().await,
        Command::Web(command) => command.run().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("idbellen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is wrong with the arguments; of those of `irma-token` without repeating them, as one may be the token.
fn without_token(mut error: Error) -> Error {
    if std::env::args_os().any(|argument| argument == "irma-token") {
        let typed = match error.kind() {
            ErrorKind::UnknownArgument => ContextKind::InvalidArg,
            ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
            _ => ContextKind::InvalidValue,
        };
        if error.remove(typed).is_some() {
            error.insert(typed, ContextValue::String("(not shown)".to_owned()));
        }
        error.remove(ContextKind::Suggested);
    }
    error
}
