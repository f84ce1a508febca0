#!/usr/bin/env python3
"""A client of ID-bellen for a telephone exchange: exchanges a code for the secret, and clears a call that nobody took.

    idbellen.py exchange CONTACT < code     prints the secret
    idbellen.py clear < secret

CONTACT is your id of the call. Code and secret come on standard input, so that no list of processes shows them. The
environment names the API (IDBELLEN_API=https://...) and, as for any client of AWS, region and credentials: those of the
role TelephonyRole, for instance by AWS_PROFILE, a profile with role_arn and external_id. Status 0: done. 1: the code is not known; the caller is not identified.
2: no answer in time; go on without. 3: refused, or used wrongly; someone must look at it. Needs Python 3.9 and botocore.
"""

import json
import os
import re
import sys
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from botocore.utils import get_environ_proxies

IN_ALL = 8  # seconds; a caller waits
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
DONE, NOT_IDENTIFIED, NO_ANSWER, WRONG = range(4)


def stop(status, why):
    print(f"idbellen: {why}", file=sys.stderr)
    raise SystemExit(status)


def post(path, body):
    """The answer's status and text. What may pass is tried again, with the same contact, which gives the same secret."""
    api, session, deadline = os.environ.get("IDBELLEN_API", ""), Session(), time.monotonic() + IN_ALL
    credentials, region = session.get_credentials(), session.get_config_variable("region")
    # Without TLS only on this machine.
    reachable = re.match(r"https://|http://(127\.0\.0\.1|([a-z0-9.-]+\.)?localhost):", api)
    if not (reachable and credentials and region):
        stop(WRONG, "IDBELLEN_API, a region or credentials are missing")
    for pause in (*PAUSES, IN_ALL):
        request = AWSRequest("POST", api + path, headers={"content-type": "application/json"}, data=json.dumps(body))
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
        left = max(deadline - time.monotonic(), 0.1)
        http = URLLib3Session(timeout=(min(1, left), min(3, left)), proxies=get_environ_proxies(api))
        try:
            response = http.send(request.prepare())
            if response.status_code != 429 and response.status_code < 500:
                return response.status_code, response.text
            why = f"status {response.status_code}"
        except (ConnectionError, HTTPClientError) as error:
            why = type(error).__name__
        if time.monotonic() + pause >= deadline:
            stop(NO_ANSWER, f"no answer in time: {why}")
        time.sleep(pause)


def main(arguments):
    given = sys.stdin.read().strip()
    if arguments[:1] == ["exchange"] and len(arguments) == 2:
        if not re.fullmatch("[0-9]{10}", given):
            return NOT_IDENTIFIED
        status, text = post("/dtmf/exchange", {"dtmf": given, "contactId": arguments[1]})
        if status == 200:
            print(json.loads(text)["secret"])
            return DONE
        # API Gateway's own 404 is of another form.
        if status == 404 and "urn:idbellen:problem:unknown-code" in text:
            return NOT_IDENTIFIED
    elif arguments == ["clear"]:
        status, _ = post("/telephony/clear", {"secret": given})
        if status == 204:
            return DONE
    else:
        stop(WRONG, "use it as: exchange CONTACT < code, or clear < secret")
    stop(WRONG, f"status {status}: look at address, role, region, clock and contact id")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (BotoCoreError, ClientError) as error:
        stop(WRONG, f"no credentials: {type(error).__name__}")
