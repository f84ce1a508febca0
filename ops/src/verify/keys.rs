//! The keys, found by their aliases: the code key may be another than the one that the template made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::policy;
use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::{Expected, Template};
use crate::aws::{Aws, KMS, NotSeen};
use crate::stage::Stage;
use crate::swap::Alias;

/// Checks all aliases, and each key behind them.
pub async fn check(aws: &Aws, stack: &Stack, report: &mut Report) {
    let mut seen = BTreeSet::new();
    let code = code_aliases(&stack.template);
    let mut ids = BTreeMap::new();
    for alias in stack.template.all("AWS::KMS::Alias") {
        let name = alias.properties["AliasName"].as_str().unwrap_or_default().to_owned();
        let subject = format!("key {name}");
        let key = Key::behind(aws, &name).await;
        // `TargetKeyId` is the id of a key of the template.
        let made = stack.template.all("AWS::KMS::Key");
        let expected = made.iter().find(|key| alias.properties["TargetKeyId"] == stack.template.physical(&key.logical));
        let Some(expected) = expected else {
            report.add(&subject, "the template's key", Ok(Outcome::broken("the stack has no such key", DEPLOY)));
            continue;
        };
        let promise = "enabled, of the template's kind, and made in KMS";
        report.add(&subject, promise, key.as_ref().map(|key| key.kind(expected)).map_err(Clone::clone));
        ids.insert(name.clone(), key.as_ref().map(|key| key.id.clone()).map_err(Clone::clone));
        let Ok(key) = key else { continue };
        if !code.contains(&name) {
            report.add(&subject, "it names the template's key", Ok(key.is_the_templates(&stack.template, expected)));
        }
        // Aliases of codes may name one key.
        if seen.insert(key.id.clone()) {
            report.add(&subject, "its policy is the template's: who may use it, and who manages it", key.policy(expected).await);
            report.add(&subject, "no grant lets anyone else use it", key.grants().await);
        }
    }
    if let [previous, current, next] = code.as_slice() {
        let id = |alias: &String| ids.get(alias).cloned().unwrap_or_else(|| Err(NotSeen::without("kms:DescribeKey", alias)));
        let outcome = id(previous).and_then(|previous| Ok(finds_codes(&previous, &id(current)?, &id(next)?)));
        report.add(&format!("key {current}"), "codes are looked for under the key that they are made with", outcome);
    }
}

/// The aliases of the code key, which is swapped from time to time: then they name a key that the template did not make.
fn code_aliases(template: &Template) -> Vec<String> {
    let stage: Option<Stage> = template.parameter("Stage").parse().ok();
    stage.into_iter().flat_map(|stage| Alias::ALL.map(|alias| stage.code_key(alias))).collect()
}

/// Codes are looked for under two keys. If the one that they are made with is neither, every call is lost.
fn finds_codes(previous: &str, current: &str, next: &str) -> Outcome {
    let reason = format!("it names {current}, previous names {previous}, and next {next}: every call is lost");
    let action = "find out in the trail who changed an alias; point previous at the key that current names";
    Outcome::holds_if(current == previous || current == next, reason, action)
}

struct Key<'a> {
    aws: &'a Aws,
    id: String,
    metadata: Value,
}

impl<'a> Key<'a> {
    async fn behind(aws: &'a Aws, alias: &str) -> Result<Self, NotSeen> {
        let mut answer = aws.json(KMS, "DescribeKey", &json!({"KeyId": alias})).await?;
        let metadata = answer["KeyMetadata"].take();
        let id = metadata["KeyId"].as_str().ok_or_else(|| NotSeen::without("kms:DescribeKey", "KeyId"))?.to_owned();
        Ok(Self { aws, id, metadata })
    }

    fn kind(&self, expected: &Expected) -> Outcome {
        let or = |name: &str, default: &str| match &expected.properties[name] {
            Value::Null => json!(default),
            value => value.clone(),
        };
        let expected = json!({
            "KeySpec": or("KeySpec", "SYMMETRIC_DEFAULT"), "KeyUsage": or("KeyUsage", "ENCRYPT_DECRYPT"), "KeyState": "Enabled",
            "Origin": "AWS_KMS", "MultiRegion": false, "KeyManager": "CUSTOMER",
        });
        let found = expected.as_object().into_iter().flatten().map(|(name, _)| (name.clone(), self.metadata[name].clone()));
        Outcome::same(&expected, &found.collect::<serde_json::Map<_, _>>().into(), DEPLOY)
    }

    fn is_the_templates(&self, template: &Template, expected: &Expected) -> Outcome {
        Outcome::same(&json!(template.physical(&expected.logical)), &json!(self.id), DEPLOY)
    }

    async fn policy(&self, expected: &Expected) -> Result<Outcome, NotSeen> {
        let found = self.aws.json(KMS, "GetKeyPolicy", &json!({"KeyId": self.id, "PolicyName": "default"})).await?;
        let found = policy::read("kms:GetKeyPolicy", &found["Policy"])?;
        Ok(policy::same(&expected.properties["KeyPolicy"], &found))
    }

    async fn grants(&self) -> Result<Outcome, NotSeen> {
        let found = self.aws.json_list(KMS, "ListGrants", json!({"KeyId": self.id}), "Grants", ("Marker", "NextMarker")).await?;
        let named: Vec<String> =
            found.iter().map(|grant| format!("{} may {}", grant["GranteePrincipal"], grant["Operations"])).collect();
        Ok(Outcome::no_difference(&named, "find out in the trail who made it; revoke it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_aliases_are_those_of_the_code_key() {
        let stage = [("Stage".to_owned(), "x-code-y".to_owned())].into();
        let template = Template::of("arn:aws:cloudformation:eu-central-1:1:stack/x/y", stage, BTreeMap::new()).unwrap();
        let names = ["previous", "current", "next"].map(|alias| format!("alias/idbellen-x-code-y-code-{alias}"));
        assert_eq!(code_aliases(&template), names);
    }

    #[test]
    fn codes_are_found_under_previous_or_next() {
        for (previous, current, next) in [("a", "a", "a"), ("a", "a", "b"), ("a", "b", "b")] {
            assert!(matches!(finds_codes(previous, current, next), Outcome::Holds));
        }
        for (previous, current, next) in [("a", "b", "a"), ("a", "b", "c")] {
            assert!(matches!(finds_codes(previous, current, next), Outcome::Broken(_)));
        }
    }
}
