//! What the functions of ID-bellen share: the code a citizen dials, the secret behind it, how attributes are
//! sealed, the two tables, and the way to the IRMA server and Parameter Store.
//!
//! The one idea is in [`secret`]: the secret is the only key.

pub mod agent;
pub mod answer;
pub mod clock;
pub mod code;
pub mod code_key;
pub mod codes;
pub mod config;
pub mod connect;
pub mod contact;
mod database;
mod derive;
pub mod ingest;
pub mod irma;
pub mod logging;
pub mod parameters;
pub mod problem;
pub mod purpose;
pub mod record_id;
pub mod records;
pub mod request;
pub mod result_jwt;
pub mod run;
pub mod sealed;
pub mod secret;
pub mod start;
pub mod token_key;
