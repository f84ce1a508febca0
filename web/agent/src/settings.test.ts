import assert from "node:assert/strict";
import test from "node:test";

import { parseSettings, SettingsError } from "./settings.ts";

const GOOD = {
  api: "/api",
  oidc: { authority: "https://login.example.nl", clientId: "portal", scope: "openid idbellen/agent" },
  idleMinutes: 10,
  softphoneOrigins: ["https://softphone.example.nl"],
  language: "nl",
};

test("good settings are taken", () => {
  assert.deepEqual(parseSettings(GOOD), { ...GOOD, screenPop: false, connect: {} });
  assert.equal(parseSettings({ ...GOOD, screenPop: true }).screenPop, true);
  const connect = { ccpUrl: "https://x.my.connect.aws/ccp-v2/", workspaceOrigin: "https://x.my.connect.aws" };
  assert.deepEqual(parseSettings({ ...GOOD, connect }).connect, connect);
});

test("a setting that is wrong is named", () => {
  const wrong: [unknown, RegExp][] = [
    [[], /config\.json must be an object/],
    [{ ...GOOD, api: "https://elsewhere.example" }, /"api"/],
    [{ ...GOOD, api: "//elsewhere.example" }, /"api"/],
    [{ ...GOOD, oidc: undefined }, /"oidc"/],
    [{ ...GOOD, oidc: { ...GOOD.oidc, authority: "http://login.example.nl" } }, /"oidc\.authority" must be an https address/],
    [{ ...GOOD, oidc: { ...GOOD.oidc, clientId: "" } }, /"oidc\.clientId"/],
    [{ ...GOOD, oidc: { ...GOOD.oidc, scope: "idbellen/agent" } }, /"oidc\.scope" must hold openid/],
    [{ ...GOOD, idleMinutes: 0 }, /"idleMinutes"/],
    [{ ...GOOD, idleMinutes: "10" }, /"idleMinutes"/],
    [{ ...GOOD, softphoneOrigins: "*" }, /"softphoneOrigins" must be a list/],
    [{ ...GOOD, softphoneOrigins: ["*"] }, /"softphoneOrigins\[0\]"/],
    [{ ...GOOD, softphoneOrigins: ["https://softphone.example.nl/"] }, /"softphoneOrigins\[0\]" must be an origin/],
    [{ ...GOOD, screenPop: "no" }, /"screenPop" must be true or false/],
    [{ ...GOOD, language: "de" }, /"language"/],
    [{ ...GOOD, connect: { ccpUrl: "ccp" } }, /"connect\.ccpUrl"/],
    [{ ...GOOD, idleMinuts: 5 }, /idleMinuts/],
  ];
  for (const [settings, message] of wrong) {
    assert.throws(
      () => parseSettings(settings),
      (error) => error instanceof SettingsError && message.test(error.message),
      String(message),
    );
  }
});
