//! Parameter Store and the IRMA server: what the functions read of the one fits the other. The requestor token is not
//! read: what is asked of it is its kind and its key.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::parameters::{IRMA_PUBLIC_KEY, PURPOSES, REQUESTOR_TOKEN};
use shared::purpose::{Purpose, PurposeName};

use super::report::{Outcome, Report};
use super::stack::Stack;
use crate::aws::{Aws, NotSeen, SSM};
use crate::irma_key::Server;
use crate::public_key::PublicKey;

/// Checks all parameters, and the IRMA server's key; the purposes against those that were meant, if it is told which.
pub async fn check(aws: &Aws, stack: &Stack, meant: Option<&BTreeMap<String, Value>>, report: &mut Report) {
    let parameters = Parameters { aws, stack, path: format!("/idbellen/{}", stack.template.parameter("Stage")) };
    let mut add = |promise: &str, outcome| report.add("parameters", promise, outcome);
    add("the requestor token is there, encrypted by the stack's key", parameters.token().await);
    let purposes = parameters.purposes().await;
    let look = |at: &dyn Fn(&[Value]) -> Outcome| purposes.as_deref().map(at).map_err(Clone::clone);
    add("there are purposes, and each can be read", look(&readable));
    add("the purposes are those that you meant", look(&|found| as_meant(found, meant)));
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

    async fn purposes(&self) -> Result<Vec<Value>, NotSeen> {
        let body = json!({"Path": format!("{}/{PURPOSES}", self.path)});
        self.aws.json_list(SSM, "GetParametersByPath", body, "Parameters", ("NextToken", "NextToken")).await
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

const PUT_PURPOSES: &str = "idbellen purposes put";

fn readable(found: &[Value]) -> Outcome {
    let mut differences: Vec<String> = found.iter().filter_map(wrong_purpose).collect();
    if found.is_empty() {
        differences.push("there is none".to_owned());
    }
    Outcome::no_difference(&differences, PUT_PURPOSES)
}

/// A purpose says which number is dialled with the code, and what is asked: both are in the hands of who may put one.
fn as_meant(found: &[Value], meant: Option<&BTreeMap<String, Value>>) -> Outcome {
    let purpose = |parameter: &Value| {
        let name = parameter["Name"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        (name, parameter["Value"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    };
    let found: BTreeMap<String, Value> = found.iter().map(purpose).collect();
    let Some(meant) = meant else {
        let dials = found.iter().map(|(name, purpose)| format!("{name} dials {}", purpose["phoneNumber"]));
        return Outcome::unknown(
            format!("only you know: {}", dials.collect::<Vec<_>>().join(", ")),
            "compare each with what you meant, and what it asks; or give the folder with your files with --expect-purposes",
        );
    };
    let missing = meant.keys().filter(|name| !found.contains_key(*name)).map(|name| format!("{name} is not stored"));
    let other = found.iter().filter_map(|(name, purpose)| match meant.get(name) {
        None => Some(format!("{name} was not meant to be stored")),
        Some(meant) => (meant != purpose).then(|| format!("{name} has another {}", differing(meant, purpose).join(", "))),
    });
    let differences: Vec<String> = missing.chain(other).collect();
    Outcome::no_difference(&differences, "find out in the trail who put it (ssm:PutParameter); idbellen purposes put")
}

/// The names of the fields that are not the same in both.
fn differing(one: &Value, other: &Value) -> Vec<String> {
    let names = |value: &Value| value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let mut names = [names(one), names(other)].concat();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| one.get(name) != other.get(name));
    names
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(purposes: &[(&str, Value)]) -> Vec<Value> {
        let stored = |(name, value): &(&str, Value)| json!({"Name": format!("/idbellen/test/purposes/{name}"), "Value": value.to_string()});
        purposes.iter().map(stored).collect()
    }

    #[test]
    fn all_purposes_that_were_meant_are_stored_as_meant_and_no_others() {
        let (one, two) = (json!({"phoneNumber": "1", "condiscon": [[["a"]]]}), json!({"phoneNumber": "2", "open": true}));
        let meant = BTreeMap::from([("one".to_owned(), one.clone()), ("two".to_owned(), two.clone())]);
        let reason = |found: &[Value]| match as_meant(found, Some(&meant)) {
            Outcome::Broken(finding) => format!("{finding:?}"),
            other => format!("{other:?}"),
        };
        assert_eq!(reason(&stored(&[("two", two.clone()), ("one", one.clone())])), "Holds");
        for (found, says) in [
            (stored(&[("one", one.clone())]), "two is not stored"),
            (stored(&[("one", one.clone()), ("two", two.clone()), ("six", two.clone())]), "six was not meant to be stored"),
            (stored(&[("one", one.clone()), ("two", json!({"phoneNumber": "3"}))]), "two has another open, phoneNumber\""),
            (
                stored(&[("one", json!({"phoneNumber": "1", "condiscon": [[["b"]]]})), ("two", two)]),
                "one has another condiscon\"",
            ),
        ] {
            assert!(reason(&found).contains(says), "{says}: {}", reason(&found));
        }
        assert!(matches!(as_meant(&stored(&[("one", one)]), None), Outcome::Unknown(_)));
    }
}
