/**
 * A softphone that opens an address for each call: `https://PORTAL/#secret=…&contact=…`, or `#contact=…` for a caller
 * without ID-bellen. What follows the `#` goes to no server. It is taken out of the address at once; the portal's window
 * goes nowhere to log in, so that the secret waits in memory.
 */

import type { Unchecked } from "./adapter.ts";

export function screenPop(telephone: Unchecked): void {
  const take = () => {
    const said = new URLSearchParams(location.hash.slice(1));
    const [secret, contact] = [said.get("secret"), said.get("contact")];
    if (secret === null && contact === null) return;
    history.replaceState(null, "", location.pathname);
    telephone.onContact(secret, contact ?? undefined);
  };
  window.addEventListener("hashchange", take);
  take();
}
