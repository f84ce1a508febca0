//! The keys, found by their aliases: the code key may be another than the one that the template made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::policy;
use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::{Expected, Template};
use crate::aws::{Aws, KMS, NotSeen};
use crate::kms::REPLACES;
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
        let mut add = |promise: &str, outcome| report.add(&subject, promise, outcome);
        let look = |at: &dyn Fn(&Key) -> Outcome| key.as_ref().map(at).map_err(Clone::clone);
        add("enabled, of the template's kind, and made in KMS", look(&|key| key.kind(expected)));
        ids.insert(name.clone(), key.as_ref().map(|key| key.id.clone()).map_err(Clone::clone));
        if !code.contains(&name) {
            add("it names the template's key", look(&|key| key.is_the_templates(&stack.template, expected)));
        }
        // Aliases of codes may name one key.
        if key.as_ref().is_ok_and(|key| !seen.insert(key.id.clone())) {
            continue;
        }
        let of_key = async |question: Question| match &key {
            Ok(key) => key.answer(question, stack, expected).await,
            Err(error) => Err(error.clone()),
        };
        add("its policy is the template's: who may use it, and who manages it", of_key(Question::Policy).await);
        add("no grant lets anyone else use it", of_key(Question::Grants).await);
        add("its tags are the stack's", of_key(Question::Tags).await);
        if expected.properties["EnableKeyRotation"] == true {
            add("KMS makes new material for it every year", of_key(Question::Rotation).await);
        }
    }
    if let [previous, current, next] = code.as_slice() {
        let id = |alias: &String| ids.get(alias).cloned().unwrap_or_else(|| Err(NotSeen::without("kms:DescribeKey", alias)));
        let outcome = id(previous).and_then(|previous| Ok(finds_codes(&previous, &id(current)?, &id(next)?)));
        report.add(&format!("key {current}"), "codes are looked for under the key that they are made with", outcome);
    }
}

/// What KMS is asked of a key, besides its description.
#[derive(Clone, Copy)]
enum Question {
    Policy,
    Grants,
    Tags,
    Rotation,
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

    async fn answer(&self, question: Question, stack: &Stack, expected: &Expected) -> Result<Outcome, NotSeen> {
        match question {
            Question::Policy => self.policy(expected).await,
            Question::Grants => self.grants().await,
            Question::Tags => self.tags(stack, expected).await,
            Question::Rotation => self.rotation().await,
        }
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

    /// A policy of the account can give rights by a key's tags, and `idbellen code-key swap` goes by one.
    async fn tags(&self, stack: &Stack, expected: &Expected) -> Result<Outcome, NotSeen> {
        let pages = ("Marker", "NextMarker");
        let found = self.aws.json_list(KMS, "ListResourceTags", json!({"KeyId": self.id}), "Tags", pages).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found = found.iter().map(|tag| (text(&tag["TagKey"]), text(&tag["TagValue"]))).collect();
        let of_template = expected.properties["Tags"].as_array().into_iter().flatten();
        let mut meant = stack.tags.clone();
        meant.extend(of_template.map(|tag| (text(&tag["Key"]), text(&tag["Value"]))));
        let is_the_templates = self.id == stack.template.physical(&expected.logical);
        Ok(other_tags(&meant, &found, is_the_templates))
    }

    async fn rotation(&self) -> Result<Outcome, NotSeen> {
        let found = self.aws.json(KMS, "GetKeyRotationStatus", &json!({"KeyId": self.id})).await?;
        let (on, days) = (&found["KeyRotationEnabled"], &found["RotationPeriodInDays"]);
        if !on.is_boolean() {
            return Err(NotSeen::without("kms:GetKeyRotationStatus", "KeyRotationEnabled"));
        }
        // Where no period was chosen, it is a year, and not always said.
        let yearly = days.is_null() || days == 365;
        Ok(Outcome::holds_if(on == true && yearly, format!("it is on: {on}; days between: {days}"), DEPLOY))
    }
}

/// Tags that AWS gives itself say nothing. That a key replaces another is said only of one that a swap made, and so never of
/// the template's.
fn other_tags(meant: &BTreeMap<String, String>, found: &BTreeMap<String, String>, is_the_templates: bool) -> Outcome {
    let counts = |name: &String| !name.starts_with("aws:") && (is_the_templates || name != REPLACES);
    let more = found.iter().filter(|(name, value)| counts(name) && meant.get(*name) != Some(*value));
    let more = more.map(|(name, value)| format!("{name} is {value:?}"));
    let missing = meant.keys().filter(|name| !found.contains_key(*name)).map(|name| format!("{name} is missing"));
    let differences: Vec<String> = more.chain(missing).collect();
    Outcome::no_difference(&differences, "find out in the trail who set it (kms:TagResource, kms:UntagResource); set it right")
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
    fn a_key_has_the_tags_of_its_stack_and_a_swaps_mark_where_one_made_it() {
        let tags = |tags: &[(&str, &str)]| tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let holds = |found: &[(&str, &str)], is_the_templates| {
            matches!(other_tags(&tags(&[("team", "kcc")]), &tags(found), is_the_templates), Outcome::Holds)
        };
        let (ours, mark) = (("team", "kcc"), (REPLACES, "x"));
        assert!(holds(&[ours, ("aws:cloudformation:stack-name", "idbellen")], true));
        assert!(holds(&[ours, mark], false));
        for (found, is_the_templates) in [
            (&[][..], true),
            (&[ours, mark], true),
            (&[("team", "other")], true),
            (&[ours, ("other", "kcc")], true),
            (&[ours, ("other", "kcc"), mark], false),
        ] {
            assert!(!holds(found, is_the_templates), "{found:?}");
        }
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
