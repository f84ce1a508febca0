/** The Contact Control Panel of Amazon Connect, shown in the portal. */

import "amazon-connect-streams";

import { type Adapter, SECRET_ATTRIBUTE, type Unchecked } from "./adapter.ts";

export function connectStreams(telephone: Unchecked, ccpUrl: string, panel: HTMLElement): Adapter {
  connect.core.initCCP(panel, { ccpUrl, loginPopup: true, softphone: { allowFramedSoftphone: true } });
  connect.contact((contact) => {
    if (contact.getType() !== connect.ContactType.VOICE) return;
    const connected = () => {
      const secret = contact.getAttributes()[SECRET_ATTRIBUTE]?.value;
      const initialContactId = contact.getInitialContactId() || undefined;
      telephone.onContact(secret === undefined || secret === "" ? null : secret, contact.getContactId(), initialContactId);
    };
    if (contact.getStatus().type === connect.ContactStateType.CONNECTED) connected();
    contact.onConnected(connected);
    // Also of an offer that was missed; the portal knows no contact of that id then.
    contact.onDestroy(() => telephone.onCleared(contact.getContactId()));
  });
  return {};
}
