//! Time that KMS says has passed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use local::tap::{Call, Fault, set_date};
use serde_json::{Value, json};
use shared::clock::now;

/// What is said to have passed, in seconds, in all. Of each alias that changed and each key that was made since, KMS says so
/// much less.
#[derive(Default)]
pub struct Time(Arc<Mutex<Passed>>);

#[derive(Default)]
struct Passed {
    in_all: i64,
    /// What had passed when the last alias changed.
    at_last_change: i64,
    /// What had passed when each alias changed.
    aliases: HashMap<String, i64>,
    /// What had passed when a key was made, with the moment by our clock.
    keys: Vec<(i64, i64)>,
}

impl Time {
    /// So many seconds have passed since the last alias changed.
    pub fn passes(&self, seconds: i64) {
        let mut passed = locked(&self.0);
        passed.in_all = passed.at_last_change + seconds;
    }

    /// What it makes of a call to KMS, whose clock is so many seconds ahead of ours.
    pub fn of(&self, call: &Call, ahead: i64) -> Option<Fault> {
        let mut passed = locked(&self.0);
        let in_all = passed.in_all;
        match call.operation.as_str() {
            "UpdateAlias" => {
                let sent: Value = serde_json::from_slice(&call.body).unwrap_or_default();
                passed.at_last_change = in_all;
                passed.aliases.insert(sent["AliasName"].as_str().unwrap_or_default().to_owned(), in_all);
                None
            }
            "CreateKey" => {
                passed.keys.push((now(), in_all));
                None
            }
            "ListAliases" | "DescribeKey" => {
                let passed = Arc::clone(&self.0);
                Some(Fault::changed(move |headers, answer| {
                    let passed = locked(&passed);
                    for alias in answer["Aliases"].as_array_mut().into_iter().flatten() {
                        let seconds = passed.since_changed(&alias["AliasName"]);
                        earlier(&mut alias["LastUpdatedDate"], seconds);
                    }
                    if let Some(key) = answer.get_mut("KeyMetadata") {
                        let seconds = passed.since_made(&key["CreationDate"]);
                        earlier(&mut key["CreationDate"], seconds);
                    }
                    set_date(headers, now() + ahead);
                }))
            }
            _ => None,
        }
    }
}

impl Passed {
    fn since_changed(&self, alias: &Value) -> i64 {
        self.in_all - alias.as_str().and_then(|alias| self.aliases.get(alias)).copied().unwrap_or_default()
    }

    /// A key is known by when it was made, by KMS's clock.
    fn since_made(&self, at: &Value) -> i64 {
        let at = at.as_f64().unwrap_or_default();
        #[allow(clippy::cast_precision_loss, reason = "a moment of our days")]
        let made = self.keys.iter().rev().find(|(asked, _)| *asked as f64 <= at + 1.0);
        self.in_all - made.map_or(0, |(_, passed)| *passed)
    }
}

fn locked(passed: &Mutex<Passed>) -> MutexGuard<'_, Passed> {
    passed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves a moment, in seconds, into the past.
fn earlier(moment: &mut Value, seconds: i64) {
    if let Some(at) = moment.as_f64() {
        #[allow(clippy::cast_precision_loss, reason = "days at most")]
        let at = at - seconds as f64;
        *moment = json!(at);
    }
}
