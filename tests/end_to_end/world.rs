//! What every test shares.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use libtest_mimic::{Failed, Trial};
use local::call::{Answer, Caller};
use local::emulator::Credentials;
use local::operate::{Operator, always_open, example_purpose};
use local::tap::{Fault, Injected};
use local::{Invocation, Item, Options, Stack, Unsigned};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::RwLock;

/// The running stack, with parameters in place.
pub struct World {
    pub stack: Stack,
    /// Amazon Connect, as far as there is one: it does what it is asked.
    _connect: Injected,
    /// Held by a test that spoils the stack or counts all calls, so that it is alone.
    alone: RwLock<()>,
    contacts: AtomicU32,
    /// The secrets that no answer of the API shows: those that a test planted, or got as Amazon Connect does.
    secrets: Mutex<Vec<String>>,
    /// When the stack was about to start.
    pub started_at: SystemTime,
}

/// The instance of Amazon Connect that the stack is given.
pub const CONNECT_INSTANCE: &str = "00000000-0000-0000-0000-000000000000";

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

/// The number that an attribute of an item is.
pub async fn number_of(world: &World, table: &str, id: &str, attribute: &str) -> Result<i64> {
    let item = world.item(table, id).await?.context("the item is gone")?;
    let number = item.get(attribute).and_then(|value| value.as_n().ok()?.parse().ok());
    number.with_context(|| format!("{attribute} is no number"))
}

/// Asks AWS, unseen by the taps, by an operation that is named in the header: the status and what it answers.
pub async fn ask_as(who: &Credentials, world: &World, service: &str, target: &str, body: &str) -> Result<(u16, String)> {
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
    let request = Unsigned { method: "POST", path: "/", headers: &headers, body: body.as_bytes() };
    let answer = world.stack.signed_for_aws(who, service, &request)?.send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// The same as the root user, who must succeed.
pub async fn ask(world: &World, service: &str, target: &str, body: &str) -> Result<Value> {
    let (status, answer) = ask_as(world.stack.root(), world, service, target, body).await?;
    ensure!(status == 200, "{target}: {answer}");
    serde_json::from_str(&answer).with_context(|| format!("{target}: no JSON"))
}

/// Asks AWS, as the root user and unseen by the taps, by a form: the XML that it answers.
pub async fn ask_query(world: &World, service: &str, body: &str) -> Result<String> {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let request = Unsigned { method: "POST", path: "/", headers: &headers, body: body.as_bytes() };
    let answer = world.stack.signed_for_aws(world.stack.root(), service, &request)?.send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{service}: {text}");
    Ok(text)
}

/// What CloudTrail recorded, newest first. The emulator records all that was sent to KMS; AWS leaves out what is encrypted
/// and what a mac is made of (AWS Key Management Service developer guide, "Examples of AWS KMS log entries").
pub async fn cloud_trail(world: &World) -> Result<Vec<Value>> {
    let mut events = Vec::new();
    for event in world.stack.recorded().await? {
        let mut event: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().context("no event")?)?;
        let of_kms = event["eventSource"] == "kms.amazonaws.com";
        if let Some(sent) = event["requestParameters"].as_object_mut().filter(|_| of_kms) {
            sent.remove("Message");
            sent.remove("Plaintext");
        }
        events.push(event);
    }
    Ok(events)
}

/// Asks again while the answer is 503: on a machine that is busy a call may take longer than is waited, and whoever asks
/// would ask again.
pub async fn patiently<F: Future<Output = Result<Answer>>>(ask: impl Fn() -> F) -> Result<Answer> {
    for _ in 0..10 {
        let answer = ask().await?;
        if answer.status != 503 {
            return Ok(answer);
        }
    }
    bail!("it stays out of reach")
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
        let (started_at, began) = (SystemTime::now(), Instant::now());
        let progress = |line: &str| eprintln!("[{:>4} s] {line} …", began.elapsed().as_secs());
        let environment = crate::canary::SWITCHES.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let instance = format!("arn:aws:connect:{}:000000000000:instance/{CONNECT_INSTANCE}", local::REGION);
        let parameters = vec![("ConnectInstanceArn".to_owned(), instance)];
        let stack = Stack::up(&Options { environment, parameters, ..Options::default() }, &progress).await?;
        let connect = stack.to_aws.inject(|call| (call.service == "connect").then(|| Fault::answer(200, "{}")));
        let operator = Operator::of(&stack, &progress).await?;
        operator.fill_parameters().await?;
        let mut off = always_open(example_purpose(&stack, BSN_AND_NAME)?);
        off["open"] = json!(false);
        operator.put_purpose(SWITCHED_OFF, &off).await?;
        let mut closed = example_purpose(&stack, BSN_AND_NAME)?;
        closed["openingHours"] = json!({"weekly": {}});
        operator.put_purpose(OUT_OF_HOURS, &closed).await?;
        eprintln!("[{:>4} s] The stack is up: {}.", began.elapsed().as_secs(), stack.took());
        Ok(Self {
            stack,
            _connect: connect,
            alone: RwLock::new(()),
            contacts: AtomicU32::new(0),
            secrets: Mutex::default(),
            started_at,
        })
    }

    /// The id of the key that codes are made with, which a swap changes.
    pub async fn code_key(&self) -> Result<String> {
        let key = json!({"KeyId": "alias/idbellen-local-code-current"}).to_string();
        let described = ask(self, "kms", "TrentService.DescribeKey", &key).await?;
        Ok(described["KeyMetadata"]["KeyId"].as_str().context("a key without an id")?.to_owned())
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

    /// Has dtmf-exchange invoked as Amazon Connect does.
    pub async fn exchange_by_connect(&self, contact: &str, parameters: Value) -> Result<Value> {
        let outcome = self.stack.connect("DtmfExchange", contact, parameters).await?;
        if let Some(secret) = outcome["secret"].as_str() {
            self.keep_secret(secret);
        }
        Ok(outcome)
    }

    /// Keeps a secret, to be searched for when all tests have run.
    pub fn keep_secret(&self, secret: &str) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(secret.to_owned());
    }

    /// The secrets that were kept.
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

/// All tests.
pub fn every_test() -> impl Iterator<Item = &'static Named> {
    let modules = [
        crate::whole_calls::TESTS,
        crate::sessions::TESTS,
        crate::results::TESTS,
        crate::unasked::TESTS,
        crate::exchange::TESTS,
        crate::contacts::TESTS,
        crate::overwriting::TESTS,
        crate::access::TESTS,
        crate::accountability::TESTS,
        crate::bodies::TESTS,
        crate::rights::TESTS,
        crate::sweeping::TESTS,
        crate::code_key::TESTS,
        crate::verify::TESTS,
        crate::telephony_client::TESTS,
        crate::wire::TESTS,
        crate::openapi::TESTS,
        crate::logs::TESTS,
        crate::promises::TESTS,
        crate::cases::TESTS,
    ];
    modules.into_iter().flatten()
}

/// All tests as the harness wants them; without a world they can be listed and not run.
pub fn trials(running: Option<(&Arc<World>, &Handle)>) -> Vec<Trial> {
    let trial = |named: &'static Named| {
        let running = running.map(|(world, handle)| (Arc::clone(world), handle.clone()));
        let name = named.name.trim_start_matches("end_to_end::");
        Trial::test(name, move || run(named, running).map_err(|error| Failed::from(format!("{error:?}"))))
    };
    let mut tests: Vec<&Named> = every_test().collect();
    // One that waits to be alone keeps those that come after it waiting too.
    tests.sort_by_key(|named| named.alone);
    tests.into_iter().map(trial).collect()
}

/// What is tried when all others have run, one after the other.
pub fn last_trials(world: &Arc<World>, handle: &Handle) -> Vec<Trial> {
    let failed = |error: anyhow::Error| Failed::from(format!("{error:?}"));
    let on = |test: Test| {
        let (world, handle) = (Arc::clone(world), handle.clone());
        move || handle.block_on(test(&world)).map_err(failed)
    };
    vec![
        Trial::test("canary::the_search_finds_what_is_there", move || crate::canary::can_find().map_err(failed)),
        Trial::test("canary::with_the_keys_gone_a_copy_opens_nothing", on(|world| Box::pin(crate::canary::lose_the_keys(world)))),
        // In what was written meanwhile too.
        Trial::test("canary::nothing_that_was_disclosed_is_anywhere", on(|world| Box::pin(crate::canary::search(world)))),
    ]
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
