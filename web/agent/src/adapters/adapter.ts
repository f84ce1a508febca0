/** What every way to hear from telephony has in common. */

import type { Word } from "../portal.ts";

/** What the portal is told. It trusts it: an adapter heeds none but whom the settings name. */
export interface Telephone {
  /**
   * A call is connected to this agent; `secret` is null if the caller came without ID-bellen. `contactId` is this agent's leg
   * of the call, `initialContactId` the first contact of the call, where that is another (Amazon Connect).
   */
  onContact(secret: string | null, contactId?: string, initialContactId?: string): void;
  /** This agent's leg of the call is over; without an id, that of the call on the screen. */
  onCleared(contactId?: string): void;
}

/** What an adapter is told in return, if it cares. Never anything of the caller. */
export interface Adapter {
  tell?(word: Word, contactId?: string): void;
}

/** The contact attributes in Amazon Connect, as `infra/contact-flow.json` sets them. */
export const SECRET_ATTRIBUTE = "idbellen_secret";

/** What an adapter heard, of whatever form. */
export interface Unchecked {
  onContact(secret: unknown, contactId?: unknown, initialContactId?: unknown): void;
  onCleared(contactId?: unknown): void;
}

/** An id as the API takes it. A number is the same id as its digits; anything else has not the form of one. */
export function contactIdOf(said: unknown): string | undefined {
  const id = Number.isSafeInteger(said) ? String(said) : said;
  return typeof id === "string" && /^[!-~]{1,128}$/.test(id) ? id : undefined;
}

/**
 * Passes on what has the form that the API takes. A contact's secret or id of another form is none; what is over under an
 * id of another form is no contact of ours: only an id that is left out means the call on the screen.
 */
export function checked(telephone: Telephone): Unchecked {
  return {
    onContact(secret, contactId, initialContactId) {
      const [id, initial] = [contactIdOf(contactId), contactIdOf(initialContactId)];
      const good = typeof secret === "string" && /^[A-Za-z0-9_-]{43}$/.test(secret);
      telephone.onContact(good ? secret : null, id, initial === id ? undefined : initial);
    },
    onCleared(contactId) {
      const id = contactIdOf(contactId);
      if (contactId === undefined || id !== undefined) telephone.onCleared(id);
    },
  };
}
