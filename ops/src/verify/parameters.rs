//! Parameter Store and the IRMA server: what the functions read of the one fits the other. The requestor token is not
//! read: what is asked of it is its kind and its key.

use serde_json::{Value, json};
use shared::parameters::{IRMA_PUBLIC_KEY, PURPOSES, REQUESTOR_TOKEN};
use shared::purpose::{Purpose, PurposeName};

use super::report::{Outcome, Report};
use super::stack::Stack;
use crate::aws::{Aws, NotSeen, SSM};
use crate::irma_key::Server;
use crate::public_key::PublicKey;

/// Checks all parameters, and the IRMA server's key.
pub async fn check(aws: &Aws, stack: &Stack, report: &mut Report) {
    let parameters = Parameters { aws, stack, path: format!("/idbellen/{}", stack.template.parameter("Stage")) };
    let mut add = |promise: &str, outcome| report.add("parameters", promise, outcome);
    add("the requestor token is there, encrypted by the stack's key", parameters.token().await);
    let purposes = parameters.purposes().await;
    add("there are purposes, and each can be read", purposes);
    let key = parameters.irma_key().await;
    let server = stack.template.parameter("IrmaServerUrl");
    report.add("the IRMA server", "the key that it signs with is the stored one", compare(server, key).await);
}

struct Parameters<'a> {
    aws: &'a Aws,
    stack: &'a Stack,
    path: String,
}

impl Parameters<'_> {
    async fn token(&self) -> Result<Outcome, NotSeen> {
        const PUT: &str = "idbellen irma-token put";
        let name = format!("{}/{REQUESTOR_TOKEN}", self.path);
        let body = json!({"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": [name]}]});
        let pages = ("NextToken", "NextToken");
        let found = self.aws.json_list(SSM, "DescribeParameters", body, "Parameters", pages).await?;
        let Some(found) = found.into_iter().find(|parameter| parameter["Name"] == name.as_str()) else {
            return Ok(Outcome::broken(format!("{name} is not there"), PUT));
        };
        let (id, arn) = (self.stack.template.physical("ParameterKey"), self.stack.template.arn("ParameterKey"));
        let ours = [id, &arn, self.stack.template.physical("ParameterKeyAlias")];
        let by_ours = found["KeyId"].as_str().is_some_and(|key| ours.contains(&key));
        let reason = format!("it is a {}, by {}", found["Type"], found["KeyId"]);
        Ok(Outcome::holds_if(found["Type"] == "SecureString" && by_ours, reason, PUT))
    }

    async fn purposes(&self) -> Result<Outcome, NotSeen> {
        let body = json!({"Path": format!("{}/{PURPOSES}", self.path)});
        let pages = ("NextToken", "NextToken");
        let found = self.aws.json_list(SSM, "GetParametersByPath", body, "Parameters", pages).await?;
        let mut differences: Vec<String> = found.iter().filter_map(wrong_purpose).collect();
        if found.is_empty() {
            differences.push("there is none".to_owned());
        }
        Ok(Outcome::no_difference(&differences, "idbellen purposes put"))
    }

    /// The stored key; nothing if none is stored.
    async fn irma_key(&self) -> Result<Option<String>, NotSeen> {
        let name = format!("{}/{IRMA_PUBLIC_KEY}", self.path);
        match self.aws.json(SSM, "GetParameter", &json!({"Name": name})).await {
            Err(error) if error.is("ParameterNotFound") => Ok(None),
            found => Ok(found?["Parameter"]["Value"].as_str().map(str::to_owned)),
        }
    }
}

/// What is wrong with a purpose.
fn wrong_purpose(parameter: &Value) -> Option<String> {
    let path = parameter["Name"].as_str().unwrap_or_default();
    if path.rsplit('/').next().is_none_or(|name| name.parse::<PurposeName>().is_err()) {
        return Some(format!("{path} has no valid name"));
    }
    let reason = Purpose::read(parameter["Value"].as_str().unwrap_or_default()).err()?;
    Some(format!("{path}: {reason}"))
}

async fn compare(server: &str, stored: Result<Option<String>, NotSeen>) -> Result<Outcome, NotSeen> {
    const FETCH: &str = "compare the server's fingerprint with its keeper; then idbellen irma-key fetch";
    let Some(stored) = stored? else { return Ok(Outcome::broken("no key is stored", FETCH)) };
    let Ok(stored) = PublicKey::from_pem(stored.as_bytes()) else {
        return Ok(Outcome::broken("what is stored is no usable key", FETCH));
    };
    let there = "see that it runs, and that it can be reached from here";
    let Ok(server) = server.parse::<Server>() else {
        return Ok(Outcome::broken("IrmaServerUrl is not the address of a server", "deploy with the right one"));
    };
    let pem = match server.public_key().await {
        Ok(pem) => pem,
        Err(error) => return Ok(Outcome::unknown(format!("{error:#}"), there)),
    };
    let Ok(current) = PublicKey::from_pem(&pem) else {
        return Ok(Outcome::broken("the server gives no usable key", "ask its keeper"));
    };
    let reason = format!("the server's is {}, and the stored one {}", current.fingerprint(), stored.fingerprint());
    Ok(Outcome::holds_if(current.fingerprint() == stored.fingerprint(), reason, FETCH))
}
