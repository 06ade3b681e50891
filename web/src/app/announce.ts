// What a screen reader says of new messages: in a region of its own, since a list that is itself
// live would be read aloud whenever older messages are loaded.

import { signal } from '@preact/signals';
import type { Message } from '@starling/sdk';
import { t } from '../i18n';
import { plainText } from '../markdown/plain';

/** More than these at once are told as a number. */
const TOLD_IN_FULL = 3;
const TEXT_LIMIT = 300;
/** What comes within this time is told together. */
const GATHER_MS = 500;

export const announcement = signal<readonly string[]>([]);

let waiting: Message[] = [];
let more = 0;

export function announce(message: Message): void {
  if (waiting.length === 0) setTimeout(tell, GATHER_MS);
  if (waiting.length <= TOLD_IN_FULL) waiting.push(message);
  else more += 1;
}

function tell(): void {
  announcement.value =
    waiting.length > TOLD_IN_FULL
      ? [t('timeline.announceMany', { count: waiting.length + more })]
      : waiting.map(({ senderUsername, content }) =>
          t('timeline.announce', { name: senderUsername, text: plainText(content, TEXT_LIMIT) }),
        );
  waiting = [];
  more = 0;
}
