import assert from "node:assert/strict";
import test from "node:test";

const demo = process.env["IDBELLEN_DEMO"] ?? "";

const ask = async (path: string, body?: unknown): Promise<Record<string, any>> => {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(new URL(path, demo), body === undefined ? {} : post);
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.json() as Promise<Record<string, any>>;
};

test("a call can be played without a page", async () => {
  const places = await ask("/demo/places");
  const started = await ask(`${places["citizen"]}/api/sessions`, { purpose: "burgerzaken" });
  assert.equal(started["sessionPtr"].irmaqr, "disclosing");
  const [session] = await ask("/demo/sessions") as unknown as { id: number; ended: boolean }[];
  assert.equal(session?.ended, false);
  const dialled = await ask("/demo/wallet", { session: session?.id, act: "disclose" });
  assert.equal(dialled["outcome"], "success");
  const told = await ask("/demo/telephone", { code: dialled["code"], contactId: "1" });
  assert.equal(told["status"], 200);
  const tables = await ask("/demo/tables");
  assert.ok(tables["records"].some((record: { status: string }) => record.status === "disclosed"));
  assert.equal((await ask("/demo/telephone", { code: dialled["code"], contactId: "2" }))["status"], 404);
});
