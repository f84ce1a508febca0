//! What the project depends on, held against `deny.toml`; that all of it is used; what the programs consist of; and that a
//! registry which serves something else than it did is noticed before any of it runs.
//!
//! `cargo test --workspace` leaves these tests out, because two programs that they need are compiled from source:
//! `cargo test --test dependencies` runs them.

#![allow(clippy::print_stderr, reason = "it speaks to people")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use local::sbom;
use local::tools::{self, Tools};
use serde_json::Value;

fn tell(line: &str) {
    eprintln!("{line} …");
}

/// Runs a program in the checkout; its output is the error when it fails.
fn run(program: &Path, arguments: &[&str], tools: &Tools) -> Result<()> {
    let output = Command::new(program).args(arguments).current_dir(tools.checkout()).output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{} {}:\n{said}", program.display(), arguments.join(" "));
    Ok(())
}

#[tokio::test]
async fn licences_sources_and_versions_are_as_deny_toml_says() -> Result<()> {
    let check = ["--locked", "--workspace", "check"];
    let no_stale_skip = ["--deny", "unmatched-skip", "--deny", "unnecessary-skip"];
    let tools = Tools::install(&tell).await?;
    run(&tools.deny(), &[&check[..], &no_stale_skip, &["bans", "licenses", "sources"]].concat(), &tools)
}

#[tokio::test]
async fn every_dependency_is_used() -> Result<()> {
    let tools = Tools::install(&tell).await?;
    run(&tools.published(&tools::MACHETE, &tell).await?, &["--with-metadata", "."], &tools)
}

/// What installs from a registry, as it stands in a document, a script or a list of arguments; and what must stand on the same
/// line. None of it runs what a package brings for its installation, or takes a package that is another than it was.
const INSTALLING: [(&str, &[&str]); 6] = [
    (concat!("npm ", "ci"), &["--ignore-scripts"]),
    (concat!("[\"", "ci\""), &["--ignore-scripts"]),
    (concat!("npm ", "install"), &["no line may say so: it takes what the lock file does not have"]),
    (concat!("n", "px "), &["no line may say so: it fetches what no lock file has"]),
    (concat!("pip ", "install"), &["--require-hashes", "--only-binary=:all:", "--no-deps"]),
    (concat!("cargo ", "install --version"), &["--locked"]),
];

#[test]
fn nothing_is_installed_without_a_lock_or_with_a_script_of_its_own() -> Result<()> {
    let mut wrong = Vec::new();
    let mut found = 0;
    for file in tracked()? {
        let Ok(text) = fs::read_to_string(checkout()?.join(&file)) else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            for (installing, needs) in INSTALLING.iter().filter(|(installing, _)| line.contains(installing)) {
                found += 1;
                // How a program is called in a message is no command.
                let is_name = line.contains(&format!("\"{installing}\","));
                if needs.iter().any(|need| !line.contains(need)) && !is_name {
                    wrong.push(format!("{file}:{number}: {installing}, without {needs:?}"));
                }
            }
        }
        if file.ends_with("package-lock.json") {
            let folder = Path::new(&file).parent().context("a file is in no folder")?;
            let settings = fs::read_to_string(checkout()?.join(folder).join(".npmrc")).unwrap_or_default();
            if !settings.lines().any(|line| line == "ignore-scripts=true") {
                wrong.push(format!("{}/.npmrc does not say ignore-scripts=true", folder.display()));
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    ensure!(found >= 5, "{found} lines that install are few");
    for needed in ["--require-hashes", "--only-binary=:all:", "--no-deps"] {
        ensure!(tools::PIP_INSTALL.contains(&needed), "Python's packages are installed without {needed}");
    }
    Ok(())
}

#[test]
fn every_package_of_a_lock_file_has_its_hash() -> Result<()> {
    let is_sha256 = |hash: &str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    for folder in ["local", "bench/python"] {
        let locked = fs::read_to_string(checkout()?.join(folder).join("requirements.txt"))?;
        let mut versions = BTreeSet::new();
        let packages = locked.replace("\\\n", " ");
        for package in packages.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            let (version, hashes) = package.split_once("--hash=").with_context(|| format!("{package} has no hash"))?;
            let version = version.split(';').next().unwrap_or_default().trim();
            ensure!(version.contains("=="), "{version} is of no version");
            for hash in hashes.split("--hash=") {
                let hash = hash.trim().strip_prefix("sha256:").filter(|hash| is_sha256(hash));
                ensure!(hash.is_some(), "{version} has a hash that is none");
            }
            versions.insert(version.to_owned());
        }
        let chosen = fs::read_to_string(checkout()?.join(folder).join("requirements.in"))?;
        // `ministack[full]`: what an extra brings stands in the lock by itself.
        let without_extra = |line: &str| match (line.split_once('['), line.split_once(']')) {
            (Some((name, _)), Some((_, version))) => format!("{name}{version}"),
            _ => line.to_owned(),
        };
        let chosen: Vec<String> = chosen.lines().filter(|line| !line.starts_with('#')).map(without_extra).collect();
        ensure!(versions.len() > chosen.len() && chosen.len() >= 4, "{folder} has few packages");
        for version in chosen {
            ensure!(versions.contains(&version), "{folder}/requirements.txt is not of {version}: its head tells how to renew it");
        }
    }
    for file in tracked()?.into_iter().filter(|file| file.ends_with("package-lock.json")) {
        let locked: Value = serde_json::from_slice(&fs::read(checkout()?.join(&file))?)?;
        for (name, package) in locked["packages"].as_object().context("no packages")? {
            // The others are the project's own.
            let is_fetched = name.contains("node_modules/") && package["link"] != true;
            let has_hash = package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-"));
            ensure!(has_hash || !is_fetched, "{file}: {name} has no hash");
        }
    }
    Ok(())
}

/// SAM gives cargo-lambda no `--locked`. What it reads in its place is tried here on a workspace whose lock file lacks a package.
#[tokio::test]
async fn what_is_deployed_is_built_from_the_lock_file_or_not_at_all() -> Result<()> {
    let tools = Tools::install(&tell).await?;
    let ours = fs::read_to_string(tools.checkout().join("Cargo.toml"))?;
    let (_, setting) = ours.split_once("[workspace.metadata.lambda.build]").context("Cargo.toml says nothing to cargo-lambda")?;
    let setting = setting.split("\n[").next().unwrap_or_default();
    let build = async |setting: &str| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("without-a-whole-lock");
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root)?;
        let package = |name: &str, rest: &str| {
            let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}");
            fs::create_dir_all(root.join(name).join("src"))?;
            fs::write(root.join(name).join("Cargo.toml"), manifest)
        };
        fs::write(
            root.join("Cargo.toml"),
            format!("[workspace]\nresolver = \"3\"\nmembers = [\"function\", \"more\"]\n{setting}"),
        )?;
        package("function", "[dependencies]\nmore = { path = \"../more\" }\n")?;
        package("more", "")?;
        fs::write(root.join("function/src/main.rs"), "fn main() {}")?;
        fs::write(root.join("more/src/lib.rs"), "")?;
        fs::write(root.join("Cargo.lock"), "version = 4\n\n[[package]]\nname = \"function\"\nversion = \"0.1.0\"\n")?;
        let output = Command::new("cargo")
            .args(["lambda", "build", "--bin", "function"])
            .current_dir(root.join("function"))
            .env("PATH", tools.path()?)
            .env("CARGO_LAMBDA_COMPILER", "cargo")
            .env("CARGO_TARGET_DIR", root.join("target"))
            .output()?;
        anyhow::Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let (done, said) = build("").await?;
    ensure!(done, "without the setting it is not built either: {said}");
    let (done, said) = build(&format!("[workspace.metadata.lambda.build]{setting}")).await?;
    ensure!(!done && said.contains("--locked"), "built, though the lock file lacks a package: {said}");
    Ok(())
}

fn checkout() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate is not in a workspace")
}

/// The files that git knows, by their paths in the checkout; and those that it is about to.
fn tracked() -> Result<Vec<String>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(checkout()?).output()?;
    ensure!(output.status.success(), "git does not list the files");
    let files: Vec<String> = String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect();
    ensure!(files.len() > 100, "{} files are few", files.len());
    Ok(files)
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
