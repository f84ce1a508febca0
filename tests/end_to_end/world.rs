//! What every test shares.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use libtest_mimic::{Failed, Trial};
use local::call::{Answer, Caller};
use local::operate::{Operator, always_open, example_purpose};
use local::{Invocation, Item, Options, Stack};
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

/// A session that was started, with what its page never learns.
pub struct Started {
    /// What the wallet needs.
    pub pointer: Value,
    /// The ten digits.
    pub code: String,
    /// The record's id.
    pub id: String,
    /// The IRMA session's token.
    pub token: String,
    /// The key of the code's item.
    pub code_id: String,
}

/// A number as it lies in a table.
pub fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
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

    /// Starts a session as a citizen's page does, and tells what the page never learns.
    pub async fn start(&self, purpose: &str) -> Result<Started> {
        let (mark, aws) = (self.stack.to_irma.mark(), self.stack.to_aws.mark());
        let session = self.stack.start_session(purpose).await?;
        let calls = self.stack.to_irma.calls_since(mark);
        let answers = calls.iter().filter(|call| call.operation == "POST /session").map(|call| {
            let answer: Value = serde_json::from_slice(&call.answer).unwrap_or_default();
            (call, answer)
        });
        let ours = answers.into_iter().find(|(_, answer)| answer["sessionPtr"] == session.pointer);
        let (call, answer) = ours.context("the IRMA server was asked for no such session")?;
        let asked: Value = serde_json::from_slice(&call.body)?;
        let dialled = asked["request"]["clientReturnUrl"].as_str().and_then(|url| url.rsplit(',').next());
        let id = asked["callbackUrl"].as_str().and_then(|url| url.rsplit('/').next()).context("there is no callback")?;
        let writes = self.stack.to_aws.calls_since(aws);
        let write = writes.iter().find(|call| call.operation == "TransactWriteItems" && call.says(id));
        let written: Value = serde_json::from_slice(&write.context("the session was not written")?.body)?;
        let code_id = written["TransactItems"][1]["Put"]["Item"]["id"]["S"].as_str().context("there is no code")?;
        Ok(Started {
            pointer: session.pointer,
            code: dialled.context("there is nothing to dial")?.to_owned(),
            id: id.to_owned(),
            token: answer["token"].as_str().context("there is no token")?.to_owned(),
            code_id: code_id.to_owned(),
        })
    }

    /// Calls back as the IRMA server does, for the record `id`.
    pub async fn call_back(&self, id: &str) -> Result<Answer> {
        self.stack.post(&Caller::Anyone, &format!("/irma/result/{id}"), &json!({})).await
    }

    /// The operator, at work on the stack.
    pub async fn operator(&self) -> Result<Operator<'_>> {
        Operator::of(&self.stack, &|_| {}).await
    }

    /// Runs a function that is on a schedule, outside it.
    pub async fn run(&self, function: &str) -> Result<Invocation> {
        self.stack.invoke(self.stack.root(), function, &json!({})).await
    }

    /// Runs a function that is on a schedule, which must succeed.
    pub async fn run_well(&self, function: &str) -> Result<()> {
        let run = self.run(function).await?;
        ensure!(run.status == 200 && !run.failed, "{function} failed: {}", run.payload);
        Ok(())
    }

    /// The item of a table by its key, if there is one.
    pub async fn item(&self, table: &str, id: &str) -> Result<Option<Item>> {
        let key = AttributeValue::S(id.to_owned());
        let name = self.stack.table(table)?;
        Ok(self.stack.dynamodb().get_item().table_name(name).key("id", key).consistent_read(true).send().await?.item)
    }

    /// Whether a table has an item with this key.
    pub async fn has(&self, table: &str, id: &str) -> Result<bool> {
        Ok(self.item(table, id).await?.is_some())
    }

    /// Sets an attribute of an item, behind the functions' backs.
    pub async fn set(&self, table: &str, id: &str, attribute: &str, value: AttributeValue) -> Result<()> {
        let update = self.stack.dynamodb().update_item().table_name(self.stack.table(table)?);
        let update = update.key("id", AttributeValue::S(id.to_owned())).condition_expression("attribute_exists(id)");
        let update = update.update_expression("SET #attribute = :value").expression_attribute_names("#attribute", attribute);
        update.expression_attribute_values(":value", value).send().await.map(|_| ()).context("the item can't be changed")
    }

    /// The id of a contact that no other test has.
    pub fn contact(&self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.contacts.fetch_add(1, Ordering::Relaxed))
    }
}

/// A test.
pub type Test = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

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
        crate::bodies::TESTS,
        crate::rights::TESTS,
        crate::sweeping::TESTS,
        crate::wire::TESTS,
        crate::openapi::TESTS,
    ];
    let trial = |named: &'static Named| {
        let running = running.map(|(world, handle)| (Arc::clone(world), handle.clone()));
        let name = named.name.trim_start_matches("end_to_end::");
        Trial::test(name, move || run(named, running).map_err(|error| Failed::from(format!("{error:?}"))))
    };
    let mut tests: Vec<&Named> = modules.into_iter().flatten().collect();
    // One that waits to be alone keeps those that come after it waiting too.
    tests.sort_by_key(|named| named.alone);
    tests.into_iter().map(trial).collect()
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
