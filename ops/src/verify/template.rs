//! The project's own `template.yaml`, and what it says once a stack's parameters are filled in.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use regex_lite::Regex;
use serde_json::{Map, Value};

use super::yaml;
use crate::merge::merge;

/// As it is written.
const SOURCE: &str = include_str!("../../../template.yaml");

/// The template, and the stack that fills it in.
pub struct Template {
    source: Value,
    partition: String,
    region: String,
    account: String,
    stack_id: String,
    parameters: BTreeMap<String, String>,
    resources: BTreeMap<String, Resource>,
}

/// A resource as the stack has it.
#[derive(Clone, Debug)]
pub struct Resource {
    /// `AWS::DynamoDB::Table`.
    pub kind: String,
    /// Its name or id.
    pub physical: String,
}

/// A resource as the template has it.
pub struct Expected {
    /// Its name in the template.
    pub logical: String,
    /// Its properties, with everything filled in.
    pub properties: Value,
}

/// What makes a function run, as the template has it.
pub struct Event {
    /// The function's name in the template.
    pub function: String,
    /// The event's name in the template.
    pub name: String,
    /// Its properties, with everything filled in.
    pub properties: Value,
}

impl Template {
    /// The template for a stack with this id, these parameters and these resources.
    pub fn of(stack_id: &str, parameters: BTreeMap<String, String>, resources: BTreeMap<String, Resource>) -> Result<Self> {
        // arn:aws:cloudformation:eu-central-1:111122223333:stack/name/id
        let arn: Vec<&str> = stack_id.split(':').collect();
        let [_, partition, _, region, account, ..] = arn.as_slice() else {
            anyhow::bail!("the stack's id is no ARN");
        };
        Ok(Self {
            source: yaml::read(SOURCE).context("template.yaml can't be read")?,
            partition: (*partition).to_owned(),
            region: (*region).to_owned(),
            account: (*account).to_owned(),
            stack_id: stack_id.to_owned(),
            parameters,
            resources,
        })
    }

    /// The account's number.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The value of a parameter; empty if there is none.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The name or id that the stack has for a resource of the template; empty if it has none.
    pub fn physical(&self, logical: &str) -> &str {
        self.resources.get(logical).map_or("", |resource| &resource.physical)
    }

    /// The ARN of a resource of the stack.
    pub fn arn(&self, logical: &str) -> String {
        let Some(Resource { kind, physical }) = self.resources.get(logical) else { return String::new() };
        match kind.as_str() {
            "AWS::DynamoDB::Table" => self.account_arn("dynamodb", &format!("table/{physical}")),
            "AWS::IAM::Role" => format!("arn:{}:iam::{}:role/{physical}", self.partition, self.account),
            "AWS::KMS::Key" => self.account_arn("kms", &format!("key/{physical}")),
            "AWS::Lambda::Function" => self.account_arn("lambda", &format!("function:{physical}")),
            "AWS::Logs::LogGroup" => self.account_arn("logs", &format!("log-group:{physical}:*")),
            _ => String::new(),
        }
    }

    /// An ARN in the stack's account and region.
    pub fn account_arn(&self, service: &str, what: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{what}", self.partition, self.region, self.account)
    }

    /// The ARN of a route, for which SAM lets API Gateway invoke the function. What a path leaves open is any.
    pub fn route_arn(&self, event: &Value) -> String {
        let path = event["Path"].as_str().unwrap_or_default().split('/');
        let path: Vec<&str> = path.map(|part| if part.starts_with('{') { "*" } else { part }).collect();
        let (api, method) = (event["ApiId"].as_str().unwrap_or_default(), event["Method"].as_str().unwrap_or_default());
        self.account_arn("execute-api", &format!("{api}/*/{}{}", method.to_uppercase(), path.join("/")))
    }

    /// All resources of a kind whose condition holds. A function has what `Globals` says of all.
    pub fn all(&self, kind: &str) -> Vec<Expected> {
        let resources = self.source["Resources"].as_object().into_iter().flatten();
        let of_kind = resources.filter(|(_, resource)| resource["Type"] == kind && self.is_made(resource));
        let filled_in = of_kind.map(|(logical, resource)| {
            let mut properties = resource["Properties"].clone();
            if kind == FUNCTION {
                let mut whole = self.source["Globals"]["Function"].clone();
                merge(&mut whole, properties);
                properties = whole;
            }
            Expected { logical: logical.clone(), properties: self.filled_in(&properties).unwrap_or_default() }
        });
        filled_in.collect()
    }

    /// All events of a type: `HttpApi`, `ScheduleV2`.
    pub fn events(&self, kind: &str) -> Vec<Event> {
        let mut events = Vec::new();
        for Expected { logical, properties } in self.all(FUNCTION) {
            for (name, event) in properties["Events"].as_object().into_iter().flatten() {
                if event["Type"] == kind {
                    let properties = event["Properties"].clone();
                    events.push(Event { function: logical.clone(), name: name.clone(), properties });
                }
            }
        }
        events
    }

    /// What the stack must consist of: the template's resources, and those that SAM makes of functions and their events
    /// (AWS SAM developer guide, "Generated CloudFormation resources").
    pub fn logical_names(&self) -> BTreeSet<String> {
        let resources = self.source["Resources"].as_object().into_iter().flatten();
        let mut names: BTreeSet<String> =
            resources.filter(|(_, resource)| self.is_made(resource)).map(|(logical, _)| logical.clone()).collect();
        names.extend(self.all("AWS::Serverless::HttpApi").iter().map(|api| format!("{}ApiGatewayDefaultStage", api.logical)));
        names.extend(self.all(FUNCTION).iter().map(|function| format!("{}EventInvokeConfig", function.logical)));
        for Event { function, name, .. } in self.events("HttpApi") {
            names.insert(format!("{function}{name}Permission"));
        }
        for Event { function, name, .. } in self.events("ScheduleV2") {
            names.extend([format!("{function}{name}"), format!("{function}{name}Role")]);
        }
        names
    }

    /// The names of the stack's resources.
    pub fn deployed_names(&self) -> BTreeSet<String> {
        self.resources.keys().cloned().collect()
    }

    /// What CloudFormation tells of a parameter with `NoEcho`, whatever its value is.
    pub const HIDDEN: &str = "****";

    /// The stack's parameters, but for those whose value is hidden.
    fn shown_parameters(&self) -> impl Iterator<Item = (&String, &String)> {
        let hidden = |name: &str| self.source["Parameters"][name]["NoEcho"] == true;
        self.parameters.iter().filter(move |(name, value)| !(hidden(name) && value.as_str() == Self::HIDDEN))
    }

    /// Parameters of the stack that the template does not have, or whose value it does not allow: which, and why.
    pub fn parameters_outside_limits(&self) -> Vec<String> {
        let outside = self.shown_parameters().filter_map(|(name, value)| {
            let declared = &self.source["Parameters"][name];
            if declared.is_null() {
                return Some(format!("{name} is not in the template"));
            }
            let number = value.parse::<i64>().ok();
            let too_low = declared["MinValue"].as_i64().is_some_and(|least| number.is_none_or(|number| number < least));
            let too_high = declared["MaxValue"].as_i64().is_some_and(|most| number.is_none_or(|number| number > most));
            let allowed = declared["AllowedValues"].as_array();
            let unknown = allowed.is_some_and(|values| !values.iter().any(|allowed| text(allowed) == *value));
            let pattern = declared["AllowedPattern"].as_str();
            let unlike = pattern.is_some_and(|pattern| !matches_whole(pattern, value));
            (too_low || too_high || unknown || unlike).then(|| format!("{name} is {value}"))
        });
        let missing = self.source["Parameters"].as_object().into_iter().flatten().map(|(name, _)| name);
        let missing = missing.filter(|name| !self.parameters.contains_key(*name)).map(|name| format!("{name} is missing"));
        outside.chain(missing).collect()
    }

    /// Parameters of the stack with another value than these give, or, if they give none, than the template's default.
    pub fn parameters_other_than(&self, meant: &BTreeMap<String, String>) -> Vec<String> {
        let declared = |name: &str| &self.source["Parameters"][name];
        let unknown = meant.keys().filter(|name| declared(name).is_null()).map(|name| format!("{name} is not in the template"));
        let other = self.shown_parameters().filter_map(|(name, value)| {
            let default = Some(&declared(name)["Default"]).filter(|default| !default.is_null()).map(text);
            match meant.get(name).cloned().or(default) {
                Some(meant) => (meant != *value).then(|| format!("{name} is {value}, and was meant to be {meant:?}")),
                None => Some(format!("{name} is {value}, and it is not told what was meant")),
            }
        });
        unknown.chain(other).collect()
    }

    fn is_made(&self, resource: &Value) -> bool {
        resource["Condition"].as_str().is_none_or(|name| self.condition(name))
    }

    fn condition(&self, name: &str) -> bool {
        self.is_true(&self.source["Conditions"][name])
    }

    fn is_true(&self, rule: &Value) -> bool {
        let Some((function, arguments)) = rule.as_object().and_then(|rule| rule.iter().next()) else { return false };
        let mut all = arguments.as_array().into_iter().flatten();
        match function.as_str() {
            "Condition" => arguments.as_str().is_some_and(|name| self.condition(name)),
            "Fn::Not" => all.all(|rule| !self.is_true(rule)),
            "Fn::And" => all.all(|rule| self.is_true(rule)),
            "Fn::Or" => all.any(|rule| self.is_true(rule)),
            "Fn::Equals" => {
                let sides: Vec<String> = all.map(|side| text(&self.filled_in(side).unwrap_or_default())).collect();
                sides.windows(2).all(|sides| sides[0] == sides[1])
            }
            _ => false,
        }
    }

    /// The value without CloudFormation's functions; nothing for `AWS::NoValue`.
    fn filled_in(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.filled_in(item)).collect()),
            Value::Object(fields) => {
                if let (1, Some((function, argument))) = (fields.len(), fields.iter().next()) {
                    match function.as_str() {
                        "Ref" => return self.reference(argument.as_str()?).map(Value::String),
                        "Fn::Sub" => return Some(self.substituted(argument.as_str()?).into()),
                        "Fn::GetAtt" => return Some(self.attribute(argument[0].as_str()?, argument[1].as_str()?).into()),
                        "Fn::If" => {
                            let holds = self.condition(argument[0].as_str()?);
                            return self.filled_in(&argument[if holds { 1 } else { 2 }]);
                        }
                        _ => {}
                    }
                }
                let fields = fields.iter().filter_map(|(name, value)| Some((name.clone(), self.filled_in(value)?)));
                Some(Value::Object(fields.collect::<Map<_, _>>()))
            }
            other => Some(other.clone()),
        }
    }

    fn reference(&self, name: &str) -> Option<String> {
        let value = match name {
            "AWS::NoValue" => return None,
            "AWS::Partition" => &self.partition,
            "AWS::Region" => &self.region,
            "AWS::AccountId" => &self.account,
            "AWS::StackName" => self.stack_id.split('/').nth(1).unwrap_or_default(),
            _ => self.parameters.get(name).map_or_else(|| self.physical(name), String::as_str),
        };
        Some(value.to_owned())
    }

    fn attribute(&self, logical: &str, attribute: &str) -> String {
        if attribute == "Arn" { self.arn(logical) } else { String::new() }
    }

    fn substituted(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            match name.split_once('.') {
                Some((logical, attribute)) => filled += &self.attribute(logical, attribute),
                None => filled += &self.reference(name).unwrap_or_default(),
            }
            filled += rest;
        }
        filled
    }
}

/// The kind of the functions, before SAM makes others of them.
pub const FUNCTION: &str = "AWS::Serverless::Function";

/// A value as CloudFormation compares it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a pattern of the template matches all of the value, as CloudFormation asks. One that can't be read matches nothing.
fn matches_whole(pattern: &str, value: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(value))
}

/// The template of a stack that has all that a parameter can bring, as far as it is looked at.
#[cfg(test)]
pub fn of_everything() -> Template {
    tests::filled_in(&tests::ALL)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(super) fn filled_in(parameters: &[(&str, &str)]) -> Template {
        let id = "arn:aws:cloudformation:eu-central-1:111122223333:stack/idbellen/x";
        let texts = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let source = yaml::read(SOURCE).unwrap();
        let made = source["Resources"].as_object().unwrap().iter().map(|(logical, resource)| {
            let kind = resource["Type"].as_str().unwrap().replace(FUNCTION, "AWS::Lambda::Function");
            (logical.clone(), Resource { kind, physical: format!("the-{logical}") })
        });
        Template::of(id, parameters.iter().map(texts).collect(), made.collect()).unwrap()
    }

    /// Whatever is conditional is there.
    pub(super) const ALL: [(&str, &str); 10] = [
        ("Stage", "test"),
        ("ConnectInstanceArn", "arn:aws:connect:x"),
        ("TelephonyPrincipal", "arn:aws:iam::1:root"),
        ("VerifyPrincipal", "arn:aws:iam::1:root"),
        ("OtherOrigin", "https://x"),
        ("ReservedConcurrency", "5"),
        ("AuditBucket", "audit"),
        ("AuditKeyArn", "arn:aws:kms:x"),
        ("AuditDestinationArn", "arn:aws:logs:x"),
        ("RecordLifetimeSeconds", "3600"),
    ];

    #[test]
    fn nothing_is_left_to_fill_in() {
        let template = filled_in(&ALL);
        let kinds: BTreeSet<String> = template.source["Resources"]
            .as_object()
            .unwrap()
            .values()
            .map(|one| one["Type"].as_str().unwrap().to_owned())
            .collect();
        for expected in kinds.iter().flat_map(|kind| template.all(kind)) {
            let text = expected.properties.to_string();
            for left in ["\"Fn::", "\"Ref\"", "${", "::role/\""] {
                assert!(!text.contains(left), "{left} in {}: {text}", expected.logical);
            }
        }
    }

    #[test]
    fn what_is_conditional_depends_on_the_parameters() {
        let (all, few) = (filled_in(&ALL), filled_in(&[("Stage", "test"), ("ReservedConcurrency", "0")]));
        assert_eq!((all.all("AWS::CloudTrail::Trail").len(), few.all("AWS::CloudTrail::Trail").len()), (1, 0));
        let reserved = |template: &Template| template.all(FUNCTION)[0].properties["ReservedConcurrentExecutions"].clone();
        assert_eq!((reserved(&all), reserved(&few)), (json!("5"), Value::Null));
        assert!(all.logical_names().contains("ConnectMayClear") && !few.logical_names().contains("ConnectMayClear"));
    }

    #[test]
    fn parameters_have_limits() {
        let with = |name: &str, value: &str| {
            let found = filled_in(&[(name, value)]).parameters_outside_limits();
            found.into_iter().filter(|one| !one.ends_with("missing")).collect::<Vec<_>>()
        };
        assert_eq!(with("RecordLifetimeSeconds", "3600"), Vec::<String>::new());
        assert_eq!(with("RecordLifetimeSeconds", "3601"), ["RecordLifetimeSeconds is 3601"]);
        assert_eq!(with("RecordLifetimeSeconds", "long"), ["RecordLifetimeSeconds is long"]);
        assert_eq!(with("LogRetentionDays", "31"), ["LogRetentionDays is 31"]);
        assert_eq!(with("OidcIssuer", "https://login.example.nl"), Vec::<String>::new());
        assert_eq!(with("OidcIssuer", "http://login.example.nl"), ["OidcIssuer is http://login.example.nl"]);
        assert_eq!(with("Stage", "test\n"), ["Stage is test\n"]);
        assert_eq!(with("ConnectInstanceArn", ""), Vec::<String>::new());
        assert_eq!(with("Other", "x"), ["Other is not in the template"]);
        // CloudFormation does not tell its value, and no other's is told so.
        assert_eq!(with("SiteSecret", Template::HIDDEN), Vec::<String>::new());
        assert_eq!(filled_in(&[("SiteSecret", "****")]).parameters_other_than(&BTreeMap::new()), Vec::<String>::new());
        assert_eq!(with("Stage", Template::HIDDEN), ["Stage is ****"]);
        assert!(filled_in(&[]).parameters_outside_limits().contains(&"Stage is missing".to_owned()));
    }

    #[test]
    fn every_pattern_of_the_template_can_be_read() {
        let template = filled_in(&[]);
        for (name, declared) in template.source["Parameters"].as_object().unwrap() {
            if let Some(pattern) = declared["AllowedPattern"].as_str() {
                Regex::new(pattern).unwrap_or_else(|error| panic!("{name}: {error}"));
                let default = declared["Default"].as_str();
                assert!(default.is_none_or(|default| matches_whole(pattern, default)), "{name}");
            }
        }
    }

    #[test]
    fn a_parameter_that_was_not_meant_so_is_named() {
        let meant =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let template = filled_in(&[("Stage", "test"), ("RecordLifetimeSeconds", "3600"), ("OidcAudience", "us")]);
        assert_eq!(template.parameters_other_than(&meant(&[("Stage", "test"), ("OidcAudience", "us")])), Vec::<String>::new());
        assert_eq!(
            template.parameters_other_than(&meant(&[("OidcAudience", "them"), ("Other", "x")])),
            [
                "Other is not in the template",
                "OidcAudience is us, and was meant to be \"them\"",
                "Stage is test, and was meant to be \"production\""
            ]
        );
        let without = template.parameters_other_than(&meant(&[("Stage", "test")]));
        assert_eq!(without, ["OidcAudience is us, and it is not told what was meant"]);
    }
}
