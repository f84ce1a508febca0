//! Random names and tokens.

use anyhow::{Result, anyhow};

use crate::hex;

/// This many random bytes, in hexadecimal.
pub(crate) fn hex(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no randomness: {error}"))?;
    Ok(hex::encode(&random))
}
