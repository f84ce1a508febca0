//! The JSON Schema of purposes, and what it has against one, in words.

use anyhow::{Result, anyhow};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::json_lines::{JsonLines, child, quoted};
use crate::purpose_check::Problem;

/// `ops/purpose.schema.json`. Each schema in it has a `description` that says what a value must be, to end the
/// sentence "X must be …" with.
pub struct PurposeSchema {
    schema: Value,
    validator: Validator,
}

impl PurposeSchema {
    /// The schema that this command was built with.
    pub fn new() -> Result<Self> {
        let schema = serde_json::from_str(include_str!("../purpose.schema.json"))?;
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .map_err(|error| anyhow!("purpose.schema.json is not a JSON Schema: {error}"))?;
        Ok(Self { schema, validator })
    }

    /// Reports to `problems` everything about the document that the schema does not allow.
    pub fn check(&self, json: &JsonLines, problems: &mut Vec<Problem>) {
        for error in self.validator.iter_errors(&json.value) {
            let pointer = error.instance_path().as_str();
            let place = place(&json.value, pointer);
            match error.kind() {
                ValidationErrorKind::Required { property } => {
                    problems.push(Problem::new(json.line(pointer), format!("{place} has no {property}")));
                }
                ValidationErrorKind::AdditionalProperties { unexpected } => {
                    problems.extend(unexpected.iter().map(|name| {
                        let line = json.name_line(&child(pointer, name));
                        Problem::new(line, format!("{place} can't have {}: it must be {}", quoted(name), self.rule(&error)))
                    }));
                }
                _ => problems.push(Problem::new(json.line(pointer), format!("{place} must be {}", self.rule(&error)))),
            }
        }
    }

    /// What the value must be: the description beside the keyword that it does not meet.
    fn rule(&self, error: &ValidationError<'_>) -> String {
        let keyword = error.schema_path().as_str();
        let schema = keyword.rsplit_once('/').and_then(|(schema, _)| self.schema.pointer(schema));
        let rule = schema.and_then(|schema| schema.get("description")?.as_str());
        rule.map_or_else(|| error.to_string(), ToOwned::to_owned)
    }
}

/// The place of a value as people write it: `attributes["irma-demo.gemeente.adres.straat"].label.nl`.
fn place(document: &Value, pointer: &str) -> String {
    let mut place = Vec::new();
    let mut value = document;
    for token in pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")) {
        let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let inner = match value {
            Value::Array(items) => token.parse().ok().and_then(|index: usize| items.get(index)),
            value => value.get(&token),
        };
        place.push(match value {
            Value::Array(_) => format!("[{token}]"),
            _ if !plain => format!("[{}]", quoted(&token)),
            _ if place.is_empty() => token,
            _ => format!(".{token}"),
        });
        value = inner.unwrap_or(&Value::Null);
    }
    if place.is_empty() { "the purpose".to_owned() } else { place.concat() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    /// Calls `visit` with each schema in `schema` that says what a type of value must be.
    fn each_typed(schema: &Value, visit: &mut impl FnMut(&Value)) {
        if schema.get("type").is_some_and(|kind| kind.is_string() || kind.is_array()) {
            visit(schema);
        }
        match schema {
            Value::Object(members) => members.values().for_each(|member| each_typed(member, visit)),
            Value::Array(items) => items.iter().for_each(|item| each_typed(item, visit)),
            _ => {}
        }
    }

    #[test]
    fn every_rule_of_the_schema_has_words() {
        let mut count = 0;
        each_typed(&PurposeSchema::new().unwrap().schema, &mut |schema| {
            assert!(schema.get("description").is_some_and(Value::is_string), "{schema}");
            count += 1;
        });
        assert!(count > 20);
    }
}
