// POST /dtmf/exchange: telephony has the code that the citizen's phone dialled, and gets the secret for it.
import { createDecipheriv } from "node:crypto";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { GenerateMacCommand, KMSClient } from "@aws-sdk/client-kms";
import {
  clientConfig, hkdf, http, invalidBody, log, now, problems, putMetrics, readBody, readContactId, send, variable,
} from "./shared.mjs";

const SHAPE = 'The body is a JSON object with the texts "dtmf" and "contactId" and nothing else.';
const REPEAT = 20;
const IN_ALL = 6000;

const dynamodb = new DynamoDBClient(clientConfig);
const kms = new KMSClient(clientConfig);
const table = variable("CODES_TABLE");
const previousKey = variable("CODE_KEY_PREVIOUS");
const nextKey = variable("CODE_KEY_NEXT");

export const handler = http(async (event) => {
  const body = readBody(event, SHAPE, ["dtmf", "contactId"]);
  if (!/^[0-9]{10}$/.test(body.dtmf)) throw invalidBody('"dtmf" is ten digits 0 to 9.');
  const contact = readContactId(body, "contactId");
  const until = Date.now() + IN_ALL;

  const previous = await lock(previousKey, body.dtmf, until);
  let secret = await exchange(previous, contact, until);
  if (!secret) {
    // While a new key takes over, a code is under either. At other times both aliases name one key.
    const next = await lock(nextKey, body.dtmf, until);
    if (next.id !== previous.id) secret = await exchange(next, contact, until);
  }
  if (!secret) {
    log("INFO", { message: "unknown code" });
    putMetrics({ UnknownCodes: [1, "Count"] });
    throw problems.unknownCode;
  }
  return [200, { secret: secret.toString("base64url") }];
});

/** The mac of a code, and the id of its item: one KMS call. */
async function lock(alias, code, until) {
  const command = new GenerateMacCommand({
    KeyId: alias,
    MacAlgorithm: "HMAC_SHA_256",
    Message: Buffer.from(`idbellen/v1/code${code}`),
  });
  const { Mac: mac } = await send(kms, command, until);
  return { mac, id: hkdf(mac, "idbellen/v1/code id").toString("base64url") };
}

/** Uses the code for `contact`: the first contact gets the secret, and gets it again for `REPEAT` seconds. */
async function exchange({ mac, id }, contact, until) {
  const at = now();
  const command = new UpdateItemCommand({
    TableName: table,
    Key: { id: { S: id } },
    UpdateExpression:
      "SET contact = :contact, used_until = if_not_exists(used_until, :until), expires_at = if_not_exists(used_until, :until)",
    ConditionExpression:
      "(attribute_not_exists(contact) AND expires_at > :until) OR (contact = :contact AND expires_at > :now)",
    ExpressionAttributeValues: {
      ":contact": { B: hkdf(mac, `idbellen/v1/contact ${contact}`) },
      ":now": { N: String(at) },
      ":until": { N: String(at + REPEAT) },
    },
    ReturnValues: "ALL_NEW",
  });
  const used = await send(dynamodb, command, until);
  if (!used) return undefined;
  const sealed = used.Attributes?.secret?.B;
  if (!sealed) {
    log("ERROR", { message: "an item has no valid value for this attribute", table: "Codes", attribute: "secret" });
    throw problems.unavailable;
  }
  const secret = open(sealed, mac, id);
  log("INFO", { message: "code exchanged" });
  putMetrics({ Exchanged: [1, "Count"] });
  return secret;
}

/** Opens `1 ‖ nonce (12) ‖ ciphertext (32) ‖ tag (16)`. */
function open(sealed, mac, id) {
  try {
    if (sealed[0] !== 1 || sealed.length !== 61) throw new Error("not a sealed secret");
    const decipher = createDecipheriv("aes-256-gcm", hkdf(mac, "idbellen/v1/code secret"), sealed.subarray(1, 13));
    decipher.setAAD(Buffer.from(id)).setAuthTag(sealed.subarray(45));
    return Buffer.concat([decipher.update(sealed.subarray(13, 45)), decipher.final()]);
  } catch {
    log("ERROR", { message: "a code's secret does not open with the code" });
    throw problems.internal;
  }
}
