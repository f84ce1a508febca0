/** What every way to hear from telephony has in common. */

import type { Word } from "../portal.ts";

/** What an adapter says. The portal trusts it: an adapter heeds none but whom the settings name. */
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

/** Passes on what has the form that the API takes: a secret or id of another form is none. */
export function checked(telephone: Telephone): Telephone {
  const id = (id?: string) => (id !== undefined && /^[!-~]{1,128}$/.test(id) ? id : undefined);
  const other = (initial: string | undefined, contactId?: string) => (initial === contactId ? undefined : id(initial));
  return {
    onContact: (secret, contactId, initial) =>
      telephone.onContact(secret !== null && /^[A-Za-z0-9_-]{43}$/.test(secret) ? secret : null, id(contactId), other(initial, contactId)),
    onCleared: (contactId) => telephone.onCleared(id(contactId)),
  };
}
