/** The calls that the agent workspace of Amazon Connect says are connected: which of them goes to the portal, and when. */

import { SECRET_ATTRIBUTE, type Unchecked } from "./adapter.ts";

export interface Call {
  contactId: string;
  /** The same where nobody transferred the call. */
  initialContactId?: string | undefined;
}

/** How often an attribute is asked for before its caller counts as one without ID-bellen. */
export const TRIES = 3;

/** How long the workspace may take each time, and how long until it is asked again, in milliseconds. */
const TIMEOUT = 5_000;
const BETWEEN = 500;

type Attribute = (contactId: string, name: string) => Promise<string | undefined>;

const pause = (milliseconds: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds, undefined));

/** The secret takes a question to get. Meanwhile the call may be over, or the next one connected: then its answer is dropped. */
export class ConnectedCalls {
  readonly #telephone: Unchecked;
  readonly #attribute: Attribute;
  readonly #wait: typeof pause;
  readonly #over = new Set<string>();
  #last = 0;

  constructor(telephone: Unchecked, attribute: Attribute, wait = pause) {
    this.#telephone = telephone;
    this.#attribute = attribute;
    this.#wait = wait;
  }

  /** Whether a call was connected yet. */
  get any(): boolean {
    return this.#last > 0;
  }

  async connected({ contactId, initialContactId }: Call): Promise<void> {
    const turn = ++this.#last;
    const dropped = () => turn !== this.#last || this.#over.has(contactId);
    let secret: string | undefined;
    for (let tries = 1; tries <= TRIES && !dropped(); tries += 1) {
      try {
        secret = await this.#inTime(this.#attribute(contactId, SECRET_ATTRIBUTE));
        break;
      } catch {
        if (tries < TRIES) await this.#wait(BETWEEN);
      }
    }
    if (!dropped()) this.#telephone.onContact(secret === undefined || secret === "" ? null : secret, contactId, initialContactId);
  }

  cleared(contactId: string): void {
    this.#over.add(contactId);
    this.#telephone.onCleared(contactId);
  }

  #inTime(answer: Promise<string | undefined>): Promise<string | undefined> {
    const late = this.#wait(TIMEOUT).then(() => Promise.reject(new Error("no answer in time")));
    return Promise.race([answer, late]);
  }
}
