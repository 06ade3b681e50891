// What has been written and not sent, by room. It lives in localStorage: it survives a reload, and
// the user's other tabs hear of every change.

import { signal, type Signal } from '@preact/signals';
import { me } from '../session/client';

const drafts = new Map<string, Signal<string>>();

const keyOf = (roomId: string): string => `starling.draft.${me()?.userId ?? 0}.${roomId}`;

export function draftOf(roomId: string): Signal<string> {
  const key = keyOf(roomId);
  const draft = drafts.get(key) ?? signal(localStorage.getItem(key) ?? '');
  drafts.set(key, draft);
  return draft;
}

export function keepDraft(roomId: string, text: string): void {
  draftOf(roomId).value = text;
  const key = keyOf(roomId);
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // The storage is full: the draft lasts as long as this tab.
  }
}

addEventListener('storage', ({ key, newValue }) => {
  const draft = key === null ? undefined : drafts.get(key);
  if (draft) draft.value = newValue ?? '';
});
