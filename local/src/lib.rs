//! The whole system on one machine, without Docker and without an account: the real template, deployed by the real SAM
//! CLI to an AWS emulator; the real IRMA server; and a scripted wallet. `cargo run --bin local` plays a call on it, the
//! end-to-end tests use it as a library. Start with [`Stack::up`].
//!
//! Everything listens on 127.0.0.1, and ends when our process does, however it ends.

pub mod call;
pub mod demo;
pub mod deploy;
pub mod emulator;
pub mod hex;
pub mod irma_server;
pub mod issuer;
pub mod operate;
pub mod process;
mod random;
pub mod rsa;
pub mod sbom;
pub mod server;
mod signed;
mod site;
mod stack;
mod tables;
pub mod tap;
pub mod tools;
pub mod trail;
pub mod wallet;

pub use signed::{EXTERNAL_ID, Unsigned};
pub use stack::{Invocation, Options, Stack};
pub use tables::Item;

/// Hears a line about each step that takes long.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// The region that everything is deployed in.
pub const REGION: &str = "eu-central-1";

/// A client that keeps no connections: those belong to a runtime, and each test has its own.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap_or_default()
}
