//! AWS, asked for settings. Its answers are compared with the template as they come: so they are read as JSON, not into
//! the types of an SDK, which would leave out what it does not know. Requests are signed by AWS's own signer, with the
//! credentials that AWS's own configuration finds.

use std::fmt;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::{Client, StatusCode, Url, redirect};
use roxmltree::{Document, Node};
use serde_json::{Map, Value, json};

/// The account and region that the environment or the profile names.
pub struct Aws {
    http: Client,
    credentials: Credentials,
    /// As eu-central-1.
    pub region: String,
    /// In place of AWS's own addresses.
    endpoint: Option<String>,
}

/// A service that is asked by JSON alone: its name in addresses and signatures, and the start of `X-Amz-Target`.
#[derive(Clone, Copy)]
pub struct JsonService {
    name: &'static str,
    target: &'static str,
    version: &'static str,
}

impl JsonService {
    const fn new(name: &'static str, target: &'static str, version: &'static str) -> Self {
        Self { name, target, version }
    }
}

/// Amazon `DynamoDB`.
pub const DYNAMODB: JsonService = JsonService::new("dynamodb", "DynamoDB_20120810", "1.0");
/// AWS Key Management Service.
pub const KMS: JsonService = JsonService::new("kms", "TrentService", "1.1");
/// AWS `CloudTrail`.
pub const CLOUDTRAIL: JsonService =
    JsonService::new("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "1.1");
/// Amazon `CloudWatch` Logs.
pub const LOGS: JsonService = JsonService::new("logs", "Logs_20140328", "1.1");
/// AWS Systems Manager.
pub const SSM: JsonService = JsonService::new("ssm", "AmazonSSM", "1.1");
/// Amazon `CloudWatch`.
pub const CLOUDWATCH: JsonService = JsonService::new("monitoring", "GraniteServiceVersion20100801", "1.0");

/// AWS did not tell.
#[derive(Clone, Debug)]
pub struct NotSeen {
    /// What was asked, as `dynamodb:DescribeTable`.
    asked: String,
    /// AWS's code for why not; empty if AWS gave none.
    code: String,
    why: String,
}

impl NotSeen {
    /// An answer without what was asked for.
    pub fn without(asked: &str, what: &str) -> Self {
        Self { asked: asked.to_owned(), code: String::new(), why: format!("the answer has no {what}") }
    }

    /// Whether AWS gave this code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Whether it is because what was asked about is not there.
    pub fn is_absence(&self) -> bool {
        let absent = ["ResourceNotFoundException", "NoSuchEntity", "NotFoundException", "TrailNotFoundException"];
        absent.contains(&self.code.as_str())
    }

    /// What to do about it.
    pub fn action(&self) -> &'static str {
        let code = self.code.as_str();
        if code.contains("AccessDenied") || code.contains("Unauthorized") {
            "use the stack's VerifyRole, or a role with this right"
        } else if code.contains("Throttl") || code.contains("TooManyRequests") || code.contains("LimitExceeded") {
            "run it again in a minute"
        } else {
            "see that region, credentials and stack are the right ones, and run it again"
        }
    }
}

impl fmt::Display for NotSeen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} failed: {}", self.asked, if self.code.is_empty() { &self.why } else { &self.code })
    }
}

impl std::error::Error for NotSeen {}

/// A request before it is signed.
struct Request<'a> {
    service: &'a str,
    method: &'a str,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: String,
}

impl Aws {
    /// Finds region and credentials the way AWS's own command does.
    pub async fn from_environment() -> Result<Self> {
        let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
        let region = config.region().context("there is no region: set AWS_REGION, or one in the profile")?.to_string();
        let provider = config.credentials_provider().context("there are no credentials: set AWS_PROFILE, or log in")?;
        let credentials = provider.provide_credentials().await.context("there are no credentials: set AWS_PROFILE, or log in")?;
        let endpoint = config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned());
        let mut http = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_mins(2))
            .redirect(redirect::Policy::none());
        if endpoint.as_ref().is_some_and(|url| url.starts_with("http:")) {
            http = http.no_proxy();
        }
        Ok(Self { http: http.build()?, credentials, region, endpoint })
    }

    /// Asks a service that is asked by JSON alone.
    pub async fn json(&self, service: JsonService, operation: &str, body: &Value) -> Result<Value, NotSeen> {
        let content = format!("application/x-amz-json-{}", service.version);
        let target = format!("{}.{operation}", service.target);
        let request = Request {
            service: service.name,
            method: "POST",
            path: "/",
            headers: &[("content-type", &content), ("x-amz-target", &target)],
            body: body.to_string(),
        };
        self.ask(&format!("{}:{operation}", service.name), &request).await
    }

    /// The items of a list, of all its pages: `list` names it, `token` and `next` what is asked and answered to go on.
    pub async fn json_list(
        &self,
        service: JsonService,
        operation: &str,
        mut body: Value,
        list: &str,
        (token, next): (&str, &str),
    ) -> Result<Vec<Value>, NotSeen> {
        let mut all = Vec::new();
        loop {
            let page = self.json(service, operation, &body).await?;
            all.extend(listed(&page, list, service.name, operation)?);
            match page[next].as_str() {
                Some(more) if !more.is_empty() => body[token] = more.into(),
                _ => return Ok(all),
            }
        }
    }

    /// The stack of this name, as `CloudFormation` describes it.
    pub async fn stack(&self, name: &str) -> Result<Value> {
        let described = self.query("cloudformation", "DescribeStacks", &[("StackName", name)]).await;
        let mut described = described.with_context(|| format!("stack {name} can't be read in {}", self.region))?;
        let stack = described.pointer_mut("/Stacks/0").map(Value::take);
        stack.with_context(|| format!("CloudFormation tells nothing of stack {name}"))
    }

    /// Asks a service that is asked by paths. `path` is encoded already.
    pub async fn get(&self, service: &str, operation: &str, path: &str) -> Result<Value, NotSeen> {
        let request = Request { service, method: "GET", path, headers: &[], body: String::new() };
        self.ask(&format!("{service}:{operation}"), &request).await
    }

    /// The items of a list, of all its pages. `path` has no query.
    pub async fn get_list(&self, service: &str, operation: &str, path: &str, names: ListNames) -> Result<Vec<Value>, NotSeen> {
        let ListNames { list, token, next } = names;
        let (mut all, mut page_path) = (Vec::new(), path.to_owned());
        loop {
            let page = self.get(service, operation, &page_path).await?;
            all.extend(listed(&page, list, service, operation)?);
            match page[next].as_str() {
                Some(more) if !more.is_empty() => page_path = format!("{path}?{token}={}", encoded(more)),
                _ => return Ok(all),
            }
        }
    }

    /// Asks a service of AWS's query protocol. Its XML is turned into JSON: the content of `{operation}Result`, with lists
    /// for what holds `member`s, and text for what holds text.
    pub async fn query(&self, service: &str, operation: &str, parameters: &[(&str, &str)]) -> Result<Value, NotSeen> {
        let version = if service == "iam" { "2010-05-08" } else { "2010-05-15" };
        let pairs = [("Action", operation), ("Version", version)];
        let pairs = pairs.iter().chain(parameters).map(|(name, value)| format!("{name}={}", encoded(value)));
        let request = Request {
            service,
            method: "POST",
            path: "/",
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: pairs.collect::<Vec<_>>().join("&"),
        };
        let mut answer = self.ask(&format!("{service}:{operation}"), &request).await?;
        Ok(answer[format!("{operation}Result")].take())
    }

    /// The same for a list of several pages.
    pub async fn query_list(
        &self,
        service: &str,
        operation: &str,
        parameter: (&str, &str),
        ListNames { list, token, next }: ListNames,
    ) -> Result<Vec<Value>, NotSeen> {
        let (mut all, mut more) = (Vec::new(), None::<String>);
        loop {
            let parameters: Vec<(&str, &str)> =
                [Some(parameter), more.as_deref().map(|more| (token, more))].into_iter().flatten().collect();
            let page = self.query(service, operation, &parameters).await?;
            all.extend(listed(&page, list, service, operation)?);
            more = page[next].as_str().filter(|more| !more.is_empty()).map(str::to_owned);
            if more.is_none() {
                return Ok(all);
            }
        }
    }

    /// What is at an address that AWS gave, for which no signature is needed.
    pub async fn download(&self, asked: &str, url: &str) -> Result<Vec<u8>, NotSeen> {
        let failed = |error: reqwest::Error| not_asked(asked, &error.without_url());
        let response = self.http.get(url).send().await.map_err(failed)?;
        let response = response.error_for_status().map_err(failed)?;
        Ok(response.bytes().await.map_err(failed)?.to_vec())
    }

    async fn ask(&self, asked: &str, request: &Request<'_>) -> Result<Value, NotSeen> {
        let broken = |error: anyhow::Error| not_asked(asked, &error);
        let signed = self.signed(request).map_err(broken)?;
        let answer = self.http.execute(signed).await.map_err(|error| not_asked(asked, &error.without_url()))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.map_err(|error| not_asked(asked, &error.without_url()))?;
        let json = if text.starts_with('<') { from_xml(&text) } else { serde_json::from_str(&text).ok() };
        if status.is_success() {
            return json.ok_or_else(|| NotSeen::without(asked, "content that can be read"));
        }
        let json = json.unwrap_or_default();
        let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let named = [header, json["__type"].as_str(), json["Error"]["Code"].as_str(), json["code"].as_str()];
        let code = named.into_iter().flatten().next().unwrap_or_default();
        // `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException`, `ResourceNotFoundException:http://…`
        let code = code.rsplit('#').next().and_then(|code| code.split(':').next()).unwrap_or_default();
        Err(NotSeen { asked: asked.to_owned(), code: code.to_owned(), why: said(status) })
    }

    fn signed(&self, request: &Request<'_>) -> Result<reqwest::Request> {
        let (region, address) = address(self.endpoint.as_deref(), &self.region, request.service);
        let url = Url::parse(&format!("{address}{}", request.path))?;
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(request.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let body = SignableBody::Bytes(request.body.as_bytes());
        let signable = SignableRequest::new(request.method, url.as_str(), request.headers.iter().copied(), body)?;
        let (signature, _) = sign(signable, &parameters)?.into_parts();
        let mut sent = self.http.request(request.method.parse()?, url);
        for (name, value) in request.headers.iter().copied().chain(signature.headers()) {
            sent = sent.header(name, value);
        }
        Ok(sent.body(request.body.clone()).build()?)
    }
}

/// The region for which a service is signed, and its address (AWS General Reference, "Service endpoints").
fn address(endpoint: Option<&str>, region: &str, service: &str) -> (String, String) {
    let (suffix, iam) = match region {
        region if region.starts_with("cn-") => ("amazonaws.com.cn", "cn-north-1"),
        region if region.starts_with("eusc-") => ("amazonaws.eu", "eusc-de-east-1"),
        _ => ("amazonaws.com", "us-east-1"),
    };
    let region = if service == "iam" { iam } else { region };
    let address = match endpoint {
        Some(endpoint) => endpoint.to_owned(),
        None if service == "iam" && suffix == "amazonaws.com" => format!("https://iam.{suffix}"),
        None => format!("https://{service}.{region}.{suffix}"),
    };
    (region.to_owned(), address)
}

/// How a list and its pages are called: the list, and what is asked and answered to go on.
#[derive(Clone, Copy)]
pub struct ListNames {
    /// The list.
    pub list: &'static str,
    /// What is asked, to go on.
    pub token: &'static str,
    /// What is answered, if there is more.
    pub next: &'static str,
}

/// A list that an answer must have, be it empty: one that is not there says nothing.
fn listed(page: &Value, list: &str, service: &str, operation: &str) -> Result<Vec<Value>, NotSeen> {
    match page.get(list) {
        Some(Value::Array(items)) => Ok(items.clone()),
        // An empty element of XML.
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(NotSeen::without(&format!("{service}:{operation}"), list)),
    }
}

fn not_asked(asked: &str, error: &(impl fmt::Display + ?Sized)) -> NotSeen {
    NotSeen { asked: asked.to_owned(), code: String::new(), why: format!("{error:#}") }
}

fn said(status: StatusCode) -> String {
    format!("AWS answered with status {status}")
}

/// A text as it stands in a path, a query or a form (RFC 3986, section 2.3).
pub fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            encoded + char::from(byte).encode_utf8(&mut [0; 4])
        }
        _ => encoded + &format!("%{byte:02X}"),
    })
}

/// A text that IAM encoded so.
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn from_xml(text: &str) -> Option<Value> {
    Document::parse(text).ok().map(|document| from_node(document.root_element()))
}

fn from_node(node: Node<'_, '_>) -> Value {
    let children: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
    if children.is_empty() {
        return node.text().map_or_else(|| Value::Null, |text| json!(text));
    }
    if children.iter().all(|child| child.tag_name().name() == "member") {
        return children.into_iter().map(from_node).collect();
    }
    let fields: Map<String, Value> =
        children.iter().map(|child| (child.tag_name().name().to_owned(), from_node(*child))).collect();
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_found_in_its_region() {
        for (region, service, signed, at) in [
            ("eu-central-1", "kms", "eu-central-1", "https://kms.eu-central-1.amazonaws.com"),
            ("eu-central-1", "iam", "us-east-1", "https://iam.amazonaws.com"),
            ("eusc-de-east-1", "logs", "eusc-de-east-1", "https://logs.eusc-de-east-1.amazonaws.eu"),
            ("eusc-de-east-1", "iam", "eusc-de-east-1", "https://iam.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(address(None, region, service), (signed.to_owned(), at.to_owned()));
        }
        assert_eq!(address(Some("http://x"), "eu-central-1", "kms").1, "http://x");
    }

    #[test]
    fn xml_becomes_json() {
        let xml = "<A xmlns='x'><B><member><C>1</C></member><member><C>2</C></member></B><D/><E>f</E></A>";
        assert_eq!(from_xml(xml), Some(json!({"B": [{"C": "1"}, {"C": "2"}], "D": null, "E": "f"})));
    }

    #[test]
    fn what_is_encoded_can_be_decoded() {
        let text = "{\"é\": [1 + 2, \"a/b:c\"]}";
        assert_eq!(encoded("a/b c"), "a%2Fb%20c");
        assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        assert_eq!(decoded("%4"), None);
    }
}
