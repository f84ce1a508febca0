import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import type { UserManager } from "oidc-client-ts";

import { Login } from "./login.ts";

/** A client that does what a test says, in a portal that is a part of another page. */
function portal({ blocked = false, fails = false } = {}) {
  const done: string[] = [];
  let loaded: (user: object) => unknown = () => undefined;
  const letIn = async () => {
    loaded(user);
    return user;
  };
  const client = {
    events: {
      addUserLoaded: (heard: typeof loaded) => (loaded = heard),
      addAccessTokenExpiring: () => undefined,
      addAccessTokenExpired: () => undefined,
    },
    getUser: async () => user,
    removeUser: async () => done.push("removed"),
    signoutRedirect: async () => done.push("redirect"),
    signoutPopup: async ({ popupWindowTarget }: { popupWindowTarget: string }) => {
      done.push(`popup ${popupWindowTarget}`);
      if (fails) throw new Error();
    },
    signinSilent: letIn,
    signinPopup: letIn,
  };
  const user = { profile: { sub: "agent-1" }, access_token: "token" };
  const opened = { closed: false, close: () => done.push("closed") };
  const open = (_: string, name: string) => {
    done.push(`opened ${name}`);
    return blocked ? null : opened;
  };
  Object.assign(globalThis, { window: { top: {}, open } });
  const login = new Login(
    client as unknown as UserManager,
    (agent) => done.push(`in ${agent}`),
    () => undefined,
  );
  return { login, done, opened, renewed: () => loaded(user) };
}

test("a token is given for the agent who is logged in, and for no other", async () => {
  const { login } = portal();
  for (const renew of [false, true]) {
    assert.equal(await login.token("agent-1", renew), "token");
    assert.equal(await login.token("agent-2", renew), null);
    assert.equal(await login.token(null, renew), null);
  }
});

beforeEach(() => Reflect.deleteProperty(globalThis, "window"));

describe("logging out in a page around the portal", () => {
  test("uses the window that the click opened", async () => {
    const { login, done } = portal();
    login.openLogoutWindow();
    assert.ok(await login.logOut());
    assert.deepEqual(done, ["opened idbellen-logout", "popup idbellen-logout"]);
  });

  test("opens no second window where the first was blocked or closed, and says that the issuer was not reached", async () => {
    for (const blocked of [true, false]) {
      const { login, done, opened } = portal({ blocked });
      login.openLogoutWindow();
      opened.closed = !blocked;
      assert.ok(!(await login.logOut()));
      assert.ok(!done.includes("popup idbellen-logout"));
      assert.ok(done.includes("removed"));
    }
  });

  test("says so too if the issuer can't log out", async () => {
    const { login, done } = portal({ fails: true });
    login.openLogoutWindow();
    assert.ok(!(await login.logOut()));
    assert.deepEqual(done.slice(2), ["closed", "removed"]);
  });

  test("lets in nobody by a renewal that was under way", async () => {
    const { login, done, renewed } = portal();
    await login.quietly();
    assert.deepEqual(done, ["in agent-1"]);
    await login.logOut();
    done.length = 0;
    renewed();
    assert.deepEqual(done, ["removed"]);
    await login.byWindow();
    assert.deepEqual(done, ["removed", "in agent-1"]);
  });
});
