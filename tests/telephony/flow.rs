//! A flow as a graph: what the Flow language says of it as a whole, and a walk along all of its paths.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

/// What a flow breaks, in words.
pub type Broken = BTreeSet<String>;

/// The actions of a flow by their identifiers.
pub struct Flow<'a> {
    start: &'a str,
    actions: BTreeMap<&'a str, Action<'a>>,
}

/// A step of a flow.
#[derive(Clone, Copy)]
pub struct Action<'a> {
    pub kind: &'a str,
    pub parameters: &'a Value,
    transitions: &'a Value,
}

/// How an action ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    /// It did what it is for.
    Done,
    /// Its result equals this.
    Equals(&'a str),
    /// It failed, or no condition holds.
    Error(&'a str),
}

impl<'a> Flow<'a> {
    /// Reads a flow that has the form of one.
    pub fn read(flow: &'a Value, broken: &mut Broken) -> Result<Self> {
        let mut actions = BTreeMap::new();
        for action in flow["Actions"].as_array().context("no actions")? {
            let id = action["Identifier"].as_str().context("no identifier")?;
            let kind = action["Type"].as_str().context("no type")?;
            let action = Action { kind, parameters: &action["Parameters"], transitions: &action["Transitions"] };
            if actions.insert(id, action).is_some() {
                broken.insert(format!("two actions are called {id}"));
            }
        }
        Ok(Self { start: flow["StartAction"].as_str().context("no start")?, actions })
    }

    /// What the language says of a flow as a whole: every transition leads to an action, and every action can be reached.
    pub fn check_graph(&self, broken: &mut Broken) {
        let mut reached = BTreeSet::new();
        let mut next = vec![self.start];
        while let Some(id) = next.pop() {
            match self.actions.get(id) {
                None => drop(broken.insert(format!("there is no action {id}"))),
                Some(action) if reached.insert(id) => next.extend(action.ways().into_iter().map(|(_, next)| next)),
                Some(_) => {}
            }
        }
        let left: Vec<&&str> = self.actions.keys().filter(|id| !reached.contains(*id)).collect();
        if !left.is_empty() {
            broken.insert(format!("no path leads to {left:?}"));
        }
    }

    /// Takes every path from the start. `step` says what is so after an action that ended this way; `end` is told where a
    /// path ends. A path that comes back to an action does not end.
    pub fn walk<S: Clone + Default>(
        &self,
        step: &mut dyn FnMut(&mut S, Action<'a>, Way<'a>),
        end: &mut dyn FnMut(&S, Action<'a>),
        broken: &mut Broken,
    ) {
        self.follow(self.start, &S::default(), &mut Vec::new(), &mut (step, end, broken));
    }

    fn follow<S: Clone>(&self, id: &'a str, state: &S, path: &mut Vec<&'a str>, at: &mut Visitor<'_, 'a, S>) {
        let Some(&action) = self.actions.get(id) else { return };
        if path.contains(&id) {
            at.2.insert(format!("a path comes back to {id}"));
            return;
        }
        path.push(id);
        let ways = action.ways();
        if ways.is_empty() || action.kind == "TransferContactToQueue" {
            (at.1)(state, action);
        }
        for (way, next) in ways {
            let mut after = state.clone();
            // Of a transfer the flow hears only if it failed.
            let taken = action.kind == "TransferContactToQueue" && way == Way::Done;
            if !taken {
                (at.0)(&mut after, action, way);
                self.follow(next, &after, path, at);
            }
        }
        path.pop();
    }
}

type Visitor<'b, 'a, S> = (&'b mut dyn FnMut(&mut S, Action<'a>, Way<'a>), &'b mut dyn FnMut(&S, Action<'a>), &'b mut Broken);

impl<'a> Action<'a> {
    /// The ways in which it can end, and the identifier of the action that follows.
    pub fn ways(self) -> Vec<(Way<'a>, &'a str)> {
        let next = |one: &'a Value| one["NextAction"].as_str();
        let mut ways = Vec::new();
        for condition in self.transitions["Conditions"].as_array().into_iter().flatten() {
            let operand = condition["Condition"]["Operands"][0].as_str();
            ways.extend(operand.map(Way::Equals).zip(next(condition)));
        }
        for error in self.transitions["Errors"].as_array().into_iter().flatten() {
            ways.extend(error["ErrorType"].as_str().map(Way::Error).zip(next(error)));
        }
        // What branches by conditions has no way beside them and its error.
        if !matches!(self.kind, "Compare" | "CheckHoursOfOperation") {
            ways.extend(next(self.transitions).map(|next| (Way::Done, next)));
        }
        ways
    }

    /// A parameter that is a text, by a JSON pointer.
    pub fn text(self, pointer: &str) -> &'a str {
        self.parameters.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}
