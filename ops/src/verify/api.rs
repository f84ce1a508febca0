//! The API: who may call what, and what is written down of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::report::{DEPLOY, Outcome, Report};
use super::stack::Stack;
use super::template::Template;
use crate::aws::{Aws, ListNames, NotSeen};

/// Checks all APIs: one.
pub async fn check(aws: &Aws, stack: &Stack, report: &mut Report) {
    for expected in stack.template.all("AWS::Serverless::HttpApi") {
        let api = Api { aws, path: format!("/v2/apis/{}", stack.template.physical(&expected.logical)) };
        let mut add = |promise: String, outcome| report.add("the API", promise, outcome);
        let found = api.routes().await;
        let routes = expected_routes(&stack.template);
        for (key, expected) in &routes {
            let outcome = found.as_ref().map(|found| route(expected, found.get(key))).map_err(Clone::clone);
            add(format!("{key}: {}", expected.promise()), outcome);
        }
        add("it has no other route".to_owned(), found.map(|found| no_other(&routes, &found)));
        add("an agent's token is checked as in the template".to_owned(), api.authorizer(&expected.properties).await);
        add("browsers may call it from the origins of the parameters only".to_owned(), api.origins(&expected.properties).await);
        let stage = api.stage(&expected.properties).await;
        add("its access log names no one: it holds the template's fields".to_owned(), stage);
    }
}

/// Who may call a route, and which function answers.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    authorization: String,
    authorizer: String,
    scopes: Vec<String>,
    function: String,
}

impl Route {
    fn promise(&self) -> &'static str {
        match self.authorization.as_str() {
            "AWS_IAM" => "for signed requests only",
            "JWT" => "for agents only",
            _ => "for everyone, as in the template",
        }
    }
}

/// The routes that SAM makes of the functions' events, by their keys: `POST /sessions`.
fn expected_routes(template: &Template) -> BTreeMap<String, Route> {
    let route = |event: super::template::Event| {
        let properties = &event.properties;
        let text = |name: &str| properties[name].as_str().unwrap_or_default();
        let authorizer = properties["Auth"]["Authorizer"].as_str().unwrap_or_default();
        let authorization = match authorizer {
            "" => "NONE",
            "AWS_IAM" => "AWS_IAM",
            _ => "JWT",
        };
        let route = Route {
            authorization: authorization.to_owned(),
            authorizer: if authorization == "JWT" { authorizer.to_owned() } else { String::new() },
            scopes: texts(&properties["Auth"]["AuthorizationScopes"]),
            function: template.arn(&event.function),
        };
        (format!("{} {}", text("Method").to_uppercase(), text("Path")), route)
    };
    template.events("HttpApi").into_iter().map(route).collect()
}

fn route(expected: &Route, found: Option<&Route>) -> Outcome {
    let Some(found) = found else { return Outcome::broken("there is no such route", DEPLOY) };
    Outcome::holds_if(expected == found, format!("it is {found:?}, and in the template {expected:?}"), DEPLOY)
}

fn no_other(expected: &BTreeMap<String, Route>, found: &BTreeMap<String, Route>) -> Outcome {
    let more: Vec<String> = found.keys().filter(|key| !expected.contains_key(*key)).cloned().collect();
    Outcome::no_difference(&more, DEPLOY)
}

struct Api<'a> {
    aws: &'a Aws,
    path: String,
}

impl Api<'_> {
    async fn list(&self, operation: &str, what: &str) -> Result<Vec<Value>, NotSeen> {
        let names = ListNames { list: "items", token: "nextToken", next: "nextToken" };
        self.aws.get_list("apigateway", operation, &format!("{}/{what}", self.path), names).await
    }

    async fn routes(&self) -> Result<BTreeMap<String, Route>, NotSeen> {
        let (routes, integrations) =
            (self.list("GetRoutes", "routes").await?, self.list("GetIntegrations", "integrations").await?);
        let authorizers = self.list("GetAuthorizers", "authorizers").await?;
        let named = |items: &[Value], id: &str, is: &Value, name: &str| {
            let item = items.iter().find(|item| !is.is_null() && item[id] == *is);
            item.and_then(|item| item[name].as_str()).unwrap_or_default().to_owned()
        };
        let route = |route: &Value| {
            let target = json!(route["target"].as_str().unwrap_or_default().trim_start_matches("integrations/"));
            let uri = named(&integrations, "integrationId", &target, "integrationUri");
            // As it is, or in what API Gateway makes of an OpenAPI document: `…:lambda:path/…/functions/{arn}/invocations`.
            let function =
                uri.rsplit_once("/functions/").map_or(uri.as_str(), |(_, function)| function.trim_end_matches("/invocations"));
            let found = Route {
                authorization: route["authorizationType"].as_str().unwrap_or("NONE").to_owned(),
                authorizer: named(&authorizers, "authorizerId", &route["authorizerId"], "name"),
                scopes: texts(&route["authorizationScopes"]),
                function: function.to_owned(),
            };
            (route["routeKey"].as_str().unwrap_or_default().to_owned(), found)
        };
        Ok(routes.iter().map(route).collect())
    }

    async fn authorizer(&self, expected: &Value) -> Result<Outcome, NotSeen> {
        let found = self.list("GetAuthorizers", "authorizers").await?;
        let expected: Vec<Value> = expected["Auth"]["Authorizers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, expected)| {
                let jwt = &expected["JwtConfiguration"];
                json!([name, "JWT", [expected["IdentitySource"]], jwt["issuer"], jwt["audience"]])
            })
            .collect();
        let found: Vec<Value> = found
            .iter()
            .map(|found| {
                let jwt = &found["jwtConfiguration"];
                json!([found["name"], found["authorizerType"], found["identitySource"], jwt["issuer"], jwt["audience"]])
            })
            .collect();
        Ok(Outcome::same(&json!(expected), &json!(found), DEPLOY))
    }

    async fn origins(&self, expected: &Value) -> Result<Outcome, NotSeen> {
        let found = self.aws.get("apigateway", "GetApi", &self.path).await?;
        let (expected, found) = (&expected["CorsConfiguration"], &found["corsConfiguration"]);
        let mut differences = Vec::new();
        for (name, field) in
            [("AllowOrigins", "allowOrigins"), ("AllowMethods", "allowMethods"), ("AllowHeaders", "allowHeaders")]
        {
            let (expected, found) = (texts(&expected[name]), texts(&found[field]));
            if expected != found {
                differences.push(format!("{name} are {found:?}, and in the template {expected:?}"));
            }
        }
        if found["allowCredentials"] == true {
            differences.push("cookies go along".to_owned());
        }
        Ok(Outcome::no_difference(&differences, DEPLOY))
    }

    async fn stage(&self, expected: &Value) -> Result<Outcome, NotSeen> {
        let found = self.list("GetStages", "stages").await?;
        let trimmed = |value: &Value| value.as_str().unwrap_or_default().trim_end_matches(":*").to_owned();
        let expected = &expected["AccessLogSettings"];
        let expected = json!([["$default", trimmed(&expected["DestinationArn"]), expected["Format"]]]);
        let found = found.iter().map(|stage| {
            let settings = &stage["accessLogSettings"];
            json!([stage["stageName"], trimmed(&settings["destinationArn"]), settings["format"]])
        });
        Ok(Outcome::same(&expected, &json!(found.collect::<Vec<_>>()), DEPLOY))
    }
}

/// A list of texts, in order.
fn texts(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    texts.sort_unstable();
    texts
}
