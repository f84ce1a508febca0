import { html, LitElement, nothing, type TemplateResult } from "lit";

import { callerView, card, titleOf } from "./caller-view.ts";
import type { Login } from "./login.ts";
import type { PortalRunner } from "./portal-runner.ts";
import { type Key, type Language, text } from "./texts.ts";

/** The whole page: who is logged in, what is still being deleted, and the caller. */
export class PortalPage extends LitElement {
  static override properties = { language: { attribute: false }, problem: { attribute: false } };
  declare language: Language;
  /** What is wrong with the settings. */
  declare problem: string | undefined;
  /** How to log in, once the settings are read. */
  login: Login | undefined;
  readonly runner: PortalRunner;
  #title: Key | undefined;

  constructor(runner: PortalRunner) {
    super();
    this.runner = runner;
    this.language = "nl";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    const { state } = this.runner;
    const loggedIn = state.login === "in" || state.login === "ended";
    return html`
      <a class="skip" href="#heading" @click=${this.#skip}>${this.#t("skip")}</a>
      <header>
        <span class="brand">${this.#t("title")}</span>
        <span class="tools">
          <button type="button" class="button quiet" lang=${other(this.language)} @click=${this.#switch}>
            ${this.#t("language")}
          </button>
          ${
            loggedIn
              ? html`<button type="button" class="button quiet" @click=${this.#logOut}>
                ${this.#t("logOut")}
              </button>`
              : nothing
          }
        </span>
      </header>
      <main>
        ${this.problem === undefined ? [this.#notices(), this.#main(loggedIn)] : this.#unusable(this.problem)}
      </main>
      <p class="hidden" role="status">${this.problem === undefined && loggedIn ? this.#t(titleOf(state)) : nothing}</p>
    `;
  }

  protected override updated(): void {
    document.documentElement.lang = this.language;
    const { state } = this.runner;
    const title = state.login === "in" || state.login === "ended" ? titleOf(state) : undefined;
    // What was on the screen is gone, and the focus may have been in it. Who works in another page is left alone.
    if (title !== this.#title && this.#title !== undefined && document.hasFocus()) this.#focusHeading();
    this.#title = title;
  }

  #t(key: Key, values = {}): string {
    return text(this.language, key, values);
  }

  #main(loggedIn: boolean): TemplateResult {
    const { state } = this.runner;
    if (loggedIn) {
      const send = this.runner.send.bind(this.runner);
      return callerView({ state, language: this.language, send, logIn: this.#logIn });
    }
    if (state.login === "checking") return html`<p class="wait" role="status">${this.#t("checking")}</p>`;
    if (state.login === "leaving") return card("calm", this.#t("leavingTitle"), html`<p>${this.#t("leavingText")}</p>`);
    const waiting = state.line !== null || state.caller.is === "unidentified";
    return card(
      "calm",
      this.#t("logInTitle"),
      html`
        ${waiting ? html`<p class="order" role="status">${this.#t("logInWaiting")}</p>` : nothing}
        <p>${this.#t("logInText")}</p>
        <button type="button" class="button" @click=${this.#logIn}>${this.#t("logIn")}</button>
      `,
    );
  }

  #notices(): TemplateResult {
    const { state } = this.runner;
    const send = this.runner.send.bind(this.runner);
    const [tried, count] = [state.clears.some(({ tries }) => tries > 0), state.earlier.length];
    const clearing = state.login === "ended" ? "clearingLogIn" : tried ? "clearingAgain" : "clearing";
    return html`
      <div role="alert">
        ${
          state.login === "ended"
            ? html`<div class="alert notice error">
              <p><strong>${this.#t("endedTitle")}</strong> ${this.#t("endedText")}</p>
              <button type="button" class="button" @click=${this.#logIn}>${this.#t("logInAgain")}</button>
            </div>`
            : nothing
        }
        ${
          state.refused || state.stillKnown
            ? html`<div class="alert notice error">
              ${state.refused ? html`<p>${this.#t("refused")}</p>` : nothing}
              ${state.stillKnown ? html`<p>${this.#t("stillKnown")}</p>` : nothing}
              <button type="button" class="button secondary" @click=${() => send({ is: "dismiss" })}>${this.#t("dismiss")}</button>
            </div>`
            : nothing
        }
      </div>
      <div role="status">
        ${
          state.clears.length > 0
            ? html`<div class="alert notice ${tried ? "error" : ""}"><p>${this.#t(clearing)}</p></div>`
            : nothing
        }
        ${
          count > 0 && state.login === "in"
            ? html`<div class="alert notice">
              <p>${count === 1 ? this.#t("earlierOne") : this.#t("earlier", { count })}</p>
              <button type="button" class="button secondary" @click=${() => send({ is: "clear earlier" })}>
                ${this.#t("clearEarlier")}
              </button>
            </div>`
            : nothing
        }
      </div>
    `;
  }

  #unusable(problem: string): TemplateResult {
    return card(
      "stop",
      this.#t("settingsTitle"),
      html`<p>${this.#t("settingsText")}</p><p class="code" role="alert" lang="en">${problem}</p>`,
    );
  }

  readonly #logIn = (): void => {
    this.runner.send({ is: "log in" });
    void this.login?.byWindow();
  };

  readonly #logOut = (): void => {
    this.login?.openLogoutWindow();
    this.runner.send({ is: "log out" });
  };

  #switch(): void {
    this.language = other(this.language);
  }

  #skip(event: MouseEvent): void {
    // Not by the address: what follows its # is for telephony.
    event.preventDefault();
    this.#focusHeading();
  }

  #focusHeading(): void {
    this.querySelector<HTMLElement>("#heading")?.focus();
  }
}

const other = (language: Language): Language => (language === "nl" ? "en" : "nl");

customElements.define("portal-page", PortalPage);
