"""What both functions share: configuration, the request, the answer, log lines and metrics."""

import base64
import json
import os
import re
import sys
import time
from datetime import UTC, datetime

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def variable(name):
    if name not in os.environ:
        raise RuntimeError(f"environment variable {name} is missing")
    return os.environ[name]


CONFIG = Config(
    region_name=variable("AWS_REGION"),
    connect_timeout=1,
    read_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 3},
)
SESSION = boto3.Session()


def client(service):
    return SESSION.client(service, config=CONFIG)


def call(operation, **arguments):
    """Calls AWS. None where the condition of a write did not hold."""
    try:
        return operation(**arguments)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        if code == "ConditionalCheckFailedException":
            return None
        # The code only: a message may hold values.
        log("ERROR", message="AWS failed", operation=operation.__name__, code=code)
        raise UNAVAILABLE from None


class Problem(Exception):
    def __init__(self, status, name, title, detail):
        super().__init__(title)
        self.status = status
        self.body = {"type": f"urn:idbellen:problem:{name}", "title": title, "status": status, "detail": detail}


def invalid_body(detail):
    return Problem(400, "invalid-body", "The body is not valid", detail)


BODY_TOO_LARGE = Problem(413, "body-too-large", "The body is too large", "Send at most 4096 bytes.")
NOT_JSON = Problem(
    415, "not-json", "The body is not sent as JSON", "Send the body with Content-Type: application/json."
)
UNKNOWN_CODE = Problem(
    404,
    "unknown-code",
    "There is no secret for this code",
    "The code was never given, was used by another contact, or has expired. Treat the caller as not identified.",
)
UNKNOWN_SECRET = Problem(
    404,
    "unknown-secret",
    "There is no caller for this secret",
    "The secret is wrong, the contact was cleared, or its time has passed. Treat the caller as not identified.",
)
UNAVAILABLE = Problem(
    503, "unavailable", "ID-bellen is out of order", "Try again in a minute, or go on without ID-bellen."
)
INTERNAL = Problem(500, "internal", "ID-bellen failed", "Try again, or go on without ID-bellen.")

LARGEST_BODY = 4096


def read_body(event, shape, required, optional=()):
    """Reads a JSON object with these texts and nothing else. `shape` says so to the one who sent something else."""
    body = (event.get("body") or "").encode()
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    if len(body) > LARGEST_BODY:
        raise BODY_TOO_LARGE
    media_type = (event.get("headers") or {}).get("content-type", "").split(";")[0].strip()
    if media_type.lower() != "application/json":
        raise NOT_JSON
    try:
        body = json.loads(body.decode())
    except ValueError:
        raise invalid_body(shape) from None
    valid = (
        isinstance(body, dict)
        and all(name in required or name in optional for name in body)
        and all(isinstance(body.get(name), str) for name in required)
        and all(isinstance(body.get(name), str | None) for name in optional)
    )
    if not valid:
        raise invalid_body(shape)
    return body


CONTACT_ID = re.compile("[!-~]{1,128}")


def read_contact_id(body, name):
    """A contact id as telephony gives it: 1 to 128 visible ASCII characters."""
    if not CONTACT_ID.fullmatch(body[name]):
        raise invalid_body(f'"{name}" is 1 to 128 visible ASCII characters.')
    return body[name]


def to_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def answer(status, content_type, body):
    return {
        "statusCode": status,
        "headers": {"content-type": content_type, "cache-control": "no-store"},
        "body": to_json(body),
    }


def http(handle):
    """A Lambda handler for API Gateway. `handle` gives a status and what is sent as JSON, or raises a problem."""

    def handler(event, _context):
        try:
            status, body = handle(event)
            return answer(status, "application/json", body)
        except Problem as problem:
            return answer(problem.status, "application/problem+json", problem.body)
        except Exception as error:
            log("ERROR", message="an exception", name=type(error).__name__)
            return answer(INTERNAL.status, "application/problem+json", INTERNAL.body)

    return handler


def now():
    return int(time.time())


def hkdf(key, info):
    """HKDF-SHA-256 without a salt: 32 bytes."""
    return HKDF(SHA256(), 32, None, info).derive(key)


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def write_line(line):
    sys.stdout.write(to_json(line) + "\n")


def log(level, **fields):
    write_line({"timestamp": datetime.now(UTC).isoformat(), "level": level, **fields})


NAMESPACE = variable("METRICS_NAMESPACE")


def put_metrics(values, purpose=None):
    """Puts numbers as {name: (value, unit)}, in all and by purpose, in CloudWatch's embedded metric format."""
    metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
    dimensions = [[], ["purpose"]] if purpose else [[]]
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}],
        },
    }
    if purpose:
        line["purpose"] = purpose
    write_line({**line, **{name: value for name, (value, _) in values.items()}})
