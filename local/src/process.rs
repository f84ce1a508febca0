//! Child programs that cannot be left behind.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

/// Runs a program in a process group of its own and ends the whole group when standard input does. That input is a
/// pipe which only our process holds: the kernel closes it however we end, SIGKILL included.
///
/// The `while` is there because a trapped signal ends `wait` early (POSIX, "Signals and Error Handling").
const SUPERVISOR: &str = r#"
trap : TERM
exec 3<&0 </dev/null
"$@" 3<&- & child=$!
{ trap : TERM; read -r _ <&3; kill -TERM 0; sleep 4; kill -KILL 0; } & watcher=$!
wait $child; code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
kill -KILL $watcher
kill -TERM 0
exit $code
"#;

/// Longer than the supervisor waits before it kills.
const STOP_DEADLINE: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(10);

/// A supervised command with an environment that holds `PATH` and nothing else.
#[must_use]
pub fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = supervised(program);
    command.env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// A supervised command with the developer's environment, [cleaned](clean), for what builds or installs.
#[must_use]
pub fn inheriting(program: impl AsRef<OsStr>) -> Command {
    let mut command = supervised(program);
    clean(&mut command);
    command
}

/// Takes out of a command's environment what would point it at the developer's own AWS account or would differ between
/// `cargo run` and `cargo test`.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let aws = text.starts_with("AWS_") && !text.starts_with("AWS_LC_");
        if aws || ["SAM_", "CARGO_PKG_", "CARGO_MANIFEST_", "PYTHON", "VIRTUAL_ENV"].iter().any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
}

/// Takes out besides what would build otherwise than the checkout says.
pub fn clean_for_build(command: &mut Command) {
    clean(command);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PROFILE_") || ["CARGO_TARGET_DIR", "RUSTC_WRAPPER", "RUSTFLAGS"].contains(&&*text) {
            command.env_remove(&name);
        }
    }
}

fn supervised(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", SUPERVISOR, "sh"]).arg(program).process_group(0);
    command
}

/// A running program. It ends, with all it started, when this is dropped or when our process ends.
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
    lifeline: Option<ChildStdin>,
}

impl Process {
    /// Starts `command`, which [`bare`] or [`inheriting`] made; `name` is how errors call it. What it prints goes to
    /// `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output =
            File::options().create(true).append(true).open(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let lifeline = child.stdin.take();
        Ok(Self { name: name.to_owned(), log: log.to_owned(), child, lifeline })
    }

    /// Whether the program still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.exit(), Ok(None))
    }

    fn exit(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until `ready` answers true; an error if the program ends before, or takes longer than `deadline`.
    pub async fn until(&mut self, deadline: Duration, mut ready: impl AsyncFnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !ready().await {
            if let Some(status) = self.exit()? {
                return Err(self.failure(&format!("ended ({status}) before it was ready")));
            }
            if start.elapsed() > deadline {
                return Err(self.failure(&format!("was not ready after {} s", deadline.as_secs())));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until the program has ended by itself, which must be with success.
    pub async fn finish(mut self) -> Result<()> {
        loop {
            match self.exit()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(self.failure(&format!("failed ({status})"))),
                None => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Ends the program and all it started, and waits until they are gone.
    pub async fn stop(&mut self) {
        self.lifeline = None;
        let start = Instant::now();
        while self.is_alive() && start.elapsed() < STOP_DEADLINE {
            tokio::time::sleep(POLL).await;
        }
    }

    /// An error that names the program and ends with the last lines of its log.
    fn failure(&self, what: &str) -> anyhow::Error {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(25)..].join("\n");
        anyhow!("{} {what}; the end of {}:\n{last}", self.name, self.log.display())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.lifeline = None;
        let start = Instant::now();
        while self.is_alive() && start.elapsed() < STOP_DEADLINE {
            std::thread::sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        let log = std::env::temp_dir().join(format!("idbellen-process-{name}-{}.log", std::process::id()));
        let _ = std::fs::remove_file(&log);
        log
    }

    fn lives(process: &str) -> bool {
        Command::new("kill").args(["-0", process]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    #[tokio::test]
    async fn what_a_program_started_ends_with_it() -> Result<()> {
        let log = log("stop");
        let mut command = bare("sh");
        let mut process = Process::start("a shell", command.args(["-c", "sleep 1000 & echo $!; wait"]), &log)?;
        let mut child = String::new();
        process
            .until(Duration::from_secs(5), async || {
                child = std::fs::read_to_string(&log).unwrap_or_default();
                child.ends_with('\n')
            })
            .await?;
        assert!(process.is_alive() && lives(child.trim()));
        process.stop().await;
        assert!(!process.is_alive());
        // It was told to end; the system may take a moment to forget it.
        let start = Instant::now();
        while lives(child.trim()) {
            assert!(start.elapsed() < Duration::from_secs(5), "the child was left behind");
            tokio::time::sleep(POLL).await;
        }
        Ok(std::fs::remove_file(log)?)
    }

    #[tokio::test]
    async fn a_program_that_fails_is_named_with_its_last_words() -> Result<()> {
        let log = log("fail");
        let mut command = bare("sh");
        let process = Process::start("the oven", command.args(["-c", "echo too hot; exit 3"]), &log)?;
        let error = process.finish().await.map_or_else(|error| error.to_string(), |()| String::new());
        assert!(error.contains("the oven failed (exit status: 3)") && error.ends_with("too hot"), "{error}");
        Ok(std::fs::remove_file(log)?)
    }
}
