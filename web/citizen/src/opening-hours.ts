/** Opening hours in words. */

import type { Language, Say } from "../../common/src/i18n.ts";
import type { Hours, OpeningHours } from "./api.ts";
import type nl from "./messages.nl.json";

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const LOCALES: Record<Language, string> = { nl: "nl-NL", en: "en-GB" };

export interface Line {
  days: string;
  hours: string;
}

/** One line for each run of days with the same hours, Monday first. */
export function weekly({ weekly }: OpeningHours, language: Language, say: Say<typeof nl>): Line[] {
  const runs: { first: number; last: number; hours: string }[] = [];
  DAYS.forEach((day, index) => {
    const hours = inWords(weekly[day] ?? [], language, say);
    const run = runs.at(-1);
    if (run?.hours === hours) run.last = index;
    else runs.push({ first: index, last: index, hours });
  });
  return runs.map(({ first, last, hours }) => {
    const names = { first: dayName(first, language), last: dayName(last, language) };
    return { days: first === last ? names.first : say(last - first === 1 ? "twoDays" : "dayRange", names), hours };
  });
}

/** The days to come on which the number is not answered at all. */
export function closedDays({ closedOn }: OpeningHours, language: Language, now = new Date()): string[] {
  const today = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Amsterdam" }).format(now);
  const format = new Intl.DateTimeFormat(LOCALES[language], {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
  return closedOn
    .filter((date) => date >= today)
    .sort()
    .map((date) => format.format(new Date(`${date}T00:00:00Z`)));
}

function inWords(hours: Hours[], language: Language, say: Say<typeof nl>): string {
  if (hours.length === 0) return say("closedDay");
  const ranges = hours.map(({ from, to }) =>
    from === "00:00" && to === "24:00"
      ? say("allDay")
      : say("hoursRange", { from: clock(from, language), to: clock(to, language) }),
  );
  return new Intl.ListFormat(LOCALES[language]).format(ranges);
}

/** Dutch writes hours with a full stop. */
const clock = (time: string, language: Language): string => (language === "nl" ? time.replace(":", ".") : time);

/** 1 January 2024 was a Monday. */
const dayName = (index: number, language: Language): string =>
  new Intl.DateTimeFormat(LOCALES[language], { weekday: "long", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + index));
