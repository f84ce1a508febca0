//! `idbellen purposes`: for what citizens can identify themselves, what is asked of them and why.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Subcommand;
use serde_json::Value;
use shared::purpose::PurposeName;

use crate::parameter_store::ParameterStore;
use crate::purpose_check::{Demo, Problem, check};
use crate::purpose_schema::PurposeSchema;
use crate::stage::Stage;

/// What can be done with purposes.
#[derive(Subcommand)]
pub enum Command {
    /// Checks files with purposes
    ///
    /// Reports every problem as `FILE:LINE: what is wrong`. A purpose must name who is responsible for the data, where
    /// the citizen can read what happens with them, on what legal basis they are asked, and for each attribute why it
    /// is asked and what it is called, in Dutch and in English.
    Check {
        /// Lets a purpose ask attributes of a demo scheme, in which anyone can issue anything
        #[arg(long)]
        demo: bool,
        /// A JSON file that is called after the purpose: burgerzaken.json
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Checks files with purposes, and stores them if all are good
    ///
    /// Each is stored as /idbellen/STAGE/purposes/NAME, over what was there; NAME is the file's name without .json.
    /// Within a minute a running deployment goes by it: that is also how a purpose is closed, with "open": false.
    Put {
        /// The stage of the deployment
        #[arg(long)]
        stage: Stage,
        /// Lets a purpose ask attributes of a demo scheme, in which anyone can issue anything: for trying it out
        #[arg(long)]
        demo: bool,
        /// A JSON file that is called after the purpose: burgerzaken.json
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

impl Command {
    /// Does it.
    pub async fn run(self) -> Result<()> {
        match self {
            Self::Check { demo, files } => {
                read_all(&files, demo)?;
                for file in files {
                    println!("{}: good", file.display());
                }
            }
            Self::Put { stage, demo, files } => {
                let purposes = read_all(&files, demo).context("nothing was stored")?;
                let store = ParameterStore::from_environment().await;
                for (name, json) in purposes {
                    let name = stage.purpose(&name);
                    let version = store.put(&name, &json).await?;
                    println!("Stored {name}, version {version}.");
                }
            }
        }
        Ok(())
    }
}

/// Reads the purposes in `files`. If there is a problem in any of them, it prints all of them and fails.
fn read_all(files: &[PathBuf], demo: bool) -> Result<Vec<(PurposeName, String)>> {
    let demo = if demo { Demo::Allowed } else { Demo::Refused };
    let schema = PurposeSchema::new()?;
    let mut names = HashSet::new();
    let mut purposes = Vec::new();
    let mut count = 0;
    for file in files {
        let name = name(file).and_then(|name| {
            let first = names.insert(name.clone());
            if first { Ok(name) } else { Err(Problem::new(1, format!("another file holds the purpose {}, too", name.as_str()))) }
        });
        let json = match std::fs::read(file).map(String::from_utf8) {
            Ok(Ok(text)) => check(&text, &schema, demo),
            Ok(Err(_)) => Err(vec![Problem::new(1, "the file is not text in UTF-8")]),
            Err(error) => Err(vec![Problem::new(1, format!("the file can't be read: {error}"))]),
        };
        match (name, json) {
            (Ok(name), Ok(json)) => purposes.push((name, json)),
            (name, json) => {
                for Problem { line, what } in name.err().into_iter().chain(json.err().into_iter().flatten()) {
                    eprintln!("{}:{line}: {what}", file.display());
                    count += 1;
                }
            }
        }
    }
    match count {
        0 => Ok(purposes),
        1 => bail!("1 problem"),
        count => bail!("{count} problems"),
    }
}

/// The purposes in a folder, each a file that is called after the purpose and was good when it was stored. Other files are
/// not looked at. An error if there is none, or one has no valid name or is no JSON.
pub fn read_folder(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let unreadable = || format!("{} can't be read", folder.display());
    let mut purposes = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let file = entry.with_context(unreadable)?.path();
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = name(&file).map_err(|problem| anyhow!("{}: {}", file.display(), problem.what))?;
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
        let purpose = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
        purposes.insert(name.as_str().to_owned(), purpose);
    }
    ensure!(!purposes.is_empty(), "{} has no purpose: no file NAME.json", folder.display());
    Ok(purposes)
}

/// The purpose that a file is called after.
fn name(file: &Path) -> Result<PurposeName, Problem> {
    let name = file.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
    name.ok_or_else(|| {
        Problem::new(1, "the file is not called after a purpose: 1 to 40 lower-case letters, digits and hyphens, then .json")
    })
}
