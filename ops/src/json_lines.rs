//! JSON that knows on which line each of its values stands.

use std::collections::{HashMap, HashSet};

use jsonc_parser::ast::Value as Ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use crate::purpose_check::Problem;

/// A JSON document, and the line of each value by its JSON pointer (RFC 6901).
pub struct JsonLines {
    /// The document.
    pub value: Value,
    /// Each name that an object has a second time.
    pub duplicates: Vec<Problem>,
    values: HashMap<String, usize>,
    names: HashMap<String, usize>,
}

impl JsonLines {
    /// Reads `text`.
    pub fn read(text: &str) -> Result<Self, Problem> {
        // What is JSON is for serde_json to say, which the functions read it with; where things are, for jsonc-parser.
        let value = serde_json::from_str(text).map_err(|error| Problem::of(&error))?;
        let tree = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default())
            .map_err(|error| Problem::new(error.line_display(), error.kind().to_string()))?;
        let tree = tree.value.ok_or_else(|| Problem::new(1, "there is nothing"))?;
        let starts: Vec<usize> = text.match_indices('\n').map(|(index, _)| index + 1).collect();
        let mut json = Self { value, values: HashMap::new(), names: HashMap::new(), duplicates: Vec::new() };
        json.walk(&tree, String::new(), &|offset| starts.partition_point(|start| *start <= offset) + 1);
        Ok(json)
    }

    /// The line on which the value at `pointer` begins.
    pub fn line(&self, pointer: &str) -> usize {
        self.values.get(pointer).copied().unwrap_or(1)
    }

    /// The line of the name of the member at `pointer`.
    pub fn name_line(&self, pointer: &str) -> usize {
        self.names.get(pointer).copied().unwrap_or_else(|| self.line(pointer))
    }

    fn walk(&mut self, node: &Ast<'_>, pointer: String, line: &impl Fn(usize) -> usize) {
        match node {
            Ast::Object(object) => {
                let mut seen = HashSet::new();
                for member in &object.properties {
                    let name = member.name.as_str();
                    let at = line(member.name.start());
                    if !seen.insert(name) {
                        self.duplicates.push(Problem::new(at, format!("{} is there twice", quoted(name))));
                    }
                    let member_pointer = child(&pointer, name);
                    self.names.insert(member_pointer.clone(), at);
                    self.walk(&member.value, member_pointer, line);
                }
            }
            Ast::Array(array) => {
                for (index, element) in array.elements.iter().enumerate() {
                    self.walk(element, format!("{pointer}/{index}"), line);
                }
            }
            _ => {}
        }
        self.values.insert(pointer, line(node.start()));
    }
}

/// The pointer of the member `name` of the object at `pointer`.
pub fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A name or text as it stands in JSON, on one line.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
