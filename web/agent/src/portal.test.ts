import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  type Answer,
  backoff,
  type Effect,
  type Event,
  LIFETIME,
  masked,
  PATIENCE,
  POLL,
  type State,
  start,
  step,
  unfinished,
} from "./portal.ts";

const NOW = 1_795_046_400_000;
const FIRST = { secret: "A".repeat(43), contactId: "leg-1" };
const SECOND = { secret: "B".repeat(43), contactId: "leg-2" };
const disclosed = (value: string): Answer => ({
  is: "disclosed",
  reference: "WGHJ-ZTB0-K75M",
  purpose: "burgerzaken",
  attributes: [{ id: "a", value, label: { nl: "a", en: "a" }, issuedAt: 1 }],
  until: NOW + 3_360_000,
});

/** A portal on which events follow each other, at a time that the test sets. */
class Played {
  state: State = start(NOW);
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

  answer(answer: Answer, turn = this.state.turn): this {
    return this.send({ is: "answer", turn, answer });
  }

  after(milliseconds: number): this {
    this.now += milliseconds;
    return this;
  }

  get told(): (string | undefined)[] {
    return this.effects.flatMap((effect) => (effect.do === "tell" ? [effect.word] : []));
  }

  get asked(): Effect[] {
    return this.effects.filter((effect) => effect.do !== "tell");
  }
}

const loggedIn = () => new Played({ is: "logged in", agent: "agent-1" });
const contact = (of: { secret: string | null; contactId?: string }): Event => ({ is: "contact", ...of });
const shown = (played: Played) => JSON.stringify(played.state);

describe("a contact", () => {
  test("is looked up at once, and shown when the answer comes", () => {
    const played = loggedIn().send(contact(FIRST));
    assert.deepEqual(played.asked, [{ do: "look up", turn: 1, contact: FIRST, after: 0 }]);
    assert.equal(played.state.caller.is, "asking");
    played.answer(disclosed("Willeke"));
    assert.equal(played.state.caller.is, "disclosed");
    assert.deepEqual(played.told, ["identified"]);
  });

  test("waits until somebody is logged in", () => {
    const played = new Played(contact(FIRST));
    assert.deepEqual(played.asked, []);
    played.send({ is: "not logged in" }, { is: "log in" }, { is: "logged in", agent: "agent-1" });
    assert.deepEqual(played.asked, [{ do: "look up", turn: 1, contact: FIRST, after: 0 }]);
  });

  test("wipes the one before it, before anything is asked", () => {
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke")).send(contact(SECOND));
    assert.ok(!shown(played).includes("Willeke"));
    assert.equal(played.state.caller.is, "asking");
  });

  test("without a code wipes the one before it too", () => {
    const played = loggedIn()
      .send(contact(FIRST))
      .answer(disclosed("Willeke"))
      .send(contact({ secret: null, contactId: "leg-2" }));
    assert.ok(!shown(played).includes("Willeke"));
    assert.equal(played.state.caller.is, "unidentified");
    assert.deepEqual(played.asked, []);
  });

  test("never gets the answer of the one before it", () => {
    const played = loggedIn().send(contact(FIRST), contact(SECOND)).answer(disclosed("Willeke"), 1);
    assert.equal(played.state.caller.is, "asking");
    played.answer(disclosed("Jochem")).answer(disclosed("Willeke"), 1);
    assert.ok(shown(played).includes("Jochem"));
    assert.ok(!shown(played).includes("Willeke"));
  });

  test("that is announced twice is one", () => {
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke")).send(contact(FIRST));
    assert.equal(played.state.caller.is, "disclosed");
    assert.deepEqual(played.effects, []);
  });

  test("that is announced again without its secret keeps its caller", () => {
    const played = loggedIn()
      .send(contact(FIRST))
      .answer(disclosed("Willeke"))
      .send(contact({ secret: null, contactId: "leg-1" }));
    assert.equal(played.state.caller.is, "disclosed");
    assert.deepEqual([played.effects, played.state.earlier], [[], []]);
    // Without an id it may be another call.
    const unnamed = loggedIn()
      .send(contact({ secret: FIRST.secret }))
      .answer(disclosed("Willeke"));
    for (const before of [played, unnamed]) assert.equal(before.send(contact({ secret: null })).state.caller.is, "unidentified");
  });

  test("that comes back is looked up again, and is not an earlier one any more", () => {
    const played = loggedIn().send(contact(FIRST), contact(SECOND), contact(FIRST));
    assert.deepEqual(
      played.state.earlier.map((line) => line.contact),
      [SECOND],
    );
    assert.equal(played.state.line?.contact.contactId, "leg-1");
  });
});

describe("data on their way", () => {
  test("are asked for every two seconds", () => {
    const played = loggedIn().send(contact(FIRST)).answer({ is: "pending" });
    assert.equal(played.state.caller.is, "pending");
    assert.deepEqual(played.asked, [{ do: "look up", turn: 1, contact: FIRST, after: POLL }]);
  });

  test("are given up after ninety seconds, and shown if they come in after all", () => {
    const played = loggedIn()
      .send(contact(FIRST))
      .after(PATIENCE - 1)
      .answer({ is: "pending" });
    assert.equal(played.state.caller.is, "pending");
    played.after(1).answer({ is: "pending" });
    assert.equal(played.state.caller.is, "late");
    assert.deepEqual(played.asked, []);
    played.send({ is: "again" });
    assert.equal(played.asked.length, 1);
    assert.equal(played.answer({ is: "pending" }).state.caller.is, "pending");
    assert.equal(played.answer(disclosed("Willeke")).state.caller.is, "disclosed");
  });
});

describe("an answer", () => {
  for (const is of ["declined", "lost", "unknown", "forbidden"] as const) {
    test(`${is} is shown, and nothing is asked again`, () => {
      const played = loggedIn().send(contact(FIRST)).answer({ is });
      assert.equal(played.state.caller.is, is);
      assert.deepEqual(played.asked, []);
      assert.deepEqual(played.told, ["unidentified"]);
    });
  }

  test("that does not come is asked for again, each time later", () => {
    const played = loggedIn().send(contact(FIRST));
    const waits = [1, 2, 3, 4, 5, 6].map(() =>
      played.answer({ is: "unreachable" }).asked.map((effect) => "after" in effect && effect.after),
    );
    assert.deepEqual(waits.flat(), [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert.equal(played.answer({ is: "pending" }).state.caller.is, "pending");
    assert.equal(played.answer({ is: "unreachable" }).asked[0]?.do, "look up");
  });

  test("goes off the screen when its time is up, to the millisecond", () => {
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke")).after(3_359_999).send({ is: "tick" });
    assert.equal(played.state.caller.is, "disclosed");
    played.after(1).send({ is: "tick" });
    assert.equal(played.state.caller.is, "expired");
    assert.ok(!shown(played).includes("Willeke"));
    assert.equal(played.state.line, null);
  });

  test("that comes when its time is up is not shown", () => {
    const played = loggedIn().send(contact(FIRST)).after(3_360_000).answer(disclosed("Willeke"));
    assert.equal(played.state.caller.is, "expired");
  });
});

describe("clearing", () => {
  test("wipes the screen at once, and deletes the record", () => {
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke")).send({ is: "clear" });
    assert.ok(!shown(played).includes("Willeke"));
    assert.deepEqual(played.asked, [{ do: "clear", contact: FIRST, after: 0 }]);
    assert.deepEqual(played.told, ["clearing"]);
    played.send({ is: "clear answered", contact: FIRST, cleared: "done" });
    assert.deepEqual(played.state.clears, []);
    assert.ok(!shown(played).includes(FIRST.secret));
    assert.deepEqual(played.told, ["cleared"]);
  });

  test("is tried again until it is done, and holds up no next caller", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" }, contact(SECOND));
    const failed: Event = { is: "clear answered", contact: FIRST, cleared: "unreachable" };
    assert.deepEqual(played.send(failed).asked, [{ do: "clear", contact: FIRST, after: backoff(1) }]);
    assert.deepEqual(played.send(failed).asked, [{ do: "clear", contact: FIRST, after: backoff(2) }]);
    assert.equal(played.answer(disclosed("Jochem")).state.caller.is, "disclosed");
    played.send({ is: "clear answered", contact: FIRST, cleared: "done" });
    assert.equal(played.state.caller.is, "disclosed");
    assert.deepEqual(played.state.clears, []);
  });

  test("is given up after an hour, when there is nothing left to delete", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" }).after(LIFETIME).send({ is: "tick" });
    assert.deepEqual(played.state.clears, []);
  });

  test("that is refused is told, until the agent has read it", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" });
    played.send({ is: "clear answered", contact: FIRST, cleared: "refused" });
    assert.ok(played.state.refused);
    assert.ok(!played.send({ is: "dismiss" }).state.refused);
  });

  test("by telephony is for the contact that it names", () => {
    const played = loggedIn().send(contact(FIRST), contact(SECOND)).answer(disclosed("Jochem"));
    played.send({ is: "contact cleared", contactId: "leg-1" });
    assert.equal(played.state.caller.is, "disclosed");
    assert.deepEqual(played.asked, [{ do: "clear", contact: FIRST, after: 0 }]);
    played.send({ is: "contact cleared", contactId: "another" });
    assert.equal(played.state.caller.is, "disclosed");
    assert.deepEqual(played.effects, []);
    played.send({ is: "contact cleared" });
    assert.equal(played.state.caller.is, "none");
    assert.deepEqual(played.asked, [{ do: "clear", contact: SECOND, after: 0 }]);
  });

  test("by telephony is also for an earlier contact of the same call", () => {
    const other = { secret: SECOND.secret, contactId: "leg-1" };
    const played = loggedIn().send(contact(FIRST), contact(other), { is: "contact cleared", contactId: "leg-1" });
    assert.deepEqual(
      played.asked.map((effect) => effect.do === "clear" && effect.contact),
      [other, FIRST],
    );
    assert.deepEqual([played.state.caller.is, played.state.earlier], ["none", []]);
    const gone = loggedIn().send(contact(FIRST), contact(SECOND), contact({ secret: null, contactId: "leg-1" }));
    gone.send({ is: "contact cleared", contactId: "leg-1" });
    assert.deepEqual(gone.asked, [{ do: "clear", contact: FIRST, after: 0 }]);
    assert.deepEqual([gone.state.caller.is, gone.state.earlier.map((line) => line.contact)], ["none", [SECOND]]);
  });

  test("by telephony without an id is for the one on the screen alone", () => {
    const [first, second] = [{ secret: FIRST.secret }, { secret: SECOND.secret }];
    const played = loggedIn().send(contact(first), contact(second), { is: "contact cleared" });
    assert.deepEqual(played.asked, [{ do: "clear", contact: second, after: 0 }]);
    assert.deepEqual(
      played.state.earlier.map((line) => line.contact),
      [first],
    );
  });

  test("of a caller without a code takes the words off the screen, and asks nothing", () => {
    const played = loggedIn().send(contact({ secret: null, contactId: "leg-1" }), { is: "contact cleared", contactId: "leg-1" });
    assert.equal(played.state.caller.is, "none");
    assert.deepEqual(played.asked, []);
  });

  test("of an offer that was missed does nothing", () => {
    const played = loggedIn()
      .send(contact(FIRST))
      .answer(disclosed("Willeke"))
      .send({ is: "contact cleared", contactId: "missed" });
    assert.equal(played.state.caller.is, "disclosed");
    assert.deepEqual(played.effects, []);
  });

  test("can still be done for contacts that the next one came before", () => {
    const played = loggedIn().send(contact(FIRST), contact(SECOND), { is: "clear earlier" });
    assert.deepEqual(played.asked, [{ do: "clear", contact: FIRST, after: 0 }]);
    assert.deepEqual(played.state.earlier, []);
  });
});

describe("transferring", () => {
  test("wipes the screen, stops asking, and deletes nothing, also when the leg is over", () => {
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke")).send({ is: "transferred" });
    assert.ok(!shown(played).includes("Willeke"));
    assert.deepEqual(played.asked, []);
    assert.deepEqual(played.told, ["transferred"]);
    assert.ok(!shown(played).includes(FIRST.secret));
    played.send({ is: "contact cleared", contactId: "leg-1" });
    assert.deepEqual(played.effects, []);
  });

  test("while data are on their way shows them no more", () => {
    const played = loggedIn().send(contact(FIRST)).answer({ is: "pending" }).send({ is: "transferred" });
    assert.equal(played.answer(disclosed("Willeke"), 1).state.caller.is, "none");
  });
});

describe("a login that ends", () => {
  test("leaves on the screen what is there", () => {
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke")).send({ is: "login ended" });
    assert.equal(played.state.caller.is, "disclosed");
    assert.equal(played.state.login, "ended");
  });

  test("holds what was asked, and goes on when the agent is back", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" }, contact(SECOND)).answer({ is: "unauthorized" });
    assert.equal(played.state.login, "ended");
    played.send({ is: "clear answered", contact: FIRST, cleared: "unauthorized" });
    assert.deepEqual(played.asked, []);
    played.send({ is: "logged in", agent: "agent-1" });
    assert.deepEqual(played.asked, [
      { do: "clear", contact: FIRST, after: 0 },
      { do: "look up", turn: played.state.turn, contact: SECOND, after: 0 },
    ]);
  });

  test("is not what ended before there was any", () => {
    const refused: Event = { is: "clear answered", contact: FIRST, cleared: "unauthorized" };
    const played = new Played(contact(FIRST), { is: "clear" }, refused);
    assert.equal(played.state.login, "checking");
    assert.equal(played.send({ is: "not logged in" }, refused).state.login, "out");
  });

  test("leaves nothing to clear to another agent, who is told", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" });
    played.send({ is: "clear answered", contact: FIRST, cleared: "unauthorized" }, { is: "logged in", agent: "agent-2" });
    assert.deepEqual([played.asked, played.state.clears, played.state.refused], [[], [], true]);
    const none = loggedIn().send({ is: "login ended" }, { is: "logged in", agent: "agent-2" });
    assert.ok(!none.state.refused);
  });

  test("of an agent who leaves, and is another by then, clears nothing more", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" }, { is: "log out" }, { is: "logged in", agent: "agent-2" });
    assert.deepEqual([played.state.login, played.state.clears, played.state.refused], ["out", [], true]);
    assert.deepEqual(played.asked, [{ do: "leave" }]);
  });

  test("shows another agent nothing of the caller", () => {
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke")).send({ is: "login ended" });
    played.send({ is: "logged in", agent: "agent-2" });
    assert.ok(!shown(played).includes("Willeke"));
    assert.ok(!shown(played).includes(FIRST.secret));
  });
});

describe("logging in again without the right", () => {
  const forbidden = () => loggedIn().send(contact(FIRST)).answer({ is: "forbidden" }).send({ is: "log in" });

  test("looks the caller up again", () => {
    const played = forbidden().send({ is: "logged in", agent: "agent-1" });
    assert.equal(played.state.caller.is, "asking");
    assert.deepEqual(played.asked, [{ do: "look up", turn: played.state.turn, contact: FIRST, after: 0 }]);
    assert.equal(played.answer(disclosed("Willeke")).state.caller.is, "disclosed");
  });

  test("as another agent wipes the caller of before", () => {
    const played = forbidden().send({ is: "logged in", agent: "agent-2" });
    assert.deepEqual([played.state.login, played.state.agent, played.state.caller.is], ["in", "agent-2", "none"]);
    assert.ok(!shown(played).includes(FIRST.secret));
    assert.deepEqual(played.asked, []);
  });

  test("changes nothing for a caller who is shown or asked about: a token is renewed every few minutes", () => {
    for (const is of ["pending", "unreachable"] as const) {
      const asked = loggedIn().send(contact(FIRST)).answer({ is }).send({ is: "logged in", agent: "agent-1" });
      assert.deepEqual(asked.effects, []);
    }
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke")).send({ is: "logged in", agent: "agent-1" });
    assert.equal(played.state.caller.is, "disclosed");
    assert.deepEqual(played.effects, []);
  });
});

describe("logging out", () => {
  test("wipes everything at once", () => {
    const played = loggedIn().send(contact(FIRST), contact(SECOND)).answer(disclosed("Jochem")).send({ is: "log out" });
    assert.deepEqual(played.asked, [{ do: "leave" }]);
    for (const gone of ["Jochem", FIRST.secret, SECOND.secret]) assert.ok(!shown(played).includes(gone));
  });

  test("waits for a clear that is under way, and takes no next contact", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" }, { is: "log out" });
    assert.equal(played.state.login, "leaving");
    assert.deepEqual(played.asked, []);
    assert.equal(played.send(contact(SECOND)).state.caller.is, "none");
    played.send({ is: "clear answered", contact: FIRST, cleared: "done" });
    assert.equal(played.state.login, "out");
    assert.deepEqual(played.asked, [{ do: "leave" }]);
  });

  test("does not wait for a clear that the API refuses without a login, and tells so", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" }, { is: "log out" });
    played.send({ is: "clear answered", contact: FIRST, cleared: "unauthorized" });
    assert.equal(played.state.login, "out");
    assert.deepEqual(played.state.clears, []);
    assert.ok(played.state.refused);
    assert.deepEqual(played.asked, [{ do: "leave" }]);
  });

  test("when the login has ended already does not wait for what nobody can clear any more", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" });
    played.send({ is: "clear answered", contact: FIRST, cleared: "unauthorized" }, { is: "log out" });
    assert.deepEqual([played.state.login, played.state.clears, played.state.refused], ["out", [], true]);
    assert.deepEqual(played.asked, [{ do: "leave" }]);
  });

  test("is not undone by a renewal that was under way, only by a login that was asked for", () => {
    const renewed: Event = { is: "logged in", agent: "agent-1" };
    const played = loggedIn().send({ is: "log in" }, contact(FIRST), { is: "clear" }, { is: "log out" }, renewed);
    assert.equal(played.state.login, "leaving");
    played.send({ is: "clear answered", contact: FIRST, cleared: "done" }, renewed, { is: "login ended" }, renewed);
    assert.equal(played.state.login, "out");
    played.send({ is: "log in" }, renewed);
    assert.equal(played.state.login, "in");
  });

  test("at the issuer that failed is told until it is read, or somebody logs in", () => {
    const played = loggedIn().send({ is: "log out" }, { is: "still known" });
    assert.ok(played.state.stillKnown);
    assert.ok(!new Played().send({ is: "still known" }, { is: "dismiss" }).state.stillKnown);
    assert.ok(!played.send({ is: "log in" }, { is: "logged in", agent: "agent-2" }).state.stillKnown);
  });
});

describe("the screen", () => {
  test("is masked while the tab is hidden or nobody is there, and asks nothing when it is back", () => {
    const played = loggedIn().send(contact(FIRST)).answer(disclosed("Willeke"));
    assert.ok(!masked(played.state));
    assert.ok(masked(played.send({ is: "hidden" }).state));
    assert.ok(!masked(played.send({ is: "visible" }).state));
    assert.deepEqual(played.effects, []);
    assert.ok(masked(played.send({ is: "idle" }).state));
    assert.ok(!masked(played.send({ is: "active" }).state));
    assert.deepEqual(played.effects, []);
    assert.equal(played.state.caller.is, "disclosed");
  });

  test("is not masked for the next caller because nobody was there before", () => {
    assert.ok(!masked(loggedIn().send({ is: "idle" }, contact(FIRST)).state));
  });

  test("warns who leaves with a caller on it, or with one to clear", () => {
    const played = new Played();
    const warns = ({ state }: Played) => unfinished(state);
    assert.ok(!warns(played));
    assert.ok(!warns(played.send({ is: "logged in", agent: "agent-1" }, contact({ secret: null }))));
    assert.ok(warns(played.send(contact(FIRST)).answer({ is: "pending" })));
    assert.ok(warns(played.answer(disclosed("Willeke"))));
    assert.ok(warns(played.send({ is: "clear" })));
    assert.ok(!warns(played.send({ is: "clear answered", contact: FIRST, cleared: "done" })));
    assert.ok(!warns(played.send(contact(SECOND)).answer(disclosed("Jochem")).send({ is: "transferred" })));
  });

  test("is empty when the page goes, the memory too", () => {
    const played = loggedIn().send(contact(FIRST), { is: "clear" }, contact(SECOND)).answer(disclosed("Jochem"));
    played.send({ is: "wipe" });
    for (const gone of ["Jochem", FIRST.secret, SECOND.secret]) assert.ok(!shown(played).includes(gone));
  });
});
