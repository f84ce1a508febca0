import en from "./messages.en.json" with { type: "json" };
import nl from "./messages.nl.json" with { type: "json" };

export type Language = "nl" | "en";
type Messages = typeof nl;
export type Key = keyof Messages;

// Both ways: a key that one of them lacks does not compile.
const messages: Record<Language, Messages> = { nl, en: en satisfies Messages };
nl satisfies typeof en;

/** A message in this language, with its `{names}` filled in. */
export function text(language: Language, key: Key, values: Record<string, string | number> = {}): string {
  return messages[language][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
