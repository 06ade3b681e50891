// Soft trouble that the server or the client tells: a note that goes by itself, or with its cause.

import { signal } from '@preact/signals';
import { t, type Key } from '../i18n';
import { client } from '../session/client';

const SHOWN_MS = 8_000;
const NOTES_LIMIT = 3;

export interface Note {
  code: string;
  level: string;
  text: string;
}

export const notes = signal<readonly Note[]>([]);

export function dismiss(code: string): void {
  notes.value = notes.value.filter((note) => note.code !== code);
}

/** Notes that stay until their cause is gone, and what ends them. */
const ENDED_BY: Record<string, string> = { restored: 'degraded' };
const STAYS = new Set(Object.values(ENDED_BY));

export function show(note: Note): void {
  dismiss(note.code);
  dismiss(ENDED_BY[note.code] ?? '');
  notes.value = [...notes.value, note].slice(-NOTES_LIMIT);
  if (!STAYS.has(note.code)) setTimeout(() => dismiss(note.code), SHOWN_MS);
}

const KNOWN: Record<string, Key> = {
  degraded: 'notice.degraded',
  restored: 'notice.restored',
  throttled: 'notice.throttled',
};

export function startNotices(): void {
  client.on('notice', ({ level, code, message }) => {
    const key = KNOWN[code];
    show({ level, code, text: key ? t(key) : message });
  });
  client.on('error', ({ code, message }) => show({ level: 'warning', code, text: message }));
}
