import { describe, expect, test } from 'vitest';
import { day, pickLocale, pieces, reasonOf, t } from '../src/i18n';
import { en, type Text } from '../src/i18n/en';
import { accented, rightToLeft } from '../src/i18n/pseudo';

const forms = (text: Text): string[] => (typeof text === 'string' ? [text] : Object.values(text));
const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe('texts', () => {
  test.each([
    ['en-XA', accented()],
    ['ar-XB', rightToLeft()],
  ])('%s has every text, changed, with its placeholders', (_, catalogue) => {
    expect(Object.keys(catalogue)).toEqual(Object.keys(en));
    for (const [key, text] of Object.entries<Text>(en)) {
      const made = forms(catalogue[key as keyof typeof en]);
      forms(text).forEach((form, index) => {
        expect(made[index], key).not.toBe(form);
        expect(placeholders(made[index]!), key).toEqual(placeholders(form));
      });
    }
  });

  test('every text is used', () => {
    const files = import.meta.glob<string>(['../src/**/*.{ts,tsx}', '!../src/i18n/en.ts'], {
      query: '?raw',
      import: 'default',
      eager: true,
    });
    const source = Object.values(files).join('\n');
    for (const key of Object.keys(en).filter((one) => !one.startsWith('error.'))) {
      expect(source.includes(`'${key}'`), `${key} is not used`).toBe(true);
    }
  });

  test('a text that counts has the form of its number', () => {
    expect(t('rooms.unread', { count: 1 })).toBe('1 unread message');
    expect(t('rooms.unread', { count: 1_200 })).toBe('1,200 unread messages');
  });

  test('names are put in as pieces, never as text of the sentence', () => {
    expect(pieces('composer.typingOne', { name: 7 })).toEqual(['', 7, ' is typing…']);
  });

  test('the first language with a catalogue is taken', () => {
    expect(pickLocale(['de-DE', 'en-GB'])).toBe('en');
    expect(pickLocale(['en-XA', 'en'])).toBe('en-XA');
    expect(pickLocale(['xx'])).toBe('en');
  });

  test('days are named as near ones are spoken of', () => {
    const now = new Date(2026, 2, 1, 0, 5).getTime();
    expect(day(now, now)).toBe('Today');
    expect(day(new Date(2026, 1, 28, 23, 55).getTime(), now)).toBe('Yesterday');
    expect(day(new Date(2025, 1, 28).getTime(), now)).toContain('2025');
    expect(day(new Date(2026, 1, 3).getTime(), now)).not.toContain('2026');
  });

  test('a known code has words of its own, an unknown one the words of the server', () => {
    expect(reasonOf({ code: 'too_large', message: 'x' })).toBe(en['error.too_large']);
    expect(reasonOf({ code: 'teapot', message: 'I am one' })).toBe('I am one');
  });
});
