//! Published prices, and bills made of them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Bill, Item};

const PRICES: &str = include_str!("prices.json");

/// A published price.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Price {
    /// What it is the price of.
    pub unit: String,
    /// In US dollars.
    pub usd: f64,
    /// The public page on which AWS publishes it.
    pub page: String,
    /// The date that AWS's data bear, where it is known.
    pub published: String,
    /// When and where it was read.
    pub read: String,
    /// Whether it is this region's, and of a known date.
    pub certain: bool,
}

/// What a euro costs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Euro {
    /// US dollars for a euro.
    pub usd_per_eur: f64,
    /// The day of that rate.
    pub date: String,
    /// The public page on which it is published.
    pub page: String,
    /// Where it was read.
    pub read: String,
}

/// All prices.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Prices {
    /// AWS's region.
    pub region: String,
    /// Of the prices.
    pub currency: String,
    /// What kind of prices these are.
    pub about: String,
    /// What a euro costs.
    pub euro: Euro,
    /// By name.
    #[serde(rename = "prices")]
    pub by_name: BTreeMap<String, Price>,
}

impl Prices {
    /// Those of `prices.json`.
    pub fn published() -> Result<Self> {
        let prices: Self = serde_json::from_str(PRICES).context("prices.json")?;
        ensure!(prices.euro.usd_per_eur > 0.0, "prices.json has no rate of the euro");
        Ok(prices)
    }
}

/// Items on their way into a bill.
pub(super) struct Sheet<'a> {
    prices: &'a Prices,
    pub(super) items: Vec<Item>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(prices: &'a Prices) -> Self {
        Self { prices, items: Vec::new() }
    }

    pub(super) fn add(&mut self, service: &'static str, what: &'static str, quantity: f64, price: &'static str) -> Result<()> {
        let Price { unit, usd, .. } = self.prices.by_name.get(price).with_context(|| format!("prices.json has no {price}"))?;
        if quantity > 0.0 {
            let eur = quantity * usd / self.prices.euro.usd_per_eur;
            self.items.push(Item { service, what, quantity, unit: unit.clone(), price, eur });
        }
        Ok(())
    }

    pub(super) fn bill(self) -> Bill {
        let mut services = BTreeMap::new();
        for item in &self.items {
            *services.entry(item.service).or_default() += item.eur;
        }
        Bill { eur: self.items.iter().map(|item| item.eur).sum(), items: self.items, services }
    }
}
