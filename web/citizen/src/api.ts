/** What the component asks of ID-bellen's API (docs/openapi.yaml). */

import type { FrontendRequest, SessionPtr } from "@privacybydesign/yivi-core";

export interface Text {
  nl: string;
  en: string;
}

export interface Hours {
  from: string;
  to: string;
}

export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

export interface OpeningHours {
  weekly: Partial<Record<Weekday, Hours[]>>;
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

const CAUSES: Record<string, Cause> = {
  "urn:idbellen:problem:closed": "closed",
  "urn:idbellen:problem:unknown-purpose": "unknownPurpose",
  "urn:idbellen:problem:irma-unavailable": "irmaDown",
};

/** Longer than any answer of the API takes (API Gateway gives up after 30 seconds). */
const PATIENCE_MS = 31_000;

/** A code is refused in the last twenty seconds of its life. */
const REFUSED_BEFORE_MS = 20_000;

async function ask(url: string, request: RequestInit): Promise<{ body: unknown; headers: Headers }> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      ...request, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Refusal("offline");
  }
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok && body !== undefined) return { body, headers: answer.headers };
  // API Gateway's own refusals are no problem+json.
  if (answer.status === 429) throw new Refusal("busy");
  const problem = body as { type?: string; openingHours?: OpeningHours } | undefined;
  throw new Refusal(CAUSES[problem?.type ?? ""] ?? "unavailable", problem?.openingHours);
}

/** What a citizen must know before they start. Throws a `Refusal`. */
export async function purpose(base: string, name: string): Promise<Purpose> {
  const { body } = await ask(`${base}/purposes/${encodeURIComponent(name)}`, { method: "GET" });
  return body as Purpose;
}

/** Starts a session. Throws a `Refusal`. */
export async function start(base: string, name: string): Promise<Session> {
  const { body, headers } = await ask(`${base}/sessions`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ purpose: name }),
  });
  const { sessionPtr, frontendRequest, expiresAt } = body as Omit<Session, "deadline"> & { expiresAt: number };
  // The citizen's clock may be wrong; the server's says how long there is.
  const served = Date.parse(headers.get("date") ?? "");
  const now = Number.isNaN(served) ? Date.now() : served;
  return { sessionPtr, frontendRequest, deadline: Date.now() + expiresAt * 1000 - now - REFUSED_BEFORE_MS };
}
