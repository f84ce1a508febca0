"""Prints what the functions logged, oldest first. Usage: function_logs.py, with endpoint and credentials in
the environment."""

import boto3

logs = boto3.client("logs")
events = []
for page in logs.get_paginator("describe_log_groups").paginate():
    for group in page["logGroups"]:
        for found in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            events += [(event["timestamp"], group["logGroupName"], event["message"].rstrip()) for event in found["events"]]
for event in sorted(events):
    print(*event)
