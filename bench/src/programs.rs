//! What is measured: the functions, the floor, and the same exchange and look-up in Node and in Python.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::audit::Pseudonym;
use shared::clock::now;
use shared::codes::Codes;
use shared::contact::Holder;
use shared::record_key::Version;
use tokio::process::Command;

use crate::others::Others;
use crate::runtime::Function;
use crate::world::{AGENT, DISCLOSED, PURPOSE, Planted, World, request};

/// What a program does when it gets an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Says hello.
    Nothing,
    /// Makes these calls with a bare client.
    Bare(Like),
    /// Exchanges a code.
    Exchange,
    /// Looks up a caller for the first time.
    LookUp,
    /// Clears a contact.
    Clear,
    /// Shows a purpose.
    Show,
    /// Starts a session.
    Start,
    /// Hears that a session ended that is still awaited.
    Callback,
    /// Reconciles while nothing is pending.
    Reconcile,
    /// Sweeps while nothing has expired.
    Expire,
}

/// Whose calls the bare client makes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Like {
    /// dtmf-exchange's: `GenerateMac` and `UpdateItem`.
    Exchange,
    /// agent-lookup's: `GetItem` and `UpdateItem`.
    LookUp,
    /// clear-contact's: `GetItem` and `DeleteItem`.
    Clear,
}

/// A program.
#[derive(Clone)]
pub struct Program {
    /// How tables call it.
    pub name: String,
    /// What it does.
    pub work: Work,
    /// What runs it.
    pub kind: Kind,
}

/// How a program is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A program of Rust.
    Rust(&'static str),
    /// The function of this name as it was built elsewhere.
    Beside(&'static str),
    /// A script for Node.
    Node(&'static str),
    /// A script for Python.
    Python(&'static str),
}

impl Program {
    fn new(name: &str, work: Work, kind: Kind) -> Self {
        Self { name: name.to_owned(), work, kind }
    }

    /// These functions, and what they are measured against: the same built elsewhere, if they were; else those in Node and Python.
    pub fn all_beside(functions: &BTreeSet<&str>, elsewhere: bool) -> Vec<Self> {
        let (ours, others): (Vec<_>, Vec<_>) = Self::all().into_iter().partition(Self::is_ours);
        let ours = ours.into_iter().filter(|program| matches!(program.kind, Kind::Rust(binary) if functions.contains(binary)));
        let mut programs: Vec<_> = ours.collect();
        if elsewhere {
            let floor = others.into_iter().filter(|program| matches!(program.kind, Kind::Rust(_)));
            let pairs = programs.into_iter().flat_map(|program| [program.elsewhere(), Some(program)]).flatten();
            return floor.chain(pairs).collect();
        }
        let works: Vec<Work> = programs.iter().map(|program| program.work).collect();
        let beside = |program: &Self| !matches!(program.kind, Kind::Node(_) | Kind::Python(_)) || works.contains(&program.work);
        programs.splice(0..0, others.into_iter().filter(beside));
        programs
    }

    /// All of them.
    fn all() -> Vec<Self> {
        use Kind::{Node, Python, Rust};
        vec![
            Self::new("floor: hello", Work::Nothing, Rust("hello")),
            Self::new("floor: bare client, look-up's call", Work::Bare(Like::LookUp), Rust("bare")),
            Self::new("floor: bare client, clear's call", Work::Bare(Like::Clear), Rust("bare")),
            Self::new("floor: bare client, exchange's calls", Work::Bare(Like::Exchange), Rust("bare")),
            Self::new("agent-lookup", Work::LookUp, Rust("agent-lookup")),
            Self::new("agent-lookup in Node", Work::LookUp, Node("lookup")),
            Self::new("agent-lookup in Python", Work::LookUp, Python("lookup")),
            Self::new("clear-contact", Work::Clear, Rust("clear-contact")),
            Self::new("dtmf-exchange", Work::Exchange, Rust("dtmf-exchange")),
            Self::new("dtmf-exchange in Node", Work::Exchange, Node("exchange")),
            Self::new("dtmf-exchange in Python", Work::Exchange, Python("exchange")),
            Self::new("session-start", Work::Start, Rust("session-start")),
            Self::new("session-start, showing a purpose", Work::Show, Rust("session-start")),
            Self::new("session-ingest", Work::Callback, Rust("session-ingest")),
            Self::new("session-reconcile", Work::Reconcile, Rust("session-reconcile")),
            Self::new("expire-records", Work::Expire, Rust("expire-records")),
        ]
    }

    /// The same function as it was built elsewhere.
    fn elsewhere(&self) -> Option<Self> {
        let Kind::Rust(binary) = self.kind else { return None };
        Some(Self::new(&format!("{}, as it was built elsewhere", self.name), self.work, Kind::Beside(binary)))
    }

    /// Whether it is one of the functions that are deployed.
    pub fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Rust(binary) if !matches!(binary, "hello" | "bare"))
    }

    /// Whether its start says something that no other's does.
    pub fn starts_anew(&self) -> bool {
        !matches!(self.work, Work::Show | Work::Bare(Like::Clear | Like::Exchange))
    }

    /// The command that runs it.
    pub fn command(&self, world: &World, others: Option<&Others>) -> Result<Command> {
        Ok(match self.kind {
            Kind::Rust(binary) => world.command(world.program(binary), binary),
            Kind::Beside(binary) => world.command(world.program_elsewhere(binary), binary),
            Kind::Node(script) => others.context("Node is not installed")?.node(world, script),
            Kind::Python(script) => others.context("Python is not installed")?.python(world, script),
        })
    }

    /// Starts it.
    pub async fn start(&self, world: &World, others: Option<&Others>) -> Result<Function> {
        Function::start(self.command(world, others)?, world.log()).await.with_context(|| self.name.clone())
    }

    /// An event for it, with all that must be there when it comes.
    pub async fn event(&self, world: &World) -> Result<String> {
        let nothing = json!({});
        Ok(match self.work {
            Work::Nothing => "{}".to_owned(),
            Work::Exchange => request("POST", "/dtmf/exchange", &nothing, &world.plant().await?.exchange()),
            Work::LookUp => {
                // Those in Node and Python know no X-Wing.
                let other = matches!(self.kind, Kind::Node(_) | Kind::Python(_));
                let planted = world.plant_of(if other { Version::One } else { Version::Two }).await?;
                request("POST", "/contacts/lookup", &nothing, &planted.agents())
            }
            Work::Clear => request("POST", "/contacts/clear", &nothing, &world.plant_looked_up().await?.agents()),
            Work::Show => request("GET", "/purposes/{name}", &json!({"name": PURPOSE}), &Value::Null),
            Work::Start => request("POST", "/sessions", &nothing, &json!({"purpose": PURPOSE})),
            Work::Callback => {
                let id = world.plant_pending().await?;
                request("POST", "/irma/result/{proxy+}", &json!({"proxy": format!("{id}/")}), &Value::Null)
            }
            Work::Reconcile | Work::Expire => {
                world.empty().await?;
                SCHEDULED.to_owned()
            }
            Work::Bare(like) => bare(world, like).await?,
        })
    }

    /// Checks that it did what it must.
    pub fn check(&self, answer: &[u8]) -> Result<()> {
        let answer = String::from_utf8_lossy(answer);
        let good = match self.work {
            Work::Nothing => answer.contains("hello"),
            Work::LookUp => answer.contains(DISCLOSED),
            Work::Exchange => answer.contains("secret\\\":") && answer.contains("200"),
            Work::Clear | Work::Callback => answer.contains("204"),
            Work::Show => answer.contains("200"),
            Work::Start => answer.contains("sessionPtr"),
            Work::Bare(_) => answer.starts_with('{'),
            Work::Reconcile | Work::Expire => true,
        };
        ensure!(good, "{} answered: {answer}", self.name);
        Ok(())
    }
}

/// What a schedule sends; its content is not read.
pub const SCHEDULED: &str = r#"{"version": "0"}"#;

/// The calls of a function, as it makes them for a caller who was just planted.
async fn bare(world: &World, like: Like) -> Result<String> {
    let bytes = |bytes: &[u8]| json!({"B": base64(bytes)});
    let planted = if like == Like::Clear { world.plant_looked_up().await? } else { world.plant().await? };
    let Planted { lock, contact, secret, .. } = &planted;
    let holder = bytes(secret.holder(&Holder::Contact(contact)).as_bytes());
    let (now, id) = (now(), json!({"id": {"S": planted.id().as_str()}}));
    let number = |number: i64| json!({"N": number.to_string()});
    let mark = json!({
        "TableName": world.records_table, "Key": {"id": {"S": format!("agent/{}/{}", Pseudonym::of(AGENT), planted.id())}},
        "ProjectionExpression": "id",
    });
    let mark = ("dynamodb", "GetItem", mark);
    Ok(match like {
        Like::Clear => world.bare_event(&[
            mark,
            (
                "dynamodb",
                "DeleteItem",
                json!({
                    "TableName": world.records_table, "Key": id,
                    "ConditionExpression": "holder = :holder", "ExpressionAttributeValues": {":holder": holder},
                }),
            ),
        ]),
        Like::LookUp => world.bare_event(&[
            mark,
            (
                "dynamodb",
                "UpdateItem",
                json!({
                    "TableName": world.records_table, "Key": id, "ReturnValues": "ALL_NEW",
                    "UpdateExpression":
                        "SET looked_up_at = if_not_exists(looked_up_at, :now), holder = :holder ADD holders :holders",
                    "ConditionExpression": "expires_at > :usable AND (attribute_not_exists(holders) OR \
                        (NOT contains(holders, :holder) AND size(holders) < :most))",
                    "ExpressionAttributeValues": {
                        ":now": number(now), ":usable": number(now + 240), ":holder": holder,
                        ":holders": {"BS": [holder["B"]]}, ":most": number(20),
                    },
                }),
            ),
        ]),
        Like::Exchange => world.bare_event(&[
            (
                "kms",
                "GenerateMac",
                json!({
                    "KeyId": world.code_key_alias()?, "MacAlgorithm": "HMAC_SHA_256",
                    "Message": base64(format!("idbellen/v1/code{}", planted.digits).as_bytes()),
                }),
            ),
            (
                "dynamodb",
                "UpdateItem",
                json!({
                    "TableName": world.codes_table, "Key": {"id": {"S": lock.id().as_str()}}, "ReturnValues": "ALL_NEW",
                    "UpdateExpression": "SET contact = :contact, used_until = if_not_exists(used_until, :until), \
                        expires_at = if_not_exists(used_until, :until)",
                    "ConditionExpression": "(attribute_not_exists(contact) AND expires_at > :until) OR \
                        (contact = :contact AND expires_at > :now)",
                    "ExpressionAttributeValues": {
                        ":contact": bytes(lock.contact_tag(contact).as_bytes()),
                        ":now": number(now), ":until": number(now + Codes::REPEAT),
                    },
                }),
            ),
        ]),
    })
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
