//! The flows for Amazon Connect in `infra/`, against what Amazon Connect publishes of its Flow language, and against what
//! they promise on each path that a call can take. There is no Amazon Connect here to try them on.

mod flow;
mod promises;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flow::{Broken, Flow};
use serde_json::{Value, json};

const CONTACT: &str = "infra/contact-flow.json";
const DISCONNECT: &str = "infra/disconnect-flow.json";

#[test]
fn the_flows_are_in_the_flow_language_and_keep_their_promises() -> Result<()> {
    for name in [CONTACT, DISCONNECT] {
        let broken = check(name, &read(name)?)?;
        assert!(broken.is_empty(), "{name}: {broken:#?}");
    }
    Ok(())
}

/// What an operator fills in is what `docs/telephony.md` names.
#[test]
fn what_must_be_filled_in_is_in_the_documentation() -> Result<()> {
    let documentation = text("docs/telephony.md")?;
    let mut names = BTreeSet::new();
    for flow in [CONTACT, DISCONNECT] {
        let text = text(flow)?;
        names.extend(text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())));
    }
    let expected = ["ClearContactArn", "DisconnectFlowArn", "DtmfExchangeArn", "HoursOfOperationArn", "QueueArn"];
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    for name in names {
        ensure!(documentation.contains(&format!("`{name}`")), "docs/telephony.md does not name {name}");
    }
    Ok(())
}

#[test]
fn a_flow_that_breaks_a_promise_is_rejected_for_it() -> Result<()> {
    let mut wrong = Vec::new();
    for (what, edits, expected) in broken_flows() {
        let mut flow = read(CONTACT)?;
        for (pointer, value) in edits {
            edit(&mut flow, pointer, value).with_context(|| what.to_owned())?;
        }
        let broken = check(CONTACT, &flow)?;
        if !broken.iter().any(|found| found.contains(expected)) {
            wrong.push(format!("{what}: {broken:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut logged = read(DISCONNECT)?;
    edit(&mut logged, "Logging off/Parameters/FlowLoggingBehavior", Some(json!("Enabled")))?;
    assert!(check(DISCONNECT, &logged)?.contains("a secret or the digits can be in a flow log"));
    Ok(())
}

/// All that a flow breaks.
fn check(name: &str, flow: &Value) -> Result<Broken> {
    let schema: Value = serde_json::from_str(include_str!("flow-language.schema.json"))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut broken: Broken = validator.iter_errors(flow).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if broken.is_empty() {
        let flow = Flow::read(flow, &mut broken)?;
        flow.check_graph(&mut broken);
        if name == CONTACT {
            promises::of_the_contact_flow(&flow, &mut broken);
        } else {
            promises::of_the_disconnect_flow(&flow, &mut broken);
        }
    }
    Ok(broken)
}

fn text(path: &str) -> Result<String> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(checkout.join(path)).with_context(|| path.to_owned())
}

fn read(path: &str) -> Result<Value> {
    Ok(serde_json::from_str(&text(path)?)?)
}

/// Sets a value in an action, or removes it: `{identifier}/{pointer}`; of the flow itself where the identifier is empty.
fn edit(flow: &mut Value, pointer: &str, value: Option<Value>) -> Result<()> {
    let (id, rest) = pointer.split_once('/').context("no pointer")?;
    let mut at = flow;
    if !id.is_empty() {
        let actions = at["Actions"].as_array_mut().context("no actions")?;
        at = actions.iter_mut().find(|action| action["Identifier"] == id).with_context(|| format!("no action {id}"))?;
    }
    let (parent, last) = rest.rsplit_once('/').unwrap_or(("", rest));
    if !parent.is_empty() {
        at = at.pointer_mut(&format!("/{parent}")).with_context(|| format!("nothing at {pointer}"))?;
    }
    let place = match at {
        Value::Array(items) => items.get_mut(last.parse::<usize>()?).context("the list is shorter")?,
        other => match value {
            None => return other.as_object_mut().and_then(|fields| fields.remove(last)).map(drop).context("nothing to remove"),
            Some(_) => &mut other[last],
        },
    };
    let value = value.context("nothing to set")?;
    ensure!(*place != value, "{pointer} is so already");
    *place = value;
    Ok(())
}

type Edits = Vec<(&'static str, Option<Value>)>;

/// Ways to break the contact flow, one at a time, and a part of what must be said of each.
fn broken_flows() -> Vec<(&'static str, Edits, &'static str)> {
    let to = |pointer, id: &str| (pointer, Some(json!(id)));
    let set = |pointer, value: Value| (pointer, Some(value));
    vec![
        // The language.
        ("an action of an unknown type", vec![to("Busy/Type", "PlayPrompt")], "not one of"),
        ("a name with a colon", vec![to("/StartAction", "Logging: off")], "does not match"),
        ("a parameter that there is not", vec![to("Queue/Parameters/Queue", "x")], "Additional properties"),
        ("seconds that are no text", vec![set("Greeting/Parameters/InputTimeLimitSeconds", json!(4))], "is not of type"),
        ("twelve seconds for Lambda", vec![to("Exchange/Parameters/InvocationTimeLimitSeconds", "12")], "does not match"),
        ("an error that is not handled", vec![("Exchange/Transitions/Errors", None)], "required property"),
        ("an error that there is not", vec![to("Exchange/Transitions/Errors/0/ErrorType", "Timeout")], "was expected"),
        ("a full queue that is not handled", vec![to("To the queue/Transitions/Errors/0/ErrorType", "Full")], "not one of"),
        ("hours without a way for closed", vec![to("Open/Transitions/Conditions/1/Condition/Operands/0", "No")], "not one of"),
        ("a transition to nowhere", vec![to("Busy/Transitions/NextAction", "Nowhere")], "there is no action Nowhere"),
        (
            "an action that nothing leads to",
            vec![to("Open/Transitions/Conditions/1/NextAction", "Mark none")],
            "no path leads to",
        ),
        ("two actions of one name", vec![to("Closed/Identifier", "Busy")], "two actions are called Busy"),
        ("a loop", vec![to("Anything keyed now/Transitions/Conditions/0/NextAction", "Greeting")], "comes back"),
        // Our promises.
        ("logging on at the start", vec![to("Logging off/Parameters/FlowLoggingBehavior", "Enabled")], "in a flow log"),
        ("logging on before the secret is set", vec![to("Forget the digits/Transitions/NextAction", "Logging on")], "idbellen"),
        ("logging on for clearing", vec![to("Queue/Transitions/Errors/0/NextAction", "Clear")], "in a flow log"),
        ("a recording", vec![to("No recording/Parameters/RecordingBehavior/IVRRecordingBehavior", "Enabled")], "recorded"),
        (
            "recorded participants",
            vec![set("No recording/Parameters/RecordingBehavior/RecordedParticipants", json!(["Customer"]))],
            "recorded",
        ),
        (
            "a prompt before the input",
            vec![to("Dutch voice/Transitions/NextAction", "Closed"), to("Closed/Transitions/NextAction", "Open")],
            "during a prompt",
        ),
        ("no hours", vec![to("Dutch voice/Transitions/NextAction", "Clear when it ends")], "out of hours"),
        ("greeting out of hours", vec![to("Open/Transitions/Conditions/1/NextAction", "Greeting")], "out of hours"),
        ("no clearing at the end", vec![to("Open/Transitions/Conditions/0/NextAction", "Greeting")], "is not cleared"),
        (
            "another disconnect flow",
            vec![set("Clear when it ends/Parameters/EventHooks", json!({"CustomerQueue": "x"}))],
            "is not cleared",
        ),
        ("an exchange after an error", vec![to("Listen once more/Transitions/Errors/0/NextAction", "Exchange")], "was not keyed"),
        ("no check for Timeout", vec![to("Greeting/Transitions/NextAction", "Exchange")], "was not keyed"),
        ("Timeout is exchanged", vec![to("Anything keyed now/Transitions/Conditions/0/NextAction", "Exchange")], "was not keyed"),
        (
            "a third time",
            vec![to("Anything keyed now/Transitions/Conditions/0/NextAction", "Forget the digits after an error")],
            "more than twice",
        ),
        (
            "the greeting again",
            vec![("Listen once more/Parameters/SSML", None), to("Listen once more/Parameters/Text", "Welkom")],
            "greeted again",
        ),
        ("nine digits", vec![to("Greeting/Parameters/InputValidation/CustomValidation/MaximumLength", "9")], "ten digits"),
        ("an exchange that nobody waits for", vec![to("Exchange/Parameters/InvocationType", "ASYNCHRONOUS")], "wait in a queue"),
        ("three seconds for the exchange", vec![to("Exchange/Parameters/InvocationTimeLimitSeconds", "3")], "8 seconds"),
        ("another function", vec![to("Exchange/Parameters/LambdaFunctionARN", "arn:aws:lambda:x")], "another function"),
        (
            "digits that are not passed",
            vec![to("Exchange/Parameters/LambdaInvocationAttributes/dtmf", "0123456789")],
            "not passed",
        ),
        ("digits that stay", vec![to("Exchange/Transitions/NextAction", "Identified")], "before the digits are forgotten"),
        (
            "digits that stay after an error",
            vec![to("Exchange/Transitions/Errors/0/NextAction", "Mark failed")],
            "before the digits are forgotten",
        ),
        ("a long silence", vec![to("Forget the digits/Parameters/InputTimeLimitSeconds", "5")], "takes long"),
        (
            "an answer that there is not",
            vec![to("Forget the digits after an error/Transitions/NextAction", "Identified")],
            "that there is not",
        ),
        ("a secret without ok", vec![to("Identified/Transitions/Conditions/1/NextAction", "Mark ok")], "a secret is set"),
        ("a secret when in doubt", vec![to("Identified/Transitions/Errors/0/NextAction", "Mark ok")], "a secret is set"),
        ("ok without a secret", vec![("Mark ok/Parameters/Attributes/idbellen_secret", None)], "does not say what happened"),
        (
            "the digits as attribute",
            vec![to("Mark failed/Parameters/Attributes/dtmf", "$.StoredCustomerInput")],
            "other attributes",
        ),
        ("another word", vec![to("Mark none/Parameters/Attributes/idbellen", "unknown")], "does not say what happened"),
        (
            "none after an exchange",
            vec![to("Identified/Transitions/Conditions/1/NextAction", "Mark none")],
            "does not say what happened",
        ),
        ("no mark", vec![to("Anything keyed now/Transitions/Conditions/0/NextAction", "Logging on")], "without the attribute"),
        ("no mark after an error", vec![to("Mark ok/Transitions/Errors/0/NextAction", "Logging on")], "without the attribute"),
        ("no queue", vec![to("Logging on/Transitions/NextAction", "To the queue")], "has no queue"),
        ("turned away within hours", vec![to("Greeting/Transitions/Errors/0/NextAction", "Busy")], "turned away within hours"),
        ("turned away and not cleared", vec![to("Logging off again/Transitions/NextAction", "Busy")], "not cleared"),
        ("cleared without a secret", vec![to("Clear/Parameters/LambdaInvocationAttributes/secret", "x")], "secret is not passed"),
    ]
}
