//! The comparison as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Map, Value};

use super::assumptions::REASONS;
use super::prices::{Euro, Price, Prices};
use super::{Bill, Comparison, Month};
use crate::table::{grouped, whole};

/// The comparison as Markdown.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::new();
    let mut heads = vec!["EUR a month".to_owned()];
    heads.extend(comparison.months.iter().map(|month| format!("{} calls", grouped(month.calls.into()))));
    for (title, bill) in [("The stack and its audit account", 0), ("Servers that are always on", 1)] {
        let bills: Vec<&Bill> =
            comparison.months.iter().map(|month| if bill == 0 { &month.stack } else { &month.servers }).collect();
        let _ = write!(text, "#### {title}\n\n{}", row(&heads));
        text += &row(&std::iter::once("---".to_owned()).chain(bills.iter().map(|_| "---:".to_owned())).collect::<Vec<_>>());
        let services: BTreeSet<&str> = bills.iter().flat_map(|bill| bill.services.keys().copied()).collect();
        for service in services {
            let sums = bills.iter().map(|bill| euros(bill.services.get(service).copied().unwrap_or_default()));
            text += &row(&std::iter::once(service.to_owned()).chain(sums).collect::<Vec<_>>());
        }
        let totals = bills.iter().map(|bill| format!("**{}**", euros(bill.eur)));
        text += &row(&std::iter::once("**all**".to_owned()).chain(totals).collect::<Vec<_>>());
        if bill == 0 {
            let each = comparison.months.iter().map(|month| format!("{:.5}", month.stack_eur_per_call));
            text += &row(&std::iter::once("a call".to_owned()).chain(each).collect::<Vec<_>>());
        }
        text.push('\n');
    }
    match comparison.break_even_calls {
        Some(calls) => {
            let _ = write!(text, "From {} calls a month on, servers cost less.\n\n", grouped(calls.into()));
        }
        None => text += "There is no number of calls at which the cheaper one changes.\n\n",
    }
    for month in &comparison.months {
        text += &details(month);
    }
    text + &sources(comparison)
}

/// Each item of a month.
fn details(month: &Month) -> String {
    let mut text = format!(
        "#### {} calls a month, item by item\n\n{:.4} calls a second while the number is answered.\n\n",
        grouped(month.calls.into()),
        month.calls_per_open_second
    );
    for (title, items) in [("stack", &month.stack.items), ("servers", &month.servers.items), ("in no total", &month.besides)] {
        text += &row(&[title, "what", "quantity", "unit", "EUR"].map(str::to_owned));
        text += &row(&["---", "---", "---:", "---", "---:"].map(str::to_owned));
        for item in items {
            text += &row(&[
                item.service.to_owned(),
                item.what.to_owned(),
                if item.quantity < 100.0 { format!("{:.3}", item.quantity) } else { whole(item.quantity) },
                item.unit.clone(),
                euros(item.eur),
            ]);
        }
        text.push('\n');
    }
    text
}

/// What it rests on.
fn sources(comparison: &Comparison) -> String {
    let mut text = "#### What this rests on\n\n| assumption | value | why |\n| --- | ---: | --- |\n".to_owned();
    let values = serde_json::to_value(comparison.assumptions).unwrap_or_default();
    let values: &Map<String, Value> = &values.as_object().cloned().unwrap_or_default();
    for (name, reason) in REASONS {
        text += &row(&[name.to_owned(), values.get(name).map(ToString::to_string).unwrap_or_default(), reason.to_owned()]);
    }
    for (title, list) in [
        ("Doubts", &comparison.doubts),
        ("Not counted", &comparison.not_counted),
        ("Free tiers, not taken off", &comparison.free_tiers),
    ] {
        let _ = write!(text, "\n{title}:\n\n");
        for line in list {
            let _ = writeln!(text, "- {line}");
        }
    }
    let Prices { region, about, euro, by_name, .. } = &comparison.prices;
    let _ = write!(
        text,
        "\nPrices of {region}. {about}\n\n| price | USD | unit | published | read |\n| --- | ---: | --- | --- | --- |\n"
    );
    for (name, price) in by_name {
        let Price { unit, usd, page, published, read, certain } = price;
        let sure = if *certain { "" } else { "**uncertain**: " };
        text += &row(&[name.clone(), usd.to_string(), unit.clone(), format!("[{published}]({page})"), format!("{sure}{read}")]);
    }
    let Euro { usd_per_eur, date, page, read } = euro;
    let _ = write!(text, "\n[EUR 1 = USD {usd_per_eur} on {date}]({page}): {read}.\n");
    text
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

pub(super) fn euros(eur: f64) -> String {
    if eur >= 1000.0 { whole(eur) } else { format!("{eur:.2}") }
}
