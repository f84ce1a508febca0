// POST /contacts/lookup: the browser of a logged-in agent has the secret, and gets what the caller disclosed.
import { createHash } from "node:crypto";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import {
  clientConfig, hkdf, http, invalidBody, log, now, problems, putMetrics, readBody, readContactId, send, variable,
} from "./shared.mjs";

const SHAPE =
  'The body is a JSON object with the text "secret", possibly the texts "contactId" and "initialContactId", and nothing else.';
const SECRET = '"secret" is 43 characters A to Z, a to z, 0 to 9, - and _, as it was given to telephony.';
const MARGIN = 240;
const MOST_HOLDERS = 20;

const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const dynamodb = new DynamoDBClient(clientConfig);
const table = variable("RECORDS_TABLE");

export const handler = http(async (event) => {
  const { secret, subject, contact } = readRequest(event);
  const keyPair = await suite.kem.deriveKeyPair(hkdf(secret, "idbellen/v1/record key"));
  const publicKey = new Uint8Array(await suite.kem.serializePublicKey(keyPair.publicKey));
  const id = createHash("sha256").update("idbellen/v1/record id").update(publicKey).digest();
  const record = id.toString("base64url");
  const agent = createHash("sha256").update(`idbellen/v1/agent ${subject}`).digest("base64url");
  const audit = (outcome) => log("INFO", { audit: "agent", action: "lookup", record, agent, outcome });

  const at = now();
  const item = await lookUp(record, secret, contact, subject, at);
  if (!item) {
    audit("unknown");
    putMetrics({ UnknownSecrets: [1, "Count"] });
    throw problems.unknownSecret;
  }
  const { purpose, status, sealed, createdAt, lookedUpAt, expiresAt } = readItem(item);
  if (lookedUpAt === at) {
    putMetrics({ LookedUp: [1, "Count"], SecondsToLookUp: [at - createdAt, "Seconds"] }, purpose);
  }
  const attributes = status === "disclosed" ? await open(sealed, keyPair, record, purpose) : undefined;
  audit(status);
  const found = { status, reference: reference(id), purpose, attributes, expiresAt: expiresAt - MARGIN };
  return [status === "pending" ? 202 : 200, found];
});

function readRequest(event) {
  const body = readBody(event, SHAPE, ["secret"], ["contactId", "initialContactId"]);
  const secret = Buffer.from(body.secret, "base64url");
  if (secret.length !== 32 || secret.toString("base64url") !== body.secret) throw invalidBody(SECRET);
  const subject = event.requestContext?.authorizer?.jwt?.claims?.sub;
  if (subject === undefined) {
    log("ERROR", { message: "the agent's token has no sub" });
    throw problems.internal;
  }
  const contact = body.contactId == null ? undefined : readContactId(body, "contactId");
  if (body.initialContactId != null) readContactId(body, "initialContactId");
  return { secret, subject, contact };
}

/**
 * Reads the record and marks who has the caller on screen. A contact takes the caller once: one that asks again is
 * answered, and does not take the caller back.
 */
async function lookUp(id, secret, contact, subject, at) {
  const lookedUp = "SET looked_up_at = if_not_exists(looked_up_at, :now)";
  const usable = "expires_at > :usable";
  const values = { ":now": { N: String(at) }, ":usable": { N: String(at + MARGIN) } };
  const update = async (UpdateExpression, ConditionExpression, more = {}) => {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: { id: { S: id } },
      UpdateExpression,
      ConditionExpression,
      ExpressionAttributeValues: { ...values, ...more },
      ReturnValues: "ALL_NEW",
    });
    return (await send(dynamodb, command))?.Attributes;
  };
  if (contact === undefined) {
    const holder = { B: hkdf(secret, `idbellen/v1/holder agent ${subject}`) };
    return update(`${lookedUp}, holder = :holder`, usable, { ":holder": holder });
  }
  const holder = hkdf(secret, `idbellen/v1/holder contact ${contact}`);
  const taken = await update(
    `${lookedUp}, holder = :holder ADD holders :holders`,
    `${usable} AND (attribute_not_exists(holders) OR (NOT contains(holders, :holder) AND size(holders) < :most))`,
    { ":holder": { B: holder }, ":holders": { BS: [holder] }, ":most": { N: String(MOST_HOLDERS) } },
  );
  return taken ?? update(lookedUp, usable);
}

function readItem(item) {
  const read = (attribute, type, valid) => {
    const value = item[attribute]?.[type];
    if (value !== undefined && valid(value)) return value;
    log("ERROR", { message: "an item has no valid value for this attribute", table: "Records", attribute });
    throw problems.unavailable;
  };
  const readNumber = (attribute) => Number(read(attribute, "N", (value) => Number.isInteger(Number(value))));
  const status = read("status", "S", (value) => ["pending", "disclosed", "declined", "lost"].includes(value));
  return {
    purpose: read("purpose", "S", (value) => /^[a-z0-9-]{1,40}$/.test(value)),
    status,
    sealed: status === "disclosed" ? read("attributes", "B", () => true) : undefined,
    createdAt: readNumber("created_at"),
    lookedUpAt: readNumber("looked_up_at"),
    expiresAt: readNumber("expires_at"),
  };
}

/** Opens `1 ‖ encapsulated key (32) ‖ ciphertext`; what is sealed is `length (4) ‖ JSON ‖ zeros`. */
async function open(sealed, keyPair, record, purpose) {
  try {
    if (sealed[0] !== 1) throw new Error("not sealed attributes");
    const recipient = { recipientKey: keyPair, enc: sealed.slice(1, 33), info: Buffer.from("idbellen/v1/attributes") };
    const opened = Buffer.from(await suite.open(recipient, sealed.slice(33), Buffer.from(record + purpose)));
    const end = 4 + opened.readUInt32BE();
    if (end > opened.length) throw new Error("not sealed attributes");
    return JSON.parse(opened.toString("utf8", 4, end));
  } catch {
    log("ERROR", { message: "the record's attributes do not open with its secret", id: record });
    throw problems.internal;
  }
}

/** For the case file: the first 60 bits of the record's id in Crockford's base32, as XXXX-XXXX-XXXX. */
function reference(id) {
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const bits = id.readBigUInt64BE();
  const digits = Array.from({ length: 12 }, (_, at) => alphabet[Number((bits >> BigInt(59 - 5 * at)) & 31n)]).join("");
  return digits.match(/.{4}/g).join("-");
}
