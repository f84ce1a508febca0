//! `tests/cases.md` against the tests.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};

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
    let elsewhere = |name: &&str| ["shared::", "local::", "template::"].iter().any(|start| name.starts_with(start));
    let (elsewhere, here): (Vec<&str>, Vec<&str>) = named.into_iter().partition(elsewhere);

    let mut missing = Vec::new();
    for name in elsewhere {
        let (file, test) = match name.split("::").collect::<Vec<_>>()[..] {
            ["template", test] => ("tests/template/main.rs".to_owned(), test),
            [package, module, test] => (format!("{package}/src/{module}.rs"), test),
            _ => bail!("{name} is no test"),
        };
        let source = fs::read_to_string(checkout.join(file)).with_context(|| name.to_owned())?;
        missing.extend((!source.contains(&format!("fn {test}("))).then_some(name));
    }
    assert!(missing.is_empty(), "in tests/cases.md, and no tests: {missing:?}");

    let written: BTreeSet<&str> = every_test().map(|test| test.name.trim_start_matches("end_to_end::")).collect();
    let this = "cases::every_case_has_its_test";
    let listed: BTreeSet<&str> = here.into_iter().filter(|name| !name.starts_with("canary::")).chain([this]).collect();
    assert_eq!(listed, written, "tests/cases.md and the tests differ");
    Ok(())
}
