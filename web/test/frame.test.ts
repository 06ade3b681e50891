import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { perFrame } from '../src/app/frame';

// A page whose frames come when the test says so.
let frames: (() => void)[];
const page = Object.assign(new EventTarget(), { hidden: false });

beforeEach(() => {
  frames = [];
  page.hidden = false;
  vi.useFakeTimers();
  vi.stubGlobal('document', page);
  vi.stubGlobal('requestAnimationFrame', (callback: () => void) => frames.push(callback));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const paint = () => frames.splice(0).forEach((callback) => callback());

test('what is asked for within a frame is done once, in the frame', () => {
  const run = vi.fn();
  const ask = perFrame(run);
  ask();
  ask();
  expect(run).not.toHaveBeenCalled();
  paint();
  vi.advanceTimersByTime(1_000);
  expect(run).toHaveBeenCalledTimes(1);
});

test('where frames do not come it is done without them, and not again when they come', () => {
  const run = vi.fn();
  const ask = perFrame(run);
  ask();
  vi.advanceTimersByTime(100);
  expect(run).toHaveBeenCalledTimes(1);
  paint();
  expect(run).toHaveBeenCalledTimes(1);
});

test('a page that is hidden meanwhile does it at once, then four times a second', async () => {
  const run = vi.fn();
  const ask = perFrame(run);
  ask();
  page.hidden = true;
  page.dispatchEvent(new Event('visibilitychange'));
  expect(run).toHaveBeenCalledTimes(1);
  ask();
  await vi.advanceTimersByTimeAsync(249);
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(run).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1_000);
  ask();
  await vi.advanceTimersByTimeAsync(0);
  expect(run).toHaveBeenCalledTimes(3);
});
