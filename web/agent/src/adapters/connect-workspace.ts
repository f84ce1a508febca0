/** The portal as an app in the agent workspace of Amazon Connect. */

import { AmazonConnectApp } from "@amazon-connect/app";
import { ContactClient } from "@amazon-connect/contact";

import { SECRET_ATTRIBUTE, type Adapter, type Telephone } from "./adapter.ts";

/** Above the highest level of the package: what it logs may hold an answer, and goes to the workspace only. */
const NO_CONSOLE: number = 6;

const VOICE = "voice";

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
      contacts.onConnected(async ({ contactId, type }) => (type === VOICE ? connected(contactId) : undefined));
      contacts.onCleared(async ({ contactId }) => telephone.onCleared(contactId));
      for (const contactId of await connectedNow(contacts).catch(() => [])) await connected(contactId);
    },
  });
  return {};
}

/** The calls in which this agent is, if the app was opened in the middle of one. */
async function connectedNow(contacts: ContactClient): Promise<string[]> {
  const connected = [];
  for (const { contactId, type } of await contacts.listContacts()) {
    if (type !== VOICE) continue;
    const agent = (await contacts.listParticipants(contactId)).find(({ isSelf }) => isSelf);
    const state = agent && (await contacts.getParticipantState(agent.participantId));
    if (state?.value === "connected") connected.push(contactId);
  }
  return connected;
}
