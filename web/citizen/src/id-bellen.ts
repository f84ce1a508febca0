/** `<id-bellen purpose="…">`: what is asked of the citizen and why, and the way to their wallet and telephone. */

import { LitElement, type PropertyValues, type TemplateResult, unsafeCSS } from "lit";

import { type Language, languageOf } from "../../common/src/i18n.ts";
import theme from "../../common/src/theme.css?inline";
import type { IdBellen as Declared, IdBellenState } from "../id-bellen.d.ts";
import { purpose, Refusal, start } from "./api.ts";
import type { Following } from "./follow.ts";
import styles from "./id-bellen.css?inline";
import { type Effect, type Event, initial, type State, step, type View } from "./machine.ts";
import { titleOf, viewOf } from "./views.ts";

/** The API is where the script is, unless the page says otherwise. */
const API = `${new URL(import.meta.url).origin}/api`;

type Follow = typeof import("./follow.ts").follow;

/** The part that the IRMA project made, on a click. */
const loadFollow = (): Promise<Follow> =>
  import("./follow.ts").then(
    ({ follow }) => follow,
    () => {
      throw new Refusal("offline");
    },
  );

/** Keeps the component's state, shows it, and does what it asks for. */
export class IdBellen extends LitElement {
  static override styles = [unsafeCSS(theme), unsafeCSS(styles)];
  static override properties = { purpose: {}, src: {}, language: {} };

  declare purpose: string;
  declare src: string;
  declare language: string;

  #state: State = initial;
  /** What the page shows of it. */
  #shown: View | undefined;
  #follow: Follow | undefined;
  #following: Following | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #focusNext = false;
  #announced = "";

  constructor() {
    super();
    this.purpose = "";
    this.src = API;
    this.language = "";
  }

  get state(): IdBellenState {
    return this.#state.view.name;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#wake);
    window.addEventListener("online", this.#wake);
    if (this.hasUpdated) this.#send({ is: "load", anew: false });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#wake);
    window.removeEventListener("online", this.#wake);
    this.#send({ is: "leave" });
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("purpose") || changed.has("src")) this.#send({ is: "load", anew: true });
    const { view, acted } = this.#state;
    if (view === this.#shown) return;
    // Who is reading elsewhere on the page is told, and not taken away from there.
    const active = document.activeElement;
    const here = active === this || active === document.body || active === null;
    const told = acted && view.name !== "loading";
    this.#focusNext = told && here;
    this.#announced = told && !here ? titleOf(this.#state, this.#speaks) : "";
  }

  protected override render(): TemplateResult {
    const [language, announced] = [this.#speaks, this.#announced];
    return viewOf({ state: this.#state, language, announced, send: (event) => this.#send(event) });
  }

  protected override updated(): void {
    const [before, { view }] = [this.#shown, this.#state];
    if (view === before) return;
    this.#shown = view;
    if (this.#focusNext) this.#focus(view.name === "pairing" ? "input" : "h2");
    if (view.name === before?.name) return;
    this.dispatchEvent(new CustomEvent("idbellen-state", { bubbles: true, composed: true, detail: { state: this.state } }));
  }

  get #speaks(): Language {
    return languageOf(this.language || this.closest("[lang]")?.getAttribute("lang"));
  }

  #focus(what: "input" | "h2"): void {
    this.renderRoot.querySelector<HTMLElement>(what)?.focus();
  }

  readonly #wake = (): void => {
    if (!document.hidden) this.#send({ is: "wake" });
  };

  /** Takes an event. */
  #send(event: Event): void {
    const { state, effects } = step(this.#state, event, Date.now());
    this.#state = state;
    this.requestUpdate();
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: Effect): void {
    switch (effect.do) {
      case "ask":
        void this.#try(effect.turn, async (base, turn) => ({ is: "purpose", turn, purpose: await purpose(base, this.purpose) }));
        break;
      case "start":
        void this.#try(effect.turn, async (base, turn) => {
          // First the part that follows a session, then the session: none is started in vain.
          this.#follow = await loadFollow();
          return { is: "started", turn, session: await start(base, this.purpose) };
        });
        break;
      case "follow":
        this.#following?.leave();
        this.#following = this.#follow?.(effect.session, (step) => this.#send({ is: "step", turn: effect.turn, step }));
        break;
      case "leave":
      case "cancel":
        clearTimeout(this.#timer);
        this.#following?.[effect.do]();
        this.#following = undefined;
        break;
      case "enter":
        this.#following?.enter(effect.code);
        break;
      case "show qr":
        this.#following?.showQr();
        break;
      case "show button":
        this.#following?.showButton();
        break;
      case "focus field":
        this.#focus("input");
        break;
      case "tick":
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#send({ is: "tick" }), effect.after);
        break;
    }
  }

  async #try(turn: number, ask: (base: string, turn: number) => Promise<Event>): Promise<void> {
    try {
      this.#send(await ask(this.src.replace(/\/+$/, ""), turn));
    } catch (error) {
      const { reason, openingHours } = error instanceof Refusal ? error : new Refusal("unavailable");
      this.#send({ is: "refused", turn, cause: reason, openingHours });
    }
  }
}

// What the package declares is what it is.
customElements.define("id-bellen", IdBellen satisfies new () => Declared);
