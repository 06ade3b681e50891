import { describe, expect, test } from 'vitest';
import { choicesFor } from '../src/rooms/choices';
import { ROOM_NAME } from '../src/rooms/name';
import { neighbour } from '../src/rooms/neighbour';

const own = [
  { roomId: 'garden', unread: 0 },
  { roomId: 'general', unread: 3 },
  { roomId: 'the-general-store', unread: 0 },
];
const ids = (typed: string, others: string[] = []): string[] => choicesFor(typed, own, others).map((choice) => choice.roomId);

describe('switcher', () => {
  test('without a text: all own rooms, unread ones first', () => {
    expect(ids('')).toEqual(['general', 'garden', 'the-general-store']);
  });

  test('rooms that begin with the text come before those that contain it, then others, then a new one', () => {
    expect(ids('GEN', ['genome', 'garden'])).toEqual(['general', 'the-general-store', 'genome', 'GEN']);
  });

  test('a room that is named exactly is the first, and not offered as new', () => {
    expect(ids('general')).toEqual(['general', 'the-general-store']);
    expect(choicesFor('#kitchen', own, [])).toEqual([{ roomId: 'kitchen', unread: 0, isNew: true }]);
  });

  test('what cannot be a name is no choice', () => {
    expect(ids('a b')).toEqual([]);
    expect(ids('x'.repeat(51))).toEqual([]);
    expect(ROOM_NAME.test('a.b-c_D9')).toBe(true);
  });
});

describe('neighbour', () => {
  test('goes around both ends', () => {
    expect(neighbour(own, 'garden', -1, false)).toBe('the-general-store');
    expect(neighbour(own, 'the-general-store', 1, false)).toBe('garden');
  });

  test('with unread ones only, goes past the others', () => {
    expect(neighbour(own, 'garden', 1, true)).toBe('general');
    expect(neighbour(own, 'garden', -1, true)).toBe('general');
    expect(neighbour(own, 'general', 1, true)).toBeUndefined();
  });

  test('from no room, begins at an end; among none there is none', () => {
    expect(neighbour(own, undefined, 1, false)).toBe('garden');
    expect(neighbour(own, undefined, -1, false)).toBe('the-general-store');
    expect(neighbour([], undefined, 1, false)).toBeUndefined();
  });
});
