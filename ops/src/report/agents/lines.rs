//! What agents did: the lines that agent-lookup and clear-contact log, as Firehose delivers them. A file is a row of gzip
//! members; each holds one message of a subscription (Amazon CloudWatch Logs user guide, "Log group-level subscription
//! filters"). Whoever may subscribe a log group could send lines: only those count that the template's subscriptions send
//! from the functions' own groups.

use std::borrow::Cow;

use serde::Deserialize;
use shared::audit::Outcome;

use super::Line;
use crate::report::digest::{Unpacked, inflate};
use crate::report::facts::Facts;
use crate::report::folder::{AGENTS, Folder};
use crate::report::ids::id_of;
use crate::report::names::Role;

/// What the template calls its subscriptions.
const FILTER: &str = "audit";

#[allow(clippy::struct_field_names, reason = "these are AWS's names")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    message_type: Cow<'a, str>,
    #[serde(borrow)]
    owner: Cow<'a, str>,
    #[serde(borrow, default)]
    log_group: Cow<'a, str>,
    #[serde(default)]
    subscription_filters: Vec<String>,
    #[serde(borrow)]
    log_events: Vec<LogEvent<'a>>,
}

#[derive(Deserialize)]
struct LogEvent<'a> {
    timestamp: i64,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// `shared::audit` writes it.
#[derive(Deserialize)]
struct Said<'a> {
    audit: &'a str,
    action: &'a str,
    record: &'a str,
    agent: &'a str,
    outcome: &'a str,
}

/// Takes in all agents' lines of `folder`. Says whether there is a file of them.
pub fn take(folder: &Folder, facts: &mut Facts) -> bool {
    let (mut any, mut buffer) = (false, Vec::new());
    for key in folder.objects.iter().filter(|key| key.starts_with(AGENTS)) {
        any = true;
        let Some(bytes) = folder.object(key) else { continue };
        if inflate(&bytes, &mut buffer) != Unpacked::Whole {
            facts.broken_lines += 1;
        }
        for message in serde_json::Deserializer::from_slice(&buffer).into_iter::<Message<'_>>() {
            let Ok(message) = message else {
                facts.broken_lines += 1;
                break;
            };
            if message.message_type == "DATA_MESSAGE" {
                take_message(&message, &folder.export.account, facts);
            }
        }
    }
    any
}

fn take_message(message: &Message<'_>, account: &str, facts: &mut Facts) {
    let ours = message.owner == account && message.subscription_filters == [FILTER];
    let of = |role| facts.log_group(role) == message.log_group;
    let clears = match (of(Role::AgentLookup), of(Role::ClearContact)) {
        (true, _) if ours => Some(false),
        (_, true) if ours => Some(true),
        _ => None,
    };
    for event in &message.log_events {
        let taken = clears.is_some_and(|clears| take_line(event, clears, facts));
        facts.broken_lines += u64::from(!taken);
    }
}

fn take_line(event: &LogEvent<'_>, clears: bool, facts: &mut Facts) -> bool {
    let Ok(said) = serde_json::from_str::<Said<'_>>(&event.message) else { return false };
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == said.outcome);
    // Each function logs its own action.
    let action = if clears { "clear" } else { "lookup" };
    let (Some(outcome), Some(record), Some(agent), "agent", true) =
        (outcome, id_of(said.record), id_of(said.agent), said.audit, said.action == action)
    else {
        return false;
    };
    facts.take_line(record, agent, |agent| Line { agent, at: event.timestamp, clears, outcome })
}
