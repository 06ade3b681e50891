import { expect, test } from 'vitest';
import { createUnreadCount, MAX_UNREAD } from '../src/unread.js';
import { seeded } from './fake_server.js';

test('what the server counted is not counted again', () => {
  const count = createUnreadCount();
  count.told(10, 4, 6);
  for (let seq = 5; seq <= 10; ++seq) count.add(seq, true); // the resume
  expect(count.value).toBe(6);
  count.add(11, true);
  count.add(11, true);
  expect(count.value).toBe(7);
});

test('deletions are events and no messages', () => {
  const count = createUnreadCount();
  count.told(3, 3, 0);
  count.add(4, false);
  count.add(5, true);
  expect([count.value, count.seen]).toEqual([1, 5]);
});

test('a read mark never goes back', () => {
  const count = createUnreadCount();
  count.told(10, 8, 2);
  count.told(10, 5, 5);
  expect([count.readSeq, count.value]).toEqual([8, 2]);
  expect(count.read(7)).toBe(false);
});

test('what was read here and not yet told counts', () => {
  const count = createUnreadCount();
  count.told(10, 0, 10);
  expect(count.read(10)).toBe(true);
  count.told(12, 0, 12); // after a reconnect: the server has not heard of the mark
  expect([count.readSeq, count.value]).toEqual([10, 2]);
});

test('a thousand is the end of counting, and exact below it again', () => {
  const count = createUnreadCount();
  count.told(0, 0, 0);
  for (let seq = 1; seq <= 2_500; ++seq) count.add(seq, true);
  expect(count.value).toBe(MAX_UNREAD);
  count.read(2_490);
  expect(count.value).toBe(10);
});

test('a word that came behind an event it did not count takes nothing away', () => {
  const count = createUnreadCount();
  count.told(10, 5, 5);
  count.read(10);
  count.add(11, true);
  count.told(undefined, 10, 0); // counted at 10
  expect(count.value).toBe(1);
});

test('the answer to an earlier mark does not blur what is known since', () => {
  const count = createUnreadCount();
  count.told(10, 10, 0);
  for (let seq = 11; seq <= 15; ++seq) count.add(seq, seq !== 14);
  count.read(12);
  count.told(15, 11, 3);
  expect([count.readSeq, count.value]).toEqual([12, 2]); // 13 and 15
});

// Events, marks of this and other devices, and the server's words come in any order that a connection allows.
test.each([true, false])('it is exact whenever the last word has been heard (words with a head: %s)', (withHead) => {
  for (let seed = 1; seed <= 300; ++seed) {
    const random = seeded(seed);
    const count = createUnreadCount();
    const messages: number[] = []; // every seq that is a message
    let head = 0;
    let heard = 0; // events given to the client
    let serverRead = 0;
    const unread = () => Math.min(MAX_UNREAD, messages.filter((seq) => seq > serverRead).length);
    const give = () => {
      while (heard < head) count.add(++heard, messages.includes(heard));
    };
    for (let step = 0; step < 60; ++step) {
      const choice = random();
      if (choice < 0.5) {
        ++head;
        if (random() < 0.8) messages.push(head);
        if (random() < 0.7) give();
      } else if (choice < 0.7) {
        if (count.read(Math.ceil(random() * heard))) serverRead = Math.max(serverRead, count.readSeq);
      } else {
        serverRead = Math.max(serverRead, Math.ceil(random() * head)); // elsewhere
        if (!withHead) give(); // such a word is right only about what has been heard
        count.told(withHead ? head : undefined, serverRead, unread());
        expect(count.value, `seed ${seed}, step ${step}`).toBe(unread());
      }
    }
    give();
    count.told(head, serverRead, unread());
    expect([count.value, count.readSeq], `seed ${seed}`).toEqual([unread(), serverRead]);
  }
});
