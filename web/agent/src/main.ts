import "./portal.css";
import { checked } from "./adapters/adapter.ts";
import { screenPop } from "./adapters/screen-pop.ts";
import { startAdapters } from "./adapters/start.ts";
import { Contacts } from "./contacts.ts";
import { clientOf, Login } from "./login.ts";
import { PortalPage } from "./portal-page.ts";
import { PortalRunner } from "./portal-runner.ts";
import { fetchSettings, type Settings } from "./settings.ts";
import { text } from "./texts.ts";

const runner = new PortalRunner();
const telephone = checked(runner);
// Before anything else: the secret is not to stand in the address a moment longer.
const heedAddress = screenPop(telephone);

const page = new PortalPage(runner);
runner.onChange = () => page.requestUpdate();
document.body.prepend(page);

try {
  await run(await fetchSettings());
} catch (error) {
  page.problem = error instanceof Error ? error.message : "";
}

async function run(settings: Settings): Promise<void> {
  page.language = settings.language;
  heedAddress(settings.screenPop);
  // biome-ignore lint/style/noNonNullAssertion: index.html has it.
  const panel = document.querySelector<HTMLElement>("#panel")!;
  panel.hidden = settings.connect.ccpUrl === undefined;
  panel.ariaLabel = text(settings.language, "phone");

  const login = new Login(
    clientOf(settings.oidc),
    (agent) => runner.send({ is: "logged in", agent }),
    () => runner.send({ is: "login ended" }),
  );
  page.login = login;
  const contacts = new Contacts(settings.api, login);
  const adapters = startAdapters(settings, telephone, panel);
  runner.begin({ contacts, login, adapters, idleAfter: settings.idleMinutes * 60_000 });
  if (!(await login.quietly())) runner.send({ is: "not logged in" });
}
