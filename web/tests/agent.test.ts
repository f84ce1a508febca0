import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";

import { chromium } from "playwright-core";

import { Caller, close, Desk, type Options, places, until } from "./desk.ts";
import { inspect as inspectPage, tokenLifetime } from "./stage.ts";

const BSN = "999992235";
const NAME = "Bruijn";
const OTHER_BSN = "999993653";
const IDENTIFIED = "Geïdentificeerd met de app";
const LOOKUP = `${places.agent}/api/contacts/lookup`;

const desks: Desk[] = [];
const open = async (options: Options = {}): Promise<Desk> => {
  const desk = await Desk.open(options);
  desks.push(desk);
  return desk;
};

afterEach(async () => {
  for (const desk of desks.splice(0)) {
    const noise = desk.noise();
    await desk.close();
    // What the browser itself says of a network that a test broke is not the portal's.
    assert.deepEqual(
      noise.filter((line) => !line.startsWith("Failed to load resource")),
      [],
      "the console is not silent",
    );
  }
  await tokenLifetime();
});
after(close);

/** A state as everyone sees it: on both sizes of screen. */
async function inspect({ page }: Desk, name: string): Promise<void> {
  const size = page.viewportSize()!;
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    await page.setViewportSize(viewport);
    await inspectPage(page, `portal-${name}`);
  }
  await page.setViewportSize(size);
}

const sizes = [
  { phone: false, on: "a desktop" },
  { phone: true, on: "a small screen" },
];

describe("a call", () => {
  for (const { phone, on } of sizes) {
    test(`is shown, and gone when the contact is cleared, on ${on}`, async () => {
      const desk = await open({ phone });
      await desk.shows("Geen beller");
      await inspect(desk, "none");
      const caller = await Caller.disclosed();
      await desk.call(await caller.dial(), "leg-1");
      await desk.shows(IDENTIFIED);
      const text = await desk.text();
      for (const shown of [
        BSN,
        NAME,
        "Burgerservicenummer",
        "Uitgegeven op",
        "bewijst de app, niet de stem",
        "minuten op het scherm",
      ]) {
        assert.ok(text.includes(shown), shown);
      }
      const reference = /[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(text)?.[0];
      assert.ok(reference);
      await inspect(desk, "disclosed");

      await desk.click("Kopieer Burgerservicenummer (BSN)");
      await desk.portal.getByText("Gekopieerd").waitFor();
      assert.equal(await desk.portal.evaluate(() => navigator.clipboard.readText()), BSN);
      await desk.click("Kopieer Kenmerk");
      await until(async () => (await desk.portal.evaluate(() => navigator.clipboard.readText())) === reference, "copy");

      await desk.click("Contact afronden");
      await desk.shows("Contact afgerond");
      await desk.lacks(BSN, NAME, reference);
      await caller.isGone();
      await inspect(desk, "cleared");
    });
  }

  test("without ID-bellen asks for control questions", async () => {
    const desk = await open();
    await desk.call(null, "leg-1");
    await desk.shows("Niet geïdentificeerd");
    assert.ok((await desk.text()).includes("Stel controlevragen."));
    assert.equal(desk.calls("lookup").length, 0);
    await inspect(desk, "unidentified");
  });

  test("of who declined asks for control questions", async () => {
    const desk = await open();
    const caller = await Caller.start();
    await caller.decline();
    await caller.has("declined");
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows("Geweigerd");
    assert.ok((await desk.text()).includes("Stel controlevragen."));
    await inspect(desk, "declined");
    await desk.click("Contact afronden");
    await caller.isGone();
  });

  test("whose data are on their way shows them when they come", async () => {
    const desk = await open();
    const caller = await Caller.start();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows("Gegevens onderweg");
    await inspect(desk, "pending");
    await caller.disclose();
    await desk.shows(IDENTIFIED);
    assert.ok((await desk.text()).includes(BSN));
  });

  test("that was cleared before can't be told from one that expired", async () => {
    const desk = await open();
    await desk.call("A".repeat(43), "leg-1");
    await desk.shows("Verlopen of al afgesloten");
    await inspect(desk, "unknown");
  });

  // These answers can't be had from a stack in a minute, or not from one that works: they are made up before the API.
  const madeUp = [
    {
      name: "lost",
      heading: "Gegevens verloren",
      status: 200,
      body: { status: "lost", reference: "WGHJ-ZTB0-K75M", purpose: "burgerzaken", expiresAt: 4e9 },
    },
    { name: "forbidden", heading: "Geen recht op ID-bellen", status: 403, body: { message: "Forbidden" } },
    { name: "unreachable", heading: "Storing", status: 503, body: { message: "Service Unavailable" } },
  ];
  for (const { name, heading, status, body } of madeUp) {
    test(`that is answered with "${heading}" says what to do`, async () => {
      const desk = await open({ before: (page) => page.route(LOOKUP, (route) => route.fulfill({ status, json: body })) });
      await desk.call("A".repeat(43), "leg-1");
      await desk.shows(heading);
      assert.ok((await desk.text()).includes("Stel controlevragen."));
      await inspect(desk, name);
    });
  }

  test("whose data do not come within ninety seconds is asked control questions, and can be looked up once more", async () => {
    const desk = await open({ clock: true });
    const caller = await Caller.start();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows("Gegevens onderweg");
    await desk.page.clock.fastForward(90_000);
    await desk.shows("Gegevens niet ontvangen");
    assert.ok((await desk.text()).includes("Stel controlevragen."));
    await inspect(desk, "late");
    const asked = desk.calls("lookup").length;
    await desk.page.clock.runFor(10_000);
    assert.equal(desk.calls("lookup").length, asked);
    await caller.disclose();
    await caller.has("disclosed");
    await desk.click("Nog eens opvragen");
    await desk.shows(IDENTIFIED);
  });

  test("warns ten and five minutes before the time is up, and then is off the screen", async () => {
    const desk = await open({ clock: true });
    const caller = await Caller.disclosed();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.portal.getByText("Nog 56 minuten op het scherm").waitFor();
    const warning = desk.portal.locator(".alert.soon");
    await desk.page.clock.fastForward(45.5 * 60_000);
    // Nobody touched the page for so long.
    await desk.click("Tonen");
    assert.equal(await warning.count(), 0);
    await desk.page.clock.fastForward(60_000);
    await warning.getByText("Nog geen 10 minuten").waitFor();
    await inspect(desk, "ten-minutes");
    await desk.page.clock.fastForward(5 * 60_000);
    await warning.getByText("Nog geen 5 minuten").waitFor();
    await inspect(desk, "five-minutes");
    await desk.page.clock.fastForward(5 * 60_000);
    await desk.shows("De tijd is om");
    await desk.lacks(BSN, NAME);
    await inspect(desk, "expired");
  });

  test("without a code after one with wipes the one before", async () => {
    const desk = await open();
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.call(null, "leg-2");
    await desk.shows("Niet geïdentificeerd");
    await desk.lacks(BSN, NAME);
  });

  test("after another never shows the other's answer, however late it comes", async () => {
    // The first look-up's answer is held on its way.
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const first = await Caller.disclosed("willeke");
    const secret = await first.dial();
    const desk = await open({
      before: (page) =>
        page.route(LOOKUP, async (route) => {
          if (!route.request().postData()?.includes(secret)) return route.continue();
          const response = await route.fetch();
          await held;
          await route.fulfill({ response });
        }),
    });
    await desk.call(secret, "leg-1");
    await desk.shows("Gegevens opvragen");
    await desk.call(await (await Caller.disclosed("jochem")).dial(), "leg-2");
    await desk.shows(IDENTIFIED);
    const answered = desk.page.waitForResponse((response) => response.request().postData()?.includes(secret) ?? false);
    release();
    await (await answered).finished();
    await desk.lacks(BSN, NAME);
    assert.ok((await desk.text()).includes(OTHER_BSN));
  });

  test("has a BSN in groups where the purpose says so, and no row without a label", async () => {
    const row = {
      id: "irma-demo.MijnOverheid.singleton.BSN",
      value: BSN,
      label: { nl: "Nummer", en: "Number" },
      issuedAt: 1_794_441_600,
    };
    const body = {
      status: "disclosed",
      reference: "WGHJ-ZTB0-K75M",
      purpose: "burgerzaken",
      expiresAt: Math.floor(Date.now() / 1000) + 3_000,
      attributes: [
        row,
        { ...row, format: "bsn" },
        { ...row, value: "iets anders", format: "bsn" },
        { ...row, value: "ongevraagd", label: { nl: row.id, en: row.id } },
      ],
    };
    const desk = await open({ before: (page) => page.route(LOOKUP, (route) => route.fulfill({ json: body })) });
    await desk.call("A".repeat(43), "leg-1");
    await desk.shows(IDENTIFIED);
    assert.deepEqual(await desk.portal.locator(".value").allTextContents(), [BSN, BSN, "iets anders"]);
    assert.deepEqual(await desk.portal.locator(".value .digits").allTextContents(), ["9999", "92", "235"]);
  });

  test("whose values look like markup shows them as text", async () => {
    const value = '<img src=x onerror="document.title=1"><b>vet</b>';
    const body = {
      status: "disclosed",
      reference: "WGHJ-ZTB0-K75M",
      purpose: "burgerzaken",
      expiresAt: Math.floor(Date.now() / 1000) + 3_000,
      attributes: [{ id: "x", value, label: { nl: "<i>Naam</i>", en: "Name" }, issuedAt: 1_794_441_600 }],
    };
    // No wallet of the demo scheme holds such a name.
    const desk = await open({ before: (page) => page.route(LOOKUP, (route) => route.fulfill({ json: body })) });
    await desk.call("A".repeat(43), "leg-1");
    await desk.shows(IDENTIFIED);
    assert.equal(await desk.portal.locator(".value").textContent(), value);
    assert.equal(await desk.portal.locator("dl img, dl b, dl i").count(), 0);
  });

  test("can be taken and cleared by keyboard alone", async () => {
    const desk = await open({ agent: null });
    const press = async (name: string) => {
      for (let tabs = 0; tabs < 20; tabs += 1) {
        const focused = desk.page.locator(":focus");
        if (
          (await focused.count()) > 0 &&
          ((await focused.getAttribute("aria-label")) ?? (await focused.textContent()))?.trim() === name
        ) {
          return desk.page.keyboard.press("Enter");
        }
        await desk.page.keyboard.press("Tab");
      }
      assert.fail(`${name} can't be reached by keyboard`);
    };
    await desk.shows("Log in om bellers te zien");
    const opened = desk.page.waitForEvent("popup");
    await press("Inloggen");
    const popup = await opened;
    await popup.locator("#agent-1").focus();
    await popup.keyboard.press("Enter");
    await desk.shows("Geen beller");
    const caller = await Caller.disclosed();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    assert.equal(await desk.page.locator(":focus").textContent(), IDENTIFIED);
    await press("Kopieer Burgerservicenummer (BSN)");
    await until(async () => (await desk.page.evaluate(() => navigator.clipboard.readText())) === BSN, "copy");
    await press("Contact afronden");
    await desk.shows("Contact afgerond");
    assert.equal(await desk.page.locator(":focus").textContent(), "Contact afgerond");
    await caller.isGone();
  });

  test("is told in English too", async () => {
    const desk = await open();
    await desk.click("English");
    await desk.shows("No caller");
    assert.equal(await desk.page.locator("html").getAttribute("lang"), "en");
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows("Identified with the app");
    assert.ok((await desk.text()).includes("Citizen service number"));
    await inspect(desk, "disclosed-english");
  });
});

describe("two agents", () => {
  test("with two callers at the same time each see their own", async () => {
    const [one, two] = [await open({ agent: 1 }), await open({ agent: 2 })];
    const [willeke, jochem] = [await Caller.disclosed("willeke"), await Caller.disclosed("jochem")];
    const [first, second] = [await willeke.dial(), await jochem.dial()];
    await Promise.all([one.call(first, "leg-1"), two.call(second, "leg-2")]);
    await Promise.all([one.shows(IDENTIFIED), two.shows(IDENTIFIED)]);
    assert.ok((await one.text()).includes(BSN) && (await two.text()).includes(OTHER_BSN));
    await one.lacks(OTHER_BSN);
    await two.lacks(BSN);
    await one.click("Contact afronden");
    await willeke.isGone();
    assert.ok(await jochem.row());
    assert.ok((await two.text()).includes(OTHER_BSN));
  });

  test("transfer a caller: the second one sees them and clears, and the first one's leg that ends deletes nothing", async () => {
    const [one, two] = [await open({ agent: 1, framed: true }), await open({ agent: 2 })];
    const caller = await Caller.disclosed();
    const secret = await caller.dial();
    await one.say({ type: "idbellen:contact", secret, contactId: "leg-1" });
    await one.shows(IDENTIFIED);
    await one.click("Doorverbonden");
    await one.shows("Doorverbonden");
    await one.lacks(BSN, NAME);
    await one.say({ type: "idbellen:cleared", contactId: "leg-1" });
    await two.call(secret, "leg-2");
    await two.shows(IDENTIFIED);
    assert.equal(one.calls("clear").length, 0);
    assert.ok(await caller.row());
    await two.click("Contact afronden");
    await caller.isGone();
  });

  test("consult each other: who looked last clears, and the first one's clear deletes nothing", async () => {
    const [one, two] = [await open({ agent: 1, framed: true }), await open({ agent: 2 })];
    const caller = await Caller.disclosed();
    const secret = await caller.dial();
    await one.say({ type: "idbellen:contact", secret, contactId: "leg-1" });
    await one.shows(IDENTIFIED);
    await two.call(secret, "leg-2");
    await two.shows(IDENTIFIED);
    await one.say({ type: "idbellen:cleared", contactId: "leg-1" });
    await until(async () => (await one.said()).some(({ state }) => state === "cleared"), "answer to the first one's clear");
    assert.ok(await caller.row());
    assert.ok((await two.text()).includes(BSN));
    await two.click("Contact afronden");
    await caller.isGone();
  });
});

describe("clearing", () => {
  test("goes on when the network is back, tells so, warns who leaves, and holds up no next caller", async () => {
    const desk = await open();
    const [first, second] = [await Caller.disclosed("willeke"), await Caller.disclosed("jochem")];
    await desk.call(await first.dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.page.route("**/api/contacts/clear", (route) => route.abort());
    await desk.click("Contact afronden");
    await desk.shows("Contact afgerond");
    await desk.portal.getByText("Gegevens van het vorige contact worden verwijderd… Het lukt nog niet").waitFor();
    await inspect(desk, "clearing");
    await desk.call(await second.dial(), "leg-2");
    await desk.shows(IDENTIFIED);
    assert.ok((await desk.text()).includes(OTHER_BSN));
    assert.ok(await first.row());

    const warned = desk.page.waitForEvent("dialog");
    const left = desk.page.close({ runBeforeUnload: true });
    const dialog = await warned;
    assert.equal(dialog.type(), "beforeunload");
    await dialog.dismiss();
    await left;

    await desk.page.unroute("**/api/contacts/clear");
    await first.isGone();
    await until(async () => !(await desk.text()).includes("worden verwijderd"), "end of the notice");
    assert.ok((await desk.text()).includes(OTHER_BSN));
    assert.ok(await second.row());
  });

  test("is tried once more when the page is left all the same", async () => {
    const desk = await open();
    const caller = await Caller.disclosed();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.page.route("**/api/contacts/clear", (route) => route.abort());
    await desk.click("Contact afronden");
    await desk.portal.getByText("Het lukt nog niet").waitFor();
    await desk.page.unroute("**/api/contacts/clear");
    await desk.page.goto(`${places.agent}/config.json`);
    await caller.isGone();
  });

  test("of a contact that was never looked up takes the caller over from nobody, and deletes nothing", async () => {
    const desk = await open({ before: (page) => page.route(LOOKUP, (route) => route.abort()) });
    const caller = await Caller.disclosed();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows("Storing");
    const answered = desk.page.waitForResponse("**/api/contacts/clear");
    await desk.click("Contact afronden");
    assert.equal((await answered).status(), 204);
    await desk.lacks(BSN, NAME);
    assert.equal((await caller.row())?.status, "disclosed");
  });

  test("while a look-up is under way deletes the record, and shows nothing of it", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const desk = await open({ before: (page) => page.route(LOOKUP, (route) => held.then(() => route.continue())) });
    const caller = await Caller.disclosed();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows("Gegevens opvragen");
    await desk.click("Contact afronden");
    await desk.shows("Contact afgerond");
    release();
    await caller.isGone();
    await desk.lacks(BSN, NAME);
  });

  test("can be done for an earlier contact that was forgotten", async () => {
    const desk = await open();
    const [first, second] = [await Caller.disclosed("willeke"), await Caller.disclosed("jochem")];
    await desk.call(await first.dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.call(await second.dial(), "leg-2");
    await desk.portal.getByText("1 eerder contact is nog niet afgerond.").waitFor();
    await inspect(desk, "earlier");
    await desk.click("Alsnog afronden");
    await first.isGone();
    assert.ok(await second.row());
    assert.ok((await desk.text()).includes(OTHER_BSN));
  });
});

describe("logging in", () => {
  test("by who is known to the issuer takes no click, and leaves nothing in the browser", async () => {
    const desk = await open();
    const again = await desk.context.newPage();
    await again.goto(`${places.agent}/`);
    await again.getByRole("heading", { name: "Geen beller" }).waitFor();
    const stored = await again.evaluate(async () => [
      localStorage.length,
      sessionStorage.length,
      (await indexedDB.databases()).length,
    ]);
    assert.deepEqual(stored, [0, 0, 0]);
    assert.deepEqual(
      await desk.context.cookies(places.agent).then((all) => all.filter(({ name }) => !name.startsWith("idbellen-agent"))),
      [],
    );
  });

  test("is asked for in a window, with a caller waiting", async () => {
    for (const phone of [false, true]) {
      const desk = await open({ phone, agent: null });
      await desk.shows("Log in om bellers te zien");
      await inspect(desk, "login");
      const caller = await Caller.disclosed();
      await desk.call(await caller.dial(), "leg-1");
      await desk.portal.getByText("Er is een beller.").waitFor();
      assert.equal(desk.calls("lookup").length, 0);
      await desk.logIn(1);
      await desk.shows(IDENTIFIED);
    }
  });

  test("again is not needed when a token expires in the middle of a call: it is renewed", async () => {
    await tokenLifetime(3);
    const desk = await open();
    const caller = await Caller.start();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows("Gegevens onderweg");
    const renewals = () =>
      desk.asked.filter(({ url, body }) => url === `${places.issuer}/token` && body?.includes("refresh_token")).length;
    await until(async () => renewals() >= 4, "fourth renewal");
    await caller.disclose();
    await desk.shows(IDENTIFIED);
    assert.equal(await desk.portal.getByText("Uw inlog is verlopen").count(), 0);
  });

  test("again keeps the caller on the screen, and what waits is then done", async () => {
    await tokenLifetime(3);
    const desk = await open();
    const [first, second] = [await Caller.disclosed("willeke"), await Caller.disclosed("jochem")];
    await desk.call(await first.dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    // The issuer is out of reach of the page, so that nothing can be renewed.
    await desk.page.route(`${places.issuer}/**`, (route) => route.abort());
    await desk.portal.getByText("Uw inlog is verlopen").waitFor({ timeout: 30_000 });
    assert.ok((await desk.text()).includes(BSN));
    await inspect(desk, "login-ended");
    await desk.click("Contact afronden");
    await desk.portal.getByText("Gegevens van het vorige contact zijn nog niet verwijderd. Log opnieuw in").waitFor();
    await desk.call(await second.dial(), "leg-2");
    await desk.shows("Gegevens opvragen");
    assert.ok(await first.row());
    await tokenLifetime();
    await desk.page.unroute(`${places.issuer}/**`);
    await desk.logIn(1, "Opnieuw inloggen");
    await desk.shows(IDENTIFIED);
    assert.ok((await desk.text()).includes(OTHER_BSN));
    await first.isGone();
    assert.equal(await desk.portal.getByText("Uw inlog is verlopen").count(), 0);
  });

  test("as another agent shows nothing of the caller of before", async () => {
    await tokenLifetime(3);
    const desk = await open();
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.page.route(`${places.issuer}/**`, (route) => route.abort());
    await desk.portal.getByText("Uw inlog is verlopen").waitFor({ timeout: 30_000 });
    await tokenLifetime();
    await desk.page.unroute(`${places.issuer}/**`);
    await desk.context.clearCookies();
    await desk.logIn(2, "Opnieuw inloggen");
    await desk.shows("Geen beller");
    await desk.lacks(BSN, NAME);
  });

  test("again looks up once more who could not be looked up for want of the right", async () => {
    // The stack's agents all have the right: the refusal is made up before the API.
    const desk = await open({ before: (page) => page.route(LOOKUP, (route) => route.fulfill({ status: 403, json: {} })) });
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows("Geen recht op ID-bellen");
    await desk.page.unroute(LOOKUP);
    await desk.logIn(1, "Opnieuw inloggen");
    await desk.shows(IDENTIFIED);
  });

  test("out wipes the caller, also from what the browser goes back to", async () => {
    const desk = await open();
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.click("Uitloggen");
    await desk.shows("Log in om bellers te zien");
    await desk.lacks(BSN, NAME);
    // Logged out at the issuer too.
    await desk.page.goto(`${places.agent}/`);
    await desk.shows("Log in om bellers te zien");
    await desk.page.goBack();
    await desk.shows("Log in om bellers te zien");
    await desk.lacks(BSN, NAME);
  });

  test("out in a frame logs out at the issuer too, in a window of its own", async () => {
    const desk = await open({ framed: true });
    const opened = desk.page.waitForEvent("popup");
    await desk.click("Uitloggen");
    const popup = await opened;
    await desk.shows("Log in om bellers te zien");
    if (!popup.isClosed()) await popup.waitForEvent("close");
    assert.ok(!(await desk.text()).includes("misschien nog niet"));
    // A frame would be let in now if the issuer still knew the agent.
    await desk.portal.evaluate(() => location.reload());
    await desk.shows("Log in om bellers te zien");
  });

  test("out in a frame tells so if the browser opens no window for it", async () => {
    const desk = await open({ framed: true });
    // Playwright's browser blocks no window: here the page is given none.
    await desk.portal.evaluate(() => {
      window.open = () => null;
    });
    await desk.click("Uitloggen");
    await desk.portal.getByText("U bent hier uitgelogd, maar misschien nog niet bij uw gemeente").waitFor();
    await desk.click("Sluiten");
    assert.ok(!(await desk.text()).includes("misschien nog niet"));
  });

  test("out does not wait for a clear that is refused for want of a login", async () => {
    const desk = await open();
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    // A stack that works takes the token: the refusal is made up before the API.
    await desk.page.route("**/api/contacts/clear", (route) => route.fulfill({ status: 401 }));
    await desk.page.route(`${places.issuer}/token`, (route) => route.abort());
    await desk.click("Contact afronden");
    await desk.click("Uitloggen");
    await desk.shows("Log in om bellers te zien");
    await desk.lacks(BSN, NAME);
  });

  test("out waits for a clear that is under way", async () => {
    const desk = await open();
    const caller = await Caller.disclosed();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.page.route("**/api/contacts/clear", (route) => route.abort());
    await desk.click("Contact afronden");
    await desk.click("Uitloggen");
    await desk.shows("U wordt uitgelogd");
    await inspect(desk, "leaving");
    await desk.page.unroute("**/api/contacts/clear");
    await desk.shows("Log in om bellers te zien");
    await caller.isGone();
  });
});

describe("the screen", () => {
  test("shows nothing while its tab is hidden, and the caller again without asking when it is back", async () => {
    const desk = await open();
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    const asked = desk.calls("lookup").length;
    // Playwright keeps every tab visible: that it is hidden is said to the page in the browser's place.
    const turn = (state: string) =>
      desk.page.evaluate((state) => {
        Object.defineProperty(document, "visibilityState", { configurable: true, value: state });
        document.dispatchEvent(new Event("visibilitychange"));
      }, state);
    await turn("hidden");
    await desk.shows("Verborgen");
    await desk.lacks(BSN, NAME);
    await turn("visible");
    await desk.shows(IDENTIFIED);
    assert.ok((await desk.text()).includes(BSN));
    assert.equal(desk.calls("lookup").length, asked);
  });

  test("shows nothing when nobody touched it for the minutes in its settings, until somebody wants to see", async () => {
    const desk = await open({ clock: true });
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.page.clock.fastForward(14 * 60_000);
    await desk.page.keyboard.press("Shift");
    await desk.page.clock.fastForward(14 * 60_000);
    assert.ok((await desk.text()).includes(BSN));
    await desk.page.clock.fastForward(60_000);
    await desk.shows("Verborgen");
    await desk.lacks(BSN, NAME);
    await inspect(desk, "masked");
    await desk.click("Tonen");
    await desk.shows(IDENTIFIED);
  });

  test("warns who leaves with a caller on it", async () => {
    const desk = await open();
    await desk.call(await (await Caller.disclosed()).dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    const warned = desk.page.waitForEvent("dialog");
    const left = desk.page.close({ runBeforeUnload: true });
    const dialog = await warned;
    assert.equal(dialog.type(), "beforeunload");
    await dialog.dismiss();
    await left;
    assert.ok((await desk.text()).includes(BSN));
  });

  test("is wiped before the page goes into the browser's memory", async () => {
    const desk = await open();
    const caller = await Caller.disclosed();
    await desk.call(await caller.dial(), "leg-1");
    await desk.shows(IDENTIFIED);
    await desk.page.evaluate(() =>
      addEventListener("pagehide", () =>
        queueMicrotask(() => sessionStorage.setItem("left", document.documentElement.outerHTML)),
      ),
    );
    await desk.page.goto(`${places.agent}/config.json`);
    const left = await desk.page.evaluate(() => sessionStorage.getItem("left") ?? "");
    assert.ok(left.includes("Geen beller"));
    assert.ok(!left.includes(BSN) && !left.includes(NAME));
    await desk.page.goBack();
    await desk.shows("Geen beller");
    await desk.lacks(BSN, NAME);
  });

  test("is empty when the browser brings the page back from its memory", async () => {
    // Playwright switches that memory off, unless it is told not to.
    const browser = await chromium.launch({
      executablePath: process.env.IDBELLEN_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu"],
      ignoreDefaultArgs: ["--disable-back-forward-cache"],
    });
    try {
      const page = await browser.newPage();
      await page.goto(`${places.agent}/`);
      const opened = page.waitForEvent("popup");
      await page.getByRole("button", { name: "Inloggen" }).click();
      await (await opened).locator("#agent-1").click();
      await page.getByRole("heading", { name: "Geen beller" }).waitFor();
      const secret = await (await Caller.disclosed()).dial();
      await page.evaluate((hash) => location.assign(`#${hash}`), `secret=${secret}&contact=leg-1`);
      await page.getByRole("heading", { name: IDENTIFIED }).waitFor();
      await page.evaluate(() =>
        addEventListener("pageshow", ({ persisted }) => {
          sessionStorage.setItem("shown", `${persisted} ${document.documentElement.textContent}`);
        }),
      );
      await page.goto(`${places.citizen}/`);
      await page.goBack();
      await page.getByRole("heading", { name: "Geen beller" }).waitFor();
      const shown = await page.evaluate(() => sessionStorage.getItem("shown") ?? "");
      assert.ok(shown.startsWith("true "), "the browser did not bring the page back from its memory");
      assert.ok(!shown.includes(BSN) && !shown.includes(NAME));
    } finally {
      await browser.close();
    }
  });

  test("takes less than 150 kB to load, login and all", async () => {
    const desk = await open();
    const files = new Set(
      desk.asked.map(({ url }) => url.replace(/[?#].*/, "")).filter((url) => url.startsWith(`${places.agent}/`)),
    );
    let size = 0;
    for (const file of files) size += gzipSync(Buffer.from(await (await fetch(file)).arrayBuffer())).length;
    assert.ok(files.size >= 5 && size < 150_000, `${files.size} files, ${size} bytes`);
  });

  test("lets no script make markup of text", async () => {
    const desk = await open();
    const refused = await desk.page.evaluate(() => {
      try {
        document.createElement("div").innerHTML = "<b></b>";
        return false;
      } catch {
        return true;
      }
    });
    assert.ok(refused);
    // The browser reports what it refused.
    desk.noise();
  });

  test("names what is wrong with its settings", async () => {
    for (const phone of [false, true]) {
      const desk = await open({
        phone,
        agent: null,
        before: (page) =>
          page.route("**/config.json", (route) => route.fulfill({ json: { api: "/api", oidc: { authority: "login" } } })),
      });
      await desk.shows("Het portaal is niet goed ingesteld");
      await desk.portal.getByText("idleMinutes").waitFor();
      await inspect(desk, "settings");
    }
  });
});
