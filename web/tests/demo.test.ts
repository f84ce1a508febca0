import assert from "node:assert/strict";
import test from "node:test";

const demo = process.env["IDBELLEN_DEMO"] ?? "";
const post = async (url: string, body: unknown) => {
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return [answer.status, await answer.json()] as const;
};

test("the demo has places", async () => {
  const places = await (await fetch(`${demo}/demo/places`)).json() as Record<string, string>;
  console.log(places);
  assert.ok(places["citizen"]);
  console.log(await post(`${places["citizen"]}/api/sessions`, { purpose: "burgerzaken" }));
  const [, did] = await post(`${demo}/demo/wallet`, { act: "disclose" });
  console.log(did, await (await fetch(`${demo}/demo/sessions`)).json());
  console.log(await post(`${demo}/demo/telephone`, { code: did["code"], contactId: "1" }), await (await fetch(`${demo}/demo/tables`)).json(), JSON.stringify(await (await fetch(`${demo}/demo/wire`)).json()));
});
