//! One event of CloudTrail (AWS CloudTrail user guide, "CloudTrail record contents"), as far as it matters here. Parts are
//! borrowed from the file that it stands in.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

#[allow(clippy::struct_field_names, reason = "these are AWS's names")]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    #[serde(rename = "eventID", borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    event_time: Cow<'a, str>,
    #[serde(borrow)]
    pub event_source: Cow<'a, str>,
    #[serde(borrow)]
    pub event_name: Cow<'a, str>,
    pub error_code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub user_identity: Option<Identity<'a>>,
    #[serde(borrow)]
    pub request_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    pub resources: Option<&'a RawValue>,
    #[serde(borrow)]
    response_elements: Option<&'a RawValue>,
    pub event_category: Option<Cow<'a, str>>,
    pub read_only: Option<bool>,
    pub event_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub aws_region: Option<Cow<'a, str>>,
    #[serde(rename = "sourceIPAddress")]
    pub source_ip_address: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Identity<'a> {
    #[serde(rename = "type")]
    pub kind: Option<Cow<'a, str>>,
    pub arn: Option<Cow<'a, str>>,
    pub account_id: Option<Cow<'a, str>>,
    access_key_id: Option<Cow<'a, str>>,
    pub invoked_by: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub session_context: Option<SessionContext<'a>>,
    pub in_scope_of: Option<Scope<'a>>,
}

/// To what credentials were issued: a function, for one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope<'a> {
    pub issuer_type: Option<Cow<'a, str>>,
    pub credentials_issued_to: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionContext<'a> {
    #[serde(borrow)]
    pub session_issuer: Option<Issuer<'a>>,
}

#[derive(Deserialize)]
pub struct Issuer<'a> {
    pub arn: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub struct Resource<'a> {
    #[serde(rename = "ARN")]
    pub arn: Option<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    /// When it happened, in Unix seconds: CloudTrail gives whole seconds. `None` if it doesn't say.
    pub fn time(&self) -> Option<i64> {
        self.event_time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
    }

    /// The number of the event, by which one that was delivered twice is known.
    pub fn number(&self) -> Option<u128> {
        let mut number = 0_u128;
        let mut digits = 0;
        for one in self.id.bytes().filter(|one| *one != b'-') {
            number = number << 4 | u128::from(char::from(one).to_digit(16)?);
            digits += 1;
        }
        (digits == 32).then_some(number)
    }

    /// What was asked, as it stands there; empty if the event doesn't say.
    pub fn asked(&self) -> &'a str {
        self.request_parameters.map_or("", RawValue::get)
    }

    /// On what, as it stands there.
    pub fn named(&self) -> &'a str {
        self.resources.map_or("", RawValue::get)
    }

    /// What AWS answered, as it stands there. Of calls that only look it is empty.
    pub fn answered(&self) -> &'a str {
        self.response_elements.map_or("", RawValue::get)
    }

    /// Reads what was asked.
    pub fn parameters<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_str(self.asked()).ok()
    }

    /// The ARNs of what it was done to.
    pub fn arns(&self) -> Vec<Cow<'a, str>> {
        let resources: Vec<Resource<'a>> = serde_json::from_str(self.named()).unwrap_or_default();
        resources.into_iter().filter_map(|resource| resource.arn).collect()
    }

    /// The access key that it was signed with; empty if the event doesn't say.
    pub fn access_key(&self) -> &str {
        self.user_identity.as_ref().and_then(|identity| identity.access_key_id.as_deref()).unwrap_or_default()
    }

    /// The address that it was sent from; empty if the event doesn't say.
    pub fn address(&self) -> &str {
        self.source_ip_address.as_deref().unwrap_or_default()
    }

    /// Whether AWS refused it, or it failed in another way.
    pub fn failed(&self) -> bool {
        self.error_code.is_some()
    }

    /// Whether it failed because the condition of the call was not met.
    pub fn condition_failed(&self) -> bool {
        self.error_code.as_deref().is_some_and(|code| code.starts_with("ConditionalCheckFailed"))
    }

    /// Whether it only looked at something.
    pub fn reads_only(&self) -> bool {
        self.read_only.unwrap_or_else(|| self.only_looks())
    }

    /// Whether its name is that of a call that only looks at settings. To use a key is none, though AWS says that it only reads.
    pub fn only_looks(&self) -> bool {
        let verbs = ["Get", "List", "Describe", "Lookup"];
        self.event_category.as_deref() != Some("Data") && verbs.iter().any(|verb| self.event_name.starts_with(verb))
    }

    /// Whether Cloud Control API was asked to make, change or delete a resource: one call that is no deployment, though
    /// CloudFormation carries it out.
    pub fn is_cloud_control(&self) -> bool {
        ["cloudcontrolapi.amazonaws.com", "cloudformation.amazonaws.com"].contains(&&*self.event_source)
            && ["CreateResource", "UpdateResource", "DeleteResource"].contains(&&*self.event_name)
    }

    /// Which service of AWS made the call, if one did.
    pub fn service(&self) -> Option<&str> {
        self.user_identity.as_ref()?.invoked_by.as_deref()
    }

    /// Whether this service of AWS made the call in its own name: not with the rights of someone else.
    pub fn by_service(&self, service: &str) -> bool {
        let kind = self.user_identity.as_ref().and_then(|identity| identity.kind.as_deref());
        kind == Some("AWSService") && self.service() == Some(service)
    }

    /// Whether CloudFormation did it, for a deployment.
    pub fn is_deployment(&self) -> bool {
        const CLOUDFORMATION: &str = "cloudformation.amazonaws.com";
        self.service() == Some(CLOUDFORMATION)
            || self.source_ip_address.as_deref() == Some(CLOUDFORMATION)
            || self.event_source == CLOUDFORMATION
    }
}
