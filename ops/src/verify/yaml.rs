//! CloudFormation's YAML as JSON: its short forms (`!Sub …`) become the long ones (`{"Fn::Sub": …}`).

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value, json};

/// Reads a document.
pub fn read(text: &str) -> Result<Value> {
    let events = Parser::new_from_str(text).map(|event| event.map(|(event, _)| event));
    let mut document = Document { events, anchors: HashMap::new() };
    loop {
        match document.next()? {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            first => return document.node(first),
        }
    }
}

struct Document<I> {
    events: I,
    anchors: HashMap<usize, Value>,
}

impl<'a, E, I> Document<I>
where
    I: Iterator<Item = Result<Event<'a>, E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    fn next(&mut self) -> Result<Event<'a>> {
        Ok(self.events.next().context("the document ends too early")??)
    }

    /// The node that starts with this event.
    fn node(&mut self, first: Event<'a>) -> Result<Value> {
        let (anchor, tag, value) = match first {
            Event::Alias(anchor) => return self.anchors.get(&anchor).cloned().context("an alias of nothing"),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = if plain { scalar(&text) } else { json!(text) };
                (anchor, tag, value)
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        item => items.push(self.node(item)?),
                    }
                }
                (anchor, tag, Value::Array(items))
            }
            Event::MappingStart(anchor, tag) => {
                let mut fields = Map::new();
                loop {
                    let name = match self.next()? {
                        Event::MappingEnd => break,
                        Event::Scalar(name, ..) => name.into_owned(),
                        _ => bail!("a name that is no text"),
                    };
                    let first = self.next()?;
                    fields.insert(name, self.node(first)?);
                }
                (anchor, tag, Value::Object(fields))
            }
            other => bail!("{other:?} is out of place"),
        };
        let value = match tag {
            Some(tag) => long_form(&tag, value)?,
            None => value,
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }
}

fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
    }
}

fn long_form(tag: &Tag, value: Value) -> Result<Value> {
    let name = match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    };
    let value = match (name.as_str(), value) {
        ("Fn::GetAtt", Value::String(text)) => {
            let (resource, attribute) = text.split_once('.').context("GetAtt without an attribute")?;
            json!([resource, attribute])
        }
        (_, value) => value,
    };
    Ok(json!({name: value}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_long_ones() {
        let text = "a: &x !Sub 'b-${C}'\nd: [*x, !GetAtt E.Arn, {f: !If [G, 1, !Ref AWS::NoValue]}]\nh: \"1\"\ni: true\n";
        let sub = json!({"Fn::Sub": "b-${C}"});
        let choice = json!({"f": {"Fn::If": ["G", 1, {"Ref": "AWS::NoValue"}]}});
        let list = json!([sub, {"Fn::GetAtt": ["E", "Arn"]}, choice]);
        assert_eq!(read(text).unwrap(), json!({"a": sub, "d": list, "h": "1", "i": true}));
    }
}
