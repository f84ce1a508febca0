//! The roles: what they may do, and who may take them.

use serde_json::{Value, json};

use super::policy;
use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::{Event, Template};
use crate::aws::{Aws, ListNames, NotSeen, decoded};

/// Checks all roles.
pub async fn check(aws: &Aws, stack: &Stack, report: &mut Report) {
    let template = &stack.template;
    let roles = template.all("AWS::IAM::Role").into_iter().map(|role| (role.logical, role.properties));
    let of_schedules = template.events("ScheduleV2").into_iter().map(|event| of_schedule(template, &event));
    for (logical, mut properties) in roles.chain(of_schedules) {
        properties["Policies"] = own_policies(template, &logical, &properties).into();
        let role = Role { aws, name: template.physical(&logical) };
        let subject = format!("role {logical}");
        let mut add = |promise: &str, outcome| report.add(&subject, promise, outcome);
        add("who may take it is as in the template", role.trust(&properties).await);
        add("what it may do is as in the template", role.policies(&properties).await);
        add("no managed policy is attached", role.attached().await);
    }
}

/// The role that SAM makes for a schedule (AWS SAM developer guide, "ScheduleV2"): its name in the template, and what it
/// may do.
fn of_schedule(template: &Template, event: &Event) -> (String, Value) {
    let Event { function, name, .. } = event;
    let statement = json!({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": template.arn(function)});
    let trust = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "scheduler.amazonaws.com"}});
    let policy = json!({"PolicyName": format!("{function}{name}LambdaPolicy"), "PolicyDocument": {"Statement": [statement]}});
    (format!("{function}{name}Role"), json!({"AssumeRolePolicyDocument": {"Statement": [trust]}, "Policies": [policy]}))
}

/// The policies that the template puts in a role: those in it, and those that name it.
fn own_policies(template: &Template, logical: &str, role: &Value) -> Vec<Value> {
    let mut policies = role["Policies"].as_array().cloned().unwrap_or_default();
    let others = template.all("AWS::IAM::Policy").into_iter().map(|policy| policy.properties);
    let names = |policy: &Value| policy["Roles"].as_array().into_iter().flatten().any(|role| role == template.physical(logical));
    policies.extend(others.filter(names));
    policies
}

struct Role<'a> {
    aws: &'a Aws,
    name: &'a str,
}

impl Role<'_> {
    async fn ask(&self, operation: &str, more: &[(&str, &str)]) -> Result<Value, NotSeen> {
        let parameters: Vec<(&str, &str)> = [("RoleName", self.name)].into_iter().chain(more.iter().copied()).collect();
        self.aws.query("iam", operation, &parameters).await
    }

    async fn list(&self, operation: &str, list: &'static str) -> Result<Vec<Value>, NotSeen> {
        let names = ListNames { list, token: "Marker", next: "Marker" };
        self.aws.query_list("iam", operation, ("RoleName", self.name), names).await
    }

    async fn trust(&self, properties: &Value) -> Result<Outcome, NotSeen> {
        let found = self.ask("GetRole", &[]).await?;
        let found = document("iam:GetRole", &found["Role"]["AssumeRolePolicyDocument"])?;
        Ok(policy::same(&properties["AssumeRolePolicyDocument"], &found))
    }

    async fn policies(&self, properties: &Value) -> Result<Outcome, NotSeen> {
        // What several policies allow, they allow together.
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for policy in properties["Policies"].as_array().into_iter().flatten() {
            expected.extend(policy["PolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default());
        }
        for name in self.list("ListRolePolicies", "PolicyNames").await? {
            let policy = self.ask("GetRolePolicy", &[("PolicyName", name.as_str().unwrap_or_default())]).await?;
            let policy = document("iam:GetRolePolicy", &policy["PolicyDocument"])?;
            match &policy["Statement"] {
                Value::Array(statements) => found.extend(statements.clone()),
                statement => found.push(statement.clone()),
            }
        }
        Ok(policy::same(&json!({"Statement": expected}), &json!({"Statement": found})))
    }

    async fn attached(&self) -> Result<Outcome, NotSeen> {
        let found = self.list("ListAttachedRolePolicies", "AttachedPolicies").await?;
        let named: Vec<String> = found.iter().map(|policy| policy["PolicyArn"].to_string()).collect();
        Ok(Outcome::no_difference(&named, DEPLOY))
    }
}

/// A policy, which IAM encodes as in an address (RFC 3986).
fn document(asked: &str, text: &Value) -> Result<Value, NotSeen> {
    policy::read(asked, &text.as_str().and_then(decoded).into())
}

#[cfg(test)]
mod tests {
    use super::super::template::of_everything;
    use super::*;

    /// Each statement that the template gives a role, or its trust.
    fn statements(template: &Template) -> Vec<(String, Value)> {
        let roles = template.all("AWS::IAM::Role");
        let documents = roles.iter().flat_map(|role| {
            let policies = own_policies(template, &role.logical, &role.properties);
            let documents = policies.into_iter().map(|policy| policy["PolicyDocument"].clone());
            documents
                .chain([role.properties["AssumeRolePolicyDocument"].clone()])
                .map(|document| (role.logical.clone(), document))
        });
        let each = documents.flat_map(|(role, document)| {
            let statements = document["Statement"].as_array().cloned().unwrap_or_default();
            statements.into_iter().map(move |statement| (role.clone(), statement))
        });
        each.collect()
    }

    /// A statement's condition says for what it holds: one that lacks it allows more, and one with another allows
    /// something else.
    #[test]
    fn a_condition_more_or_less_in_any_statement_is_found() {
        let template = of_everything();
        let all = statements(&template);
        let with = all.iter().filter(|(_, statement)| statement["Condition"].is_object()).count();
        assert!(all.len() > 40 && with > 10, "{} statements, {with} with a condition", all.len());
        for (role, statement) in all {
            let is_same = |other: &Value| {
                let (statement, other) = (json!({"Statement": [statement]}), json!({"Statement": [other]}));
                matches!(policy::same(&statement, &other), Outcome::Holds)
            };
            assert!(is_same(&statement), "{role}: {statement}");
            let mut others = vec![statement.clone()];
            others[0]["Condition"]["StringEquals"]["aws:PrincipalTag/x"] = json!("y");
            for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
                for key in keys.as_object().into_iter().flatten().map(|(key, _)| key) {
                    let (mut without, mut another, mut wider) = (statement.clone(), statement.clone(), statement.clone());
                    without["Condition"][operator].as_object_mut().unwrap().remove(key);
                    another["Condition"][operator][key] = json!("another");
                    wider["Condition"][operator][key] = json!([statement["Condition"][operator][key], "another"]);
                    others.extend([without, another, wider]);
                }
                let mut without = statement.clone();
                without["Condition"].as_object_mut().unwrap().remove(operator);
                others.push(without);
            }
            for other in others {
                assert!(!is_same(&other), "{role}: {other}");
            }
        }
    }
}
