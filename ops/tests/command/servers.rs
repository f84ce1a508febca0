//! The two servers that the command talks to, as far as it talks to them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A Parameter Store that remembers what was put there. Ends with the test.
pub struct ParameterStore {
    pub url: String,
    state: Arc<Mutex<Stored>>,
}

#[derive(Default)]
struct Stored {
    parameters: HashMap<String, String>,
    puts: Vec<Value>,
    refusal: Option<(&'static str, &'static str)>,
}

impl ParameterStore {
    /// Starts it, empty.
    pub async fn start() -> Self {
        let state = Arc::<Mutex<Stored>>::default();
        let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&state));
        Self { url: serve(router).await, state }
    }

    /// Gives a parameter a value.
    pub fn holds(self, name: &str, value: &str) -> Self {
        self.state.lock().unwrap().parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Refuses each put with `code` and `message`, in which `{value}` stands for the value.
    pub fn refuses(self, code: &'static str, message: &'static str) -> Self {
        self.state.lock().unwrap().refusal = Some((code, message));
        self
    }

    /// The bodies of all requests to put a parameter.
    pub fn puts(&self) -> Vec<Value> {
        self.state.lock().unwrap().puts.clone()
    }
}

async fn answer(State(state): State<Arc<Mutex<Stored>>>, headers: HeaderMap, body: String) -> Response {
    let mut state = state.lock().unwrap();
    let request: Value = serde_json::from_str(&body).unwrap();
    let name = request["Name"].as_str().unwrap();
    match headers["x-amz-target"].to_str().unwrap() {
        "AmazonSSM.GetParameter" => match state.parameters.get(name) {
            Some(value) => json!({ "Parameter": { "Name": name, "Value": value } }).to_string().into_response(),
            None => refusal("ParameterNotFound", ""),
        },
        "AmazonSSM.PutParameter" => {
            if let Some((code, message)) = state.refusal {
                return refusal(code, &message.replace("{value}", request["Value"].as_str().unwrap()));
            }
            state.puts.push(request);
            json!({ "Version": 6 + state.puts.len() }).to_string().into_response()
        }
        other => unreachable!("{other}"),
    }
}

fn refusal(code: &str, message: &str) -> Response {
    (StatusCode::BAD_REQUEST, json!({ "__type": code, "message": message }).to_string()).into_response()
}

/// Starts an IRMA server that answers `GET /publickey` with this. Gives its URL.
pub async fn irma_server(status: u16, headers: &[(&'static str, &str)], body: &str) -> String {
    let mut answer = (StatusCode::from_u16(status).unwrap(), body.to_owned()).into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (parts, body) = (answer.headers().clone(), body.to_owned());
    let status = answer.status();
    serve(Router::new().route("/publickey", get(move || async move { (status, parts, body) }))).await
}

/// Serves this until the test ends. Gives its URL.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}
