"""Answers who may do what, by all policies of a processed template together: those of the roles, of the tables and of
the keys. Reads {"templates", "parameters", "principals", "questions"} as JSON, and prints, for each template and each
principal, the answers to all questions. The evaluator is the emulator's, mended as the local stack mends it."""

import json
import logging
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../local/emulator"))
sys.dont_write_bytecode = True
logging.disable(logging.CRITICAL)

import emulator  # noqa: F401  (mends the evaluator)
from ministack.core.iam_evaluator import EvalContext, combine_resource_policy, evaluate, parse_policy_document
from ministack.services.cloudformation import engine

ACCOUNT = engine.get_account_id()
REGION = engine.get_region()
NAMES = {"AWS::DynamoDB::Table": "TableName", "AWS::IAM::Role": "RoleName", "AWS::KMS::Alias": "AliasName",
         "AWS::Lambda::Function": "FunctionName", "AWS::Logs::LogGroup": "LogGroupName"}
ARNS = {"AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/",
        "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/",
        "AWS::KMS::Key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/",
        "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:",
        "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"}
EVERYTHING = [parse_policy_document({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})]


class Stack:
    """A template with its parameters filled in, as far as policies need it."""

    def __init__(self, template, values):
        declared = template["Parameters"]
        self.values = {name: {"Value": str(values.get(name, declared[name].get("Default", ""))), "Type": declared[name]["Type"]}
                       for name in declared}
        self.conditions = engine._evaluate_conditions(template, self.values)
        self.resources = {}
        # Names first: ARNs and references are made of them.
        for name, resource in template["Resources"].items():
            named = self.resolved(resource.get("Properties", {}).get(NAMES.get(resource["Type"])), {}) or name
            arn = ARNS.get(resource["Type"], "arn:aws:other:::") + named
            if resource["Type"] == "AWS::Logs::LogGroup":
                arn += ":*"
            self.resources[name] = {"PhysicalResourceId": named, "Attributes": {"Arn": arn}}
        self.template = {name: self.resolved({**resource, "Condition": None}, self.resources)
                         for name, resource in template["Resources"].items()
                         if resource["Type"] in {*ARNS, "AWS::IAM::Policy"} and self.conditions.get(resource.get("Condition"), True)}

    def resolved(self, value, resources):
        return engine._resolve_refs(value, resources, self.values, self.conditions, {}, "stack", "stack")

    def arn(self, name):
        return self.resources[name]["Attributes"]["Arn"]

    def principal(self, who):
        """Its ARN, its own policies (of a function, those of the role that it runs with), and which function it is.
        `Function, elsewhere` is one of the same name in another region, with the same role."""
        if who == "root":
            return f"arn:aws:iam::{ACCOUNT}:root", EVERYTHING, None
        if who == "administrator":
            return f"arn:aws:sts::{ACCOUNT}:assumed-role/administrator/session", EVERYTHING, None
        who, _, elsewhere = who.partition(", ")
        role, source = who, None
        if self.template[who]["Type"] == "AWS::Lambda::Function":
            source = self.arn(who).replace(REGION, "eu-west-1") if elsewhere else self.arn(who)
            arn = self.template[who]["Properties"]["Role"]
            role = next(name for name in self.template if self.arn(name) == arn)
        name = self.resources[role]["PhysicalResourceId"]
        beside = [other["Properties"] for other in self.template.values()
                  if other["Type"] == "AWS::IAM::Policy" and name in other["Properties"]["Roles"]]
        policies = self.template[role]["Properties"].get("Policies", []) + beside
        return (f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session",
                [parse_policy_document(policy["PolicyDocument"]) for policy in policies], source)

    def allows(self, who, principal, policies, source, action, resource, suffix, context):
        """Whether it may do `action` with a resource of the template, or what `suffix` names in it; or, where there is
        no such resource, with the ARN `suffix`."""
        on = suffix.replace("REGION", REGION).replace("ACCOUNT", ACCOUNT)
        if resource:
            on = self.arn(resource).removesuffix(":*") + suffix
        asked = EvalContext(principal, "Root" if who == "root" else "AssumedRole", ACCOUNT, action, on, REGION,
                            service_context={key.lower(): value for key, value in context.items()},
                            principal_keys={"lambda:sourcefunctionarn": source} if source else {})
        result = evaluate(asked, policies)
        properties = self.template[resource]["Properties"] if resource else {}
        if "KeyPolicy" in properties:
            result = combine_resource_policy(result, asked, properties["KeyPolicy"], ACCOUNT, required=True)
        if "ResourcePolicy" in properties:
            result = combine_resource_policy(result, asked, properties["ResourcePolicy"]["PolicyDocument"], ACCOUNT)
        return result.decision == "Allow"


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    answers = []
    for template in asked["templates"]:
        stack = Stack(template, asked["parameters"])
        answers.append([[stack.allows(who, *known, *question) for question in asked["questions"]]
                        for who in asked["principals"] for known in [stack.principal(who)]])
    json.dump(answers, sys.stdout)
