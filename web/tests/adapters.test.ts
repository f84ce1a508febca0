/**
 * How telephony reaches the portal. The packages of Amazon Connect are the real ones and run in the portal's page; what they
 * talk to, the agent workspace and the Contact Control Panel, is written here, after what the packages send and read.
 */

import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";

import type { Page } from "playwright-core";

import { Caller, close, Desk, type Options, places, until } from "./desk.ts";

const BSN = "999992235";
const OTHER_BSN = "999993653";
const IDENTIFIED = "Geïdentificeerd met de app";

const desks: Desk[] = [];
const open = async (options: Options = {}): Promise<Desk> => {
  const desk = await Desk.open(options);
  desks.push(desk);
  return desk;
};

afterEach(async () => {
  for (const desk of desks.splice(0)) await desk.close();
});
after(close);

/** The portal's own settings, but for these. */
const set = (page: Page, settings: object) =>
  page.route(`${places.agent}/config.json`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), ...settings } });
  });
const connect = (page: Page, settings: object) => set(page, { connect: settings });

describe("a screen pop", () => {
  test("carries its secret through the login, and into no request, no address to go back to and no storage", async () => {
    const caller = await Caller.disclosed();
    const secret = await caller.dial();
    const desk = await open({ address: `#secret=${secret}&contact=leg-1`, agent: null });
    await desk.portal.getByText("Er is een beller.").waitFor();
    assert.equal(desk.page.url(), `${places.agent}/`);
    await desk.logIn(1);
    await desk.shows(IDENTIFIED);
    assert.ok((await desk.text()).includes(BSN));

    for (const { url } of desk.asked) assert.ok(!url.includes(secret), "the secret is in an address that was asked for");
    const telling = desk.asked.filter(({ body }) => body?.includes(secret)).map(({ url }) => url);
    assert.deepEqual([...new Set(telling)], [`${places.agent}/api/contacts/lookup`]);
    const session = await desk.context.newCDPSession(desk.page);
    const { entries } = await session.send("Page.getNavigationHistory");
    // Where one can go back to. That it was typed the browser keeps for itself (docs/portal.md): no page can change that.
    assert.ok(entries.every(({ url }) => !url.includes(secret)));
    const stored = await desk.page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, window.name, document.cookie]),
    );
    assert.equal(stored, '[{},{},"",""]');
    await desk.click("Contact afronden");
    await caller.isGone();
    assert.ok(!(await desk.page.evaluate(() => document.documentElement.outerHTML)).includes(secret));
  });

  test("without a secret is a caller without ID-bellen", async () => {
    const desk = await open({ address: "#contact=leg-1" });
    await desk.shows("Niet geïdentificeerd");
  });

  test("with something that is no secret is one too", async () => {
    const desk = await open({ address: "#secret=<script>&contact=leg-1" });
    await desk.shows("Niet geïdentificeerd");
    assert.equal(desk.calls("lookup").length, 0);
  });
});

describe("a screen pop that the settings do not ask for", () => {
  test("is taken out of the address, and looks up nobody", async () => {
    const secret = await (await Caller.disclosed()).dial();
    const desk = await open({ address: `#secret=${secret}&contact=leg-1`, before: (page) => set(page, { screenPop: false }) });
    await desk.shows("Geen beller");
    assert.equal(desk.page.url(), `${places.agent}/`);
    await desk.call(secret, "leg-2");
    await desk.page.waitForURL(`${places.agent}/`);
    await desk.shows("Geen beller");
    assert.equal(desk.calls("lookup").length, 0);
  });
});

describe("a softphone's page", () => {
  test("that frames the portal says who is on the line, and hears what happens, and nothing of the caller", async () => {
    const desk = await open({ framed: true });
    const caller = await Caller.disclosed();
    await desk.say({ type: "idbellen:contact", secret: await caller.dial(), contactId: "leg-1" });
    await desk.shows(IDENTIFIED);
    await desk.say({ type: "idbellen:cleared", contactId: "leg-1" });
    await desk.shows("Contact afgerond");
    await caller.isGone();
    await until(async () => (await desk.said()).at(-1)?.state === "cleared", "word that it is cleared");
    const state = (state: string) => ({ type: "idbellen:state", state, contactId: "leg-1", origin: places.agent });
    assert.deepEqual(await desk.said(), [
      { type: "idbellen:state", state: "ready", origin: places.agent },
      ...["received", "identified", "clearing", "cleared"].map(state),
    ]);
  });

  test("that opened the portal is heard too, in a window", async () => {
    const desk = await open();
    await desk.page.goto(`${places.demo}/demo/places`);
    const opened = desk.context.waitForEvent("page");
    await desk.page.evaluate((address) => {
      const said: string[] = Object.assign(window, { said: [] }).said;
      addEventListener("message", ({ data }) => said.push(data.state));
      Object.assign(window, { portal: window.open(address) });
    }, `${places.agent}/`);
    const portal = await opened;
    await portal.getByRole("heading", { name: "Geen beller" }).waitFor();
    const caller = await Caller.disclosed();
    await desk.page.evaluate(
      ([secret, origin]) =>
        (window as unknown as { portal: Window }).portal.postMessage({ type: "idbellen:contact", secret }, origin as string),
      [await caller.dial(), places.agent],
    );
    await portal.getByRole("heading", { name: IDENTIFIED }).waitFor();
    assert.deepEqual(await desk.page.evaluate("said"), ["ready", "received", "identified"]);
  });

  test("of another origin is not heard, and told nothing", async () => {
    const desk = await open();
    // A page of the citizen's site opens the portal: the settings do not name it.
    await desk.page.goto(`${places.citizen}/`);
    const opened = desk.context.waitForEvent("page");
    await desk.page.evaluate((address) => {
      const said: unknown[] = Object.assign(window, { said: [] }).said;
      addEventListener("message", ({ data }) => said.push(data));
      Object.assign(window, { portal: window.open(address) });
    }, `${places.agent}/`);
    const portal = await opened;
    await portal.getByRole("heading", { name: "Geen beller" }).waitFor();
    const secret = await (await Caller.disclosed()).dial();
    await portal.evaluate(() => {
      Object.assign(window, { heard: new Promise((resolve) => addEventListener("message", resolve, { once: true })) });
    });
    await desk.page.evaluate(
      ([secret, origin]) =>
        (window as unknown as { portal: Window }).portal.postMessage({ type: "idbellen:contact", secret }, origin as string),
      [secret, places.agent],
    );
    await portal.evaluate("heard.then(() => undefined)");
    await portal.getByRole("heading", { name: "Geen beller" }).waitFor();
    assert.equal(desk.calls("lookup").length, 0);
    assert.deepEqual(await desk.page.evaluate("said"), []);
  });

  test("clears nothing by an id that has not the form of one, and names a call by a number too", async () => {
    const desk = await open({ framed: true });
    const caller = await Caller.disclosed();
    await desk.say({ type: "idbellen:contact", secret: await caller.dial(), contactId: 4711 });
    await desk.shows(IDENTIFIED);
    for (const contactId of ["", "leg 1", null, "x".repeat(129), 4712]) await desk.say({ type: "idbellen:cleared", contactId });
    // Messages come in the order they were sent in: this one is heard after those.
    await desk.say({ type: "idbellen:contact", contactId: 5 });
    await desk.shows("Niet geïdentificeerd");
    assert.equal(desk.calls("clear").length, 0);
    await desk.say({ type: "idbellen:cleared", contactId: 4711 });
    await caller.isGone();
  });

  test("that says what is no message of ours changes nothing", async () => {
    const desk = await open({ framed: true });
    for (const message of [{}, { type: 1 }, { type: "idbellen:other" }, [], { secret: "A".repeat(43) }]) await desk.say(message);
    await desk.say({ type: "idbellen:contact", secret: 5, contactId: "leg 1\n" });
    await desk.shows("Niet geïdentificeerd");
    assert.equal(desk.calls("lookup").length, 0);
  });
});

/** What the agent workspace does for an app in it, as the package `@amazon-connect/app` has it. Runs in the outer page only. */
const WORKSPACE = `if (window === top) {
  const subscribed = [], attributes = {}, connected = [];
  let port;
  const answer = (request, data) => port.postMessage({ type: "response", namespace: request.namespace, requestId: request.requestId, isError: false, data });
  const answers = {
    "contact/getAttributes": ({ contactId, attributes: names }) => Object.fromEntries(names.flatMap((name) => name in (attributes[contactId] ?? {}) ? [[name, attributes[contactId][name]]] : [])),
    "contact/listContacts": () => connected.map((contactId) => ({ contactId, type: "voice", subtype: "connect:Telephony" })),
    "contact/listParticipants": ({ contactId }) => [{ participantId: "agent of " + contactId, contactId, isSelf: true }],
    "contact/getParticipantState": () => ({ value: "connected" }),
  };
  addEventListener("message", ({ data, ports }) => {
    if (data?.type !== "connect-app-host-init") return;
    port = ports[0];
    port.onmessage = ({ data }) => {
      if (data.type === "subscribe") subscribed.push(data);
      if (data.type === "request") answer(data, answers[data.command](data.data));
      if (data.type === "appLifecycleHandlerCompleted") window.created = true;
    };
    port.postMessage({ type: "acknowledge", connectionId: "1", status: { initialized: true, startTime: new Date() }, healthCheckInterval: 0 });
    port.postMessage({ type: "appLifecycle", stage: "create", appInstanceId: "1", instanceId: "1", appConfig: {}, config: {}, region: "eu-central-1" });
  });
  window.workspace = {
    attributes, connected,
    publish(event, contactId, type = "voice", initialContactId = contactId) {
      for (const { topic, handlerId } of subscribed) {
        if (topic.key === event) port.postMessage({ type: "publish", topic, handlerId, data: { contactId, initialContactId, type } });
      }
    },
  };
}`;

describe("the agent workspace of Amazon Connect", () => {
  const workspace = async (connected: Record<string, object> = {}, origin: string = places.demo): Promise<Desk> => {
    const desk = await open({
      framed: true,
      before: async (page) => {
        await connect(page, { workspaceOrigin: origin });
        await page.addInitScript(`${WORKSPACE}
          if (window === top) { Object.assign(workspace.attributes, ${JSON.stringify(connected)}); workspace.connected.push(...${JSON.stringify(Object.keys(connected))}); }`);
      },
    });
    return desk;
  };
  const created = (desk: Desk) => desk.page.waitForFunction("window.created");
  const publish = (desk: Desk, event: string, ...of: string[]) =>
    desk.page.evaluate(`workspace.publish(...${JSON.stringify([event, ...of])})`);
  const attributes = (desk: Desk, contactId: string, set: object) =>
    desk.page.evaluate(`workspace.attributes["${contactId}"] = ${JSON.stringify(set)}; undefined`);

  test("has a caller looked up when the call is connected, and cleared when this agent's leg is", async () => {
    const desk = await workspace();
    await created(desk);
    const caller = await Caller.disclosed();
    await attributes(desk, "leg-1", { idbellen: "ok", idbellen_secret: await caller.dial() });
    await publish(desk, "contact/connected", "leg-1");
    await desk.shows(IDENTIFIED);
    await publish(desk, "contact/cleared", "leg-2");
    assert.ok((await desk.text()).includes(BSN));
    await publish(desk, "contact/cleared", "leg-1");
    await desk.shows("Contact afgerond");
    await caller.isGone();
  });

  test("has the call's first contact named when a call that was transferred is cleared: its attributes hold the secret", async () => {
    const desk = await workspace();
    await created(desk);
    // What comes of it is telephony's, and needs an Amazon Connect: here is only seen what is asked.
    await desk.page.route("**/api/contacts/clear", (route) => route.fulfill({ status: 204 }));
    const secret = await (await Caller.disclosed()).dial();
    await attributes(desk, "leg-2", { idbellen: "ok", idbellen_secret: secret });
    await publish(desk, "contact/connected", "leg-2", "voice", "leg-1");
    await desk.shows(IDENTIFIED);
    await publish(desk, "contact/cleared", "leg-2");
    await until(async () => desk.calls("clear").length === 1, "clear");
    const sent = (what: "lookup" | "clear") => JSON.parse(desk.calls(what)[0]?.body ?? "{}");
    assert.deepEqual(sent("lookup"), { secret, contactId: "leg-2" });
    assert.deepEqual(sent("clear"), { secret, contactId: "leg-2", initialContactId: "leg-1" });
  });

  test("says of a caller without a code that they are not identified", async () => {
    const desk = await workspace();
    await created(desk);
    await attributes(desk, "leg-1", { idbellen: "none" });
    await publish(desk, "contact/connected", "leg-1");
    await desk.shows("Niet geïdentificeerd");
    assert.equal(desk.calls("lookup").length, 0);
    // At a desk of its own: the heading would be there already.
    const another = await workspace();
    await created(another);
    await attributes(another, "leg-2", { idbellen: "failed", idbellen_secret: "" });
    await publish(another, "contact/connected", "leg-2");
    await another.shows("Niet geïdentificeerd");
    assert.equal(another.calls("lookup").length, 0);
  });

  test("has nothing looked up or cleared for an offer that is missed, or for what is no call", async () => {
    const desk = await workspace();
    await created(desk);
    const caller = await Caller.disclosed();
    await attributes(desk, "leg-1", { idbellen: "ok", idbellen_secret: await caller.dial() });
    for (const event of ["contact/incoming", "contact/connecting", "contact/missed", "contact/cleared"])
      await publish(desk, event, "leg-1");
    await publish(desk, "contact/connected", "leg-1", "chat");
    await attributes(desk, "leg-2", { idbellen: "none" });
    await publish(desk, "contact/connected", "leg-2");
    await desk.shows("Niet geïdentificeerd");
    assert.deepEqual([desk.calls("lookup").length, desk.calls("clear").length], [0, 0]);
    assert.ok(await caller.row());
  });

  test("has the caller of a call looked up that was connected before the app was opened", async () => {
    const caller = await Caller.disclosed();
    const desk = await workspace({ "leg-1": { idbellen: "ok", idbellen_secret: await caller.dial() } });
    await desk.shows(IDENTIFIED);
  });

  test("is talked to where the settings name it, and nowhere else", async () => {
    const desk = await workspace({}, "https://another.my.connect.aws");
    await desk.shows("Geen beller");
    assert.ok(!desk.asked.some(({ url }) => url.includes("connect-workspace")));
    const plain = await open();
    await plain.shows("Geen beller");
    assert.ok(!plain.asked.some(({ url }) => /connect-(workspace|streams)/.test(url)));
  });
});

/** What the Contact Control Panel says to the page around it, as the package `amazon-connect-streams` has it. */
const PANEL = `<!doctype html><title>CCP</title><script>
  const say = (event, data) => parent.postMessage({ event, data }, "*");
  addEventListener("message", ({ data }) => {
    if (data?.event === "synchronize") { say("acknowledge", { id: "port" }); update(); }
  });
  let contacts = [];
  const update = () => say("agent::update", {
    snapshot: { state: { name: "Available", type: "routable" }, contacts },
    configuration: { routingProfile: { routingProfileId: "arn:aws:connect:eu-central-1:111122223333:instance/10a4c4eb/routing-profile/1" } },
  });
  function set(contactId, state, attributes, type = "voice") {
    contacts = contacts.filter((contact) => contact.contactId !== contactId);
    const named = Object.fromEntries(Object.entries(attributes ?? {}).map(([name, value]) => [name, { name, value }]));
    if (state !== null) contacts.push({ contactId, type, state: { type: state }, attributes: named, connections: [] });
    update();
  }
</script>`;

describe("the Contact Control Panel of Amazon Connect", () => {
  const panel = async (): Promise<{ desk: Desk; set: (...of: unknown[]) => Promise<void> }> => {
    const ccpUrl = `${places.agent}/ccp/`;
    const desk = await open({
      before: async (page) => {
        await connect(page, { ccpUrl });
        await page.route(ccpUrl, (route) => route.fulfill({ contentType: "text/html", body: PANEL }));
      },
    });
    const frame = await (await desk.page.waitForSelector("#panel iframe")).contentFrame();
    assert.ok(frame);
    await frame.waitForFunction("typeof set === 'function'");
    return { desk, set: (...of) => frame.evaluate(`set(...${JSON.stringify(of)})`) };
  };

  test("has a caller looked up when the call is connected, and cleared when the contact is", async () => {
    const { desk, set } = await panel();
    const caller = await Caller.disclosed();
    const said = { idbellen: "ok", idbellen_secret: await caller.dial() };
    await set("leg-1", "connecting", said);
    await desk.shows("Geen beller");
    assert.equal(desk.calls("lookup").length, 0);
    await set("leg-1", "connected", said);
    await desk.shows(IDENTIFIED);
    await set("leg-1", "ended", said);
    assert.ok((await desk.text()).includes(BSN));
    await set("leg-1", null);
    await desk.shows("Contact afgerond");
    await caller.isGone();
  });

  test("has nothing looked up or cleared for an offer that is missed", async () => {
    const { desk, set } = await panel();
    const [missed, taken] = [await Caller.disclosed("willeke"), await Caller.disclosed("jochem")];
    const said = { idbellen: "ok", idbellen_secret: await missed.dial() };
    for (const state of ["connecting", "missed", null]) await set("leg-1", state, said);
    await set("leg-2", "connecting", {});
    await set("leg-2", "connected", { idbellen: "ok", idbellen_secret: await taken.dial() });
    await desk.shows(IDENTIFIED);
    assert.ok((await desk.text()).includes(OTHER_BSN));
    assert.ok(await missed.row());
    assert.equal(desk.calls("clear").length, 0);
  });

  test("says of a caller without a code that they are not identified", async () => {
    const { desk, set } = await panel();
    await set("leg-1", "connected", { idbellen: "none" });
    await desk.shows("Niet geïdentificeerd");
    assert.equal(desk.calls("lookup").length, 0);
  });
});
