//! `tests/cases.md` against the tests.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;

use crate::tests;
use crate::world::{World, every_test};

tests! {
    beside_others: [every_case_has_its_test],
    alone: []
}

async fn every_case_has_its_test(world: &World) -> Result<()> {
    let checkout = world.stack.tools().checkout();
    let cases = fs::read_to_string(checkout.join("tests/cases.md"))?;
    let tables = cases.lines().filter(|line| line.starts_with('|'));
    let named: BTreeSet<&str> = tables.flat_map(|line| line.split('`')).filter(|part| part.contains("::")).collect();
    let written: BTreeSet<&str> = every_test().map(|test| test.name.trim_start_matches("end_to_end::")).collect();
    let this = "cases::every_case_has_its_test";
    // That the others are there, `tests/documents` sees to.
    let elsewhere = ["shared::", "ops::", "local::", "template::", "telephony::", "canary::"];
    let here = named.into_iter().filter(|name| !elsewhere.iter().any(|start| name.starts_with(start)));
    let listed: BTreeSet<&str> = here.chain([this]).collect();
    let differ: Vec<_> = listed.symmetric_difference(&written).collect();
    assert!(differ.is_empty(), "tests/cases.md and the tests differ: {differ:?}");
    Ok(())
}
