/** What each state of the component looks like. */

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";

import { type Language, messages } from "../../common/src/i18n.ts";
import type { Purpose } from "./api.ts";
import type { Step } from "./follow.ts";
import type { Event, State } from "./machine.ts";
import en from "./messages.en.json";
import nl from "./messages.nl.json";
import { closedDays, weekly } from "./opening-hours.ts";

const YIVI = "https://yivi.app";
const APP_STORE = "https://apps.apple.com/app/yivi/id1294092994";
const PLAY_STORE = "https://play.google.com/store/apps/details?id=org.irmacard.cardemu";

const words = messages(nl, en);

export interface Shown {
  readonly state: State;
  readonly language: Language;
  /** Read out, and not shown. */
  readonly announced: string;
  readonly send: (event: Event) => void;
}

interface Look extends Shown {
  readonly say: ReturnType<typeof words>;
}

/** The heading of what is shown. */
export function titleOf({ view, asked }: State, language: Language): string {
  const say = words(language);
  if (view.name === "loading") return say("loading");
  return view.name === "ready" ? (asked?.title[language] ?? "") : say(`${view.name}Title`);
}

export function viewOf(shown: Shown): TemplateResult {
  const { state, language, announced } = shown;
  return html`
    <section class="root" lang=${language} aria-labelledby="title">
      <p class="hidden" role="status">${announced}</p>
      ${keyed(state.view.name, body({ ...shown, say: words(language) }))}
    </section>
  `;
}

function body(look: Look): TemplateResult {
  const { state, say, send } = look;
  const { view, asked } = state;
  switch (view.name) {
    case "loading":
      return html`<p id="title" class="subtle">${say("loading")}</p>`;
    case "ready":
      return asked ? ready(look, asked) : html``;
    case "starting":
      return html`${heading(look)}<p>${say("starting")}</p>`;
    case "qr":
      return qr(look, view);
    case "button":
      return onTheWay(
        look,
        html`
          <p>${say("buttonText")}</p>
          <p><a class="button" href=${view.href}>${say("openApp")}</a></p>
          <p><button class="link" type="button" @click=${() => send({ is: "show qr" })}>${say("otherPhone")}</button></p>
          ${noApp(look)}
        `,
      );
    case "pairing":
      return pairing(look, view.phase);
    case "app":
      return onTheWay(look, html`<p>${say("appText")}</p><p>${say("keepOpen")}</p>`);
    case "done":
      return done(look);
    case "lost":
      return notice(
        look,
        "warning",
        "lostText",
        html`
          <button class="button" type="button" @click=${() => send({ is: "reconnect" })}>${say("reconnect")}</button>
          ${again(look, "secondary")}
        `,
      );
    case "expired":
    case "declined":
    case "timeout":
      return notice(look, "warning", `${view.name}Text`, again(look));
    case "closed":
      return html`${notice(look, "warning", "closedText")}${asked ? about(look, asked) : nothing}`;
    case "unknownPurpose":
      return notice(look, "error", "unknownPurposeText");
    case "busy":
    case "irmaDown":
    case "unavailable":
    case "offline": {
      const retry = () => send({ is: asked ? "begin" : "retry" });
      return notice(
        look,
        "error",
        `${view.name}Text`,
        html`<button class="button" type="button" @click=${retry}>${say("retry")}</button>`,
      );
    }
  }
}

const heading = ({ state, language }: Look): TemplateResult =>
  html`<h2 id="title" tabindex="-1">${titleOf(state, language)}</h2>`;

function ready(look: Look, asked: Purpose): TemplateResult {
  const { say, send } = look;
  return html`
    ${heading(look)}
    <p>${say("intro")}</p>
    ${about(look, asked)}
    <div class="start">
      <button class="button" type="button" aria-describedby="hint" @click=${() => send({ is: "begin" })}>${say("start")}</button>
      <p id="hint" class="subtle">${say("startHint")}</p>
    </div>
    ${noApp(look)}
    ${without(look)}
  `;
}

/** What is asked, why, by whom; and when the number is answered. */
function about({ language, say }: Look, asked: Purpose): TemplateResult {
  const { attributes, controller, legalBasis, privacyUrl, open, openingHours } = asked;
  const closed = closedDays(openingHours, language);
  return html`
    <h3>${say("asked")}</h3>
    <dl class="asked">
      ${Object.values(attributes).map(
        ({ label, reason }) => html`<div><dt>${label[language]}</dt><dd>${reason[language]}</dd></div>`,
      )}
    </dl>
    <h3>${say("byWhom")}</h3>
    <dl>
      <div><dt>${say("controller")}</dt><dd>${controller.name}</dd></div>
      <div><dt>${say("contact")}</dt><dd>${mail(controller.contact)}</dd></div>
      <div><dt>${say("legalBasis")}</dt><dd>${legalBasis[language]}</dd></div>
      <div><dt>${say("privacy")}</dt><dd>${away(privacyUrl, say("privacyLink"), say("newTab"))}</dd></div>
    </dl>
    <h3>${say("hours")} <span class=${open ? "tag open" : "tag"}>${say(open ? "openNow" : "closedNow")}</span></h3>
    <dl>
      ${weekly(openingHours, language, say).map(({ days, hours }) => html`<div><dt>${days}</dt><dd>${hours}</dd></div>`)}
    </dl>
    ${
      closed.length === 0
        ? nothing
        : html`<details><summary>${say("closedOn")}</summary><ul>${closed.map((day) => html`<li>${day}</li>`)}</ul></details>`
    }
  `;
}

function qr(look: Look, { path, size, hasButton }: Step & { name: "qr" }): TemplateResult {
  const { say, send } = look;
  const box = `0 0 ${size} ${size}`;
  return onTheWay(
    look,
    html`
      <div class="scan">
        <svg class="qr" role="img" aria-label=${say("qrName")} viewBox=${box} shape-rendering="crispEdges"><path d=${path}></path></svg>
        <ol><li>${say("qrStep1")}</li><li>${say("qrStep2")}</li><li>${say("qrStep3")}</li></ol>
      </div>
      ${
        hasButton
          ? html`<p><button class="link" type="button" @click=${() => send({ is: "show button" })}>${say("thisPhone")}</button></p>`
          : nothing
      }
      ${noApp(look)}
    `,
  );
}

function pairing(look: Look, phase: "asked" | "checking" | "rejected"): TemplateResult {
  const { state, say, send } = look;
  const wrong = state.incomplete ? say("pairingIncomplete") : phase === "rejected" ? say("pairingRejected") : "";
  const checking = phase === "checking";
  const enter = (event: SubmitEvent): void => {
    event.preventDefault();
    send({ is: "enter", code: (event.currentTarget as HTMLFormElement).querySelector("input")?.value ?? "" });
  };
  return onTheWay(
    look,
    html`
      <p>${say("pairingText")}</p>
      <form novalidate @submit=${enter}>
        <label for="code">${say("pairingLabel")}</label>
        <p id="wrong" class="wrong" role="alert">${wrong}</p>
        <input id="code" inputmode="numeric" autocomplete="off" maxlength="4" ?readonly=${checking}
          aria-invalid=${wrong === "" ? "false" : "true"} aria-describedby="wrong">
        <button class="button" ?disabled=${checking}>${say("pairingSubmit")}</button>
        <p class="subtle" role="status">${checking ? say("pairingChecking") : ""}</p>
      </form>
    `,
  );
}

function done(look: Look): TemplateResult {
  const { say } = look;
  const { minutes } = look.state;
  const left = minutes > 1 ? say("minutesLeft", { minutes }) : say(minutes === 1 ? "minuteLeft" : "secondsLeft");
  return html`
    <div class="alert ok">
      ${heading(look)}
      <ol class="steps"><li>${say("doneStep1")}</li><li>${say("doneStep2")}</li><li>${say("doneStep3")}</li></ol>
      <p class="left" aria-live="polite">${left}</p>
    </div>
    <p>${say("doneTrouble")}</p>
    <p class="actions">${again(look, "secondary")}</p>
    ${without(look)}
  `;
}

/** A step on the way, which the citizen can stop. */
const onTheWay = (look: Look, content: TemplateResult): TemplateResult => html`
  ${heading(look)}${content}
  <p><button class="button secondary" type="button" @click=${() => look.send({ is: "stop" })}>${look.say("stop")}</button></p>
`;

/** Something is in the way; `actions` are the ways on, besides calling without. */
const notice = (look: Look, kind: "warning" | "error", text: keyof typeof nl, actions?: TemplateResult): TemplateResult => html`
  <div class="alert ${kind}">${heading(look)}<p>${look.say(text)}</p></div>
  ${actions ? html`<p class="actions">${actions}</p>` : nothing}
  ${without(look)}
`;

const again = ({ say, send }: Look, kind = ""): TemplateResult =>
  html`<button class="button ${kind}" type="button" @click=${() => send({ is: "begin" })}>${say("again")}</button>`;

function without({ state: { asked }, say }: Look): TemplateResult | typeof nothing {
  if (!asked) return nothing;
  return html`
    <div class="without">
      <h3>${say("without")}</h3>
      <p>${say(asked.open ? "withoutText" : "withoutLater")}</p>
      <p><a href="tel:${asked.phoneNumber}">${say("call", { number: asked.phoneNumber })}</a></p>
    </div>
  `;
}

const noApp = ({ say }: Look): TemplateResult => html`
  <details>
    <summary>${say("noApp")}</summary>
    <p>${say("noAppText")}</p>
    <ul>
      <li>${away(APP_STORE, say("appStore"), say("newTab"))}</li>
      <li>${away(PLAY_STORE, say("playStore"), say("newTab"))}</li>
      <li>${away(YIVI, say("yiviSite"), say("newTab"))}</li>
    </ul>
  </details>
`;

/** A link that leaves the page open, for the citizen comes back to it. */
const away = (href: string, text: string, newTab: string): TemplateResult =>
  href.startsWith("https://")
    ? html`<a href=${href} target="_blank" rel="noopener noreferrer">${text} (${newTab})</a>`
    : html`${text}`;

const mail = (contact: string): TemplateResult =>
  /^[^\s@:]+@[^\s@:]+$/.test(contact) ? html`<a href="mailto:${contact}">${contact}</a>` : html`${contact}`;
