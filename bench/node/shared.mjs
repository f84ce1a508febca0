// What both functions share: configuration, the request, the answer, log lines and metrics.
import { hkdfSync } from "node:crypto";

export function variable(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`environment variable ${name} is missing`);
  return value;
}

export const clientConfig = {
  region: variable("AWS_REGION"),
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 1000, throwOnRequestTimeout: true },
};
const OPERATION_TIMEOUT = 3000;

/** Sends a command, by `until` (in milliseconds) at the latest. `undefined` where its condition did not hold. */
export async function send(client, command, until = Infinity) {
  const timeout = Math.max(0, Math.min(OPERATION_TIMEOUT, until - Date.now()));
  try {
    return await client.send(command, { abortSignal: AbortSignal.timeout(timeout) });
  } catch (error) {
    if (error.name === "ConditionalCheckFailedException") return undefined;
    // The code only: a message may hold values.
    log("ERROR", { message: `${client.config.serviceId} failed`, code: error.code ?? error.name });
    throw problems.unavailable;
  }
}

class Problem extends Error {
  constructor(status, name, title, detail) {
    super(title);
    this.status = status;
    this.body = { type: `urn:idbellen:problem:${name}`, title, status, detail };
  }
}

export const invalidBody = (detail) => new Problem(400, "invalid-body", "The body is not valid", detail);

export const problems = {
  bodyTooLarge: new Problem(413, "body-too-large", "The body is too large", "Send at most 4096 bytes."),
  notJson: new Problem(
    415,
    "not-json",
    "The body is not sent as JSON",
    "Send the body with Content-Type: application/json.",
  ),
  unknownCode: new Problem(
    404,
    "unknown-code",
    "There is no secret for this code",
    "The code was never given, was used by another contact, or has expired. Treat the caller as not identified.",
  ),
  unknownSecret: new Problem(
    404,
    "unknown-secret",
    "There is no caller for this secret",
    "The secret is wrong, the contact was cleared, or its time has passed. Treat the caller as not identified.",
  ),
  unavailable: new Problem(
    503,
    "unavailable",
    "ID-bellen is out of order",
    "Try again in a minute, or go on without ID-bellen.",
  ),
  internal: new Problem(500, "internal", "ID-bellen failed", "Try again, or go on without ID-bellen."),
};

const LARGEST_BODY = 4096;

/** Reads a JSON object with these texts and nothing else. `shape` says so to the one who sent something else. */
export function readBody(event, shape, required, optional = []) {
  const bytes = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
  if (bytes.length > LARGEST_BODY) throw problems.bodyTooLarge;
  const mediaType = (event.headers?.["content-type"] ?? "").split(";")[0].trim();
  if (mediaType.toLowerCase() !== "application/json") throw problems.notJson;
  let body;
  try {
    body = JSON.parse(bytes.toString());
  } catch {
    throw invalidBody(shape);
  }
  const valid =
    typeof body === "object" &&
    body !== null &&
    !Array.isArray(body) &&
    Object.keys(body).every((name) => required.includes(name) || optional.includes(name)) &&
    required.every((name) => typeof body[name] === "string") &&
    optional.every((name) => body[name] == null || typeof body[name] === "string");
  if (!valid) throw invalidBody(shape);
  return body;
}

/** A contact id as telephony gives it: 1 to 128 visible ASCII characters. */
export function readContactId(body, name) {
  if (!/^[!-~]{1,128}$/.test(body[name])) throw invalidBody(`"${name}" is 1 to 128 visible ASCII characters.`);
  return body[name];
}

function answer(status, contentType, body) {
  return {
    statusCode: status,
    headers: { "content-type": contentType, "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}

/** A Lambda handler that answers API Gateway. `handle` gives a status and what is sent as JSON, or throws a problem. */
export function http(handle) {
  return async (event) => {
    try {
      const [status, body] = await handle(event);
      return answer(status, "application/json", body);
    } catch (error) {
      if (!(error instanceof Problem)) log("ERROR", { message: "an exception", name: error.name });
      const problem = error instanceof Problem ? error : problems.internal;
      return answer(problem.status, "application/problem+json", problem.body);
    }
  };
}

export const now = () => Math.floor(Date.now() / 1000);

/** HKDF-SHA-256 without a salt: 32 bytes. */
export const hkdf = (input, info) => Buffer.from(hkdfSync("sha256", input, "", info, 32));

export function log(level, fields) {
  console.log(JSON.stringify({ timestamp: new Date().toISOString(), level, ...fields }));
}

const namespace = variable("METRICS_NAMESPACE");

/** Puts numbers as `{ name: [value, unit] }`, in all and by purpose, in CloudWatch's embedded metric format. */
export function putMetrics(values, purpose) {
  const names = Object.entries(values);
  const Metrics = names.map(([Name, [, Unit]]) => ({ Name, Unit }));
  const Dimensions = purpose === undefined ? [[]] : [[], ["purpose"]];
  const line = {
    _aws: { Timestamp: Date.now(), CloudWatchMetrics: [{ Namespace: namespace, Dimensions, Metrics }] },
    purpose,
    ...Object.fromEntries(names.map(([name, [value]]) => [name, value])),
  };
  console.log(JSON.stringify(line));
}
