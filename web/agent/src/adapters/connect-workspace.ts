/** The portal as an app in the agent workspace of Amazon Connect. */

import { AmazonConnectApp } from "@amazon-connect/app";
import { ContactClient } from "@amazon-connect/contact";

import type { Adapter, Unchecked } from "./adapter.ts";
import { type Call, ConnectedCalls } from "./connected-calls.ts";

/** Above the highest level of the package: what it logs may hold an answer, and goes to the workspace only. */
const NO_CONSOLE: number = 6;

const VOICE = "voice";

export function connectWorkspace(telephone: Unchecked): Adapter {
  AmazonConnectApp.init({
    logging: { minLogToConsoleLevel: NO_CONSOLE },
    onCreate: async () => {
      const contacts = new ContactClient();
      const calls = new ConnectedCalls(telephone, (contactId, name) => contacts.getAttribute(contactId, name));
      // An offer that is missed is never connected; one that was never connected is none of ours when it is cleared.
      contacts.onConnected(async (call) => (call.type === VOICE ? calls.connected(call) : undefined));
      contacts.onCleared(async ({ contactId }) => calls.cleared(contactId));
      const found = await connectedNow(contacts).catch(() => []);
      // What was connected since is newer than what was found.
      if (!calls.any) await Promise.all(found.map((call) => calls.connected(call)));
    },
  });
  return {};
}

/** The calls in which this agent is, if the app was opened in the middle of one. */
async function connectedNow(contacts: ContactClient): Promise<Call[]> {
  const connected: Call[] = [];
  for (const call of await contacts.listContacts()) {
    if (call.type !== VOICE) continue;
    const agent = (await contacts.listParticipants(call.contactId)).find(({ isSelf }) => isSelf);
    const state = agent && (await contacts.getParticipantState(agent.participantId));
    if (state?.value === "connected") connected.push(call);
  }
  return connected;
}
