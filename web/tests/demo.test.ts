/** The page with the four parties: a newcomer plays a whole call by clicking. */

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { axe, eventually, narrow, type Places, picture, places, Stage, tables } from "./stage.ts";

let stage: Stage;
let at: Places;

before(async () => {
  stage = await Stage.open();
  at = await places();
});
afterEach(() => stage.closePages());
after(() => stage.close());

test("a newcomer plays a whole call by clicking", async () => {
  const page = await stage.newPage();
  await page.goto(at.demo);
  const citizen = page.frameLocator("#page");
  const portal = page.frameLocator("#portal");
  const click = (name: string) => page.getByRole("button", { name, exact: true }).click();

  const popup = page.waitForEvent("popup");
  await portal.getByRole("button", { name: "Inloggen", exact: true }).click();
  await (await popup).locator("#agent-1").click();
  await portal.getByRole("button", { name: "Uitloggen", exact: true }).waitFor();

  const earlier = new Set((await tables()).records.map((record) => record.id));
  await citizen.getByRole("button", { name: "Start", exact: true }).click();
  await citizen.getByRole("heading", { name: "Scan de QR-code" }).waitFor();
  await click("Scan en deel");
  await page.getByText("Typ deze code op de pagina:").waitFor();
  await citizen.getByLabel("De 4 cijfers uit de app").fill(await page.locator(".big").innerText());
  await citizen.getByRole("button", { name: "Verder", exact: true }).click();
  await click("Bel +31200000001");
  await page.getByText("De telefonie ruilde de code voor een geheim.").waitFor();
  await portal.getByText("Willeke Liselotte").waitFor();
  await page.locator("table").getByText("POST /contacts/lookup").first().waitFor();
  await picture(page, "demo");
  await axe(page);
  await narrow(page);
  const record = (await tables()).records.find(({ id }) => !earlier.has(id));
  assert.ok(record && record.lookedUpAt !== null);

  await portal.getByRole("button", { name: "Contact afronden", exact: true }).click();
  await eventually("table without the record", async () => !(await tables()).records.some(({ id }) => id === record.id));
  await click("Hang op");
  await click("English");
  await page.getByRole("heading", { name: "3. The telephone" }).waitFor();
});

test("a caller without ID-bellen, and one with a code that nobody knows, reach the agent as ordinary callers", async () => {
  const page = await stage.newPage();
  await page.goto(at.demo);
  const portal = page.frameLocator("#portal");
  const popup = page.waitForEvent("popup");
  await portal.getByRole("button", { name: "Inloggen", exact: true }).click();
  await (await popup).locator("#agent-2").click();
  await portal.getByRole("button", { name: "Uitloggen", exact: true }).waitFor();
  const keys = page.getByRole("button", { name: "0", exact: true });
  for (let digit = 0; digit < 10; digit++) await keys.click();
  await page.getByRole("button", { name: "Bel met deze code", exact: true }).click();
  await page.getByText("De telefonie kent deze code niet.").waitFor();
  await portal.getByText("Niet geïdentificeerd").first().waitFor();
  await page.getByRole("button", { name: "Hang op", exact: true }).click();
  await page.getByRole("button", { name: "Bel zonder ID-bellen", exact: true }).click();
  await page.getByText("Een gewoon gesprek, zonder code.").waitFor();
});
