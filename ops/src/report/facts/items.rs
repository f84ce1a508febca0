//! Calls on items: by our roles, and by others.

use std::borrow::Cow;

use serde::Deserialize;

use super::Facts;
use crate::report::agents::{Call, Did, Mark};
use crate::report::event::Event;
use crate::report::finding::{Finding, Kind};
use crate::report::ids::{Id, ItemId, read_item_id};
use crate::report::life::{Act, Life, Making, Touch, Who};
use crate::report::names::{Role, Table};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemCall<'a> {
    #[serde(borrow, alias = "TableName")]
    table_name: Option<Cow<'a, str>>,
    #[serde(alias = "Key")]
    key: Option<ItemKey>,
    #[serde(alias = "ConditionExpression")]
    condition_expression: Option<serde::de::IgnoredAny>,
    update_expression: Option<Cow<'a, str>>,
    operation: Option<Cow<'a, str>>,
    return_values: Option<Cow<'a, str>>,
    return_values_on_condition_check_failure: Option<Cow<'a, str>>,
}

/// CloudTrail gives a key as `{"id": "…"}` (Amazon DynamoDB developer guide, "Understanding DynamoDB log file entries").
#[derive(Deserialize)]
struct ItemKey {
    #[serde(deserialize_with = "read_item_id")]
    id: Option<ItemId>,
}

impl ItemCall<'_> {
    /// What its key names.
    fn id(&self) -> Option<ItemId> {
        self.key.as_ref()?.id
    }

    /// Whether it asks for the item if the condition fails.
    fn asks_in_failing(&self) -> bool {
        self.return_values_on_condition_check_failure.as_deref().is_some_and(|values| values != "NONE")
    }

    /// Whether it asks for values of the item that it writes.
    fn asks_in_writing(&self) -> bool {
        self.return_values.as_deref().is_some_and(|values| values != "NONE")
    }

    /// What a call that read a record did, by its expression (`shared::records`).
    fn did(&self) -> Did {
        match self.update_expression.as_deref() {
            Some(text) if text.contains("ADD holders") => Did::Took,
            Some(text) if text.contains("holder = :holder") => Did::TookAgain,
            Some(_) => Did::Read,
            None => Did::ReadSomehow,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction<'a> {
    #[serde(borrow)]
    request_items: Vec<ItemCall<'a>>,
}

/// The SDK repeats a call within so many seconds.
const REPEATED: i64 = 3;
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
impl Facts {
    pub(super) fn take_item(&mut self, event: &Event<'_>, at: i64) -> bool {
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
        let of = call.as_ref().and_then(|call| self.names.table(call.table_name.as_deref()?));
        let id = call.as_ref().and_then(ItemCall::id);
        if let (Some(ItemId::Mark { agent, record }), "GetItem", Table::Records) = (id, name, table)
            && let Role::AgentLookup | Role::ClearContact = role
        {
            return self.take_mark(event, at, role, agent, record);
        }
        let about = id.map(ItemId::about);
        // DynamoDB gives the item when the condition fails, to whoever asks it to. No function of ours does.
        // Nor does one that ends a session ask for what the record holds.
        let ends = matches!(role, Role::SessionIngest | Role::SessionReconcile);
        if call.as_ref().is_some_and(|call| call.asks_in_failing() || ends && call.asks_in_writing()) {
            let record = about.filter(|_| table == Table::Records);
            let finding = self.finding(event, at, Kind::OutOfRole, table.as_str(), record);
            self.find(Finding { refused: false, ..finding });
            return true;
        }
        let act = match (role, name, table) {
            _ if matches!(id, Some(ItemId::Mark { .. })) => return self.flag_item(event, at, Kind::OutOfRole, table, about),
            (Role::SessionIngest | Role::SessionReconcile, "GetItem", Table::Records) => Some(Act::Fetched),
            (Role::SessionIngest | Role::SessionReconcile, "UpdateItem", Table::Records) => Some(Act::Ended),
            (Role::AgentLookup, "UpdateItem", Table::Records) => Some(Act::Read),
            (Role::DtmfExchange, "UpdateItem", Table::Codes) => Some(Act::Used),
            (Role::ClearContact, "DeleteItem", Table::Records) | (Role::ExpireRecords, "DeleteItem", _) => Some(Act::Deleted),
            (Role::SessionReconcile, "Query", Table::Records) | (Role::ExpireRecords, "Query", _) => None,
            _ => return self.flag_item(event, at, Kind::OutOfRole, table, about),
        };
        if let Some(act) = act {
            // AWS leaves out what was asked when it refuses. When a condition fails it does not.
            if event.failed() {
                if let (true, Act::Read, Some(ItemId::Item(id))) = (event.condition_failed(), act, id) {
                    self.call(event, at, id, Did::Failed);
                }
                return self.used(role, event, at, table.as_str());
            }
            let (Some(ItemId::Item(id)), Some(call), true) = (id, &call, of == Some(table)) else {
                return self.flag(event, at, Kind::Unknown, table.as_str(), None);
            };
            let touch = Touch { at, act, who: Who::Role(role), conditional: call.condition_expression.is_some() };
            self.touch(table, id, touch);
            if act == Act::Read || role == Role::ClearContact {
                let did = if act == Act::Read { call.did() } else { Did::Deleted };
                self.call(event, at, id, did);
            }
        }
        self.used(role, event, at, table.as_str())
    }

    /// A call of agent-lookup or clear-contact on a record.
    fn call(&mut self, event: &Event<'_>, at: i64, id: Id, did: Did) {
        let (key, address) = (self.texts.number(event.access_key()), self.texts.number(event.address()));
        self.records.entry(id).or_default().asked().add_call(Call { key, at, did, address });
    }

    /// The mark of an agent, that a function leaves beside its call on a record.
    fn take_mark(&mut self, event: &Event<'_>, at: i64, role: Role, agent: Id, record: Id) -> bool {
        if !event.failed() {
            let Some(agent) = self.agents.number(agent) else {
                return self.flag(event, at, Kind::Unknown, Table::Records.as_str(), Some(record));
            };
            let mark = Mark { key: self.texts.number(event.access_key()), at, agent, clears: role == Role::ClearContact };
            self.marks += 1;
            self.records.entry(record).or_default().asked().add_mark(mark);
        }
        self.used(role, event, at, "Records, mark")
    }

    /// A session's record and code, in one transaction.
    fn made(&mut self, event: &Event<'_>, at: i64) -> bool {
        let Some(transaction) = event.parameters::<Transaction<'_>>() else {
            // AWS leaves out what was asked when it refuses.
            return if event.failed() {
                self.used(Role::SessionStart, event, at, "Records, Codes")
            } else {
                self.flag(event, at, Kind::Unknown, "Records", None)
            };
        };
        let mut made = [None; 2];
        let mut puts = true;
        for item in &transaction.request_items {
            let table = item.table_name.as_deref().and_then(|name| self.names.table(name));
            puts &= item.operation.as_deref() == Some("Put");
            if let (Some(table), Some(id)) = (table, item.id().and_then(ItemId::item)) {
                made[table as usize] = Some(id);
            }
        }
        let [record, code] = made;
        let mut finding = self.finding(event, at, Kind::OutOfRole, "Records, Codes", record);
        finding.code = code;
        finding.refused = false;
        // It would be given what is sealed, if the condition of the transaction fails.
        if transaction.request_items.iter().any(ItemCall::asks_in_failing) {
            self.find(finding);
            return true;
        }
        let known = transaction.request_items.len() == 2 && puts;
        if event.failed() {
            if event.error_code.as_deref().is_some_and(|code| code.starts_with("TransactionCanceled")) {
                self.collisions.push(Finding { kind: Kind::Collision, ..finding });
            }
            return self.used(Role::SessionStart, event, at, "Records, Codes");
        }
        let (true, Some(record), Some(code)) = (known, record, code) else {
            self.find(finding);
            return true;
        };
        // The SDK repeats a transaction whose answer got lost, and DynamoDB then does it once.
        let making = Making { at, key: self.texts.number(event.access_key()) };
        let repeats = |life: Option<&Life>, other: Id| {
            life.is_none_or(|life| {
                life.making
                    .is_none_or(|first| first.key == making.key && (first.at - at).abs() <= REPEATED && life.other == Some(other))
            })
        };
        if !repeats(self.records.get(&record), code) || !repeats(self.codes.get(&code), record) {
            self.find(finding);
        }
        let touch = Touch { at, act: Act::Made, who: Who::Role(Role::SessionStart), conditional: true };
        self.touch(Table::Records, record, touch);
        self.touch(Table::Codes, code, touch);
        if let Some(life) = self.records.get_mut(&record) {
            life.other.get_or_insert(code);
            life.making.get_or_insert(making);
        }
        if let Some(life) = self.codes.get_mut(&code) {
            life.other.get_or_insert(record);
            life.making.get_or_insert(making);
        }
        self.used(Role::SessionStart, event, at, "Records, Codes")
    }

    /// Someone who is none of ours reads or writes items.
    fn other_item(&mut self, event: &Event<'_>, at: i64, table: Table) -> bool {
        let call: Option<ItemCall<'_>> = event.parameters();
        let mut ids: Vec<(Table, ItemId)> = Vec::new();
        if let Some(id) = call.as_ref().and_then(ItemCall::id) {
            ids.push((table, id));
        }
        let transaction: Option<Transaction<'_>> = event.parameters();
        for item in transaction.iter().flat_map(|transaction| &transaction.request_items) {
            let of = item.table_name.as_deref().and_then(|name| self.names.table(name));
            if let (Some(of), Some(id)) = (of, item.id()) {
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
            // At the place of a mark there is nothing to read.
            for (table, id) in ids.iter().filter_map(|(table, id)| Some((table, id.item()?))) {
                let conditional = call.as_ref().is_some_and(|call| call.condition_expression.is_some());
                let touch = Touch { at, act, who, conditional };
                self.touch(*table, id, touch);
            }
        }
        if ids.is_empty() {
            return self.flag_item(event, at, Kind::Access, table, None);
        }
        ids.into_iter().all(|(table, id)| self.flag_item(event, at, Kind::Access, table, Some(id.about())))
    }

    fn flag_item(&mut self, event: &Event<'_>, at: i64, kind: Kind, table: Table, id: Option<Id>) -> bool {
        let (record, code) = if table == Table::Records { (id, None) } else { (None, id) };
        let finding = self.finding(event, at, kind, table.as_str(), record);
        self.find(Finding { code, ..finding });
        true
    }
}
