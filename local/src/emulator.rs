//! The AWS emulator (ministack): a process on 127.0.0.1 that runs the functions, and evaluates IAM.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::process::{self, Process};
use crate::tools::Tools;
use crate::{REGION, http, random};

/// A running emulator with an empty account. Its data is in the run folder, and memory.
pub struct Emulator {
    port: u16,
    credentials: Credentials,
    process: Process,
}

/// What AWS requests are signed with. Its `Debug` form shows no secret.
#[derive(Clone, serde::Deserialize)]
pub struct Credentials {
    /// The access key id.
    pub key_id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token of an assumed role.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.key_id)
    }
}

impl Emulator {
    /// Starts on `port`, in `folder`, and waits until it answers. `functions_endpoint` is where its functions find AWS:
    /// a tap. Its functions get `environment` besides their own.
    pub async fn start(
        tools: &Tools,
        folder: &Path,
        port: u16,
        functions_endpoint: &str,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let data = folder.join("emulator");
        let temporary = data.join("tmp");
        fs::create_dir_all(&temporary)?;
        let credentials = Credentials {
            key_id: format!("AKIA{}", random::hex(8)?.to_uppercase()),
            secret: random::hex(20)?,
            session_token: None,
        };
        // Functions inherit this environment, so it is empty but for what is needed here.
        let mut command = process::bare(tools.python_bin().join("python"));
        command.arg(tools.checkout().join("local/emulator/emulator.py"));
        command
            .envs(environment.iter().cloned())
            .env("AUTH", "true")
            .env("CLOUDTRAIL_RECORDING", "1")
            .env("CLOUDTRAIL_MAX_EVENTS", "1000000")
            .env("MINISTACK_REGION", REGION)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            // Its MQTT listener would take port 8883 on every interface.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("S3_DATA_DIR", data.join("s3"))
            .env("STATE_DIR", data.join("state"))
            .env("TMPDIR", &temporary)
            .env("HOME", &data)
            .env("AWS_ENDPOINT_URL", functions_endpoint)
            .env("AWS_ACCESS_KEY_ID", &credentials.key_id)
            .env("AWS_SECRET_ACCESS_KEY", &credentials.secret)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(&data);
        let mut process = Process::start("the AWS emulator", &mut command, &folder.join("emulator.log"))?;
        let health = format!("http://127.0.0.1:{port}/_ministack/ready");
        process
            .until(Duration::from_mins(1), async || http().get(&health).send().await.is_ok_and(|r| r.status().is_success()))
            .await?;
        Ok(Self { port, credentials, process })
    }

    /// `http://127.0.0.1:port`, the endpoint for all of AWS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The root user of the account.
    #[must_use]
    pub fn root(&self) -> &Credentials {
        &self.credentials
    }

    /// Ends the emulator and the functions it runs.
    pub async fn stop(&mut self) {
        self.process.stop().await;
    }
}
