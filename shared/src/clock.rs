//! Time: Unix seconds, everywhere.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, in seconds since 1970-01-01T00:00:00Z.
pub type UnixSeconds = i64;

/// Now, by this machine's clock.
#[must_use]
pub fn now() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs().cast_signed())
}
