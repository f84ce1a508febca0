//! Reading of parameters, invocations of functions, and taking on of roles.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Facts;
use crate::report::event::Event;
use crate::report::finding::Kind;
use crate::report::life::Who;
use crate::report::names::Role;

/// A session of telephony's role lasts so long at most, in seconds: what IAM gives a role unless it is told otherwise.
const SESSION: i64 = 3600;

/// Who took on telephony's role, and when its route was called. Of both only the minutes are kept.
#[derive(Default)]
pub struct Telephony {
    /// Who took on the role in the time that the report is of.
    pub takers: BTreeMap<Who, Taken>,
    taken: BTreeSet<i64>,
    called: BTreeSet<i64>,
}

/// How often someone took on a role, and when: the first and the last time, in Unix seconds.
#[derive(Clone, Copy)]
pub struct Taken {
    pub count: u64,
    pub first: i64,
    pub last: i64,
}

impl Telephony {
    fn taken(&mut self, who: Who, at: i64, counts: bool) {
        self.taken.insert(at.div_euclid(60));
        if counts {
            let taken = self.takers.entry(who).or_insert(Taken { count: 0, first: at, last: at });
            *taken = Taken { count: taken.count + 1, first: taken.first.min(at), last: taken.last.max(at) };
        }
    }

    fn called(&mut self, at: i64) {
        self.called.insert(at.div_euclid(60));
    }

    /// The moments, at most one an hour, at which the route was called though nobody can have had the role; `began` is when
    /// the trail begins, in Unix seconds.
    pub(super) fn unexplained(&self, began: i64) -> Vec<i64> {
        let had = |minute: i64| self.taken.range(minute - SESSION / 60 - 1..=minute).next().is_some();
        let known = |minute: &&i64| **minute * 60 >= began.saturating_add(SESSION);
        let mut moments: Vec<i64> =
            self.called.iter().filter(known).filter(|minute| !had(**minute)).map(|minute| minute * 60).collect();
        moments.dedup_by_key(|at| at.div_euclid(3600));
        moments
    }
}

#[derive(Deserialize)]
struct ParameterCall<'a> {
    name: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    names: Option<Vec<Cow<'a, str>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    function_name: Option<Cow<'a, str>>,
    role_arn: Option<Cow<'a, str>>,
}

/// Who may invoke functions in their own name: API Gateway and Amazon Connect.
const INVOKERS: [&str; 2] = [GATEWAY, "connect.amazonaws.com"];
const GATEWAY: &str = "apigateway.amazonaws.com";
const SCHEDULER: &str = "scheduler.amazonaws.com";

impl Facts {
    pub(super) fn take_parameter(&mut self, event: &Event<'_>, at: i64) -> bool {
        let Some(call) = event.parameters::<ParameterCall<'_>>() else {
            let ours = event.event_name.starts_with("GetParameter") && self.names.mentioned(event.asked()).is_some();
            return ours && self.flag(event, at, Kind::Unknown, "?", None);
        };
        let mut named: Vec<&str> = call.names.iter().flatten().chain(&call.name).map(|name| &**name).collect();
        named.retain(|name| self.names.parameter(name).is_some());
        let path = call.path.as_deref().filter(|path| self.names.path_reaches_parameters(path));
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

    pub(super) fn take_invocation(&mut self, event: &Event<'_>, at: i64) -> bool {
        if !event.event_name.starts_with("Invoke") {
            return false;
        }
        let call: Option<Named<'_>> = event.parameters();
        let arns = event.arns();
        let asked = call.as_ref().and_then(|call| call.function_name.as_deref());
        let names = || asked.into_iter().chain(arns.iter().map(|arn| &**arn));
        let Some(function) = names().find_map(|name| self.names.function(name)) else {
            // One that is named is another. The trail has the invocations of all functions, in whatever region.
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
            (None, _) if INVOKERS.iter().any(|service| event.by_service(service)) => {
                if function == Role::DtmfExchange && event.by_service(GATEWAY) {
                    self.telephony.called(at);
                }
                true
            }
            (role, function) => {
                let kind = if role.is_some() { Kind::OutOfRole } else { Kind::Invocation };
                self.flag(event, at, kind, function.as_str(), None)
            }
        }
    }

    pub(super) fn take_role(&mut self, event: &Event<'_>, at: i64) -> bool {
        let Some(arn) = event.parameters::<Named<'_>>().and_then(|call| call.role_arn) else { return false };
        match self.names.role(&arn, &self.account) {
            None => false,
            // For an exchange of telephony, and for who verifies.
            Some(role @ (Role::Telephony | Role::Verify)) => {
                let who = self.who(event);
                if role == Role::Telephony && !event.failed() {
                    self.telephony.taken(who, at, self.window.contains(&at));
                }
                // An exchange may do so at each call: once an hour is told.
                let first = event.failed() || self.takers.insert((role, who, at.div_euclid(3600)));
                !first || self.flag(event, at, Kind::RoleUsed, role.as_str(), None)
            }
            // The functions' and schedules' are for AWS.
            Some(Role::Schedule) if event.by_service(SCHEDULER) => true,
            // Lambda takes a function's where the function is. Elsewhere it is for a namesake.
            Some(role) if role.is_function() && event.by_service("lambda.amazonaws.com") && !self.is_elsewhere(event) => true,
            Some(role) => self.flag(event, at, Kind::RoleTaken, role.as_str(), None),
        }
    }
}
