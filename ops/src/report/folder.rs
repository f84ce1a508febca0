//! An exported folder: the objects of the bucket under their own keys in `objects/`, and beside it what they do not hold
//! themselves.
//!
//! | file | what |
//! |---|---|
//! | `export.json` | `{"bucket", "account", "signatures": {key of a digest: its signature}}`: the signature stands in the object's metadata |
//! | `public-keys.json` | `[{"region", "fingerprint", "value"}]`, as CloudTrail's `ListPublicKeys` gives them |
//! | `started.json` | `[{"at", "sum"}]`: the metric `Started` by the hour, Unix seconds; absent if it could not be read |

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// What `export.json` holds.
#[derive(Deserialize, Serialize)]
pub struct Export {
    pub bucket: String,
    /// The application's account.
    pub account: String,
    pub signatures: BTreeMap<String, String>,
}

/// A public key of CloudTrail.
#[derive(Deserialize, Serialize)]
pub struct PublicKey {
    pub region: String,
    pub fingerprint: String,
    /// DER (PKCS #1), base64.
    pub value: String,
}

/// An hour of the metric `Started`.
#[derive(Deserialize, Serialize)]
pub struct Hour {
    /// When the hour began, in Unix seconds.
    pub at: i64,
    pub sum: f64,
}

/// An exported folder.
pub struct Folder {
    path: PathBuf,
    pub export: Export,
    pub keys: Vec<PublicKey>,
    pub started: Option<Vec<Hour>>,
    /// The keys of all objects, in order.
    pub objects: Vec<String>,
}

pub const EXPORT: &str = "export.json";
pub const KEYS: &str = "public-keys.json";
pub const STARTED: &str = "started.json";
pub const OBJECTS: &str = "objects";
/// Where the agents' lines are in the bucket.
pub const AGENTS: &str = "agents/";

impl Folder {
    pub fn open(path: &Path) -> Result<Self> {
        let export =
            read(&path.join(EXPORT))?.with_context(|| format!("{} is no exported folder: it has no {EXPORT}", path.display()))?;
        let mut objects = Vec::new();
        let root = path.join(OBJECTS);
        if root.is_dir() {
            list(&root, "", &mut objects)?;
        }
        objects.sort_unstable();
        Ok(Self {
            export,
            keys: read(&path.join(KEYS))?.unwrap_or_default(),
            started: read(&path.join(STARTED))?,
            objects,
            path: path.to_owned(),
        })
    }

    /// The bytes of an object; `None` if it is not there.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        if key.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return None;
        }
        fs::read(self.path.join(OBJECTS).join(key)).ok()
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => {
            // The message of serde_json could repeat what stands there.
            let read = serde_json::from_slice(&bytes);
            read.map(Some).map_err(|error| {
                anyhow::anyhow!("{} is not as export makes it: line {}, column {}", path.display(), error.line(), error.column())
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => bail!("{} can't be read: {error}", path.display()),
    }
}

fn list(folder: &Path, key: &str, objects: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let key = if key.is_empty() { name.to_owned() } else { format!("{key}/{name}") };
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &key, objects)?;
        } else {
            objects.push(key);
        }
    }
    Ok(())
}
