import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { Cause, Purpose, Session } from "./api.ts";
import type { Step } from "./follow.ts";
import { type Effect, type Event, initial, type State, step } from "./machine.ts";

const NOW = 1_795_046_400_000;
const MINUTE = 60_000;
const HOURS = { weekly: {}, closedOn: [] };
const LATER = { weekly: { monday: [{ from: "03:00", to: "03:01" }] }, closedOn: [] };
const LOAD: Event = { is: "load", anew: true };
/** As far as the machine looks at it. */
const purpose = (name: string, open = true): Purpose => ({
  ...({} as Purpose),
  title: { nl: name, en: name },
  open,
  openingHours: HOURS,
});
const session = (name = "first"): Session => ({
  sessionPtr: { u: `https://irma.example/${name}`, irmaqr: "disclosing" },
  frontendRequest: {},
  deadline: NOW + 17.5 * MINUTE,
});
const QR: Step = { name: "qr", path: "M0 0", size: 1, hasButton: false };

/** A component on which events follow each other, at a time that the test sets. */
class Played {
  state: State = initial;
  now = NOW;
  effects: Effect[] = [];

  constructor(...events: Event[]) {
    this.send(...events);
  }

  send(...events: Event[]): this {
    for (const event of events) {
      const stepped = step(this.state, event, this.now);
      this.state = stepped.state;
      this.effects = stepped.effects;
    }
    return this;
  }

  asked(title = "first", open = true): this {
    return this.send({ is: "purpose", turn: this.state.turn, purpose: purpose(title, open) });
  }

  started(name?: string): this {
    return this.send({ is: "started", turn: this.state.turn, session: session(name) });
  }

  refused(cause: Cause): this {
    return this.send({ is: "refused", turn: this.state.turn, cause });
  }

  shows(...steps: Step[]): this {
    return this.send(...steps.map((step): Event => ({ is: "step", turn: this.state.turn, step })));
  }

  after(milliseconds: number): this {
    this.now += milliseconds;
    return this;
  }

  get name(): string {
    return this.state.view.name;
  }

  get done(): string[] {
    return this.effects.map((effect) => effect.do);
  }
}

const ready = () => new Played(LOAD).asked();
const starting = () => ready().send({ is: "begin" });
const scanning = () => starting().started().shows(QR);
const dialling = () => scanning().shows({ name: "done" });
const lost = () => scanning().shows({ name: "lost" });

describe("what is asked of the citizen", () => {
  test("is asked for at once, and shown when the answer comes", () => {
    const played = new Played(LOAD);
    assert.deepEqual(played.effects, [{ do: "leave" }, { do: "ask", turn: 1 }]);
    assert.equal(played.name, "loading");
    played.asked();
    assert.equal(played.name, "ready");
    assert.deepEqual(played.state.asked, purpose("first"));
    assert.deepEqual(played.effects, []);
  });

  test("is shown with the hours where the number is not answered now", () => {
    const played = new Played(LOAD).asked("first", false);
    assert.equal(played.name, "closed");
    assert.ok(played.state.asked);
  });

  test("is that of the last purpose, whatever answers last", () => {
    const played = new Played(LOAD, LOAD).asked("second");
    played.send({ is: "purpose", turn: 1, purpose: purpose("first") });
    assert.deepEqual(played.state.asked, purpose("second"));
    played.send({ is: "refused", turn: 1, cause: "offline" });
    assert.equal(played.name, "ready");
  });

  test("of one purpose is forgotten when another is asked for: neither its number is shown nor can it be started", () => {
    const played = ready().send(LOAD);
    assert.equal(played.state.asked, null);
    assert.equal(played.refused("offline").state.asked, null);
  });

  test("of the same purpose is kept where it is asked for again", () => {
    const played = ready().send({ is: "load", anew: false }).refused("offline");
    assert.deepEqual(played.state.asked, purpose("first"));
  });

  test("is not shown any more to a component that was taken off the page", () => {
    const played = new Played(LOAD, { is: "leave" }, { is: "purpose", turn: 1, purpose: purpose("first") });
    assert.deepEqual([played.name, played.state.asked], ["loading", null]);
  });

  test("is asked for again, by a citizen who then is told of what changes", () => {
    const played = new Played(LOAD).refused("offline");
    assert.deepEqual([played.name, played.state.acted], ["offline", false]);
    played.send({ is: "retry" });
    assert.deepEqual([played.name, played.state.acted, played.done], ["loading", true, ["leave", "ask"]]);
  });

  for (const cause of ["unknownPurpose", "busy", "irmaDown", "unavailable", "offline", "closed"] as const) {
    test(`may be refused as ${cause}`, () => {
      const played = new Played(LOAD).refused(cause);
      assert.deepEqual([played.name, played.effects], [cause, []]);
    });
  }
});

describe("a start", () => {
  test("asks for a session, and follows it when it is there", () => {
    const played = starting();
    assert.deepEqual([played.name, played.state.acted], ["starting", true]);
    assert.deepEqual(played.effects, [{ do: "leave" }, { do: "start", turn: 2 }]);
    played.started();
    assert.equal(played.name, "starting");
    assert.deepEqual(played.effects, [
      { do: "follow", turn: 2, session: session() },
      { do: "tick", after: MINUTE / 2 + 1 },
    ]);
    played.shows(QR);
    assert.deepEqual(played.state.view, QR);
  });

  test("that is refused as closed brings the hours that hold now", () => {
    const played = starting().send({ is: "refused", turn: 2, cause: "closed", openingHours: LATER });
    assert.equal(played.name, "closed");
    assert.deepEqual(played.state.asked, { ...purpose("first", false), openingHours: LATER });
  });

  test("that is refused otherwise keeps what is known, so that the citizen can start again", () => {
    const played = starting().refused("irmaDown");
    assert.deepEqual([played.name, played.state.asked], ["irmaDown", purpose("first")]);
    assert.equal(played.send({ is: "begin" }).name, "starting");
  });

  test("that comes too late is followed by nobody", () => {
    for (const meanwhile of [LOAD, { is: "leave" }, { is: "begin" }] as const) {
      const played = starting().send(meanwhile);
      const before = played.state;
      played.send({ is: "started", turn: 2, session: session() });
      assert.deepEqual([played.state, played.effects], [before, []], meanwhile.is);
      played.send({ is: "refused", turn: 2, cause: "offline" });
      assert.deepEqual([played.state, played.effects], [before, []], meanwhile.is);
    }
  });

  test("that took longer than the code lives is over at once", () => {
    const played = starting()
      .after(18 * MINUTE)
      .started();
    assert.equal(played.name, "expired");
    assert.equal(played.done.at(-1), "leave");
  });
});

describe("the way through the wallet", () => {
  const STEPS: Step[] = [
    QR,
    { name: "button", href: "intent://a" },
    { name: "pairing", phase: "asked" },
    { name: "app" },
    { name: "done" },
    { name: "lost" },
  ];

  for (const shown of STEPS) {
    test(`shows ${shown.name}, and goes on`, () => {
      const played = starting().started().shows(shown);
      assert.equal(played.state.view, shown);
      assert.deepEqual(played.effects, []);
      assert.ok(played.state.session);
    });
  }

  for (const name of ["declined", "timeout"] as const) {
    test(`ends as ${name}, and nothing that comes after is shown`, () => {
      const played = scanning().shows({ name });
      assert.deepEqual([played.name, played.state.session, played.done], [name, null, ["leave"]]);
      played.send({ is: "step", turn: 2, step: { name: "lost" } });
      assert.equal(played.name, name);
      assert.equal(played.after(20 * MINUTE).send({ is: "tick" }).name, name);
      assert.equal(played.send({ is: "begin" }).started("second").shows(QR).name, "qr");
    });
  }

  test("tells a session that ended because no app opened it as too late, and one that was opened as refused", () => {
    const declined: Step = { name: "declined" };
    assert.equal(
      scanning()
        .after(1.9 * MINUTE)
        .shows(declined).name,
      "declined",
    );
    assert.equal(
      scanning()
        .after(2 * MINUTE)
        .shows(declined).name,
      "timeout",
    );
    for (const opened of [{ name: "app" }, { name: "pairing", phase: "asked" }] as Step[]) {
      assert.equal(
        scanning()
          .shows(opened)
          .after(2 * MINUTE)
          .shows(declined).name,
        "declined",
      );
    }
  });

  test("changes between QR code and button as the citizen wants", () => {
    for (const is of ["show qr", "show button"] as const) {
      const played = scanning().send({ is });
      assert.deepEqual([played.effects, played.name], [[{ do: is }], "qr"]);
    }
  });

  test("is stopped by the citizen: the session ends, and they read again what is asked", () => {
    const played = scanning().send({ is: "stop" });
    assert.deepEqual(played.done, ["cancel", "leave", "ask"]);
    assert.deepEqual([played.name, played.state.session], ["loading", null]);
    played.send({ is: "step", turn: 2, step: { name: "declined" } });
    assert.equal(played.asked().name, "ready");
  });

  test("is left by a component that is taken off the page, or asked for something else: the session goes on", () => {
    for (const left of [{ is: "leave" }, LOAD] as const) {
      const played = scanning().send(left);
      assert.ok(played.done.includes("leave") && !played.done.includes("cancel"));
      assert.equal(played.state.session, null);
    }
  });

  test("is that of the last try, whatever the one before it still says", () => {
    const played = scanning().send({ is: "begin" }).started("second").shows(QR);
    played.send({ is: "step", turn: 2, step: { name: "done" } });
    assert.equal(played.name, "qr");
  });
});

describe("pairing", () => {
  const pairing = () => scanning().shows({ name: "pairing", phase: "asked" });

  test("passes on four digits, without the spaces between them", () => {
    const played = pairing().send({ is: "enter", code: " 12 34" });
    assert.deepEqual(played.effects, [{ do: "enter", code: "1234" }]);
    assert.equal(played.state.incomplete, false);
  });

  test("asks again for what is not four digits", () => {
    for (const code of ["", "123", "12345", "12a4", "١٢٣٤"]) {
      const played = pairing().send({ is: "enter", code });
      assert.deepEqual([played.effects, played.state.incomplete], [[{ do: "focus field" }], true], code);
    }
  });

  test("takes the reproach back when the code is whole, or the wallet goes on", () => {
    const played = pairing().send({ is: "enter", code: "123" }, { is: "enter", code: "1234" });
    assert.equal(played.state.incomplete, false);
    played.send({ is: "enter", code: "123" }).shows({ name: "pairing", phase: "rejected" });
    assert.equal(played.state.incomplete, false);
    assert.deepEqual(played.state.view, { name: "pairing", phase: "rejected" });
  });
});

describe("the time to call", () => {
  test("goes down by whole minutes, each at its own moment", () => {
    const played = dialling();
    assert.equal(played.state.minutes, 17);
    played.after(MINUTE / 2 + 1).send({ is: "tick" });
    assert.equal(played.state.minutes, 16);
    assert.deepEqual(played.effects, [{ do: "tick", after: MINUTE }]);
    played.after(16 * MINUTE).send({ is: "tick" });
    assert.equal(played.state.minutes, 0);
    assert.equal(played.name, "done");
  });

  test("is over when it is over, wherever the citizen is on the way", () => {
    for (const played of [scanning(), dialling(), lost()]) {
      played.after(17.5 * MINUTE).send({ is: "tick" });
      assert.deepEqual([played.name, played.state.session, played.done], ["expired", null, ["leave"]]);
      played.send({ is: "step", turn: 2, step: { name: "done" } });
      assert.equal(played.name, "expired");
    }
  });

  test("is seen to be over by a page that slept", () => {
    const played = dialling()
      .after(18 * MINUTE)
      .send({ is: "wake" });
    assert.deepEqual([played.name, played.done], ["expired", ["leave"]]);
  });

  test("is not counted where there is no session", () => {
    for (const is of ["tick", "wake"] as const) {
      const played = ready()
        .after(20 * MINUTE)
        .send({ is });
      assert.deepEqual([played.name, played.effects], ["ready", []]);
    }
  });
});

describe("a lost connection", () => {
  test("is taken up again where the wallet is, by itself or by the citizen", () => {
    for (const is of ["wake", "reconnect"] as const) {
      const played = lost().send({ is });
      assert.deepEqual(played.effects.at(-1), { do: "follow", turn: 3, session: session() });
      assert.equal(played.name, "lost");
      assert.equal(played.shows({ name: "done" }).name, "done");
    }
  });

  test("says nothing any more once it was taken up again", () => {
    const played = lost().send({ is: "reconnect" }).shows(QR);
    played.send({ is: "step", turn: 2, step: { name: "lost" } });
    assert.equal(played.name, "qr");
  });

  test("is not taken up after the time to call", () => {
    const played = lost()
      .after(18 * MINUTE)
      .send({ is: "wake" });
    assert.deepEqual([played.name, played.done], ["expired", ["leave"]]);
  });

  test("does not start what nobody lost: a page that is looked at again only counts", () => {
    const played = scanning().after(MINUTE).send({ is: "wake" });
    assert.deepEqual([played.name, played.done, played.state.minutes], ["qr", ["tick"], 16]);
  });

  test("can be given up for a new start", () => {
    const played = lost().send({ is: "begin" });
    assert.deepEqual([played.name, played.done, played.state.session], ["starting", ["leave", "start"], null]);
  });
});
