//! `cargo run --example sbom`: writes what each function and `idbellen` are made of to `target/sbom`, as a software
//! bill of materials in CycloneDX's JSON.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

use anyhow::Result;
use local::sbom;
use local::tools::Tools;

#[tokio::main]
async fn main() -> Result<()> {
    let tell = |line: &str| eprintln!("{line} …");
    let tools = Tools::install(&tell).await?;
    for path in sbom::write(&tools, &tools.checkout().join("target/sbom"), &tell).await? {
        println!("{}", path.display());
    }
    Ok(())
}
