//! What each program is made of: a software bill of materials, in CycloneDX.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::Progress;
use crate::tools::{self, Tools};

/// On what the functions run, unless the template's `Architecture` is another: there the same crates are linked.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Writes one for each function and for `idbellen` into `folder`, as `NAME.cdx.json`; the answer is their paths.
///
/// cargo-cyclonedx lists all crates that Cargo.lock has for a program, those of features that it does not use among them.
/// What `cargo tree` says is not in the program is taken out, macros too. Rust's own library is not listed.
pub async fn write(tools: &Tools, folder: &Path, progress: Progress<'_>) -> Result<Vec<PathBuf>> {
    let program = tools.published(&tools::CYCLONEDX, progress).await?;
    let _lock = tools.lock("sbom").await?;
    let checkout = tools.checkout();
    let mut packages: Vec<(String, String)> = Vec::new();
    for entry in fs::read_dir(checkout.join("functions"))? {
        let name = entry?.file_name().into_string().ok().context("a function's name is not UTF-8")?;
        packages.push((format!("functions/{name}"), name));
    }
    packages.sort();
    packages.push(("ops".to_owned(), "idbellen".to_owned()));
    fs::create_dir_all(folder)?;

    // It writes beside each package of the workspace, wherever it is told to start.
    let options = ["--format", "json", "--spec-version", "1.5", "--describe", "binaries", "--no-build-deps", "--target", TARGET];
    output(Command::new(program).args(["cyclonedx", "--quiet"]).args(options).current_dir(checkout))?;
    let mut written = Vec::new();
    for (package, name) in packages {
        let listed = fs::read(checkout.join(&package).join(format!("{name}_bin.cdx.json")))?;
        let mut bill: Value = serde_json::from_slice(&listed)?;
        let linked = linked(&checkout.join(&package))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut kept: BTreeSet<String> = BTreeSet::from([text(&bill["metadata"]["component"]["bom-ref"])]);
        let components = bill["components"].as_array_mut().context("a bill of materials has no components")?;
        components.retain(|component| linked.contains(&(text(&component["name"]), text(&component["version"]))));
        kept.extend(components.iter().map(|component| text(&component["bom-ref"])));
        let dependencies = bill["dependencies"].as_array_mut().context("a bill of materials has no dependencies")?;
        dependencies.retain(|dependency| kept.contains(&text(&dependency["ref"])));
        for dependency in dependencies {
            if let Some(on) = dependency["dependsOn"].as_array_mut() {
                on.retain(|on| kept.contains(&text(on)));
            }
        }
        let path = folder.join(format!("{name}.cdx.json"));
        // Where this checkout is, is nobody's business.
        let text = serde_json::to_string_pretty(&bill)?.replace(&format!("file://{}", checkout.display()), "file://.");
        fs::write(&path, text)?;
        written.push(path);
    }
    remove_listings(checkout)?;
    Ok(written)
}

/// Removes what cargo-cyclonedx wrote.
fn remove_listings(checkout: &Path) -> Result<()> {
    let metadata = ["metadata", "--locked", "--no-deps", "--format-version", "1"];
    let workspace: Value = serde_json::from_str(&output(Command::new("cargo").args(metadata).current_dir(checkout))?)?;
    let manifests =
        workspace["packages"].as_array().into_iter().flatten().filter_map(|package| package["manifest_path"].as_str());
    for folder in manifests.filter_map(|manifest| Path::new(manifest).parent()) {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with("_bin.cdx.json") {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

/// The names and versions of the crates that are in a package's program.
fn linked(package: &Path) -> Result<BTreeSet<(String, String)>> {
    let options =
        ["tree", "--locked", "--edges", "normal,no-proc-macro", "--target", TARGET, "--prefix", "none", "--format", "{p}"];
    let tree = output(Command::new("cargo").args(options).current_dir(package))?;
    let named = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    Ok(tree.lines().filter_map(named).collect())
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?} can't be run"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
