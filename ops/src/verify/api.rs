//! The API: who may call what, and what is written down of it.

use std::collections::{BTreeMap, BTreeSet};

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
        add("functions get requests as they came".to_owned(), api.integrations().await);
        add("an agent's token is checked as in the template".to_owned(), api.authorizer(&expected.properties).await);
        add("browsers may call it from the origins of the parameters only".to_owned(), api.origins(&expected.properties).await);
        let stages = api.list("GetStages", "stages").await;
        let look = |at: fn(&Value, &[Value]) -> Outcome| {
            stages.as_deref().map(|found| at(&expected.properties, found)).map_err(Clone::clone)
        };
        add("its access log names no one: it holds the template's fields".to_owned(), look(access_log));
        add("each route takes as many requests a second as in the template".to_owned(), look(throttles));
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

/// The routes that SAM makes of the functions' events, and those that stand in the API's own document, by their keys:
/// `POST /sessions`.
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
    let of_events = template.events("HttpApi").into_iter().map(route);
    let apis = template.all("AWS::Serverless::HttpApi");
    let of_documents = apis.iter().flat_map(|api| routes_of_document(&api.properties["DefinitionBody"]));
    of_events.chain(of_documents).collect()
}

/// The routes in an `OpenAPI` document, of which each operation names its one way of authorization.
fn routes_of_document(document: &Value) -> Vec<(String, Route)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
    });
    let route = |(path, method, operation): (&String, &String, &Value)| {
        let security = operation["security"][0].as_object().and_then(|security| security.iter().next());
        let (authorization, authorizer) = match security.map(|(name, _)| name.as_str()) {
            None => ("NONE", ""),
            Some("AWS_IAM") => ("AWS_IAM", ""),
            Some(name) => ("JWT", name),
        };
        let uri = operation["x-amazon-apigateway-integration"]["uri"].as_str().unwrap_or_default();
        let route = Route {
            authorization: authorization.to_owned(),
            authorizer: authorizer.to_owned(),
            scopes: security.map(|(_, scopes)| texts(scopes)).unwrap_or_default(),
            function: function_of(uri).to_owned(),
        };
        (format!("{} {path}", method.to_uppercase()), route)
    };
    operations.map(route).collect()
}

/// The function that an integration invokes. It is named as it is, or in what API Gateway makes of an `OpenAPI` document:
/// `…:lambda:path/…/functions/{arn}/invocations`.
fn function_of(uri: &str) -> &str {
    uri.rsplit_once("/functions/").map_or(uri, |(_, function)| function.trim_end_matches("/invocations"))
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
            let found = Route {
                authorization: route["authorizationType"].as_str().unwrap_or("NONE").to_owned(),
                authorizer: named(&authorizers, "authorizerId", &route["authorizerId"], "name"),
                scopes: texts(&route["authorizationScopes"]),
                function: function_of(&uri).to_owned(),
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

    /// A mapping could change what a function sees of a request, or a caller of an answer.
    async fn integrations(&self) -> Result<Outcome, NotSeen> {
        let found = self.list("GetIntegrations", "integrations").await?;
        let mut differences = Vec::new();
        for integration in &found {
            let id = integration["integrationId"].as_str().unwrap_or_default();
            for name in ["requestParameters", "responseParameters", "requestTemplates", "credentialsArn", "connectionId"] {
                let value = &integration[name];
                if !value.is_null() && *value != json!({}) {
                    differences.push(format!("{id} has {name}"));
                }
            }
            for (name, expected) in [("integrationType", "AWS_PROXY"), ("payloadFormatVersion", "2.0")] {
                if integration[name] != expected {
                    differences.push(format!("{name} of {id} is {}", integration[name]));
                }
            }
        }
        if found.is_empty() {
            return Err(NotSeen::without("apigateway:GetIntegrations", "integration"));
        }
        Ok(Outcome::no_difference(&differences, DEPLOY))
    }
}

fn access_log(expected: &Value, found: &[Value]) -> Outcome {
    let trimmed = |value: &Value| value.as_str().unwrap_or_default().trim_end_matches(":*").to_owned();
    let expected = &expected["AccessLogSettings"];
    let expected = json!([["$default", trimmed(&expected["DestinationArn"]), expected["Format"]]]);
    let found = found.iter().map(|stage| {
        let settings = &stage["accessLogSettings"];
        json!([stage["stageName"], trimmed(&settings["destinationArn"]), settings["format"]])
    });
    Outcome::same(&expected, &json!(found.collect::<Vec<_>>()), DEPLOY)
}

/// Of each route that has limits of its own, and of all others.
fn throttles(expected: &Value, found: &[Value]) -> Outcome {
    // A parameter is a text.
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let limits = |default: &Value, routes: &Value, rate: &str, burst: &str| {
        let routes = routes.as_object().into_iter().flatten().map(|(route, limits)| (route.as_str(), limits));
        let all = routes.chain([("all others", default)]);
        all.map(|(route, limits)| (route.to_owned(), [number(&limits[rate]), number(&limits[burst])])).collect::<BTreeMap<_, _>>()
    };
    let [stage] = found else { return Outcome::broken(format!("it has {} stages", found.len()), DEPLOY) };
    let of_template = (&expected["DefaultRouteSettings"], &expected["RouteSettings"]);
    let expected = limits(of_template.0, of_template.1, "ThrottlingRateLimit", "ThrottlingBurstLimit");
    let of_stage = (&stage["defaultRouteSettings"], &stage["routeSettings"]);
    let found = limits(of_stage.0, of_stage.1, "throttlingRateLimit", "throttlingBurstLimit");
    let text = |limits: Option<&[Option<f64>; 2]>| {
        limits.map_or_else(
            || "not set".to_owned(),
            |limits| limits.map(|one| one.map_or("none".to_owned(), |one| one.to_string())).join(" and "),
        )
    };
    let routes: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let differing = routes.into_iter().filter(|route| expected.get(*route) != found.get(*route));
    let differences: Vec<String> = differing
        .map(|route| {
            format!("rate and burst of {route} are {}, and in the template {}", text(found.get(route)), text(expected.get(route)))
        })
        .collect();
    Outcome::no_difference(&differences, DEPLOY)
}

/// A list of texts, in order.
fn texts(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    texts.sort_unstable();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_template() -> Value {
        json!({
            "DefaultRouteSettings": {"ThrottlingRateLimit": "200", "ThrottlingBurstLimit": "400"},
            "RouteSettings": {"POST /sessions": {"ThrottlingRateLimit": "20", "ThrottlingBurstLimit": "40"}},
        })
    }

    fn of_aws() -> Value {
        json!({
            "stageName": "$default",
            "defaultRouteSettings": {"detailedMetricsEnabled": false, "throttlingRateLimit": 200.0, "throttlingBurstLimit": 400},
            "routeSettings": {"POST /sessions": {"throttlingRateLimit": 20.0, "throttlingBurstLimit": 40}},
        })
    }

    #[test]
    fn a_route_of_the_apis_document_is_one_that_is_expected() {
        let function = "arn:aws:lambda:eu-central-1:1:function:x";
        let integration = json!({"type": "aws_proxy", "uri": format!("arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{function}/invocations")});
        let document = json!({"paths": {
            "/signed": {"post": {"security": [{"AWS_IAM": []}], "x-amazon-apigateway-integration": integration}},
            "/agents": {"get": {"security": [{"AgentToken": ["a", "b"]}], "x-amazon-apigateway-integration": integration}},
            "/open": {"get": {"x-amazon-apigateway-integration": integration}},
        }});
        let route = |authorization: &str, authorizer: &str, scopes: &[&str]| Route {
            authorization: authorization.to_owned(),
            authorizer: authorizer.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            function: function.to_owned(),
        };
        let expected = BTreeMap::from([
            ("POST /signed".to_owned(), route("AWS_IAM", "", &[])),
            ("GET /agents".to_owned(), route("JWT", "AgentToken", &["a", "b"])),
            ("GET /open".to_owned(), route("NONE", "", &[])),
        ]);
        assert_eq!(routes_of_document(&document).into_iter().collect::<BTreeMap<_, _>>(), expected);
        assert!(routes_of_document(&Value::Null).is_empty());
    }

    #[test]
    fn each_route_takes_as_many_requests_as_the_template_says() {
        assert!(matches!(throttles(&of_template(), &[of_aws()]), Outcome::Holds));
        for (pointer, value) in [
            ("/defaultRouteSettings/throttlingRateLimit", json!(201.0)),
            ("/defaultRouteSettings/throttlingBurstLimit", json!(null)),
            ("/defaultRouteSettings", json!({})),
            ("/routeSettings", json!({})),
            ("/routeSettings/POST ~1sessions/throttlingRateLimit", json!(0.0)),
            ("/routeSettings/POST ~1sessions/throttlingBurstLimit", json!(4000)),
            ("/routeSettings", json!({"POST /sessions": of_aws()["routeSettings"]["POST /sessions"], "POST /x": {}})),
        ] {
            let mut changed = of_aws();
            *changed.pointer_mut(pointer).unwrap() = value;
            assert!(matches!(throttles(&of_template(), &[changed]), Outcome::Broken(_)), "{pointer}");
        }
        assert!(matches!(throttles(&of_template(), &[]), Outcome::Broken(_)));
    }
}
