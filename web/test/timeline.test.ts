// A timeline against a server that is a list: whatever comes in whichever order, what is shown is
// one run of that list, and at the end it reaches the present.

import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { HistoryPage, HistoryQuery, Message, Room } from '@starling/sdk';

type Event = { seq: number; ofSeq?: number };
const server = vi.hoisted(() => ({
  log: [] as { seq: number; ofSeq?: number }[],
  deleted: new Set<number>(),
  told: 0,
  room: { roomId: 'r', readSeq: 0, unread: 0, headSeq: 0 },
  answers: [] as (() => void)[],
}));

vi.mock('../src/session/client', () => ({
  client: {
    session: { userId: 1 },
    memberships: new Map([['r', server.room as Room]]),
    pending: () => [],
    join: async () => server.room,
    markRead: (_: string, seq: number) => {
      server.room.readSeq = seq;
      server.room.unread = 0;
    },
    history: (_: string, query: HistoryQuery) =>
      new Promise<HistoryPage>((resolve) => server.answers.push(() => resolve(page(query)))),
  },
}));

const { Timeline } = await import('../src/timeline/timeline');
const { ROWS_LIMIT } = await import('../src/timeline/window');

const message = (seq: number): Message => ({
  id: seq, seq, roomId: 'r', content: `m${seq}`, senderId: 2, senderUsername: 'u', messageType: 'text', timestamp: '2026-11-25T12:00:00.000Z',
});
const isDeleted = (seq: number): boolean => server.deleted.has(seq);

/** What the client answers: without a side, everything before what it will tell next. */
function page({ beforeSeq, afterSeq, limit = 50 }: HistoryQuery): HistoryPage {
  const upTo = beforeSeq ?? server.told + 1;
  const inRange = afterSeq === undefined ? server.log.filter((e) => e.seq < upTo) : server.log.filter((e) => e.seq > afterSeq);
  const events = afterSeq === undefined ? inRange.slice(-limit) : inRange.slice(0, limit);
  return {
    messages: events
      .filter((event) => event.ofSeq === undefined)
      .map(({ seq }) => (isDeleted(seq) ? { id: seq, seq, roomId: 'r', deleted: true as const } : message(seq))),
    fromSeq: events[0]?.seq ?? 0,
    toSeq: events.at(-1)?.seq ?? 0,
    hasMore: events.length < inRange.length,
  };
}

/** Answers what has been asked, and what is asked in turn. */
async function answerAll(): Promise<void> {
  for (let round = 0; round < 20; ++round) {
    for (const answer of server.answers.splice(0)) answer();
    await Promise.resolve();
  }
}

/** The messages of the log between the first and the last row that is shown. */
function expectRun(timeline: InstanceType<typeof Timeline>): void {
  const rows = timeline.rows.value;
  expect(rows.length).toBeLessThanOrEqual(ROWS_LIMIT);
  if (rows.length === 0) return;
  const [from, to] = [rows[0]!.seq, rows.at(-1)!.seq];
  const wanted = server.log.filter((e) => e.ofSeq === undefined && e.seq >= from && e.seq <= to).map((e) => e.seq);
  expect(rows.map((row) => row.seq)).toEqual(wanted);
}

const newest = (): number => server.log.findLast((event) => event.ofSeq === undefined)?.seq ?? 0;

function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

beforeEach(() => {
  server.log = [];
  server.deleted.clear();
  server.told = 0;
  server.answers = [];
  Object.assign(server.room, { readSeq: 0, unread: 0, headSeq: 0 });
});

function happens(event: Event): void {
  server.log.push(event);
  if (event.ofSeq !== undefined) server.deleted.add(event.ofSeq);
  server.room.headSeq = event.seq;
}

function tell(timeline: InstanceType<typeof Timeline>): void {
  const event = server.log[server.told];
  if (!event) return;
  server.told = event.seq;
  if (event.ofSeq === undefined) timeline.receive(message(event.seq));
  else timeline.remove(event.seq, event.ofSeq);
}

describe('timeline', () => {
  test.each(Array.from({ length: 200 }, (_, n) => n + 1))('any order of events, pages and scrolling (seed %i)', async (seed) => {
    const chance = random(seed * 7919);
    const pick = (n: number) => Math.floor(chance() * n);
    for (let seq = 1; seq <= pick(900); ++seq) happens({ seq });
    server.told = server.log.length;
    const timeline = new Timeline('r');
    timeline.enter();
    for (let step = 0; step < 120; ++step) {
      const rows = timeline.rows.value;
      switch (pick(8)) {
        case 0:
        case 1:
          for (let n = pick(30); n > 0; --n) happens({ seq: server.log.length + 1 });
          break;
        case 2: {
          const target = server.log[pick(server.log.length)];
          if (target && target.ofSeq === undefined && !isDeleted(target.seq)) happens({ seq: server.log.length + 1, ofSeq: target.seq });
          break;
        }
        case 3:
          for (let n = pick(60); n > 0; --n) tell(timeline);
          timeline.flush();
          break;
        case 4:
          await answerAll();
          break;
        case 5: {
          const row = rows[pick(rows.length)];
          timeline.place = row ? { following: false, atLine: false, anchor: { key: `#${row.seq}`, top: 0 } } : { following: true, atLine: false };
          break;
        }
        case 6:
          void (pick(2) ? timeline.loadOlder() : timeline.loadNewer());
          break;
        case 7:
          if (pick(6) === 0) timeline.toEnd();
          break;
      }
      expectRun(timeline);
    }
    while (server.told < server.log.length) tell(timeline);
    timeline.flush();
    timeline.toEnd();
    await answerAll();
    expectRun(timeline);
    expect(timeline.attached.value).toBe(true);
    expect(timeline.rows.value.at(-1)?.seq ?? 0).toBe(newest());
    for (const row of timeline.rows.value) expect(row.deleted ?? false).toBe(isDeleted(row.seq));
  });

  test('a page for an end that has moved meanwhile leaves no hole', async () => {
    for (let seq = 1; seq <= 1_000; ++seq) happens({ seq });
    server.told = 1_000;
    const timeline = new Timeline('r');
    timeline.enter();
    await answerAll();
    while (timeline.rows.value.length < ROWS_LIMIT - 60) {
      void timeline.loadOlder();
      await answerAll();
    }
    void timeline.loadOlder();
    for (let seq = 1_001; seq <= 1_100; ++seq) {
      happens({ seq });
      tell(timeline);
    }
    timeline.flush();
    const first = timeline.rows.value[0]!.seq;
    timeline.place = { following: false, atLine: false, anchor: { key: `#${first}`, top: 0 } };
    await answerAll();
    expectRun(timeline);
    expect(timeline.rows.value[0]!.seq).toBe(first);
  });

  test('the line is drawn above what nobody reads along, and stays there', async () => {
    for (let seq = 1; seq <= 5; ++seq) happens({ seq });
    server.told = 5;
    const timeline = new Timeline('r');
    timeline.enter();
    await answerAll();
    server.room.readSeq = 5;
    for (let seq = 6; seq <= 8; ++seq) {
      happens({ seq });
      server.room.unread += 1;
      tell(timeline);
      timeline.flush();
    }
    expect(timeline.newAfter.value).toBe(5);
  });

  test('what a reader at the end sees is read', async () => {
    happens({ seq: 1 });
    server.told = 1;
    const timeline = new Timeline('r');
    timeline.enter();
    await answerAll();
    timeline.viewer = { reading: () => true, lineInView: () => false };
    happens({ seq: 2 });
    server.room.unread = 1;
    tell(timeline);
    timeline.flush();
    expect(server.room.readSeq).toBe(2);
    expect(timeline.newAfter.value).toBeUndefined();
  });
});
