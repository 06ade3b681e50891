// Catalogues that no one reads, to see what translations will do to the page: en-XA is longer and
// has accents (text that stays plain was not translated), ar-XB runs from right to left.

import { en, type Catalogue, type Text } from './en';

const ACCENTS: Record<string, string> = {
  a: 'á', b: 'ƀ', c: 'ç', d: 'ð', e: 'é', g: 'ĝ', h: 'ĥ', i: 'î', j: 'ĵ', k: 'ķ', l: 'ļ', n: 'ñ',
  o: 'ö', p: 'þ', r: 'ŕ', s: 'š', t: 'ţ', u: 'ü', w: 'ŵ', y: 'ý', z: 'ž',
  A: 'Å', C: 'Ç', D: 'Ð', E: 'É', G: 'Ĝ', I: 'Î', L: 'Ļ', M: 'Ṁ', N: 'Ñ', O: 'Ö', R: 'Ŕ', S: 'Š',
  T: 'Ţ', U: 'Ü', W: 'Ŵ', Y: 'Ý',
};
const RIGHT_TO_LEFT_OVERRIDE = '\u202e';
const POP = '\u202c';

/** Applies `change` to a text's words, and leaves its {placeholders} as they are. */
function outsidePlaceholders(text: string, change: (part: string) => string): string {
  return text
    .split(/(\{\w+\})/)
    .map((part) => (part.startsWith('{') || part === '' ? part : change(part)))
    .join('');
}

function longer(text: string): string {
  const accented = outsidePlaceholders(text, (part) =>
    Array.from(part, (letter) => ACCENTS[letter] ?? letter).join(''),
  );
  return `[${accented}${'·'.repeat(Math.ceil(text.length * 0.3))}]`;
}

function mirrored(text: string): string {
  return outsidePlaceholders(text, (part) => RIGHT_TO_LEFT_OVERRIDE + part + POP);
}

function mapped(change: (text: string) => string): Catalogue {
  const texts = Object.entries<Text>(en).map(([key, text]) => [
    key,
    typeof text === 'string'
      ? change(text)
      : Object.fromEntries(Object.entries(text).map(([form, one]) => [form, change(one)])),
  ]);
  return Object.fromEntries(texts) as Catalogue;
}

export const accented = (): Catalogue => mapped(longer);
export const rightToLeft = (): Catalogue => mapped(mirrored);
