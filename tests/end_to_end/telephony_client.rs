//! The sample client for a telephone exchange, `infra/telephony-client/idbellen.py`, as such an exchange runs it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use local::call::Caller;
use local::tap::{Call, Fault};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::world::{BSN_AND_NAME, World};
use crate::{planted, tests};

tests! {
    beside_others: [
        it_exchanges_a_code_for_the_secret,
        it_tells_a_code_that_is_not_known,
        it_clears_an_abandoned_call,
        it_names_what_is_wrong_and_nothing_secret,
    ],
    alone: [
        it_asks_again_while_the_api_throttles_or_fails,
        it_gives_up_in_time,
    ]
}

/// What the client did.
struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

/// Runs it with `stdin`, in telephony's role. It reaches the API by its own name, through a proxy: the tap.
async fn run(world: &World, arguments: &[&str], stdin: &str) -> Result<Ran> {
    let stack = &world.stack;
    let Caller::Telephony(role) = stack.telephony().await? else { bail!("telephony signs") };
    let port = stack.aws_url().rsplit(':').next().context("no port")?.to_owned();
    let mut client = Command::new(stack.tools().python_bin().join("python"))
        .arg(stack.tools().checkout().join("infra/telephony-client/idbellen.py"))
        .args(arguments)
        .env_clear()
        .env("IDBELLEN_API", format!("http://{}.execute-api.localhost:{port}", stack.deployment.api_id))
        .env("HTTP_PROXY", stack.url())
        .env("AWS_ACCESS_KEY_ID", &role.key_id)
        .env("AWS_SECRET_ACCESS_KEY", &role.secret)
        .env("AWS_SESSION_TOKEN", role.session_token.unwrap_or_default())
        .env("AWS_DEFAULT_REGION", local::REGION)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut pipe = client.stdin.take().context("no standard input")?;
    pipe.write_all(stdin.as_bytes()).await?;
    drop(pipe);
    let output = client.wait_with_output().await?;
    let text = |bytes| String::from_utf8(bytes).context("no text");
    Ok(Ran { status: output.status.code(), out: text(output.stdout)?, err: text(output.stderr)? })
}

async fn it_exchanges_a_code_for_the_secret(world: &World) -> Result<()> {
    let (code, contact) = (world.start(BSN_AND_NAME).await?.code, world.contact());
    let first = run(world, &["exchange", &contact], &format!("{code}\n")).await?;
    assert_eq!((first.status, first.err.as_str()), (Some(0), ""));
    assert!(*first.out.trim_end() == *world.stack.secret(&code, &contact).await?, "another secret");
    let again = run(world, &["exchange", &contact], &code).await?;
    assert!(again.status == Some(0) && again.out == first.out, "another secret for the same contact");
    let other = run(world, &["exchange", &world.contact()], &code).await?;
    assert_eq!((other.status, other.out.as_str(), other.err.as_str()), (Some(1), "", ""));
    Ok(())
}

async fn it_tells_a_code_that_is_not_known(world: &World) -> Result<()> {
    for keyed in ["0000000000", "123", "Timeout", ""] {
        let ran = run(world, &["exchange", &world.contact()], keyed).await?;
        assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(1), "", ""), "{keyed}");
    }
    Ok(())
}

async fn it_clears_an_abandoned_call(world: &World) -> Result<()> {
    let planted = planted::fresh(world).await?;
    let ran = run(world, &["clear"], &planted.secret).await?;
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    assert!(!world.has("Records", &planted.record).await?);
    Ok(())
}

async fn it_names_what_is_wrong_and_nothing_secret(world: &World) -> Result<()> {
    let secret = planted::fresh(world).await?.secret;
    for arguments in [&["exchange"][..], &["clear", "x"], &[]] {
        let ran = run(world, arguments, &secret).await?;
        assert!(ran.status == Some(3) && ran.err.contains("use it as") && !ran.err.contains(&secret), "{}", ran.err);
    }
    let ran = run(world, &["clear"], "no secret").await?;
    assert!(ran.status == Some(3) && ran.err.contains("status 400") && ran.out.is_empty(), "{}", ran.err);
    assert!(!ran.err.contains("no secret"), "{}", ran.err);
    Ok(())
}

async fn it_asks_again_while_the_api_throttles_or_fails(world: &World) -> Result<()> {
    for fault in
        [Fault::answer(429, r#"{"message":"Too Many Requests"}"#), Fault::answer(503, "{}"), Fault::HangUp, Fault::lost(502)]
    {
        let (code, contact) = (world.start(BSN_AND_NAME).await?.code, world.contact());
        let mark = world.stack.to_api.mark();
        let (asked, tap) = (contact.clone(), std::sync::atomic::AtomicBool::new(false));
        let failing = world.stack.to_api.inject(move |call: &Call| {
            let first = call.says(&asked) && !tap.swap(true, std::sync::atomic::Ordering::Relaxed);
            first.then(|| fault.clone())
        });
        let ran = run(world, &["exchange", &contact], &code).await?;
        drop(failing);
        assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""));
        assert!(*ran.out.trim_end() == *world.stack.secret(&code, &contact).await?, "another secret");
        let calls = world.stack.to_api.calls_since(mark);
        // The third is ours.
        assert_eq!(calls.iter().filter(|call| call.says(&contact)).count(), 3);
    }
    Ok(())
}

async fn it_gives_up_in_time(world: &World) -> Result<()> {
    let contact = world.contact();
    let failing = world.stack.to_api.inject(|call: &Call| call.says("dtmf").then(|| Fault::answer(503, "{}")));
    let mark = world.stack.to_api.mark();
    // It promises 8 seconds, and Python has to start.
    let arguments = ["exchange", &contact];
    let ran = tokio::time::timeout(Duration::from_secs(20), run(world, &arguments, "0123456789"));
    let ran = ran.await.context("it does not give up")??;
    drop(failing);
    let asked = world.stack.to_api.calls_since(mark).iter().filter(|call| call.says(&contact)).count();
    ensure!(asked > 1, "it gives up at once");
    assert!(ran.status == Some(2) && ran.err.contains("no answer in time: status 503") && ran.out.is_empty(), "{}", ran.err);
    Ok(())
}
