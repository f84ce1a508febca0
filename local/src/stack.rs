//! All of it at once.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use crate::deploy::{self, Deployment};
use crate::emulator::{Credentials, Emulator};
use crate::irma_server::{self, IrmaServer};
use crate::issuer::{self, Issuer};
use crate::server::free_port;
use crate::signed::{EXTERNAL_ID, Unsigned};
use crate::tap::Tap;
use crate::tools::Tools;
use crate::wallet::{Person, Wallet};
use crate::{Progress, http};

/// What may differ between one stack and another.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The port of the API for browsers and scripts; a free one if 0 or taken.
    pub port: u16,
    /// The port of the IRMA server; a free one if 0 or taken.
    pub irma_port: u16,
    /// A template in place of the checkout's own.
    pub template: Option<PathBuf>,
    /// Variables in the environment of every function, in addition to the template's.
    pub environment: Vec<(String, String)>,
    /// Parameters of the template, in addition to or in place of those that follow from the stack.
    pub parameters: Vec<(String, String)>,
}

/// The running system. It ends when this is dropped; [`Stack::down`] also waits for that.
///
/// The fields are dropped in their order: who calls before who is called.
pub struct Stack {
    /// The IRMA server; tests of outages stop it and start it again.
    pub irma: Mutex<IrmaServer>,
    /// The agents' OIDC issuer.
    pub issuer: Issuer,
    /// What was deployed.
    pub deployment: Deployment,
    /// Sees what callers send to the API; its address is the API's.
    pub to_api: Tap,
    /// Sees what functions send to AWS.
    pub to_aws: Tap,
    /// Sees what functions send to the IRMA server.
    pub to_irma: Tap,
    emulator: Emulator,
    logs: Mutex<()>,
    /// The operator's command, once it is built.
    pub(crate) command: OnceCell<PathBuf>,
    tools: Tools,
    run: RunFolder,
    took: Took,
}

impl Stack {
    /// Installs, builds, starts and deploys everything, and tells `progress` about it. When it fails, the error names
    /// the folder with the logs.
    pub async fn up(options: &Options, progress: Progress<'_>) -> Result<Self> {
        let tools = Tools::here()?;
        let run = RunFolder::make(&tools)?;
        let path = run.path.clone();
        let result = Self::start(tools, run, options, progress).await;
        if let Ok(stack) = &result {
            stack.run.keep(false);
        }
        result.with_context(|| format!("the local stack did not start; its logs are in {}", path.display()))
    }

    async fn start(tools: Tools, run: RunFolder, options: &Options, progress: Progress<'_>) -> Result<Self> {
        let (folder, took) = (&run.path, Took::default());
        let template = options.template.clone().unwrap_or_else(|| tools.checkout().join("template.yaml"));
        progress("Compiling the functions and the operator's command");
        let ((), programs) = tokio::try_join!(
            took.time("tools", tools.complete(progress)),
            took.time("compiling", deploy::compile(&tools, folder)),
        )?;
        progress("Packing the functions; starting the IRMA server and the AWS emulator");
        let port = free_port(0)?;
        let upstream = format!("127.0.0.1:{port}");
        let to_aws = Tap::start(0, &upstream).await?;
        let aws = to_aws.url();
        let (build, emulator, irma, issuer, to_api) = tokio::try_join!(
            took.time("packing", deploy::build(&tools, &programs, &template, folder)),
            took.time("emulator", Emulator::start(&tools, folder, port, &aws, &options.environment)),
            took.time("IRMA server", IrmaServer::start(&tools, folder, options.irma_port)),
            Issuer::start(),
            Tap::start(options.port, &upstream),
        )?;
        let to_irma = Tap::start(0, &irma.authority()).await?;

        progress("Deploying the template");
        let mut parameters: Vec<(String, String)> = [
            ("Stage", "local".to_owned()),
            ("IrmaServerUrl", to_irma.url()),
            ("IrmaIssuer", irma_server::ISSUER.to_owned()),
            ("OidcIssuer", issuer.url()),
            ("OidcAudience", issuer::AUDIENCE.to_owned()),
            ("AgentScope", issuer::SCOPE.to_owned()),
            ("PublicApiDomain", to_api.authority()),
            // On this machine each page reaches the API at its own origin.
            ("CitizenOrigin", "http://localhost:5173".to_owned()),
            ("PortalOrigin", "http://localhost:5174".to_owned()),
            ("TelephonyPrincipal", "arn:aws:iam::000000000000:root".to_owned()),
            ("TelephonyExternalId", EXTERNAL_ID.to_owned()),
            ("VerifyPrincipal", "arn:aws:iam::000000000000:root".to_owned()),
            ("Architecture", if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        parameters.retain(|(name, _)| options.parameters.iter().all(|(other, _)| other != name));
        parameters.extend(options.parameters.iter().cloned());
        let deployment = took.time("deploying", build.deploy(&tools, &emulator, &parameters)).await?;
        to_aws.name_callers(deployment.callers());
        to_api.show_host(&api_host(&deployment.api_id, emulator.port()))?;
        Ok(Self {
            irma: Mutex::new(irma),
            issuer,
            deployment,
            to_api,
            to_aws,
            to_irma,
            emulator,
            logs: Mutex::default(),
            command: OnceCell::new(),
            tools,
            run,
            took,
        })
    }

    /// How long each part of the start took, as a line of text. Some parts ran beside each other.
    #[must_use]
    pub fn took(&self) -> String {
        self.took.to_string()
    }

    /// The API's address, `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        self.to_api.url()
    }

    /// The endpoint for all of AWS; what is called here, no tap sees.
    #[must_use]
    pub fn aws_url(&self) -> String {
        self.emulator.url()
    }

    /// The root user of the account.
    #[must_use]
    pub fn root(&self) -> &Credentials {
        self.emulator.root()
    }

    /// The installed programs.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The folder with the logs of this run; see also [`Stack::keep_folder`].
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.run.path
    }

    /// Leaves the folder of this run, with what the functions logged, for someone to see what went wrong.
    pub async fn keep_folder(&self) -> Result<()> {
        self.run.keep(true);
        self.function_logs().await.map(|_| ())
    }

    /// What the functions logged up to now, a line each; it is in `functions.log` in the folder of this run, too.
    pub async fn function_logs(&self) -> Result<String> {
        let _one_at_a_time = self.logs.lock().await;
        let path = self.run.path.join("functions.log");
        let _ = fs::remove_file(&path);
        deploy::python(&self.tools, &self.emulator, "function_logs.py", &[], &path).await?;
        fs::read_to_string(&path).context("the functions' logs can't be read")
    }

    /// A wallet that holds this person's credentials.
    pub async fn wallet(&self, person: &Person) -> Result<Wallet> {
        Wallet::of(person, &self.tools, &self.run.path, &*self.irma.lock().await).await
    }

    /// Credentials for a role, by assuming it as the root user.
    pub async fn assume_role(&self, role: &str) -> Result<Credentials> {
        self.root().assume_role(&self.aws_url(), role, "local").await
    }

    /// A signed `POST` to the API, as telephony makes it.
    pub fn signed_post(&self, credentials: &Credentials, path: &str, body: &[u8]) -> Result<RequestBuilder> {
        let host = api_host(&self.deployment.api_id, self.emulator.port());
        credentials.sign("execute-api", &self.url(), &host, &Unsigned { method: "POST", path, headers: &[], body })
    }

    /// A signed request to AWS itself, that no tap sees.
    pub fn signed_for_aws(&self, credentials: &Credentials, service: &str, request: &Unsigned<'_>) -> Result<RequestBuilder> {
        let host = format!("127.0.0.1:{}", self.emulator.port());
        credentials.sign(service, &self.aws_url(), &host, request)
    }

    /// Invokes a function directly, by its name in the template.
    pub async fn invoke(&self, credentials: &Credentials, function: &str, event: &Value) -> Result<Invocation> {
        let function = self.deployment.functions.get(function).with_context(|| format!("no function {function}"))?;
        let path = format!("/2015-03-31/functions/{}/invocations", function.name);
        let body = event.to_string();
        let request = Unsigned { method: "POST", path: &path, headers: &[], body: body.as_bytes() };
        let response = self.signed_for_aws(credentials, "lambda", &request)?.send().await?;
        let status = response.status().as_u16();
        let failed = response.headers().contains_key("x-amz-function-error");
        Ok(Invocation { status, failed, payload: response.json().await.unwrap_or_default() })
    }

    /// Calls the API without signature: a client for `GET` and the like, with paths after [`Stack::url`].
    #[must_use]
    pub fn client(&self) -> reqwest::Client {
        http()
    }

    /// Ends everything, and waits until it has ended.
    pub async fn down(mut self) {
        self.irma.get_mut().stop().await;
        self.emulator.stop().await;
    }
}

/// The host name that the emulator gives an API; a signature for the API covers it.
fn api_host(api_id: &str, port: u16) -> String {
    format!("{api_id}.execute-api.localhost:{port}")
}

/// The answer to a direct invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// 200, whether the function failed or not; 403 for who may not invoke it.
    pub status: u16,
    /// Whether the function ended with an error (`FunctionError`), in place of an answer.
    pub failed: bool,
    /// What the function answered.
    pub payload: Value,
}

/// How long each part of a start took, in the order in which they ended.
#[derive(Default)]
struct Took(std::sync::Mutex<Vec<(&'static str, Duration)>>);

impl Took {
    async fn time<T>(&self, part: &'static str, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((part, began.elapsed()));
        done
    }
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let parts: Vec<String> = parts.iter().map(|(part, took)| format!("{part} {:.1} s", took.as_secs_f64())).collect();
        f.write_str(&parts.join(", "))
    }
}

/// The folder of one run, `.local/run/{process id}-{number}`. A lock marks it as in use, a file `kept` as worth a look.
struct RunFolder {
    path: PathBuf,
    _lock: File,
}

/// How long the folder of a run that failed is kept.
const KEPT: Duration = Duration::from_hours(24);

impl RunFolder {
    fn make(tools: &Tools) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let runs = tools.folder().join("run");
        fs::create_dir_all(&runs)?;
        Self::clean(&runs)?;
        let path = runs.join(format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path)?;
        // Until everything is up, and before another process finds the lock free.
        fs::write(path.join("kept"), "")?;
        let lock = File::create(path.join("lock"))?;
        lock.lock()?;
        Ok(Self { path, _lock: lock })
    }

    fn keep(&self, kept: bool) {
        let mark = self.path.join("kept");
        let _ = if kept { fs::write(mark, "") } else { fs::remove_file(mark) };
    }

    /// Removes what runs left that ended without doing so, and what was kept for long.
    fn clean(runs: &Path) -> Result<()> {
        for entry in fs::read_dir(runs)? {
            let run = entry?.path();
            let Ok(lock) = File::open(run.join("lock")) else { continue };
            let age = SystemTime::now().duration_since(lock.metadata()?.modified()?).unwrap_or_default();
            if lock.try_lock().is_ok() && (age > KEPT || !run.join("kept").exists()) {
                let _ = fs::remove_dir_all(run);
            }
        }
        Ok(())
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let unneeded = if self.path.join("kept").exists() { self.path.join("emulator") } else { self.path.clone() };
        let _ = fs::remove_dir_all(unneeded);
    }
}
