//! `POST /sessions`: a citizen starts. `GET /purposes/{name}`: what they must know before they do.

mod origin;
mod purposes;
mod sessions;

use std::process::ExitCode;
use std::sync::Arc;

use lambda_http::Request;
use lambda_http::http::Method;
use shared::answer::Answer;
use shared::code_key::CodeKey;
use shared::codes::Codes;
use shared::config::{Aws, CannotStart, optional_variable, variable};
use shared::irma::{IrmaServer, RequestorToken};
use shared::metrics::Metrics;
use shared::parameters::Purposes;
use shared::problem::Problem;
use shared::records::Records;
use shared::run;
use shared::token_key::TokenKey;
use tokio::sync::RwLock;

use crate::origin::Site;

struct State {
    site: Site,
    dynamodb: aws_sdk_dynamodb::Client,
    records: Records,
    codes: Codes,
    code_key: CodeKey,
    token_key: TokenKey,
    irma: IrmaServer,
    requestor_token: RwLock<RequestorToken>,
    purposes: Purposes,
    /// Where the IRMA server calls back, if not at the domain on which the citizen's request came in.
    public_domain: Option<String>,
    /// Seconds.
    record_lifetime: i64,
    metrics: Metrics,
}

impl run::State for State {
    async fn load() -> Result<Self, CannotStart> {
        let aws = Aws::from_environment()?;
        let parameters = aws.parameters()?;
        // The client is made while Parameter Store answers.
        let irma = async { IrmaServer::new(variable("IRMA_SERVER_URL")?) };
        let (purposes, token, irma) = tokio::try_join!(Purposes::load(aws.parameters()?), parameters.requestor_token(), irma)?;
        Ok(Self {
            site: Site::from_environment()?,
            dynamodb: aws.dynamodb(),
            records: aws.records()?,
            codes: aws.codes()?,
            code_key: aws.code_key("CODE_KEY_CURRENT")?,
            token_key: aws.token_key()?,
            irma,
            requestor_token: RwLock::new(token),
            purposes,
            public_domain: optional_variable("PUBLIC_API_DOMAIN")?,
            record_lifetime: variable::<shared::records::Lifetime>("RECORD_LIFETIME_SECONDS")?.seconds(),
            metrics: Metrics::from_environment()?,
        })
    }
}

async fn handle(state: Arc<State>, request: Request) -> Result<Answer, Problem> {
    state.site.admit(request.headers())?;
    if request.method() == Method::GET { purposes::show(&state, &request).await } else { sessions::start(&state, &request).await }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::http(handle).await
}
