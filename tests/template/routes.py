"""Prints, for each set of parameters, the routes of a processed template's API with their security, for which of them API
Gateway may invoke a function, and why the template's rules refuse these parameters. Reads {"template", "parameters": [...]} as JSON."""

import json
import sys

from evaluate import Stack
from ministack.services.cloudformation import engine


def refusal(stack, template):
    try:
        engine._evaluate_rules(template, stack.values, stack.conditions)
    except ValueError as error:
        return str(error)
    return ""


def routes(stack, template):
    resources = template["Resources"]
    body = stack.resolved(resources["Api"]["Properties"]["Body"], stack.resources)
    made = [resource for resource in resources.values() if stack.conditions.get(resource.get("Condition"), True)]
    permissions = [stack.resolved(resource["Properties"], stack.resources) for resource in made
                   if resource["Type"] == "AWS::Lambda::Permission"]
    return {
        "routes": {f"{method.upper()} {path}": sorted(name for one in operation.get("security", []) for name in one)
                   for path, operations in body["paths"].items() for method, operation in operations.items()},
        "permissions": sorted(f"{one['SourceArn'].split('/*/')[-1]}" for one in permissions
                              if one["Principal"] == "apigateway.amazonaws.com"),
        "refused": refusal(stack, template),
        "roles": sorted(name for name, resource in resources.items()
                        if resource["Type"] == "AWS::IAM::Role" and stack.conditions.get(resource.get("Condition"), True)),
    }


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    engine._check_rules_section(asked["template"])
    json.dump([routes(Stack(asked["template"], values), asked["template"]) for values in asked["parameters"]], sys.stdout)
