//! What belongs to one stage, by the names that `template.yaml` gives it; and names as they stand in a trail.

use std::collections::HashMap;

use crate::stage::Stage;

/// Who does what in ID-bellen: the functions' roles, telephony's, that of `idbellen verify`, and those of the schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    SessionStart,
    SessionIngest,
    SessionReconcile,
    DtmfExchange,
    AgentLookup,
    ClearContact,
    ExpireRecords,
    Telephony,
    Verify,
    Schedule,
}

impl Role {
    /// The roles with a fixed name.
    const NAMED: [Self; 9] = [
        Self::SessionStart,
        Self::SessionIngest,
        Self::SessionReconcile,
        Self::DtmfExchange,
        Self::AgentLookup,
        Self::ClearContact,
        Self::ExpireRecords,
        Self::Telephony,
        Self::Verify,
    ];

    /// Whether it is a function's: the function has the same name.
    pub fn is_function(self) -> bool {
        !matches!(self, Self::Telephony | Self::Verify | Self::Schedule)
    }

    /// The end of its name; what a report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionStart => "session-start",
            Self::SessionIngest => "session-ingest",
            Self::SessionReconcile => "session-reconcile",
            Self::DtmfExchange => "dtmf-exchange",
            Self::AgentLookup => "agent-lookup",
            Self::ClearContact => "clear-contact",
            Self::ExpireRecords => "expire-records",
            Self::Telephony => "telephony",
            Self::Verify => "verify",
            Self::Schedule => "schedule",
        }
    }
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Records,
    Codes,
}

impl Table {
    /// What a report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Records => "Records",
            Self::Codes => "Codes",
        }
    }
}

/// The names of one stage.
pub struct Names {
    /// `idbellen-STAGE-`, the beginning of most names.
    prefix: String,
    /// Where the parameters are, `/idbellen/STAGE`.
    parameters: String,
    tables: [(Table, String); 2],
    /// Whole names of what can be changed: roles, functions, tables, aliases.
    others: Vec<String>,
    /// The log of the API's calls.
    api_log: String,
    /// The trail's name in JSON, alone and at the end of an ARN.
    trail: [String; 2],
    /// What the stack may be called.
    stacks: Vec<String>,
}

/// The schedules' roles in the template, of which SAM makes the names. CloudFormation puts the stack's name before them
/// and adds to their end, and shortens them where that becomes too long.
const SCHEDULE_ROLES: [&str; 2] = ["SessionReconcileEveryMin", "ExpireRecordsEveryMin"];

/// The end of the name of what takes in the agents' lines in the audit account (`infra/audit-account.yaml`).
const DESTINATION: &str = "audit-agents";

impl Names {
    /// The stack is called `stack`, or else as `samconfig.toml` calls it, or that with the stage behind it.
    pub fn of(stage: &Stage, stack: Option<&str>) -> Self {
        let prefix = format!("idbellen-{}-", stage.as_str());
        let tables = [(Table::Records, format!("{prefix}records")), (Table::Codes, format!("{prefix}codes"))];
        let aliases = ["code-current", "code-previous", "code-next", "token", "parameters"];
        let stacks = stack
            .map_or_else(|| vec!["idbellen".to_owned(), format!("idbellen-{}", stage.as_str())], |stack| vec![stack.to_owned()]);
        let mut others: Vec<String> = Role::NAMED.iter().map(|role| format!("{prefix}{}", role.as_str())).collect();
        others.extend(aliases.map(|alias| format!("alias/{prefix}{alias}")));
        // The schedules.
        others.extend(["expire", "reconcile"].map(|name| format!("{prefix}{name}")));
        others.extend(tables.iter().map(|(_, name)| name.clone()));
        others.push(format!("{prefix}{DESTINATION}"));
        // Of two names of which one begins as the other does, the longer is meant.
        others.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
        Self {
            parameters: format!("/idbellen/{}", stage.as_str()),
            stacks,
            api_log: format!("/aws/apigateway/idbellen-{}", stage.as_str()),
            trail: [format!("\"idbellen-{}\"", stage.as_str()), format!(":trail/idbellen-{}\"", stage.as_str())],
            prefix,
            tables,
            others,
        }
    }

    /// The table with this name or ARN, or that of its index.
    pub fn table(&self, name: &str) -> Option<Table> {
        let name = name.split_once(":table/").map_or(name, |(_, name)| name);
        let name = name.split('/').next().unwrap_or(name);
        self.tables.iter().find(|(_, ours)| ours == name).map(|(table, _)| *table)
    }

    /// The tables that a text mentions.
    pub fn mentions_table(&self, text: &str) -> Option<Table> {
        text.contains(&self.prefix)
            .then(|| self.tables.iter().find(|(_, name)| text.contains(name.as_str())))?
            .map(|(table, _)| *table)
    }

    /// The role whose session an ARN of its role belongs to; `account` is the application's.
    pub fn role(&self, arn: &str, account: &str) -> Option<Role> {
        let (before, name) = arn.split_once(":role/")?;
        if before.rsplit(':').next() != Some(account) {
            return None;
        }
        if let Some(end) = name.strip_prefix(&self.prefix)
            && let Some(role) = Role::NAMED.into_iter().find(|role| role.as_str() == end)
        {
            return Some(role);
        }
        let of_stack = |stack: &String| name.strip_prefix(stack.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let mut ends = self.stacks.iter().filter_map(of_stack);
        ends.any(|end| SCHEDULE_ROLES.iter().any(|role| end.starts_with(role))).then_some(Role::Schedule)
    }

    /// The function with this name or ARN.
    pub fn function(&self, name: &str) -> Option<Role> {
        let name = name.split_once(":function:").map_or(name, |(_, name)| name);
        let end = name.split(':').next()?.strip_prefix(&self.prefix)?;
        Role::NAMED.into_iter().find(|role| role.is_function() && role.as_str() == end)
    }

    /// Where the function with this role logs.
    pub fn log_group(&self, role: Role) -> String {
        format!("/aws/lambda/{}{}", self.prefix, role.as_str())
    }

    /// The part of a parameter's name after the stage's folder.
    pub fn parameter<'a>(&self, name: &'a str) -> Option<&'a str> {
        let name = name.split_once(":parameter").map_or(name, |(_, name)| name);
        name.strip_prefix(&self.parameters)?.strip_prefix('/')
    }

    /// Whether everything below `path` includes the stage's parameters, or is some of them.
    pub fn path_reaches_parameters(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path == self.parameters
            || self.parameter(path).is_some()
            || self.parameters.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Which of the stage's keys has this alias.
    pub fn key(&self, id: &str) -> Option<Key> {
        let alias = id.rsplit_once("alias/")?.1.strip_prefix(&self.prefix)?;
        match alias {
            "code-current" | "code-previous" | "code-next" => Some(Key::Code),
            "token" => Some(Key::Token),
            "parameters" => Some(Key::Parameters),
            _ => None,
        }
    }

    /// What takes in the agents' lines in the audit account.
    pub fn destination(&self) -> String {
        format!("{}{DESTINATION}", self.prefix)
    }

    /// What a text mentions of the stage that can be changed, if it mentions something.
    pub fn mentioned(&self, text: &str) -> Option<&str> {
        let named = || self.others.iter().find(|name| text.contains(name.as_str()));
        if let Some(name) = text.contains(&self.prefix).then(named).flatten() {
            return Some(name);
        }
        if text.contains(&format!("{}/", self.parameters)) {
            return Some(&self.parameters);
        }
        // In JSON alone, and in an ARN.
        if text.contains(&self.api_log) && ["\"", ":"].iter().any(|end| text.contains(&format!("{}{end}", self.api_log))) {
            return Some(&self.api_log);
        }
        let scheduled = |stack: &&String| SCHEDULE_ROLES.iter().any(|role| text.contains(&format!("{stack}-{role}")));
        let stack = || self.stacks.iter().find(scheduled);
        text.contains("EveryMin").then(stack).flatten().map(String::as_str)
    }

    /// Whether a call to `CloudTrail` mentions the stage's trail.
    pub fn trail_mentioned(&self, text: &str) -> bool {
        self.trail.iter().any(|name| text.contains(name.as_str()))
    }

    /// Whether a call to `CloudFormation` mentions the stack.
    pub fn stack_mentioned(&self, text: &str) -> bool {
        self.stacks.iter().any(|stack| text.contains(&format!("\"{stack}\"")) || text.contains(&format!(":stack/{stack}/")))
    }
}

/// A key in KMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Code,
    Token,
    Parameters,
}

impl Key {
    /// What a report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "CodeKey",
            Self::Token => "TokenKey",
            Self::Parameters => "ParameterKey",
        }
    }
}

/// Texts that come back often, each kept once.
#[derive(Default)]
pub struct Texts {
    numbers: HashMap<String, u32>,
    all: Vec<String>,
    /// How often there was no room for one.
    pub lost: u64,
}

/// The number of a text in [`Texts`].
pub type Text = u32;

impl Texts {
    /// No more are kept: what a malformed trail holds must not fill the memory.
    const MOST: usize = 100_000;
    /// The number of one for which there was no room. It is shown as `?`, and never as another.
    const LOST: Text = Text::MAX;

    /// The number of `text`, of which only what can stand in a name of AWS is kept.
    pub fn number(&mut self, text: &str) -> Text {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let clean = shown(text);
        if let Some(number) = self.numbers.get(&clean) {
            return *number;
        }
        if self.all.len() >= Self::MOST {
            self.lost += 1;
            return Self::LOST;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(Self::LOST);
        self.all.push(clean.clone());
        self.numbers.insert(clean, number);
        number
    }

    pub fn text(&self, number: Text) -> &str {
        self.all.get(number as usize).map_or("?", String::as_str)
    }
}

/// What of a text may be shown: the characters of AWS's names, 200 at most. A value of an attribute would have no place in
/// a trail, and a report is not to repeat one.
pub fn shown(text: &str) -> String {
    let fits = |one: &char| one.is_ascii_alphanumeric() || "-_./:@+=,*".contains(*one);
    text.chars().filter(fits).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_for_which_there_is_no_room_is_never_shown_as_another() {
        let mut texts = Texts::default();
        let first = texts.number("first");
        for number in 1..=Texts::MOST {
            texts.number(&number.to_string());
        }
        let late = texts.number("late");
        assert_eq!((texts.text(late), texts.text(first), texts.lost), ("?", "first", 2));
        assert_eq!(texts.number("first"), first);
    }

    #[test]
    fn names_of_another_stage_are_not_ours() {
        let names = Names::of(&"prod".parse().unwrap(), None);
        assert_eq!(names.table("idbellen-prod-records"), Some(Table::Records));
        assert_eq!(names.table("arn:aws:dynamodb:x:1:table/idbellen-prod-codes/index/by-expiry"), Some(Table::Codes));
        assert_eq!(names.table("idbellen-prod-2-records"), None);
        assert!(
            names.mentioned("idbellen-prod-2-records").is_none() && names.mentions_table("idbellen-prod-2-records").is_none()
        );
        assert_eq!(names.mentioned("\"idbellen-prod-expire-records\""), Some("idbellen-prod-expire-records"));
        for ours in
            ["\"/aws/apigateway/idbellen-prod\"", "log-group:/aws/apigateway/idbellen-prod:*", "idbellen-prod-audit-agents"]
        {
            assert!(names.mentioned(ours).is_some(), "{ours}");
        }
        assert_eq!(names.mentioned("\"/aws/apigateway/idbellen-prod-2\""), None);
        assert_eq!(names.role("arn:aws:iam::1:role/idbellen-prod-agent-lookup", "1"), Some(Role::AgentLookup));
        for other in ["arn:aws:iam::2:role/idbellen-prod-agent-lookup", "arn:aws:iam::1:role/idbellen-prod-agent-lookup-2"] {
            assert_eq!(names.role(other, "1"), None, "{other}");
        }
        for ours in ["idbellen-ExpireRecordsEveryMinuteRole-1A2B", "idbellen-prod-SessionReconcileEveryMin-1A2B"] {
            assert_eq!(names.role(&format!("arn:aws:iam::1:role/{ours}"), "1"), Some(Role::Schedule), "{ours}");
        }
        for other in ["x-ExpireRecordsEveryMinuteRole", "idbellen-prod-2-ExpireRecordsEveryMinuteRole-1A2B"] {
            assert_eq!(names.role(&format!("arn:aws:iam::1:role/{other}"), "1"), None, "{other}");
        }
        assert_eq!(names.parameter("/idbellen/prod/purposes/x"), Some("purposes/x"));
        assert_eq!(names.parameter("/idbellen/prod-2/purposes"), None);
        assert!(names.path_reaches_parameters("/") && names.path_reaches_parameters("/idbellen/"));
        assert!(!names.path_reaches_parameters("/idbellen/prod-2") && !names.path_reaches_parameters("/id"));
    }

    #[test]
    fn only_what_can_be_a_name_is_shown() {
        assert_eq!(shown("arn:aws:iam::1:user/anna"), "arn:aws:iam::1:user/anna");
        assert_eq!(shown("a <script>\u{e9}\n"), "ascript");
        assert_eq!(shown(&"x".repeat(300)).len(), 200);
    }
}
