//! How an agent logs in: the authorization code flow with PKCE (RFC 6749, 4.1; RFC 7636), as far as a portal needs it.
//! Who clicks a name is that agent.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AUDIENCE, SCOPE, Shared};
use crate::random;

/// Who can log in.
const AGENTS: [(&str, &str); 2] = [("agent-1", "Medewerker 1"), ("agent-2", "Medewerker 2")];
const COOKIE: &str = "idbellen-agent";

/// What was given out and is still good.
#[derive(Default)]
pub(super) struct Logins {
    origins: Vec<String>,
    codes: HashMap<String, Grant>,
    refresh_tokens: HashMap<String, Grant>,
}

/// What an agent's login gives the portal.
#[derive(Clone)]
struct Grant {
    agent: String,
    challenge: String,
    redirect_uri: String,
    nonce: Option<String>,
}

impl Logins {
    pub(super) fn allow(&mut self, origin: &str) {
        self.origins.push(origin.to_owned());
    }

    fn allows(&self, address: &str) -> bool {
        self.origins
            .iter()
            .any(|origin| address.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

impl Shared {
    pub(super) fn logins(&self) -> MutexGuard<'_, Logins> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Served {
    shared: Arc<Shared>,
    url: String,
}

/// All that the issuer serves at `url`.
pub(super) fn router(shared: Arc<Shared>, url: String, keys: Value) -> Router {
    let discovery = json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks.json"),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "end_session_endpoint": format!("{url}/logout"),
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["none"],
    });
    Router::new()
        .route("/.well-known/openid-configuration", get(async || for_any_page(Json(discovery))))
        .route("/jwks.json", get(async || for_any_page(Json(keys))))
        .route("/authorize", get(authorize))
        .route("/login", post(login))
        .route("/token", post(token))
        .route("/logout", get(logout))
        .with_state(Served { shared, url })
}

fn for_any_page(answer: impl IntoResponse) -> Response {
    ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], answer).into_response()
}

fn refused(why: &str) -> Response {
    for_any_page((StatusCode::BAD_REQUEST, Json(json!({"error": why}))))
}

/// What the portal asks for.
#[derive(Deserialize)]
struct Request {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    code_challenge: String,
    code_challenge_method: String,
    state: Option<String>,
    nonce: Option<String>,
    prompt: Option<String>,
}

/// Sends an agent who is logged in back with a code, and shows the others who they can be.
async fn authorize(State(served): State<Served>, headers: HeaderMap, Query(asked): Query<Vec<(String, String)>>) -> Response {
    let Some(request) = read(&asked) else { return refused("invalid_request") };
    let known = request.client_id == AUDIENCE && served.shared.logins().allows(&request.redirect_uri);
    if !known || request.response_type != "code" || request.code_challenge_method != "S256" {
        return refused("invalid_request");
    }
    let prompt = request.prompt.as_deref().unwrap_or_default();
    let state = request.state.clone().unwrap_or_default();
    match agent(&headers) {
        Some(agent) if prompt != "login" && prompt != "select_account" => {
            let Ok(code) = random::hex(16) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
            let answer = [("code", code.as_str()), ("state", &state), ("iss", &served.url)];
            let back = with_query(&request.redirect_uri, &answer);
            let Request { code_challenge, redirect_uri, nonce, .. } = request;
            let grant = Grant { agent, challenge: code_challenge, redirect_uri, nonce };
            served.shared.logins().codes.insert(code, grant);
            Redirect::to(&back).into_response()
        }
        _ if prompt == "none" => {
            let answer = [("error", "login_required"), ("state", &state), ("iss", &served.url)];
            Redirect::to(&with_query(&request.redirect_uri, &answer)).into_response()
        }
        _ => choice(asked).into_response(),
    }
}

fn read(asked: &[(String, String)]) -> Option<Request> {
    let asked: serde_json::Map<String, Value> = asked.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    serde_json::from_value(asked.into()).ok()
}

fn agent(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let name = cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))?;
    AGENTS.iter().any(|(agent, _)| *agent == name).then(|| name.to_owned())
}

fn with_query(address: &str, query: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{address}{}{query}", if address.contains('?') { '&' } else { '?' })
}

/// The page with a button for each agent. Whatever the portal asked goes with it, without a wish to be asked again.
fn choice(mut asked: Vec<(String, String)>) -> Html<String> {
    asked.retain(|(name, _)| name != "prompt");
    let asked = Serializer::new(String::new()).extend_pairs(&asked).finish();
    // In this form there is nothing that HTML knows but `&`.
    let asked = asked.replace('&', "&amp;");
    let button = |(agent, name)| format!("<button id={agent} name=agent value={agent}>{name}</button>");
    let buttons = AGENTS.map(button).concat();
    Html(format!(
        "<!doctype html><html lang=nl><meta charset=utf-8><meta name=viewport content='width=device-width'>
        <title>Inloggen</title>
        <style>body{{font:1.1rem system-ui,sans-serif;max-width:22rem;margin:4rem auto;padding:0 1rem;color:#1d2733}}
        button{{display:block;width:100%;font:inherit;padding:.8rem;margin:.8rem 0;border:0;border-radius:.3rem;
        background:#154273;color:#fff}}button:focus-visible{{outline:3px solid #000;outline-offset:2px}}</style>
        <main><h1>Inloggen</h1><p>Als wie wilt u inloggen? (Voorbeeld van de inlogpagina van een gemeente.)</p>
        <form method=post action=/login><input type=hidden name=asked value='{asked}'>{buttons}</form></main></html>"
    ))
}

#[derive(Deserialize)]
struct Choice {
    agent: String,
    asked: String,
}

async fn login(Form(choice): Form<Choice>) -> Response {
    if !AGENTS.iter().any(|(agent, _)| *agent == choice.agent) {
        return refused("invalid_request");
    }
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", choice.agent);
    ([(header::SET_COOKIE, cookie)], Redirect::to(&format!("/authorize?{}", choice.asked))).into_response()
}

/// What the portal sends for tokens.
#[derive(Deserialize)]
#[serde(tag = "grant_type", rename_all = "snake_case")]
enum TokenRequest {
    AuthorizationCode { code: String, code_verifier: String, redirect_uri: String },
    RefreshToken { refresh_token: String },
}

async fn token(State(served): State<Served>, Form(request): Form<TokenRequest>) -> Response {
    let grant = {
        let mut logins = served.shared.logins();
        match request {
            TokenRequest::AuthorizationCode { code, code_verifier, redirect_uri } => {
                logins.codes.remove(&code).filter(|grant| grant.redirect_uri == redirect_uri && proves(&code_verifier, grant))
            }
            TokenRequest::RefreshToken { refresh_token } => logins.refresh_tokens.remove(&refresh_token),
        }
    };
    grant.and_then(|grant| tokens(&served, grant)).map_or_else(|| refused("invalid_grant"), |answer| for_any_page(Json(answer)))
}

/// RFC 7636, 4.6.
fn proves(verifier: &str, grant: &Grant) -> bool {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(digest) == grant.challenge
}

fn tokens(served: &Served, grant: Grant) -> Option<Value> {
    let lifetime = served.shared.lifetime.load(Ordering::Relaxed);
    let access = served.shared.token(&served.url, &grant.agent, lifetime);
    let id = access.clone().claim("scope", Value::Null).claim("nonce", grant.nonce.clone());
    let refresh = random::hex(16).ok()?;
    served.shared.logins().refresh_tokens.insert(refresh.clone(), grant);
    Some(json!({
        "token_type": "Bearer", "access_token": access.sign().ok()?, "id_token": id.sign().ok()?, "refresh_token": refresh,
        "expires_in": lifetime, "scope": format!("openid {SCOPE}"),
    }))
}

#[derive(Deserialize)]
struct Logout {
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

async fn logout(State(served): State<Served>, Query(request): Query<Logout>) -> Response {
    let forget = [(header::SET_COOKIE, format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"))];
    match request.post_logout_redirect_uri.filter(|address| served.shared.logins().allows(address)) {
        Some(address) => {
            let state = request.state.unwrap_or_default();
            (forget, Redirect::to(&with_query(&address, &[("state", &state)]))).into_response()
        }
        None => (forget, Html("<!doctype html><html lang=nl><title>Uitgelogd</title><p>U bent uitgelogd.")).into_response(),
    }
}
