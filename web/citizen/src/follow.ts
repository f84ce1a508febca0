/**
 * Follows a session at the IRMA server, with the IRMA project's own front-end: its state machine (yivi-core) and its client
 * of the server (yivi-client). Loaded when the citizen starts. Its view (yivi-web) is not used: that has no labels, no
 * links for the keyboard, and cannot be in a shadow root; the QR code is drawn by the package that it uses.
 */

import { YiviClient } from "@privacybydesign/yivi-client";
import { type IStateMachine, type StateChangeEvent, YiviCore, type YiviPluginArgs } from "@privacybydesign/yivi-core";
import { create } from "qrcode";

import type { Session } from "./api.ts";

/** What there is to show. */
export type Step =
  | { name: "qr"; path: string; size: number; hasButton: boolean }
  | { name: "button"; href: string }
  | { name: "pairing"; phase: "asked" | "checking" | "rejected" }
  | { name: "app" }
  | { name: "done" }
  | { name: "declined" }
  | { name: "timeout" }
  | { name: "lost" };

/** What the citizen can do on the page meanwhile. */
export interface Following {
  enter(pairingCode: string): void;
  showQr(): void;
  showButton(): void;
  /** Stops following; the session goes on. */
  leave(): void;
  /** Stops following, and ends the session if the server can be reached. */
  cancel(): void;
}

/** Follows `session` until it ends, and shows each step. One that was under way may still come after `leave` or `cancel`. */
export function follow({ sessionPtr, frontendRequest }: Session, show: (step: Step) => void): Following {
  let machine: IStateMachine | undefined;
  const transition = (name: string, payload?: unknown): void => {
    void machine?.selectTransition(({ validTransitions }) => validTransitions.includes(name) && { transition: name, payload });
  };
  const core = new YiviCore({
    session: {
      start: false,
      mapping: { sessionPtr: () => sessionPtr, frontendRequest: () => frontendRequest, sessionToken: () => undefined },
      // The page has no business with the result.
      result: false,
    },
    state: {
      // The server takes an authorization header, which an EventSource cannot send.
      serverSentEvents: false,
      // Only the citizen ends a session; a network that fails for a second does not.
      cancel: false as never,
      // Always: whoever scans the code first would be given the number and code to dial.
      pairing: { onlyEnableIf: () => true },
    },
  });
  core.use(YiviClient);
  core.use(
    class {
      constructor({ stateMachine }: YiviPluginArgs) {
        machine = stateMachine;
      }

      stateChange(event: StateChangeEvent): void {
        const step = stepOf(event);
        if (step) show(step);
      }
    },
  );
  // Rejects with the name of the state that it ended in, which was shown already.
  core.start().catch(() => undefined);

  const leave = (): void => void core.abort();
  return {
    enter: (enteredPairingCode) => transition("codeEntered", { enteredPairingCode }),
    showQr: () => transition("chooseQR"),
    showButton: () => transition("checkUserAgent"),
    leave,
    cancel: () => {
      leave();
      fetch(sessionPtr.u, { method: "DELETE" }).catch(() => undefined);
    },
  };
}

function stepOf({ newState, transition, payload }: StateChangeEvent): Step | undefined {
  switch (newState) {
    case "ShowingQRCode": {
      const { qr, showBackButton } = payload as { qr: string; showBackButton: boolean };
      return { name: "qr", ...draw(qr), hasButton: showBackButton };
    }
    case "ShowingYiviButton":
      return { name: "button", href: (payload as { mobile: string }).mobile };
    case "EnterPairingCode":
      return { name: "pairing", phase: transition === "pairingRejected" ? "rejected" : "asked" };
    case "Pairing":
      return { name: "pairing", phase: "checking" };
    case "ContinueOn2ndDevice":
    case "ContinueInYiviApp":
      return { name: "app" };
    case "Success":
      return { name: "done" };
    case "Cancelled":
      return { name: "declined" };
    case "TimedOut":
      return { name: "timeout" };
    case "Error":
      return { name: "lost" };
    default:
      return undefined;
  }
}

/** White around a QR code, in modules (ISO/IEC 18004 asks for four). */
const QUIET = 4;

/** A QR code as the path of an SVG of `size` by `size`. */
function draw(text: string): { path: string; size: number } {
  const { data, size } = create(text, { errorCorrectionLevel: "M" }).modules;
  let path = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (data[y * size + x]) path += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
    }
  }
  return { path, size: size + 2 * QUIET };
}
