//! Who may call which route.

use anyhow::{Context, Result, bail};
use local::Unsigned;
use local::call::Caller;
use local::issuer::{Issuer, SigningKey, Token};
use serde_json::{Value, json};
use shared::clock::now;
use shared::request::SITE_HEADER;

use crate::tests;
use crate::world::{BSN_AND_NAME, World};

tests! {
    beside_others: [
        an_agent_needs_a_token,
        an_agents_token_must_be_of_our_issuer_for_our_portal_and_of_this_moment,
        an_agents_token_must_be_signed_with_the_issuers_key,
        an_agent_needs_the_scope,
        telephony_needs_a_signature,
        a_signature_covers_the_body,
        a_role_without_permission_is_not_telephony,
        an_administrator_is_not_telephony,
        telephony_cannot_call_the_agents_routes,
        an_agent_cannot_call_telephonys_routes,
        there_are_no_other_routes,
    ],
    alone: [citizens_come_through_the_site_where_the_stack_has_a_secret_for_it]
}

const AGENTS: [&str; 2] = ["/contacts/lookup", "/contacts/clear"];
const TELEPHONY: [&str; 2] = ["/dtmf/exchange", "/telephony/clear"];

async fn status(world: &World, caller: &Caller, path: &str) -> Result<u16> {
    Ok(world.stack.post(caller, path, &json!({"secret": "A".repeat(43)})).await?.status)
}

/// The status of every route for agents must be this, for an agent with this token.
async fn agents_get(world: &World, expected: u16, what: &str, token: String) -> Result<()> {
    let caller = Caller::Agent(token);
    for path in AGENTS {
        assert_eq!(status(world, &caller, path).await?, expected, "{path} with a token {what}");
    }
    Ok(())
}

async fn an_agent_needs_a_token(world: &World) -> Result<()> {
    for path in AGENTS {
        assert_eq!(status(world, &Caller::Anyone, path).await?, 401, "{path}");
    }
    for token in ["", "nonsense", "a.b.c", ".."] {
        agents_get(world, 401, token, token.to_owned()).await?;
    }
    Ok(())
}

async fn an_agents_token_must_be_of_our_issuer_for_our_portal_and_of_this_moment(world: &World) -> Result<()> {
    let good = || world.stack.issuer.token("anna");
    for (claim, value) in [
        ("iss", json!("https://issuer.example.nl")),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!(["another", "and another"])),
        ("aud", Value::Null),
        ("exp", json!(now() - 60)),
        ("nbf", json!(now() + 600)),
        ("iat", json!(now() + 600)),
    ] {
        agents_get(world, 401, &format!("with {claim} {value}"), good().claim(claim, value).sign()?).await?;
    }
    Ok(())
}

async fn an_agents_token_must_be_signed_with_the_issuers_key(world: &World) -> Result<()> {
    let good = || world.stack.issuer.token("anna");
    let another = Issuer::start().await?;
    agents_get(world, 401, "of another issuer", another.token("anna").sign()?).await?;
    agents_get(world, 401, "signed by another", another.token("anna").claim("iss", world.stack.issuer.url()).sign()?).await?;

    let with = |algorithm: &str, key: SigningKey| -> Token {
        let mut token = good();
        token.header["alg"] = json!(algorithm);
        token.key = key;
        token
    };
    let public_key = world.stack.issuer.public_pem()?.into_bytes();
    agents_get(world, 401, "of algorithm none", with("none", SigningKey::Nothing).sign()?).await?;
    agents_get(world, 401, "without a signature", with("RS256", SigningKey::Nothing).sign()?).await?;
    agents_get(world, 401, "signed with the public key", with("HS256", SigningKey::Hmac(public_key)).sign()?).await?;

    let signed = good().sign()?;
    let Some((_, signature)) = signed.rsplit_once('.') else { bail!("a token has three parts") };
    let other = good().claim("sub", "bram").sign()?;
    let Some((message, _)) = other.rsplit_once('.') else { bail!("a token has three parts") };
    agents_get(world, 401, "with the signature of another", format!("{message}.{signature}")).await
}

async fn an_agent_needs_the_scope(world: &World) -> Result<()> {
    for scope in [json!("openid"), json!(""), json!("idbellen/agents xidbellen/agent"), Value::Null] {
        agents_get(world, 403, &format!("of scope {scope}"), world.stack.issuer.token("anna").claim("scope", scope).sign()?)
            .await?;
    }
    let more = Caller::Agent(world.stack.issuer.token("anna").claim("scope", "openid idbellen/agent").sign()?);
    assert_eq!(status(world, &more, AGENTS[0]).await?, 404);
    Ok(())
}

async fn telephony_needs_a_signature(world: &World) -> Result<()> {
    let Caller::Telephony(good) = world.stack.telephony().await? else { bail!("telephony signs") };
    let mut wrong = good.clone();
    wrong.secret.replace_range(..1, if wrong.secret.starts_with('a') { "b" } else { "a" });
    let mut unknown = good.clone();
    unknown.key_id.replace_range(4..8, "XXXX");
    let without_session = local::emulator::Credentials { session_token: None, ..good };
    for caller in [Caller::Anyone, Caller::Telephony(wrong), Caller::Telephony(unknown), Caller::Telephony(without_session)] {
        for path in TELEPHONY {
            assert_eq!(status(world, &caller, path).await?, 403, "{path}");
        }
    }
    Ok(())
}

async fn a_signature_covers_the_body(world: &World) -> Result<()> {
    let Caller::Telephony(credentials) = world.stack.telephony().await? else { bail!("telephony signs") };
    for path in TELEPHONY {
        let signed = world.stack.signed_post(&credentials, path, b"{}")?.header("content-type", "application/json");
        let answer = signed.body(r#"{"secret": ""}"#).send().await?;
        assert_eq!(answer.status(), 403, "{path}");
    }
    Ok(())
}

async fn a_role_without_permission_is_not_telephony(world: &World) -> Result<()> {
    for (name, function) in &world.stack.deployment.functions {
        let caller = Caller::Telephony(world.stack.assume_role(&function.role).await?);
        for path in TELEPHONY {
            assert_eq!(status(world, &caller, path).await?, 403, "{path} as {name}");
        }
    }
    Ok(())
}

/// Whose rights cover every route.
async fn an_administrator_is_not_telephony(world: &World) -> Result<()> {
    let administrator = Caller::Telephony(world.stack.root().clone());
    let planted = crate::planted::fresh(world).await?;
    let code = world.start(crate::world::BSN_AND_NAME).await?.code;
    for (path, body) in [
        ("/telephony/clear", json!({"secret": planted.secret})),
        ("/dtmf/exchange", json!({"dtmf": code, "contactId": world.contact()})),
    ] {
        let answer = world.stack.post(&administrator, path, &body).await?;
        assert_eq!((answer.status, &answer.body["type"]), (403, &json!("urn:idbellen:problem:forbidden")), "{path}");
    }
    assert!(world.has("Records", &planted.record).await?);
    // The code is not used up either.
    world.stack.secret(&code, &world.contact()).await?;
    Ok(())
}

async fn telephony_cannot_call_the_agents_routes(world: &World) -> Result<()> {
    let telephony = world.stack.telephony().await?;
    for path in AGENTS {
        assert_eq!(status(world, &telephony, path).await?, 401, "{path}");
    }
    Ok(())
}

async fn an_agent_cannot_call_telephonys_routes(world: &World) -> Result<()> {
    let agent = world.stack.agent("anna")?;
    for path in TELEPHONY {
        assert_eq!(status(world, &agent, path).await?, 403, "{path}");
    }
    Ok(())
}

async fn there_are_no_other_routes(world: &World) -> Result<()> {
    for path in ["/", "/contacts", "/contacts/lookup/x", "/dtmf", "/irma/result", "/purposes", "/records"] {
        assert_eq!(status(world, &Caller::Anyone, path).await?, 404, "POST {path}");
    }
    for path in ["/sessions", "/contacts/lookup", "/contacts/clear", "/dtmf/exchange", "/telephony/clear"] {
        assert_eq!(world.stack.get(path).await?.status, 404, "GET {path}");
    }
    Ok(())
}

/// Sets a variable of the function that citizens call, as a deployment does.
async fn set_site_secret(world: &World, secret: &str) -> Result<()> {
    let function = &world.stack.deployment.functions.get("SessionStart").context("there is no such function")?.name;
    let path = format!("/2015-03-31/functions/{function}/configuration");
    let aws = async |method: &str, body: &[u8]| {
        let request = Unsigned { method, path: &path, headers: &[], body };
        let response = world.stack.signed_for_aws(world.stack.root(), "lambda", &request)?.send().await?;
        anyhow::Ok(response.error_for_status()?.json::<Value>().await?)
    };
    let mut variables = aws("GET", b"").await?["Environment"]["Variables"].take();
    variables["SITE_SECRET"] = json!(secret);
    aws("PUT", json!({"Environment": {"Variables": variables}}).to_string().as_bytes()).await.map(|_| ())
}

async fn citizens_come_through_the_site_where_the_stack_has_a_secret_for_it(world: &World) -> Result<()> {
    const SECRET: &str = "ThirtyTwoLettersAndDigitsAtRandom0";
    let get = async |sent: Option<&str>| {
        let mut request = world.stack.client().get(format!("{}/purposes/{BSN_AND_NAME}", world.stack.url()));
        if let Some(sent) = sent {
            request = request.header(SITE_HEADER, sent);
        }
        anyhow::Ok(request.send().await?.status().as_u16())
    };
    set_site_secret(world, SECRET).await?;
    let (none, wrong, right) = (get(None).await, get(Some("wrong")).await, get(Some(SECRET)).await);
    set_site_secret(world, "").await?;
    assert_eq!((none?, wrong?, right?), (403, 403, 200));
    assert_eq!(get(None).await?, 200);
    Ok(())
}
