/** How the pages ask the API, and read what it answers. */

import type { Language } from "./i18n.ts";

/** Asks the API: no cache, no cookie, no referrer. Rejects where it is out of reach, or takes more than `patience` milliseconds. */
export const ask = (url: string, request: RequestInit, patience: number): Promise<Response> =>
  fetch(url, {
    ...request,
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.timeout(patience),
  });

/**
 * A moment in Unix seconds, in milliseconds by the clock of this machine. That may be wrong: by how much, the response's date
 * tells.
 */
export function byThisClock(seconds: number, { headers }: Response): number {
  const [now, date] = [Date.now(), Date.parse(headers.get("date") ?? "")];
  return now + seconds * 1_000 - (Number.isNaN(date) ? now : date);
}

// Each of these gives a value as what it must be, and throws a TypeError that does not repeat it if it is something else.

const wrong = (what: string): never => {
  throw new TypeError(`not ${what}`);
};

export const text = (value: unknown): string => (typeof value === "string" ? value : wrong("a string"));

export const number = (value: unknown): number => (typeof value === "number" ? value : wrong("a number"));

export const flag = (value: unknown): boolean => (typeof value === "boolean" ? value : wrong("true or false"));

export const list = <T>(value: unknown, each: (item: unknown) => T): T[] =>
  Array.isArray(value) ? value.map((item) => each(item)) : wrong("a list");

export const object = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : wrong("an object");

/** An object of any names, whose values are alike. */
export const named = <T>(value: unknown, each: (member: unknown) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(object(value)).map(([name, member]) => [name, each(member)]));

/** A text in each language. */
export const bilingual = (value: unknown): Record<Language, string> => {
  const { nl, en } = object(value);
  return { nl: text(nl), en: text(en) };
};
