// From the client's events to what is drawn. Everything that arrives within a frame is taken over
// together: first the timelines (a reader at the end has then read it), then the numbers of rooms.

import { batch, effect } from '@preact/signals';
import { flushNames, endTyping, noteName, noteTyping } from '../rooms/people';
import { fetchPreviews, flushRooms, noteDeletion, noteLeft, noteMemberships, noteMessage, noteRoom, totalUnread } from '../rooms/rooms';
import { client } from '../session/client';
import { flushTimelines, forgetTimeline, noteGap, retryTimelines, timelineIfKept } from '../timeline/timelines';
import { announce } from './announce';
import { perFrame } from './frame';
import { currentRoom, standIn } from './route';

export const ask = perFrame(() =>
  batch(() => {
    flushTimelines();
    flushRooms();
    flushNames();
  }),
);

export function startFeed(): void {
  client.on('message', (message) => {
    timelineIfKept(message.roomId)?.receive(message);
    noteMessage(message);
    noteName(message.senderId, message.senderUsername);
    endTyping(message.roomId, message.senderId);
    if (message.roomId === currentRoom.peek() && message.senderId !== client.session?.userId) announce(message);
    ask();
  });
  client.on('tombstone', (tombstone) => {
    timelineIfKept(tombstone.roomId)?.receive(tombstone);
    ask();
  });
  client.on('deleted', ({ roomId, seq, ofSeq }) => {
    timelineIfKept(roomId)?.remove(seq, ofSeq);
    noteDeletion(roomId, ofSeq);
    ask();
  });
  client.on('gap', noteGap);
  client.on('pending', ({ pending, message }) => {
    const timeline = timelineIfKept(pending.roomId);
    // The message comes in the same frame as its pending row goes: one row becomes the other.
    if (message) timeline?.receive(message);
    timeline?.notePending();
    ask();
  });
  client.on('room', (room) => {
    noteRoom(room.roomId);
    ask();
  });
  client.on('left', ({ roomId }) => {
    noteLeft(roomId);
    forgetTimeline(roomId);
    if (currentRoom.peek() === roomId) standIn(undefined);
    ask();
  });
  client.on('presence', ({ roomId, joined, left }) => {
    noteRoom(roomId);
    for (const who of [joined, left]) if (who) noteName(who.userId, who.username);
    ask();
  });
  client.on('status', ({ userId, username }) => noteName(userId, username));
  client.on('typing', noteTyping);
  client.on('session', ({ userId, username }) => {
    noteName(userId, username);
    noteMemberships();
    ask();
  });
  // Not with the session: the client asks nothing before it is online.
  client.on('state', ({ state }) => {
    if (state !== 'online') return;
    retryTimelines();
    void fetchPreviews(ask);
  });
  effect(() => {
    const count = totalUnread.value;
    document.title = count > 0 ? `(${count}) Starling` : 'Starling';
  });
}
