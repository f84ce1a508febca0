//! What a trail tells, event by event: the lives of records and codes, who used which key and parameter, and what was done
//! by someone else. Of each event only that is kept, so that a day of a million events fits.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::audit::Outcome;

use super::event::Event;
use super::names::{Key, Names, Role, Table, Text, Texts, shown};

/// The 32 bytes of a record's or code's id.
pub type Id = [u8; 32];

/// What was done to a record or code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// It was made.
    Made,
    /// A key sealed the record's IRMA token.
    TokenSealed,
    /// A function looked whether there is one whose result is awaited.
    Fetched,
    /// A key opened the record's IRMA token.
    TokenOpened,
    /// The session's result was taken in, and the token removed.
    Ended,
    /// An agent's look-up read the record.
    Read,
    /// The code was exchanged.
    Used,
    /// Someone else read it.
    ReadByOther,
    /// Someone else wrote it.
    WrittenByOther,
    /// It was deleted; it is not there at that moment.
    Deleted,
}

impl Act {
    /// What the machine-readable report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::TokenSealed => "tokenSealed",
            Self::Fetched => "fetched",
            Self::TokenOpened => "tokenOpened",
            Self::Ended => "ended",
            Self::Read => "read",
            Self::Used => "used",
            Self::ReadByOther => "readByOther",
            Self::WrittenByOther => "writtenByOther",
            Self::Deleted => "deleted",
        }
    }

    /// Whether it shows that the record or code is there right after.
    pub fn shows_existence(self) -> bool {
        matches!(self, Self::Made | Self::Ended | Self::Read | Self::Used | Self::WrittenByOther)
    }
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    Role(Role),
    /// A principal that is none of ours.
    Other(Text),
}

/// Something that was done to a record or code, with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// Unix seconds.
    pub at: i64,
    pub act: Act,
    pub who: Who,
    /// Whether it was done on a condition. Our deletions are: one that succeeded shows that there was something.
    pub conditional: bool,
}

/// A look-up's reading of a record, as far as it tells which of them are one look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Look {
    /// Unix seconds.
    pub at: i64,
    /// Whether it can succeed again. With which a contact takes the caller, can't (`shared::records`).
    pub repeatable: bool,
    /// From where it came.
    pub origin: Text,
}

/// What an agent did, by the line that a function logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Unix milliseconds.
    pub at: i64,
    pub clears: bool,
    pub outcome: Outcome,
    pub agent: Text,
}

/// All that was done to one record or code.
#[derive(Default)]
pub struct Life {
    pub touches: Vec<Touch>,
    /// Of a record: how often it was looked up.
    pub looks: Vec<Look>,
    /// Of a record: what agents did.
    pub lines: Vec<Line>,
    /// Of a record its code, and the other way round.
    pub other: Option<Id>,
}

/// What kind of thing somebody else did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Read or wrote an item.
    Access,
    /// Used a key.
    KeyUse,
    /// Read a parameter.
    ParameterRead,
    /// Invoked a function directly.
    Invocation,
    /// Took on one of our roles.
    RoleTaken,
    /// Took on a role that is there for it: telephony's, or that of `idbellen verify`.
    RoleUsed,
    /// Made a copy possible or made one: a backup, an export, a replica, a stream.
    Copy,
    /// Changed a table, key, trail, function, role, parameter or log outside a deployment.
    Change,
    /// One of our roles did what it never does.
    OutOfRole,
    /// Used a key of which the trail does not tell whether it is ours.
    UnknownKey,
    /// An event of ours in a form that is not known.
    Unknown,
    /// Changed it by a deployment.
    Deployment,
}

impl Kind {
    /// What the machine-readable report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::KeyUse => "keyUse",
            Self::ParameterRead => "parameterRead",
            Self::Invocation => "invocation",
            Self::RoleTaken => "roleTaken",
            Self::RoleUsed => "roleUsed",
            Self::Copy => "copy",
            Self::Change => "change",
            Self::OutOfRole => "outOfRole",
            Self::UnknownKey => "unknownKey",
            Self::Unknown => "unknownForm",
            Self::Deployment => "deployment",
        }
    }

    /// Whether it is shown, and no violation.
    pub fn is_expected(self) -> bool {
        matches!(self, Self::RoleUsed | Self::Deployment)
    }
}

/// Something that was not one of our roles doing what that role does.
pub struct Finding {
    /// Unix seconds; 0 if the event doesn't say.
    pub at: i64,
    pub kind: Kind,
    pub who: Who,
    /// As `dynamodb:GetItem`.
    pub action: Text,
    /// On what: a table, key, parameter, function or role.
    pub on: Text,
    pub record: Option<Id>,
    /// The code, if it was done to one; the end tells of which record.
    code: Option<Id>,
    /// Whether it failed.
    pub refused: bool,
}

/// So many findings are kept; all are counted.
const MOST_FINDINGS: usize = 10_000;

/// What a trail tells of one stage.
pub struct Facts {
    names: Names,
    /// The application's account.
    account: String,
    /// When uses are counted, in Unix seconds.
    window: Range<i64>,
    pub texts: Texts,
    pub records: HashMap<Id, Life>,
    pub codes: HashMap<Id, Life>,
    pub findings: Vec<Finding>,
    /// Findings by kind, also those that were not kept, without those that were refused.
    pub found: BTreeMap<Kind, u64>,
    /// How often each role did what to what.
    pub uses: BTreeMap<(Role, Text, Text), u64>,
    /// How many events were delivered.
    pub events: u64,
    /// How many of them had been delivered before.
    pub duplicates: u64,
    /// Events of others, by service.
    pub not_ours: BTreeMap<Text, u64>,
    /// Agents' lines, and lines or rows that could not be read.
    pub lines: u64,
    pub broken_lines: u64,
    seen: HashSet<u128>,
    keys: HashMap<String, Key>,
    /// Uses and changes of keys that were named by what only the end tells, by the key's ARN.
    undecided: Vec<Undecided>,
    /// Who took on which role that is there for it, in which hour.
    takers: HashSet<(Role, Who, i64)>,
}

struct Undecided {
    key: String,
    /// Whether it is told even if all our keys seem to be known: it may have made an unknown one of them.
    stays: bool,
    finding: Finding,
}

#[derive(Deserialize)]
struct File<'a> {
    /// Unread: one in a form that is not known does not spoil the others.
    #[serde(rename = "Records", borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemCall<'a> {
    #[serde(borrow, alias = "TableName")]
    table_name: Option<&'a str>,
    #[serde(alias = "Key")]
    key: Option<ItemKey>,
    #[serde(alias = "ConditionExpression")]
    condition_expression: Option<serde::de::IgnoredAny>,
    update_expression: Option<Cow<'a, str>>,
    #[serde(borrow)]
    operation: Option<&'a str>,
}

/// CloudTrail gives a key as `{"id": "…"}` (Amazon DynamoDB developer guide, "Understanding DynamoDB log file entries").
#[derive(Deserialize)]
struct ItemKey {
    #[serde(deserialize_with = "read_id")]
    id: Option<Id>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction<'a> {
    #[serde(borrow)]
    request_items: Vec<ItemCall<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyCall<'a> {
    #[serde(borrow)]
    key_id: Option<&'a str>,
    #[serde(borrow)]
    target_key_id: Option<&'a str>,
    #[serde(borrow)]
    alias_name: Option<&'a str>,
    #[serde(borrow)]
    encryption_context: Option<Context<'a>>,
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(default, deserialize_with = "read_id")]
    record: Option<Id>,
    #[serde(rename = "PARAMETER_ARN", borrow)]
    parameter: Option<&'a str>,
    #[serde(rename = "aws:lambda:FunctionArn")]
    function: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct ParameterCall<'a> {
    #[serde(borrow)]
    name: Option<&'a str>,
    #[serde(borrow)]
    path: Option<&'a str>,
    #[serde(borrow)]
    names: Option<Vec<&'a str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow)]
    function_name: Option<&'a str>,
    #[serde(borrow)]
    role_arn: Option<&'a str>,
}

fn read_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Id>, D::Error> {
    // What is no id is not kept.
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => id_of(&text),
        _ => None,
    })
}

/// The bytes of an id that is written as 43 characters of base64url.
pub fn id_of(text: &str) -> Option<Id> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut id = [0; 32];
    (text.len() == 43 && URL_SAFE_NO_PAD.decode_slice(text, &mut id) == Ok(32)).then_some(id)
}

/// An id as it stands in the table.
pub fn id_text(id: &Id) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(id)
}

const READS: [&str; 9] = [
    "GetItem",
    "BatchGetItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "GetRecords",
    "GetShardIterator",
    "ConditionCheckItem",
    "DescribeStream",
];
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];
const STATEMENTS: [&str; 3] = ["ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"];
const COPIES: [&str; 6] = ["Backup", "Restore", "Export", "GlobalTable", "Replica", "Kinesis"];
const KEY_USES: [&str; 10] = [
    "GenerateMac",
    "VerifyMac",
    "Encrypt",
    "Decrypt",
    "ReEncrypt",
    "GenerateDataKey",
    "Sign",
    "Verify",
    "DeriveSharedSecret",
    "GenerateRandom",
];
/// What changes who may use a key, or is only done with a key for codes. A key that is not known may be one of ours all
/// the same: during a swap there are two of codes.
const KEY_STAYS: [&str; 6] =
    ["GenerateMac", "VerifyMac", "PutKeyPolicy", "CreateGrant", "ScheduleKeyDeletion", "CancelKeyDeletion"];
/// Who may invoke functions in their own name: API Gateway and Amazon Connect.
const INVOKERS: [&str; 2] = ["apigateway.amazonaws.com", "connect.amazonaws.com"];
const SCHEDULER: &str = "scheduler.amazonaws.com";

impl Facts {
    pub fn of(names: Names, account: String, window: Range<i64>) -> Self {
        Self {
            names,
            account,
            window,
            texts: Texts::default(),
            records: HashMap::new(),
            codes: HashMap::new(),
            findings: Vec::new(),
            found: BTreeMap::new(),
            uses: BTreeMap::new(),
            events: 0,
            duplicates: 0,
            not_ours: BTreeMap::new(),
            lines: 0,
            broken_lines: 0,
            seen: HashSet::new(),
            keys: HashMap::new(),
            undecided: Vec::new(),
            takers: HashSet::new(),
        }
    }

    /// Takes in a log file: `{"Records": [event, …]}`.
    pub fn take_file(&mut self, file: &[u8]) {
        let Ok(file) = serde_json::from_slice::<File<'_>>(file) else { return self.unknown() };
        for event in file.records {
            self.take(event.get());
        }
    }

    /// Takes in one event, as it stands in a log file.
    fn take(&mut self, text: &str) {
        self.events += 1;
        let Ok(event) = serde_json::from_str::<Event<'_>>(text) else { return self.unknown() };
        let (Some(at), Some(number)) = (event.time(), event.number()) else { return self.unknown() };
        if !self.seen.insert(number) {
            self.duplicates += 1;
            return;
        }
        let taken = match &*event.event_source {
            "dynamodb.amazonaws.com" => self.take_item(&event, at),
            "kms.amazonaws.com" => self.take_key(&event, at),
            "ssm.amazonaws.com" => self.take_parameter(&event, at),
            "lambda.amazonaws.com" => self.take_invocation(&event, at),
            "sts.amazonaws.com" => self.take_role(&event, at),
            _ => false,
        };
        if !taken {
            self.take_change(&event, at);
        }
    }

    /// What can't be read may be anything.
    fn unknown(&mut self) {
        let who = Who::Other(self.texts.number("unknown"));
        let (action, on) = (self.texts.number("unknown"), self.texts.number("unknown"));
        self.find(Finding { at: 0, kind: Kind::Unknown, who, action, on, record: None, code: None, refused: false });
    }

    fn find(&mut self, finding: Finding) {
        if !finding.refused {
            *self.found.entry(finding.kind).or_default() += 1;
        }
        // Attempts that were refused don't take the place of what was done.
        let most = if finding.refused { MOST_FINDINGS / 2 } else { MOST_FINDINGS };
        if self.findings.len() < most {
            self.findings.push(finding);
        }
    }

    fn finding(&mut self, event: &Event<'_>, at: i64, kind: Kind, on: &str, record: Option<Id>) -> Finding {
        let action = self.action(event);
        let (who, on) = (self.who(event), self.texts.number(on));
        Finding { at, kind, who, action, on, record, code: None, refused: event.failed() }
    }

    fn flag(&mut self, event: &Event<'_>, at: i64, kind: Kind, on: &str, record: Option<Id>) -> bool {
        let finding = self.finding(event, at, kind, on, record);
        self.find(finding);
        true
    }

    fn action(&mut self, event: &Event<'_>) -> Text {
        let service = event.event_source.split('.').next().unwrap_or_default();
        self.texts.number(&format!("{service}:{}", event.event_name))
    }

    fn role(&self, event: &Event<'_>) -> Option<Role> {
        let (role, own) = self.session(event)?;
        own.then_some(role)
    }

    /// The role of ours whose session it is, and whether it is used by whom it is for. Lambda names a session after the
    /// function: another function that was given a role of ours is none of ours.
    fn session(&self, event: &Event<'_>) -> Option<(Role, bool)> {
        let identity = event.user_identity.as_ref()?;
        if identity.kind.as_deref() != Some("AssumedRole") {
            return None;
        }
        let arn = identity.session_context.as_ref()?.session_issuer.as_ref()?.arn.as_deref()?;
        let role = self.names.role(arn, &self.account)?;
        let session = identity.arn.as_deref().and_then(|arn| arn.rsplit('/').next());
        Some((role, !role.is_function() || session == arn.rsplit('/').next()))
    }

    fn who(&mut self, event: &Event<'_>) -> Who {
        if let Some(role) = self.role(event) {
            return Who::Role(role);
        }
        let identity = event.user_identity.as_ref();
        let name = identity.and_then(|identity| {
            let arn = identity.arn.as_deref().or(identity.invoked_by.as_deref());
            arn.or(identity.account_id.as_deref()).or(identity.kind.as_deref())
        });
        Who::Other(self.texts.number(name.unwrap_or("unknown")))
    }

    fn used(&mut self, role: Role, event: &Event<'_>, at: i64, on: &str) -> bool {
        if !self.window.contains(&at) {
            return true;
        }
        let (action, on) = (self.action(event), self.texts.number(on));
        *self.uses.entry((role, action, on)).or_default() += 1;
        true
    }

    fn touch(&mut self, table: Table, id: Id, touch: Touch) {
        let lives = if table == Table::Records { &mut self.records } else { &mut self.codes };
        lives.entry(id).or_default().touches.push(touch);
    }

    fn take_item(&mut self, event: &Event<'_>, at: i64) -> bool {
        let name = &*event.event_name;
        let Some(table) = self.names.mentions_table(event.asked()).or_else(|| self.names.mentions_table(event.named())) else {
            let of_items = event.event_category.as_deref() == Some("Data");
            // The trail selects none but our tables: one that names neither is in a form that is not known.
            return of_items && self.flag(event, at, Kind::Unknown, "?", None);
        };
        let known = READS.contains(&name) || WRITES.contains(&name) || STATEMENTS.contains(&name);
        if !known {
            if event.event_category.as_deref() == Some("Data") {
                return self.flag(event, at, Kind::Unknown, table.as_str(), None);
            }
            if event.reads_only() {
                return self.looked(event);
            }
            let switched_off =
                name == "UpdateContinuousBackups" && event.asked().contains("\"pointInTimeRecoveryEnabled\":false");
            let copies = COPIES.iter().any(|copy| name.contains(copy)) && !(switched_off && event.is_deployment());
            return copies && self.flag(event, at, Kind::Copy, table.as_str(), None);
        }
        let Some(role) = self.role(event) else { return self.other_item(event, at, table) };
        if name == "TransactWriteItems" && role == Role::SessionStart {
            return self.made(event, at);
        }
        let call: Option<ItemCall<'_>> = event.parameters();
        let of = call.as_ref().and_then(|call| self.names.table(call.table_name?));
        let id = call.as_ref().and_then(|call| call.key.as_ref()?.id);
        let act = match (role, name, table) {
            (Role::SessionIngest | Role::SessionReconcile, "GetItem", Table::Records) => Some(Act::Fetched),
            (Role::SessionIngest | Role::SessionReconcile, "UpdateItem", Table::Records) => Some(Act::Ended),
            (Role::AgentLookup, "UpdateItem", Table::Records) => Some(Act::Read),
            (Role::DtmfExchange, "UpdateItem", Table::Codes) => Some(Act::Used),
            (Role::ClearContact, "DeleteItem", Table::Records) | (Role::ExpireRecords, "DeleteItem", _) => Some(Act::Deleted),
            (Role::SessionReconcile, "Query", Table::Records) | (Role::ExpireRecords, "Query", _) => None,
            _ => return self.flag_item(event, at, Kind::OutOfRole, table, id),
        };
        if let Some(act) = act {
            // AWS leaves out what was asked when it refuses.
            if event.failed() {
                return self.used(role, event, at, table.as_str());
            }
            let (Some(id), Some(call), true) = (id, &call, of == Some(table)) else {
                return self.flag(event, at, Kind::Unknown, table.as_str(), None);
            };
            let touch = Touch { at, act, who: Who::Role(role), conditional: call.condition_expression.is_some() };
            self.touch(table, id, touch);
            if act == Act::Read {
                let takes = call.update_expression.as_ref().is_some_and(|expression| expression.contains("ADD holders"));
                let look = Look { at, repeatable: !takes, origin: self.texts.number(&event.origin()) };
                self.records.entry(id).or_default().looks.push(look);
            }
        }
        self.used(role, event, at, table.as_str())
    }

    /// A session's record and code, in one transaction.
    fn made(&mut self, event: &Event<'_>, at: i64) -> bool {
        if event.failed() {
            return self.used(Role::SessionStart, event, at, "Records, Codes");
        }
        let transaction: Option<Transaction<'_>> = event.parameters();
        let mut made = [None; 2];
        for item in transaction.iter().flat_map(|transaction| &transaction.request_items) {
            let table = item.table_name.and_then(|name| self.names.table(name));
            if let (Some(table), Some("Put"), Some(id)) = (table, item.operation, item.key.as_ref().and_then(|key| key.id)) {
                made[table as usize] = Some((table, id));
            }
        }
        let (2, [Some((_, record)), Some((_, code))]) = (transaction.map_or(0, |all| all.request_items.len()), made) else {
            return self.flag(event, at, Kind::Unknown, "Records", None);
        };
        let touch = Touch { at, act: Act::Made, who: Who::Role(Role::SessionStart), conditional: true };
        self.touch(Table::Records, record, touch);
        self.touch(Table::Codes, code, touch);
        if let Some(life) = self.records.get_mut(&record) {
            life.other = Some(code);
        }
        if let Some(life) = self.codes.get_mut(&code) {
            life.other = Some(record);
        }
        self.used(Role::SessionStart, event, at, "Records, Codes")
    }

    /// Someone who is none of ours reads or writes items.
    fn other_item(&mut self, event: &Event<'_>, at: i64, table: Table) -> bool {
        let call: Option<ItemCall<'_>> = event.parameters();
        let mut ids: Vec<(Table, Id)> = Vec::new();
        if let Some(id) = call.as_ref().and_then(|call| call.key.as_ref()?.id) {
            ids.push((table, id));
        }
        let transaction: Option<Transaction<'_>> = event.parameters();
        for item in transaction.iter().flat_map(|transaction| &transaction.request_items) {
            let of = item.table_name.and_then(|name| self.names.table(name));
            if let (Some(of), Some(id)) = (of, item.key.as_ref().and_then(|key| key.id)) {
                ids.push((of, id));
            }
        }
        let act = match &*event.event_name {
            "DeleteItem" => Act::Deleted,
            name if WRITES.contains(&name) => Act::WrittenByOther,
            _ => Act::ReadByOther,
        };
        let who = self.who(event);
        if !event.failed() {
            for (table, id) in &ids {
                let conditional = call.as_ref().is_some_and(|call| call.condition_expression.is_some());
                let touch = Touch { at, act, who, conditional };
                self.touch(*table, *id, touch);
            }
        }
        if ids.is_empty() {
            return self.flag_item(event, at, Kind::Access, table, None);
        }
        ids.into_iter().all(|(table, id)| self.flag_item(event, at, Kind::Access, table, Some(id)))
    }

    fn flag_item(&mut self, event: &Event<'_>, at: i64, kind: Kind, table: Table, id: Option<Id>) -> bool {
        let (record, code) = if table == Table::Records { (id, None) } else { (None, id) };
        let finding = self.finding(event, at, kind, table.as_str(), record);
        self.find(Finding { code, ..finding });
        true
    }

    fn take_key(&mut self, event: &Event<'_>, at: i64) -> bool {
        let name = &*event.event_name;
        let call: Option<KeyCall<'_>> = event.parameters();
        let arn = event.arns().into_iter().find(|arn| arn.contains(":key/"));
        let named = call.as_ref().and_then(|call| call.key_id);
        let alias = call.as_ref().and_then(|call| self.names.key(call.key_id.or(call.alias_name)?));
        let context = call.as_ref().and_then(|call| call.encryption_context.as_ref());
        let record = context.and_then(|context| context.record);
        let parameter = context.and_then(|context| context.parameter).is_some_and(|name| self.names.parameter(name).is_some());
        // Lambda decrypts a function's settings, with the function's rights. Nothing of ours opens with that context.
        if name == "Decrypt" && alias.is_none() && context.is_some_and(|context| context.function.is_some()) {
            return self.looked(event);
        }
        let role = self.role(event);
        // What a role may use a key for, it can use one key for.
        let own = match (role, name) {
            (Some(Role::SessionStart | Role::DtmfExchange), "GenerateMac") => Some(Key::Code),
            (Some(Role::SessionStart), "Encrypt") | (Some(Role::SessionIngest | Role::SessionReconcile), "Decrypt")
                if record.is_some() =>
            {
                Some(Key::Token)
            }
            (Some(Role::SessionStart), "Decrypt") if parameter => Some(Key::Parameters),
            _ => None,
        };
        let learnt = alias.or(own.filter(|_| !event.failed())).or(parameter.then_some(Key::Parameters));
        if let (Some(key), Some(arn)) = (learnt, arn.or(call.as_ref().and_then(|call| call.target_key_id))) {
            self.keys.insert(shown(arn), key);
        }
        if let (Some(role), Some(key)) = (role, own) {
            if let (Some(id), false) = (record, event.failed()) {
                let act = if name == "Encrypt" { Act::TokenSealed } else { Act::TokenOpened };
                self.touch(Table::Records, id, Touch { at, act, who: Who::Role(role), conditional: false });
            }
            return self.used(role, event, at, key.as_str());
        }
        let uses = KEY_USES.iter().any(|one| name.starts_with(one));
        if !uses && event.reads_only() {
            return self.looked(event);
        }
        let kind = match (uses, event.is_deployment(), event.event_type.as_deref()) {
            (true, ..) => Kind::KeyUse,
            (_, true, _) => Kind::Deployment,
            // A key is rotated by KMS itself.
            (_, _, Some("AwsServiceEvent")) => return self.looked(event),
            _ => Kind::Change,
        };
        let id = arn.or(named).or(call.as_ref().and_then(|call| call.target_key_id));
        match (learnt, id) {
            (Some(key), _) => self.flag(event, at, kind, key.as_str(), record),
            (None, Some(id)) => {
                let finding = self.finding(event, at, kind, id, record);
                if self.undecided.len() < MOST_FINDINGS {
                    let stays = kind != Kind::Deployment && KEY_STAYS.contains(&name);
                    self.undecided.push(Undecided { key: shown(id), stays, finding });
                } else {
                    self.find(Finding { kind: Kind::UnknownKey, ..finding });
                }
                true
            }
            // A new key, or a random number.
            (None, None) => false,
        }
    }

    fn take_parameter(&mut self, event: &Event<'_>, at: i64) -> bool {
        let Some(call) = event.parameters::<ParameterCall<'_>>() else { return false };
        let mut named: Vec<&str> = call.names.into_iter().flatten().chain(call.name).collect();
        named.retain(|name| self.names.parameter(name).is_some());
        let path = call.path.filter(|path| self.names.path_reaches_parameters(path));
        let Some(first) = named.first().copied().or(path) else { return false };
        if !event.event_name.starts_with("GetParameter") {
            return false;
        }
        let name = self.names.parameter(first).unwrap_or(first);
        let own = match (self.role(event), &*event.event_name, name) {
            (Some(role @ Role::SessionStart), "GetParameter", "irma-requestor-token")
            | (Some(role @ (Role::SessionIngest | Role::SessionReconcile | Role::Verify)), "GetParameter", "irma-public-key")
            | (
                Some(role @ (Role::SessionStart | Role::SessionIngest | Role::SessionReconcile | Role::Verify)),
                "GetParametersByPath",
                "purposes",
            ) => Some(role),
            _ => None,
        };
        match own {
            Some(role) => self.used(role, event, at, name),
            None => self.flag(event, at, Kind::ParameterRead, name, None),
        }
    }

    fn take_invocation(&mut self, event: &Event<'_>, at: i64) -> bool {
        if !event.event_name.starts_with("Invoke") {
            return false;
        }
        let call: Option<Named<'_>> = event.parameters();
        let asked = call.and_then(|call| call.function_name);
        let names = || asked.into_iter().chain(event.arns());
        let Some(function) = names().find_map(|name| self.names.function(name)) else {
            // One that is named is of another stage. The trail selects no other.
            let unknown = event.event_category.as_deref() == Some("Data") && names().next().is_none();
            return unknown && self.flag(event, at, Kind::Unknown, "?", None);
        };
        let role = self.role(event);
        let scheduled = event.service() == Some(SCHEDULER);
        match (role, function) {
            (Some(role @ Role::SessionIngest), Role::SessionIngest) | (Some(role @ Role::ClearContact), Role::ClearContact) => {
                self.used(role, event, at, function.as_str())
            }
            (Some(role @ Role::Schedule), Role::SessionReconcile | Role::ExpireRecords) if scheduled => {
                self.used(role, event, at, function.as_str())
            }
            (None, _) if INVOKERS.iter().any(|service| event.by_service(service)) => true,
            (role, function) => {
                let kind = if role.is_some() { Kind::OutOfRole } else { Kind::Invocation };
                self.flag(event, at, kind, function.as_str(), None)
            }
        }
    }

    fn take_role(&mut self, event: &Event<'_>, at: i64) -> bool {
        let Some(arn) = event.parameters::<Named<'_>>().and_then(|call| call.role_arn) else { return false };
        match self.names.role(arn, &self.account) {
            None => false,
            // For an exchange of telephony, and for who verifies.
            Some(role @ (Role::Telephony | Role::Verify)) => {
                // An exchange may do so at each call: once an hour is told.
                let first = event.failed() || {
                    let taker = (role, self.who(event), at.div_euclid(3600));
                    self.takers.insert(taker)
                };
                !first || self.flag(event, at, Kind::RoleUsed, role.as_str(), None)
            }
            // The functions' and schedules' are for AWS.
            Some(Role::Schedule) if event.by_service(SCHEDULER) => true,
            Some(role) if role.is_function() && event.by_service("lambda.amazonaws.com") => true,
            Some(role) => self.flag(event, at, Kind::RoleTaken, role.as_str(), None),
        }
    }

    /// Anything else that mentions what is ours.
    fn take_change(&mut self, event: &Event<'_>, at: i64) {
        let mentioned = |text: &str| {
            let more = match &*event.event_source {
                "cloudtrail.amazonaws.com" => self.names.trail_mentioned(text),
                "cloudformation.amazonaws.com" => self.names.stack_mentioned(text),
                _ => false,
            };
            more || self.names.mentioned(text)
        };
        let ours = mentioned(event.asked()) || mentioned(event.named());
        // Another function with a role of ours: whatever it does, it has no business with it.
        if let Some((role, false)) = self.session(event)
            && (!ours || event.reads_only())
        {
            self.flag(event, at, Kind::OutOfRole, role.as_str(), None);
            return;
        }
        if !ours {
            let service = self.texts.number(&event.event_source);
            *self.not_ours.entry(service).or_default() += 1;
            return;
        }
        // Their own logs.
        if self.role(event).is_some() && event.event_source == "logs.amazonaws.com" {
            return;
        }
        if event.reads_only() {
            self.looked(event);
            return;
        }
        let kind = if event.is_deployment() { Kind::Deployment } else { Kind::Change };
        let on = event.arns().first().map_or_else(|| event.event_source.clone().into_owned(), |arn| (*arn).to_owned());
        self.flag(event, at, kind, &on, None);
    }

    /// Settings were looked at: that shows nothing of a citizen.
    #[allow(clippy::unused_self, reason = "one form for all that is taken in")]
    fn looked(&mut self, _: &Event<'_>) -> bool {
        true
    }

    /// Takes in a line that says what an agent did.
    pub fn take_line(&mut self, record: Id, line: Line) {
        self.lines += 1;
        self.records.entry(record).or_default().lines.push(line);
    }

    /// After the last event: brings what happened in order, and decides what only all of it tells.
    pub fn finish(&mut self) {
        for life in self.records.values_mut().chain(self.codes.values_mut()) {
            life.touches.sort_unstable();
            life.looks.sort_unstable();
            // Firehose may deliver a line twice.
            life.lines.sort_unstable();
            life.lines.dedup();
        }
        let all_known = [Key::Code, Key::Token, Key::Parameters].iter().all(|key| self.keys.values().any(|one| one == key));
        for Undecided { key, stays, finding } in std::mem::take(&mut self.undecided) {
            if let Some(key) = self.keys.get(&key) {
                let on = self.texts.number(key.as_str());
                self.find(Finding { on, ..finding });
            } else if !stays && (all_known || finding.kind != Kind::KeyUse) {
                let kms = self.texts.number("kms.amazonaws.com");
                *self.not_ours.entry(kms).or_default() += 1;
            } else {
                self.find(Finding { kind: Kind::UnknownKey, ..finding });
            }
        }
        for finding in &mut self.findings {
            let code = finding.code.and_then(|code| self.codes.get(&code));
            finding.record = finding.record.or(code.and_then(|code| code.other));
        }
        self.findings.sort_by_key(|finding| finding.at);
        self.seen = HashSet::new();
    }
}
