//! What a month of ID-bellen costs on AWS, worked out from published prices, beside two servers and a database that are
//! always on. Nothing of it was billed: prices are those of `prices.json`, durations are the caller's, and the rest are
//! [`Assumptions`].

mod assumptions;
mod markdown;
mod prices;

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

pub use assumptions::Assumptions;
pub use markdown::markdown;

use assumptions::{Counts, REASONS, check};
use prices::{Prices, Sheet};

/// The calls a month that are worked out.
pub const VOLUMES: [u32; 3] = [1_000, 100_000, 10_000_000];

/// As AWS counts: 730 hours.
const HOURS: f64 = 730.0;
const MINUTES: f64 = HOURS * 60.0;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
const KIB: f64 = 1024.0;

/// What AWS bills of one invocation.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Billed {
    /// Milliseconds, waiting for others included.
    pub milliseconds: f64,
    /// The memory that the function was given.
    pub memory_mb: u32,
}

/// What AWS bills of each kind of invocation, as measured by the caller.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Durations {
    /// session-start, `GET /purposes/{name}`.
    pub show_purpose: Billed,
    /// session-start, `POST /sessions`.
    pub start: Billed,
    /// session-ingest, when the IRMA server calls back.
    pub callback: Billed,
    /// session-ingest, invoked by itself.
    pub take_in: Billed,
    /// dtmf-exchange.
    pub exchange: Billed,
    /// agent-lookup.
    pub look_up: Billed,
    /// clear-contact.
    pub clear: Billed,
    /// clear-contact, invoked by itself: overwrites the secret at Amazon Connect.
    pub overwrite: Billed,
    /// session-reconcile, when nothing is pending.
    pub reconcile: Billed,
    /// expire-records, when nothing has expired.
    pub expire: Billed,
    /// What each pending session adds to [`Self::reconcile`], in milliseconds, when many are done at a time.
    pub reconciliation_milliseconds: f64,
    /// What each item that a sweep deletes adds to [`Self::expire`], in milliseconds, when many are done at a time.
    pub deletion_milliseconds: f64,
    /// What a cold start adds, in milliseconds: it is billed too.
    pub cold_start_milliseconds: f64,
}

/// So much of something, and what it costs a month.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// AWS's service.
    pub service: &'static str,
    /// What it is.
    pub what: &'static str,
    /// How much of it.
    pub quantity: f64,
    /// Of what.
    pub unit: String,
    /// The name of its price.
    pub price: &'static str,
    /// In euros.
    pub eur: f64,
}

/// What one of the two costs a month.
#[derive(Clone, Debug, Serialize)]
pub struct Bill {
    /// All that is paid for.
    pub items: Vec<Item>,
    /// By service.
    pub services: BTreeMap<&'static str, f64>,
    /// In euros.
    pub eur: f64,
}

/// A month with so many calls.
#[derive(Clone, Debug, Serialize)]
pub struct Month {
    /// Identified calls.
    pub calls: u32,
    /// Calls a second, over the hours in which the number is answered.
    pub calls_per_open_second: f64,
    /// The stack, and its audit account.
    pub stack: Bill,
    /// Two servers and a database that do the same.
    pub servers: Bill,
    /// In euros, a call.
    pub stack_eur_per_call: f64,
    /// In no total: what the stack costs more in some accounts, and telephony, which both need.
    pub besides: Vec<Item>,
}

/// The two beside each other.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// For each number of calls.
    pub months: Vec<Month>,
    /// From so many calls a month on, servers cost less.
    pub break_even_calls: Option<u32>,
    /// What AWS bills of an invocation.
    pub durations: Durations,
    /// What is assumed.
    pub assumptions: Assumptions,
    /// Why.
    pub reasons: BTreeMap<&'static str, &'static str>,
    /// What can be doubted, besides the assumptions that say so.
    pub doubts: Vec<&'static str>,
    /// What is in neither.
    pub not_counted: Vec<&'static str>,
    /// What AWS gives away: it is not taken off.
    pub free_tiers: Vec<&'static str>,
    /// With their sources.
    pub prices: Prices,
}

const DOUBTS: [&str; 9] = [
    "CloudTrail is taken to record a transaction as one event. If it records one for each table, its events grow by a twentieth.",
    "AWS's pages do not say whether a query on an index is a data event; here it is.",
    "A custom metric is billed for the hours in which it is sent. Rare ones (`Lost`, `NotOverwritten`, `UnknownSecrets`) are counted \
     for all open hours.",
    "Writes to an index are counted once also where they follow from a transaction.",
    "Cold starts are those of an environment that nobody used for a while. Those of a crowd that comes at once are not counted.",
    "Prices are of the first tier. Nothing here reaches the second, but for the API above 300 million requests.",
    "Whether two small servers carry the most calls was not tried. They are burstable: their processors may be used for a fifth of \
     the time, and more is billed.",
    "On servers the same metrics, alarms, keys and audit lines are counted, so that they promise the same. Who promises less pays less.",
    "On servers there is no function that Amazon Connect can call: it would take one more.",
];

const NOT_COUNTED: [&str; 8] = [
    "the IRMA server, and the login of agents: both need them",
    "telephony itself: both need it (see `besides`)",
    "the people who patch servers and databases, renew certificates and are on call: servers need more of them",
    "VAT, support plans, and discounts for promised use (up to 17 % for Lambda, more for servers and databases)",
    "a domain and its zone",
    "the few requests that Parameter Store makes to KMS when an environment starts, and data that telephony and the IRMA server get \
     from the API",
    "building and deploying",
    "reading the audit trail, and restoring or testing anything",
];

const FREE_TIERS: [&str; 10] = [
    "Lambda: 1 million invocations and 400 000 GB-seconds a month",
    "KMS: 20 000 requests a month",
    "DynamoDB: 25 GB of storage",
    "CloudWatch: 10 metrics, 10 alarms, 3 dashboards, 5 GB of logs",
    "CloudTrail: the first copy of management events; this is taken off, for it is no offer that ends",
    "Parameter Store: standard parameters at standard throughput; likewise",
    "EventBridge Scheduler: 14 million invocations a month",
    "CloudFront: 1 TB, 10 million requests, 2 million invocations of its functions a month",
    "data to the internet: 100 GB a month",
    "API Gateway, EC2 and RDS: for new accounts, for a time or up to a credit",
];

/// Queries on an index that each minute makes: expire-records asks the time and eight shards of both tables,
/// session-reconcile eight shards.
const QUERIES: f64 = 2.0 * 9.0 + 8.0;
/// Lines for metrics of each minute's runs: what the sweep found in each table and that it ended, and that the reconciler did.
const SCHEDULED_METRIC_LINES: f64 = 4.0;
/// Metrics without a purpose: these are sent each minute,
const METRICS_ALWAYS: f64 = 5.0;
/// and these when there are calls.
const METRICS_OPEN: f64 = 13.0;
/// Metrics for each purpose.
const METRICS_PURPOSE: f64 = 6.0;

/// Write units for an item of this size.
fn units(bytes: f64) -> f64 {
    (bytes / KIB).ceil().max(1.0)
}

/// Works out the stack and the servers for each of these numbers of calls a month.
pub fn compare(durations: &Durations, assumptions: &Assumptions, volumes: &[u32]) -> Result<Comparison> {
    check(assumptions, durations)?;
    let prices = Prices::published()?;
    let months = volumes.iter().map(|&calls| month(&prices, durations, assumptions, calls)).collect::<Result<Vec<_>>>()?;
    Ok(Comparison {
        months,
        break_even_calls: break_even(&prices, durations, assumptions)?,
        durations: *durations,
        assumptions: *assumptions,
        reasons: REASONS.into_iter().collect(),
        doubts: DOUBTS.to_vec(),
        not_counted: NOT_COUNTED.to_vec(),
        free_tiers: FREE_TIERS.to_vec(),
        prices,
    })
}

fn month(prices: &Prices, durations: &Durations, assumptions: &Assumptions, calls: u32) -> Result<Month> {
    let stack = stack(prices, durations, assumptions, calls)?;
    let mut besides = Sheet::new(prices);
    let counts = Counts::of(calls.into(), assumptions);
    besides.add(
        "AWS CloudTrail",
        "KMS events in a second trail, as an organisation's",
        counts.kms_requests(),
        "trail_management_event",
    )?;
    besides.add("AWS KMS", "two older versions of each of three keys, from the third year on", 6.0, "kms_key")?;
    if assumptions.amazon_connect {
        let minutes = counts.calls * assumptions.call_minutes;
        besides.add("Amazon Connect", "minutes, without the telephone company's", minutes, "connect_minute")?;
    }
    Ok(Month {
        calls,
        calls_per_open_second: if assumptions.open_hours > 0.0 { counts.calls / (assumptions.open_hours * 3600.0) } else { 0.0 },
        stack_eur_per_call: if calls == 0 { 0.0 } else { stack.eur / counts.calls },
        stack,
        servers: servers(prices, assumptions, calls)?,
        besides: besides.items,
    })
}

/// The number of calls at which the stack becomes the dearer one, if there is one.
fn break_even(prices: &Prices, durations: &Durations, assumptions: &Assumptions) -> Result<Option<u32>> {
    let dearer = |calls: u32| -> Result<bool> {
        Ok(stack(prices, durations, assumptions, calls)?.eur > servers(prices, assumptions, calls)?.eur)
    };
    let (mut low, mut high) = (0, 1_000_000_000);
    if dearer(low)? || !dearer(high)? {
        return Ok(None);
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        if dearer(middle)? { high = middle } else { low = middle }
    }
    Ok(Some(high))
}

/// The stack and its audit account.
fn stack(prices: &Prices, durations: &Durations, assumptions: &Assumptions, calls: u32) -> Result<Bill> {
    let counts = Counts::of(calls.into(), assumptions);
    let mut sheet = Sheet::new(prices);
    lambda(&mut sheet, &counts, durations, assumptions)?;
    sheet.add("Amazon API Gateway", "requests", counts.requests(assumptions), "api_request")?;
    dynamodb(&mut sheet, &counts, assumptions)?;
    sheet.add("AWS KMS", "keys: codes, tokens, parameters, audit", 4.0, "kms_key")?;
    sheet.add("AWS KMS", "requests", counts.kms_requests(), "kms_request")?;
    let platform = (counts.invocations() + 2.0 * MINUTES) * assumptions.platform_log_bytes;
    // What the runs of a minute log of what they did, while the number is answered.
    let runs = 2.0 * assumptions.open_hours * 60.0;
    cloudwatch(&mut sheet, &counts, assumptions, platform + runs * assumptions.line_bytes)?;
    sheet.add("Amazon CloudWatch", "alarms, two of the audit account among them", alarms(assumptions), "alarm")?;
    sheet.add("Amazon EventBridge", "two schedules, each minute", 2.0 * MINUTES, "scheduler_invocation")?;
    audit(&mut sheet, &counts, assumptions)?;
    if assumptions.web_sites {
        cloudfront(&mut sheet, &counts, assumptions)?;
    }
    sheet.add("Data transfer", "to the IRMA server", irma_gb(&counts, assumptions), "data_out")?;
    Ok(sheet.bill())
}

/// The alarms of the stack and of its audit account.
fn alarms(assumptions: &Assumptions) -> f64 {
    let templates = [include_str!("../../template.yaml"), include_str!("../../infra/audit-account.yaml")];
    let all: usize = templates.iter().map(|template| template.matches("Type: AWS::CloudWatch::Alarm\n").count()).sum();
    let of_connect = if assumptions.amazon_connect { 0.0 } else { 1.0 };
    u32::try_from(all).map_or(0.0, f64::from) - of_connect
}

fn lambda(sheet: &mut Sheet<'_>, counts: &Counts, durations: &Durations, assumptions: &Assumptions) -> Result<()> {
    // By function, because what a function does besides keeps it warm.
    let functions: [&[(f64, Billed)]; 5] = [
        &[(counts.views, durations.show_purpose), (counts.sessions, durations.start)],
        &[(counts.sessions, durations.callback), (counts.sessions, durations.take_in)],
        &[(counts.exchanges + counts.unknown, durations.exchange)],
        &[(counts.look_ups, durations.look_up)],
        &[(counts.clears + counts.telephony_clears, durations.clear), (counts.overwrites, durations.overwrite)],
    ];
    let gb_seconds = |times: f64, milliseconds: f64, memory_mb: u32| times * milliseconds / 1e3 * f64::from(memory_mb) / 1024.0;
    let mut sum = 0.0;
    for works in functions {
        let times: f64 = works.iter().map(|(times, _)| times).sum();
        let cold = if assumptions.open_hours > 0.0 {
            (-times / (assumptions.open_hours * 3600.0) * assumptions.idle_seconds).exp()
        } else {
            0.0
        };
        for &(times, Billed { milliseconds, memory_mb }) in works {
            sum += gb_seconds(times, milliseconds + cold * durations.cold_start_milliseconds, memory_mb);
        }
    }
    for run in [durations.reconcile, durations.expire] {
        sum += gb_seconds(MINUTES, run.milliseconds, run.memory_mb);
    }
    sum += gb_seconds(counts.reconciled, durations.reconciliation_milliseconds, durations.reconcile.memory_mb);
    sum += gb_seconds(counts.deletions(), durations.deletion_milliseconds, durations.expire.memory_mb);
    let price = if assumptions.arm64 { "lambda_gb_second_arm" } else { "lambda_gb_second_x86" };
    sheet.add("AWS Lambda", "time", sum, price)?;
    sheet.add("AWS Lambda", "invocations", counts.invocations() + 2.0 * MINUTES, "lambda_request")
}

fn dynamodb(sheet: &mut Sheet<'_>, counts: &Counts, assumptions: &Assumptions) -> Result<()> {
    let [pending, sealed, held] = [assumptions.pending_bytes, assumptions.sealed_bytes, assumptions.held_bytes].map(units);
    // A transaction counts double, for a record and for a code; its writes to the two indexes do not.
    let start = 2.0 * (pending + 1.0) + 2.0;
    // The status is in the index.
    let end = sealed + 1.0;
    // The time at which a code expires is a key of the index: what was there is deleted, and put anew.
    let exchange = 1.0 + 2.0;
    let sessions = counts.sessions * (start + end);
    let exchanges = counts.calls * exchange + (counts.exchanges - counts.calls).max(0.0) + counts.unknown;
    let look_ups = (counts.look_ups + counts.repeated_look_ups()) * held;
    // Of what is not there, or not to be cleared, a write unit is counted too.
    let cleared = counts.clears * (held + 1.0) + counts.abandoned * (sealed + 1.0);
    let in_vain = counts.telephony_clears - counts.abandoned;
    let swept = counts.sessions * 2.0 + counts.swept * (sealed + 1.0);
    let writes = sessions + exchanges + look_ups + cleared + in_vain + swept;
    sheet.add("Amazon DynamoDB", "writes", writes, "dynamodb_write")?;

    // Half a unit for each 4 KB of a query, and for one that finds nothing.
    let minutes = (counts.clears + counts.abandoned) * assumptions.minutes_to_clear + counts.swept * 56.0;
    let live = minutes * assumptions.index_bytes / (4.0 * KIB) / 2.0;
    let expired = (counts.sessions + counts.swept) * assumptions.index_bytes / (4.0 * KIB) / 2.0;
    let marks = counts.marks() / 2.0;
    let reads = 2.0 * counts.sessions + counts.reconciled + marks + MINUTES * QUERIES / 2.0 + live + expired;
    sheet.add("Amazon DynamoDB", "reads", reads, "dynamodb_read")?;
    let stored = minutes / MINUTES * (assumptions.held_bytes + assumptions.index_bytes) / GIB;
    sheet.add("Amazon DynamoDB", "storage", stored, "dynamodb_storage")
}

/// What both log and measure; `more` is what one of them logs besides.
fn cloudwatch(sheet: &mut Sheet<'_>, counts: &Counts, assumptions: &Assumptions, more: f64) -> Result<()> {
    let metric_lines = counts.metric_lines() + SCHEDULED_METRIC_LINES * MINUTES;
    let lines = counts.lines() * assumptions.line_bytes + metric_lines * assumptions.metric_line_bytes;
    let gb = (lines + counts.requests(assumptions) * assumptions.access_line_bytes + more) / GIB;
    sheet.add("Amazon CloudWatch", "logs, taken in", gb, "logs_ingested")?;
    let months = assumptions.log_days * 24.0 / HOURS;
    sheet.add("Amazon CloudWatch", "logs, kept", gb * assumptions.stored_share * months, "logs_stored")?;
    let open = if counts.calls > 0.0 { METRICS_OPEN + METRICS_PURPOSE * assumptions.purposes } else { 0.0 };
    let metrics = METRICS_ALWAYS + open * assumptions.open_hours / HOURS;
    sheet.add("Amazon CloudWatch", "custom metrics, by the hours in which they are sent", metrics, "custom_metric")?;
    sheet.add("Amazon CloudWatch", "dashboard", 1.0, "dashboard")
}

/// The trail, and the lines on agents, in the audit account.
fn audit(sheet: &mut Sheet<'_>, counts: &Counts, assumptions: &Assumptions) -> Result<()> {
    let data = counts.item_calls() + QUERIES * MINUTES + counts.invocations() + 2.0 * MINUTES;
    sheet.add("AWS CloudTrail", "data events: items and invocations", data, "trail_data_event")?;
    let events = data + counts.kms_requests();
    let agents = (assumptions.open_hours * 12.0).min(counts.agents_lines());
    let files = assumptions.trail_files + events / assumptions.trail_file_events + agents;
    sheet.add("Amazon S3", "files of the audit trail", files, "s3_put")?;
    sheet.add("AWS KMS", "requests for the audit trail's files", files, "kms_request")?;
    sheet.add("Amazon EventBridge", "a file of the audit trail came", files, "event_of_s3")?;
    let kept = events * assumptions.trail_event_bytes / GIB * assumptions.trail_days * 24.0 / HOURS;
    sheet.add("Amazon S3", "audit trail, kept", kept, "s3_storage")?;
    let lines = counts.agents_lines() * assumptions.agents_line_bytes / GIB;
    sheet.add("Amazon Data Firehose", "lines on agents", lines, "firehose_ingested")
}

fn cloudfront(sheet: &mut Sheet<'_>, counts: &Counts, assumptions: &Assumptions) -> Result<()> {
    let (files, api) = (counts.views * assumptions.page_files, counts.browser_requests());
    sheet.add("Amazon CloudFront", "requests", files + api, "cloudfront_request")?;
    sheet.add("Amazon CloudFront", "function", api, "cloudfront_function")?;
    sheet.add("Amazon CloudFront", "data", pages_and_answers(counts, assumptions), "cloudfront_out")
}

/// What goes to the IRMA server, in GB: two requests a session, and one each time that it is asked for again.
fn irma_gb(counts: &Counts, assumptions: &Assumptions) -> f64 {
    (counts.sessions + counts.reconciled / 2.0) * assumptions.irma_bytes / GIB
}

/// What goes to browsers, in GB.
fn pages_and_answers(counts: &Counts, assumptions: &Assumptions) -> f64 {
    (counts.views * assumptions.page_bytes + counts.browser_requests() * assumptions.answer_bytes) / GIB
}

/// Two small servers behind a load balancer, and a database in two zones, that do and promise the same.
fn servers(prices: &Prices, assumptions: &Assumptions, calls: u32) -> Result<Bill> {
    let counts = Counts::of(calls.into(), assumptions);
    let mut sheet = Sheet::new(prices);
    let servers = assumptions.servers;
    sheet.add("Amazon EC2", "servers, t4g.small", servers * HOURS, "ec2_t4g_small")?;
    sheet.add("Amazon EC2", "their disks", servers * assumptions.server_gb, "ebs_gp3")?;
    // Without addresses of their own, they would reach the IRMA server and KMS through NAT gateways, which cost more.
    sheet.add(
        "Amazon VPC",
        "public addresses: of servers, and of the load balancer in two zones",
        (servers + 2.0) * HOURS,
        "public_ipv4",
    )?;
    sheet.add("Amazon RDS", "PostgreSQL, db.t4g.small in two zones", 2.0 * HOURS, "rds_t4g_small")?;
    sheet.add("Amazon RDS", "its disks", 2.0 * assumptions.database_gb, "rds_gp3")?;
    sheet.add("Elastic Load Balancing", "load balancer", HOURS, "load_balancer")?;
    let pages = if assumptions.web_sites { counts.views * assumptions.page_files } else { 0.0 };
    let telephony = counts.exchanges + counts.unknown + counts.telephony_clears;
    let requests = counts.browser_requests() + counts.sessions + telephony + pages;
    let gb = if assumptions.web_sites { pages_and_answers(&counts, assumptions) } else { 0.0 };
    // A unit is 25 new connections a second or a GB an hour, whichever is more; each request is taken for a connection.
    sheet.add("Elastic Load Balancing", "capacity", (requests / (25.0 * 3600.0)).max(gb), "load_balancer_unit")?;
    sheet.add("AWS KMS", "keys: codes, tokens, audit", 3.0, "kms_key")?;
    sheet.add("AWS KMS", "requests", counts.kms_requests(), "kms_request")?;
    sheet.add("AWS Secrets Manager", "the database's password and the requestor token", 2.0, "secret")?;
    sheet.add("AWS Secrets Manager", "requests, each minute of each server", 2.0 * servers * MINUTES, "secret_request")?;
    cloudwatch(&mut sheet, &counts, assumptions, 0.0)?;
    sheet.add("Amazon CloudWatch", "metrics of memory and disk", 2.0 * servers, "custom_metric")?;
    sheet.add("Amazon CloudWatch", "alarms: as many, and of servers and database", alarms(assumptions) + 2.0, "alarm")?;
    let statements = counts.item_calls() * assumptions.statement_bytes / GIB;
    sheet.add("Amazon CloudWatch", "the database's audit log, taken in", statements, "logs_ingested")?;
    let kept = statements * assumptions.stored_share * assumptions.trail_days * 24.0 / HOURS;
    sheet.add("Amazon CloudWatch", "the database's audit log, kept", kept, "logs_stored")?;
    sheet.add("Data transfer", "to the IRMA server", irma_gb(&counts, assumptions), "data_out")?;
    sheet.add("Data transfer", "pages and answers", gb, "data_out")?;
    Ok(sheet.bill())
}

#[cfg(test)]
mod tests;
