/** The words of a page, in the languages that it speaks. */

export type Language = "nl" | "en";

type Texts = Readonly<Record<string, string>>;
/** The same keys as `T`, none less and none more. */
type Same<T extends Texts, U extends Texts> = U & Record<keyof T, string> & Record<Exclude<keyof U, keyof T>, never>;

/** Looks up a text, and fills in what stands between braces. */
export type Say<T extends Texts> = (key: keyof T & string, values?: Readonly<Record<string, string | number>>) => string;

/** Two message files become one lookup. Files with different keys do not compile. */
export function messages<const T extends Texts, const U extends Texts>(nl: T, en: Same<T, U>): (language: Language) => Say<T> {
  const texts: Record<Language, Record<keyof T, string>> = { nl, en };
  return (language) =>
    (key, values = {}) =>
      texts[language][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** The language that a `lang` attribute names: English if it says so, Dutch otherwise. */
export const languageOf = (tag: string | null | undefined): Language => (/^en\b/i.test(tag ?? "") ? "en" : "nl");
