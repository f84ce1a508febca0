/** What the component knows and decides, without a browser: its states, and what each event makes of them. */

import type { Cause, OpeningHours, Purpose, Session } from "./api.ts";
import type { Step } from "./follow.ts";

/** What is shown. */
export type View = { name: "loading" | "ready" | "starting" | "expired" } | { name: Cause } | Step;

export interface State {
  readonly view: View;
  /** What the citizen must know, as the API said it last. */
  readonly asked: Purpose | null;
  /** The session, as long as it is followed and the phone can dial. */
  readonly session: Session | null;
  /** Until when an app can open the session, in milliseconds by this browser's clock; null once one did. */
  readonly openBefore: number | null;
  /** Whole minutes in which the phone can still dial. */
  readonly minutes: number;
  /** What was typed as the pairing code is not four digits. */
  readonly incomplete: boolean;
  /** The citizen pressed something here; before that nothing is read out and no focus is moved. */
  readonly acted: boolean;
  /** Goes up with whatever begins or ends: what comes of another turn is too late, and changes nothing. */
  readonly turn: number;
}

export type Event =
  /** The component is on a page again, or, `anew`, is given another purpose or API. */
  | { is: "load"; anew: boolean }
  /** The component is taken off the page. */
  | { is: "leave" }
  | { is: "retry" | "begin" | "reconnect" | "stop" | "show qr" | "show button" }
  | { is: "enter"; code: string }
  | { is: "purpose"; turn: number; purpose: Purpose }
  | { is: "started"; turn: number; session: Session }
  | { is: "refused"; turn: number; cause: Cause; openingHours?: OpeningHours | undefined }
  | { is: "step"; turn: number; step: Step }
  /** The page is looked at again, or the network is back: a phone lets go of it while another app is in front. */
  | { is: "wake" }
  | { is: "tick" };

export type Effect =
  /** Asks the API what the citizen must know. */
  | { do: "ask"; turn: number }
  /** Starts a session. */
  | { do: "start"; turn: number }
  /** Follows the session from where it is. */
  | { do: "follow"; turn: number; session: Session }
  /** Follows the session no more: it goes on, or is ended. */
  | { do: "leave" | "cancel" }
  | { do: "enter"; code: string }
  | { do: "show qr" | "show button" | "focus field" }
  /** Another tick, in so many milliseconds, instead of the one that was asked for before. */
  | { do: "tick"; after: number };

const MINUTE = 60_000;

/** ID-bellen cancels a session that no app opened within two minutes; in milliseconds, and a little less for the way. */
const OPEN_WITHIN = 115_000;

export const initial: State = {
  view: { name: "loading" },
  asked: null,
  session: null,
  openBefore: null,
  minutes: 0,
  incomplete: false,
  acted: false,
  turn: 0,
};

/** The state after `event`, and what is to be done for it. `now` is in milliseconds by this browser's clock. */
export function step(before: State, event: Event, now: number): { state: State; effects: Effect[] } {
  const effects: Effect[] = [];
  const late = "turn" in event && event.turn !== before.turn;
  const state = late ? before : next(before, event, now, effects);
  return { state, effects };
}

function next(state: State, event: Event, now: number, effects: Effect[]): State {
  switch (event.is) {
    case "load":
      // Of another purpose nothing is known: neither a number to call, nor what a start would ask.
      return load(event.anew ? { ...state, asked: null } : state, effects);
    case "retry":
      return load({ ...state, acted: true }, effects);
    case "stop":
      effects.push({ do: "cancel" });
      return load(state, effects);
    case "leave":
      return over(state, effects);
    case "purpose":
      return { ...state, asked: event.purpose, view: { name: event.purpose.open ? "ready" : "closed" } };
    case "begin": {
      const begun: State = { ...over(state, effects), acted: true, view: { name: "starting" } };
      effects.push({ do: "start", turn: begun.turn });
      return begun;
    }
    case "started":
      return count(follow({ ...state, session: event.session, openBefore: now + OPEN_WITHIN }, effects), now, effects);
    case "refused":
      return refused(state, event.cause, event.openingHours);
    case "step":
      return stepped(state, event.step, now, effects);
    case "enter":
      return enter(state, event.code.replace(/\s/g, ""), effects);
    case "show qr":
    case "show button":
      effects.push({ do: event.is });
      return state;
    case "reconnect":
      return followAgain(state, effects);
    case "wake": {
      const woken = count(state, now, effects);
      return woken.view.name === "lost" ? followAgain(woken, effects) : woken;
    }
    case "tick":
      return count(state, now, effects);
  }
}

function stepped(before: State, step: Step, now: number, effects: Effect[]): State {
  const opened = step.name === "pairing" || step.name === "app";
  // The IRMA server tells a session that was cancelled because no app opened it like one that was refused.
  const unopened = step.name === "declined" && before.openBefore !== null && before.openBefore <= now;
  const view: Step = unopened ? { name: "timeout" } : step;
  const state = { ...before, incomplete: false, view, openBefore: opened ? null : before.openBefore };
  return view.name === "declined" || view.name === "timeout" ? over(state, effects) : state;
}

/** Leaves the session, if there is one, and waits for no answer any more. */
function over(state: State, effects: Effect[]): State {
  effects.push({ do: "leave" });
  return { ...state, session: null, turn: state.turn + 1 };
}

function load(before: State, effects: Effect[]): State {
  const state: State = { ...over(before, effects), view: { name: "loading" } };
  effects.push({ do: "ask", turn: state.turn });
  return state;
}

function follow(state: State, effects: Effect[]): State {
  if (state.session) effects.push({ do: "follow", turn: state.turn, session: state.session });
  return state;
}

/** From where the session is: the wallet may be further than when the connection was lost. */
const followAgain = (state: State, effects: Effect[]): State => follow({ ...state, turn: state.turn + 1 }, effects);

function refused(state: State, cause: Cause, openingHours: OpeningHours | undefined): State {
  const asked = state.asked && openingHours ? { ...state.asked, open: false, openingHours } : state.asked;
  return { ...state, asked, view: { name: cause } };
}

function enter(state: State, code: string, effects: Effect[]): State {
  const incomplete = !/^\d{4}$/.test(code);
  effects.push(incomplete ? { do: "focus field" } : { do: "enter", code });
  return { ...state, incomplete };
}

/** Counts down by whole minutes, as long as there is a session. */
function count(state: State, now: number, effects: Effect[]): State {
  if (!state.session) return state;
  const left = state.session.deadline - now;
  if (left <= 0) return { ...over(state, effects), view: { name: "expired" } };
  effects.push({ do: "tick", after: (left % MINUTE) + 1 });
  return { ...state, minutes: Math.floor(left / MINUTE) };
}
