/** Starts the adapters that need settings; the packages of Amazon Connect are loaded where they are used. */

import type { Word } from "../portal.ts";
import type { Settings } from "../settings.ts";
import type { Adapter, Unchecked } from "./adapter.ts";
import { postMessage } from "./post-message.ts";

/** `panel` is where the Contact Control Panel goes. */
export function startAdapters(settings: Settings, telephone: Unchecked, panel: HTMLElement): Required<Adapter> {
  const adapters = [postMessage(telephone, settings.softphoneOrigins)];
  const later = (adapter: Promise<Adapter>) => void adapter.then((started) => adapters.push(started));
  const { ccpUrl, workspaceOrigin } = settings.connect;
  if (ccpUrl !== undefined) {
    later(import("./connect-streams.ts").then(({ connectStreams }) => connectStreams(telephone, ccpUrl, panel)));
  }
  if (workspaceOrigin !== undefined && framedBy(workspaceOrigin)) {
    later(import("./connect-workspace.ts").then(({ connectWorkspace }) => connectWorkspace(telephone)));
  }
  return {
    tell(word: Word, contactId?: string) {
      for (const adapter of adapters) adapter.tell?.(word, contactId);
    },
  };
}

/** Whether the page around this one is of that origin. Where a browser can't tell, the server's `frame-ancestors` must. */
function framedBy(origin: string): boolean {
  if (window.parent === window) return false;
  const ancestors: DOMStringList | undefined = location.ancestorOrigins;
  return ancestors === undefined || ancestors[0] === origin;
}
