//! Metrics: counts and durations for evaluation and alarms, as lines of CloudWatch's embedded metric format
//! (Amazon CloudWatch user guide, "Specification: Embedded metric format"). CloudWatch makes metrics of them.
//!
//! A line holds a metric's name, a number, and a purpose's name where there is one: nothing of a citizen fits in.

use std::io::{Write, stdout};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::config::{CannotStart, variable};
use crate::purpose::PurposeName;
use crate::records::Ending;

/// What is counted or timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A session was started.
    Started,
    /// A citizen disclosed.
    Disclosed,
    /// A citizen refused, or did not answer in time.
    Declined,
    /// A result could not be fetched any more, or can never be taken in.
    Lost,
    /// A result can never be taken in: it is too large, or signed and not what a session's result is.
    ResultsRefused,
    /// Attributes that were disclosed and had not been asked: they were not taken in.
    AttributesDropped,
    /// Seconds from the start of a session to its end.
    SecondsToEnd,
    /// A code was exchanged for a secret.
    Exchanged,
    /// A code was asked for that there is not.
    UnknownCodes,
    /// A record was looked up for the first time.
    LookedUp,
    /// Seconds from the start of a session to the first look-up.
    SecondsToLookUp,
    /// A secret was asked for that there is not.
    UnknownSecrets,
    /// An agent cleared a contact.
    Cleared,
    /// Telephony cleared a contact that no agent had looked up.
    Abandoned,
    /// A run could not overwrite the secret in a contact's attributes.
    NotOverwritten,
    /// Records that a sweep deleted.
    ExpiredRecords,
    /// Codes that a sweep deleted.
    ExpiredCodes,
    /// A sweep did all it had to.
    Swept,
    /// A run of session-reconcile came to all that it had to, and the IRMA server answered.
    Reconciled,
    /// Records that session-reconcile came to and could do nothing about this time.
    ReconcileFailures,
    /// The age in seconds of the oldest record that a sweep found, 0 if it found none that must go.
    OldestRecord,
}

impl Metric {
    /// What counts sessions that end so.
    #[must_use]
    pub fn of(ending: &Ending) -> Self {
        match ending {
            Ending::Disclosed(_) => Self::Disclosed,
            Ending::Declined => Self::Declined,
            Ending::Lost => Self::Lost,
        }
    }

    fn name_and_unit(self) -> (&'static str, &'static str) {
        match self {
            Self::Started => ("Started", "Count"),
            Self::Disclosed => ("Disclosed", "Count"),
            Self::Declined => ("Declined", "Count"),
            Self::Lost => ("Lost", "Count"),
            Self::ResultsRefused => ("ResultsRefused", "Count"),
            Self::AttributesDropped => ("AttributesDropped", "Count"),
            Self::SecondsToEnd => ("SecondsToEnd", "Seconds"),
            Self::Exchanged => ("Exchanged", "Count"),
            Self::UnknownCodes => ("UnknownCodes", "Count"),
            Self::LookedUp => ("LookedUp", "Count"),
            Self::SecondsToLookUp => ("SecondsToLookUp", "Seconds"),
            Self::UnknownSecrets => ("UnknownSecrets", "Count"),
            Self::Cleared => ("Cleared", "Count"),
            Self::Abandoned => ("Abandoned", "Count"),
            Self::NotOverwritten => ("NotOverwritten", "Count"),
            Self::ExpiredRecords => ("ExpiredRecords", "Count"),
            Self::ExpiredCodes => ("ExpiredCodes", "Count"),
            Self::Swept => ("Swept", "Count"),
            Self::Reconciled => ("Reconciled", "Count"),
            Self::ReconcileFailures => ("ReconcileFailures", "Count"),
            Self::OldestRecord => ("OldestRecord", "Seconds"),
        }
    }
}

/// Writes metrics, all in one namespace: one for each stage.
pub struct Metrics {
    namespace: String,
}

impl Metrics {
    /// Metrics in the namespace that the variable `METRICS_NAMESPACE` names.
    pub fn from_environment() -> Result<Self, CannotStart> {
        Ok(Self { namespace: variable("METRICS_NAMESPACE")? })
    }

    /// Counts one.
    pub fn count(&self, metric: Metric) {
        self.put(None, &[(metric, 1)]);
    }

    /// Puts numbers, in all and by purpose.
    pub fn put(&self, purpose: Option<&PurposeName>, values: &[(Metric, i64)]) {
        let line = self.line(purpose, values);
        // Nothing can be done about a log that can't be written.
        let _ = writeln!(stdout().lock(), "{line}");
    }

    fn line(&self, purpose: Option<&PurposeName>, values: &[(Metric, i64)]) -> Value {
        let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let metrics: Vec<Value> = values
            .iter()
            .map(|(metric, _)| {
                let (name, unit) = metric.name_and_unit();
                json!({"Name": name, "Unit": unit})
            })
            .collect();
        let dimensions = if purpose.is_some() { json!([[], ["purpose"]]) } else { json!([[]]) };
        let mut line = json!({
            "_aws": {
                "Timestamp": u64::try_from(passed.as_millis()).unwrap_or_default(),
                "CloudWatchMetrics": [{"Namespace": self.namespace, "Dimensions": dimensions, "Metrics": metrics}],
            },
        });
        if let Some(purpose) = purpose {
            line["purpose"] = purpose.as_str().into();
        }
        for (metric, value) in values {
            line[metric.name_and_unit().0] = (*value).into();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_the_embedded_metric_format() {
        let metrics = Metrics { namespace: "idbellen/test".to_owned() };
        let purpose = "burgerzaken".parse().unwrap();
        let mut line = metrics.line(Some(&purpose), &[(Metric::Disclosed, 1), (Metric::SecondsToEnd, 17)]);
        assert!(line["_aws"]["Timestamp"].take().as_u64().is_some_and(|at| at > 1_700_000_000_000));
        let metrics = json!([{"Name": "Disclosed", "Unit": "Count"}, {"Name": "SecondsToEnd", "Unit": "Seconds"}]);
        let directive = json!({"Namespace": "idbellen/test", "Dimensions": [[], ["purpose"]], "Metrics": metrics});
        let expected = json!({
            "_aws": {"Timestamp": null, "CloudWatchMetrics": [directive]},
            "purpose": "burgerzaken", "Disclosed": 1, "SecondsToEnd": 17,
        });
        assert_eq!(line, expected);
    }
}
