"""Runs the AWS emulator (ministack), with its authorization mended where it differs from AWS in what this project uses.
Each difference is one function here."""

import contextvars
import json
import re
import sys

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import cloudtrail, dynamodb, kms, lambda_svc, sts
from ministack.services.cloudformation import provisioners

RESERVED = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN", "if_not_exists", "attribute_exists",
            "attribute_not_exists", "attribute_type", "begins_with", "contains", "list_append", "size"}

resource_arn = iam_actions.extract_resource_arn
condition_key = iam_evaluator._resolve_condition_key
dynamodb_context = iam_actions.dynamodb_service_context
tag_context = iam_actions.request_tag_context
credentials_of_function = lambda_runtime.execution_credentials
keys_of_principal = iam_evaluator._principal_keys
enforce_execute_api = app._enforce_execute_api


def extract_resource_arn(service, method, path, headers, body, *rest, **named):
    """AWS authorizes the use of a key by its alias on the key, GetParametersByPath on the path, and what is asked of a
    table by its ARN on the table."""
    arn = resource_arn(service, method, path, headers, body, *rest, **named)
    if service == "kms" and ":alias/" in arn:
        key = kms._resolve_key(arn)
        return key["Arn"] if key else arn
    if service == "dynamodb" and arn == "*":
        return iam_actions._safe_json_field(body, "ResourceArn") or arn
    if service == "ssm" and arn == "*":
        asked = iam_actions._safe_json_field(body, "Path")
        return iam_actions.extract_resource_arn("ssm", method, path, headers, json.dumps({"Name": asked}).encode(), *rest, **named) if asked else arn
    return arn


def resolve_condition_key(key, context):
    """For the session of a role, aws:PrincipalArn is the role (AWS, "Global condition context keys")."""
    value = condition_key(key, context)
    if key.lower() == "aws:principalarn":
        return re.sub(r"^arn:aws:sts::(\d+):assumed-role/([^/]+)/.*$", r"arn:aws:iam::\1:role/\2", value or "")
    # AWS gives it as a text (AWS, "Actions, resources, and condition keys for Amazon DynamoDB").
    if key.lower() == "dynamodb:enclosingoperation" and isinstance(value, list):
        return value[0]
    return value


def request_tag_context(service, action, body, parameters):
    """kms:EncryptionContextKeys lists the keys of a request's encryption context, kms:RequestAlias is the alias that it
    names its key by, kms:ResourceAliases are all that this key has, and kms:KeyOrigin tells who made it (AWS, "Condition
    keys for AWS KMS")."""
    context = tag_context(service, action, body, parameters)
    if service == "kms":
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            return context
        if named := sorted(request.get("EncryptionContext") or {}):
            context["kms:EncryptionContextKeys"] = named
        # By its name, or in an ARN.
        if alias := re.search(r"(?:^|:)(alias/.+)$", request.get("KeyId") or ""):
            context["kms:RequestAlias"] = alias[1]
        if key := kms._resolve_key(request.get("KeyId")):
            context["kms:KeyOrigin"] = key["Origin"]
            if aliases := [arn.split(":")[-1] for arn, target in kms._aliases.items() if target == key["KeyId"]]:
                context["kms:ResourceAliases"] = aliases
    return context


def dynamodb_service_context(body):
    """dynamodb:Attributes lists the attributes of every expression and of the key, dynamodb:LeadingKeys holds the key's
    value, and dynamodb:ReturnValues is what the request says (AWS, "Using IAM policy conditions for fine-grained access
    control")."""
    context = dynamodb_context(body)
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return context
    names = request.get("ExpressionAttributeNames") or {}
    attributes = {*context.get("dynamodb:Attributes", []), *(request.get("Key") or {})}
    for expression in ("UpdateExpression", "ConditionExpression", "KeyConditionExpression", "FilterExpression"):
        for word in re.findall(r"(?<![:\w.])#?[A-Za-z]\w*", request.get(expression) or ""):
            if word not in RESERVED:
                attributes.add(names.get(word, word))
    if attributes:
        context["dynamodb:Attributes"] = sorted(attributes)
    # Each table here has one key.
    if key := request.get("Key"):
        context["dynamodb:LeadingKeys"] = [text for value in key.values() for text in value.values()]
    if "ReturnValues" in request:
        context["dynamodb:ReturnValues"] = request["ReturnValues"]
    return context


def execution_credentials(config):
    """The credentials of a function tell which function they are for (AWS, "Using source function ARN to control function
    access behavior")."""
    credentials = credentials_of_function(config)
    session = sts._sessions.get(credentials["AWS_ACCESS_KEY_ID"], {})
    session["SourceFunctionArn"] = config["FunctionArn"]
    return credentials


def principal_keys(credential):
    """lambda:SourceFunctionArn is in the context of whatever is asked with these credentials."""
    source = sts._sessions.get(credential.access_key_id, {}).get("SourceFunctionArn")
    return keys_of_principal(credential) | ({"lambda:sourcefunctionarn": source} if source else {})


def table_policy(arn):
    """The resource policy of a table is evaluated for the table and its indexes (AWS, "Using resource-based policies for
    DynamoDB")."""
    entry = dynamodb._resource_policies.get(arn.split("/index/")[0])
    return (entry["Policy"], arn.split(":")[4]) if entry else None


def lookup_events(body):
    """AWS gives events page after page (AWS CloudTrail API reference, "LookupEvents"), and the emulator the first page."""
    events, start = list(reversed(cloudtrail._get_event_queue())), int(body.get("NextToken") or 0)
    page, following = events[start:start + 50], start + 50
    return cloudtrail._ok({"Events": page} | ({"NextToken": str(following)} if following < len(events) else {}))


def make_integration_association(logical_id, properties, stack_name):
    """Amazon Connect offers a function in its flow designer; there is none here."""
    return f"{properties['InstanceId']}/{logical_id}", {}


def _enforce_execute_api(api_id, stage, method, path, headers, *rest, **named):
    """A route with IAM authorization refuses every other kind of Authorization header (AWS, "Control access to HTTP
    APIs with IAM authorization")."""
    signed = headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")
    if app._execute_api_authorization_type(api_id, stage, method, path) == "AWS_IAM" and not signed:
        return 403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}'
    return enforce_execute_api(api_id, stage, method, path, headers, *rest, **named)


failure = contextvars.ContextVar("failure", default=None)
handle_dynamodb = app.SERVICE_HANDLERS["dynamodb"]
record_event = cloudtrail.record_event


async def handle_dynamodb_and_note_failure(*request):
    """Notes the error code of an answer, for the event below."""
    status, headers, body = await handle_dynamodb(*request)
    failure.set(json.loads(body).get("__type", "").split("#")[-1] if status >= 400 else None)
    return status, headers, body


def record_event_with_failure(service, *rest, **named):
    """An event of a call that failed has an errorCode (AWS CloudTrail user guide, "CloudTrail record contents")."""
    record_event(service=service, *rest, **named)
    if service == "dynamodb" and failure.get():
        recorded = cloudtrail._get_event_queue()[-1]
        event = json.loads(recorded["CloudTrailEvent"])
        recorded["CloudTrailEvent"] = json.dumps(event | {"errorCode": failure.get()})


app.SERVICE_HANDLERS["dynamodb"] = handle_dynamodb_and_note_failure
cloudtrail.record_event = record_event_with_failure
cloudtrail._DISPATCH["LookupEvents"] = lookup_events
provisioners._RESOURCE_HANDLERS["AWS::Connect::IntegrationAssociation"] = {
    "create": make_integration_association, "delete": lambda physical_id, properties: None,
}
dynamodb.table_policy = table_policy
iam_evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "table_policy")
app._enforce_execute_api = _enforce_execute_api
iam_actions.extract_resource_arn = extract_resource_arn
iam_actions.dynamodb_service_context = dynamodb_service_context
iam_actions.request_tag_context = request_tag_context
iam_evaluator._resolve_condition_key = resolve_condition_key
iam_evaluator._principal_keys = principal_keys
lambda_runtime.execution_credentials = lambda_svc.execution_credentials = execution_credentials

if __name__ == "__main__":
    sys.exit(app.main())
