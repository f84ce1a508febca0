"""Completes a stack that `sam deploy` made on the emulator, and prints what it consists of as JSON.

Tables get their resource policies, which the emulator leaves out.

The emulator ignores the OpenAPI body of an HTTP API, in which SAM puts routes, integrations, authorizers and CORS. AWS
makes these from the body (AWS, "Importing an HTTP API"); here this script does.

Usage: after_deploy.py STACK, with the endpoint and credentials in the environment.
"""

import hashlib
import json
import re
import sys

import boto3

stack_name = sys.argv[1]
cloudformation, gateway, functions = (boto3.client(name) for name in ("cloudformation", "apigatewayv2", "lambda"))
iam, dynamodb = boto3.client("iam"), boto3.client("dynamodb")

stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
template = cloudformation.get_template(StackName=stack_name, TemplateStage="Processed")["TemplateBody"]
if isinstance(template, str):
    template = json.loads(template)
physical = {
    resource["LogicalResourceId"]: resource["PhysicalResourceId"]
    for resource in cloudformation.describe_stack_resources(StackName=stack_name)["StackResources"]
}
values = {name: spec.get("Default", "") for name, spec in template.get("Parameters", {}).items()}
values |= {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])}
# A list parameter is a text with commas, in the template as for CloudFormation.
lists = {name for name, spec in template.get("Parameters", {}).items() if spec["Type"] != "String"}


def condition(name):
    """Whether a condition of the template holds."""
    return holds(template["Conditions"][name])


def holds(rule):
    (function, arguments), = rule.items()
    match function:
        case "Condition":
            return condition(arguments)
        case "Fn::Equals":
            return resolve(arguments[0]) == resolve(arguments[1])
        case "Fn::Not":
            return not holds(arguments[0])
        case "Fn::And":
            return all(map(holds, arguments))
        case "Fn::Or":
            return any(map(holds, arguments))
    raise SystemExit(f"after_deploy.py does not know the condition {function}")


def resolve(value):
    """The value without CloudFormation's functions; `None` stands for AWS::NoValue."""
    if isinstance(value, list):
        return [item for item in map(resolve, value) if item is not None]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (function, argument), = value.items()
        match function:
            case "Ref":
                return reference(argument)
            case "Fn::Sub":
                text, more = argument if isinstance(argument, list) else (argument, {})
                return re.sub(r"\$\{([^!}][^}]*)\}", lambda m: str(resolve(more[m[1]]) if m[1] in more else reference(m[1])), text)
            case "Fn::If":
                return resolve(argument[1] if condition(argument[0]) else argument[2])
            case "Fn::Join":
                return argument[0].join(resolve(argument[1]))
            case "Fn::Split":
                return resolve(argument[1]).split(argument[0])
        if function.startswith("Fn::"):
            raise SystemExit(f"after_deploy.py does not know {function}")
    return {key: resolved for key, item in value.items() if (resolved := resolve(item)) is not None}


def reference(name):
    if name == "AWS::NoValue":
        return None
    if name in values:
        return values[name].split(",") if name in lists else values[name]
    pseudo = {"AWS::Region": boto3.session.Session().region_name, "AWS::StackName": stack_name, "AWS::Partition": "aws",
              "AWS::AccountId": stack["StackId"].split(":")[4], "AWS::URLSuffix": "amazonaws.com"}
    if name in pseudo:
        return pseudo[name]
    # `Function.Arn` inside the URI of an integration is kept, to be found there by its logical id.
    return f"<{name}>" if "." in name else physical[name]


def make_routes(api_id, body):
    authorizers, integrations = {}, {}
    for scheme, spec in body.get("components", {}).get("securitySchemes", {}).items():
        authorizer = spec.get("x-amazon-apigateway-authorizer", {})
        if authorizer.get("type") == "jwt":
            jwt = authorizer["jwtConfiguration"]
            authorizers[scheme] = gateway.create_authorizer(
                ApiId=api_id, AuthorizerType="JWT", Name=scheme, IdentitySource=[authorizer["identitySource"]],
                JwtConfiguration={"Issuer": jwt["issuer"], "Audience": jwt["audience"]},
            )["AuthorizerId"]

    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            integration = operation["x-amazon-apigateway-integration"]
            function = re.search(r"<(\w+)\.Arn>", integration["uri"])[1]
            if function not in integrations:
                arn = functions.get_function(FunctionName=physical[function])["Configuration"]["FunctionArn"]
                integrations[function] = gateway.create_integration(
                    ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arn,
                    PayloadFormatVersion=integration["payloadFormatVersion"],
                )["IntegrationId"]
            route_key = "$default" if path == "/$default" else f"{'ANY' if 'any' in method else method.upper()} {path}"
            security = {}
            for requirement in operation.get("security", []):
                for scheme, scopes in requirement.items():
                    if scheme == "AWS_IAM":
                        security = {"AuthorizationType": "AWS_IAM"}
                    elif scheme in authorizers:
                        security = {"AuthorizationType": "JWT", "AuthorizerId": authorizers[scheme], "AuthorizationScopes": scopes}
                    elif scheme != "NONE":
                        # Never a route that is open because its lock is unknown.
                        raise SystemExit(f"after_deploy.py does not know the authorizer {scheme} of {route_key}")
            gateway.create_route(ApiId=api_id, RouteKey=route_key, Target=f"integrations/{integrations[function]}", **security)

    cors = body.get("x-amazon-apigateway-cors")
    if cors:
        gateway.update_api(ApiId=api_id, CorsConfiguration={
            # SAM puts a list parameter in as the text that it was given as.
            key[0].upper() + key[1:]: value.split(",") if isinstance(value, str) else value for key, value in cors.items()
        })


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def describe(function):
    configuration = functions.get_function(FunctionName=physical[function])["Configuration"]
    # How the emulator makes the credentials of a function (ministack, `execution_credentials`).
    digest = sha256(f"{configuration['FunctionArn']}:{configuration['Role']}")
    role = configuration["Role"].rsplit("/", 1)[1]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    return {
        "policies": policies, "name": configuration["FunctionName"], "arn": configuration["FunctionArn"], "role": configuration["Role"],
        "credentials": {
            "key_id": f"ASIA{digest[:16].upper()}",
            "secret": sha256(f"secret:{digest}"),
            "session_token": sha256(f"token:{digest}"),
        },
    }


resources = template["Resources"]
# An implicit or named AWS::Serverless::HttpApi; a stack without one is for trying something else.
apis = [name for name, resource in resources.items() if resource["Type"] == "AWS::ApiGatewayV2::Api" and name in physical]
for name in apis:
    paths = resources[name]["Properties"]["Body"]["paths"]
    if not paths:
        raise SystemExit(f"the API {name} has no routes")
    make_routes(physical[name], resolve(resources[name]["Properties"]["Body"]))

# The emulator leaves out the resource policy of a table.
for name, resource in resources.items():
    if resource["Type"] == "AWS::DynamoDB::Table" and "ResourcePolicy" in resource["Properties"]:
        arn = dynamodb.describe_table(TableName=physical[name])["Table"]["TableArn"]
        policy = resolve(resource["Properties"]["ResourcePolicy"]["PolicyDocument"])
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy))

print(json.dumps({
    "api_id": physical[apis[0]] if apis else "",
    "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
    "resources": physical,
    "functions": {
        name: describe(name)
        for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Function" and name in physical
    },
}))
