//! Bodies that are not what a route takes: each is refused for what is wrong with it, and none is repeated.

use anyhow::{Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use local::call::{Answer, Caller};
use serde_json::{Value, json};

use crate::tests;
use crate::world::{BSN_AND_NAME, World};

tests! {
    beside_others: [
        what_is_no_json_object_is_refused,
        a_member_that_is_missing_or_unknown_or_there_twice_is_refused,
        a_member_of_another_type_is_refused,
        nesting_without_end_is_refused,
        a_body_of_4096_bytes_is_read_and_one_byte_more_is_not,
        only_json_that_says_it_is_json_is_read,
        a_body_in_base64_is_read_like_any_other,
        a_code_is_ten_digits_and_nothing_else,
        a_secret_is_43_characters_of_base64url,
        a_contact_id_is_visible_ascii,
    ],
    alone: []
}

/// A route that takes a body.
struct Route {
    path: &'static str,
    caller: Caller,
    /// The function behind it, by its name in the template.
    function: &'static str,
    /// A body that it takes, and what it answers then.
    good: Value,
    status: u16,
}

/// Who signs as telephony, as API Gateway writes it into the event.
const TELEPHONY: &str = "arn:aws:sts::000000000000:assumed-role/idbellen-local-telephony/exchange";

const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn routes(world: &World) -> Result<Vec<Route>> {
    let stack = &world.stack;
    let route = |path, caller, function, good, status| Route { path, caller, function, good, status };
    let exchange = json!({"dtmf": "0000000000", "contactId": world.contact()});
    let secret = json!({"secret": SECRET});
    let contact = json!({"secret": SECRET, "contactId": world.contact(), "initialContactId": world.contact()});
    Ok(vec![
        route("/sessions", Caller::Anyone, "SessionStart", json!({"purpose": BSN_AND_NAME}), 201),
        route("/dtmf/exchange", stack.telephony().await?, "DtmfExchange", exchange, 404),
        route("/telephony/clear", stack.telephony().await?, "ClearContact", secret, 204),
        route("/contacts/lookup", stack.agent("anna")?, "AgentLookup", contact.clone(), 404),
        route("/contacts/clear", stack.agent("anna")?, "ClearContact", contact, 204),
    ])
}

impl Route {
    async fn post(&self, world: &World, body: &str) -> Result<Answer> {
        world.stack.post_raw(&self.caller, self.path, "application/json", body.as_bytes()).await
    }

    /// Posts a body that must be refused as not valid.
    async fn refuses(&self, world: &World, body: &str) -> Result<()> {
        let answer = self.post(world, body).await?;
        let refused = (answer.status, answer.body["type"].as_str());
        ensure!(refused == (400, Some("urn:idbellen:problem:invalid-body")), "{} answers {body}: {answer:?}", self.path);
        Ok(())
    }

    /// The body with one member changed, or left out if `value` is none.
    fn with(&self, member: &str, value: Option<Value>) -> String {
        let mut body = self.good.clone();
        if let Some(members) = body.as_object_mut() {
            members.remove(member);
            members.extend(value.map(|value| (member.to_owned(), value)));
        }
        body.to_string()
    }

    fn members(&self) -> Vec<String> {
        self.good.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }
}

async fn what_is_no_json_object_is_refused(world: &World) -> Result<()> {
    for route in routes(world).await? {
        let good = route.good.to_string();
        for body in ["", " ", "marker", "null", "17", "\"marker\"", "[]", "{", "{\"marker", &format!("{good} marker"), &good[1..]]
        {
            route.refuses(world, body).await?;
        }
        // Not its members as a list either.
        let members: Vec<Value> = route.members().iter().map(|member| route.good[member].clone()).collect();
        route.refuses(world, &json!(members).to_string()).await?;
        assert_eq!(route.post(world, &format!("\n {good} ")).await?.status, route.status, "{}", route.path);
    }
    Ok(())
}

async fn a_member_that_is_missing_or_unknown_or_there_twice_is_refused(world: &World) -> Result<()> {
    for route in routes(world).await? {
        let good = route.good.to_string();
        for member in route.members() {
            let twice = format!("{},{}", good.trim_end_matches('}'), &json!({&member: "marker"}).to_string()[1..]);
            route.refuses(world, &twice).await?;
            // The portal need not know the contact, nor the call's first.
            let is_of_contact = ["contactId", "initialContactId"].contains(&member.as_str());
            if !(is_of_contact && route.path.starts_with("/contacts/")) {
                route.refuses(world, &route.with(&member, None)).await?;
            }
        }
        route.refuses(world, &route.with("marker", Some(json!(1)))).await?;
        route.refuses(world, &route.with("Secret", Some(json!(SECRET)))).await?;
    }
    Ok(())
}

async fn a_member_of_another_type_is_refused(world: &World) -> Result<()> {
    for route in routes(world).await? {
        for member in route.members() {
            for value in [json!(1_234_567_890), json!(true), json!(["marker"]), json!({"marker": "marker"})] {
                route.refuses(world, &route.with(&member, Some(value))).await?;
            }
        }
    }
    Ok(())
}

async fn nesting_without_end_is_refused(world: &World) -> Result<()> {
    for route in routes(world).await? {
        for open in ["[", "{\"secret\":", "{\"purpose\":[", "{\"dtmf\":"] {
            route.refuses(world, &open.repeat(4096 / open.len())).await?;
        }
    }
    let deep = (0..500).fold(json!("x"), |inner, _| json!([inner]));
    let outcome = world.exchange_by_connect(&world.contact(), json!({"dtmf": "0000000000", "deep": deep})).await?;
    assert_eq!(outcome, json!({"result": "unavailable"}));
    Ok(())
}

async fn a_body_of_4096_bytes_is_read_and_one_byte_more_is_not(world: &World) -> Result<()> {
    for route in routes(world).await? {
        let longest = format!("{:4096}", route.good.to_string());
        assert_eq!(route.post(world, &longest).await?.status, route.status, "{}", route.path);
        let answer = route.post(world, &format!("{longest} ")).await?;
        assert_eq!((answer.status, &answer.body["type"]), (413, &json!("urn:idbellen:problem:body-too-large")), "{}", route.path);
    }
    Ok(())
}

async fn only_json_that_says_it_is_json_is_read(world: &World) -> Result<()> {
    for route in routes(world).await? {
        let good = route.good.to_string();
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonmarker", "marker", ""] {
            let answer = world.stack.post_raw(&route.caller, route.path, media_type, good.as_bytes()).await?;
            assert_eq!((answer.status, &answer.body["type"]), (415, &json!("urn:idbellen:problem:not-json")), "{}", route.path);
        }
        for media_type in ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"] {
            let answer = world.stack.post_raw(&route.caller, route.path, media_type, good.as_bytes()).await?;
            assert_eq!(answer.status, route.status, "{}", route.path);
        }
    }
    Ok(())
}

/// API Gateway hands a body to a function in base64 where it takes it for binary; then it may be no UTF-8 either.
async fn a_body_in_base64_is_read_like_any_other(world: &World) -> Result<()> {
    for route in routes(world).await? {
        let answer = async |body: &[u8]| {
            let key = format!("POST {}", route.path);
            let event = json!({
                "version": "2.0", "routeKey": key, "rawPath": route.path, "rawQueryString": "",
                "headers": {"content-type": "application/json"},
                "requestContext": {
                    "routeKey": key, "stage": "$default", "domainName": "127.0.0.1", "http": {"method": "POST", "path": route.path},
                    "accountId": "000000000000",
                    "authorizer": match route.caller {
                        Caller::Telephony(_) => json!({"iam": {"userArn": TELEPHONY}}),
                        _ => json!({"jwt": {"claims": {"sub": "anna"}, "scopes": []}}),
                    },
                },
                "body": STANDARD.encode(body), "isBase64Encoded": true,
            });
            world.stack.invoke(world.stack.root(), route.function, &event).await
        };
        let good = answer(route.good.to_string().as_bytes()).await?;
        assert_eq!(good.payload["statusCode"], route.status, "{}", route.path);
        for body in
            [b"\xff\xfe".as_slice(), b"{\"secret\": \"\xc3\x28\"}", b"{\"purpose\": \"\xff\"}", b"{\"dtmf\": \"\xed\xa0\x80\"}"]
        {
            let bad = answer(body).await?;
            assert_eq!((bad.failed, &bad.payload["statusCode"]), (false, &json!(400)), "{}", route.path);
        }
        let large = answer(&[b' '; 4097]).await?;
        assert_eq!(large.payload["statusCode"], 413, "{}", route.path);
    }
    Ok(())
}

async fn a_code_is_ten_digits_and_nothing_else(world: &World) -> Result<()> {
    let telephony = world.stack.telephony().await?;
    let (fullwidth, arabic) = ("０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩");
    for dtmf in [
        "",
        "Timeout",
        "123456789",
        "12345678901",
        "12345 6789",
        " 1234567890",
        "1234567890 ",
        "123456789a",
        "1234567890#",
        "*123456789",
        "-123456789",
        "+123456789",
        "1234567.90",
        fullwidth,
        arabic,
        "123456789\u{0}",
        "123456789\n",
    ] {
        let body = json!({"dtmf": dtmf, "contactId": world.contact()});
        let answer = world.stack.post(&telephony, "/dtmf/exchange", &body).await?;
        assert_eq!((answer.status, &answer.body["detail"]), (400, &json!("\"dtmf\" is ten digits 0 to 9.")), "{dtmf}");
        let outcome = world.exchange_by_connect(&world.contact(), json!({"dtmf": dtmf})).await?;
        assert_eq!(outcome, json!({"result": "unknown_code"}), "{dtmf}");
    }
    Ok(())
}

async fn a_secret_is_43_characters_of_base64url(world: &World) -> Result<()> {
    let (telephony, agent) = (world.stack.telephony().await?, world.stack.agent("anna")?);
    for secret in [
        String::new(),
        "A".repeat(42),
        "A".repeat(44),
        "A".repeat(42) + "=",
        "A".repeat(42) + "B",
        "+".repeat(43),
        "/".repeat(43),
        "A".repeat(42) + " ",
        "Ａ".repeat(43),
        "A".repeat(42) + "\u{0}",
        "é".repeat(21) + "A",
    ] {
        for (caller, path) in [(&agent, "/contacts/lookup"), (&agent, "/contacts/clear"), (&telephony, "/telephony/clear")] {
            let answer = world.stack.post(caller, path, &json!({"secret": secret})).await?;
            let detail = answer.body["detail"].as_str().unwrap_or_default();
            assert!(answer.status == 400 && detail.starts_with("\"secret\" is 43 characters"), "{path} {secret}: {answer:?}");
        }
        // A flow clears whatever it has, also when the exchange gave it nothing.
        let outcome = world.stack.connect("ClearContact", &world.contact(), json!({"secret": secret})).await?;
        assert_eq!(outcome, json!({"result": "ok"}), "{secret}");
    }
    Ok(())
}

async fn a_contact_id_is_visible_ascii(world: &World) -> Result<()> {
    let (telephony, agent) = (world.stack.telephony().await?, world.stack.agent("anna")?);
    for id in [String::new(), "x".repeat(129), "a b".to_owned(), "é".to_owned(), "a\n".to_owned(), "a\u{0}".to_owned()] {
        for (caller, path, member, mut body) in [
            (&telephony, "/dtmf/exchange", "contactId", json!({"dtmf": "0000000000"})),
            (&agent, "/contacts/lookup", "contactId", json!({"secret": SECRET})),
            (&agent, "/contacts/lookup", "initialContactId", json!({"secret": SECRET})),
            (&agent, "/contacts/clear", "contactId", json!({"secret": SECRET})),
            (&agent, "/contacts/clear", "initialContactId", json!({"secret": SECRET})),
        ] {
            body[member] = json!(id);
            let answer = world.stack.post(caller, path, &body).await?;
            let detail = answer.body["detail"].as_str().unwrap_or_default();
            let is_named = detail.starts_with(&format!("\"{member}\" is 1 to 128"));
            assert!(answer.status == 400 && is_named, "{path} {id}: {answer:?}");
        }
    }
    let longest = json!({"secret": SECRET, "contactId": "~".repeat(128)});
    assert_eq!(world.stack.post(&agent, "/contacts/lookup", &longest).await?.status, 404);
    Ok(())
}
