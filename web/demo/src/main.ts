import "../../common/src/theme.css";
import "./demo.css";
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { type Language, messages } from "../../common/src/i18n.ts";
import * as control from "./control.ts";
import en from "./messages.en.json" with { type: "json" };
import nl from "./messages.nl.json" with { type: "json" };
import { KEYS, play } from "./tones.ts";

const words = messages(nl, en);
/** Milliseconds between two looks at the stack. */
const LOOK = 1000;
/** Rows of a table that are shown. */
const ROWS = 8;
/** Lines of what was said that are shown. */
const LINES = 12;
const PEOPLE = [
  ["willeke", "Willeke de Bruijn"],
  ["jochem", "Jochem Bakker"],
] as const;

type App =
  | { is: "idle" }
  | { is: "ready"; session: number }
  | { is: "busy"; pairingCode: string | null }
  | { is: "done"; number: string; code: string }
  | { is: "declined" }
  | { is: "failed" };
type Phone =
  | { is: "idle" }
  | { is: "calling" }
  | { is: "talking"; contact: string; how: "exchanged" | "refused" | "failed" | "noCode" };

/** Four parties side by side, and under them what each saw and what is stored. */
class Demo extends LitElement {
  private places: control.Places | undefined;
  private language: Language = "nl";
  private app: App = { is: "idle" };
  private phone: Phone = { is: "idle" };
  private person: string = PEOPLE[0][0];
  private keyed = "";
  private sounding = "";
  /** Newest first. */
  private said: control.Said[] = [];
  private mark = 0;
  private tables: control.Tables = { records: [], codes: [] };
  private reachable = true;
  /** The session that the app is done with. */
  private performed = -1;

  /** Its styles are the page's. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.begin();
  }

  private async begin(): Promise<void> {
    for (;;) {
      await this.look();
      await new Promise((done) => setTimeout(done, LOOK));
    }
  }

  private async look(): Promise<void> {
    try {
      this.places ??= await control.places();
      const [sessions, said, tables] = await Promise.all([control.sessions(), control.said(this.mark), control.tables()]);
      this.said = [...said.said.reverse(), ...this.said].slice(0, LINES);
      this.mark = said.mark;
      this.tables = tables;
      const newest = sessions[0];
      if (newest !== undefined && !newest.ended && newest.id > this.performed && this.app.is !== "busy") {
        this.app = { is: "ready", session: newest.id };
      }
      if (this.app.is === "busy") {
        const pairingCode = await control.pairingCode();
        // The wallet may be done by now.
        if (this.app.is === "busy") this.app = { is: "busy", pairingCode };
      }
      this.reachable = true;
    } catch {
      this.reachable = false;
    }
    this.requestUpdate();
  }

  private async perform(session: number, act: "disclose" | "decline"): Promise<void> {
    this.performed = session;
    this.app = { is: "busy", pairingCode: null };
    this.requestUpdate();
    try {
      const { outcome, number = "", code = "" } = await control.wallet(session, act, this.person);
      this.app = outcome === "success" ? { is: "done", number, code } : { is: outcome === "declined" ? "declined" : "failed" };
    } catch {
      this.app = { is: "failed" };
    }
    this.requestUpdate();
  }

  /** Telephony answers, hears the tones, exchanges the code, and connects the agent: with the secret, if there is one. */
  private async call(code: string | null): Promise<void> {
    this.hangUp();
    this.phone = { is: "calling" };
    this.requestUpdate();
    await play(code ?? "", (key) => {
      this.sounding = key;
      this.requestUpdate();
    });
    this.sounding = "";
    const contact = crypto.randomUUID();
    const answer = code === null ? undefined : await control.exchange(code, contact).catch(() => null);
    // Who hung up meanwhile is not called.
    if (this.phone.is !== "calling") return;
    const secret = answer?.secret;
    this.phone = { is: "talking", contact, how: code === null ? "noCode" : secret ? "exchanged" : answer ? "refused" : "failed" };
    this.keyed = "";
    this.tellAgent({ type: "idbellen:contact", contactId: contact, ...(secret ? { secret } : {}) });
    this.requestUpdate();
  }

  private hangUp(): void {
    // The contact stays the agent's until it is cleared there.
    this.phone = { is: "idle" };
    this.requestUpdate();
  }

  private tellAgent(message: object): void {
    const portal = this.querySelector<HTMLIFrameElement>("#portal");
    portal?.contentWindow?.postMessage(message, this.places?.agent ?? "null");
  }

  private async key(key: string): Promise<void> {
    this.keyed = (this.keyed + key).slice(-10);
    await play(key, () => this.requestUpdate());
  }

  protected override render(): TemplateResult {
    const say = words(this.language);
    const other = () => {
      this.language = this.language === "nl" ? "en" : "nl";
      document.documentElement.lang = this.language;
      document.title = words(this.language)("title");
      this.requestUpdate();
    };
    return html`
      <header>
        <h1>${say("title")}</h1>
        <button class="button secondary" @click=${other} lang=${this.language === "nl" ? "en" : "nl"}>${say("other")}</button>
      </header>
      <main>
        <p class="lead">${say("lead")}</p>
        ${this.reachable ? nothing : html`<p class="alert error" role="alert">${say("unreachable")}</p>`}
        <div class="parties">
          <section class="page">
            <h2>${say("citizen")}</h2><p class="hint">${say("citizenHint")}</p>
            ${this.places && html`<iframe id="page" title=${say("citizen")} src="${this.places.citizen}/"></iframe>`}
          </section>
          <div class="middle">
            <section class="wallet"><h2>${say("wallet")}</h2>${this.renderApp()}</section>
            <section class="telephone"><h2>${say("telephone")}</h2>${this.renderPhone()}</section>
          </div>
          <section class="page">
            <h2>${say("agent")}</h2><p class="hint">${say("agentHint")}</p>
            ${this.places && html`<iframe id="portal" title=${say("agent")} src="${this.places.agent}/"></iframe>`}
          </section>
        </div>
        <div class="below">${this.renderSaid()}${this.renderTables()}</div>
      </main>`;
  }

  private renderApp(): TemplateResult {
    const say = words(this.language);
    const app = this.app;
    switch (app.is) {
      case "idle":
        return html`<p role="status">${say("walletIdle")}</p>`;
      case "busy":
        return html`<div role="status">${
          app.pairingCode === null
            ? html`<p>${say("walletBusy")}</p>`
            : html`<p>${say("pairing")}</p><p class="big">${app.pairingCode}</p>`
        }</div>`;
      case "done":
        return html`<p role="status">${say("walletDone")}</p>
        <button class="button" @click=${() => this.call(app.code)} ?disabled=${this.phone.is === "calling"}>
          ${say("call", { number: app.number })}</button>`;
      case "declined":
        return html`<p role="status">${say("walletDeclined")}</p>`;
      case "failed":
        return html`<p role="status">${say("walletFailed")}</p>`;
      case "ready":
        return html`<p role="status">${say("walletReady")}</p>
        <label>${say("person")}
          <select @change=${(event: Event) => {
            this.person = (event.target as HTMLSelectElement).value;
          }}>
            ${PEOPLE.map(([id, name]) => html`<option value=${id} ?selected=${id === this.person}>${name}</option>`)}
          </select></label>
        <div class="row">
          <button class="button" @click=${() => this.perform(app.session, "disclose")}>${say("disclose")}</button>
          <button class="button secondary" @click=${() => this.perform(app.session, "decline")}>${say("decline")}</button>
        </div>`;
    }
  }

  private renderPhone(): TemplateResult {
    const say = words(this.language);
    const phone = this.phone;
    if (phone.is === "talking") {
      return html`<p role="status">${say(phone.how)}</p>
        <button class="button hang-up" @click=${() => this.hangUp()}>${say("hangUp")}</button>`;
    }
    const calling = phone.is === "calling";
    return html`
      <p role="status">${say(calling ? "calling" : "telephoneIdle")}</p>
      <p class="keyed"><span class="name">${say("typed")}</span> <output>${this.keyed || "–"}</output></p>
      <div class="keys">${KEYS.map(
        (key) => html`
        <button class=${key === this.sounding ? "key sounding" : "key"} ?disabled=${calling} @click=${() => this.key(key)}>
          ${key}</button>`,
      )}</div>
      <div class="row">
        <button class="button" ?disabled=${calling || !/^\d{10}$/.test(this.keyed)} @click=${() => this.call(this.keyed)}>
          ${say("dial")}</button>
        <button class="button secondary" ?disabled=${calling} @click=${() => this.call(null)}>${say("without")}</button>
      </div>`;
  }

  private renderSaid(): TemplateResult {
    const say = words(this.language);
    const time = (at: number) => new Date(at).toLocaleTimeString("nl-NL");
    const names = (members: string[]) =>
      members.length === 0 ? say("nothing") : members.map((one) => (one === "text" ? say("aText") : one)).join(", ");
    return html`<section>
      <h2>${say("knows")}</h2><p class="hint">${say("knowsHint")}</p>
      ${
        this.said.length === 0
          ? html`<p>${say("nothingYet")}</p>`
          : html`<div class="scroll" tabindex="0" role="group" aria-label=${say("knows")}><table>
        <thead><tr>${(["when", "who", "asked", "sent", "got"] as const).map((name) => html`<th scope="col">${say(name)}</th>`)}</tr></thead>
        <tbody>${this.said.map(
          (one) => html`<tr>
          <td>${time(one.at)}</td><td><span class="party ${one.party}">${say(`party.${one.party}`)}</span></td>
          <td><code>${one.operation}</code></td><td>${names(one.sent)}</td>
          <td>${one.status}${one.got.length === 0 ? "" : `: ${names(one.got)}`}</td></tr>`,
        )}</tbody>
      </table></div>`
      }
    </section>`;
  }

  private renderTables(): TemplateResult {
    const say = words(this.language);
    const left = (expires: number) => {
      const seconds = Math.max(0, Math.round(expires - Date.now() / 1000));
      return seconds > 90 ? say("minutes", { minutes: Math.round(seconds / 60) }) : say("seconds", { seconds });
    };
    const clock = (seconds: number | null) => (seconds === null ? "–" : new Date(seconds * 1000).toLocaleTimeString("nl-NL"));
    const short = (id: string) => html`<code>${id.slice(0, 8)}…</code>`;
    const head = (names: (keyof typeof nl)[]) =>
      html`<thead><tr>${names.map((name) => html`<th scope="col">${say(name)}</th>`)}</tr></thead>`;
    const newest = <Row extends { expiresAt: number }>(rows: Row[]) => [...rows].sort((a, b) => b.expiresAt - a.expiresAt);
    const [records, codes] = [newest(this.tables.records), newest(this.tables.codes)];
    const rest = (rows: unknown[]) => (rows.length <= ROWS ? nothing : html`<p>${say("more", { rows: rows.length - ROWS })}</p>`);
    return html`<section>
      <h2>${say("tables")}</h2><p class="hint">${say("tablesHint")}</p>
      <h3>${say("records")}</h3>
      ${
        records.length === 0
          ? html`<p>${say("empty")}</p>`
          : html`<div class="scroll" tabindex="0" role="group" aria-label=${say("records")}><table>
        ${head(["id", "status", "purpose", "made", "lookedUp", "gone"])}
        <tbody>${records.slice(0, ROWS).map(
          (record) => html`<tr><td>${short(record.id)}</td><td>${record.status}</td><td>${record.purpose}</td>
          <td>${clock(record.createdAt)}</td><td>${clock(record.lookedUpAt)}</td><td>${left(record.expiresAt)}</td></tr>`,
        )}</tbody>
      </table></div>${rest(records)}`
      }
      <h3>${say("codes")}</h3>
      ${
        codes.length === 0
          ? html`<p>${say("empty")}</p>`
          : html`<div class="scroll" tabindex="0" role="group" aria-label=${say("codes")}><table>
        ${head(["id", "gone"])}
        <tbody>${codes.slice(0, ROWS).map((code) => html`<tr><td>${short(code.id)}</td><td>${left(code.expiresAt)}</td></tr>`)}</tbody>
      </table></div>${rest(codes)}`
      }
    </section>`;
  }
}

customElements.define("idbellen-demo", Demo);
document.body.append(new Demo());
