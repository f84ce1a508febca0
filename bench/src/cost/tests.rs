//! Months that were worked out by hand.

use std::collections::BTreeSet;

use serde_json::Value;

use super::markdown::euros;
use super::*;
use crate::growth::Each;
use crate::programs::{Kind, Program, Work};
use crate::warm::Warm;

/// One of everything and nothing twice, so that a month can be worked out by hand.
fn plain() -> Assumptions {
    Assumptions {
        purposes: 1.0,
        open_hours: 73.0,
        sessions: 1.0,
        views: 1.0,
        exchanges: 1.0,
        unknown_codes: 0.0,
        look_ups: 1.0,
        polls: 0.0,
        cleared: 1.0,
        abandoned: 0.0,
        telephony_clears: 1.0,
        reconciliations: 0.0,
        ..Assumptions::default()
    }
}

fn durations(milliseconds: f64) -> Durations {
    let billed = Billed { milliseconds, memory_mb: 256 };
    Durations {
        show_purpose: billed,
        start: billed,
        callback: billed,
        take_in: billed,
        exchange: billed,
        look_up: billed,
        clear: billed,
        overwrite: billed,
        reconcile: billed,
        expire: billed,
        reconciliation_milliseconds: 20.0,
        deletion_milliseconds: 10.0,
        cold_start_milliseconds: 0.0,
    }
}

fn month_of(calls: u32, assumptions: &Assumptions) -> Month {
    compare(&durations(100.0), assumptions, &[calls]).unwrap().months.remove(0)
}

#[track_caller]
fn assert_close(is: f64, should: f64) {
    assert!((is - should).abs() <= should.abs() * 1e-6 + 1e-9, "{is} is not {should}");
}

#[track_caller]
fn quantity(bill: &Bill, service: &str, what: &str) -> f64 {
    let mut found = bill.items.iter().filter(|item| item.service == service && item.what.starts_with(what));
    let item = found.next().unwrap_or_else(|| panic!("{service} has no {what}"));
    assert!(found.next().is_none(), "{service} has two of {what}");
    item.quantity
}

#[test]
fn each_price_is_used_and_has_a_source() {
    let prices = Prices::published().unwrap();
    let mut used = BTreeSet::new();
    let arm = Assumptions { arm64: true, ..Assumptions::default() };
    for month in [month_of(1_000_000, &Assumptions::default()), month_of(1_000_000, &arm)] {
        let items = month.stack.items.iter().chain(&month.servers.items).chain(&month.besides);
        used.extend(items.map(|item| item.price));
    }
    assert_eq!(used.into_iter().collect::<Vec<_>>(), prices.by_name.keys().collect::<Vec<_>>());
    for (name, price) in &prices.by_name {
        assert!(price.usd > 0.0 && price.page.starts_with("https://aws.amazon.com/"), "{name}");
        assert!(!price.read.is_empty() && !price.unit.is_empty() && !price.published.is_empty(), "{name}");
    }
}

#[test]
fn each_assumption_has_a_reason() {
    let Value::Object(values) = serde_json::to_value(Assumptions::default()).unwrap() else { panic!("no object") };
    let (mut named, mut fields): (Vec<&str>, Vec<&str>) =
        (REASONS.iter().map(|(name, _)| *name).collect(), values.keys().map(String::as_str).collect());
    named.sort_unstable();
    fields.sort_unstable();
    assert_eq!(named, fields);
}

#[test]
fn what_is_not_possible_is_refused() {
    for wrong in [
        Assumptions { cleared: 0.9, abandoned: 0.2, ..plain() },
        Assumptions { polls: -1.0, ..plain() },
        Assumptions { sessions: 0.5, ..plain() },
        Assumptions { open_hours: 1000.0, ..plain() },
    ] {
        assert!(compare(&durations(1.0), &wrong, &[1]).is_err(), "{wrong:?}");
    }
    assert!(compare(&durations(f64::NAN), &plain(), &[1]).is_err());
    assert!(compare(&durations(-1.0), &plain(), &[1]).is_err());
}

/// Nine invocations for each call, of 0.1 s and 0.25 GB: 0.225 GB-seconds; the code's deletion of 0.01 s: 0.0025. Two runs
/// a minute for 43 800 minutes, of 0.025: 2190.
#[test]
fn lambda() {
    let month = month_of(1_000_000, &plain());
    // views, start, callback, take-in, exchange, look-up, clear, clear by telephony, overwriting: nine.
    assert_close(quantity(&month.stack, "AWS Lambda", "invocations"), 9_000_000.0 + 87_600.0);
    assert_close(quantity(&month.stack, "AWS Lambda", "time"), 225_000.0 + 2_500.0 + 2_190.0);
    // (229 690 x 0.0000166667 + 9 087 600 x 0.0000002) / 1.1378 = (3.828175 + 1.817520) / 1.1378
    assert_close((month.stack.services["AWS Lambda"] * 1e5).round() / 1e5, 4.96194);
}

/// No one keeps the functions warm: every invocation but the runs of a minute starts cold.
#[test]
fn cold_starts_are_billed() {
    let cold = Durations { cold_start_milliseconds: 400.0, ..durations(100.0) };
    let seldom = Assumptions { idle_seconds: 0.0, ..plain() };
    let month = compare(&cold, &seldom, &[1000]).unwrap().months.remove(0);
    // 9 000 x 0.5 s x 0.25 GB, 1 000 deletions, and the runs.
    assert_close(quantity(&month.stack, "AWS Lambda", "time"), 1_125.0 + 2.5 + 2_190.0);
}

/// For each call: 8 for the transaction (a code and a record above 1 KB, twice each, and two index entries), 3 for the end
/// (record and index), 3 for the exchange (code, and an index entry that moves), 3 for the look-up of a record above 2 KB, 4
/// for its clear, 1 for telephony's in vain, 2 for the code's end.
#[test]
fn dynamodb() {
    let month = month_of(1_000_000, &plain());
    assert_close(quantity(&month.stack, "Amazon DynamoDB", "writes"), 24_000_000.0);
    // 2 for each call, and two marks of a half; 26 queries of a half each minute; 15 minutes of 201 bytes, and once more when the code is swept.
    let queries = (15e6 + 1e6) * 201.0 / 8192.0;
    assert_close(quantity(&month.stack, "Amazon DynamoDB", "reads"), 3e6 + 569_400.0 + queries);
    let small = Assumptions { held_bytes: 1024.0, ..plain() };
    assert_close(quantity(&month_of(1_000_000, &small).stack, "Amazon DynamoDB", "writes"), 20_000_000.0);
}

/// A second look-up is two updates of three units, and a mark; one that is answered with 202 as well.
#[test]
fn polls_are_paid_for() {
    let polls = Assumptions { polls: 3.0, ..plain() };
    let (with, without) = (month_of(1_000_000, &polls), month_of(1_000_000, &plain()));
    let more = |service, what| quantity(&with.stack, service, what) - quantity(&without.stack, service, what);
    assert_close(more("Amazon API Gateway", "requests"), 3e6);
    assert_close(more("AWS Lambda", "invocations"), 3e6);
    assert_close(more("Amazon DynamoDB", "writes"), 18e6);
    // Three invocations, six updates and three marks for each call.
    assert_close(more("AWS CloudTrail", "data events"), 12e6);
}

/// Asking twice is two reads, two uses of the key and two events for each session, and 0.04 s x 0.25 GB.
#[test]
fn pending_sessions_are_paid_for() {
    let pending = Assumptions { reconciliations: 2.0, ..plain() };
    let (with, without) = (month_of(1_000_000, &pending), month_of(1_000_000, &plain()));
    let more = |service, what| quantity(&with.stack, service, what) - quantity(&without.stack, service, what);
    assert_close(more("Amazon DynamoDB", "reads"), 2e6);
    assert_close(more("AWS CloudTrail", "data events"), 2e6);
    assert_close(more("AWS Lambda", "time"), 1e4);
    assert_close(with.besides[0].eur - without.besides[0].eur, 2e6 * 0.000_02 / 1.1378);
}

/// Four keys, and four requests for each call: two macs, one sealed and one opened token.
#[test]
fn kms() {
    let month = month_of(1_000_000, &plain());
    assert_close(quantity(&month.stack, "AWS KMS", "keys"), 4.0);
    let requests = month.stack.items.iter().find(|item| item.service == "AWS KMS" && item.what == "requests").unwrap();
    assert_close(requests.quantity, 4e6);
    assert_close(requests.eur, 12.0 / 1.1378);
}

/// 5 metrics all month; 13 and 6 of one purpose for a tenth of it.
#[test]
fn metrics() {
    let month = month_of(1_000_000, &plain());
    assert_close(quantity(&month.stack, "Amazon CloudWatch", "custom metrics"), 5.0 + 1.9);
    assert_close(quantity(&month_of(0, &plain()).stack, "Amazon CloudWatch", "custom metrics"), 5.0);
}

/// Each alarm has a name. One is there with Amazon Connect only; servers have two more.
#[test]
fn alarms() {
    let text = [include_str!("../../../template.yaml"), include_str!("../../../infra/audit-account.yaml")].join("\n");
    let named = f64::from(u32::try_from(text.matches(" AlarmName:").count()).unwrap());
    let of_connect = "    Type: AWS::CloudWatch::Alarm\n    Condition: ";
    assert_eq!(text.matches(of_connect).count(), 1, "another alarm is not always there");
    let month = month_of(1_000_000, &plain());
    assert_close(quantity(&month.stack, "Amazon CloudWatch", "alarms"), named);
    assert_close(quantity(&month.servers, "Amazon CloudWatch", "alarms"), named + 2.0);
    let other = Assumptions { amazon_connect: false, ..plain() };
    assert_close(quantity(&month_of(1, &other).stack, "Amazon CloudWatch", "alarms"), named - 1.0);
}

/// For each call 9 invocations and 11 calls to DynamoDB (transaction, two reads, end, exchange, look-up, two clears, two marks, sweep);
/// 26 queries and two runs a minute.
#[test]
fn trail() {
    let month = month_of(1_000_000, &plain());
    assert_close(quantity(&month.stack, "AWS CloudTrail", "data events"), 20e6 + 28.0 * 43_800.0);
    assert_close(month.besides[0].eur, 4e6 * 0.000_02 / 1.1378);
}

/// 1460 hours of a server and of a database, 2920 of an address, 730 of a load balancer: in USD 28.032, 54.02, 14.6, 19.71.
#[test]
fn servers_cost_without_a_call() {
    let month = month_of(0, &plain());
    let services = &month.servers.services;
    assert_close(services["Amazon EC2"] * 1.1378, 28.032 + 40.0 * 0.0952);
    assert_close(services["Amazon RDS"] * 1.1378, 54.02 + 40.0 * 0.137);
    assert_close(services["Amazon VPC"] * 1.1378, 14.6);
    assert_close(services["Elastic Load Balancing"] * 1.1378, 19.71);
}

#[test]
fn sums_are_right_and_the_break_even_lies_between() {
    let comparison = compare(&durations(100.0), &Assumptions::default(), &VOLUMES).unwrap();
    for month in &comparison.months {
        for bill in [&month.stack, &month.servers] {
            assert_close(bill.services.values().sum(), bill.eur);
            assert_close(bill.items.iter().map(|item| item.eur).sum(), bill.eur);
        }
    }
    let calls = comparison.break_even_calls.unwrap();
    let [at, before] = [calls, calls - 1].map(|calls| month_of(calls, &Assumptions::default()));
    assert!(at.stack.eur > at.servers.eur && before.stack.eur <= before.servers.eur);
}

#[test]
fn the_text_has_all_services_and_sums() {
    let comparison = compare(&durations(100.0), &Assumptions::default(), &VOLUMES).unwrap();
    let text = markdown(&comparison);
    for month in &comparison.months {
        assert!(text.contains(&format!("**{}**", euros(month.stack.eur))), "{text}");
        for service in month.stack.services.keys().chain(month.servers.services.keys()) {
            assert!(text.contains(&format!("| {service} |")), "{service}");
        }
    }
    assert!(text.contains("10\u{202f}000\u{202f}000 calls"), "{text}");
    let json = serde_json::to_value(&comparison).unwrap();
    assert!(json["months"][2]["stack"]["eur"].is_number() && json["prices"]["euro"]["date"].is_string());
}

/// What docs/performance.md has of a run, in milliseconds: processor time of a request, of taking in, of one more, and a start.
#[test]
#[ignore = "it prints the tables of docs/performance.md, and tests nothing"]
fn the_tables_of_the_document() {
    let warm = [
        (Work::Show, 0.10),
        (Work::Start, 1.16),
        (Work::Callback, 0.64),
        (Work::Exchange, 0.73),
        (Work::LookUp, 0.67),
        (Work::Clear, 0.46),
        (Work::Reconcile, 2.26),
        (Work::Expire, 3.57),
    ];
    let warm = warm.map(|(work, cpu)| Warm { program: Program { name: String::new(), work, kind: Kind::Rust("") }, cpu });
    let each = Each { reconciliation: 0.50, deletion: 0.13 };
    let durations = crate::durations::of(&warm, 2.1, &each, 7.21).unwrap();
    println!("{}", markdown(&compare(&durations, &Assumptions::default(), &VOLUMES).unwrap()));
}
