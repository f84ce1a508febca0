//! The stack: what was deployed under its name, and with which parameters.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::report::{Outcome, Report};
use super::template::{Resource, Template};
use crate::aws::{Aws, ListNames};

/// The parameters that say who is trusted, and where what is proved goes.
const DECISIVE: [&str; 12] = [
    "IrmaServerUrl",
    "OidcIssuer",
    "OidcAudience",
    "AgentScope",
    "CitizenOrigin",
    "PortalOrigin",
    "OtherOrigin",
    "ConnectInstanceArn",
    "TelephonyPrincipal",
    "VerifyPrincipal",
    "AuditBucket",
    "AuditDestinationArn",
];

/// A stack.
pub struct Stack {
    /// Its ARN.
    pub id: String,
    /// The template, filled in for it.
    pub template: Template,
    /// Its tags, which its resources have too.
    pub tags: BTreeMap<String, String>,
    status: String,
}

impl Stack {
    /// Finds a stack by its name.
    pub async fn find(aws: &Aws, name: &str) -> Result<Self> {
        let found = aws.stack(name).await?;
        let id = found["StackId"].as_str().context("the stack has no id")?;
        let names = ListNames { list: "StackResourceSummaries", token: "NextToken", next: "NextToken" };
        let listed = aws.query_list("cloudformation", "ListStackResources", ("StackName", name), names);
        let resources: BTreeMap<String, Resource> = listed
            .await
            .with_context(|| format!("stack {name} can't be read in {}", aws.region))?
            .iter()
            .filter(|resource| resource["ResourceStatus"] != "DELETE_COMPLETE")
            .map(resource)
            .collect();
        let list = |name: &str| found[name].as_array().into_iter().flatten();
        let parameters = list("Parameters").map(|parameter| pair(parameter, "ParameterKey", "ParameterValue")).collect();
        Ok(Self {
            id: id.to_owned(),
            template: Template::of(id, parameters, resources)?,
            tags: list("Tags").map(|tag| pair(tag, "Key", "Value")).collect(),
            status: found["StackStatus"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Of the stack as a whole; its parameters against those that were meant, if it is told which.
    pub fn check(&self, meant: Option<&BTreeMap<String, String>>, report: &mut Report) {
        report.add("the stack", "no deployment is under way or failed", Ok(self.is_settled()));
        report.add("the stack", "its resources are those of the template", Ok(self.has_its_resources()));
        // Of these, RecordLifetimeSeconds is the promise of an hour.
        report.add(
            "the stack",
            "its parameters are within the template's limits, a record's lifetime among them",
            Ok(self.keeps_limits()),
        );
        report.add("the stack", "its parameters are those that you meant", Ok(self.is_as_meant(meant)));
        if self.template.parameter("WebSites") == "yes" {
            let why = "this command does not look at the web sites: their files, buckets and distributions";
            let action = "compare each bucket's files with the build, and the distributions' settings with the template";
            report.add("the web sites", "they are what was built", Ok(Outcome::unknown(why, action)));
        }
    }

    fn is_settled(&self) -> Outcome {
        match self.status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_COMPLETE" => Outcome::Holds,
            status => Outcome::unknown(format!("its status is {status}"), "run it again when the deployment has ended well"),
        }
    }

    fn has_its_resources(&self) -> Outcome {
        let (expected, found) = (self.template.logical_names(), self.template.deployed_names());
        let missing = expected.difference(&found).map(|name| format!("{name} is missing"));
        let more = found.difference(&expected).map(|name| format!("{name} is not in the template"));
        let differences: Vec<String> = missing.chain(more).collect();
        Outcome::no_difference(&differences, "deploy the template that came with this version of idbellen")
    }

    fn is_as_meant(&self, meant: Option<&BTreeMap<String, String>>) -> Outcome {
        let Some(meant) = meant else {
            let named = DECISIVE.map(|name| format!("{name} is {:?}", self.template.parameter(name)));
            return Outcome::unknown(
                format!("only you know: {}", named.join(", ")),
                "compare each with what you meant; or keep that in a file, and give it with --expect",
            );
        };
        Outcome::no_difference(
            &self.template.parameters_other_than(meant),
            "find out in the trail who deployed it so; deploy with what you meant",
        )
    }

    fn keeps_limits(&self) -> Outcome {
        Outcome::no_difference(&self.template.parameters_outside_limits(), "deploy the template with other parameters")
    }
}

fn resource(summary: &Value) -> (String, Resource) {
    let text = |name: &str| summary[name].as_str().unwrap_or_default().to_owned();
    (text("LogicalResourceId"), Resource { kind: text("ResourceType"), physical: text("PhysicalResourceId") })
}

fn pair(of: &Value, name: &str, value: &str) -> (String, String) {
    let text = |name: &str| of[name].as_str().unwrap_or_default().to_owned();
    (text(name), text(value))
}
