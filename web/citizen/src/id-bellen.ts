/** `<id-bellen purpose="…">`: what is asked of the citizen and why, and the way to their wallet and telephone. */

import { html, LitElement, nothing, unsafeCSS, type PropertyValues, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";

import { languageOf, messages, type Language, type Say } from "../../common/src/i18n.ts";
import theme from "../../common/src/theme.css?inline";
import type { IdBellen as Declared, IdBellenState } from "../id-bellen.d.ts";
import { purpose, Refusal, start, type Cause, type Purpose, type Session } from "./api.ts";
import styles from "./id-bellen.css?inline";
import type { Following, Step } from "./follow.ts";
import en from "./messages.en.json";
import nl from "./messages.nl.json";
import { closedDays, weekly } from "./opening-hours.ts";

type View = { name: "loading" | "ready" | "starting" | "expired" } | { name: Cause } | Step;

const speak = messages(nl, en);

/** The API is where the script is, unless the page says otherwise. */
const API = `${new URL(import.meta.url).origin}/api`;

const YIVI = "https://yivi.app";
const APP_STORE = "https://apps.apple.com/app/yivi/id1294092994";
const PLAY_STORE = "https://play.google.com/store/apps/details?id=org.irmacard.cardemu";

const MINUTE_MS = 60_000;

/** The part that the IRMA project made, on a click. */
const loadFollow = (): Promise<typeof import("./follow.ts")> =>
  import("./follow.ts").catch(() => {
    throw new Refusal("offline");
  });

export class IdBellen extends LitElement {
  static override styles = [unsafeCSS(theme), unsafeCSS(styles)];
  static override properties = {
    purpose: {}, src: {}, language: {}, view: { state: true }, asked: { state: true }, minutes: { state: true }, incomplete: { state: true },
  };

  declare purpose: string;
  declare src: string;
  declare language: string;
  declare private view: View;
  declare private asked: Purpose | undefined;
  /** Whole minutes in which the phone can still dial. */
  declare private minutes: number;
  declare private incomplete: boolean;

  private session: Session | undefined;
  /** Follows the session from where it is: the wallet may be further than when the connection was lost. */
  private follow: (() => void) | undefined;
  private following: Following | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts what was asked for, so that an answer that comes too late is not shown. */
  private turn = 0;
  /** The citizen pressed something here; before that nothing is read out and no focus is moved. */
  private acted = false;
  private focusNext = false;
  private announced = "";

  constructor() {
    super();
    this.purpose = "";
    this.src = API;
    this.language = "";
    this.view = { name: "loading" };
    this.minutes = 0;
    this.incomplete = false;
  }

  get state(): IdBellenState {
    return this.view.name;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.wake);
    window.addEventListener("online", this.wake);
    if (this.hasUpdated) void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.wake);
    window.removeEventListener("online", this.wake);
    this.end();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("purpose") || changed.has("src")) void this.load();
    if (!changed.has("view")) return;
    // Who is reading elsewhere on the page is told, and not taken away from there.
    const active = document.activeElement;
    const here = active === this || active === document.body || active === null;
    const told = this.acted && this.view.name !== "loading";
    this.focusNext = told && here;
    this.announced = told && !here ? this.headingText() : "";
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("view")) return;
    if (this.focusNext) this.renderRoot.querySelector<HTMLElement>(this.view.name === "pairing" ? "input" : "h2")?.focus();
    if ((changed.get("view") as View | undefined)?.name === this.state) return;
    this.dispatchEvent(new CustomEvent("idbellen-state", { bubbles: true, composed: true, detail: { state: this.state } }));
  }

  // ---- What happens ----

  /** Asks what the citizen must know, and shows it. */
  private async load(): Promise<void> {
    const turn = this.end();
    this.view = { name: "loading" };
    try {
      const asked = await purpose(this.base(), this.purpose);
      if (turn !== this.turn) return;
      this.asked = asked;
      this.view = { name: asked.open ? "ready" : "closed" };
    } catch (error) {
      if (turn === this.turn) this.refused(error);
    }
  }

  private readonly begin = async (): Promise<void> => {
    const turn = this.end();
    this.acted = true;
    this.view = { name: "starting" };
    try {
      // First the part that follows a session, then the session: none is started in vain.
      const { follow } = await loadFollow();
      const session = await start(this.base(), this.purpose);
      if (turn !== this.turn) return;
      this.session = session;
      this.follow = () => {
        this.following?.leave();
        this.following = follow(session, (step) => this.show(step));
      };
      this.follow();
      this.count();
    } catch (error) {
      if (turn === this.turn) this.refused(error);
    }
  };

  private show(step: Step): void {
    this.incomplete = false;
    this.view = step;
    if (step.name === "declined" || step.name === "timeout") this.end();
  }

  private refused(error: unknown): void {
    const refusal = error instanceof Refusal ? error : new Refusal("unavailable");
    if (refusal.openingHours && this.asked) this.asked = { ...this.asked, open: false, openingHours: refusal.openingHours };
    this.view = { name: refusal.reason };
  }

  /** Counts down by whole minutes, as long as there is a session. */
  private readonly count = (): void => {
    clearTimeout(this.timer);
    if (!this.session) return;
    const left = this.session.deadline - Date.now();
    if (left <= 0) {
      this.end();
      this.view = { name: "expired" };
      return;
    }
    this.minutes = Math.floor(left / MINUTE_MS);
    this.timer = setTimeout(this.count, (left % MINUTE_MS) + 1);
  };

  /** A phone lets go of the network while another app is in front. */
  private readonly wake = (): void => {
    if (document.hidden) return;
    this.count();
    if (this.view.name === "lost") this.follow?.();
  };

  private readonly retry = (): void => {
    this.acted = true;
    void this.load();
  };

  private readonly stop = (): void => {
    this.following?.cancel();
    void this.load();
  };

  /** Leaves the session, if there is one, and waits for no answer any more. Gives the number of the turn that begins. */
  private end(): number {
    clearTimeout(this.timer);
    this.following?.leave();
    this.following = undefined;
    this.follow = undefined;
    this.session = undefined;
    return ++this.turn;
  }

  private readonly enter = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = this.renderRoot.querySelector("input");
    const code = field?.value.replace(/\s/g, "") ?? "";
    this.incomplete = !/^\d{4}$/.test(code);
    if (this.incomplete) field?.focus();
    else this.following?.enter(code);
  };

  private base(): string {
    return this.src.replace(/\/+$/, "");
  }

  // ---- What is shown ----

  private get speaks(): Language {
    return languageOf(this.language || this.closest("[lang]")?.getAttribute("lang"));
  }

  private get say(): Say<typeof nl> {
    return speak(this.speaks);
  }

  private headingText(): string {
    const { name } = this.view;
    if (name === "loading") return this.say("loading");
    return name === "ready" ? (this.asked?.title[this.speaks] ?? "") : this.say(`${name}Title`);
  }

  protected override render(): TemplateResult {
    return html`
      <section class="root" lang=${this.speaks} aria-labelledby="title">
        <p class="hidden" role="status">${this.announced}</p>
        ${keyed(this.view.name, this.body())}
      </section>
    `;
  }

  private body(): TemplateResult {
    switch (this.view.name) {
      case "loading":
        return html`<p id="title" class="subtle">${this.say("loading")}</p>`;
      case "ready":
        return this.ready();
      case "starting":
        return this.step(html`<p>${this.say("starting")}</p>`, false);
      case "qr":
        return this.qr(this.view);
      case "button":
        return this.step(html`
          <p>${this.say("buttonText")}</p>
          <p><a class="button" href=${this.view.href}>${this.say("openApp")}</a></p>
          <p><button class="link" type="button" @click=${() => this.following?.showQr()}>${this.say("otherPhone")}</button></p>
          ${this.noApp()}
        `);
      case "pairing":
        return this.pairing(this.view.phase);
      case "app":
        return this.step(html`<p>${this.say("appText")}</p><p>${this.say("keepOpen")}</p>`);
      case "done":
        return this.done();
      case "lost":
        return this.notice("warning", "lostText", html`
          <button class="button" type="button" @click=${() => this.follow?.()}>${this.say("reconnect")}</button>
          ${this.againButton("secondary")}
        `);
      case "expired":
      case "declined":
      case "timeout":
        return this.notice("warning", `${this.view.name}Text`, this.againButton());
      case "closed":
        return html`${this.notice("warning", "closedText", nothing)}${this.asked ? this.about(this.asked) : nothing}`;
      case "unknownPurpose":
        return this.notice("error", "unknownPurposeText", nothing);
      case "busy":
      case "irmaDown":
      case "unavailable":
      case "offline":
        return this.notice("error", `${this.view.name}Text`, html`
          <button class="button" type="button" @click=${this.asked ? this.begin : this.retry}>${this.say("retry")}</button>
        `);
    }
  }

  private heading(): TemplateResult {
    return html`<h2 id="title" tabindex="-1">${this.headingText()}</h2>`;
  }

  private ready(): TemplateResult {
    const { asked } = this;
    if (!asked) return html``;
    return html`
      ${this.heading()}
      <p>${this.say("intro")}</p>
      ${this.about(asked)}
      <div class="start">
        <button class="button" type="button" aria-describedby="hint" @click=${this.begin}>${this.say("start")}</button>
        <p id="hint" class="subtle">${this.say("startHint")}</p>
      </div>
      ${this.noApp()}
      ${this.without()}
    `;
  }

  /** What is asked, why, by whom; and when the number is answered. */
  private about({ attributes, controller, legalBasis, privacyUrl, open, openingHours }: Purpose): TemplateResult {
    const { speaks, say } = this;
    const closed = closedDays(openingHours, speaks);
    return html`
      <h3>${say("asked")}</h3>
      <dl class="asked">
        ${Object.values(attributes).map(({ label, reason }) => html`<div><dt>${label[speaks]}</dt><dd>${reason[speaks]}</dd></div>`)}
      </dl>
      <h3>${say("byWhom")}</h3>
      <dl>
        <div><dt>${say("controller")}</dt><dd>${controller.name}</dd></div>
        <div><dt>${say("contact")}</dt><dd>${this.contact(controller.contact)}</dd></div>
        <div><dt>${say("legalBasis")}</dt><dd>${legalBasis[speaks]}</dd></div>
        <div><dt>${say("privacy")}</dt><dd>${this.away(privacyUrl, say("privacyLink"))}</dd></div>
      </dl>
      <h3>${say("hours")} <span class=${open ? "tag open" : "tag"}>${say(open ? "openNow" : "closedNow")}</span></h3>
      <dl>
        ${weekly(openingHours, speaks, say).map(({ days, hours }) => html`<div><dt>${days}</dt><dd>${hours}</dd></div>`)}
      </dl>
      ${closed.length === 0 ? nothing : html`
        <details><summary>${say("closedOn")}</summary><ul>${closed.map((day) => html`<li>${day}</li>`)}</ul></details>
      `}
    `;
  }

  private qr({ path, size, hasButton }: Step & { name: "qr" }): TemplateResult {
    const { say } = this;
    return this.step(html`
      <div class="scan">
        <svg class="qr" role="img" aria-label=${say("qrName")} viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path d=${path}></path></svg>
        <ol><li>${say("qrStep1")}</li><li>${say("qrStep2")}</li><li>${say("qrStep3")}</li></ol>
      </div>
      ${hasButton ? html`
        <p><button class="link" type="button" @click=${() => this.following?.showButton()}>${say("thisPhone")}</button></p>
      ` : nothing}
      ${this.noApp()}
    `);
  }

  private pairing(phase: "asked" | "checking" | "rejected"): TemplateResult {
    const { say } = this;
    const wrong = this.incomplete ? say("pairingIncomplete") : phase === "rejected" ? say("pairingRejected") : "";
    return this.step(html`
      <p>${say("pairingText")}</p>
      <form novalidate @submit=${this.enter}>
        <label for="code">${say("pairingLabel")}</label>
        <p id="wrong" class="wrong" role="alert">${wrong}</p>
        <input id="code" inputmode="numeric" autocomplete="off" maxlength="4" ?readonly=${phase === "checking"}
          aria-invalid=${wrong === "" ? "false" : "true"} aria-describedby="wrong">
        <button class="button" ?disabled=${phase === "checking"}>${say("pairingSubmit")}</button>
        <p class="subtle" role="status">${phase === "checking" ? say("pairingChecking") : ""}</p>
      </form>
    `);
  }

  private done(): TemplateResult {
    const { say, minutes } = this;
    const left = minutes > 1 ? say("minutesLeft", { minutes }) : say(minutes === 1 ? "minuteLeft" : "secondsLeft");
    return html`
      <div class="alert ok">
        ${this.heading()}
        <ol class="steps"><li>${say("doneStep1")}</li><li>${say("doneStep2")}</li><li>${say("doneStep3")}</li></ol>
        <p class="left" aria-live="polite">${left}</p>
      </div>
      <p>${say("doneTrouble")}</p>
      <p class="actions">${this.againButton("secondary")}</p>
      ${this.without()}
    `;
  }

  /** A step on the way, which the citizen can stop. */
  private step(content: TemplateResult, canStop = true): TemplateResult {
    const stop = html`<p><button class="button secondary" type="button" @click=${this.stop}>${this.say("stop")}</button></p>`;
    return html`${this.heading()}${content}${canStop ? stop : nothing}`;
  }

  /** Something is in the way; `actions` are the ways on, besides calling without. */
  private notice(kind: "warning" | "error", text: keyof typeof nl, actions: TemplateResult | typeof nothing): TemplateResult {
    return html`
      <div class="alert ${kind}">${this.heading()}<p>${this.say(text)}</p></div>
      ${actions === nothing ? nothing : html`<p class="actions">${actions}</p>`}
      ${this.without()}
    `;
  }

  private againButton(kind = ""): TemplateResult {
    return html`<button class="button ${kind}" type="button" @click=${this.begin}>${this.say("again")}</button>`;
  }

  private without(): TemplateResult | typeof nothing {
    const { asked, say } = this;
    if (!asked) return nothing;
    return html`
      <div class="without">
        <h3>${say("without")}</h3>
        <p>${say(asked.open ? "withoutText" : "withoutLater")}</p>
        <p><a href="tel:${asked.phoneNumber}">${say("call", { number: asked.phoneNumber })}</a></p>
      </div>
    `;
  }

  private noApp(): TemplateResult {
    const { say } = this;
    return html`
      <details>
        <summary>${say("noApp")}</summary>
        <p>${say("noAppText")}</p>
        <ul>
          <li>${this.away(APP_STORE, say("appStore"))}</li>
          <li>${this.away(PLAY_STORE, say("playStore"))}</li>
          <li>${this.away(YIVI, say("yiviSite"))}</li>
        </ul>
      </details>
    `;
  }

  /** A link that leaves the page open, for the citizen comes back to it. */
  private away(href: string, text: string): TemplateResult {
    if (!href.startsWith("https://")) return html`${text}`;
    return html`<a href=${href} target="_blank" rel="noopener noreferrer">${text} (${this.say("newTab")})</a>`;
  }

  private contact(contact: string): TemplateResult {
    return /^[^\s@:]+@[^\s@:]+$/.test(contact) ? html`<a href="mailto:${contact}">${contact}</a>` : html`${contact}`;
  }
}

// What the package declares is what it is.
customElements.define("id-bellen", IdBellen satisfies new () => Declared);
