//! What the project depends on, held against `deny.toml`, whether all of it is used, and what the programs are made of.

#![allow(clippy::print_stderr, reason = "it speaks to people")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use local::sbom;
use local::tools::{self, Published, Tools};
use serde_json::Value;

fn tell(line: &str) {
    eprintln!("{line} …");
}

/// Runs a program in the checkout; its output is the error when it fails.
async fn run(program: &Published, arguments: &[&str]) -> Result<()> {
    let tools = Tools::install(&tell).await?;
    let path = tools.published(program, &tell).await?;
    let output = Command::new(&path).args(arguments).current_dir(tools.checkout()).output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{} {}:\n{said}", path.display(), arguments.join(" "));
    Ok(())
}

#[tokio::test]
async fn licences_sources_and_versions_are_as_deny_toml_says() -> Result<()> {
    let check = ["--locked", "--workspace", "check"];
    let no_stale_skip = ["--deny", "unmatched-skip", "--deny", "unnecessary-skip"];
    run(&tools::DENY, &[&check[..], &no_stale_skip, &["bans", "licenses", "sources"]].concat()).await
}

#[tokio::test]
async fn every_dependency_is_used() -> Result<()> {
    run(&tools::MACHETE, &["--with-metadata", "."]).await
}

#[tokio::test]
async fn a_bill_of_materials_names_what_is_in_a_program_and_nothing_else() -> Result<()> {
    let tools = Tools::install(&tell).await?;
    let bills = sbom::write(&tools, &tools.checkout().join("target/sbom"), &tell).await?;
    ensure!(bills.len() == 8, "{} bills of materials", bills.len());
    for (program, within, without) in [
        ("dtmf-exchange", ["shared", "aws-sdk-dynamodb", "aws-lc-sys"], ["ring", "aws-config", "clap"]),
        ("session-start", ["shared", "aws-sdk-ssm", "reqwest"], ["ring", "aws-config", "proptest"]),
        ("idbellen", ["shared", "aws-config", "clap"], ["local", "proptest", "dynoxide-rs"]),
    ] {
        let bill = bills.iter().find(|bill| bill.ends_with(format!("{program}.cdx.json"))).context("no bill of materials")?;
        let bill: Value = serde_json::from_slice(&fs::read(bill)?)?;
        let components = bill["components"].as_array().context("no components")?;
        let named: BTreeSet<&str> = components.iter().filter_map(|component| component["name"].as_str()).collect();
        for name in within {
            ensure!(named.contains(name), "{program} is not said to have {name}");
        }
        for name in without {
            ensure!(!named.contains(name), "{program} is said to have {name}");
        }
        ensure!(
            components.iter().all(|component| component["licenses"][0].is_object()),
            "{program} has a part without a licence"
        );
    }
    Ok(())
}
