//! Trails to report on: calls in which all goes well, and what a test adds or spoils.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use local::rsa::RsaKey;
use local::trail::Writer;
use local::trail::event::{Call, Principal, key_arn};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
pub const RECORDS: &str = "idbellen-test-records";
pub const CODES: &str = "idbellen-test-codes";
/// A day begins here in Dutch time: 2026-01-15.
pub const BEGIN: i64 = 1_768_431_600;
const HOUR: i64 = 3600;
/// To make one takes a while.
static KEY: LazyLock<Arc<RsaKey>> = LazyLock::new(|| Arc::new(RsaKey::generate().unwrap()));

/// The id of a record or code, by a number.
pub fn id(number: u8) -> String {
    URL_SAFE_NO_PAD.encode([number; 32])
}

/// The id of the code that belongs to the record with this number.
pub fn code(number: u8) -> String {
    id(number + 100)
}

pub fn agent(number: u8) -> String {
    id(number + 200)
}

pub fn role(name: &str) -> Principal {
    Principal::Role(format!("idbellen-test-{name}"))
}

/// A call of a function on an item.
pub fn item(at: i64, by: &str, operation: &str, table: &str, id: &str) -> Call {
    Call::on_item(BEGIN + at, role(by), operation, table, ACCOUNT, id)
}

/// The mark that a function leaves of an agent, by number, beside its call on a record.
pub fn mark(at: i64, by: &str, agent: u8, record: u8) -> Call {
    Call::mark(BEGIN + at, role(by), RECORDS, ACCOUNT, &self::agent(agent), &id(record))
}

/// A use of a key.
pub fn key(at: i64, by: Principal, operation: &str, alias: &str, context: Option<Value>) -> Call {
    Call::on_key(BEGIN + at, by, operation, &format!("alias/idbellen-test-{alias}"), key_arn(ACCOUNT, alias), context)
}

/// A trail that is still to be written. All times are in seconds since [`BEGIN`].
pub struct Trail {
    pub calls: Vec<Call>,
    pub lines: Vec<(i64, String, String)>,
    pub started: Option<Vec<(i64, u64)>>,
    /// Hours for which there are digests.
    pub hours: i64,
}

impl Default for Trail {
    /// Nothing happens, for three hours.
    fn default() -> Self {
        Self { calls: Vec::new(), lines: Vec::new(), started: Some(Vec::new()), hours: 3 }
    }
}

/// How a call ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By an agent, this many seconds after its start.
    Agent(i64),
    /// By telephony.
    Telephony(i64),
    /// By a sweep.
    Sweep(i64),
    /// Not in the trail.
    Nothing,
}

impl Trail {
    /// A trail of one call, number 1, that an agent clears after five minutes.
    pub fn of_one_call() -> Self {
        let mut trail = Self::default();
        trail.call(1, 60, End::Agent(300));
        trail
    }

    /// A call from its start at this moment on.
    pub fn call(&mut self, number: u8, at: i64, end: End) {
        let (record, code) = (&id(number), &code(number));
        let context = Some(json!({"record": record}));
        let start = role("session-start");
        self.calls.extend([
            key(at, start.clone(), "GenerateMac", "code-current", None),
            key(at, start.clone(), "Encrypt", "token", context.clone()),
            Call::making(BEGIN + at, start, ACCOUNT, [(RECORDS, record), (CODES, code)]),
            item(at + 20, "session-ingest", "GetItem", RECORDS, record),
            key(at + 20, role("session-ingest"), "Decrypt", "token", context),
            item(at + 20, "session-ingest", "UpdateItem", RECORDS, record),
            item(at + 30, "dtmf-exchange", "UpdateItem", CODES, code),
            item(at + 100, "expire-records", "DeleteItem", CODES, code),
        ]);
        match end {
            End::Agent(after) => {
                self.calls.push(mark(at + 40, "agent-lookup", 1, number));
                self.calls.push(item(at + 40, "agent-lookup", "UpdateItem", RECORDS, record));
                self.line(at + 40, "lookup", number, "disclosed", 1);
                self.calls.push(mark(at + after, "clear-contact", 1, number));
                self.calls.push(item(at + after, "clear-contact", "DeleteItem", RECORDS, record));
                self.line(at + after, "clear", number, "cleared", 1);
            }
            End::Telephony(after) => self.calls.push(item(at + after, "clear-contact", "DeleteItem", RECORDS, record)),
            End::Sweep(after) => self.calls.push(item(at + after, "expire-records", "DeleteItem", RECORDS, record)),
            End::Nothing => {}
        }
        if let Some(started) = &mut self.started {
            started.push(((BEGIN + at) / HOUR * HOUR, 1));
        }
    }

    /// A line of a function on an agent.
    pub fn line(&mut self, at: i64, action: &str, number: u8, outcome: &str, by: u8) {
        let said = json!({
            "timestamp": "2026-01-01T00:00:00Z", "level": "INFO", "audit": "agent", "action": action, "record": id(number),
            "agent": agent(by), "outcome": outcome,
        });
        let function = if action == "clear" { "clear-contact" } else { "agent-lookup" };
        self.lines.push(((BEGIN + at) * 1000, function.to_owned(), said.to_string()));
    }

    /// Writes it to a folder of its own.
    pub fn write(&self, test: &str) -> Folder {
        let events: Vec<(i64, Value)> = self.calls.iter().map(|call| (call.at, call.event(ACCOUNT).unwrap())).collect();
        self.write_events(test, &events)
    }

    /// Writes these events in place of those of its calls.
    pub fn write_events(&self, test: &str, events: &[(i64, Value)]) -> Folder {
        self.write_of(test, ACCOUNT, events)
    }

    /// The same, of this account.
    pub fn write_of(&self, test: &str, account: &str, events: &[(i64, Value)]) -> Folder {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{test}"));
        let _ = fs::remove_dir_all(&path);
        let mut writer = Writer::new(&path, account, "test", KEY.clone()).unwrap();
        let (mut logs, mut digests) = (Vec::new(), Vec::new());
        for hour in 0..self.hours {
            let (start, end) = (BEGIN + hour * HOUR, BEGIN + (hour + 1) * HOUR);
            for quarter in 0..4 {
                let (from, until) = (start + quarter * 900, start + (quarter + 1) * 900);
                let of_these: Vec<Value> =
                    events.iter().filter(|(at, _)| (from..until).contains(at)).map(|(_, event)| event.clone()).collect();
                if !of_these.is_empty() {
                    logs.push(writer.log(until, &of_these).unwrap());
                }
            }
            digests.push(writer.digest(start, end).unwrap());
        }
        let lines = (!self.lines.is_empty()).then(|| writer.lines(BEGIN + 900, &self.lines).unwrap());
        writer.finish(self.started.as_deref()).unwrap();
        Folder { path, logs, digests, lines }
    }

    /// Writes it and reports on it.
    pub fn report(&self, test: &str) -> Report {
        self.write(test).report(&[])
    }
}

/// A written trail.
pub struct Folder {
    pub path: PathBuf,
    /// Keys of objects, in their order.
    pub logs: Vec<String>,
    pub digests: Vec<String>,
    pub lines: Option<String>,
}

impl Folder {
    pub fn object(&self, key: &str) -> PathBuf {
        self.path.join("objects").join(key)
    }

    /// Adds what the trail tells of another region: events in each quarter of so many hours.
    pub fn add_region(&self, region: &str, hours: i64) {
        let read = |file: &str| -> Value { serde_json::from_slice(&fs::read(self.path.join(file)).unwrap()).unwrap() };
        let (export, keys) = (read("export.json"), read("public-keys.json"));
        let mut writer = Writer::new(&self.path, ACCOUNT, "test", KEY.clone()).unwrap().in_region(region);
        for hour in 0..hours {
            for quarter in 1..=4 {
                let at = BEGIN + hour * HOUR + quarter * 900;
                let by = Principal::User("anna".to_owned());
                let (service, operation) = ("s3".to_owned(), "ListBuckets".to_owned());
                let call = Call { at: at - 1, by, service, operation, parameters: Value::Null, resource: None, error: None };
                writer.log(at, &[call.event(ACCOUNT).unwrap()]).unwrap();
            }
            writer.digest(BEGIN + hour * HOUR, BEGIN + (hour + 1) * HOUR).unwrap();
        }
        writer.finish(None).unwrap();
        self.change("export.json", |all| {
            all["signatures"].as_object_mut().unwrap().extend(export["signatures"].as_object().unwrap().clone());
        });
        self.change("public-keys.json", |all| all.as_array_mut().unwrap().extend(keys.as_array().unwrap().clone()));
    }

    /// Changes one of the files that stand beside the objects.
    pub fn change(&self, file: &str, change: impl Fn(&mut Value)) {
        let path = self.path.join(file);
        let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        fs::write(path, value.to_string()).unwrap();
    }

    pub fn report(&self, arguments: &[&str]) -> Report {
        let (json, html) = (self.path.join("report.json"), self.path.join("report.html"));
        let output = Command::new(env!("CARGO_BIN_EXE_idbellen"))
            .args(["report", "--stage", "test", "--account", ACCOUNT, "--folder"])
            .arg(&self.path)
            .arg("--json")
            .arg(&json)
            .arg("--html")
            .arg(&html)
            .args(arguments)
            .env_clear()
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(json.exists(), "no report: {err}");
        let json = fs::read(json).unwrap();
        Report {
            code: output.status.code().unwrap(),
            text,
            err,
            html: fs::read_to_string(html).unwrap(),
            json: serde_json::from_slice(&json).unwrap(),
        }
    }
}

/// What the command said.
pub struct Report {
    pub code: i32,
    pub text: String,
    pub err: String,
    pub html: String,
    pub json: Value,
}

impl Report {
    /// The verdict on a statement.
    pub fn on(&self, statement: &str) -> &str {
        let statements = self.json["statements"].as_array().unwrap();
        statements.iter().find(|one| one["id"] == statement).unwrap()["verdict"].as_str().unwrap()
    }

    /// Checks that these statements have these verdicts, that all others are proven, and that the whole is as the worst.
    #[track_caller]
    pub fn is(&self, expected: &[(&str, &str)]) {
        for statement in self.json["statements"].as_array().unwrap() {
            let id = statement["id"].as_str().unwrap();
            let verdict = expected.iter().find(|(of, _)| *of == id).map_or("proven", |(_, verdict)| verdict);
            assert_eq!(statement["verdict"], verdict, "{id}: {}", statement["reasons"]);
        }
        let worst = ["violated", "notProven"].into_iter().find(|one| expected.iter().any(|(_, verdict)| verdict == one));
        assert_eq!(self.json["verdict"], worst.unwrap_or("proven"));
        assert_eq!(self.code, i32::from(worst.is_some()));
    }

    /// The record with this number.
    #[track_caller]
    pub fn record(&self, number: u8) -> &Value {
        let records = self.json["records"].as_array().unwrap();
        records.iter().find(|record| record["id"] == id(number)).unwrap()
    }

    /// Kinds of what was found.
    pub fn found(&self) -> Vec<&str> {
        self.json["findings"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect()
    }

    pub fn faults(&self) -> Vec<&str> {
        self.json["integrity"]["faults"].as_array().unwrap().iter().map(|one| one["fault"].as_str().unwrap()).collect()
    }
}
