import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { checked, type Telephone } from "./adapters/adapter.ts";
import { ConnectedCalls, TRIES } from "./adapters/connected-calls.ts";
import { screenPop } from "./adapters/screen-pop.ts";

const A = "A".repeat(43);
const B = "B".repeat(43);

/** Writes down what the portal hears. */
class Heard implements Telephone {
  readonly heard: unknown[][] = [];
  onContact(...said: [string | null, string?, string?]): void {
    this.heard.push(["contact", ...said.filter((each) => each !== undefined)]);
  }
  onCleared(...said: [string?]): void {
    this.heard.push(["cleared", ...said]);
  }
}

describe("what telephony says", () => {
  const said = (say: (to: ReturnType<typeof checked>) => void) => {
    const heard = new Heard();
    say(checked(heard));
    return heard.heard;
  };

  test("is passed on as it is where it has the form", () => {
    assert.deepEqual(
      said((to) => to.onContact(A, "leg-2", "leg-1")),
      [["contact", A, "leg-2", "leg-1"]],
    );
    assert.deepEqual(
      said((to) => to.onContact(A, "leg-1", "leg-1")),
      [["contact", A, "leg-1"]],
    );
    assert.deepEqual(
      said((to) => to.onCleared("leg-1")),
      [["cleared", "leg-1"]],
    );
  });

  test("is a contact without the secret or id that has not the form of one", () => {
    assert.deepEqual(
      said((to) => to.onContact("<script>", "leg 1", {})),
      [["contact", null]],
    );
    assert.deepEqual(
      said((to) => to.onContact(undefined, "x".repeat(129))),
      [["contact", null]],
    );
  });

  test("never clears the call on the screen by an id that has not the form of one", () => {
    for (const id of ["", "leg 1", "leg-1\n", "x".repeat(129), null, 1.5, NaN, {}, ["leg-1"]]) {
      assert.deepEqual(
        said((to) => to.onCleared(id)),
        [],
        JSON.stringify(id),
      );
    }
    assert.deepEqual(
      said((to) => to.onCleared()),
      [["cleared", undefined]],
    );
  });

  test("names the same call by a number and by its digits", () => {
    assert.deepEqual(
      said((to) => to.onContact(A, 4711)),
      [["contact", A, "4711"]],
    );
    assert.deepEqual(
      said((to) => to.onCleared(4711)),
      [["cleared", "4711"]],
    );
  });
});

describe("an address", () => {
  /** A window that was opened at this address. */
  function opened(hash: string) {
    const heard = new Heard();
    const location = { hash, pathname: "/" };
    let changed = () => {};
    Object.assign(globalThis, {
      location,
      history: { replaceState: () => (location.hash = "") },
      window: { addEventListener: (_: string, take: () => void) => (changed = take) },
    });
    const heed = screenPop(checked(heard));
    const open = (hash: string) => {
      location.hash = hash;
      changed();
    };
    return { heard: heard.heard, location, heed, open };
  }
  const [first, second] = [`#secret=${A}&contact=leg-1`, `#secret=${B}&contact=leg-2`];

  test("says who is on the line where the settings let it, as soon as they are read", () => {
    const { heard, location, heed, open } = opened(first);
    assert.equal(location.hash, "");
    assert.deepEqual(heard, []);
    heed(true);
    open(second);
    open("#other");
    assert.deepEqual(heard, [
      ["contact", A, "leg-1"],
      ["contact", B, "leg-2"],
    ]);
  });

  test("says nothing where they do not, and is emptied all the same", () => {
    const { heard, location, heed, open } = opened(first);
    heed(false);
    open(second);
    assert.equal(location.hash, "");
    assert.deepEqual(heard, []);
  });
});

describe("the agent workspace of Amazon Connect", () => {
  /** A workspace that answers when the test says so; waiting takes no time, and nothing is late. */
  function workspace(late = false) {
    const heard = new Heard();
    const asked: { contactId: string; resolve: (value?: string) => void; reject: (error: Error) => void }[] = [];
    const wait = (milliseconds: number) =>
      milliseconds >= 5_000 && !late ? new Promise<undefined>(() => {}) : Promise.resolve(undefined);
    const ask = (contactId: string) =>
      new Promise<string | undefined>((resolve, reject) => asked.push({ contactId, resolve, reject }));
    return { calls: new ConnectedCalls(heard, ask, wait), heard: heard.heard, asked };
  }
  /** Lets what was answered sink in. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test("that answers late does not put an older call over a newer one", async () => {
    const { calls, heard, asked } = workspace();
    const [first, second] = [calls.connected({ contactId: "leg-1" }), calls.connected({ contactId: "leg-2" })];
    asked[1]!.resolve(B);
    await second;
    asked[0]!.resolve(A);
    await first;
    assert.deepEqual(heard, [["contact", B, "leg-2"]]);
  });

  test("that answers for a call that is over already brings it not back", async () => {
    const { calls, heard, asked } = workspace();
    const connected = calls.connected({ contactId: "leg-1" });
    calls.cleared("leg-1");
    asked[0]!.resolve(A);
    await connected;
    assert.deepEqual(heard, [["cleared", "leg-1"]]);
  });

  test("that fails is asked again before the caller counts as one without ID-bellen", async () => {
    const { calls, heard, asked } = workspace();
    const connected = calls.connected({ contactId: "leg-2", initialContactId: "leg-1" });
    asked[0]!.reject(new Error());
    await settle();
    asked[1]!.resolve(A);
    await connected;
    assert.deepEqual(heard, [["contact", A, "leg-2", "leg-1"]]);
  });

  test("that keeps failing, or says nothing in time, leaves the caller unidentified", async () => {
    for (const late of [false, true]) {
      const { calls, heard, asked } = workspace(late);
      const connected = calls.connected({ contactId: "leg-1" });
      for (let tries = 0; tries < TRIES; tries += 1) {
        if (!late) asked[tries]!.reject(new Error());
        await settle();
      }
      await connected;
      assert.equal(asked.length, TRIES);
      assert.deepEqual(heard, [["contact", null, "leg-1"]]);
    }
  });

  test("is not asked again for a call that is over", async () => {
    const { calls, heard, asked } = workspace();
    const connected = calls.connected({ contactId: "leg-1" });
    calls.cleared("leg-1");
    asked[0]!.reject(new Error());
    await connected;
    assert.equal(asked.length, 1);
    assert.deepEqual(heard, [["cleared", "leg-1"]]);
  });
});
