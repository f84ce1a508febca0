//! Telephony that signs its requests: who it is. API Gateway checks the signature, and lets anyone of the account pass whose
//! rights cover the route; that is more than the one role that the template makes for telephony.

use lambda_http::Request;

use crate::config::{CannotStart, optional_variable};
use crate::derive::pseudonym;
use crate::problem::Problem;
use crate::request::context;

/// The name of the role that telephony signs with; none where no telephony signs.
pub struct TelephonyRole(Option<String>);

/// Who signed a request, as a log line names them: `base64url(SHA-256("idbellen/v1/caller " ‖ ARN))`.
pub struct Caller(String);

impl TelephonyRole {
    /// The role that the variable `TELEPHONY_ROLE` names.
    pub fn from_environment() -> Result<Self, CannotStart> {
        optional_variable("TELEPHONY_ROLE").map(Self)
    }

    /// Who signed `request`; an error unless it is a session of this role, in the account of the API.
    ///
    /// What API Gateway writes into the event: AWS, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway",
    /// payload format 2.0, `requestContext.authorizer.iam`.
    pub fn caller(&self, request: &Request) -> Result<Caller, Problem> {
        let (account, arn) = signed_by(request).ok_or_else(|| {
            tracing::error!("API Gateway does not say who signed the request");
            Problem::Forbidden
        })?;
        let caller = Caller::of(&arn);
        if self.0.as_ref().is_some_and(|role| is_session(&arn, &account, role)) {
            return Ok(caller);
        }
        tracing::warn!(caller = caller.as_str(), "a request that telephony did not sign");
        Err(Problem::Forbidden)
    }
}

impl Caller {
    fn of(arn: &str) -> Self {
        Self(pseudonym("idbellen/v1/caller ", arn))
    }

    /// As it stands in a log line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The account of the API, and the ARN of who signed.
fn signed_by(request: &Request) -> Option<(String, String)> {
    let context = context(request)?;
    Some((context.account_id.clone()?, context.authorizer?.iam?.user_arn?))
}

/// Whether this is `arn:{partition}:sts::{account}:assumed-role/{role}/{session}`.
fn is_session(arn: &str, account: &str, role: &str) -> bool {
    let ["arn", _, "sts", "", of, resource] = arn.split(':').collect::<Vec<_>>()[..] else { return false };
    let ["assumed-role", name, session] = resource.split('/').collect::<Vec<_>>()[..] else { return false };
    of == account && name == role && !session.is_empty()
}

#[cfg(test)]
mod tests {
    use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
    use lambda_http::request::LambdaRequest;
    use serde_json::{Value, json};

    use super::*;

    const ROLE: &str = "idbellen-dev-telephony";

    fn role() -> TelephonyRole {
        TelephonyRole(Some(ROLE.to_owned()))
    }

    /// A request as API Gateway passes it on, authorized so.
    fn request(authorizer: &Value) -> Request {
        let event = json!({
            "version": "2.0", "routeKey": "POST /dtmf/exchange", "rawPath": "/dtmf/exchange", "rawQueryString": "",
            "headers": {"content-type": "application/json"},
            "requestContext": {
                "accountId": "111122223333", "apiId": "api", "routeKey": "POST /dtmf/exchange", "stage": "$default",
                "domainName": "api.execute-api.eu-central-1.amazonaws.com", "domainPrefix": "api", "requestId": "id",
                "http": {"method": "POST", "path": "/dtmf/exchange", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"},
                "authorizer": authorizer, "time": "01/Dec/2026:12:00:00 +0000", "timeEpoch": 1_796_126_400_000_u64,
            },
            "body": "{}", "isBase64Encoded": false,
        });
        let event: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
        LambdaRequest::ApiGatewayV2(event).into()
    }

    fn signed(arn: &str) -> Request {
        request(&json!({"iam": {
            "accessKey": "ASIAEXAMPLE", "accountId": "111122223333", "callerId": "AROAEXAMPLE:exchange",
            "cognitoIdentity": null, "principalOrgId": "o-example", "userArn": arn, "userId": "AROAEXAMPLE:exchange",
        }}))
    }

    #[test]
    fn a_session_of_telephonys_role_is_telephony() {
        for partition in ["aws", "aws-eusc"] {
            let arn = format!("arn:{partition}:sts::111122223333:assumed-role/{ROLE}/exchange");
            assert_eq!(role().caller(&signed(&arn)).map(|caller| caller.0.len()).ok(), Some(43));
        }
    }

    #[test]
    fn nobody_else_is() {
        for arn in [
            "arn:aws:sts::111122223333:assumed-role/admin/exchange",
            "arn:aws:sts::111122223333:assumed-role/idbellen-dev-telephony2/exchange",
            "arn:aws:sts::111122223333:assumed-role/x-idbellen-dev-telephony/exchange",
            "arn:aws:sts::444455556666:assumed-role/idbellen-dev-telephony/exchange",
            "arn:aws:sts::111122223333:assumed-role/idbellen-dev-telephony/",
            "arn:aws:sts::111122223333:assumed-role/idbellen-dev-telephony",
            "arn:aws:sts::111122223333:assumed-role/admin/idbellen-dev-telephony/exchange",
            "arn:aws:sts::111122223333:federated-user/idbellen-dev-telephony/exchange",
            "arn:aws:iam::111122223333:user/idbellen-dev-telephony",
            "arn:aws:iam::111122223333:role/idbellen-dev-telephony",
            "arn:aws:iam::111122223333:root",
            "",
        ] {
            assert!(matches!(role().caller(&signed(arn)), Err(Problem::Forbidden)), "{arn}");
        }
        for authorizer in
            [json!(null), json!({}), json!({"iam": {}}), json!({"jwt": {"claims": {"sub": "anna"}, "scopes": null}})]
        {
            assert!(matches!(role().caller(&request(&authorizer)), Err(Problem::Forbidden)), "{authorizer}");
        }
    }

    #[test]
    fn where_no_telephony_signs_nobody_is() {
        let arn = format!("arn:aws:sts::111122223333:assumed-role/{ROLE}/exchange");
        assert!(matches!(TelephonyRole(None).caller(&signed(&arn)), Err(Problem::Forbidden)));
    }
}
