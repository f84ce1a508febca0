import assert from "node:assert/strict";
import { afterEach, describe, mock, test } from "node:test";

import { Contacts } from "./contacts.ts";

const CONTACT = { secret: "A".repeat(43), contactId: "leg-1" };
const contacts = () => new Contacts("/api", { token: async () => "token" });

/** An API that answers with these, one after the other; what was asked is in the list that it gives. */
function api(...answers: (Response | Error | Promise<Response>)[]): string[] {
  const asked: string[] = [];
  mock.method(globalThis, "fetch", async (url: string) => {
    asked.push(url.replace("/api/contacts/", ""));
    const answer = await answers[asked.length - 1];
    if (!(answer instanceof Response)) throw answer ?? new Error("nothing more is expected");
    return answer;
  });
  return asked;
}

const empty = (status: number) => new Response(null, { status });
const settle = () => new Promise((resolve) => setImmediate(resolve));

afterEach(() => mock.restoreAll());

describe("a clear", () => {
  test("of a contact that was never looked up does not look up", async () => {
    const asked = api(empty(204));
    assert.equal(await contacts().clear(CONTACT, "agent-1"), "done");
    assert.deepEqual(asked, ["clear"]);
  });

  test("of a contact whose look-up was not answered does not look up, however late it is", async () => {
    const asked = api(new TypeError(), new TypeError(), empty(204));
    const all = contacts();
    assert.deepEqual(await all.lookUp(CONTACT, "agent-1"), { is: "unreachable" });
    assert.equal(await all.clear(CONTACT, "agent-1"), "unreachable");
    assert.equal(await all.clear(CONTACT, "agent-1"), "done");
    assert.deepEqual(asked, ["lookup", "clear", "clear"]);
  });

  test("waits for the look-up that is under way", async () => {
    let resolve: (answer: Response) => void = () => {};
    const asked = api(new Promise<Response>((given) => (resolve = given)), empty(204));
    const all = contacts();
    const lookedUp = all.lookUp(CONTACT, "agent-1");
    const cleared = all.clear(CONTACT, "agent-1");
    await settle();
    assert.deepEqual(asked, ["lookup"]);
    resolve(Response.json({ status: "pending" }, { status: 202 }));
    assert.deepEqual(await lookedUp, { is: "pending" });
    assert.equal(await cleared, "done");
    assert.deepEqual(asked, ["lookup", "clear"]);
  });

  test("is not sent under the name of another agent, whom a renewal brought", async () => {
    const asked = api(empty(401));
    const token = async (agent: string | null, renew: boolean) => (agent === (renew ? "agent-2" : "agent-1") ? "token" : null);
    assert.equal(await new Contacts("/api", { token }).clear(CONTACT, "agent-1"), "unauthorized");
    assert.deepEqual(asked, ["clear"]);
  });

  test("says what came of it", async () => {
    for (const [status, said] of [
      [204, "done"],
      [503, "unreachable"],
      [429, "unreachable"],
      [403, "refused"],
    ] as const) {
      api(empty(status));
      assert.equal(await contacts().clear(CONTACT, "agent-1"), said);
      mock.restoreAll();
    }
    api(empty(401), empty(401));
    assert.equal(await contacts().clear(CONTACT, "agent-1"), "unauthorized");
  });
});

describe("a look-up", () => {
  const row = { id: "a.b.c.bsn", value: "999992235", label: { nl: "BSN", en: "BSN" }, issuedAt: 1 };
  const shown = async (...attributes: unknown[]) => {
    const body = { status: "disclosed", reference: "R", purpose: "p", expiresAt: 1, attributes };
    api(Response.json(body));
    const answer = await contacts().lookUp(CONTACT, "agent-1");
    mock.restoreAll();
    return answer.is === "disclosed" ? answer.attributes : answer.is;
  };

  test("shows no row without a label, and the others", async () => {
    for (const label of [
      undefined,
      null,
      {},
      "BSN",
      { nl: "BSN" },
      { nl: "", en: "" },
      { nl: " ", en: "BSN" },
      { nl: row.id, en: row.id },
    ]) {
      assert.deepEqual(await shown({ ...row, label }, row), [row], JSON.stringify(label));
    }
  });

  test("that shows nothing tells of someone who did not identify themselves", async () => {
    assert.equal(await shown(), "declined");
    assert.equal(await shown({ ...row, label: undefined }), "declined");
  });

  test("takes a format that it knows, and goes by no identifier", async () => {
    assert.deepEqual(await shown({ ...row, format: "bsn" }), [{ ...row, format: "bsn" }]);
    for (const format of ["iban", null, 1, undefined]) assert.deepEqual(await shown({ ...row, format }), [row]);
  });

  test("that is not as the API says is none", async () => {
    for (const wrong of [{ id: 1 }, { value: null }, { issuedAt: "1" }])
      assert.equal(await shown({ ...row, ...wrong }), "unreachable");
  });
});
