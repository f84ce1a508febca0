//! What a trail tells, event by event: the lives of records and codes, who used which key and parameter, and what was done
//! by someone else. Of each event only that is kept, so that a day of a million events fits.

pub mod callers;
mod changes;
mod items;
mod keys;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use self::callers::Telephony;
use super::agents::{Agent, Agents, Line};
use super::event::{Event, Identity};
use super::finding::{Finding, Kind};
use super::ids::Id;
use super::life::{Act, Life, Touch, Who};
use super::names::{Key, Names, Role, Table, Text, Texts};

/// So many findings are kept; all are counted.
const MOST_FINDINGS: usize = 10_000;

/// What a trail tells of one stage.
pub struct Facts {
    names: Names,
    /// The application's account.
    account: String,
    /// The trail's own region, where the stack is, if a digest tells it.
    home: Option<String>,
    /// When uses are counted, in Unix seconds.
    window: Range<i64>,
    pub texts: Texts,
    pub agents: Agents,
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
    pub telephony: Telephony,
    /// Agents' marks.
    pub marks: u64,
    /// Agents' lines, and lines or rows that could not be read or are of no function that writes them.
    pub lines: u64,
    pub broken_lines: u64,
    seen: HashSet<u128>,
    keys: HashMap<String, Key>,
    /// Uses and changes of keys that were named by what only the end tells, by the key's ARN.
    undecided: Vec<Undecided>,
    /// Transactions of session-start that failed; the end tells whether they named what there was.
    collisions: Vec<Finding>,
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

impl Facts {
    pub fn of(names: Names, account: String, home: Option<String>, window: Range<i64>) -> Self {
        Self {
            names,
            account,
            home,
            window,
            texts: Texts::default(),
            agents: Agents::default(),
            records: HashMap::new(),
            codes: HashMap::new(),
            findings: Vec::new(),
            found: BTreeMap::new(),
            uses: BTreeMap::new(),
            events: 0,
            duplicates: 0,
            not_ours: BTreeMap::new(),
            telephony: Telephony::default(),
            marks: 0,
            lines: 0,
            broken_lines: 0,
            seen: HashSet::new(),
            keys: HashMap::new(),
            undecided: Vec::new(),
            collisions: Vec::new(),
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
        let taken = self.take_elsewhere(&event, at)
            || match &*event.event_source {
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
        Some((role, !role.is_function() || (session == arn.rsplit('/').next() && self.in_scope(identity, role))))
    }

    /// Whether the credentials were issued to the role's function, if the event says to whom (`inScopeOf`).
    fn in_scope(&self, identity: &Identity<'_>, role: Role) -> bool {
        let Some(scope) = &identity.in_scope_of else { return true };
        let of_function = scope.issuer_type.as_deref().is_none_or(|kind| kind == "AWS::Lambda::Function");
        let own = |arn: &str| {
            let mut parts = arn.split(':').skip(3);
            let region = parts.next();
            let here = self.home.as_deref().is_none_or(|home| region == Some(home));
            here && parts.next() == Some(&self.account) && self.names.function(arn) == Some(role)
        };
        of_function && scope.credentials_issued_to.as_deref().is_none_or(own)
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

    /// Settings were looked at: that shows nothing of a citizen.
    #[allow(clippy::unused_self, reason = "one form for all that is taken in")]
    fn looked(&mut self, _: &Event<'_>) -> bool {
        true
    }

    /// Takes in a line that says what an agent did. Says whether there was room for it.
    pub fn take_line(&mut self, record: Id, agent: Id, line: impl Fn(Agent) -> Line) -> bool {
        let Some(agent) = self.agents.number(agent) else { return false };
        self.lines += 1;
        self.records.entry(record).or_default().asked().add_line(line(agent));
        true
    }

    /// Where the function with this role logs.
    pub fn log_group(&self, role: Role) -> String {
        self.names.log_group(role)
    }

    /// Tells of what was made in the place of something, or was to be.
    fn question_makings(&mut self) {
        for finding in std::mem::take(&mut self.collisions) {
            let was = |life: Option<&Life>| life.is_some_and(|life| life.touches.iter().any(|touch| touch.at <= finding.at));
            let record = finding.record.and_then(|id| self.records.get(&id));
            let code = finding.code.and_then(|id| self.codes.get(&id));
            if was(record) || was(code) {
                self.find(finding);
            }
        }
        let records = self.records.iter().map(|(id, life)| (Table::Records, *id, life.out_of_role()));
        let codes = self.codes.iter().map(|(id, life)| (Table::Codes, *id, life.out_of_role()));
        let wrong: Vec<_> = records.chain(codes).filter_map(|(table, id, touch)| Some((table, id, touch?))).collect();
        for (table, id, Touch { at, act, who, .. }) in wrong {
            let (record, code) = if table == Table::Records { (Some(id), None) } else { (None, Some(id)) };
            let action = if act == Act::Made { "dynamodb:TransactWriteItems" } else { "dynamodb:UpdateItem" };
            let (action, on) = (self.texts.number(action), self.texts.number(table.as_str()));
            self.find(Finding { at, kind: Kind::OutOfRole, who, action, on, record, code, refused: false });
        }
    }

    /// After the last event: brings what happened in order, and decides what only all of it tells.
    /// The trail begins at `began`, in Unix seconds.
    pub fn finish(&mut self, began: Option<i64>) {
        for life in self.records.values_mut().chain(self.codes.values_mut()) {
            life.touches.sort_unstable();
            if let Some(asked) = &mut life.asked {
                asked.finish();
            }
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
        self.question_makings();
        for finding in &mut self.findings {
            let code = finding.code.and_then(|code| self.codes.get(&code));
            finding.record = finding.record.or(code.and_then(|code| code.other));
        }
        for at in began.map(|began| self.telephony.unexplained(began)).unwrap_or_default() {
            let (who, action) = (self.texts.number("apigateway.amazonaws.com"), self.texts.number("lambda:Invoke"));
            let on = self.texts.number(Role::DtmfExchange.as_str());
            let who = Who::Other(who);
            self.find(Finding { at, kind: Kind::NotTelephony, who, action, on, record: None, code: None, refused: false });
        }
        self.findings.sort_by_key(|finding| finding.at);
        self.seen = HashSet::new();
    }
}
