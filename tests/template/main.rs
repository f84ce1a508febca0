//! What the template promises before anything is deployed: the rules in `infra/guard/`, by the engine of AWS CloudFormation
//! Guard, and who can do what by all policies together. And that neither lets a template pass that breaks a promise.

#![allow(clippy::print_stderr, reason = "it speaks to people")]

mod broken;
mod guard;
mod organisation;
mod python;
mod rights;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::thread;

use anyhow::{Context, Result, ensure};
use broken::Broken;
use guard::{Rules, Verdict};
use python::Python;
use serde_json::{Value, json};

#[test]
fn the_template_passes_every_rule() -> Result<()> {
    let (python, rules) = (Python::install()?, Rules::read()?);
    let verdicts = rules.check(&python.processed(&[python.source()?])?)?;
    let verdict = verdicts.first().context("no verdict")?;
    ensure!(verdict.failed.is_empty(), "{:#?}", verdict.failed);
    ensure!(verdict.skipped.is_empty(), "found nothing to look at: {:?}", verdict.skipped);
    Ok(())
}

#[test]
fn everyone_can_do_what_they_need_and_nothing_else() -> Result<()> {
    let python = Python::install()?;
    can_do_what_they_need(&python, &rights::everyone())
}

/// Another region's function of the same name, with the same role, has the same session name: `lambda:SourceFunctionArn` tells
/// it apart.
#[test]
fn a_namesake_in_another_region_can_do_nothing() -> Result<()> {
    can_do_what_they_need(&Python::install()?, &rights::namesakes())
}

#[test]
fn telephonys_routes_are_there_only_for_who_may_sign() -> Result<()> {
    let python = Python::install()?;
    let processed = python.processed(&[python.source()?])?;
    let (connect, principal) =
        (("ConnectInstanceArn", rights::INSTANCE), ("TelephonyPrincipal", "arn:aws:iam::000000000000:root"));
    let parameters = [vec![], vec![connect], vec![principal], vec![connect, principal]];
    let parameters: Vec<BTreeMap<_, _>> = parameters.into_iter().map(|some| some.into_iter().collect()).collect();
    let asked = json!({"template": processed.first().context("no template")?, "parameters": parameters});
    let answers = python.run("routes.py", &[], &asked)?;
    assert_eq!(answers.as_array().map_or(0, Vec::len), parameters.len());
    for (parameters, found) in parameters.iter().zip(answers.as_array().into_iter().flatten()) {
        let mut routes = json!({
            "GET /purposes/{name}": [], "POST /sessions": [], "POST /irma/result/{proxy+}": [],
            "POST /contacts/lookup": ["AgentToken"], "POST /contacts/clear": ["AgentToken"],
        });
        let mut permissions =
            vec!["GET/purposes/*", "POST/contacts/clear", "POST/contacts/lookup", "POST/irma/result/*", "POST/sessions"];
        let has_telephony = parameters.contains_key("TelephonyPrincipal");
        if has_telephony {
            routes["POST /dtmf/exchange"] = json!(["AWS_IAM"]);
            routes["POST /telephony/clear"] = json!(["AWS_IAM"]);
            permissions.extend(["POST/dtmf/exchange", "POST/telephony/clear"]);
            permissions.sort_unstable();
        }
        assert_eq!(found["routes"], routes, "{parameters:?}");
        assert_eq!(found["permissions"], json!(permissions), "{parameters:?}");
        let has_role = found["roles"].as_array().is_some_and(|roles| roles.contains(&json!("TelephonyRole")));
        assert_eq!(has_role, has_telephony, "{parameters:?}");
    }
    Ok(())
}

#[test]
fn parameters_that_hold_only_together_are_refused_apart() -> Result<()> {
    let python = Python::install()?;
    let processed = python.processed(&[python.source()?])?;
    let (principal, id) = (("TelephonyPrincipal", "arn:aws:iam::000000000000:root"), ("TelephonyExternalId", "0123456789abcdef"));
    let (site, list) = (("WebSites", "yes"), ("WebAclArn", "arn:aws:wafv2:us-east-1:000000000000:global/webacl/x/y"));
    let secret = ("SiteSecret", "0123456789abcdef0123456789abcdef");
    let cases = [
        (vec![], ""),
        (vec![principal, id], ""),
        (vec![principal], "TelephonyPrincipal needs TelephonyExternalId"),
        (vec![site, list, secret], ""),
        (vec![site, secret], ""),
        (vec![site, list], "WebAclArn needs SiteSecret"),
        (vec![secret], "WebAclArn and SiteSecret need WebSites"),
        (vec![list, secret], "WebAclArn and SiteSecret need WebSites"),
    ];
    let parameters: Vec<BTreeMap<_, _>> = cases.iter().map(|(some, _)| some.iter().copied().collect()).collect();
    let asked = json!({"template": processed.first().context("no template")?, "parameters": parameters});
    let answers = python.run("routes.py", &[], &asked)?;
    for ((parameters, why), found) in cases.iter().zip(answers.as_array().context("no answers")?) {
        let said = found["refused"].as_str().context("no word on it")?;
        ensure!(if why.is_empty() { said.is_empty() } else { said.contains(why) }, "{parameters:?}: {said:?}");
    }
    Ok(())
}

fn can_do_what_they_need(python: &Python, who: &[&str]) -> Result<()> {
    let answers = rights::ask(python, &python.processed(&[python.source()?])?, who)?;
    let answers = answers.first().context("no answer")?;
    assert_eq!(answers.len(), who.len());
    for (who, found) in answers {
        let needed = rights::needed(who)?;
        assert_eq!(found, &needed, "{who}");
    }
    Ok(())
}

#[test]
fn a_template_that_breaks_a_promise_is_rejected_for_that_and_nothing_else() -> Result<()> {
    let (python, rules) = (Python::install()?, Rules::read()?);
    let source = python.source()?;
    let broken = broken::all();
    ensure!(broken.len() >= 40, "{} are few", broken.len());
    let share = broken.len().div_ceil(thread::available_parallelism()?.get());
    let wrong = thread::scope(|scope| -> Result<String> {
        let working: Vec<_> =
            broken.chunks(share).map(|some| scope.spawn(|| wrongly_judged(&python, &rules, &source, some))).collect();
        working.into_iter().map(|worker| worker.join().ok().context("panicked")?).collect()
    })?;
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(())
}

#[test]
fn each_rule_rejects_something() -> Result<()> {
    let rules = Rules::read()?;
    let broken = broken::all();
    let tried: BTreeSet<&str> = broken.iter().flat_map(|one| one.rejected_by.iter().copied()).collect();
    let never: Vec<_> = rules.promises.keys().filter(|rule| !tried.contains(rule.as_str())).collect();
    ensure!(never.is_empty(), "no broken template is rejected by {never:?}");
    Ok(())
}

/// Those of the broken templates that are not rejected for the expected reasons.
fn wrongly_judged(python: &Python, rules: &Rules, source: &Value, broken: &[Broken]) -> Result<String> {
    let sources = broken.iter().map(|one| one.template(source)).collect::<Result<Vec<_>>>()?;
    let processed = python.processed(&sources)?;
    let (verdicts, answers) = (rules.check(&processed)?, rights::ask(python, &processed, &rights::everyone())?);
    ensure!(verdicts.len() == broken.len() && answers.len() == broken.len(), "not all were judged");
    let mut wrong = String::new();
    for ((one, verdict), answers) in broken.iter().zip(&verdicts).zip(&answers) {
        let found = reasons(rules, verdict, answers).with_context(|| one.what.to_owned())?;
        let expected: BTreeSet<String> = one.rejected_by.iter().map(|&reason| reason.to_owned()).collect();
        if found != expected {
            writeln!(wrong, "{}:\n    expected {expected:?}\n    found    {found:?}", one.what)?;
        }
    }
    Ok(wrong)
}

/// Why a template is rejected: the rules it fails, each for the promise that it is about, and who can do more or less with
/// what.
fn reasons(rules: &Rules, verdict: &Verdict, answers: &BTreeMap<String, BTreeSet<String>>) -> Result<BTreeSet<String>> {
    let mut reasons = BTreeSet::new();
    for (rule, messages) in &verdict.failed {
        let promise = rules.promises.get(rule).context("no such rule")?;
        ensure!(messages.iter().eq([promise]), "{rule} says {messages:?} and not {promise:?}");
        reasons.insert(rule.clone());
    }
    for (who, found) in answers {
        for action in found.symmetric_difference(&rights::needed(who)?) {
            reasons.insert(format!("{who} on {}", rights::thing(action)));
        }
    }
    Ok(reasons)
}
