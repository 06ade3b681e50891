import { expect, test } from 'vitest';
import { backoffMs } from '../src/backoff.js';

test('the longest wait doubles from 0.5 s to 30 s', () => {
  const longest = (attempt: number) => backoffMs(attempt, () => 1);
  expect([0, 1, 2, 5, 6, 100, 5_000].map(longest)).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
});

test('full jitter: any wait from nothing on', () => {
  expect(backoffMs(3, () => 0)).toBe(0);
  expect(backoffMs(3, () => 0.25)).toBe(1_000);
});
