// A room's messages in a scroller. What is drawn comes from the timeline; where the reader is, from
// the pin.

import { useSignalEffect } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { day, t } from '../i18n';
import { cutOff, me as reader } from '../session/client';
import { roomView } from '../rooms/rooms';
import { EmptyRoom } from './EmptyRoom';
import { JumpButton } from './JumpButton';
import { layout, type Item } from './layout';
import { MessageRow } from './MessageRow';
import { Pin } from './pin';
import { onListFocus, onListKey, placeTabStop } from './rowKeys';
import type { Timeline } from './timeline';

/** Older or newer rows are wanted when the reader is as near to an end, in heights of the view. */
const NEAR = 1.5;

export function TimelineView({ timeline }: { timeline: Timeline }) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const pin = useRef<Pin | undefined>(undefined);

  pin.current?.beforeChange();
  const { userId: me, username: myName } = reader() ?? { userId: 0, username: '' };
  const rows = timeline.rows.value;
  const items = layout(rows, timeline.pending.value, { me, newAfter: timeline.newAfter.value });
  const loading = timeline.loading.value;
  const failed = timeline.failed.value;
  const complete = timeline.complete.value;
  const moves = timeline.moves.value;

  const look = () => {
    if (pin.current) lookAround(timeline, pin.current, scroller.current!);
  };

  useLayoutEffect(() => {
    pin.current = new Pin(scroller.current!, list.current!, () => timeline.place, look);
    timeline.viewer = {
      reading: () => isAtPresent(timeline) && !document.hidden,
      lineInView: () => pin.current?.lineInView() ?? false,
    };
    document.addEventListener('visibilitychange', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      timeline.viewer = undefined;
      pin.current?.dispose();
      pin.current = undefined;
    };
  }, [timeline]);

  useLayoutEffect(() => {
    placeTabStop(list.current!);
    pin.current!.settle();
  }, [rows, timeline.pending.value, timeline.newAfter.value, loading, failed, complete, moves]);

  // A room that others read elsewhere, or whose numbers came late.
  useSignalEffect(() => {
    roomView(timeline.roomId);
    look();
  });

  const empty = complete && rows.length === 0 && items.length === 0;
  return (
    <div class="timeline">
      <div class="scroller" data-timeline ref={scroller} role="group" aria-label={t('timeline.label', { room: timeline.roomId })}>
        <div class="sheet">
          <Beginning timeline={timeline} empty={empty} />
          <ol class="messages" ref={list} onKeyDown={onListKey} onFocusIn={onListFocus}>
            {items.map((item) => drawn(item, me, myName))}
          </ol>
          {(loading === 'newer' || failed?.loading === 'newer') && <Waiting timeline={timeline} />}
        </div>
      </div>
      <JumpButton timeline={timeline} />
    </div>
  );
}

const isAtPresent = ({ place, attached }: Timeline): boolean =>
  place.following && !place.atLine && attached.peek();

/** What follows from where the reader is: what has been read, and what is wanted next. */
function lookAround(timeline: Timeline, pin: Pin, scroller: HTMLElement): void {
  const { following, atLine } = timeline.place;
  timeline.atEnd.value = following;
  if (atLine) return;
  if (!document.hidden) {
    if (isAtPresent(timeline)) timeline.markRead();
    else if (!following) timeline.markRead(pin.lastSeqInView());
  }
  if (timeline.failed.peek()) return;
  const near = scroller.clientHeight * NEAR;
  if (scroller.scrollTop < near) void timeline.loadOlder();
  if (scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop < near) void timeline.loadNewer();
}

function drawn(item: Item, me: number, myName: string) {
  switch (item.kind) {
    case 'day':
      return (
        <li class="day" key={item.key}>
          <span>{day(item.time, Date.now())}</span>
        </li>
      );
    case 'new':
      return (
        <li class="new-line" key={item.key} data-new-line>
          <span>{t('timeline.new')}</span>
        </li>
      );
    case 'row':
      return <MessageRow key={item.key} rowKey={item.key} row={item.row} first={item.first} me={me} myName={myName} />;
    case 'pending':
      return (
        <MessageRow key={item.key} rowKey={item.key} pending={item.pending} first={item.first} me={me} myName={myName} />
      );
  }
}

/** What stands above the first row. */
function Beginning({ timeline, empty }: { timeline: Timeline; empty: boolean }) {
  if (empty) return <EmptyRoom roomId={timeline.roomId} />;
  if (!timeline.complete.value) return <Waiting timeline={timeline} />;
  return (
    <header class="beginning">
      <h2>{t('timeline.begin', { room: timeline.roomId })}</h2>
      <p>{t('timeline.beginHelp')}</p>
    </header>
  );
}

function Waiting({ timeline }: { timeline: Timeline }) {
  const failed = timeline.failed.value;
  if (!failed) return <p class="waiting">{t(cutOff.value ? 'timeline.waiting' : 'timeline.loading')}</p>;
  return (
    <p class="waiting">
      {t('timeline.loadFailed', { reason: failed.reason })}{' '}
      <button type="button" onClick={() => timeline.retry()}>
        {t('timeline.tryAgain')}
      </button>
    </p>
  );
}
