// The page's language: texts by key, and dates and numbers by Intl. It is chosen once, before the
// first drawing, by `?locale=` or the browser's languages.

import { en, type Catalogue, type Key, type Text } from './en';

export type { Key } from './en';

/** Languages with a catalogue; each but English is loaded when it is chosen. */
const catalogues: Record<string, () => Promise<Catalogue>> = {
  en: async () => en,
  'en-XA': async () => (await import('./pseudo')).accented(),
  'ar-XB': async () => (await import('./pseudo')).rightToLeft(),
};
const RIGHT_TO_LEFT = new Set(['ar', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi']);

export type Values = Record<string, string | number>;

let texts: Catalogue = en;
let plurals = new Intl.PluralRules('en');
let numbers = new Intl.NumberFormat('en');
let formats = dateFormats('en');

function dateFormats(locale: string) {
  return {
    time: new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' }),
    day: new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' }),
    dayOfYear: new Intl.DateTimeFormat(locale, { dateStyle: 'full' }),
    short: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' }),
    moment: new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' }),
    near: new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }),
  };
}

/** The catalogue for the first of `wanted` that has one; else English. */
export function pickLocale(wanted: readonly string[]): string {
  for (const tag of wanted) {
    if (tag in catalogues) return tag;
    const language = tag.split('-')[0]!;
    if (language in catalogues) return language;
  }
  return 'en';
}

/** `catalogue` is the key of its texts; dates follow `regional`, which may be more exact (en-GB). */
export async function startLocale(catalogue: string, regional: string = catalogue): Promise<void> {
  texts = await catalogues[catalogue]!();
  const language = catalogue.split('-')[0]!;
  // A pseudo-locale has the dates of its language.
  const dates = catalogue.includes('-X') ? language : regional;
  plurals = new Intl.PluralRules(language);
  numbers = new Intl.NumberFormat(dates);
  formats = dateFormats(dates);
  document.documentElement.lang = catalogue;
  document.documentElement.dir = RIGHT_TO_LEFT.has(language) ? 'rtl' : 'ltr';
}

function template(key: Key, values: Record<string, unknown>): string {
  const text: Text = texts[key];
  if (typeof text === 'string') return text;
  return text[plurals.select(Number(values['count'])) as keyof typeof text] ?? text.other;
}

/** The text of a key with its {placeholders} filled in. */
export function t(key: Key, values: Values = {}): string {
  return template(key, values).replace(/\{(\w+)\}/g, (_, name: string) => shown(values[name]));
}

/** The same in pieces, for placeholders that are elements. */
export function pieces<T>(key: Key, values: Record<string, T>): (string | T)[] {
  return template(key, values)
    .split(/\{(\w+)\}/)
    .map((part, index) => (index % 2 === 1 ? values[part]! : part));
}

function shown(value: string | number | undefined): string {
  return typeof value === 'number' ? numbers.format(value) : (value ?? '');
}

export const clock = (time: number): string => formats.time.format(time);
export const moment = (time: number): string => formats.moment.format(time);

const DAY_MS = 86_400_000;

/** Calendar days from `time` to `now`, in the reader's time zone. */
function daysAgo(time: number, now: number): number {
  const midnight = (at: number) => new Date(at).setHours(0, 0, 0, 0);
  return Math.round((midnight(now) - midnight(time)) / DAY_MS);
}

/** “Today”, “Yesterday”, or the date, with its year when it is not of this one. */
export function day(time: number, now: number): string {
  const ago = daysAgo(time, now);
  if (ago === 0 || ago === 1) return capitalized(formats.near.format(-ago, 'day'));
  const thisYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (thisYear ? formats.day : formats.dayOfYear).format(time);
}

/** For narrow places: the time of today, otherwise the date. */
export function brief(time: number, now: number): string {
  return daysAgo(time, now) === 0 ? clock(time) : formats.short.format(time);
}

function capitalized(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

/** What went wrong, in the page's words if it has some for this code, else in the server's. */
export function reasonOf(error: { code?: string; message: string }): string {
  const key = `error.${error.code}`;
  return key in texts ? t(key as Key) : error.message;
}
