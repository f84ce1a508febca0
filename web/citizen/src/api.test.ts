import assert from "node:assert/strict";
import { afterEach, describe, mock, test } from "node:test";

import { type Cause, purpose, Refusal, start } from "./api.ts";

const words = { nl: "a", en: "b" };
const HOURS = { weekly: { monday: [{ from: "08:30", to: "17:00" }] }, closedOn: ["2026-12-25"] };
const PURPOSE = {
  title: words,
  phoneNumber: "+31200000001",
  open: true,
  openingHours: HOURS,
  controller: { name: "a", contact: "b" },
  privacyUrl: "https://a.example",
  legalBasis: words,
  attributes: { "a.b.c.d": { label: words, reason: words } },
};
const SESSION = {
  sessionPtr: { u: "https://irma.example/irma/session/a", irmaqr: "disclosing" },
  frontendRequest: { authorization: "a", minProtocolVersion: "1.0", maxProtocolVersion: "1.1" },
  expiresAt: 1_795_047_480,
};
const CLOSED = { type: "urn:idbellen:problem:closed", title: "a", status: 503, detail: "b", openingHours: HOURS };

/** An API that gives this answer. */
function api(answer: Response | Error): void {
  mock.method(globalThis, "fetch", async () => {
    if (answer instanceof Error) throw answer;
    return answer;
  });
}

const json = (body: unknown, status = 200, headers = {}) => new Response(JSON.stringify(body), { status, headers });
const refusal = (asked: Promise<unknown>): Promise<Refusal> =>
  asked.then(
    () => assert.fail("it was not refused"),
    (error) => (error instanceof Refusal ? error : assert.fail("no Refusal")),
  );

/** Each way to put something of another kind at one place of a JSON value, however deep it is. */
function spoiled(value: unknown): unknown[] {
  const kind = (of: unknown) => (Array.isArray(of) ? "list" : of === null ? "null" : typeof of);
  const others = [null, 7, "?", [], {}].filter((other) => kind(other) !== kind(value));
  if (typeof value !== "object" || value === null) return others;
  const below = Object.entries(value).flatMap(([name, member]) =>
    spoiled(member).map((bad) => (Array.isArray(value) ? value.with(Number(name), bad) : { ...value, [name]: bad })),
  );
  return [...others, ...below];
}

afterEach(() => mock.restoreAll());

describe("what a citizen must know", () => {
  test("is read as the API says it, and no more of it", async () => {
    api(json({ ...PURPOSE, more: 1 }));
    assert.deepEqual(await purpose("/api", "burgerzaken"), PURPOSE);
  });

  test("is not taken with any member that is not what it must be", async () => {
    const missing = Object.keys(PURPOSE).map((name) => ({ ...PURPOSE, [name]: undefined }));
    const undated = { ...PURPOSE, openingHours: { ...HOURS, closedOn: ["Christmas"] } };
    for (const bad of [...spoiled(PURPOSE), ...missing, undated]) {
      api(json(bad));
      assert.equal((await refusal(purpose("/api", "burgerzaken"))).reason, "unavailable", JSON.stringify(bad));
    }
  });
});

describe("a session", () => {
  const date = (seconds: number) => ({ date: new Date(seconds * 1_000).toUTCString() });

  test("is read with all that the wallet and its front-end may need", async () => {
    api(json(SESSION, 201, date(SESSION.expiresAt - 1_080)));
    const { sessionPtr, frontendRequest, deadline } = await start("/api", "burgerzaken");
    assert.deepEqual(
      { sessionPtr, frontendRequest },
      { sessionPtr: SESSION.sessionPtr, frontendRequest: SESSION.frontendRequest },
    );
    const left = deadline - Date.now();
    assert.ok(left > 1_059_000 && left <= 1_060_000, `${left}`);
  });

  test("is not taken without an address, a request or a time", async () => {
    for (const name of ["sessionPtr", "frontendRequest", "expiresAt"]) {
      api(json({ ...SESSION, [name]: "a" }, 201));
      assert.equal((await refusal(start("/api", "burgerzaken"))).reason, "unavailable", name);
    }
    api(json({ ...SESSION, sessionPtr: { irmaqr: "disclosing" } }, 201));
    assert.equal((await refusal(start("/api", "burgerzaken"))).reason, "unavailable");
  });
});

describe("a refusal", () => {
  const problem = (type: string, status: number) => json({ type, title: "a", status, detail: "b" }, status);
  const CAUSES: [string, () => Response | Error, Cause][] = [
    ["no network", () => new TypeError("fetch failed"), "offline"],
    ["a throttle of API Gateway", () => json({ message: "Too Many Requests" }, 429), "busy"],
    ["an unknown purpose", () => problem("urn:idbellen:problem:unknown-purpose", 404), "unknownPurpose"],
    ["an IRMA server that is down", () => problem("urn:idbellen:problem:irma-unavailable", 503), "irmaDown"],
    ["another problem", () => problem("urn:idbellen:problem:internal", 500), "unavailable"],
    ["no problem", () => json({ message: "Service Unavailable" }, 503), "unavailable"],
    ["a page of something in between", () => new Response("<html>", { status: 502 }), "unavailable"],
    ["a page that says that all is well", () => new Response("<html>"), "unavailable"],
    ["hours that can't be read", () => json({ ...CLOSED, openingHours: { weekly: [] } }, 503), "unavailable"],
  ];
  for (const [what, answer, cause] of CAUSES) {
    test(`for ${what} is ${cause}`, async () => {
      api(answer());
      const { reason, openingHours } = await refusal(start("/api", "burgerzaken"));
      assert.deepEqual([reason, openingHours], [cause, undefined]);
    });
  }

  test("as closed comes with the hours", async () => {
    api(json(CLOSED, 503));
    const { reason, openingHours } = await refusal(start("/api", "burgerzaken"));
    assert.deepEqual([reason, openingHours], ["closed", HOURS]);
  });
});
