/**
 * The stage of the web pages' tests: a browser, the people who act (wallet, telephone), and what is looked at in every
 * state: accessibility, width, pictures.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import type { AxeResults, RunOptions } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const PICTURES = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));

const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PHONE = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  userAgent:
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
};

// ---- The stack, as its control API shows it ----

/** Addresses of the parts of the stack, without a slash at the end. */
export interface Places {
  citizen: string;
  agent: string;
  demo: string;
  api: string;
  issuer: string;
  irma: string;
}

export interface Session {
  id: number;
  purpose: string;
  startedAt: number;
  ended: boolean;
}

/** What a wallet reports: on success what the phone would dial. */
export interface Outcome {
  outcome: "success" | "declined" | "failure";
  number?: string;
  code?: string;
}

export interface Perform {
  session?: number;
  act: "disclose" | "decline";
  person?: "willeke" | "jochem";
}

async function control<Answer>(path: string, body?: unknown): Promise<Answer> {
  const base = process.env.IDBELLEN_DEMO;
  assert.ok(base, "IDBELLEN_DEMO names no stack: run `cargo test -p tests --test web`");
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(new URL(path, base), body === undefined ? {} : post);
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  const text = await answer.text();
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

export const places = (): Promise<Places> => control("/demo/places");
export const sessions = (): Promise<Session[]> => control("/demo/sessions");
/** The wallet performs the newest session, or the one that is named. Ends when the wallet has. */
export const wallet = (perform: Perform): Promise<Outcome> => control("/demo/wallet", perform);
export const walletState = (): Promise<{ pairingCode: string | null; busy: boolean }> => control("/demo/wallet");
/** What telephony gets for a code. */
export const telephone = (code: string, contactId: string): Promise<{ status: number; secret?: string }> =>
  control("/demo/telephone", { code, contactId });
/** The same for the code of a session: also before its citizen is ready in the app, or after they declined. */
export const dial = (session: number, contactId: string): Promise<{ status: number; secret?: string }> =>
  control("/demo/telephone", { session, contactId });
export const tables = (): Promise<{ records: Record<string, unknown>[]; codes: Record<string, unknown>[] }> =>
  control("/demo/tables");
/** How many seconds access tokens live from now on; without a number, what they live by themselves. */
export const tokenLifetime = (lifetime?: number): Promise<void> =>
  control("/demo/issuer", lifetime === undefined ? { reset: true } : { lifetime });

/** Asks until there is an answer that is not nothing; fails after `seconds`. */
export async function eventually<T>(what: string, ask: () => Promise<T | null | undefined | false>, seconds = 20): Promise<T> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`in ${seconds} s there was no ${what}`);
}

// ---- The browser ----

export interface Look {
  phone?: boolean;
  locale?: string;
}

/** One browser for a file of tests. Call `close` after the last. */
export class Stage {
  private readonly browser: Browser;

  private constructor(browser: Browser) {
    this.browser = browser;
  }

  static async open(): Promise<Stage> {
    const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];
    const executablePath = process.env.IDBELLEN_CHROMIUM ?? "/usr/bin/chromium";
    return new Stage(await chromium.launch({ executablePath, args: [...args, "--disable-sync", "--no-first-run"] }));
  }

  /** A page of a citizen or agent who was never here before. Its context is `page.context()`. */
  async newPage({ phone = false, locale = "nl-NL" }: Look = {}): Promise<Page> {
    return (await this.newContext({ phone, locale })).newPage();
  }

  /** A browser profile, for more than one page with the same cookies. */
  async newContext({ phone = false, locale = "nl-NL" }: Look = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext({
      ...(phone ? PHONE : DESKTOP),
      locale,
      timezoneId: "Europe/Amsterdam",
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(15_000);
    return context;
  }

  /** Ends all pages: one that stays open goes on asking. */
  async closePages(): Promise<void> {
    for (const context of this.browser.contexts()) await context.close();
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}

// ---- What is looked at in every state ----

const axeSource = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails on any violation of WCAG 2.1 A and AA, or of what axe calls best practice. */
export async function axe(page: Page): Promise<void> {
  // By evaluate, which the page's Content-Security-Policy does not stop.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(await axeSource);
  const options: RunOptions = {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    resultTypes: ["violations"],
  };
  const results = await page.evaluate(
    (options) => (window as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } }).axe.run(options),
    options,
  );
  const found = results.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`).join("\n  ")}`,
  );
  assert.deepEqual(found, [], "axe found violations");
}

/** Fails if something makes the page scroll sideways at 320 px; puts the width back. */
export async function narrow(page: Page): Promise<void> {
  const before = page.viewportSize();
  assert.ok(before);
  await page.setViewportSize({ width: 320, height: before.height });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.setViewportSize(before);
  assert.ok(width <= 320, `the page is ${width} px wide at 320 px`);
}

/** Takes the documents' pictures anew, if `IDBELLEN_PICTURES` is set. A new picture starts as an empty file of its name. */
export async function picture(page: Page, name: string): Promise<void> {
  const size = (page.viewportSize()?.width ?? 0) < 600 ? "phone" : "desktop";
  const path = `${PICTURES}${name}-${size}.png`;
  if (!process.env.IDBELLEN_PICTURES || !existsSync(path)) return;
  await page.screenshot({ path, fullPage: true, animations: "disabled", scale: "css" });
}

/** Everything that is looked at in each state of each page. */
export async function inspect(page: Page, name: string): Promise<void> {
  await axe(page);
  await narrow(page);
  await picture(page, name);
}
