import { html, LitElement } from "lit";

import { type Language, text } from "./texts.ts";

/** Copies `value` as it is, and says for a moment whether that went. */
export class CopyButton extends LitElement {
  static override properties = {
    value: { attribute: false },
    label: { attribute: false },
    language: { attribute: false },
    _said: { state: true },
  };
  declare value: string;
  /** What is copied, for who can't see where the button stands. */
  declare label: string;
  declare language: Language;
  declare _said: "copied" | "copyFailed" | "";

  constructor() {
    super();
    this._said = "";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    const name = text(this.language, "copyOf", { label: this.label });
    return html`
      <button type="button" class="button secondary small" aria-label=${name} @click=${this.#copy}>${text(this.language, "copy")}</button>
      <span role="status" class="said">${this._said === "" ? "" : text(this.language, this._said)}</span>
    `;
  }

  async #copy(): Promise<void> {
    this._said = await navigator.clipboard.writeText(this.value).then(
      () => "copied" as const,
      () => "copyFailed" as const,
    );
    setTimeout(() => (this._said = ""), 3_000);
  }
}

customElements.define("copy-button", CopyButton);
