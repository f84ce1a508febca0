import { type Language, messages } from "../../common/src/i18n.ts";
import en from "./messages.en.json" with { type: "json" };
import nl from "./messages.nl.json" with { type: "json" };

export type { Language };
export type Key = keyof typeof nl;

const words = messages(nl, en);

/** A message in this language, with its `{names}` filled in. */
export const text = (language: Language, key: Key, values: Record<string, string | number> = {}): string =>
  words(language)(key, values);
