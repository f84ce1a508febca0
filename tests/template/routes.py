"""Prints, for each set of parameters, the routes of a processed template's API with their security, and who may invoke
which function for which of them. Reads {"template", "parameters": [...]} as JSON."""

import json
import sys

from evaluate import Stack


def routes(stack, resources):
    body = stack.resolved(resources["Api"]["Properties"]["Body"], stack.resources)
    made = [resource for resource in resources.values() if stack.conditions.get(resource.get("Condition"), True)]
    permissions = [stack.resolved(resource["Properties"], stack.resources) for resource in made
                   if resource["Type"] == "AWS::Lambda::Permission"]
    return {
        "routes": {f"{method.upper()} {path}": sorted(name for one in operation.get("security", []) for name in one)
                   for path, operations in body["paths"].items() for method, operation in operations.items()},
        "permissions": sorted(f"{one['SourceArn'].split('/*/')[-1]}" for one in permissions
                              if one["Principal"] == "apigateway.amazonaws.com"),
        "roles": sorted(name for name, resource in resources.items()
                        if resource["Type"] == "AWS::IAM::Role" and stack.conditions.get(resource.get("Condition"), True)),
    }


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump([routes(Stack(asked["template"], values), asked["template"]["Resources"]) for values in asked["parameters"]],
              sys.stdout)
