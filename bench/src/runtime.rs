//! The Lambda Runtime API (AWS Lambda developer guide, "Using the Lambda runtime API"), for one function that runs as a
//! process of ours: it says when the function asks for its first event, hands out events, and takes answers.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use local::server::Server;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// What a function must do within this time.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a function said, and when.
enum Said {
    Next(Instant),
    Answer(Instant, Bytes),
    Failed(Bytes),
}

struct Api {
    said: Sender<Said>,
    events: Mutex<Receiver<String>>,
}

/// A function that runs.
pub struct Function {
    child: Child,
    said: Receiver<Said>,
    events: Sender<String>,
    /// From the start of the process until it asked for its first event.
    pub to_first_next: Duration,
    started: Instant,
    _api: Server,
}

/// An answer, and how long it took.
pub struct Answered {
    /// What the function answered.
    pub body: Bytes,
    /// From the event to the answer.
    pub took: Duration,
    /// From the start of the process to the answer.
    pub since_start: Duration,
}

/// What the kernel says that a process took.
#[derive(Clone, Copy)]
pub struct Usage {
    /// Processor time of all its threads.
    pub cpu: Duration,
    /// The most memory that it held at a time, in bytes.
    pub peak_memory: u64,
}

impl Function {
    /// Starts `command`, whose output goes to `log`, and waits until it asks for an event.
    pub async fn start(mut command: Command, log: &Path) -> Result<Self> {
        let (said, mut heard) = channel(4);
        let (events, to_hand_out) = channel(1);
        let api = Arc::new(Api { said, events: Mutex::new(to_hand_out) });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(failure))
            .with_state(api);
        let api = Server::start(0, |_| router).await?;
        let output = fs::File::options().create(true).append(true).open(log)?;
        command.env("AWS_LAMBDA_RUNTIME_API", api.authority()).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let started = Instant::now();
        let mut child = command.kill_on_drop(true).spawn().context("a function can't be started")?;
        let first = tokio::select! {
            said = tokio::time::timeout(PATIENCE, heard.recv()) => said.ok().flatten(),
            ended = child.wait() => bail!("a function ended ({}) before it asked for an event: see {}", ended?, log.display()),
        };
        match first.context("a function asks for no event")? {
            Said::Next(at) => Ok(Self { child, said: heard, events, to_first_next: at - started, started, _api: api }),
            Said::Answer(..) | Said::Failed(_) => bail!("a function did not start: see {}", log.display()),
        }
    }

    /// Hands out `event`; the answer is there when the function asks for the next event.
    pub async fn invoke(&mut self, event: String) -> Result<Answered> {
        let began = Instant::now();
        self.events.send(event).await.ok().context("the function is gone")?;
        let (at, body) = match self.hear().await? {
            Said::Answer(at, body) => (at, body),
            Said::Failed(body) => bail!("a function failed: {}", String::from_utf8_lossy(&body)),
            Said::Next(_) => bail!("a function asks for an event before it answered one"),
        };
        ensure!(matches!(self.hear().await?, Said::Next(_)), "a function asks for no further event");
        Ok(Answered { body, took: at - began, since_start: at - self.started })
    }

    async fn hear(&mut self) -> Result<Said> {
        let said = tokio::time::timeout(PATIENCE, self.said.recv()).await.context("a function does not answer")?;
        said.context("the Runtime API is gone")
    }

    /// What the process took up to now.
    pub fn usage(&self) -> Result<Usage> {
        let id = self.child.id().context("the function is gone")?;
        let mut cpu = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{id}/task"))? {
            let spent = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanoseconds = spent.split(' ').next().unwrap_or_default().parse().context("schedstat is not as expected")?;
            cpu += Duration::from_nanos(nanoseconds);
        }
        let peak_memory = peak_memory(id).context("the kernel does not say how much memory a process has")?;
        Ok(Usage { cpu, peak_memory })
    }

    /// Ends the process.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

/// The most memory that a process has held, in bytes (`proc_pid_status(5)`, `VmHWM`).
pub fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())?;
    Some(kilobytes * 1024)
}

async fn next(State(api): State<Arc<Api>>) -> (HeaderMap, String) {
    let _ = api.said.send(Said::Next(Instant::now())).await;
    let event = api.events.lock().await.recv().await.unwrap_or_default();
    (headers(), event)
}

async fn response(State(api): State<Arc<Api>>, body: Bytes) -> axum::http::StatusCode {
    let _ = api.said.send(Said::Answer(Instant::now(), body)).await;
    axum::http::StatusCode::ACCEPTED
}

async fn failure(State(api): State<Arc<Api>>, body: Bytes) -> axum::http::StatusCode {
    let _ = api.said.send(Said::Failed(body)).await;
    axum::http::StatusCode::ACCEPTED
}

fn headers() -> HeaderMap {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + PATIENCE;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:000000000000:function:bench".to_owned()),
        ("content-type", "application/json".to_owned()),
    ] {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    headers
}
