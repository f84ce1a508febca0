/** The portal as an app in the agent workspace of Amazon Connect. */

import { AmazonConnectApp } from "@amazon-connect/app";
import { ContactClient } from "@amazon-connect/contact";

import { SECRET_ATTRIBUTE, type Adapter, type Telephone } from "./adapter.ts";

/** Above the highest level of the package: what it logs may hold an answer, and goes to the workspace only. */
const NO_CONSOLE: number = 6;

export function connectWorkspace(telephone: Telephone): Adapter {
  AmazonConnectApp.init({
    logging: { minLogToConsoleLevel: NO_CONSOLE },
    onCreate: async () => {
      const contacts = new ContactClient();
      const connected = async (contactId: string) => {
        const secret = await contacts.getAttribute(contactId, SECRET_ATTRIBUTE).catch(() => undefined);
        telephone.onContact(secret === undefined || secret === "" ? null : secret, contactId);
      };
      // An offer that is missed is never connected; one that was never connected is none of ours when it is cleared.
      contacts.onConnected(async ({ contactId, type }) => (type === "voice" ? connected(contactId) : undefined));
      contacts.onCleared(async ({ contactId }) => telephone.onCleared(contactId));
    },
  });
  return {};
}
