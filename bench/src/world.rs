//! What the functions find when they are measured: the local stack with its template, keys, parameters and IRMA server, and
//! an [endpoint](crate::endpoint) with a database of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{BillingMode, GlobalSecondaryIndex};
use axum::body::Bytes;
use getrandom::SysRng;
use local::operate::Operator;
use local::{Options, Stack, Unsigned};
use serde_json::{Value, json};
use shared::asked::Asked;
use shared::clock::now;
use shared::code::Code;
use shared::code_key::{CodeKey, CodeLock};
use shared::codes::{Codes, NewCode};
use shared::contact::{ContactId, Holder};
use shared::record_id::RecordId;
use shared::record_key::{PublicKey, Version};
use shared::records::{Ending, NewRecord, Records};
use shared::sealed::SealedAttributes;
use shared::secret::Secret;
use shared::start;
use shared::token_key::SealedToken;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::endpoint::Endpoint;

/// The seven functions, by their names in the template.
pub const FUNCTIONS: [(&str, &str); 7] = [
    ("SessionStart", "session-start"),
    ("SessionIngest", "session-ingest"),
    ("SessionReconcile", "session-reconcile"),
    ("DtmfExchange", "dtmf-exchange"),
    ("AgentLookup", "agent-lookup"),
    ("ClearContact", "clear-contact"),
    ("ExpireRecords", "expire-records"),
];

/// The purpose that all sessions have.
pub const PURPOSE: &str = "burgerzaken";
/// The subject of the agent's token.
pub const AGENT: &str = "agent";

/// The role with which telephony signs, in the local stack.
const TELEPHONY_ROLE: &str = "idbellen-local-telephony";

/// Everything that the functions call.
pub struct World {
    /// The local stack.
    pub stack: Stack,
    /// The database, for us.
    pub database: aws_sdk_dynamodb::Client,
    /// The table of records.
    pub records: Records,
    /// Its name.
    pub records_table: String,
    /// The table of codes.
    pub codes: Codes,
    /// Its name.
    pub codes_table: String,
    code_key: CodeKey,
    /// Where functions find AWS.
    pub endpoint: Endpoint,
    log: PathBuf,
    /// What functions invoked, asynchronously.
    pub invoked: Mutex<UnboundedReceiver<Bytes>>,
    /// What the template gives each function, by binary.
    variables: BTreeMap<&'static str, Vec<(String, String)>>,
    programs: PathBuf,
    elsewhere: Option<PathBuf>,
}

/// A caller who disclosed, and whose code was not exchanged yet.
pub struct Planted {
    /// The code's digits.
    pub digits: String,
    /// The code's key in the table of codes, and what seals its secret.
    pub lock: CodeLock,
    /// The secret.
    pub secret: Secret,
    /// The contact that will have the caller.
    pub contact: ContactId,
}

impl World {
    /// Brings all of it up. `programs` holds the functions as [`release::build`](crate::release::build) leaves them, `elsewhere`
    /// as `sam build` does.
    pub async fn up(programs: PathBuf, elsewhere: Option<PathBuf>) -> Result<Self> {
        let progress = |line: &str| crate::say(line);
        let stack = Stack::up(&Options::default(), &progress).await?;
        Operator::of(&stack, &progress).await?.fill_parameters().await?;
        let (endpoint, invoked) = Endpoint::start(stack.aws_url()).await?;
        let database = aws_sdk_dynamodb::Client::from_conf(
            aws_sdk_dynamodb::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(local::REGION))
                .endpoint_url(endpoint.url())
                .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
                .build(),
        );
        let kms = aws_sdk_kms::Client::from_conf(
            aws_sdk_kms::Config::builder()
                .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
                .region(aws_sdk_kms::config::Region::new(local::REGION))
                .endpoint_url(stack.aws_url())
                .credentials_provider(aws_sdk_kms::config::Credentials::new(
                    &stack.root().key_id,
                    &stack.root().secret,
                    None,
                    None,
                    "root",
                ))
                .build(),
        );
        let (records_table, codes_table) = (stack.table("Records")?, stack.table("Codes")?);
        let mut variables = BTreeMap::new();
        for (function, binary) in FUNCTIONS {
            variables.insert(binary, template_variables(&stack, function).await?);
        }
        let alias = code_key_alias(&variables)?.to_owned();
        let world = Self {
            log: stack.folder().join("bench.log"),
            records: Records::new(database.clone(), records_table.clone()),
            codes: Codes::new(database.clone(), codes_table.clone()),
            stack,
            database,
            records_table,
            codes_table,
            code_key: CodeKey::new(kms, alias),
            endpoint,
            invoked: Mutex::new(invoked),
            variables,
            programs,
            elsewhere,
        };
        world.make_tables().await?;
        Ok(world)
    }

    /// Makes both tables, as the template defines them.
    async fn make_tables(&self) -> Result<()> {
        for table in [&self.records_table, &self.codes_table] {
            copy_definition(&self.stack.dynamodb(), &self.database, table).await?;
        }
        Ok(())
    }

    /// Takes everything out of both tables.
    pub async fn empty(&self) -> Result<()> {
        for table in [&self.records_table, &self.codes_table] {
            self.database.delete_table().table_name(table).send().await?;
        }
        self.make_tables().await
    }

    /// The command that runs `program`, with the environment that Lambda and the template give the function `binary`.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, binary: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.variables.get(binary).into_iter().flatten().cloned());
        let root = self.stack.root();
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_REGION", local::REGION)
            .env("AWS_DEFAULT_REGION", local::REGION)
            .env("AWS_ENDPOINT_URL", self.endpoint.url())
            .env("AWS_ACCESS_KEY_ID", &root.key_id)
            .env("AWS_SECRET_ACCESS_KEY", &root.secret)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_LAMBDA_FUNCTION_NAME", format!("idbellen-local-{binary}"))
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench");
        command
    }

    /// Where functions log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Where a function is, or another program that was built with them.
    pub fn program(&self, binary: &str) -> PathBuf {
        self.programs.join(binary).join("bootstrap")
    }

    /// Whether there are functions that were built elsewhere.
    pub fn has_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// Where the same function is that was built elsewhere.
    pub fn program_elsewhere(&self, binary: &str) -> PathBuf {
        let function = FUNCTIONS.iter().find(|function| function.1 == binary).map_or(binary, |function| function.0);
        self.elsewhere.iter().map(|folder| folder.join(function).join("bootstrap")).collect()
    }

    /// A caller who disclosed.
    pub async fn plant(&self) -> Result<Planted> {
        self.plant_of(Version::Two).await
    }

    /// The same, sealed so.
    pub async fn plant_of(&self, version: Version) -> Result<Planted> {
        let now = now();
        let secret = Secret::draw(&mut SysRng).map_err(|error| anyhow!("no randomness: {error}"))?;
        let code = Code::draw(&mut SysRng).map_err(|error| anyhow!("no randomness: {error}"))?;
        let lock = self.code_key.lock(&code).await.map_err(|error| anyhow!("{error:?}"))?;
        let keys = secret.key_pairs().find(|keys| keys.version() == version).context("no such version")?;
        let id = keys.record_id();
        let new = NewCode {
            id: lock.id().clone(),
            secret: lock.seal(&secret).map_err(|error| anyhow!("{error:?}"))?,
            expires_at: now + Codes::LIFETIME,
        };
        start::start(&self.database, &self.records, &record(keys.public(), now)?, &self.codes, &new)
            .await
            .map_err(|error| anyhow!("{error:?}"))?;
        let sealed = SealedAttributes::seal(ATTRIBUTES.as_bytes(), &keys.public(), PURPOSE);
        let ending = Ending::Disclosed(sealed.map_err(|error| anyhow!("{error:?}"))?);
        self.records.end(id, &ending).await.map_err(|error| anyhow!("{error:?}"))?;
        let digits = String::from_utf8(code.digits().to_vec())?;
        let contact = format!("contact-{}", id.as_str()).parse().map_err(|error| anyhow!("{error:?}"))?;
        Ok(Planted { digits, lock, secret, contact })
    }

    /// A session whose result is awaited.
    pub async fn plant_pending(&self) -> Result<RecordId> {
        let secret = Secret::draw(&mut SysRng).map_err(|error| anyhow!("no randomness: {error}"))?;
        let code = Secret::draw(&mut SysRng).map_err(|error| anyhow!("no randomness: {error}"))?;
        let lock = CodeLock::from_mac(code.as_bytes());
        let sealed = lock.seal(&secret).map_err(|error| anyhow!("{error:?}"))?;
        let code = NewCode { id: lock.id().clone(), secret: sealed, expires_at: now() + Codes::LIFETIME };
        start::start(&self.database, &self.records, &record(secret.key_pair().public(), now())?, &self.codes, &code)
            .await
            .map_err(|error| anyhow!("{error:?}"))?;
        Ok(secret.record_id())
    }

    /// The alias of the code key.
    pub fn code_key_alias(&self) -> Result<&str> {
        code_key_alias(&self.variables)
    }

    /// A caller whom an agent has on screen.
    pub async fn plant_looked_up(&self) -> Result<Planted> {
        let planted = self.plant().await?;
        let holder = planted.secret.holder(&Holder::Contact(&planted.contact));
        let found = self.records.look_up(&planted.id(), &holder, now()).await.map_err(|error| anyhow!("{error:?}"))?;
        found.context("a record that was just written can't be looked up")?;
        Ok(planted)
    }

    /// The calls to AWS that a function makes, as a bare client makes them: `(service, operation, body)` each.
    pub fn bare_event(&self, calls: &[(&str, &str, Value)]) -> String {
        let call = |(service, operation, body): &(&str, &str, Value)| {
            let (target, content_type) = match *service {
                "dynamodb" => ("DynamoDB_20120810", "application/x-amz-json-1.0"),
                _ => ("TrentService", "application/x-amz-json-1.1"),
            };
            json!({
                "service": service, "target": format!("{target}.{operation}"), "url": format!("{}/", self.endpoint.url()),
                "content_type": content_type, "body": body.to_string(),
            })
        };
        Value::from(calls.iter().map(call).collect::<Vec<_>>()).to_string()
    }
}

impl Planted {
    /// The record's id.
    pub fn id(&self) -> RecordId {
        self.secret.record_id()
    }

    /// What telephony sends.
    pub fn exchange(&self) -> Value {
        json!({"dtmf": self.digits, "contactId": self.contact.as_str()})
    }

    /// What the agent portal sends.
    pub fn agents(&self) -> Value {
        json!({"secret": self.secret.reveal().as_str(), "contactId": self.contact.as_str()})
    }
}

/// Two attributes of no one: the number is one that is published for testing.
const ATTRIBUTES: &str = r#"[{"id":"irma-demo.MijnOverheid.singleton.BSN","value":"999992235","label":{"nl":"BSN","en":"BSN"},"issuedAt":1767225600},{"id":"irma-demo.MijnOverheid.fullName.familyname","value":"Bruijn","label":{"nl":"Achternaam","en":"Surname"},"issuedAt":1767225600}]"#;

/// What was asked.
pub const ASKED: &str = r#"[{"id":"irma-demo.MijnOverheid.singleton.BSN","label":{"nl":"Burgerservicenummer (BSN)","en":"Citizen service number (BSN)"},"format":"bsn"},{"id":"irma-demo.MijnOverheid.fullName.firstnames","label":{"nl":"Voornamen","en":"First names"}},{"id":"irma-demo.MijnOverheid.fullName.prefix","label":{"nl":"Voorvoegsel","en":"Prefix"}},{"id":"irma-demo.MijnOverheid.fullName.familyname","label":{"nl":"Achternaam","en":"Family name"}}]"#;

/// What only the agent may see.
pub const DISCLOSED: &str = "999992235";

/// A record as session-start writes it.
pub fn record(public_key: PublicKey, now: i64) -> Result<NewRecord> {
    Ok(NewRecord {
        purpose: PURPOSE.parse().map_err(|error| anyhow!("{error:?}"))?,
        public_key,
        token: SealedToken::from_bytes(vec![0; 160]),
        asked: Asked::from_bytes(ASKED.as_bytes()).map_err(|error| anyhow!("{error:?}"))?,
        created_at: now,
        expires_at: now + 3600,
    })
}

/// A request as API Gateway passes it on (its payload format 2.0), with the claims of an agent's token and
/// with telephony's role: what it is not asked for, no function reads.
pub fn request(method: &str, path: &str, parameters: &Value, body: &Value) -> String {
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json", "authorization": "Bearer of no use here", "content-type": "application/json",
            "host": "api.example.nl", "user-agent": "Mozilla/5.0", "x-forwarded-for": "192.0.2.1", "x-forwarded-port": "443",
            "x-forwarded-proto": "https", "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
        },
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "000000000000", "apiId": "api", "domainName": "api.example.nl", "domainPrefix": "api",
            "authorizer": {
                "jwt": {"claims": {"sub": AGENT, "scope": "idbellen/agent"}, "scopes": ["idbellen/agent"]},
                "iam": {"userArn": format!("arn:aws:sts::000000000000:assumed-role/{TELEPHONY_ROLE}/exchange")},
            },
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "Mozilla/5.0"},
            "requestId": "request", "routeKey": format!("{method} {path}"), "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_i64,
        },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
    .to_string()
}

fn code_key_alias<'a>(variables: &'a BTreeMap<&'static str, Vec<(String, String)>>) -> Result<&'a str> {
    let mut of_exchange = variables.get("dtmf-exchange").into_iter().flatten();
    let alias = of_exchange.find(|(name, _)| name == "CODE_KEY_PREVIOUS");
    alias.map(|(_, alias)| alias.as_str()).context("dtmf-exchange has no code key")
}

/// The variables that the template gives a function.
async fn template_variables(stack: &Stack, function: &str) -> Result<Vec<(String, String)>> {
    let name = &stack.deployment.functions.get(function).with_context(|| format!("no function {function}"))?.name;
    let path = format!("/2015-03-31/functions/{name}/configuration");
    let unsigned = Unsigned { method: "GET", path: &path, headers: &[], body: b"" };
    let answer: Value = stack.signed_for_aws(stack.root(), "lambda", &unsigned)?.send().await?.json().await?;
    let variables = answer["Environment"]["Variables"].as_object().context("a function has no environment")?;
    Ok(variables.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect())
}

/// Makes a table as the template defines it.
async fn copy_definition(from: &aws_sdk_dynamodb::Client, to: &aws_sdk_dynamodb::Client, table: &str) -> Result<()> {
    let described = from.describe_table().table_name(table).send().await?.table.context("no such table")?;
    let mut create = to
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(described.attribute_definitions)
        .set_key_schema(described.key_schema);
    for index in described.global_secondary_indexes.unwrap_or_default() {
        let index = GlobalSecondaryIndex::builder()
            .set_index_name(index.index_name)
            .set_key_schema(index.key_schema)
            .set_projection(index.projection)
            .build()?;
        create = create.global_secondary_indexes(index);
    }
    create.send().await?;
    Ok(())
}
