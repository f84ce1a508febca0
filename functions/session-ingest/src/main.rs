//! `POST /irma/result/{id}`: the IRMA server says that a session ended.
//!
//! Its body holds the result, but anyone could have sent it: it is not read, and the result is fetched from the IRMA
//! server itself.

use std::process::ExitCode;
use std::sync::Arc;

use lambda_http::Request;
use shared::answer::Answer;
use shared::clock::now;
use shared::config::{Aws, CannotStart};
use shared::ingest::{Ingest, Ingested, NotIngested};
use shared::problem::Problem;
use shared::record_id::RecordId;
use shared::request::path_parameter;
use shared::run;

struct State {
    ingest: Ingest,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment().await?;
        Ok(Self { ingest: Ingest::load(&aws).await? })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    // The IRMA server appends a slash to the address it was given.
    let id: RecordId = path_parameter(&request, "id").trim_end_matches('/').parse().map_err(|_| Problem::UnknownRecord)?;
    match state.ingest.ingest(&id, now()).await {
        Ok(Ingested::NoRecord) => Err(Problem::UnknownRecord),
        Ok(Ingested::Stored | Ingested::Already | Ingested::NotFinal) => Ok(Answer::no_content()),
        Err(NotIngested::Unavailable) => Err(Problem::Unavailable),
        Err(NotIngested::Irma(_) | NotIngested::Untrusted) => Err(Problem::InvalidResult),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http(handle).await
}
