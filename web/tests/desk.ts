/** An agent's desk: the portal in a browser of its own, and citizens who call. */

import assert from "node:assert/strict";

import type { BrowserContext, Frame, Page } from "playwright-core";

import * as stack from "./stage.ts";

export const places = await stack.places();
const stage = await stack.Stage.open();

export const close = (): Promise<void> => stage.close();

interface Row {
  id: string;
  status: string;
}

const records = async (): Promise<Row[]> => (await stack.tables()).records as unknown as Row[];

/** Someone who started a session on the municipality's page. */
export class Caller {
  readonly #session: number;
  /** The id of their record. */
  readonly record: string;

  private constructor(session: number, record: string) {
    this.#session = session;
    this.record = record;
  }

  static async start(purpose = "burgerzaken"): Promise<Caller> {
    const before = new Set((await records()).map(({ id }) => id));
    const answer = await fetch(`${places.citizen}/api/sessions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ purpose }),
    });
    assert.equal(answer.status, 201);
    const [session] = await stack.sessions();
    const added = (await records()).find(({ id }) => !before.has(id));
    assert.ok(session && added);
    return new Caller(session.id, added.id);
  }

  /** Someone who disclosed, and whose result was taken in. */
  static async disclosed(person: "willeke" | "jochem" = "willeke", purpose?: string): Promise<Caller> {
    const caller = await Caller.start(purpose);
    await caller.disclose(person);
    await caller.has("disclosed");
    return caller;
  }

  async disclose(person: "willeke" | "jochem" = "willeke"): Promise<void> {
    const { outcome } = await stack.wallet({ session: this.#session, act: "disclose", person });
    assert.equal(outcome, "success");
  }

  async decline(): Promise<void> {
    const { outcome } = await stack.wallet({ session: this.#session, act: "decline" });
    assert.equal(outcome, "declined");
  }

  /** Dials the code, and gives the secret that telephony gets for it. */
  async dial(): Promise<string> {
    const { status, secret } = await stack.dial(this.#session, `call-${this.record}`);
    assert.equal(status, 200);
    assert.ok(secret);
    return secret;
  }

  async has(status: string): Promise<void> {
    await until(async () => (await this.row())?.status === status, `record that is ${status}`);
  }

  /** The record in the table, if it is there. */
  async row(): Promise<Row | undefined> {
    return (await records()).find(({ id }) => id === this.record);
  }

  async isGone(): Promise<void> {
    await until(async () => (await this.row()) === undefined, "record that is gone");
  }
}

/** Waits until something holds. */
export const until = (holds: () => Promise<boolean>, what: string): Promise<true> =>
  stack.eventually(what, async () => (await holds()) && (true as const));

export interface Options {
  phone?: boolean;
  /** Who logs in; nobody if null. */
  agent?: 1 | 2 | null;
  /** What stands in the portal's address after the slash. */
  address?: string;
  /** Show the portal in a frame, in a page of a softphone. */
  framed?: boolean;
  /** Have the page's clock in the hands of the test. */
  clock?: boolean;
  /** Done to the page before it opens. */
  before?: (page: Page) => Promise<unknown>;
}

export class Desk {
  readonly context: BrowserContext;
  /** The window. */
  readonly page: Page;
  /** Where the portal is: in the window, or in a frame in it. */
  readonly portal: Page | Frame;
  /** All that the browser asked for. */
  readonly asked: { url: string; body: string | null }[];
  readonly #noise: string[];

  private constructor(page: Page, portal: Page | Frame, asked: Desk["asked"], noise: string[]) {
    [this.context, this.page, this.portal, this.asked, this.#noise] = [page.context(), page, portal, asked, noise];
  }

  static async open({
    phone = false,
    agent = 1,
    address = "",
    framed = false,
    clock = false,
    before,
  }: Options = {}): Promise<Desk> {
    const context = await stage.newContext({ phone });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: places.agent });
    const asked: Desk["asked"] = [];
    const noise: string[] = [];
    context.on("request", (request) => asked.push({ url: request.url(), body: request.postData() }));
    const page = await context.newPage();
    page.on("pageerror", (error) => noise.push(String(error)));
    page.on("console", (message) => noise.push(message.text()));
    if (clock) await page.clock.install();
    await before?.(page);
    let portal: Page | Frame = page;
    if (framed) {
      // Whatever page there is at the softphone's origin: what makes it one is added here.
      await page.goto(`${places.demo}/demo/places`);
      await page.evaluate((src) => {
        const said: object[] = Object.assign(window, { said: [] }).said;
        addEventListener("message", ({ data, origin }) => said.push({ ...data, origin }));
        const frame = document.createElement("iframe");
        Object.assign(frame, { src, width: 900, height: 700, allow: "clipboard-write" });
        document.body.append(frame);
      }, `${places.agent}/${address}`);
      const frame = await (await page.waitForSelector("iframe")).contentFrame();
      assert.ok(frame);
      portal = frame;
    } else {
      await page.goto(`${places.agent}/${address}`);
    }
    const desk = new Desk(page, portal, asked, noise);
    if (agent !== null) await desk.logIn(agent);
    return desk;
  }

  /** Logs in by the issuer's window; by the button of that name. */
  async logIn(agent: 1 | 2, button = "Inloggen"): Promise<void> {
    const opened = this.page.waitForEvent("popup");
    await this.portal.getByRole("button", { name: button, exact: true }).click();
    const popup = await opened;
    const closed = popup.waitForEvent("close");
    await popup
      .locator(`#agent-${agent}`)
      .click({ timeout: 5_000 })
      .catch(() => undefined);
    await closed;
  }

  /** A call comes in by the address, as from a softphone that opens it. */
  async call(secret: string | null, contactId?: string): Promise<void> {
    const said = new URLSearchParams({
      ...(secret === null ? {} : { secret }),
      ...(contactId === undefined ? {} : { contact: contactId }),
    });
    await this.portal.evaluate((hash) => location.assign(`#${hash}`), said.toString());
  }

  /** What a softphone's page says to the portal in its frame. */
  async say(message: object): Promise<void> {
    await this.page.evaluate(
      ([message, origin]) => document.querySelector("iframe")!.contentWindow!.postMessage(message, origin as string),
      [message, places.agent] as const,
    );
  }

  /** What the portal said to the softphone's page. */
  async said(): Promise<{ type: string; state: string; contactId?: string; origin: string }[]> {
    return this.page.evaluate("said");
  }

  /** Waits until this heading is on the screen. */
  async shows(heading: string): Promise<void> {
    await this.portal.getByRole("heading", { name: heading, exact: true }).waitFor();
  }

  async click(button: string): Promise<void> {
    await this.portal.getByRole("button", { name: button, exact: true }).click();
  }

  /** All text in the portal's document, shown or not. */
  async text(): Promise<string> {
    return this.portal.evaluate(() => document.documentElement.textContent ?? "");
  }

  async lacks(...texts: string[]): Promise<void> {
    const html = await this.portal.evaluate(() => document.documentElement.outerHTML);
    for (const text of texts) assert.ok(!html.includes(text), "something of the caller is still in the page");
  }

  /** The look-ups and clears that the browser asked for. */
  calls(what: "lookup" | "clear"): { url: string; body: string | null }[] {
    return this.asked.filter(({ url }) => url === `${places.agent}/api/contacts/${what}`);
  }

  /** What the browser wrote to its console since this was asked last. */
  noise(): string[] {
    return this.#noise.splice(0);
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
