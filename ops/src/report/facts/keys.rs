//! Uses and changes of keys.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Facts, MOST_FINDINGS, Undecided};
use crate::report::event::Event;
use crate::report::finding::{Finding, Kind};
use crate::report::ids::{Id, read_id};
use crate::report::life::{Act, Touch, Who};
use crate::report::names::{Key, Role, Table, shown};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyCall<'a> {
    key_id: Option<Cow<'a, str>>,
    target_key_id: Option<Cow<'a, str>>,
    alias_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    encryption_context: Option<Context<'a>>,
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(default, deserialize_with = "read_id")]
    record: Option<Id>,
    #[serde(rename = "PARAMETER_ARN")]
    parameter: Option<Cow<'a, str>>,
    #[serde(rename = "aws:lambda:FunctionArn")]
    function: Option<serde::de::IgnoredAny>,
}

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
impl Facts {
    pub(super) fn take_key(&mut self, event: &Event<'_>, at: i64) -> bool {
        let name = &*event.event_name;
        let call: Option<KeyCall<'_>> = event.parameters();
        let arns = event.arns();
        let arn = arns.iter().find(|arn| arn.contains(":key/")).map(|arn| &**arn);
        let named = call.as_ref().and_then(|call| call.key_id.as_deref());
        let alias = call.as_ref().and_then(|call| self.names.key(call.key_id.as_deref().or(call.alias_name.as_deref())?));
        let context = call.as_ref().and_then(|call| call.encryption_context.as_ref());
        let record = context.and_then(|context| context.record);
        let parameter =
            context.and_then(|context| context.parameter.as_deref()).is_some_and(|name| self.names.parameter(name).is_some());
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
        if let (Some(key), Some(arn)) = (learnt, arn.or(call.as_ref().and_then(|call| call.target_key_id.as_deref()))) {
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
        let id = arn.or(named).or(call.as_ref().and_then(|call| call.target_key_id.as_deref()));
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
}
