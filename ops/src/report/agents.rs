//! What agents did: the lines that agent-lookup and clear-contact log, as Firehose delivers them. A file is a row of gzip
//! members; each holds one message of a subscription (Amazon CloudWatch Logs user guide, "Log group-level subscription
//! filters").

use std::borrow::Cow;

use serde::Deserialize;
use shared::audit::Outcome;

use super::digest::inflate;
use super::facts::Facts;
use super::folder::{AGENTS, Folder};
use super::ids::id_of;
use super::life::Line;

#[allow(clippy::struct_field_names, reason = "these are AWS's names")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    message_type: Cow<'a, str>,
    #[serde(borrow)]
    owner: Cow<'a, str>,
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
        if !inflate(&bytes, &mut buffer) {
            facts.broken_lines += 1;
        }
        for message in serde_json::Deserializer::from_slice(&buffer).into_iter::<Message<'_>>() {
            let Ok(message) = message else {
                facts.broken_lines += 1;
                break;
            };
            if message.message_type != "DATA_MESSAGE" {
                continue;
            }
            for event in &message.log_events {
                let taken = message.owner == folder.export.account && take_line(event, facts);
                facts.broken_lines += u64::from(!taken);
            }
        }
    }
    any
}

fn take_line(event: &LogEvent<'_>, facts: &mut Facts) -> bool {
    let Ok(said) = serde_json::from_str::<Said<'_>>(&event.message) else { return false };
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == said.outcome);
    let clears = match said.action {
        "lookup" => Some(false),
        "clear" => Some(true),
        _ => None,
    };
    let (Some(outcome), Some(clears), Some(record), Some(_), "agent") =
        (outcome, clears, id_of(said.record), id_of(said.agent), said.audit)
    else {
        return false;
    };
    let agent = facts.texts.number(said.agent);
    facts.take_line(record, Line { at: event.timestamp, clears, outcome, agent });
    true
}
