/** The two calls to the API about a contact. */

import { ask, byThisClock, list, number, object, text } from "../../common/src/api.ts";
import type { Answer, Attribute, Cleared, Contact } from "./portal.ts";

/** Who is logged in, for the API. */
export interface Tokens {
  /** A token of this agent that is good now, renewed if it was not or if `renew`; none if they are not logged in any more. */
  token(agent: string | null, renew: boolean): Promise<string | null>;
}

/** How long the API may take; its functions have 10 seconds. */
const TIMEOUT = 15_000;

export class Contacts {
  readonly #api: string;
  readonly #tokens: Tokens;
  /** Look-ups that are under way. */
  readonly #asking = new Map<Contact, Promise<unknown>>();

  constructor(api: string, tokens: Tokens) {
    this.#api = api;
    this.#tokens = tokens;
  }

  /** What the caller of this contact disclosed. */
  async lookUp(contact: Contact, agent: string | null): Promise<Answer> {
    const asked = this.#post("lookup", contact, agent);
    this.#asking.set(contact, asked);
    const answer = await asked;
    if (this.#asking.get(contact) === asked) this.#asking.delete(contact);
    if (typeof answer === "string") return { is: answer };
    if (answer.status === 403) return { is: "forbidden" };
    // A secret that the API does not take (400) is as good as one that it does not know.
    if (answer.status === 404 || answer.status === 400) return { is: "unknown" };
    if (answer.status !== 200 && answer.status !== 202) return { is: "unreachable" };
    return readAnswer(answer);
  }

  /**
   * Deletes what the caller of this contact disclosed, if this contact looked them up last. It never looks up for that: after a
   * transfer that would take the caller over from the next agent, and delete what they need. A look-up that is under way is
   * waited for: this contact may hold the caller by it.
   */
  async clear(contact: Contact, agent: string | null): Promise<Cleared> {
    await this.#asking.get(contact);
    const answer = await this.#post("clear", contact, agent);
    if (typeof answer === "string") return answer;
    if (answer.status === 204) return "done";
    return failed(answer);
  }

  /** A last try while the page goes: nobody hears what comes of it. */
  clearAtLast(contact: Contact, agent: string | null): void {
    void this.#post("clear", contact, agent);
  }

  async #post(
    what: "lookup" | "clear",
    contact: Contact,
    agent: string | null,
  ): Promise<Response | "unauthorized" | "unreachable"> {
    try {
      for (const renew of [false, true]) {
        const token = await this.#tokens.token(agent, renew);
        if (token === null) return "unauthorized";
        const request: RequestInit = {
          method: "POST",
          headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
          body: JSON.stringify(what === "clear" ? contact : { ...contact, initialContactId: undefined }),
          // A clear goes on when the page is left.
          keepalive: what === "clear",
        };
        const answer = await ask(`${this.#api}/contacts/${what}`, request, TIMEOUT);
        if (answer.status !== 401) return answer;
      }
      return "unauthorized";
    } catch {
      return "unreachable";
    }
  }
}

const failed = ({ status }: Response): Cleared => (status >= 500 || status === 429 ? "unreachable" : "refused");

/** Reads an answer with status 200 or 202; one that is not as docs/openapi.yaml says is none. */
async function readAnswer(answer: Response): Promise<Answer> {
  try {
    const { status, ...read } = object(await answer.json());
    switch (status) {
      case "pending":
      case "declined":
      case "lost":
        return { is: status };
      case "disclosed": {
        const attributes = list(read.attributes, readAttribute).flat();
        const until = byThisClock(number(read.expiresAt), answer);
        // Someone of whom the app gave nothing is not identified by it.
        if (attributes.length === 0) return { is: "declined" };
        return { is: "disclosed", reference: text(read.reference), purpose: text(read.purpose), attributes, until };
      }
    }
  } catch {
    // Not JSON, broken off, or not as it must be.
  }
  return { is: "unreachable" };
}

/**
 * Reads a row. One without a label is not shown: nobody asked for it, whatever it says. (A label that is the attribute's id is
 * none: the release before this one wrote it so.)
 */
function readAttribute(read: unknown): Attribute[] {
  const { id, value, label, issuedAt, format } = object(read);
  const row = { id: text(id), value: text(value), issuedAt: number(issuedAt) };
  const { nl, en } = (label ?? {}) as Record<string, unknown>;
  if (typeof nl !== "string" || typeof en !== "string" || [nl, en].some((text) => text.trim() === "" || text === id)) return [];
  return [{ ...row, label: { nl, en }, ...(format === "bsn" && { format }) }];
}
