"""Prints, as JSON, a SAM template as it is written (`process.py --source FILE`), or what AWS makes of it before it deploys
it (`process.py FILE`), or of each template of a list on standard input. The translator is the one that AWS runs."""

import copy
import json
import logging
import os
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    def load(self):
        return {}


def processed(source):
    template = copy.deepcopy(source)
    # A parameter that has a default would be replaced by it in some places; here it keeps its name.
    defaults = {name: parameter.pop("Default") for name, parameter in template["Parameters"].items() if "Default" in parameter}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and "ImageUri" not in resource["Properties"]:
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    result = transform(template, {}, NoManagedPolicies())
    for name, default in defaults.items():
        result["Parameters"][name]["Default"] = default
    # The translator drops every transform; only its own is done.
    transforms = source["Transform"] if isinstance(source["Transform"], list) else [source["Transform"]]
    if others := [name for name in transforms if name != "AWS::Serverless-2016-10-31"]:
        result["Transform"] = others
    return result


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
    if len(sys.argv) > 1:
        with open(sys.argv[-1], encoding="utf-8") as file:
            source = yaml_parse(file)
        answer = source if sys.argv[1] == "--source" else processed(source)
    else:
        answer = [processed(source) for source in json.load(sys.stdin)]
    json.dump(answer, sys.stdout)
