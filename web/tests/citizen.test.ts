/** The citizen's page on the stack as it is deployed, with the wallet that is played by a program. */

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import type { Page, Route } from "playwright-core";

import type { Purpose } from "../citizen/src/api.ts";
import {
  axe,
  eventually,
  inspect,
  type Look,
  type Outcome,
  type Places,
  places,
  Stage,
  sessions,
  tables,
  telephone,
  wallet,
  walletState,
} from "./stage.ts";

/** What the wallets hold (published test numbers among it), which no page of the citizen may see. */
const PERSONAL = ["999992235", "999993653", "Willeke", "Jochem"];

let stage: Stage;
let at: Places;

before(async () => {
  stage = await Stage.open();
  at = await places();
});
afterEach(() => stage.closePages());
after(() => stage.close());

/** What a page asked, was told and wrote. */
interface Watch {
  requests: string[];
  bodies: string[];
  lines: string[];
}

async function open(look: Look & { query?: string; clock?: boolean } = {}): Promise<{ page: Page; watch: Watch }> {
  const page = await stage.newPage(look);
  if (look.clock) await page.clock.install();
  const watch: Watch = { requests: [], bodies: [], lines: [] };
  page.on("request", (request) => watch.requests.push(`${request.url()} ${request.postData() ?? ""}`));
  page.on("response", (response) =>
    response.text().then(
      (text) => watch.bodies.push(text),
      () => undefined,
    ),
  );
  page.on("console", (message) => watch.lines.push(message.text()));
  page.on("pageerror", (error) => watch.lines.push(String(error)));
  await page.addInitScript(() => {
    const seen = { states: [] as string[], shift: 0 };
    Object.assign(window, { seen });
    document.addEventListener("idbellen-state", (event) => seen.states.push(JSON.stringify((event as CustomEvent).detail)));
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) seen.shift += entry.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(`${at.citizen}/${look.query ?? ""}`);
  return { page, watch };
}

const seen = (page: Page): Promise<{ states: string[]; shift: number }> =>
  page.evaluate(() => (window as unknown as { seen: { states: string[]; shift: number } }).seen);

const heading = (page: Page, name: string | RegExp): Promise<void> => page.getByRole("heading", { level: 2, name }).waitFor();
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

const DONE = "Gelukt. Bel ons nu vanuit de app";

/** Starts, and lets the wallet scan the QR code up to where it asks for pairing. Gives what the wallet will report, and the code that it shows. */
async function pairing(page: Page, act: "disclose" | "decline"): Promise<{ reported: Promise<Outcome>; code: string }> {
  await button(page, "Start").click();
  await heading(page, "Scan de QR-code");
  const reported = wallet({ act });
  await heading(page, "Vul de code uit de app in");
  const code = await eventually("pairing code", async () => (await walletState()).pairingCode);
  return { reported, code };
}

/** Everything that a page holds: its elements, those of the component, and what the browser keeps for it. */
async function holds(page: Page): Promise<string> {
  const inPage = await page.evaluate(() => {
    const component = document.querySelector("id-bellen");
    return [
      document.documentElement.outerHTML,
      component?.shadowRoot?.innerHTML,
      JSON.stringify(localStorage),
      JSON.stringify(sessionStorage),
      document.cookie,
      location.href,
      JSON.stringify(history.state),
    ].join("\n");
  });
  return inPage + JSON.stringify(await page.context().storageState({ indexedDB: true }));
}

async function holdsNothing(page: Page, { requests, bodies, lines }: Watch, code: string, secret = ""): Promise<void> {
  const all = [await holds(page), ...requests, ...bodies, ...lines].join("\n");
  for (const personal of [...PERSONAL, code, secret].filter(Boolean)) {
    assert.ok(!all.includes(personal), "the page has seen what it must not");
  }
  assert.deepEqual(lines, [], "nothing is written to the console");
  const origins = new Set(requests.map((request) => new URL(request.split(" ")[0] ?? "").origin));
  assert.deepEqual([...origins].sort(), [at.citizen, at.irma].sort(), "only its own origin and the IRMA server are asked");
}

test("before the start a citizen reads what is asked, why, by whom, on what ground, when, and how to call without it", async () => {
  const { page } = await open();
  await heading(page, "Vragen over uw paspoort, rijbewijs of inschrijving");
  const asked = (await (await fetch(`${at.citizen}/api/purposes/burgerzaken`)).json()) as Purpose;
  const text = await page.locator("id-bellen section").innerText();
  for (const { label, reason } of Object.values(asked.attributes)) {
    assert.ok(text.includes(label.nl) && text.includes(reason.nl));
  }
  assert.ok(
    text.includes(asked.controller.name) && text.includes(asked.controller.contact) && text.includes(asked.legalBasis.nl),
  );
  assert.ok(text.includes("Nu open"));
  assert.equal(await page.getByRole("link", { name: /Lees wat wij/ }).getAttribute("href"), asked.privacyUrl);
  assert.equal(await page.getByRole("link", { name: /^Bel \+/ }).getAttribute("href"), `tel:${asked.phoneNumber}`);
  await inspect(page, "citizen-ready");
  assert.equal((await seen(page)).shift, 0);
});

test("on a desktop a citizen scans, types the pairing code and is told to call from the app", async () => {
  const { page, watch } = await open();
  await button(page, "Start").click();
  await heading(page, "Scan de QR-code");
  await inspect(page, "citizen-qr");
  const reported = wallet({ act: "disclose" });
  await heading(page, "Vul de code uit de app in");
  await inspect(page, "citizen-pairing");
  const code = await eventually("pairing code", async () => (await walletState()).pairingCode);
  await page.getByLabel("De 4 cijfers uit de app").fill(code === "0000" ? "1111" : "0000");
  await button(page, "Verder").click();
  await page.getByText("Deze code klopt niet").waitFor();
  await inspect(page, "citizen-pairing-rejected");
  await page.getByLabel("De 4 cijfers uit de app").fill(code);
  await button(page, "Verder").click();
  await heading(page, DONE);
  assert.ok(await page.getByText("U kunt nog 17 minuten bellen.").isVisible());
  await inspect(page, "citizen-done");
  const { outcome, code: dialled = "", number } = await reported;
  assert.equal(outcome, "success");
  assert.equal(number, "+31200000001");
  assert.match(dialled, /^\d{10}$/);
  const told = await telephone(dialled, "citizen-desktop");
  assert.equal(told.status, 200);
  await holdsNothing(page, watch, dialled, told.secret);
  const { shift, states } = await seen(page);
  assert.equal(shift, 0, "nothing moves by itself");
  const names = states.map((state) => JSON.parse(state) as { state: string });
  assert.ok(
    names.every((detail) => Object.keys(detail).join() === "state"),
    "events tell the state only",
  );
  assert.deepEqual(
    [...new Set(names.map(({ state }) => state))].filter((state) => state !== "app"),
    ["loading", "ready", "starting", "qr", "pairing", "done"],
  );
});

test("on a phone a citizen opens the app with a button", async () => {
  const { page, watch } = await open({ phone: true });
  await heading(page, "Vragen over uw paspoort, rijbewijs of inschrijving");
  await inspect(page, "citizen-ready");
  await button(page, "Start").click();
  await heading(page, "Ga verder in de app Yivi");
  const link = (await page.getByRole("link", { name: "Open de app Yivi" }).getAttribute("href")) ?? "";
  assert.ok(link.startsWith("intent://qr/json/") && decodeURIComponent(link).includes(`"u":"${at.irma}`));
  await inspect(page, "citizen-button");
  const { outcome, code = "" } = await wallet({ act: "disclose", person: "jochem" });
  assert.equal(outcome, "success");
  await heading(page, DONE);
  await inspect(page, "citizen-done");
  await holdsNothing(page, watch, code);
  assert.equal((await seen(page)).shift, 0);
});

test("on a phone a citizen can show a QR code for another phone, and go back", async () => {
  const { page } = await open({ phone: true });
  await button(page, "Start").click();
  await button(page, "Yivi staat op een andere telefoon").click();
  await heading(page, "Scan de QR-code");
  await inspect(page, "citizen-qr");
  await button(page, "Yivi staat op deze telefoon").click();
  await page.getByRole("link", { name: "Open de app Yivi" }).waitFor();
  assert.equal((await wallet({ act: "disclose" })).outcome, "success");
  await heading(page, DONE);
});

test("whoever scans the QR code gets no request before the pairing code is typed", async () => {
  const { page } = await open();
  const { reported, code } = await pairing(page, "disclose");
  const first = await Promise.race([reported.then(() => "performed"), page.waitForTimeout(2000).then(() => "waits")]);
  assert.equal(first, "waits");
  await page.getByLabel("De 4 cijfers uit de app").fill(code);
  await page.keyboard.press("Enter");
  assert.equal((await reported).outcome, "success");
  await heading(page, DONE);
});

for (const phone of [false, true]) {
  test(`a citizen who declines on a ${phone ? "phone" : "desktop"} is told that nothing was received, and can start again`, async () => {
    const { page } = await open({ phone });
    if (phone) {
      await button(page, "Start").click();
      await page.getByRole("link", { name: "Open de app Yivi" }).waitFor();
      assert.equal((await wallet({ act: "decline" })).outcome, "declined");
    } else {
      const { reported, code } = await pairing(page, "decline");
      await page.getByLabel("De 4 cijfers uit de app").fill(code);
      await button(page, "Verder").click();
      assert.equal((await reported).outcome, "declined");
    }
    await heading(page, "U heeft geen gegevens gedeeld");
    await inspect(page, "citizen-declined");
    assert.ok(await page.getByRole("link", { name: /^Bel \+/ }).isVisible());
    await button(page, "Begin opnieuw").click();
    await heading(page, phone ? "Ga verder in de app Yivi" : "Scan de QR-code");
  });
}

test("a closed purpose says so, when it opens, and offers no start", async () => {
  for (const phone of [false, true]) {
    const { page } = await open({ phone, query: "?purpose=gesloten" });
    await heading(page, "Wij zijn nu gesloten");
    const text = await page.locator("id-bellen section").innerText();
    assert.match(text, /Maandag\s+03\.00 tot 03\.01 uur/i);
    assert.match(text, /Dinsdag tot en met zondag\s+gesloten/i);
    assert.equal(await button(page, "Start").count(), 0);
    await inspect(page, "citizen-closed");
  }
});

test("a purpose that closed while the page was open says so on start", async () => {
  const { page } = await open({ query: "?purpose=gesloten" });
  // The page was opened when the purpose was open: that cannot be had on a purpose that never is.
  await page.route("**/api/purposes/*", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), open: true } });
  });
  await page.reload();
  await button(page, "Start").click();
  await heading(page, "Wij zijn nu gesloten");
  assert.ok(await page.getByText("03.00 tot 03.01 uur").isVisible());
});

test("an unknown purpose is said to be unknown", async () => {
  for (const phone of [false, true]) {
    const { page } = await open({ phone, query: "?purpose=bestaat-niet" });
    await heading(page, "Dit onderwerp bestaat niet");
    await inspect(page, "citizen-unknown-purpose");
  }
});

/** What stands in the way of a start, and cannot be had from the stack: the network, API Gateway's throttle, an outage. */
const TROUBLES: { what: string; name: string; title: string; break: (route: Route) => Promise<void> }[] = [
  {
    what: "a lost network",
    name: "offline",
    title: "U heeft geen verbinding",
    break: (route) => route.abort("internetdisconnected"),
  },
  {
    what: "too many requests",
    name: "busy",
    title: "Het is nu erg druk",
    break: (route) => route.fulfill({ status: 429, json: { message: "Too Many Requests" } }),
  },
  {
    what: "an IRMA server that is down",
    name: "irma-down",
    title: "Yivi is nu niet bereikbaar",
    break: (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/problem+json",
        body: JSON.stringify({ type: "urn:idbellen:problem:irma-unavailable", title: "x", status: 503, detail: "x" }),
      }),
  },
  {
    what: "an outage",
    name: "unavailable",
    title: "ID-bellen doet het nu niet",
    break: (route) => route.fulfill({ status: 503, json: { message: "Service Unavailable" } }),
  },
];

for (const trouble of TROUBLES) {
  test(`${trouble.what} has its own words, a number to call, and a way on`, async () => {
    for (const phone of [false, true]) {
      const { page } = await open({ phone });
      await page.route("**/api/sessions", trouble.break);
      await button(page, "Start").click();
      await heading(page, trouble.title);
      assert.ok(await page.getByRole("link", { name: /^Bel \+/ }).isVisible());
      await inspect(page, `citizen-${trouble.name}`);
      await page.unroute("**/api/sessions");
      await button(page, "Probeer opnieuw").click();
      await heading(page, phone ? "Ga verder in de app Yivi" : "Scan de QR-code");
    }
  });
}

test("a network that is lost before the page knows what is asked has a way on", async () => {
  const page = await stage.newPage();
  await page.route("**/api/purposes/*", (route) => route.abort("internetdisconnected"));
  await page.goto(at.citizen);
  await heading(page, "U heeft geen verbinding");
  await axe(page);
  await page.unroute("**/api/purposes/*");
  await button(page, "Probeer opnieuw").click();
  await button(page, "Start").waitFor();
});

test("a network that is lost when the citizen starts, before the IRMA part is loaded, starts no session", async () => {
  const { page } = await open();
  const before = (await sessions()).length;
  await page.route("**/follow-*.js", (route) => route.abort("internetdisconnected"));
  await button(page, "Start").click();
  await heading(page, "U heeft geen verbinding");
  assert.equal((await sessions()).length, before);
});

test("a network that is lost on the way can be taken up where the wallet is, and the session goes on", async () => {
  for (const phone of [false, true]) {
    const { page } = await open({ phone: true });
    if (!phone) await page.setViewportSize({ width: 1280, height: 800 });
    await button(page, "Start").click();
    await page.getByRole("link", { name: "Open de app Yivi" }).waitFor();
    // The status alone: whatever else the page might say to the IRMA server then, such as that it ends the session, arrives.
    await page.route("**/frontend/status", (route) => route.abort("internetdisconnected"));
    await heading(page, "De verbinding is weg");
    await inspect(page, "citizen-lost");
    assert.equal((await wallet({ act: "disclose" })).outcome, "success");
    await page.unroute("**/frontend/status");
    await button(page, "Maak opnieuw verbinding").click();
    await heading(page, DONE);
  }
});

test("when the network comes back the page goes on by itself", async () => {
  const { page } = await open({ phone: true });
  await button(page, "Start").click();
  await page.getByRole("link", { name: "Open de app Yivi" }).waitFor();
  await page.context().setOffline(true);
  await heading(page, "De verbinding is weg");
  assert.equal((await wallet({ act: "disclose" })).outcome, "success");
  await page.context().setOffline(false);
  await heading(page, DONE);
});

test("a session that the IRMA server ended for its time says so", async () => {
  for (const phone of [false, true]) {
    const { page } = await open({ phone });
    // The IRMA server waits for minutes, and goes by its own clock.
    await page.route("**/frontend/status", (route) =>
      route.fulfill({ json: { status: "TIMEOUT" }, headers: { "access-control-allow-origin": "*" } }),
    );
    await button(page, "Start").click();
    await heading(page, "Het duurde te lang");
    await inspect(page, "citizen-timeout");
    await page.unroute("**/frontend/status");
    await button(page, "Begin opnieuw").click();
    await heading(page, phone ? "Ga verder in de app Yivi" : "Scan de QR-code");
  }
});

test("after success the minutes are counted down, and then the time is over", async () => {
  for (const phone of [false, true]) {
    const { page } = await open({ phone: true, clock: true });
    if (!phone) await page.setViewportSize({ width: 1280, height: 800 });
    await button(page, "Start").click();
    await page.getByRole("link", { name: "Open de app Yivi" }).waitFor();
    assert.equal((await wallet({ act: "disclose" })).outcome, "success");
    const left = page.locator("id-bellen [aria-live=polite]");
    await left.getByText("U kunt nog 17 minuten bellen.").waitFor();
    await page.clock.fastForward("10:00");
    await left.getByText("U kunt nog 7 minuten bellen.").waitFor();
    await page.clock.fastForward("06:00");
    await left.getByText("U kunt nog 1 minuut bellen.").waitFor();
    await page.clock.fastForward("01:00");
    await left.getByText("minder dan 1 minuut").waitFor();
    await page.clock.fastForward("01:00");
    await heading(page, "De tijd om te bellen is voorbij");
    await inspect(page, "citizen-expired");
  }
});

test("the time goes by the server's clock, not by the citizen's", async () => {
  const page = await stage.newPage({ phone: true });
  await page.clock.install({ time: new Date(Date.now() - 3 * 3600_000) });
  await page.goto(at.citizen);
  await button(page, "Start").click();
  await page.getByRole("link", { name: "Open de app Yivi" }).waitFor();
  await wallet({ act: "disclose" });
  await page.getByText("U kunt nog 17 minuten bellen.").waitFor();
});

test("a citizen who stops ends the session at the IRMA server", async () => {
  const { page } = await open();
  const started = page.waitForResponse("**/api/sessions");
  await button(page, "Start").click();
  const { sessionPtr, frontendRequest } = (await (await started).json()) as {
    sessionPtr: { u: string };
    frontendRequest: { authorization: string };
  };
  await heading(page, "Scan de QR-code");
  await button(page, "Stop").click();
  await button(page, "Start").waitFor();
  await eventually("end of the session", async () => {
    const status = await fetch(`${sessionPtr.u}/frontend/status`, { headers: { authorization: frontendRequest.authorization } });
    return (await status.text()).includes("CANCELLED");
  });
});

test("the page speaks English where it is asked to", async () => {
  const { page } = await open({ query: "?language=en" });
  await heading(page, "Questions about your passport, driving licence or registration");
  assert.equal(await page.locator("id-bellen section").getAttribute("lang"), "en");
  await inspect(page, "citizen-english");
  await button(page, "Start").click();
  await heading(page, "Scan the QR code");
  const { page: other } = await open();
  await other.evaluate(() => {
    document.documentElement.lang = "en";
    const component = document.createElement("id-bellen");
    component.setAttribute("purpose", "afspraak");
    document.querySelector("id-bellen")?.replaceWith(component);
  });
  await other.getByText("What do we ask of you?").waitFor();
});

test("the keyboard is enough, and the focus is where something changed", async () => {
  const { page } = await open();
  await button(page, "Start").waitFor();
  const active = (): Promise<string> =>
    page.evaluate(() => {
      const inside = document.querySelector("id-bellen")?.shadowRoot?.activeElement;
      return inside?.id || inside?.textContent?.trim() || "";
    });
  for (let presses = 0; (await active()) !== "Start"; presses++) {
    assert.ok(presses < 20, "Start is reached with the Tab key");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await heading(page, "Scan de QR-code");
  assert.equal(await active(), "title");
  const reported = wallet({ act: "disclose" });
  const code = await eventually("pairing code", async () => (await walletState()).pairingCode);
  await heading(page, "Vul de code uit de app in");
  assert.equal(await active(), "code");
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
  assert.equal((await reported).outcome, "success");
  await heading(page, DONE);
  assert.equal(await active(), "title");
});

test("who reads elsewhere on the page is told, and keeps the focus", async () => {
  const { page } = await open({ phone: true });
  await button(page, "Start").click();
  await page.getByRole("link", { name: "Open de app Yivi" }).waitFor();
  await page.evaluate(() => {
    const elsewhere = document.createElement("button");
    elsewhere.id = "elsewhere";
    document.body.append(elsewhere);
    elsewhere.focus();
  });
  await wallet({ act: "disclose" });
  await page.getByRole("status").getByText(DONE).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "elsewhere");
});

test("a municipality's variables theme the component, and its style sheet breaks nothing", async () => {
  const { page } = await open();
  await button(page, "Start").waitFor();
  const look = () =>
    page.evaluate(() =>
      ["button", "p:not(.hidden)", "dt"].map((name) => {
        const element = document.querySelector("id-bellen")?.shadowRoot?.querySelector(name);
        if (!element) throw new Error(name);
        const { backgroundColor, color, display, fontSize, lineHeight, textTransform } = getComputedStyle(element);
        return { backgroundColor, color, display, fontSize, lineHeight, textTransform };
      }),
    );
  const own = await look();
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`html { font-size: 62.5% } body { text-transform: uppercase; line-height: 0.5; color: red }
      button, p, dl, section { display: none !important; background: red !important }`);
    document.adoptedStyleSheets = [sheet];
  });
  assert.deepEqual(await look(), own);
  await axe(page).catch(() => assert.fail("the component stays readable"));
  await page.evaluate(() =>
    document.documentElement.style.setProperty("--utrecht-button-primary-action-background-color", "rgb(0, 102, 0)"),
  );
  assert.equal((await look())[0]?.backgroundColor, "rgb(0, 102, 0)");
});

test("at twice the text size nothing scrolls sideways and nothing is cut", async () => {
  const { page } = await open();
  await button(page, "Start").waitFor();
  await page.setViewportSize({ width: 640, height: 400 });
  await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});

test("the built component is below 150 KB, and the IRMA part is loaded on start only", async () => {
  const dist = fileURLToPath(new URL("../citizen/dist/", import.meta.url));
  const size = gzipSync(await readFile(`${dist}id-bellen.js`)).length;
  assert.ok(size < 150_000, `${size} bytes`);
  assert.deepEqual((await readdir(dist)).filter((name) => name.startsWith("follow-")).length, 1);
  const { page, watch } = await open();
  await button(page, "Start").waitFor();
  assert.ok(!watch.requests.some((request) => request.includes("follow-")));
  await button(page, "Start").click();
  await heading(page, "Scan de QR-code");
  assert.ok(watch.requests.some((request) => request.includes("follow-")));
});

test("a session that a citizen declined is stored as declined", async () => {
  const { page } = await open({ phone: true });
  const before = new Set((await tables()).records.map(({ id }) => id));
  await button(page, "Start").click();
  await page.getByRole("link", { name: "Open de app Yivi" }).waitFor();
  await wallet({ act: "decline" });
  await heading(page, "U heeft geen gegevens gedeeld");
  await eventually("declined record", async () =>
    (await tables()).records.some(({ id, status }) => !before.has(id) && status === "declined"),
  );
});
