/** A text in both languages. Where the number in `n` matters, one form for one and another for all other numbers. */
export interface Message {
  readonly en: string | { readonly one: string; readonly other: string };
  readonly zh: string;
}

export type Language = 'en' | 'zh';

export type Values = Readonly<Record<string, string | number>>;

/** The text with its values filled in, numbers as the locale writes them. */
export function translate(message: Message, language: Language, numbers: Intl.NumberFormat, values: Values): string {
  const text = message[language];
  const form = typeof text === 'string' ? text : values['n'] === 1 ? text.one : text.other;
  return form.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? numbers.format(value) : value;
  });
}

/** The parts of a text between its values, for values that are elements: `['Queue ', 'name', ' is paused']`. */
export function partsOf(message: Message, language: Language): { readonly text?: string; readonly value?: string }[] {
  const text = message[language];
  const form = typeof text === 'string' ? text : text.other;
  return form
    .split(/(\{\w+\})/)
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('{') ? { value: part.slice(1, -1) } : { text: part }));
}
