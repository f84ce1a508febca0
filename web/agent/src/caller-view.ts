/** What the screen shows of the caller, state by state. Values are rendered as text, never as markup. */

import { html, nothing, type TemplateResult } from "lit";

import "./copy-button.ts";
import { type Attribute, type Caller, type Event, masked, type State } from "./portal.ts";
import { type Key, type Language, text } from "./texts.ts";

type Disclosed = Extract<Caller, { is: "disclosed" }>;

export interface Shown {
  readonly state: State;
  readonly language: Language;
  readonly send: (event: Event) => void;
  readonly logIn: () => void;
}

/** How a state that shows no data looks: `warn` where the agent must ask control questions. */
const LOOKS: Record<Exclude<Caller["is"], "none" | "disclosed">, { title: Key; text: Key; look: "calm" | "warn" | "stop" }> = {
  unidentified: { title: "unidentifiedTitle", text: "unidentifiedText", look: "warn" },
  asking: { title: "askingTitle", text: "askingText", look: "calm" },
  pending: { title: "pendingTitle", text: "pendingText", look: "calm" },
  late: { title: "lateTitle", text: "lateText", look: "warn" },
  declined: { title: "declinedTitle", text: "declinedText", look: "warn" },
  lost: { title: "lostTitle", text: "lostText", look: "warn" },
  unknown: { title: "unknownTitle", text: "unknownText", look: "warn" },
  expired: { title: "expiredTitle", text: "expiredText", look: "warn" },
  unreachable: { title: "unreachableTitle", text: "unreachableText", look: "stop" },
  forbidden: { title: "forbiddenTitle", text: "forbiddenText", look: "stop" },
};

/** The heading of what is on the screen. */
export function titleOf(state: State): Key {
  const { caller } = state;
  if (masked(state) && caller.is !== "none") return "maskedTitle";
  if (caller.is === "disclosed") return "disclosedTitle";
  if (caller.is === "none") return NONE[caller.after].title;
  return LOOKS[caller.is].title;
}

const NONE = {
  start: { title: "noneTitle", text: "noneText" },
  cleared: { title: "clearedTitle", text: "clearedText" },
  transferred: { title: "transferredTitle", text: "transferredText" },
} as const satisfies Record<string, { title: Key; text: Key }>;

export function callerView(shown: Shown): TemplateResult {
  const { state, language } = shown;
  const { caller } = state;
  const t = (key: Key) => text(language, key);
  if (caller.is === "none") return card("calm", t(titleOf(state)), html`<p>${t(NONE[caller.after].text)}</p>`);
  if (masked(state)) return maskedView(shown);
  if (caller.is === "disclosed") return disclosedView(caller, shown);
  const { text: said, look } = LOOKS[caller.is];
  const controlQuestions = !["asking", "pending"].includes(caller.is);
  return card(
    look,
    t(titleOf(state)),
    html`
      ${controlQuestions ? html`<p class="order">${t("ask")}</p>` : nothing}
      <p>${t(said)}</p>
      ${
        caller.is === "late"
          ? html`<button type="button" class="button secondary" @click=${() => shown.send({ is: "again" })}>${t("again")}</button>`
          : nothing
      }
      ${
        caller.is === "forbidden"
          ? html`<button type="button" class="button secondary" @click=${shown.logIn}>${t("logInAgain")}</button>`
          : nothing
      }
      ${actions(shown)}
    `,
  );
}

/** Nothing of the caller, until the agent is back. */
function maskedView({ language, send }: Shown): TemplateResult {
  const show = () => send({ is: "active" });
  return card(
    "calm",
    text(language, "maskedTitle"),
    html`
      <p>${text(language, "maskedText")}</p>
      <button type="button" class="button" @click=${show}>${text(language, "show")}</button>
    `,
  );
}

function disclosedView(caller: Disclosed, shown: Shown): TemplateResult {
  const { language, state } = shown;
  const t = (key: Key, values = {}) => text(language, key, values);
  const left = caller.until - state.now;
  const minutes = Math.ceil(left / 60_000);
  const warning = left <= 300_000 ? "five" : left <= 600_000 ? "ten" : undefined;
  const leftText = left < 60_000 ? t("leftLess") : minutes === 1 ? t("leftOne") : t("left", { minutes });
  return card(
    "good",
    t("disclosedTitle"),
    html`
      <p class="alert warning voice">${t("voice")}</p>
      <div role="alert">${warning ? html`<p class="alert error soon">${t(warning)}</p>` : nothing}</div>
      <dl class="attributes">${caller.attributes.map((attribute) => attributeView(attribute, language))}</dl>
      <div class="reference">
        <p>
          <span class="label" id="reference">${t("reference")}</span>
          <strong class="code">${caller.reference}</strong>
        </p>
        <copy-button .value=${caller.reference} .label=${t("reference")} .language=${language}></copy-button>
        <p class="hint">${t("referenceText")}</p>
      </div>
      <p class="meta">
        <span>${t("purpose")}: ${caller.purpose}</span>
        <span class=${warning ? "left soon" : "left"}>${leftText}</span>
      </p>
      ${actions(shown)}
    `,
  );
}

function attributeView({ value, label, issuedAt, format }: Attribute, language: Language): TemplateResult {
  const issued = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "Europe/Amsterdam" });
  return html`
    <div>
      <dt>${label[language]}</dt>
      <dd class="value">${format === "bsn" && /^[0-9]{9}$/.test(value) ? grouped(value) : value}</dd>
      <dd><copy-button .value=${value} .label=${label[language]} .language=${language}></copy-button></dd>
      <dd class="issued hint">${text(language, "issued", { date: issued.format(issuedAt * 1_000) })}</dd>
    </div>
  `;
}

/** 9999 92 235: the style sheet draws the gaps. */
const grouped = (bsn: string) =>
  [bsn.slice(0, 4), bsn.slice(4, 6), bsn.slice(6)].map((digits) => html`<span class="digits">${digits}</span>`);

function actions({ state, language, send }: Shown): TemplateResult {
  const t = (key: Key) => text(language, key);
  return html`
    <div class="actions">
      <div>
        <button type="button" class="button" aria-describedby="clear-hint" @click=${() => send({ is: "clear" })}>
          ${t("clear")}
        </button>
        <span class="hint" id="clear-hint">${t("clearText")}</span>
      </div>
      ${
        state.line
          ? html`<div>
            <button type="button" class="button secondary" aria-describedby="transfer-hint" @click=${() => send({ is: "transferred" })}>
              ${t("transferred")}
            </button>
            <span class="hint" id="transfer-hint">${t("transferredHint")}</span>
          </div>`
          : nothing
      }
    </div>
  `;
}

export function card(look: "calm" | "good" | "warn" | "stop", title: string, content: unknown): TemplateResult {
  return html`
    <section class="card ${look}" aria-labelledby="heading">
      <h1 id="heading" tabindex="-1">${title}</h1>
      ${content}
    </section>
  `;
}
