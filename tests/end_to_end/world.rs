//! What every test shares.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use libtest_mimic::{Failed, Trial};
use local::call::Session;
use local::operate::{Operator, always_open, example_purpose};
use local::{Options, Stack};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::RwLock;

/// The running stack, with parameters in place.
pub struct World {
    pub stack: Stack,
    /// Held by a test that spoils the stack or counts all calls, so that it is alone.
    alone: RwLock<()>,
    contacts: AtomicU32,
}

/// A purpose that is switched off.
pub const SWITCHED_OFF: &str = "switched-off";
/// A purpose whose number is never answered.
pub const OUT_OF_HOURS: &str = "out-of-hours";
/// Asks for BSN and name.
pub const BSN_AND_NAME: &str = "burgerzaken";
/// Asks for the name and, if the citizen wants, the BSN.
pub const NAME_AND_PERHAPS_BSN: &str = "afspraak";

impl World {
    pub async fn up() -> Result<Self> {
        let progress = |line: &str| eprintln!("{line} …");
        let stack = Stack::up(&Options::default(), &progress).await?;
        let operator = Operator::of(&stack, &progress).await?;
        operator.fill_parameters().await?;
        let mut off = always_open(example_purpose(&stack, BSN_AND_NAME)?);
        off["open"] = json!(false);
        operator.put_purpose(SWITCHED_OFF, &off).await?;
        let mut closed = example_purpose(&stack, BSN_AND_NAME)?;
        closed["openingHours"] = json!({"weekly": {}});
        operator.put_purpose(OUT_OF_HOURS, &closed).await?;
        Ok(Self { stack, alone: RwLock::new(()), contacts: AtomicU32::new(0) })
    }

    /// Starts a session and tells its code, which the page never gets: from what session-start asked of KMS. Only for a
    /// test that is alone.
    pub async fn start_session_and_see_code(&self, purpose: &str) -> Result<(Session, String)> {
        let mark = self.stack.tap.mark();
        let session = self.stack.start_session(purpose).await?;
        let calls = self.stack.tap.calls_since(mark);
        let call = calls.iter().find(|call| call.caller == "SessionStart" && call.operation == "GenerateMac");
        let body: Value = serde_json::from_slice(&call.context("session-start asked KMS for no mac")?.body)?;
        let message = STANDARD.decode(body["Message"].as_str().context("no message")?)?;
        let code = message.get(message.len().saturating_sub(10)..).context("no code in the message")?;
        Ok((session, String::from_utf8(code.to_vec())?))
    }

    /// The id of a contact that no other test has.
    pub fn contact(&self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.contacts.fetch_add(1, Ordering::Relaxed))
    }
}

/// A test.
pub type Test = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A test, its name, and whether it must be alone.
pub struct Named {
    pub name: &'static str,
    pub alone: bool,
    pub test: Test,
}

/// Lists the tests of a module, those that run beside others and those that must be alone, under their own names.
#[macro_export]
macro_rules! tests {
    (beside_others: [$($beside:ident),* $(,)?], alone: [$($alone:ident),* $(,)?]) => {
        pub const TESTS: &[$crate::world::Named] = &[
            $($crate::world::Named { name: concat!(module_path!(), "::", stringify!($beside)), alone: false, test: |world| Box::pin($beside(world)) },)*
            $($crate::world::Named { name: concat!(module_path!(), "::", stringify!($alone)), alone: true, test: |world| Box::pin($alone(world)) },)*
        ];
    };
}

/// All tests as the harness wants them; without a world they can be listed and not run.
pub fn trials(running: Option<(&Arc<World>, &Handle)>) -> Vec<Trial> {
    let modules = [
        crate::whole_calls::TESTS,
        crate::sessions::TESTS,
        crate::results::TESTS,
        crate::exchange::TESTS,
        crate::contacts::TESTS,
        crate::access::TESTS,
        crate::sweeping::TESTS,
        crate::wire::TESTS,
        crate::openapi::TESTS,
    ];
    let trial = |named: &'static Named| {
        let running = running.map(|(world, handle)| (Arc::clone(world), handle.clone()));
        let name = named.name.trim_start_matches("end_to_end::");
        Trial::test(name, move || run(named, running).map_err(|error| Failed::from(format!("{error:?}"))))
    };
    modules.into_iter().flatten().map(trial).collect()
}

fn run(named: &Named, running: Option<(Arc<World>, Handle)>) -> Result<()> {
    let (world, handle) = running.context("there is no stack to run on")?;
    handle.block_on(async {
        if named.alone {
            let _alone = world.alone.write().await;
            (named.test)(&world).await
        } else {
            let _beside_others = world.alone.read().await;
            (named.test)(&world).await
        }
    })
}
