//! The programs that the local stack needs and that are not of this repository, in the ignored folder `.local/`.
//!
//! Nothing is installed outside that folder, apart from the caches of Go, npm and pip.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::Progress;
use crate::process::{self, Process};

const IRMAGO: &str = "github.com/privacybydesign/irmago";
const IRMAGO_VERSION: &str = "v1.3.0";
pub(crate) const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// Where CloudFormation Guard is in the npm package in which AWS delivers it: from crates.io it takes two minutes to build.
const GUARD: &str = if cfg!(target_os = "macos") { "macos" } else { "ubuntu" };
const GUARD_LOCK: &str = include_str!("../guard/package-lock.json");

/// What `python` is given to install what a file of requirements says and nothing else: each package has the hash that stands
/// there; none is built here, which would run what it brings and fetch more; and none asks for another. The file's name follows.
pub const PIP_INSTALL: [&str; 9] = [
    "-m",
    "pip",
    "install",
    "--disable-pip-version-check",
    "--quiet",
    "--require-hashes",
    "--only-binary=:all:",
    "--no-deps",
    "-r",
];

/// Finds dependencies that nothing uses.
pub const MACHETE: Published = Published { name: "cargo-machete", version: "0.9.2", builds: "about a minute" };
/// Lists what a program is made of, in CycloneDX.
pub const CYCLONEDX: Published = Published { name: "cargo-cyclonedx", version: "0.5.9", builds: "about a minute" };

/// The web pages, each a folder of `web/`.
const PAGES: [&str; 3] = ["citizen", "agent", "demo"];

/// A program on crates.io that is compiled here; only the checks of dependencies and the bills of materials need them.
pub struct Published {
    name: &'static str,
    version: &'static str,
    /// How long it takes to build.
    builds: &'static str,
}

/// Where everything is, once installed.
#[derive(Clone, Debug)]
pub struct Tools {
    checkout: PathBuf,
    folder: PathBuf,
}

impl Tools {
    /// Installs what is missing or of another version, and says so to `progress`. Takes a few minutes the first time
    /// and some milliseconds after that. Processes that want the same at once wait for each other.
    pub async fn install(progress: Progress<'_>) -> Result<Self> {
        let tools = Self::here()?;
        tools.complete(progress).await?;
        Ok(tools)
    }

    /// Where everything will be once it is [complete](Self::complete).
    pub(crate) fn here() -> Result<Self> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate is not in a workspace")?;
        let tools = Self { checkout: checkout.to_owned(), folder: checkout.join(".local") };
        fs::create_dir_all(&tools.folder)?;
        Ok(tools)
    }

    pub(crate) async fn complete(&self, progress: Progress<'_>) -> Result<()> {
        let _lock = self.lock("tools").await?;
        tokio::try_join!(self.python(progress), self.go(progress)).map(|_| ())
    }

    /// The root of the checkout.
    #[must_use]
    pub fn checkout(&self) -> &Path {
        &self.checkout
    }

    /// The folder for everything that is made on this machine and not committed.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of Python's programs: `ministack`, `sam`, `cargo-lambda`, `cfn-lint`, `python`.
    #[must_use]
    pub fn python_bin(&self) -> PathBuf {
        self.folder.join("python/bin")
    }

    /// The variable `PATH`, with Python's programs first.
    pub fn path(&self) -> Result<OsString> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(std::env::join_paths(std::iter::once(self.python_bin()).chain(std::env::split_paths(&path)))?)
    }

    /// The IRMA server's program.
    #[must_use]
    pub fn yivi(&self) -> PathBuf {
        self.folder.join("yivi/yivi")
    }

    /// The scripted wallet's program.
    #[must_use]
    pub fn wallet(&self) -> PathBuf {
        self.folder.join("wallet/wallet")
    }

    /// The folder with the demo scheme, its issuers' private keys included.
    #[must_use]
    pub fn schemes(&self) -> PathBuf {
        self.folder.join("schemes")
    }

    /// Takes a lock among processes, which is released when the result is dropped.
    pub async fn lock(&self, name: &str) -> Result<File> {
        let file = File::create(self.folder.join(format!("{name}.lock")))?;
        tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await?.context("cannot lock")
    }

    /// The program `cargo-deny`, which checks licences, sources, second versions and advisories of dependencies.
    #[must_use]
    pub fn deny(&self) -> PathBuf {
        self.python_bin().join("cargo-deny")
    }

    /// The program `cfn-guard` (AWS CloudFormation Guard), which checks templates; installed if it is missing.
    pub async fn guard(&self, progress: Progress<'_>) -> Result<PathBuf> {
        let _lock = self.lock("tools").await?;
        self.install_into("cfn-guard", GUARD_LOCK, async |target: &Path| {
            require_node()?;
            progress("Installing CloudFormation Guard");
            for file in ["package.json", "package-lock.json", ".npmrc"] {
                fs::copy(self.checkout.join("local/guard").join(file), target.join(file))?;
            }
            let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
            self.run("npm ci", process::inheriting("npm").args(arguments).current_dir(target)).await
        })
        .await?;
        let package = self.folder.join("cfn-guard/node_modules/@cdklabs/cdk-validator-cfnguard");
        Ok(package.join("bin").join(GUARD).join(std::env::consts::ARCH).join("cfn-guard"))
    }

    /// A program from crates.io, compiled if it is missing.
    pub async fn published(&self, program: &Published, progress: Progress<'_>) -> Result<PathBuf> {
        let Published { name, version, builds } = program;
        let _lock = self.lock("tools").await?;
        self.install_into(name, version, async |target: &Path| {
            progress(&format!("Building {name} ({builds}, once)"));
            let build = self.folder.join(format!("{name}-build"));
            self.run(
                "cargo install",
                process::inheriting("cargo")
                    .args(["install", "--quiet", "--locked", "--version", version, "--root"])
                    .arg(target)
                    .arg(name)
                    // Quick to build: each runs for seconds.
                    .envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"), ("CARGO_PROFILE_RELEASE_LTO", "off")])
                    .envs([("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"), ("CARGO_PROFILE_RELEASE_DEBUG", "false")])
                    .env("CARGO_TARGET_DIR", &build)
                    .current_dir(&self.folder),
            )
            .await?;
            let _ = fs::remove_dir_all(build);
            Ok(())
        })
        .await?;
        Ok(self.folder.join(name).join("bin").join(name))
    }

    /// The folder `web/` of the checkout, with each of its pages built into its own folder `dist`.
    pub async fn web(&self, progress: Progress<'_>) -> Result<PathBuf> {
        let _lock = self.lock("web").await?;
        let web = self.checkout.join("web");
        let packages = fs::read_to_string(web.join("package-lock.json"))?;
        let (installed, built) = (self.folder.join("web-installed"), self.folder.join("web-built"));
        if !is_current(&installed, &packages) || !web.join("node_modules").exists() {
            require_node()?;
            progress("Installing what the web pages are made with");
            let _ = fs::remove_dir_all(&installed);
            self.run(
                "npm ci",
                process::inheriting("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&web),
            )
            .await?;
            fs::create_dir_all(&installed)?;
            mark(&installed, &packages)?;
        }
        let source = sources(&web)?;
        if !is_current(&built, &source) || PAGES.iter().any(|page| !web.join(page).join("dist/index.html").exists()) {
            progress("Building the web pages");
            let _ = fs::remove_dir_all(&built);
            self.run("npm run build", process::inheriting("npm").args(["run", "build"]).current_dir(&web)).await?;
            fs::create_dir_all(&built)?;
            mark(&built, &source)?;
        }
        Ok(web)
    }

    /// The program of the browser that plays the web pages; only tests need it.
    pub fn chromium() -> Result<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
        let mut programs = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
        programs.find(|program| program.is_file()).context("Please install Chromium (Debian: chromium)")
    }

    async fn python(&self, progress: Progress<'_>) -> Result<()> {
        let target = self.folder.join("python");
        if is_current(&target, REQUIREMENTS) {
            return Ok(());
        }
        require(
            "python3",
            &["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"],
            "Python 3.11 or newer with its venv module (Debian: python3-venv)",
        )?;
        progress("Installing the AWS emulator and the SAM CLI (about two minutes, once)");
        // Programs of a virtual environment name its path, so it is made in place; the stamp comes last.
        let _ = fs::remove_dir_all(&target);
        self.run("python3", process::inheriting("python3").args(["-m", "venv"]).arg(&target)).await?;
        self.run(
            "pip",
            process::inheriting(target.join("bin/python")).args(PIP_INSTALL).arg(self.checkout.join("local/requirements.txt")),
        )
        .await?;
        mark(&target, REQUIREMENTS)
    }

    async fn go(&self, progress: Progress<'_>) -> Result<()> {
        let source = self.checkout.join("local/wallet");
        let wallet = contents(&source)?;
        let targets = [("yivi", IRMAGO_VERSION), ("schemes", IRMAGO_VERSION), ("wallet", &wallet)];
        if targets.iter().all(|(name, stamp)| is_current(&self.folder.join(name), stamp)) {
            return Ok(());
        }
        require_go()?;
        self.install_into("yivi", IRMAGO_VERSION, async |target: &Path| {
            progress("Building the IRMA server (about a minute, once)");
            let package = format!("{IRMAGO}/yivi@{IRMAGO_VERSION}");
            self.run(
                "go install",
                process::inheriting("go")
                    .args(["install", &package])
                    .env("GOBIN", target)
                    .env("GOFLAGS", "")
                    .env("GOWORK", "off"),
            )
            .await
        })
        .await?;
        self.install_into("schemes", IRMAGO_VERSION, async |target: &Path| {
            copy_folder(&module_folder(&self.folder)?.join("testdata/irma_configuration/irma-demo"), &target.join("irma-demo"))
        })
        .await?;
        self.install_into("wallet", &wallet, async |target: &Path| {
            progress("Building the wallet");
            self.run(
                "go build",
                process::inheriting("go")
                    .args(["build", "-o"])
                    .arg(target.join("wallet"))
                    .arg(".")
                    .env("GOFLAGS", "-mod=readonly")
                    .env("GOWORK", "off")
                    .current_dir(&source),
            )
            .await
        })
        .await
    }

    /// Fills a folder under a temporary name, stamps and renames it: what was interrupted is done again.
    async fn install_into(&self, name: &str, stamp: &str, fill: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<()> {
        let target = self.folder.join(name);
        if is_current(&target, stamp) {
            return Ok(());
        }
        let unfinished = self.folder.join(format!("{name}.unfinished"));
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(&unfinished)?;
        fill(&unfinished).await?;
        mark(&unfinished, stamp)?;
        let _ = fs::remove_dir_all(&target);
        fs::rename(&unfinished, &target)?;
        Ok(())
    }

    async fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        let log = self.folder.join(format!("install-{}.log", name.replace(' ', "-")));
        let _ = fs::remove_file(&log);
        Process::start(name, command, &log)?.finish().await
    }
}

/// The folder in Go's module cache that holds the IRMA project's source.
fn module_folder(anywhere: &Path) -> Result<PathBuf> {
    let output = Command::new("go")
        .args(["mod", "download", "-json", &format!("{IRMAGO}@{IRMAGO_VERSION}")])
        .env("GOFLAGS", "")
        .env("GOWORK", "off")
        .current_dir(anywhere)
        .output()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).context("`go mod download` failed")?;
    Ok(PathBuf::from(answer["Dir"].as_str().context("`go mod download` names no folder")?))
}

/// Checks with `go env`, which also takes a newer toolchain into account that Go would fetch itself.
fn require_go() -> Result<()> {
    let what = "Go 1.25 or newer (https://go.dev/dl)";
    let output = require("go", &["env", "GOVERSION"], what)?;
    let minor = output.trim().strip_prefix("go1.").and_then(|rest| rest.split(['.', 'r', 'b', '-']).next()?.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor < 25) {
        bail!("Please install {what}: found {}", output.trim());
    }
    Ok(())
}

fn require_node() -> Result<()> {
    let what = "Node.js 20.19 or newer with npm (https://nodejs.org)";
    let newer = "const [major, minor] = process.versions.node.split('.').map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)";
    require("node", &["-e", newer], what)?;
    require("npm", &["--version"], what).map(|_| ())
}

fn require(program: &str, arguments: &[&str], what: &str) -> Result<String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => bail!("Please install {what}: `{program}` is missing or too old"),
    }
}

/// The text of all files of a folder: what the wallet was built from.
fn contents(folder: &Path) -> Result<String> {
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))).collect()
}

/// The text of all that the web pages are built from.
fn sources(web: &Path) -> Result<String> {
    const MADE: [&str; 3] = ["node_modules", "dist", "tests"];
    let mut entries = fs::read_dir(web)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.retain(|entry| MADE.iter().all(|made| entry.file_name() != *made));
    entries.sort_by_key(fs::DirEntry::path);
    let text = |entry: &fs::DirEntry| {
        if entry.file_type()?.is_dir() {
            return sources(&entry.path());
        }
        let bytes = fs::read(entry.path())?;
        Ok(format!("{}\n{}\n", entry.path().display(), String::from_utf8_lossy(&bytes)))
    };
    entries.iter().map(text).collect()
}

/// A tool's stamp is all that decides what it is: the versions, or the source.
fn is_current(target: &Path, stamp: &str) -> bool {
    fs::read_to_string(target.join("stamp")).is_ok_and(|found| found == stamp)
}

fn mark(target: &Path, stamp: &str) -> Result<()> {
    Ok(fs::write(target.join("stamp"), stamp)?)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            // The contents only: the module cache is read-only, and the copy must be removable.
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
