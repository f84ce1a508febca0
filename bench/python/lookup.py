"""POST /contacts/lookup: the browser of a logged-in agent has the secret, and gets what the caller disclosed.

Runs as a process by: python -m awslambdaric lookup.handler
"""

import base64
import json
import re
from hashlib import sha256

# The package cryptography has HPKE too, but not with associated data.
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, PyHPKEError

from shared import (
    INTERNAL,
    UNAVAILABLE,
    UNKNOWN_SECRET,
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

SHAPE = (
    'The body is a JSON object with the text "secret", possibly the texts "contactId" and "initialContactId", '
    "and nothing else."
)
SECRET = '"secret" is 43 characters A to Z, a to z, 0 to 9, - and _, as it was given to telephony.'
SECRET_CHARACTERS = re.compile("[A-Za-z0-9_-]{43}")
PURPOSE = re.compile("[a-z0-9-]{1,40}")
MARGIN = 240
MOST_HOLDERS = 20

SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
DYNAMODB = client("dynamodb")
TABLE = variable("RECORDS_TABLE")


@http
def handler(event):
    secret, subject, contact = read_request(event)
    key_pair = SUITE.kem.derive_key_pair(hkdf(secret, b"idbellen/v1/record key"))
    digest = sha256(b"idbellen/v1/record id" + key_pair.public_key.to_public_bytes()).digest()
    record = base64url(digest)
    agent = base64url(sha256(b"idbellen/v1/agent " + subject.encode()).digest())

    def audit(outcome):
        log("INFO", audit="agent", action="lookup", record=record, agent=agent, outcome=outcome)

    at = now()
    item = look_up(record, secret, contact, subject, at)
    if not item:
        audit("unknown")
        put_metrics({"UnknownSecrets": (1, "Count")})
        raise UNKNOWN_SECRET
    status = read(item, "status", "S", {"pending", "disclosed", "declined", "lost"}.__contains__)
    purpose = read(item, "purpose", "S", PURPOSE.fullmatch)
    created_at, looked_up_at, expires_at = (
        int(read(item, name, "N", str.isdecimal)) for name in ("created_at", "looked_up_at", "expires_at")
    )
    if looked_up_at == at:
        put_metrics({"LookedUp": (1, "Count"), "SecondsToLookUp": (at - created_at, "Seconds")}, purpose)
    found = {"status": status, "reference": reference(digest), "purpose": purpose}
    if status == "disclosed":
        sealed = read(item, "attributes", "B", bool)
        found["attributes"] = open_attributes(sealed, key_pair.private_key, record, purpose)
    found["expiresAt"] = expires_at - MARGIN
    audit(status)
    return (202 if status == "pending" else 200), found


def read_request(event):
    body = read_body(event, SHAPE, ["secret"], ["contactId", "initialContactId"])
    if not SECRET_CHARACTERS.fullmatch(body["secret"]):
        raise invalid_body(SECRET)
    secret = base64.urlsafe_b64decode(body["secret"] + "=")
    if base64url(secret) != body["secret"]:
        raise invalid_body(SECRET)
    try:
        subject = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    except (KeyError, TypeError):
        log("ERROR", message="the agent's token has no sub")
        raise INTERNAL from None
    contact, _ = (
        read_contact_id(body, name) if body.get(name) is not None else None for name in ("contactId", "initialContactId")
    )
    return secret, subject, contact


def look_up(record, secret, contact, subject, at):
    """Reads the record and marks who has the caller on screen.

    A contact takes the caller once: one that asks again is answered, and does not take the caller back.
    """
    looked_up = "SET looked_up_at = if_not_exists(looked_up_at, :now)"
    usable = "expires_at > :usable"

    def update(expression, condition, **values):
        done = call(
            DYNAMODB.update_item,
            TableName=TABLE,
            Key={"id": {"S": record}},
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues={
                ":now": {"N": str(at)},
                ":usable": {"N": str(at + MARGIN)},
                **{f":{name}": value for name, value in values.items()},
            },
            ReturnValues="ALL_NEW",
        )
        return done and done["Attributes"]

    if contact is None:
        holder = hkdf(secret, b"idbellen/v1/holder agent " + subject.encode())
        return update(f"{looked_up}, holder = :holder", usable, holder={"B": holder})
    holder = hkdf(secret, b"idbellen/v1/holder contact " + contact.encode())
    taken = update(
        f"{looked_up}, holder = :holder ADD holders :holders",
        f"{usable} AND (attribute_not_exists(holders) OR (NOT contains(holders, :holder) AND size(holders) < :most))",
        holder={"B": holder},
        holders={"BS": [holder]},
        most={"N": str(MOST_HOLDERS)},
    )
    return taken or update(looked_up, usable)


def read(item, attribute, kind, valid):
    value = item.get(attribute, {}).get(kind)
    if value is None or not valid(value):
        log("ERROR", message="an item has no valid value for this attribute", table="Records", attribute=attribute)
        raise UNAVAILABLE
    return value


def open_attributes(sealed, private_key, record, purpose):
    """Opens `1 ‖ encapsulated key (32) ‖ ciphertext`; what is sealed is `length (4) ‖ JSON ‖ zeros`."""
    try:
        if sealed[0] != 1:
            raise ValueError
        recipient = SUITE.create_recipient_context(sealed[1:33], private_key, info=b"idbellen/v1/attributes")
        opened = recipient.open(sealed[33:], aad=(record + purpose).encode())
        end = 4 + int.from_bytes(opened[:4])
        if end > len(opened):
            raise ValueError
        return json.loads(opened[4:end])
    except (PyHPKEError, ValueError):
        log("ERROR", message="the record's attributes do not open with its secret", id=record)
        raise INTERNAL from None


def reference(digest):
    """For the case file: the first 60 bits of the record's id in Crockford's base32, as XXXX-XXXX-XXXX."""
    bits = int.from_bytes(digest[:8])
    digits = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[bits >> (59 - 5 * at) & 31] for at in range(12))
    return "-".join(digits[at : at + 4] for at in range(0, 12, 4))
