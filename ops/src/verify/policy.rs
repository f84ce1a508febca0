//! Policies, compared by what they say: the order of statements and of lists, and the statements' names, say nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::report::{DEPLOY, Outcome};
use crate::aws::NotSeen;

/// A policy that AWS gives as a text; `asked` is what it was asked. No text is not the same as an empty policy.
pub fn read(asked: &str, text: &Value) -> Result<Value, NotSeen> {
    let policy = text.as_str().and_then(|text| serde_json::from_str(text).ok());
    policy.filter(Value::is_object).ok_or_else(|| NotSeen::without(asked, "policy that can be read"))
}

/// As promised if both say the same. What differs is named by the statement's `Sid` and actions.
pub fn same(expected: &Value, found: &Value) -> Outcome {
    let (expected, found) = (statements(expected), statements(found));
    let only = |these: &BTreeMap<String, String>, those: &BTreeMap<String, String>, what: &str| {
        let names: Vec<&str> =
            these.iter().filter(|(says, _)| !those.contains_key(*says)).map(|(_, name)| name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
    };
    let differences: Vec<String> =
        [only(&found, &expected, "not in the template"), only(&expected, &found, "missing or changed")]
            .into_iter()
            .flatten()
            .collect();
    Outcome::no_difference(&differences, DEPLOY)
}

/// What each statement says, and what it is called.
fn statements(policy: &Value) -> BTreeMap<String, String> {
    listed(&policy["Statement"]).iter().map(|statement| (normal(statement).to_string(), name(statement))).collect()
}

fn name(statement: &Value) -> String {
    let actions = listed(if statement["Action"].is_null() { &statement["NotAction"] } else { &statement["Action"] });
    let actions: Vec<&str> = actions.iter().filter_map(Value::as_str).collect();
    let actions = if actions.len() > 3 { format!("{}, … ({})", actions[0], actions.len()) } else { actions.join(", ") };
    match statement["Sid"].as_str() {
        Some(sid) => format!("{sid} ({actions})"),
        None => actions,
    }
}

/// A statement in the one form that all with its meaning have.
fn normal(statement: &Value) -> Value {
    let fields = statement.as_object().cloned().unwrap_or_default();
    let fields = fields.into_iter().filter(|(name, _)| name != "Sid").map(|(name, value)| {
        let value = match name.as_str() {
            "Effect" => value,
            "Principal" | "NotPrincipal" if value == "*" => json!({"AWS": ["*"]}),
            "Principal" | "NotPrincipal" => each(&value, sorted),
            // The names of condition keys are the same in either case (IAM user guide, "Condition").
            "Condition" => each(&value, |keys| {
                let keys = keys.as_object().cloned().unwrap_or_default();
                keys.iter().map(|(key, value)| (key.to_lowercase(), sorted(value))).collect::<Map<_, _>>().into()
            }),
            _ => sorted(&value),
        };
        (name, value)
    });
    fields.collect::<Map<_, _>>().into()
}

fn each(value: &Value, change: impl Fn(&Value) -> Value) -> Value {
    let fields = value.as_object().cloned().unwrap_or_default();
    fields.iter().map(|(name, value)| (name.clone(), change(value))).collect::<Map<_, _>>().into()
}

/// One text or many, as a list of texts in order, each once.
fn sorted(value: &Value) -> Value {
    let mut texts: Vec<String> =
        listed(value).iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
    texts.sort_unstable();
    texts.dedup();
    json!(texts)
}

/// One or many, as many.
fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_same(one: &Value, other: &Value) -> bool {
        matches!(same(&json!({"Statement": one}), &json!({"Statement": other})), Outcome::Holds)
    }

    #[test]
    fn what_says_the_same_is_the_same() {
        let one = json!([
            {"Sid": "A", "Effect": "Allow", "Principal": "*", "Action": ["b:X", "a:Y"], "Resource": "r"},
            {"Effect": "Deny", "Action": "c:Z", "Resource": "r", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ]);
        let other = json!([
            {"Effect": "Deny", "Action": ["c:Z"], "Resource": ["r"], "Condition": {"Bool": {"AWS:SecureTransport": false}}},
            {"Sid": "B", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["a:Y", "b:X"], "Resource": ["r"]},
        ]);
        assert!(are_same(&one, &other));
    }

    #[test]
    fn what_says_something_else_is_not() {
        let one = json!({"Effect": "Allow", "Action": "a:Y", "Resource": "r", "Condition": {"StringEquals": {"k": ["v"]}}});
        let mut others = vec![json!([]), json!([one, {"Effect": "Allow", "Action": "a:Z", "Resource": "r"}])];
        for (field, value) in [
            ("Effect", json!("Deny")),
            ("Action", json!(["a:Y", "a:Z"])),
            ("NotAction", json!("a:Y")),
            ("Resource", json!("*")),
            ("Principal", json!("*")),
            ("Condition", json!({"StringEquals": {"k": ["v", "w"]}})),
            ("Condition", json!({"StringLike": {"k": "v"}})),
            ("Condition", json!({})),
        ] {
            let mut other = one.clone();
            other[field] = value;
            others.push(other);
        }
        for other in others {
            assert!(!are_same(&one, &other), "{other}");
            assert!(!are_same(&other, &one), "{other}");
        }
    }
}
