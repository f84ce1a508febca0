/**
 * Logging in at the agents' issuer (OpenID Connect, authorization code with PKCE). The portal's own window never goes
 * there: who is logged in at the issuer is let in by a hidden frame, others by a window of its own. So a caller who waits,
 * or is on the screen, stays in memory; and nothing has to be kept in the browser's storage meanwhile, not even OIDC state.
 */

import { InMemoryWebStorage, type User, UserManager, WebStorageStateStore } from "oidc-client-ts";

import type { Tokens } from "./contacts.ts";
import type { Settings } from "./settings.ts";

/** The window in which the issuer logs an agent out. */
const LOGOUT_WINDOW = "idbellen-logout";

/** The portal's client at this issuer. */
export function clientOf(settings: Settings["oidc"]): UserManager {
  const back = new URL("login.html", document.baseURI).href;
  return new UserManager({
    authority: settings.authority,
    client_id: settings.clientId,
    scope: settings.scope,
    redirect_uri: back,
    post_logout_redirect_uri: back,
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    loadUserInfo: false,
    // Below, one at a time.
    automaticSilentRenew: false,
  });
}

export class Login implements Tokens {
  readonly #manager: UserManager;
  #renewing: Promise<User | null> | undefined;
  /** Whether a login is wanted: not after the agent logged out. */
  #wanted = false;
  #logoutWindow: Window | null = null;

  /** `onIn` is called with the subject at each login and renewal; `onEnded` when a token has expired and can't be renewed. */
  constructor(client: UserManager, onIn: (agent: string) => void, onEnded: () => void) {
    this.#manager = client;
    // What was under way when the agent logged out logs nobody in again.
    this.#manager.events.addUserLoaded((user) => (this.#wanted ? onIn(user.profile.sub) : this.#manager.removeUser()));
    this.#manager.events.addAccessTokenExpiring(() => void this.#renew());
    this.#manager.events.addAccessTokenExpired(() => void this.#renew().then((user) => user ?? onEnded()));
  }

  /** Logs in without asking anyone; whether that went. */
  async quietly(): Promise<boolean> {
    this.#wanted = true;
    return (await this.#renew()) !== null;
  }

  /** Logs in by a window of the issuer, which a browser opens in a click only. Nothing happens if the agent closes it. */
  async byWindow(): Promise<void> {
    this.#wanted = true;
    await this.#manager.signinPopup({ popupAbortOnClose: true }).catch(() => undefined);
  }

  async token(agent: string | null, renew: boolean): Promise<string | null> {
    const known = await this.#manager.getUser();
    const user = known && (renew || known.expired) ? await this.#renew() : known;
    return user?.profile.sub === agent ? user.access_token : null;
  }

  /**
   * Opens the window in which the issuer logs out, where the portal is a part of another page. A browser opens it in the click
   * itself only, and not when the last clear is done.
   */
  openLogoutWindow(): void {
    if (window.top !== window) this.#logoutWindow = window.open("about:blank", LOGOUT_WINDOW, "popup,width=480,height=640");
  }

  /** Logs out here and at the issuer; whether it went to the issuer, which may know no such thing as logging out. */
  async logOut(): Promise<boolean> {
    this.#wanted = false;
    try {
      if (window.top === window) await this.#manager.signoutRedirect();
      else if (this.#logoutWindow === null || this.#logoutWindow.closed) throw new Error("no window");
      else await this.#manager.signoutPopup({ popupWindowTarget: LOGOUT_WINDOW });
      return true;
    } catch {
      this.#logoutWindow?.close();
      await this.#manager.removeUser();
      return false;
    }
  }

  /** Forgets the tokens. */
  async forget(): Promise<void> {
    await this.#manager.removeUser();
  }

  /** One renewal at a time: a refresh token may work once only. If it does not work any more, the issuer is asked itself. */
  #renew(): Promise<User | null> {
    this.#renewing ??= this.#manager
      .signinSilent()
      .catch(() => this.#manager.signinSilent({ forceIframeAuth: true }))
      .catch(() => null)
      .finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }
}
