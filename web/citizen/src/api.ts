/** What the component asks of ID-bellen's API (docs/openapi.yaml). */

import type { FrontendRequest, SessionPtr } from "@privacybydesign/yivi-core";

import { ask, bilingual, byThisClock, flag, list, named, number, object, text } from "../../common/src/api.ts";
import type { Language } from "../../common/src/i18n.ts";

export type Text = Record<Language, string>;

export interface Hours {
  from: string;
  to: string;
}

export interface OpeningHours {
  /** By the English name of the day, in small letters. */
  weekly: Record<string, Hours[]>;
  closedOn: string[];
}

export interface Purpose {
  title: Text;
  phoneNumber: string;
  open: boolean;
  openingHours: OpeningHours;
  controller: { name: string; contact: string };
  privacyUrl: string;
  legalBasis: Text;
  attributes: Record<string, { label: Text; reason: Text }>;
}

export interface Session {
  sessionPtr: SessionPtr;
  frontendRequest: FrontendRequest;
  /** Until when the phone can dial, by this browser's clock, in milliseconds. */
  deadline: number;
}

export type Cause = "closed" | "unknownPurpose" | "busy" | "irmaDown" | "unavailable" | "offline";

/** The API refused, or was out of reach. Holds nothing of what was sent. */
export class Refusal extends Error {
  readonly reason: Cause;
  /** The hours that a refusal as closed came with. */
  readonly openingHours: OpeningHours | undefined;

  constructor(reason: Cause, openingHours?: OpeningHours) {
    super(reason);
    this.reason = reason;
    this.openingHours = openingHours;
  }
}

const CLOSED = "urn:idbellen:problem:closed";
const CAUSES: Readonly<Record<string, Cause>> = {
  [CLOSED]: "closed",
  "urn:idbellen:problem:unknown-purpose": "unknownPurpose",
  "urn:idbellen:problem:irma-unavailable": "irmaDown",
};

/** Longer than any answer of the API takes (API Gateway gives up after 30 seconds). */
const PATIENCE_MS = 31_000;

/** A code is refused in the last twenty seconds of its life. */
const REFUSED_BEFORE_MS = 20_000;

/** What a citizen must know before they start. Throws a `Refusal`. */
export const purpose = (base: string, name: string): Promise<Purpose> =>
  call(`${base}/purposes/${encodeURIComponent(name)}`, { method: "GET" }, readPurpose);

/** Starts a session. Throws a `Refusal`. */
export const start = (base: string, name: string): Promise<Session> =>
  call(
    `${base}/sessions`,
    { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ purpose: name }) },
    readSession,
  );

/** Asks, and reads what was answered. An answer that is not as docs/openapi.yaml says is a refusal as `unavailable`. */
async function call<T>(url: string, request: RequestInit, read: (body: unknown, answer: Response) => T): Promise<T> {
  const answer = await ask(url, request, PATIENCE_MS).catch(() => {
    throw new Refusal("offline");
  });
  // API Gateway's own refusals are no problem+json.
  if (answer.status === 429) throw new Refusal("busy");
  try {
    const body: unknown = await answer.json();
    if (answer.ok) return read(body, answer);
    const { type, openingHours } = object(body);
    throw new Refusal(CAUSES[text(type)] ?? "unavailable", type === CLOSED ? readHours(openingHours) : undefined);
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal("unavailable");
  }
}

function readPurpose(read: unknown): Purpose {
  const { title, phoneNumber, open, openingHours, controller, privacyUrl, legalBasis, attributes } = object(read);
  const { name, contact } = object(controller);
  return {
    title: bilingual(title),
    phoneNumber: text(phoneNumber),
    open: flag(open),
    openingHours: readHours(openingHours),
    controller: { name: text(name), contact: text(contact) },
    privacyUrl: text(privacyUrl),
    legalBasis: bilingual(legalBasis),
    attributes: named(attributes, (attribute) => {
      const { label, reason } = object(attribute);
      return { label: bilingual(label), reason: bilingual(reason) };
    }),
  };
}

function readHours(read: unknown): OpeningHours {
  const { weekly, closedOn } = object(read);
  const hours = (range: unknown): Hours => {
    const { from, to } = object(range);
    return { from: text(from), to: text(to) };
  };
  return { weekly: named(weekly, (day) => list(day, hours)), closedOn: list(closedOn, date) };
}

function date(read: unknown): string {
  const written = text(read);
  if (Number.isNaN(Date.parse(`${written}T00:00:00Z`))) throw new TypeError("not a date");
  return written;
}

/** The pointer and the request are as the IRMA server gave them: for the wallet and for its front-end, which may know more of them. */
function readSession(read: unknown, answer: Response): Session {
  const { sessionPtr, frontendRequest, expiresAt } = object(read);
  const pointer = object(sessionPtr);
  const deadline = byThisClock(number(expiresAt), answer) - REFUSED_BEFORE_MS;
  return { sessionPtr: { ...pointer, u: text(pointer.u) }, frontendRequest: object(frontendRequest), deadline };
}
