"""POST /dtmf/exchange: telephony has the code that the citizen's phone dialled, and gets the secret for it.

Runs as a process by: python -m awslambdaric exchange.handler
"""

import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared import (
    INTERNAL,
    UNAVAILABLE,
    UNKNOWN_CODE,
    base64url,
    call,
    client,
    hkdf,
    http,
    invalid_body,
    log,
    now,
    put_metrics,
    read_body,
    read_contact_id,
    variable,
)

SHAPE = 'The body is a JSON object with the texts "dtmf" and "contactId" and nothing else.'
CODE = re.compile("[0-9]{10}")
REPEAT = 20

DYNAMODB = client("dynamodb")
KMS = client("kms")
TABLE = variable("CODES_TABLE")
PREVIOUS_KEY = variable("CODE_KEY_PREVIOUS")
NEXT_KEY = variable("CODE_KEY_NEXT")


@http
def handler(event):
    body = read_body(event, SHAPE, ["dtmf", "contactId"])
    code = body["dtmf"]
    if not CODE.fullmatch(code):
        raise invalid_body('"dtmf" is ten digits 0 to 9.')
    contact = read_contact_id(body, "contactId")

    previous_mac, previous_id = lock(PREVIOUS_KEY, code)
    secret = exchange(previous_mac, previous_id, contact)
    if not secret:
        # While a new key takes over, a code is under either. At other times both aliases name one key.
        next_mac, next_id = lock(NEXT_KEY, code)
        if next_id != previous_id:
            secret = exchange(next_mac, next_id, contact)
    if not secret:
        log("INFO", message="unknown code")
        put_metrics({"UnknownCodes": (1, "Count")})
        raise UNKNOWN_CODE
    return 200, {"secret": base64url(secret)}


def lock(alias, code):
    """The mac of a code, and the id of its item: one KMS call."""
    message = b"idbellen/v1/code" + code.encode()
    mac = call(KMS.generate_mac, KeyId=alias, MacAlgorithm="HMAC_SHA_256", Message=message)["Mac"]
    return mac, base64url(hkdf(mac, b"idbellen/v1/code id"))


def exchange(mac, code_id, contact):
    """Uses the code for `contact`: the first contact gets the secret, and gets it again for REPEAT seconds."""
    at = now()
    used = call(
        DYNAMODB.update_item,
        TableName=TABLE,
        Key={"id": {"S": code_id}},
        UpdateExpression=(
            "SET contact = :contact, used_until = if_not_exists(used_until, :until), "
            "expires_at = if_not_exists(used_until, :until)"
        ),
        ConditionExpression=(
            "(attribute_not_exists(contact) AND expires_at > :until) OR (contact = :contact AND expires_at > :now)"
        ),
        ExpressionAttributeValues={
            ":contact": {"B": hkdf(mac, b"idbellen/v1/contact " + contact.encode())},
            ":now": {"N": str(at)},
            ":until": {"N": str(at + REPEAT)},
        },
        ReturnValues="ALL_NEW",
    )
    if not used:
        return None
    sealed = used["Attributes"].get("secret", {}).get("B")
    if not sealed:
        log("ERROR", message="an item has no valid value for this attribute", table="Codes", attribute="secret")
        raise UNAVAILABLE
    secret = open_secret(sealed, mac, code_id)
    log("INFO", message="code exchanged")
    put_metrics({"Exchanged": (1, "Count")})
    return secret


def open_secret(sealed, mac, code_id):
    """Opens `1 ‖ nonce (12) ‖ ciphertext and tag (48)`."""
    try:
        if sealed[0] != 1 or len(sealed) != 61:
            raise ValueError
        key = AESGCM(hkdf(mac, b"idbellen/v1/code secret"))
        return key.decrypt(sealed[1:13], sealed[13:], code_id.encode())
    except (InvalidTag, ValueError):
        log("ERROR", message="a code's secret does not open with the code")
        raise INTERNAL from None
