"""Answers what the policies of the organisation leave to whom, of those who may do everything otherwise. Reads {"policies",
"principals", "questions"} as JSON, and prints, for each question (an action and a thing), the answers for all principals (an
ARN, and the services through which it asks). The evaluator is the emulator's."""

import json
import sys

from evaluate import ACCOUNT, EVERYTHING, REGION, EvalContext, evaluate, parse_policy_document


def allows(policies, principal, through, action, resource):
    kind = "Root" if principal.endswith(":root") else "AssumedRole"
    context = {"aws:calledvia": through} if through else {}
    asked = EvalContext(principal, kind, ACCOUNT, action, resource, REGION, service_context=context)
    return evaluate(asked, EVERYTHING + policies).decision == "Allow"


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    policies = [parse_policy_document(policy) for policy in asked["policies"]]
    json.dump([[allows(policies, *principal, *question) for principal in asked["principals"]]
               for question in asked["questions"]], sys.stdout)
