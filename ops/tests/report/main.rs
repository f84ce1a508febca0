//! `idbellen report` on folders in CloudTrail's documented form, whole and spoiled.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod agents;
mod changes;
mod integrity;
mod lives;
mod makings;
mod others;
mod trail;
