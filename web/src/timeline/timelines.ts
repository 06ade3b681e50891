// The timelines that are kept: the room in view and the ones looked at before it.

import { signal } from '@preact/signals';
import type { Gap } from '@starling/sdk';
import { Timeline } from './timeline';

const KEPT = 8;

/** By room, the one looked at last at the end. */
const kept = new Map<string, Timeline>();

/** The one in view. */
export const shownTimeline = signal<Timeline | undefined>(undefined);

/** Brings a room into view, or none. One that is in view is entered again: its numbers are known now. */
export function lookAt(roomId: string | undefined): void {
  const timeline = roomId === undefined ? undefined : timelineOf(roomId);
  timeline?.enter();
  shownTimeline.value = timeline;
}

/** The room's timeline, made if need be; it becomes the newest, and the oldest is let go. */
function timelineOf(roomId: string): Timeline {
  const timeline = kept.get(roomId) ?? new Timeline(roomId);
  kept.delete(roomId);
  kept.set(roomId, timeline);
  for (const [id] of kept) {
    if (kept.size <= KEPT) break;
    kept.delete(id);
  }
  return timeline;
}

export function timelineIfKept(roomId: string): Timeline | undefined {
  return kept.get(roomId);
}

export function forgetTimeline(roomId: string): void {
  kept.delete(roomId);
}

export function flushTimelines(): void {
  for (const timeline of kept.values()) timeline.flush();
}

export function retryTimelines(): void {
  for (const timeline of kept.values()) timeline.retry();
}

export function noteGap(gap: Gap): void {
  const timeline = kept.get(gap.roomId);
  if (gap.reason === 'epoch') void timeline?.fill();
  else timeline?.gap();
}
