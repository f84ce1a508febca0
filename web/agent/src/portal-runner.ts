/** Keeps the portal's state, and does what it asks for: calls to the API, words to telephony, the clock. */

import type { Adapter, Telephone } from "./adapters/adapter.ts";
import type { Contacts } from "./contacts.ts";
import type { Login } from "./login.ts";
import { type Effect, type Event, type State, start, step, unfinished } from "./portal.ts";

/** What the portal works with once its settings are read. */
export interface Means {
  readonly contacts: Contacts;
  readonly login: Login;
  readonly adapters: Required<Adapter>;
  /** Milliseconds without a key or a click. */
  readonly idleAfter: number;
}

/** How often it is tried to renew a token that could not be renewed. */
const RENEW_EVERY = 30_000;

export class PortalRunner implements Telephone {
  state: State = start(Date.now());
  /** Called after each change. */
  onChange: () => void = () => undefined;
  #means: Means | undefined;
  #active = Date.now();
  #renewed = Date.now();

  /** Goes to work: until here it only remembers what telephony says. */
  begin(means: Means): void {
    this.#means = means;
    setInterval(() => this.#tick(means), 1_000);
    document.addEventListener("visibilitychange", () => this.#see());
    for (const sign of ["pointerdown", "keydown"]) document.addEventListener(sign, () => (this.#active = Date.now()));
    window.addEventListener("beforeunload", (event) => unfinished(this.state) && event.preventDefault());
    window.addEventListener("pagehide", () => this.#go(means));
    // A page that comes back from the browser's memory was wiped when it went.
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
    this.#see();
  }

  onContact(secret: string | null, contactId?: string, initialContactId?: string): void {
    this.#active = Date.now();
    const ids = {
      ...(contactId === undefined ? {} : { contactId }),
      ...(initialContactId === undefined ? {} : { initialContactId }),
    };
    this.send({ is: "contact", secret, ...ids });
  }

  onCleared(contactId?: string): void {
    this.send({ is: "contact cleared", ...(contactId === undefined ? {} : { contactId }) });
  }

  /** Takes an event. */
  send(event: Event): void {
    const { state, effects } = step(this.state, event, Date.now());
    this.state = state;
    this.onChange();
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: Effect): void {
    const means = this.#means;
    if (!means) return;
    switch (effect.do) {
      case "tell":
        means.adapters.tell(effect.word, effect.contactId);
        break;
      case "leave":
        void means.login.logOut().then((everywhere) => everywhere || this.send({ is: "still known" }));
        break;
      case "look up":
        setTimeout(() => void this.#lookUp(means, effect), effect.after);
        break;
      case "clear":
        setTimeout(() => void this.#clear(means, effect), effect.after);
        break;
    }
  }

  async #lookUp({ contacts }: Means, { turn, contact }: Extract<Effect, { do: "look up" }>): Promise<void> {
    if (turn !== this.state.turn) return;
    this.send({ is: "answer", turn, answer: await contacts.lookUp(contact, this.state.agent) });
  }

  async #clear({ contacts }: Means, { contact }: Extract<Effect, { do: "clear" }>): Promise<void> {
    if (!this.state.clears.some((clear) => clear.contact === contact)) return;
    this.send({ is: "clear answered", contact, cleared: await contacts.clear(contact, this.state.agent) });
  }

  #see(): void {
    this.send({ is: document.visibilityState === "hidden" ? "hidden" : "visible" });
  }

  #tick({ login, idleAfter }: Means): void {
    const now = Date.now();
    this.send({ is: "tick" });
    if (now - this.#active >= idleAfter && !this.state.idle) this.send({ is: "idle" });
    if (this.state.login === "ended" && now - this.#renewed >= RENEW_EVERY) {
      this.#renewed = now;
      void login.quietly();
    }
  }

  /** The page goes, and may be kept in the browser's memory: nothing of any caller stays in it. */
  #go({ contacts, login }: Means): void {
    for (const { contact } of this.state.clears) contacts.clearAtLast(contact, this.state.agent);
    this.send({ is: "wipe" });
    void login.forget();
  }
}
