/** What the component shows. None of these says who the citizen is. */
export type IdBellenState =
  | "loading"
  | "ready"
  | "closed"
  | "starting"
  | "qr"
  | "button"
  | "pairing"
  | "app"
  | "done"
  | "expired"
  | "declined"
  | "timeout"
  | "lost"
  | "busy"
  | "irmaDown"
  | "unavailable"
  | "offline"
  | "unknownPurpose";

/** `<id-bellen purpose="…">`: README.md tells how to use it. */
export declare class IdBellen extends HTMLElement {
  /** The purpose's name. Attribute `purpose`. */
  purpose: string;
  /** Where the API is; by default `/api` of the script's own origin. Attribute `src`. */
  src: string;
  /** `nl` or `en`; by default that of the page. Attribute `language`. */
  language: string;
  /** What it shows now. */
  readonly state: IdBellenState;
}

declare global {
  interface HTMLElementTagNameMap {
    "id-bellen": IdBellen;
  }
  interface HTMLElementEventMap {
    "idbellen-state": CustomEvent<{ state: IdBellenState }>;
  }
}
