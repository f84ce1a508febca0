//! `docs/openapi.yaml` against the running API: every route and status in it is walked, and every answer is as it says.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use local::call::{Answer, Caller};
use local::tap::Fault;
use local::wallet::Person;
use serde_json::{Value, json};

use crate::tests;
use crate::world::{BSN_AND_NAME, SWITCHED_OFF, World};

tests! {
    beside_others: [],
    alone: [the_api_is_as_openapi_yaml_says]
}

/// The document, and what was seen of it.
struct Walk {
    document: Value,
    seen: BTreeSet<(String, u16)>,
}

impl Walk {
    /// Reads the document with the YAML library that the deployment tool brings.
    fn begin(world: &World) -> Result<Self> {
        let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1])), default=str))";
        let output = Command::new(world.stack.tools().python_bin().join("python"))
            .args(["-c", script])
            .arg(world.stack.tools().checkout().join("docs/openapi.yaml"))
            .output()?;
        ensure!(output.status.success(), "docs/openapi.yaml can't be read: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self { document: serde_json::from_slice(&output.stdout)?, seen: BTreeSet::new() })
    }

    /// Checks an answer of `route`, as `POST /path`, against the document.
    fn check(&mut self, route: &str, answer: &Answer) -> Result<()> {
        let place = format!("{route} {}", answer.status);
        let (method, path) = route.split_once(' ').context("a route is a method and a path")?;
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let mut response = &operation["responses"][answer.status.to_string()];
        if let Some(reference) = response["$ref"].as_str() {
            response = self.document.pointer(reference.trim_start_matches('#')).context("a reference leads nowhere")?;
        }
        ensure!(response.is_object(), "{place} is not in docs/openapi.yaml");
        match response["content"].as_object() {
            None => ensure!(answer.body.is_null(), "{place} has a body that docs/openapi.yaml does not know"),
            Some(content) => {
                let media_type = answer.content_type.split(';').next().unwrap_or_default();
                let schema = content.get(media_type).with_context(|| format!("{place} is sent as {media_type}"))?;
                let schema = json!({"components": self.document["components"], "allOf": [schema["schema"]]});
                let validator = jsonschema::validator_for(&schema).map_err(|error| anyhow::anyhow!("{place}: {error}"))?;
                if let Err(error) = validator.validate(&answer.body) {
                    bail!("{place} is not as docs/openapi.yaml says: {error}");
                }
            }
        }
        self.seen.insert((route.to_owned(), answer.status));
        Ok(())
    }

    /// What the document has, but for statuses that say why they can't be walked.
    fn documented(&self) -> Result<BTreeSet<(String, u16)>> {
        let mut documented = BTreeSet::new();
        for (path, methods) in self.document["paths"].as_object().context("no paths")? {
            for (method, operation) in methods.as_object().context("no methods")? {
                for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                    let referenced = response["$ref"].as_str().and_then(|to| self.document.pointer(to.trim_start_matches('#')));
                    let walked = response.get("x-not-walked").or_else(|| referenced?.get("x-not-walked")).is_none();
                    if walked {
                        documented.insert((format!("{} {path}", method.to_uppercase()), status.parse()?));
                    }
                }
            }
        }
        Ok(documented)
    }
}

async fn the_api_is_as_openapi_yaml_says(world: &World) -> Result<()> {
    let stack = &world.stack;
    let mut walk = Walk::begin(world)?;
    let (anyone, agent, telephony) = (Caller::Anyone, stack.agent("anna")?, stack.telephony().await?);
    let without_scope = Caller::Agent(stack.issuer.token("anna").claim("scope", "openid").sign()?);

    // What a body can be wrong in is the same everywhere.
    for (route, caller) in [
        ("POST /sessions", &anyone),
        ("POST /dtmf/exchange", &telephony),
        ("POST /telephony/clear", &telephony),
        ("POST /contacts/lookup", &agent),
        ("POST /contacts/clear", &agent),
    ] {
        let path = route.trim_start_matches("POST ");
        walk.check(route, &stack.post(caller, path, &json!({"unknown": true})).await?)?;
        walk.check(route, &stack.post_raw(caller, path, "text/plain", b"{}").await?)?;
        walk.check(route, &stack.post_raw(caller, path, "application/json", &[b' '; 4097]).await?)?;
    }
    for path in ["/contacts/lookup", "/contacts/clear"] {
        let route = format!("POST {path}");
        walk.check(&route, &stack.post(&anyone, path, &json!({})).await?)?;
        walk.check(&route, &stack.post(&without_scope, path, &json!({})).await?)?;
    }
    for path in ["/dtmf/exchange", "/telephony/clear"] {
        walk.check(&format!("POST {path}"), &stack.post(&anyone, path, &json!({})).await?)?;
    }

    walk.check("GET /purposes/{name}", &stack.get(&format!("/purposes/{BSN_AND_NAME}")).await?)?;
    walk.check("GET /purposes/{name}", &stack.get("/purposes/no-such-purpose").await?)?;
    walk.check("POST /sessions", &stack.post(&anyone, "/sessions", &json!({"purpose": SWITCHED_OFF})).await?)?;
    walk.check("POST /sessions", &stack.post(&anyone, "/sessions", &json!({"purpose": BSN_AND_NAME})).await?)?;
    walk.check("POST /irma/result/{id}", &stack.post(&anyone, "/irma/result/x", &json!({})).await?)?;

    let wallet = stack.wallet(&Person::WILLEKE).await?;
    let session = world.start(BSN_AND_NAME).await?;
    let exchange = stack.exchange(&session.code, &world.contact()).await?;
    walk.check("POST /dtmf/exchange", &exchange)?;
    walk.check("POST /dtmf/exchange", &stack.exchange("0000000000", &world.contact()).await?)?;
    let secret = exchange.body["secret"].as_str().context("no secret")?.to_owned();
    walk.check("POST /irma/result/{id}", &world.call_back(&session.id).await?)?;
    walk.check("POST /contacts/lookup", &stack.look_up("anna", &secret, None).await?)?;

    out_of_order(world, &mut walk, &secret, &session.id).await?;

    wallet.perform(&session.pointer).await?;
    walk.check("POST /contacts/lookup", &stack.look_up_until_ended("anna", &secret, None).await?)?;
    walk.check("POST /contacts/clear", &stack.clear("anna", &secret, None).await?)?;
    walk.check("POST /contacts/lookup", &stack.look_up("anna", &secret, None).await?)?;
    walk.check("POST /telephony/clear", &stack.post(&telephony, "/telephony/clear", &json!({"secret": secret})).await?)?;

    let documented = walk.documented()?;
    let not_walked: Vec<_> = documented.difference(&walk.seen).collect();
    assert!(not_walked.is_empty(), "in docs/openapi.yaml and not walked: {not_walked:?}");
    Ok(())
}

/// What each route says while the database is out of reach.
async fn out_of_order(world: &World, walk: &mut Walk, secret: &str, id: &str) -> Result<()> {
    let stack = &world.stack;
    let telephony = stack.telephony().await?;
    let failing = stack.to_aws.inject(|call| (call.service == "dynamodb").then(|| Fault::answer(500, "{}")));
    let answers = async {
        Ok::<_, anyhow::Error>([
            ("POST /irma/result/{id}", world.call_back(id).await?),
            ("POST /dtmf/exchange", stack.exchange("1234567890", &world.contact()).await?),
            ("POST /telephony/clear", stack.post(&telephony, "/telephony/clear", &json!({"secret": secret})).await?),
            ("POST /contacts/lookup", stack.look_up("anna", secret, None).await?),
            ("POST /contacts/clear", stack.clear("anna", secret, None).await?),
        ])
    };
    let answers = answers.await;
    drop(failing);
    for (route, answer) in answers? {
        assert_eq!(answer.status, 503, "{route}");
        walk.check(route, &answer)?;
    }
    Ok(())
}
