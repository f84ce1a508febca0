//! The documents against the checkout: links lead somewhere, tests that are named are there, and the two languages of
//! `docs/verwerking.md` say the same in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// The documents that name tests as what shows a statement.
const NAMING_TESTS: [&str; 5] =
    ["docs/verwerking.md", "docs/verwerking.en.md", "docs/security.md", "docs/accountability.md", "tests/cases.md"];

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let mut dead = Vec::new();
    let (mut links, mut anchors) = (0, 0);
    for document in documents()? {
        for link in links_of(&read(&document)?).into_iter().filter(|link| is_relative(link)) {
            links += 1;
            anchors += usize::from(link.contains('#'));
            if let Err(why) = follow(&document, &link) {
                dead.push(format!("{document}: {link}: {why}"));
            }
        }
    }
    ensure!(dead.is_empty(), "{dead:#?}");
    // Were the search for links broken, none would be dead.
    ensure!(links >= 100 && anchors >= 30, "{links} links and {anchors} anchors are few");
    Ok(())
}

#[test]
fn every_picture_is_shown() -> Result<()> {
    let shown: BTreeSet<PathBuf> = documents()?
        .iter()
        .map(|document| Ok((checkout()?.join(document), links_of(&read(document)?))))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flat_map(|(document, links)| links.into_iter().filter_map(move |link| document.parent().map(|folder| folder.join(link))))
        .collect();
    let pictures = files_under(&checkout()?.join("docs/pictures"))?;
    let hidden: Vec<_> = pictures.iter().filter(|picture| !shown.contains(*picture)).collect();
    ensure!(hidden.is_empty(), "no document shows {hidden:?}");
    Ok(())
}

#[test]
fn every_test_that_is_named_is_there() -> Result<()> {
    let mut missing = Vec::new();
    let mut found = 0;
    for document in NAMING_TESTS {
        for name in tests_of(&read(document)?) {
            found += 1;
            if !is_test(&name)? {
                missing.push(format!("{document}: {name}"));
            }
        }
    }
    ensure!(missing.is_empty(), "no such tests: {missing:#?}");
    ensure!(found >= 100, "{found} names of tests are few");
    Ok(())
}

#[test]
fn both_languages_of_verwerking_say_the_same() -> Result<()> {
    let (dutch, english) = (read("docs/verwerking.md")?, read("docs/verwerking.en.md")?);
    let levels = |text: &str| prose(text).filter_map(heading).map(|(level, _)| level).collect::<Vec<_>>();
    assert_eq!(levels(&dutch), levels(&english), "headings");
    let rows = |text: &str| prose(text).filter(|line| line.starts_with('|')).count();
    // The list of words is each language's own.
    let words = |text: &str| text.split("\n## ").nth(2).map(str::to_owned).context("there is no list of words");
    assert_eq!(rows(&dutch) - rows(&words(&dutch)?), rows(&english) - rows(&words(&english)?), "rows of tables");
    // Each leads to the other.
    let links = |text: &str| links_of(text).into_iter().map(|link| link.replace("verwerking.en.md", "verwerking.md"));
    assert_eq!(links(&dutch).collect::<Vec<_>>(), links(&english).collect::<Vec<_>>(), "links");
    assert_eq!(tests_of(&dutch), tests_of(&english), "tests");
    Ok(())
}

/// That the tests above would notice.
#[test]
fn what_is_not_there_is_noticed() -> Result<()> {
    let text = "A [link](gone.md#gone), a [site](https://example.nl), `exchange::gone`.\n```\n[no link](in-code.md)\n```\n";
    assert_eq!(links_of(text), ["gone.md#gone", "https://example.nl"]);
    assert_eq!(tests_of(text), ["exchange::gone"]);
    assert!(follow("docs/security.md", "gone.md").is_err() && follow("docs/security.md", "running.md#gone").is_err());
    for name in ["exchange::gone", "gone::gone", "shared::code::gone", "template::gone", "promises::gone", "canary::gone"] {
        assert!(!is_test(name)?, "{name}");
    }
    // A helper of the tests is none, nor is what stands beside them.
    assert!(!is_test("promises::call")? && !is_test("shared::audit::log")? && !is_test("template::reasons")?);
    let anchors = anchors_of("# A `b`: c’s d_e-f\n## Één\n## Één\n```\n# no heading\n```\n### 1. See [this](that.md)\n");
    assert_eq!(anchors.into_iter().collect::<Vec<_>>(), ["1-see-this", "a-b-cs-d_e-f", "één", "één-1"]);
    Ok(())
}

fn checkout() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate is not in a workspace")
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(checkout()?.join(path)).with_context(|| path.to_owned())
}

/// The documents that people read, by their path in the checkout.
fn documents() -> Result<BTreeSet<String>> {
    let mut documents: BTreeSet<String> = ["README.md", "tests/cases.md"].map(str::to_owned).into();
    for file in files_under(&checkout()?.join("docs"))?.into_iter().chain(files_under(&checkout()?.join("infra"))?) {
        let path = file.strip_prefix(checkout()?)?.to_str().context("a path is not UTF-8")?.to_owned();
        let is_document = path.starts_with("docs/") && file.extension().is_some_and(|extension| extension == "md");
        if is_document || path.ends_with("/README.md") {
            documents.insert(path);
        }
    }
    Ok(documents)
}

fn files_under(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_under(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// The lines that are not code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// Where the links and pictures lead, in their order.
fn links_of(text: &str) -> Vec<String> {
    let prose = prose(text).collect::<Vec<_>>().join("\n");
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

fn is_relative(link: &str) -> bool {
    !link.contains("://") && !link.starts_with("mailto:")
}

/// Fails if a link in `document` leads to no file, or to no heading of it.
fn follow(document: &str, link: &str) -> Result<()> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let from = checkout()?.join(document);
    let file = if path.is_empty() { from } else { from.parent().context("a document is in no folder")?.join(path) };
    ensure!(file.exists(), "there is no such file");
    let Some(anchor) = anchor else { return Ok(()) };
    ensure!(anchors_of(&fs::read_to_string(&file)?).contains(anchor), "there is no such heading");
    Ok(())
}

/// A heading's level and text.
fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.len() - line.trim_start_matches('#').len();
    let text = line[level..].strip_prefix(' ')?;
    (1..=6).contains(&level).then_some((level, text.trim()))
}

/// The anchors of a document's headings, as GitHub makes them: lower case, hyphens for spaces, no other punctuation, and a
/// number where one was there before.
fn anchors_of(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let anchors = prose(text).filter_map(heading).map(|(_, text)| {
        let text = without_targets(text).to_lowercase().replace(' ', "-");
        let anchor: String = text.chars().filter(|one| one.is_alphanumeric() || ['-', '_'].contains(one)).collect();
        let before = seen.entry(anchor.clone()).or_default();
        *before += 1;
        if *before == 1 { anchor } else { format!("{anchor}-{}", *before - 1) }
    });
    anchors.collect()
}

/// Of a link in a heading only its text counts.
fn without_targets(text: &str) -> String {
    let mut parts = text.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// The names of tests in backticks, in their order.
fn tests_of(text: &str) -> Vec<String> {
    let prose = prose(text).collect::<Vec<_>>().join("\n");
    let is_name = |part: &str| {
        part.contains("::") && part.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || "_:".contains(one))
    };
    prose.split('`').skip(1).step_by(2).filter(|part| is_name(part)).map(str::to_owned).collect()
}

/// Whether there is a test of this name, as `tests/cases.md` writes it.
fn is_test(name: &str) -> Result<bool> {
    let parts: Vec<&str> = name.split("::").collect();
    let has_test = |path: &str, test: &str| {
        let source = read(path)?;
        let is_there = |kind: &str| source.contains(&format!("#[{kind} {test}("));
        Ok(is_there("test]\nfn") || is_there("tokio::test]\nasync fn"))
    };
    match parts[..] {
        [folder @ ("template" | "telephony" | "dependencies"), test] => has_test(&format!("tests/{folder}/main.rs"), test),
        ["template", module, test] => has_test(&format!("tests/template/{module}.rs"), test),
        [folder @ ("report" | "command"), module, test] => has_test(&format!("ops/tests/{folder}/{module}.rs"), test),
        // They run when all others have, and have no functions of their own names.
        ["canary", _] => Ok(read("tests/end_to_end/world.rs")?.contains(&format!("Trial::test(\"{name}\""))),
        ["promises", test] => is_in_module("tests/promises/mod.rs", test),
        [module, test] => is_in_module(&format!("tests/end_to_end/{module}.rs"), test),
        [package @ ("shared" | "ops" | "local" | "session-start"), ref modules @ .., test] => {
            let folder = if package == "session-start" { "functions/" } else { "" };
            let source = read(&format!("{folder}{package}/src/{}.rs", modules.join("/")))?;
            Ok(source.split_once("#[cfg(test)]").is_some_and(|(_, tests)| tests.contains(&format!("fn {test}("))))
        }
        _ => bail!("{name} is no name of a test"),
    }
}

/// Whether a module has this test, and lists it among those that run.
fn is_in_module(path: &str, test: &str) -> Result<bool> {
    if !checkout()?.join(path).exists() {
        return Ok(false);
    }
    let source = read(path)?;
    let listed = source.split_once("tests! {").and_then(|(_, rest)| rest.split_once("\n}")).map_or("", |(list, _)| list);
    let is_listed = listed.split(|one: char| !one.is_alphanumeric() && one != '_').any(|word| word == test);
    Ok(is_listed && source.contains(&format!("\nasync fn {test}(")))
}
