/**
 * A softphone's page that shows the portal in a frame, or that opened it in a window.
 *
 * It posts `{type: "idbellen:contact", secret?, contactId?, initialContactId?}` when a call is connected, without `secret` for
 * a caller without ID-bellen; and `{type: "idbellen:cleared", contactId?}` when the contact is over. The portal posts
 * `{type: "idbellen:state", state, contactId?}` to the page that said so, and to nobody else: first `ready`, then what
 * happens to the contact.
 */

import type { Word } from "../portal.ts";
import { type Adapter, contactIdOf, type Unchecked } from "./adapter.ts";

type Said = { type?: unknown; secret?: unknown; contactId?: unknown; initialContactId?: unknown } | null;

export function postMessage(telephone: Unchecked, origins: readonly string[]): Adapter {
  /** Who said that a contact came. */
  const pages = new Map<string | undefined, { window: Window; origin: string }>();

  window.addEventListener("message", (event: MessageEvent<Said>) => {
    if (!origins.includes(event.origin) || typeof event.data !== "object" || event.data === null) return;
    const { type, secret, contactId, initialContactId } = event.data;
    if (type === "idbellen:contact") {
      pages.set(contactIdOf(contactId), { window: event.source as Window, origin: event.origin });
      telephone.onContact(secret, contactId, initialContactId);
    } else if (type === "idbellen:cleared") {
      telephone.onCleared(contactId);
    }
  });

  // The browser delivers to a window that has this origin, and to no other.
  for (const page of new Set([window.parent, window.opener as Window | null])) {
    if (page === null || page === window) continue;
    for (const origin of origins) page.postMessage({ type: "idbellen:state", state: "ready" }, origin);
  }

  return {
    tell(word: Word, contactId?: string) {
      const page = pages.get(contactId);
      page?.window.postMessage(
        { type: "idbellen:state", state: word, ...(contactId === undefined ? {} : { contactId }) },
        page.origin,
      );
      if (word === "cleared" || word === "transferred") pages.delete(contactId);
    },
  };
}
