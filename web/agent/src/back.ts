/** Where the issuer sends a window or frame back to after it logged an agent in or out: it tells the portal, and is done. */

import { UserManager } from "oidc-client-ts";

// Only the address is passed on; the portal, which asked, checks it.
const manager = new UserManager({ authority: location.origin, client_id: "-", redirect_uri: location.href });
const asked = new URLSearchParams(location.search);

if (window.parent !== window) await manager.signinSilentCallback();
// The issuer may have cut the tie to the window that opened this one (Cross-Origin-Opener-Policy).
else if (window.opener !== null || asked.has("code") || asked.has("error")) await manager.signinPopupCallback();
// Logged out, in the portal's own window.
else location.replace("./");
