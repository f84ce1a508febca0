/** What the portal knows and does, without a browser: its states, and what each event makes of them. */

/** How a contact is known to the API. The secret is the only key to what the caller disclosed. */
export interface Contact {
  readonly secret: string;
  /** Telephony's id of this agent's leg of the call. */
  readonly contactId?: string;
  /** Of Amazon Connect: the first contact of the call, where that is another; its attributes hold the secret. */
  readonly initialContactId?: string;
}

export interface Attribute {
  readonly id: string;
  readonly value: string;
  readonly label: { readonly nl: string; readonly en: string };
  /** Unix seconds. */
  readonly issuedAt: number;
  /** How the value is written: `bsn` groups nine digits. */
  readonly format?: "bsn";
}

/** What the API said to a look-up. `until` is in milliseconds by the clock of this machine. */
export type Answer =
  | { is: "disclosed"; reference: string; purpose: string; attributes: readonly Attribute[]; until: number }
  | { is: "pending" | "declined" | "lost" }
  | { is: "unknown" | "unauthorized" | "forbidden" | "unreachable" };

/** What the API said to a clear. `refused` will not change by asking again. */
export type Cleared = "done" | "unreachable" | "unauthorized" | "refused";

/** Who is on the line, as far as the screen shows it. */
export type Caller =
  | { is: "none"; after: "start" | "cleared" | "transferred" }
  | { is: "unidentified"; contactId?: string }
  | { is: "asking" | "pending" | "late" | "declined" | "lost" | "unknown" | "expired" | "forbidden" }
  | { is: "unreachable"; tries: number }
  | Extract<Answer, { is: "disclosed" }>;

/** A clear that the API has not answered yet. */
export interface Clear {
  readonly contact: Contact;
  readonly since: number;
  readonly tries: number;
}

/**
 * `checking` whether the issuer knows the agent; `out`: nobody is logged in; `in`; `ended`: the token can't be renewed, and
 * what is on the screen stays; `leaving`: logs out as soon as every clear is done.
 */
export type Login = "checking" | "out" | "in" | "ended" | "leaving";

export interface State {
  readonly login: Login;
  /** The subject that is or was logged in. */
  readonly agent: string | null;
  /** A login was asked for: when the page opened, or by a click. Nobody else is let in once the agent logged out. */
  readonly asked: boolean;
  /** The agent logged out here, and maybe not at the issuer. */
  readonly stillKnown: boolean;
  readonly caller: Caller;
  /** The contact on the screen, as long as the API can be asked about it, and since when it is asked. */
  readonly line: { readonly contact: Contact; readonly since: number } | null;
  /** Contacts that were not over when the next one came. */
  readonly earlier: readonly { readonly contact: Contact; readonly since: number }[];
  readonly clears: readonly Clear[];
  /** A clear was refused for good: the record stays until ID-bellen deletes it by itself. */
  readonly refused: boolean;
  /** Goes up with each contact and when one is over: an answer of another turn is not shown. */
  readonly turn: number;
  readonly hidden: boolean;
  readonly idle: boolean;
  /** Milliseconds by the clock of this machine. */
  readonly now: number;
}

export type Event =
  | { is: "contact"; secret: string | null; contactId?: string; initialContactId?: string }
  | { is: "contact cleared"; contactId?: string }
  | { is: "clear" | "transferred" | "again" | "clear earlier" | "dismiss" }
  | { is: "answer"; turn: number; answer: Answer }
  | { is: "clear answered"; contact: Contact; cleared: Cleared }
  | { is: "logged in"; agent: string }
  | { is: "log in" | "not logged in" | "login ended" | "log out" | "still known" }
  | { is: "hidden" | "visible" | "idle" | "active" | "wipe" | "tick" };

/** What telephony is told: no more than whether to go on. */
export type Word = "received" | "identified" | "unidentified" | "clearing" | "cleared" | "transferred";

export type Effect =
  | { do: "look up"; turn: number; contact: Contact; after: number }
  | { do: "clear"; contact: Contact; after: number }
  | { do: "tell"; word: Word; contactId?: string }
  | { do: "leave" };

/** How long after `pending` is asked again. */
export const POLL = 2_000;
/** How long `pending` is asked. */
export const PATIENCE = 90_000;
/** No record is older than an hour: what is left of a contact then is of no use. */
export const LIFETIME = 3_600_000;

export const start = (now: number): State => ({
  login: "checking",
  agent: null,
  asked: true,
  stillKnown: false,
  caller: { is: "none", after: "start" },
  line: null,
  earlier: [],
  clears: [],
  refused: false,
  turn: 0,
  hidden: false,
  idle: false,
  now,
});

/** Whether the screen shows nothing of the caller for now. */
export const masked = (state: State): boolean => state.hidden || state.idle;

/** Whether something would be lost if the page went now: a clear, or the way to clear who is on the screen. */
export const unfinished = ({ clears, caller }: State): boolean =>
  clears.length > 0 || caller.is === "disclosed" || caller.is === "pending";

/** Milliseconds until try number `tries`: 2, 4, 8, 16, 30, 30, … seconds. */
export const backoff = (tries: number): number => Math.min(1_000 * 2 ** tries, 30_000);

export const sameContact = (one: Contact, other: Contact): boolean =>
  one.secret === other.secret && one.contactId === other.contactId;

/** The state after `event`, and what is to be done for it. */
export function step(before: State, event: Event, now: number): { state: State; effects: Effect[] } {
  const effects: Effect[] = [];
  const state = next({ ...before, now }, event, effects);
  return { state, effects };
}

function next(state: State, event: Event, effects: Effect[]): State {
  switch (event.is) {
    case "contact":
      return contact(state, event, effects);
    case "contact cleared":
      return contactCleared(state, event.contactId, effects);
    case "clear":
      return state.line ? clear(over(state, "cleared"), [state.line.contact], effects) : over(state, "cleared");
    case "clear earlier":
      return clear(
        { ...state, earlier: [] },
        state.earlier.map(({ contact }) => contact),
        effects,
      );
    case "transferred":
      // The next agent may not have looked yet: a clear would delete what they need. So nothing is asked, ever again.
      tell(effects, "transferred", contactId(state));
      return over(state, "transferred");
    case "again":
      return state.line ? ask({ ...state, line: { ...state.line, since: state.now } }, effects) : state;
    case "answer":
      return event.turn === state.turn && state.line ? answered(state, event.answer, state.line, effects) : state;
    case "clear answered":
      return clearAnswered(state, event.contact, event.cleared, effects);
    case "logged in":
      return loggedIn(state, event.agent, effects);
    case "log in":
      return { ...state, asked: true };
    case "not logged in":
      return state.login === "checking" ? { ...state, login: "out", asked: false } : state;
    case "login ended":
      return state.login === "in" ? { ...state, login: "ended" } : state;
    case "log out":
      return leaveWhenDone(
        { ...wiped(state.login === "ended" ? dropped(state) : state), login: "leaving", asked: false },
        effects,
      );
    case "still known":
      return { ...state, stillKnown: true };
    case "wipe":
      return { ...wiped(state), clears: [] };
    case "hidden":
      return { ...state, hidden: true };
    case "visible":
      return { ...state, hidden: false };
    case "idle":
      return { ...state, idle: true };
    case "active":
      return state.idle ? { ...state, idle: false } : state;
    case "dismiss":
      return { ...state, refused: false, stillKnown: false };
    case "tick":
      return tick(state, effects);
  }
}

const contactId = (state: State): string | undefined =>
  state.line ? state.line.contact.contactId : state.caller.is === "unidentified" ? state.caller.contactId : undefined;

const named = (contactId: string | undefined): { contactId?: string } => (contactId === undefined ? {} : { contactId });

function tell(effects: Effect[], word: Word, contactId: string | undefined): void {
  effects.push({ do: "tell", word, ...named(contactId) });
}

/** Nothing of the caller is left, and no answer to what was asked will be shown. */
const over = (state: State, after: "cleared" | "transferred"): State => ({
  ...state,
  caller: { is: "none", after },
  line: null,
  turn: state.turn + 1,
});

const wiped = (state: State): State => ({
  ...state,
  caller: { is: "none", after: "start" },
  line: null,
  earlier: [],
  turn: state.turn + 1,
});

function contact(state: State, event: Extract<Event, { is: "contact" }>, effects: Effect[]): State {
  if (state.login === "leaving") return state;
  const { is: _, secret, ...ids } = event;
  const came = secret === null ? null : { secret, ...ids };
  if (came && state.line && sameContact(came, state.line.contact)) return state;
  // An event that repeats the call without its attributes takes nothing back.
  if (!came && event.contactId !== undefined && event.contactId === state.line?.contact.contactId) return state;
  tell(effects, "received", event.contactId);
  const earlier = [...state.earlier, ...(state.line ? [state.line] : [])];
  const fresh = { ...state, idle: false, turn: state.turn + 1 };
  if (!came) {
    tell(effects, "unidentified", event.contactId);
    return { ...fresh, earlier, line: null, caller: { is: "unidentified", ...named(event.contactId) } };
  }
  const others = earlier.filter(({ contact }) => !sameContact(contact, came));
  return ask({ ...fresh, earlier: others, line: { contact: came, since: state.now } }, effects);
}

/** Asks about the line at once, or as soon as the agent is logged in. */
function ask(state: State, effects: Effect[]): State {
  if (state.line && state.login === "in") {
    effects.push({ do: "look up", turn: state.turn, contact: state.line.contact, after: 0 });
  }
  return { ...state, caller: { is: "asking" } };
}

function answered(state: State, answer: Answer, line: NonNullable<State["line"]>, effects: Effect[]): State {
  const again = (after: number) => effects.push({ do: "look up", turn: state.turn, contact: line.contact, after });
  switch (answer.is) {
    case "pending": {
      if (state.now - line.since < PATIENCE) {
        again(POLL);
        return { ...state, caller: { is: "pending" } };
      }
      tell(effects, "unidentified", line.contact.contactId);
      return { ...state, caller: { is: "late" } };
    }
    case "unreachable": {
      const tries = state.caller.is === "unreachable" ? state.caller.tries + 1 : 1;
      again(backoff(tries));
      return { ...state, caller: { is: "unreachable", tries } };
    }
    case "unauthorized":
      return { ...state, login: state.login === "in" ? "ended" : state.login };
    case "disclosed":
      tell(effects, "identified", line.contact.contactId);
      return tick({ ...state, caller: answer }, effects);
    default:
      tell(effects, "unidentified", line.contact.contactId);
      return { ...state, caller: { is: answer.is } };
  }
}

/** Telephony says that a contact is over; without an id, the one on the screen. Others than those asked about are not ours. */
function contactCleared(state: State, id: string | undefined, effects: Effect[]): State {
  const current = id === undefined || id === contactId(state);
  const theirs = id === undefined ? [] : state.earlier.filter(({ contact }) => contact.contactId === id);
  const lines = current && state.line ? [state.line, ...theirs] : theirs;
  const left = current && (state.line || state.caller.is !== "none") ? over(state, "cleared") : state;
  const earlier = state.earlier.filter((line) => !theirs.includes(line));
  return clear(
    { ...left, earlier },
    lines.map(({ contact }) => contact),
    effects,
  );
}

function clear(state: State, contacts: readonly Contact[], effects: Effect[]): State {
  for (const contact of contacts) {
    tell(effects, "clearing", contact.contactId);
    effects.push({ do: "clear", contact, after: 0 });
  }
  return { ...state, clears: [...state.clears, ...contacts.map((contact) => ({ contact, since: state.now, tries: 0 }))] };
}

function clearAnswered(state: State, contact: Contact, cleared: Cleared, effects: Effect[]): State {
  const asked = state.clears.find((clear) => sameContact(clear.contact, contact));
  if (!asked) return state;
  const others = state.clears.filter((clear) => clear !== asked);
  switch (cleared) {
    case "done":
      tell(effects, "cleared", contact.contactId);
      return leaveWhenDone({ ...state, clears: others }, effects);
    case "refused":
      return leaveWhenDone({ ...state, clears: others, refused: true }, effects);
    case "unauthorized":
      // Nobody is at the desk to log in again.
      if (state.login === "leaving") return leaveWhenDone({ ...state, clears: others, refused: true }, effects);
      return { ...state, login: state.login === "in" ? "ended" : state.login };
    case "unreachable": {
      const tries = asked.tries + 1;
      effects.push({ do: "clear", contact, after: backoff(tries) });
      return { ...state, clears: [...others, { ...asked, tries }] };
    }
  }
}

/** Nobody is left who may clear what waits to be. */
const dropped = (state: State): State => ({ ...state, clears: [], refused: state.refused || state.clears.length > 0 });

function leaveWhenDone(state: State, effects: Effect[]): State {
  if (state.login !== "leaving" || state.clears.length > 0) return state;
  effects.push({ do: "leave" });
  return { ...state, login: "out", agent: null };
}

/** Goes on where it stopped. What another agent than before left is wiped, and never cleared under the new one's name. */
function loggedIn(before: State, agent: string, effects: Effect[]): State {
  const another = before.agent !== null && before.agent !== agent;
  if (before.login === "leaving") return another ? leaveWhenDone(dropped(before), effects) : before;
  // A renewal that was under way when the agent logged out.
  if (before.login === "out" && !before.asked) return before;
  const state: State = { ...(another ? dropped(wiped(before)) : before), login: "in", agent, asked: false, stillKnown: false };
  // The new token may have the right that the one before had not.
  if (state.caller.is === "forbidden") return ask(state, effects);
  if (before.login === "in") return state;
  for (const { contact } of state.clears) effects.push({ do: "clear", contact, after: 0 });
  const waits = ["asking", "pending", "unreachable"].includes(state.caller.is);
  if (state.line && waits) effects.push({ do: "look up", turn: state.turn, contact: state.line.contact, after: 0 });
  return state;
}

function tick(state: State, effects: Effect[]): State {
  const young = ({ since }: { since: number }) => state.now - since < LIFETIME;
  const kept: State = { ...state, earlier: state.earlier.filter(young), clears: state.clears.filter(young) };
  if (kept.caller.is !== "disclosed" || kept.now < kept.caller.until) return leaveWhenDone(kept, effects);
  tell(effects, "unidentified", contactId(kept));
  return { ...over(kept, "cleared"), caller: { is: "expired" } };
}
