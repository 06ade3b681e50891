// When to try again. Full jitter: clients that were cut off together come back spread out.
const SHORTEST_MS = 500;
const LONGEST_MS = 30_000;

/** The wait before attempt number `attempt`, counted from 0. `random` gives 0 to 1. */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(LONGEST_MS, SHORTEST_MS * 2 ** attempt);
}
