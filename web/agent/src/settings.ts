/** What differs from one installation to another: `config.json`, beside the page. */

export interface Settings {
  /** Where the API is, on this origin. */
  readonly api: string;
  readonly oidc: { readonly authority: string; readonly clientId: string; readonly scope: string };
  /** After so many minutes without a key or a click, nothing of the caller is shown until the agent asks for it. */
  readonly idleMinutes: number;
  /** Whose pages may say by `postMessage` who is on the line. */
  readonly softphoneOrigins: readonly string[];
  /** Whether an address that is opened may say who is on the line. Any page can open one. */
  readonly screenPop: boolean;
  readonly language: "nl" | "en";
  readonly connect: {
    /** The address of the Contact Control Panel, if the portal is to show it. */
    readonly ccpUrl?: string;
    /** The origin of the agent workspace, if the portal is an app in it. */
    readonly workspaceOrigin?: string;
  };
}

/** `config.json` can't be used; the message names the setting, for who installs the portal. */
export class SettingsError extends Error {}

export async function fetchSettings(): Promise<Settings> {
  let read: unknown;
  try {
    const answer = await fetch("config.json", { cache: "no-cache" });
    if (!answer.ok) throw new SettingsError(`config.json: status ${answer.status}`);
    read = await answer.json();
  } catch (error) {
    throw error instanceof SettingsError ? error : new SettingsError("config.json can't be read, or is not JSON");
  }
  return parseSettings(read);
}

/** Checks what `config.json` holds. */
export function parseSettings(read: unknown): Settings {
  const all = object(read, "config.json", ["api", "oidc", "idleMinutes", "softphoneOrigins", "screenPop", "language", "connect"]);
  const oidc = object(all.oidc, "oidc", ["authority", "clientId", "scope"]);
  const connect = object(all.connect ?? {}, "connect", ["ccpUrl", "workspaceOrigin"]);
  const api = text(all.api, "api");
  if (!/^\/[\w/-]*$/.test(api) || api.startsWith("//")) wrong("api", "must be a path on this origin, such as /api");
  const idleMinutes = all.idleMinutes;
  if (typeof idleMinutes !== "number" || !(idleMinutes > 0 && idleMinutes <= 480)) {
    return wrong("idleMinutes", "must be a number above 0 and at most 480");
  }
  const language = all.language;
  if (language !== "nl" && language !== "en") return wrong("language", "must be nl or en");
  const origins = all.softphoneOrigins;
  if (!Array.isArray(origins)) return wrong("softphoneOrigins", "must be a list");
  const screenPop = all.screenPop ?? false;
  if (typeof screenPop !== "boolean") return wrong("screenPop", "must be true or false");
  return {
    api: api.replace(/\/$/, ""),
    oidc: {
      authority: address(oidc.authority, "oidc.authority").replace(/\/$/, ""),
      clientId: text(oidc.clientId, "oidc.clientId"),
      scope: scope(oidc.scope),
    },
    idleMinutes,
    softphoneOrigins: origins.map((each, at) => origin(each, `softphoneOrigins[${at}]`)),
    screenPop,
    language,
    connect: {
      ...(connect.ccpUrl === undefined ? {} : { ccpUrl: address(connect.ccpUrl, "connect.ccpUrl") }),
      ...(connect.workspaceOrigin === undefined
        ? {}
        : { workspaceOrigin: origin(connect.workspaceOrigin, "connect.workspaceOrigin") }),
    },
  };
}

function wrong(name: string, why: string): never {
  throw new SettingsError(name === "config.json" ? `config.json ${why}` : `config.json: "${name}" ${why}`);
}

function object(value: unknown, name: string, members: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return wrong(name, "must be an object");
  const surplus = Object.keys(value).find((key) => !members.includes(key));
  if (surplus !== undefined) wrong(name, `has a member that is not known: ${surplus}`);
  return value as Record<string, unknown>;
}

function text(value: unknown, name: string): string {
  return typeof value === "string" && value !== "" ? value : wrong(name, "must be text");
}

function scope(value: unknown): string {
  const scopes = text(value, "oidc.scope");
  return scopes.split(" ").includes("openid") ? scopes : wrong("oidc.scope", "must hold openid");
}

/** An https address; on this machine itself, http will do. */
function address(value: unknown, name: string): string {
  const url = URL.parse(text(value, name));
  const local = url?.hostname === "localhost" || url?.hostname === "127.0.0.1";
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && local)) return wrong(name, "must be an https address");
  return text(value, name);
}

function origin(value: unknown, name: string): string {
  const text = address(value, name);
  return new URL(text).origin === text ? text : wrong(name, "must be an origin, such as https://softphone.example.nl");
}
