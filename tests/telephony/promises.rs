//! What our flows promise, on each of their paths.

use crate::flow::{Action, Broken, Flow, Way};

/// What is so at a point of a path.
#[derive(Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a thing of its own that is so or not")]
struct Call<'a> {
    logging_off: bool,
    recording_off: bool,
    hours_checked: bool,
    closed: bool,
    /// The disconnect flow is set, or Amazon Connect refused to set it.
    clears_at_end: bool,
    played: bool,
    /// How often digits were awaited.
    listened: u8,
    digits: Digits,
    exchange: Exchange,
    mark: Option<&'a str>,
    queue: bool,
    queue_failed: bool,
    cleared: bool,
}

/// What the stored customer input is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Digits {
    #[default]
    None,
    Unchecked,
    Keyed,
    /// The code was exchanged, or not, and its digits are still there.
    Used,
    Forgotten,
}

/// What came of the exchange.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Exchange {
    #[default]
    None,
    Answered,
    Ok,
    Refused,
    Failed,
}

const INPUT: &str = "$.StoredCustomerInput";
/// What must not be in a log.
const SECRETS: [&str; 3] = [INPUT, "$.External", "idbellen_secret"];

/// Checks the flow of the number.
pub fn of_the_contact_flow<'a>(flow: &Flow<'a>, broken: &mut Broken) {
    let mut found = Broken::new();
    let mut ends = Broken::new();
    flow.walk(
        &mut |call: &mut Call<'a>, action, way| step(call, action, way, &mut found),
        &mut |call, action| end(call, action, &mut ends),
        broken,
    );
    broken.extend(found);
    broken.extend(ends);
}

/// Checks the flow that runs when a call ends.
pub fn of_the_disconnect_flow<'a>(flow: &Flow<'a>, broken: &mut Broken) {
    let mut found = Broken::new();
    let mut ends = Broken::new();
    flow.walk(
        &mut |call: &mut Call<'a>, action, way| {
            if !matches!(action.kind, "UpdateFlowLoggingBehavior" | "InvokeLambdaFunction") {
                found.insert("the disconnect flow does more than to clear".to_owned());
            }
            step(call, action, way, &mut found);
        },
        &mut |call, _| {
            if !call.cleared {
                ends.insert("a call ends and is not cleared".to_owned());
            }
        },
        broken,
    );
    broken.extend(found);
    broken.extend(ends);
}

/// What is so after `action`.
fn step<'a>(call: &mut Call<'a>, action: Action<'a>, way: Way<'a>, broken: &mut Broken) {
    let mut promise = |holds: bool, what: &str| {
        if !holds {
            broken.insert(what.to_owned());
        }
    };
    let done = way == Way::Done;
    let is_wipe = action.kind == "GetParticipantInput" && call.digits == Digits::Used;
    promise(call.digits != Digits::Used || is_wipe, "something happens before the digits are forgotten");
    let parameters = action.parameters.to_string();
    let names_secret = SECRETS.iter().any(|secret| parameters.contains(secret));
    promise(call.logging_off || !names_secret, "a secret or the digits can be in a flow log");
    match action.kind {
        "UpdateFlowLoggingBehavior" => call.logging_off = action.text("/FlowLoggingBehavior") == "Disabled",
        "UpdateContactRecordingBehavior" => {
            let behavior = &action.parameters["RecordingBehavior"];
            let no_one = behavior["RecordedParticipants"].as_array().is_some_and(Vec::is_empty);
            call.recording_off = no_one && behavior["IVRRecordingBehavior"] == "Disabled";
        }
        "CheckHoursOfOperation" => (call.hours_checked, call.closed) = (true, way == Way::Equals("False")),
        "UpdateContactEventHooks" => {
            call.clears_at_end |= action.text("/EventHooks/CustomerRemaining") == "${DisconnectFlowArn}";
        }
        "MessageParticipant" => call.played = true,
        "GetParticipantInput" if is_wipe => {
            let is_short = action.text("/InputTimeLimitSeconds") == "1";
            promise(is_short && action.text("/InputValidation/CustomValidation/MaximumLength") == "1", "to forget takes long");
            call.digits = Digits::Forgotten;
        }
        "GetParticipantInput" => {
            promise(!call.played, "digits that are keyed during a prompt are lost");
            promise(call.hours_checked && !call.closed, "a caller is greeted out of hours");
            promise(call.recording_off, "what is keyed can be recorded");
            promise(call.logging_off, "what is keyed can be in a flow log");
            promise(action.text("/InputValidation/CustomValidation/MaximumLength") == "10", "a code has ten digits");
            promise(call.listened == 0 || action.text("/Text").is_empty(), "the caller is greeted again");
            call.listened += 1;
            promise(call.listened <= 2, "a caller is asked more than twice");
            call.digits = if done { Digits::Unchecked } else { Digits::None };
        }
        "Compare" if action.text("/ComparisonValue") == INPUT => {
            let nothing = way == Way::Equals("Timeout");
            call.digits = if nothing { Digits::None } else { Digits::Keyed };
        }
        "Compare" if action.text("/ComparisonValue") == "$.External.result" => {
            promise(call.exchange == Exchange::Answered, "an answer is read that there is not");
            call.exchange = if way == Way::Equals("ok") { Exchange::Ok } else { Exchange::Refused };
        }
        "InvokeLambdaFunction" => {
            promise(action.text("/InvocationType") == "SYNCHRONOUS", "a secret can wait in a queue");
            promise(action.text("/ResponseValidation/ResponseType") == "STRING_MAP", "an answer is a flat map");
            match action.text("/LambdaFunctionARN") {
                "${DtmfExchangeArn}" => {
                    promise(call.logging_off, "the exchange is in a flow log");
                    promise(call.digits == Digits::Keyed, "something is exchanged that was not keyed");
                    promise(call.clears_at_end, "an abandoned call is not cleared");
                    promise(call.exchange == Exchange::None, "a code is exchanged twice");
                    promise(action.text("/InvocationTimeLimitSeconds") == "8", "the exchange has less than its 8 seconds");
                    promise(action.text("/LambdaInvocationAttributes/dtmf") == INPUT, "the digits are not passed");
                    call.exchange = if done { Exchange::Answered } else { Exchange::Failed };
                    call.digits = Digits::Used;
                }
                "${ClearContactArn}" => {
                    let secret = action.text("/LambdaInvocationAttributes/secret");
                    promise(secret == "$.Attributes.idbellen_secret", "the secret is not passed");
                    call.cleared = true;
                }
                _ => promise(false, "another function gets what passes"),
            }
        }
        "UpdateContactAttributes" => mark(call, action, done, &mut promise),
        "UpdateContactTargetQueue" => call.queue = done,
        "TransferContactToQueue" => call.queue_failed = true,
        _ => {}
    }
}

fn mark<'a>(call: &mut Call<'a>, action: Action<'a>, done: bool, promise: &mut dyn FnMut(bool, &str)) {
    let mark = action.text("/Attributes/idbellen");
    let secret = action.text("/Attributes/idbellen_secret");
    let known = action.parameters["Attributes"].as_object().into_iter().flatten();
    let only_ours = known.into_iter().all(|(name, _)| ["idbellen", "idbellen_secret"].contains(&name.as_str()));
    promise(only_ours && action.text("/TargetContact") == "Current", "other attributes are set");
    promise(secret.is_empty() || call.exchange == Exchange::Ok, "a secret is set that there is not");
    let right = match mark {
        "ok" => call.exchange == Exchange::Ok && secret == "$.External.secret",
        "none" => call.exchange == Exchange::None && call.digits == Digits::None,
        "failed" => secret.is_empty(),
        _ => false,
    };
    promise(right, "the attribute idbellen does not say what happened");
    // If Amazon Connect refuses the last one, nothing can be done.
    if done || mark != "ok" {
        call.mark = Some(mark);
    }
}

fn end(call: &Call<'_>, action: Action<'_>, broken: &mut Broken) {
    let mut promise = |holds: bool, what: &str| {
        if !holds {
            broken.insert(what.to_owned());
        }
    };
    promise(call.digits != Digits::Used, "digits stay behind");
    if action.kind == "TransferContactToQueue" {
        promise(call.mark.is_some(), "a call is queued without the attribute idbellen");
        promise(call.exchange != Exchange::Ok || call.mark != Some("none"), "the attribute idbellen does not say what happened");
        promise(call.queue, "a call is queued that has no queue");
    } else {
        promise(call.closed || call.mark.is_some(), "a caller is turned away within hours");
        promise(call.closed || call.cleared, "a caller is turned away and not cleared");
    }
}
