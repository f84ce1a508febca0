/**
 * A softphone that opens an address for each call: `https://PORTAL/#secret=…&contact=…`, or `#contact=…` for a caller
 * without ID-bellen. What follows the `#` goes to no server. It is taken out of the address at once, also where the settings
 * let no address say who is on the line; the portal's window goes nowhere to log in, so that the secret waits in memory.
 */

import type { Unchecked } from "./adapter.ts";

/** Empties the address from now on. What it said is heeded, or forgotten, once the settings are read: call what this gives. */
export function screenPop(telephone: Unchecked): (heeded: boolean) => void {
  let heeded: boolean | undefined;
  let waiting: (() => void) | undefined;
  const take = () => {
    const said = new URLSearchParams(location.hash.slice(1));
    const [secret, contact] = [said.get("secret"), said.get("contact")];
    if (secret === null && contact === null) return;
    history.replaceState(null, "", location.pathname);
    const pass = () => telephone.onContact(secret, contact ?? undefined);
    if (heeded === undefined) waiting = pass;
    else if (heeded) pass();
  };
  window.addEventListener("hashchange", take);
  take();
  return (yes) => {
    heeded = yes;
    if (yes) waiting?.();
    waiting = undefined;
  };
}
