//! What is assumed of how citizens, agents and telephony behave, and why; and what happens in a month if it is so.

use anyhow::{Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::{Durations, HOURS, KIB};

/// What is assumed of how citizens, agents and telephony behave, and how large things are. [`REASONS`] has a reason for each.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Assumptions {
    /// Whether telephony is Amazon Connect.
    pub amazon_connect: bool,
    /// Whether the web pages are served too: by the stack, or by the servers.
    pub web_sites: bool,
    /// Whether the functions run on arm64.
    pub arm64: bool,
    /// Purposes: each has metrics of its own.
    pub purposes: f64,
    /// Hours a month in which the number is answered.
    pub open_hours: f64,
    /// Sessions started for each identified call.
    pub sessions: f64,
    /// Times that a purpose is shown for each session.
    pub views: f64,
    /// Exchanges of a code for each call, repetitions included.
    pub exchanges: f64,
    /// Codes asked for in vain, for each call.
    pub unknown_codes: f64,
    /// Look-ups for each call that find an ended session.
    pub look_ups: f64,
    /// Look-ups for each call that are answered with 202, while the citizen's answer is awaited.
    pub polls: f64,
    /// Share of calls that the agent clears.
    pub cleared: f64,
    /// Share of calls that end before an agent looked, and that telephony clears.
    pub abandoned: f64,
    /// Times that telephony clears for each call, whether there is something to clear or not.
    pub telephony_clears: f64,
    /// Times that session-reconcile asks the IRMA server for a session's result, because it is pending.
    pub reconciliations: f64,
    /// Minutes until a record is cleared.
    pub minutes_to_clear: f64,
    /// Bytes of a record while it is pending.
    pub pending_bytes: f64,
    /// Bytes of a record when the attributes are in it.
    pub sealed_bytes: f64,
    /// Bytes of a record that was looked up.
    pub held_bytes: f64,
    /// Bytes of a record in the index.
    pub index_bytes: f64,
    /// Seconds after which Lambda gives up an environment that is not used.
    pub idle_seconds: f64,
    /// Bytes of what Lambda itself logs of an invocation.
    pub platform_log_bytes: f64,
    /// Bytes of a line that a function logs.
    pub line_bytes: f64,
    /// Bytes of a line that CloudWatch makes metrics of.
    pub metric_line_bytes: f64,
    /// Bytes of a line of the API's access log.
    pub access_line_bytes: f64,
    /// Share that is left of a log when CloudWatch stores it.
    pub stored_share: f64,
    /// Days that logs are kept.
    pub log_days: f64,
    /// Days that the audit trail is kept.
    pub trail_days: f64,
    /// Bytes of an event of the trail, compressed.
    pub trail_event_bytes: f64,
    /// Files that the trail delivers when little happens, digests of all regions included.
    pub trail_files: f64,
    /// Events in a file of the trail, when much happens.
    pub trail_file_events: f64,
    /// Bytes that a line on agents counts for at Firehose.
    pub agents_line_bytes: f64,
    /// Files of a page that one view loads.
    pub page_files: f64,
    /// Bytes of those files, compressed.
    pub page_bytes: f64,
    /// Bytes of an answer of the API, headers included.
    pub answer_bytes: f64,
    /// Bytes sent to the IRMA server in two requests.
    pub irma_bytes: f64,
    /// Bytes that a statement takes in the database's audit log, on servers.
    pub statement_bytes: f64,
    /// Servers that are always on.
    pub servers: f64,
    /// GB of a server's disk.
    pub server_gb: f64,
    /// GB of the database's disk, in each of its two zones.
    pub database_gb: f64,
    /// Minutes that a call lasts, for what telephony costs.
    pub call_minutes: f64,
}

/// Why each of the assumptions is what it is; in the order of the struct.
pub const REASONS: [(&str, &str); 41] = [
    ("amazon_connect", "the dearer of the two: two invocations more for each call"),
    ("web_sites", "so that both serve the same"),
    ("arm64", "the template's default is x86_64"),
    ("purposes", "as many as there are examples"),
    ("open_hours", "22 days of 8.5 hours"),
    ("sessions", "disputable: one in five sessions leads to no call"),
    ("views", "disputable: half of those who see a purpose start"),
    ("exchanges", "disputable: one in twenty is repeated"),
    ("unknown_codes", "disputable: one in twenty calls keys a code that there is not"),
    ("look_ups", "disputable: one in ten is asked twice, as after a reload"),
    ("polls", "disputable: mostly the result is in before an agent picks up; the portal asks every two seconds"),
    ("cleared", "disputable"),
    ("abandoned", "disputable"),
    ("telephony_clears", "the disconnect flow may run at the end of every call"),
    (
        "reconciliations",
        "disputable: four of five take a minute, and a run comes to a quarter of them after the 45 seconds in which none does; the fifth \
         is opened by no one, and asked for 2.25 times until it is ended (docs/performance.md, \"Sessions that nobody opens\")",
    ),
    ("minutes_to_clear", "disputable: pages, wallet, queue and talk"),
    ("pending_bytes", "worked out of what is stored, purpose `burgerzaken`; 1216 are the public key, 434 what was asked"),
    ("sealed_bytes", "the same, with four attributes, padded, and neither any more; 1120 bytes are the encapsulated key"),
    ("held_bytes", "the same, with one holder; above 2048 each write counts three times"),
    ("index_bytes", "the same, with the 100 bytes that DynamoDB adds"),
    ("idle_seconds", "AWS does not publish it"),
    ("platform_log_bytes", "two events, each with the 26 bytes that CloudWatch adds"),
    ("line_bytes", "a line on an agent is 223 bytes; with the 26"),
    ("metric_line_bytes", "one with two metrics and a purpose is 269 bytes; with the 26"),
    ("access_line_bytes", "133 bytes; with the 26"),
    ("stored_share", "as AWS's pricing page assumes in its examples"),
    ("log_days", "the template's default"),
    ("trail_days", "the default of the audit account"),
    ("trail_event_bytes", "disputable: some 1500 bytes before they are compressed"),
    ("trail_files", "disputable: one every five minutes in two regions, and 17 digests an hour"),
    ("trail_file_events", "disputable"),
    ("agents_line_bytes", "the most it can be: each line a record of its own, rounded up to 5 KB"),
    ("page_files", "as built"),
    ("page_bytes", "as built, the IRMA project's front-end included"),
    ("answer_bytes", "disputable"),
    ("irma_bytes", "disputable: two requests and TLS"),
    ("statement_bytes", "disputable"),
    ("servers", "so that one can fail"),
    ("server_gb", "disputable"),
    ("database_gb", "the least that RDS gives"),
    ("call_minutes", "disputable"),
];

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            amazon_connect: true,
            web_sites: true,
            arm64: false,
            purposes: 2.0,
            open_hours: 187.0,
            sessions: 1.25,
            views: 2.0,
            exchanges: 1.05,
            unknown_codes: 0.05,
            look_ups: 1.1,
            polls: 0.2,
            cleared: 0.9,
            abandoned: 0.05,
            telephony_clears: 1.0,
            reconciliations: 0.65,
            minutes_to_clear: 15.0,
            pending_bytes: 1959.0,
            sealed_bytes: 2034.0,
            held_bytes: 2133.0,
            index_bytes: 201.0,
            idle_seconds: 300.0,
            platform_log_bytes: 450.0,
            line_bytes: 250.0,
            metric_line_bytes: 295.0,
            access_line_bytes: 159.0,
            stored_share: 0.15,
            log_days: 30.0,
            trail_days: 400.0,
            trail_event_bytes: 200.0,
            trail_files: 30_000.0,
            trail_file_events: 1_000.0,
            agents_line_bytes: 5.0 * KIB,
            page_files: 6.0,
            page_bytes: 33_000.0,
            answer_bytes: 1_500.0,
            irma_bytes: 5_000.0,
            statement_bytes: 400.0,
            servers: 2.0,
            server_gb: 20.0,
            database_gb: 20.0,
            call_minutes: 5.0,
        }
    }
}

/// Refuses what no month can be.
pub(super) fn check(assumptions: &Assumptions, durations: &Durations) -> Result<()> {
    for value in [serde_json::to_value(assumptions)?, serde_json::to_value(durations)?] {
        ensure!(numbers_are_right(&value), "a number is negative, or none: {value}");
    }
    ensure!(assumptions.cleared + assumptions.abandoned <= 1.0, "more calls are cleared than there are");
    ensure!(assumptions.sessions >= 1.0, "a call has a session");
    ensure!(assumptions.open_hours <= HOURS && assumptions.trail_file_events > 0.0, "open_hours or trail_file_events");
    Ok(())
}

/// Whether no number is negative. What is not finite has become null.
fn numbers_are_right(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(members) => members.values().all(numbers_are_right),
        value => value.as_f64().is_none_or(|number| number >= 0.0),
    }
}

/// What happens in a month.
pub(super) struct Counts {
    pub(super) calls: f64,
    pub(super) sessions: f64,
    pub(super) views: f64,
    pub(super) exchanges: f64,
    pub(super) unknown: f64,
    pub(super) look_ups: f64,
    pub(super) clears: f64,
    pub(super) abandoned: f64,
    pub(super) telephony_clears: f64,
    pub(super) overwrites: f64,
    pub(super) swept: f64,
    pub(super) reconciled: f64,
}

impl Counts {
    pub(super) fn of(calls: f64, assumptions: &Assumptions) -> Self {
        let sessions = calls * assumptions.sessions;
        let (clears, abandoned) = (calls * assumptions.cleared, calls * assumptions.abandoned);
        Self {
            calls,
            sessions,
            views: sessions * assumptions.views,
            exchanges: calls * assumptions.exchanges,
            unknown: calls * assumptions.unknown_codes,
            look_ups: calls * (assumptions.look_ups + assumptions.polls),
            clears,
            abandoned,
            telephony_clears: calls * assumptions.telephony_clears.max(assumptions.abandoned),
            overwrites: if assumptions.amazon_connect { clears + abandoned } else { 0.0 },
            swept: (sessions - clears - abandoned).max(0.0),
            reconciled: sessions * assumptions.reconciliations,
        }
    }

    /// Requests that come over the API.
    pub(super) fn requests(&self, assumptions: &Assumptions) -> f64 {
        let telephony = if assumptions.amazon_connect { 0.0 } else { self.exchanges + self.unknown + self.telephony_clears };
        self.browser_requests() + self.sessions + telephony
    }

    /// Requests of citizens' and agents' browsers.
    pub(super) fn browser_requests(&self) -> f64 {
        self.views + self.sessions + self.look_ups + self.clears
    }

    /// Invocations that a schedule did not make.
    pub(super) fn invocations(&self) -> f64 {
        let telephony = self.exchanges + self.unknown + self.telephony_clears + self.overwrites;
        self.browser_requests() + 2.0 * self.sessions + telephony
    }

    /// A repeated look-up is two updates: the first finds that this contact has had the caller.
    pub(super) fn repeated_look_ups(&self) -> f64 {
        (self.look_ups - self.calls).max(0.0)
    }

    /// Calls to DynamoDB on one item, and transactions.
    pub(super) fn item_calls(&self) -> f64 {
        // A transaction, two reads and the end of the session; the code's use; look-ups; clears; what the runs of a minute do.
        let look_ups = self.look_ups + self.repeated_look_ups();
        let swept = self.reconciled + self.deletions();
        let agents = look_ups + self.clears + self.marks();
        4.0 * self.sessions + self.exchanges + self.unknown + agents + self.telephony_clears + swept
    }

    /// The marks of agents: one for each look-up and clear.
    pub(super) fn marks(&self) -> f64 {
        self.look_ups + self.clears
    }

    /// What the sweep deletes: each code, and the records that nobody cleared.
    pub(super) fn deletions(&self) -> f64 {
        self.sessions + self.swept
    }

    /// A code is named when it is made and when it is used, an unknown one under two aliases; a token is sealed, and opened
    /// once and whenever it is tried again.
    pub(super) fn kms_requests(&self) -> f64 {
        3.0 * self.sessions + self.reconciled + self.exchanges + 2.0 * self.unknown
    }

    /// Lines on agents.
    pub(super) fn agents_lines(&self) -> f64 {
        self.look_ups + self.clears
    }

    /// Lines that functions log but those for metrics.
    pub(super) fn lines(&self) -> f64 {
        let telephony = self.exchanges + self.unknown + self.telephony_clears + self.overwrites;
        2.0 * self.sessions + telephony + self.agents_lines()
    }

    /// Lines that CloudWatch makes metrics of.
    pub(super) fn metric_lines(&self) -> f64 {
        2.0 * self.sessions + self.exchanges + self.unknown + self.calls + self.clears + self.abandoned
    }
}
