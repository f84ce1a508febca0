//! What the functions of ID-bellen share: the code a citizen dials, the secret behind it, how attributes are
//! sealed, the two tables, and the way to the IRMA server and Parameter Store.
//!
//! The one idea is in [`secret`]: the secret is the only key.

pub mod agent;
pub mod answer;
pub mod asked;
pub mod audit;
pub mod clock;
pub mod code;
pub mod code_key;
pub mod codes;
pub mod config;
pub mod connect;
pub mod contact;
pub mod contact_attributes;
mod database;
mod derive;
pub mod ingest;
pub mod irma;
pub mod logging;
pub mod metrics;
pub mod parameters;
pub mod problem;
pub mod purpose;
pub mod record_id;
pub mod record_key;
pub mod records;
pub mod reference;
pub mod request;
pub mod result_jwt;
pub mod run;
pub mod sealed;
pub mod secret;
pub mod server_date;
pub mod start;
pub mod telephony;
mod tls;
pub mod token_key;

/// What no line of code can print, copy or put into JSON: the compiler sees to it.
#[cfg(test)]
mod silent {
    use std::fmt::{Debug, Display};

    use serde::Serialize;
    use static_assertions::assert_not_impl_any;

    macro_rules! silent {
        ($($type:ty),* $(,)?) => { $(assert_not_impl_any!($type: Debug, Display, Clone, Serialize);)* };
    }

    silent!(
        crate::code::Code,
        crate::code_key::CodeLock,
        crate::secret::Secret,
        crate::record_key::KeyPair,
        crate::irma::RequestorToken,
        crate::irma::SessionToken,
        crate::irma::StartedSession,
        crate::result_jwt::DisclosedAttributes,
        crate::result_jwt::SessionResult,
        crate::sealed::SealedAttributes,
        crate::sealed::SealedSecret,
        crate::token_key::SealedToken,
    );
}
