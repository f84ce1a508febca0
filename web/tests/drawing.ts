/**
 * How long a browser takes to draw what it was answered: what the caller disclosed, and the QR code. No test: `bench` runs
 * it on the stack and reads what it prints, in milliseconds of each of its turns, `{"disclosed": [...], "qr": [...]}`.
 */

import assert from "node:assert/strict";

import type { Page } from "playwright-core";

import { Caller, close as closeDesks, Desk, places } from "./desk.ts";
import { eventually, Stage } from "./stage.ts";

const TURNS = 21;
const BSN = "999992235";

/** Notes in `drawn` when the frame after a change was drawn; as text, because what compiles this file names functions by a helper. */
const NOTES = `
  const drawn = [];
  Object.assign(window, { drawn });
  function note() {
    // A frame is drawn after its callbacks; what is posted in one comes after that.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => drawn.push(performance.now());
    requestAnimationFrame(() => port2.postMessage(null));
  }`;

/** When the number first came into the page. */
const NUMBER_CAME = `{${NOTES}
  let isThere = false;
  function look() {
    const was = isThere;
    isThere = document.body.textContent.includes("${BSN}");
    if (isThere && !was) note();
  }
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
}`;

/** When the QR code came into the page. */
const QR_CAME = `{${NOTES}
  document.addEventListener("idbellen-state", ({ detail }) => detail.state === "qr" && note());
}`;

/** Milliseconds from the end of an address's last answer to the one frame that was noted since this was asked last. */
async function sinceAnswer(page: Page, address: string): Promise<number> {
  await eventually("frame", () => page.evaluate(() => (window as unknown as { drawn: number[] }).drawn.length > 0));
  const [drawn, answered] = await page.evaluate((address) => {
    const answers = performance.getEntriesByName(address) as PerformanceResourceTiming[];
    return [(window as unknown as { drawn: number[] }).drawn.splice(0), answers.at(-1)?.responseEnd] as const;
  }, address);
  assert.ok(drawn.length === 1 && answered !== undefined && drawn[0]! > answered, "what was drawn is not what was answered");
  return drawn[0]! - answered;
}

async function disclosed(): Promise<number[]> {
  const desk = await Desk.open({ before: (page) => page.addInitScript(NUMBER_CAME) });
  // The window in which the agent logged in was in front, and what is behind draws nothing.
  await desk.page.bringToFront();
  const times = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const caller = await Caller.disclosed();
    await desk.call(await caller.dial(), `drawing-${turn}`);
    times.push(await sinceAnswer(desk.page, `${places.agent}/api/contacts/lookup`));
    await desk.click("Contact afronden");
    await desk.shows("Contact afgerond");
  }
  await desk.close();
  return times;
}

async function qr(): Promise<number[]> {
  const stage = await Stage.open();
  const times = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const page = await stage.newPage();
    await page.addInitScript(QR_CAME);
    await page.goto(places.citizen);
    await page.getByRole("button", { name: "Start", exact: true }).click();
    times.push(await sinceAnswer(page, `${places.citizen}/api/sessions`));
    await page.context().close();
  }
  await stage.close();
  return times;
}

const times = { disclosed: await disclosed(), qr: await qr() };
await closeDesks();
console.log(JSON.stringify(times));
