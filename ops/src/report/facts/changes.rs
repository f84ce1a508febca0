//! Whatever else mentions what is ours: changes, and what is done in another region.

use std::borrow::Cow;

use serde::Deserialize;

use super::Facts;
use crate::report::event::Event;
use crate::report::finding::Kind;
use crate::report::names::Role;

/// Services of which all events are in one region, wherever they matter.
const GLOBAL: [&str; 3] = ["cloudfront.amazonaws.com", "iam.amazonaws.com", "route53.amazonaws.com"];
/// Where AWS STS logs who calls its address that is for all regions.
const STS_FOR_ALL: &str = "us-east-1";
/// What the functions do with their logs by themselves.
const OWN_LOGS: [&str; 2] = ["CreateLogGroup", "CreateLogStream"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription<'a> {
    log_group_name: Option<Cow<'a, str>>,
    filter_name: Option<Cow<'a, str>>,
}

/// A call to Cloud Control API, which changes any resource of any service.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    type_name: Option<Cow<'a, str>>,
    desired_state: Option<Cow<'a, str>>,
    patch_document: Option<Cow<'a, str>>,
}

impl Facts {
    /// Whether it happened in another region than the trail's own.
    pub(super) fn is_elsewhere(&self, event: &Event<'_>) -> bool {
        let region = event.aws_region.as_deref();
        let global = GLOBAL.contains(&&*event.event_source);
        let for_all = event.event_source == "sts.amazonaws.com" && region == Some(STS_FOR_ALL);
        !global && !for_all && self.home.as_deref().zip(region).is_some_and(|(home, region)| home != region)
    }

    /// What an event mentions of ours.
    fn mentioned(&self, event: &Event<'_>) -> Option<&str> {
        [event.asked(), event.named(), event.answered()].into_iter().find_map(|text| self.names.mentioned(text))
    }

    /// Something with a name of ours in another region: there is nothing of ours there, so it is a namesake, whoever makes it.
    pub(super) fn take_elsewhere(&mut self, event: &Event<'_>, at: i64) -> bool {
        if !self.is_elsewhere(event) || event.event_source == "sts.amazonaws.com" {
            return false;
        }
        // Who looks for it there finds nothing; a role of ours has nothing to look for.
        if event.only_looks() && self.session(event).is_none() {
            return false;
        }
        let Some(name) = self.mentioned(event) else { return false };
        let on = format!("{}:{name}", event.aws_region.as_deref().unwrap_or_default());
        self.flag(event, at, Kind::Elsewhere, &on, None)
    }

    /// Anything else that mentions what is ours.
    pub(super) fn take_change(&mut self, event: &Event<'_>, at: i64) {
        let more = |text: &str| match &*event.event_source {
            "cloudtrail.amazonaws.com" => self.names.trail_mentioned(text),
            "cloudformation.amazonaws.com" => self.names.stack_mentioned(text),
            _ => false,
        };
        let name = self.mentioned(event).map(str::to_owned);
        let unseen = unseen(event);
        let ours = name.is_some() || more(event.asked()) || more(event.named()) || unseen.is_some();
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
        let logs = event.event_source == "logs.amazonaws.com";
        if logs && self.role(event).is_some() && OWN_LOGS.contains(&&*event.event_name) {
            return;
        }
        if event.reads_only() {
            self.looked(event);
            return;
        }
        let deployed = event.is_deployment() && !event.is_cloud_control() && !(logs && self.subscribes_another(event));
        let kind = if deployed { Kind::Deployment } else { Kind::Change };
        let arn = event.arns().into_iter().next().map(Cow::into_owned);
        let on = arn.or(name).or(unseen).unwrap_or_else(|| event.event_source.clone().into_owned());
        self.flag(event, at, kind, &on, None);
    }

    /// Whether it sends another log than that of the agents' functions to where their lines go, or by another subscription.
    fn subscribes_another(&self, event: &Event<'_>) -> bool {
        if !event.asked().contains(&self.names.destination()) {
            return false;
        }
        let own = |call: Subscription<'_>| {
            let group = call.log_group_name?;
            let of_agents = [Role::AgentLookup, Role::ClearContact].iter().any(|role| self.log_group(*role) == group);
            Some(of_agents && call.filter_name? == "audit")
        };
        event.event_name != "PutSubscriptionFilter" || event.parameters().and_then(own) != Some(true)
    }
}

/// What an event may have changed of ours without a name of ours in it: a rule for all logs of the account, or a resource
/// that `CloudTrail` does not show.
fn unseen(event: &Event<'_>) -> Option<String> {
    if event.event_source == "logs.amazonaws.com" && ["PutAccountPolicy", "DeleteAccountPolicy"].contains(&&*event.event_name) {
        return Some(event.event_source.clone().into_owned());
    }
    if !event.is_cloud_control() {
        return None;
    }
    let call = event.parameters::<Resource<'_>>();
    let shown = call.as_ref().is_some_and(|call| match &*event.event_name {
        "CreateResource" => call.desired_state.as_ref().is_some_and(|state| state.trim_start().starts_with('{')),
        "UpdateResource" => call.patch_document.as_ref().is_some_and(|patch| patch.trim_start().starts_with('[')),
        // It names the resource and holds nothing else.
        _ => true,
    });
    (!shown).then(|| call.and_then(|call| call.type_name).map_or_else(|| "?".to_owned(), Cow::into_owned))
}
