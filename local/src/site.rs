//! A web site as the template's distributions serve it: static files, and the API under `/api/`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::http;
use crate::server::Server;

/// What a site is made of.
pub struct Site<'a> {
    /// The folder with its files.
    pub files: &'a Path,
    /// What its `config.json` says, if it has one.
    pub config: Option<Value>,
    /// Where it may connect to, besides itself.
    pub connects_to: &'a [String],
    /// Who may show it in a frame.
    pub framed_by: &'a [String],
    /// What it may show in a frame.
    pub frames: &'a [String],
}

/// What the tasks of a site's server share.
struct Served {
    files: HashMap<String, (&'static str, Bytes)>,
    headers: HeaderMap,
    api: String,
}

impl Site<'_> {
    /// Serves it on `port`, or a free one, with the API that is at the address `api`.
    pub async fn serve(self, port: u16, api: String) -> Result<Server> {
        self.serve_with(port, api, Router::new()).await
    }

    /// The same, with more routes beside the files.
    pub async fn serve_with(self, port: u16, api: String, routes: Router) -> Result<Server> {
        let mut files = HashMap::new();
        collect(self.files, "/", &mut files)?;
        if let Some(config) = &self.config {
            files.insert("/config.json".to_owned(), (JSON, Bytes::from(config.to_string())));
        }
        let served = Arc::new(Served { files, headers: self.headers()?, api });
        Server::start(port, move |_| routes.fallback_service(Router::new().fallback(answer).with_state(served))).await
    }

    /// The headers that the template gives the site.
    fn headers(&self) -> Result<HeaderMap> {
        let or_none = |sources: &[String]| if sources.is_empty() { "'none'".to_owned() } else { sources.join(" ") };
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self' {}; \
             frame-src {}; form-action 'none'; base-uri 'none'; frame-ancestors {}",
            self.connects_to.join(" "),
            or_none(self.frames),
            or_none(self.framed_by),
        );
        let fixed = [
            (header::CONTENT_SECURITY_POLICY, policy.as_str()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            // A page that is built again is the one to show.
            (header::CACHE_CONTROL, "no-cache"),
        ];
        fixed.iter().map(|(name, value)| Ok((name.clone(), HeaderValue::from_str(value)?))).collect()
    }
}

async fn answer(State(served): State<Arc<Served>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(path) = uri.path().strip_prefix("/api/") {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return pass_on(&format!("{}/{path}{query}", served.api), method, &headers, body).await;
    }
    let path = if uri.path().ends_with('/') { format!("{}index.html", uri.path()) } else { uri.path().to_owned() };
    match served.files.get(&path) {
        Some((kind, bytes)) => (served.headers.clone(), [(header::CONTENT_TYPE, *kind)], bytes.clone()).into_response(),
        None => (StatusCode::NOT_FOUND, served.headers.clone()).into_response(),
    }
}

/// Asks the API. Of the headers those go with the request and come back that a distribution would pass on and anyone looks at.
async fn pass_on(address: &str, method: Method, headers: &HeaderMap, body: Bytes) -> Response {
    const THERE: [HeaderName; 2] = [header::AUTHORIZATION, header::CONTENT_TYPE];
    const BACK: [HeaderName; 2] = [header::CONTENT_TYPE, header::CACHE_CONTROL];
    let only = |from: &HeaderMap, names: &[HeaderName]| -> HeaderMap {
        names.iter().filter_map(|name| Some((name.clone(), from.get(name)?.clone()))).collect()
    };
    match http().request(method, address).headers(only(headers, &THERE)).body(body).send().await {
        Ok(answer) => {
            let (status, headers) = (answer.status(), only(answer.headers(), &BACK));
            (status, headers, Body::from(answer.bytes().await.unwrap_or_default())).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

const JSON: &str = "application/json";

/// Reads all files of a folder, by their path on the site.
fn collect(folder: &Path, below: &str, files: &mut HashMap<String, (&'static str, Bytes)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else {
            let bytes = fs::read(entry.path())?;
            files.insert(path.clone(), (content_type(&path), bytes.into()));
        }
    }
    Ok(())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => JSON,
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
