// One room's timeline: which rows are here, how they come and go, where the reader is. It outlives
// its view, so that a room is found as it was left.
//
//    beginning ........ [ from ---- rows ---- to ] ........ head
//       `complete`: nothing before          `attached`: nothing behind, live rows are added
//
// Rows of a detached timeline that come live are left out: loading newer ones brings them.

import { batch, signal } from '@preact/signals';
import type { HistoryPage, Message, Pending } from '@starling/sdk';
import { reasonOf } from '../i18n';
import { enterRoom } from '../rooms/elsewhere';
import { noteMessage } from '../rooms/rooms';
import { client } from '../session/client';
import type { Place, Viewer } from './place';
import { Tail } from './tail';
import { keyOf, merge, trim, withoutMessage, type Row } from './window';

const PAGE = 60;
/** So many rows are shown above the one that a room is opened at. */
const CONTEXT = 25;

export type Loading = 'first' | 'older' | 'newer';

export interface Failure {
  loading: Loading;
  reason: string;
}

export class Timeline {
  readonly rows = signal<readonly Row[]>([]);
  readonly pending = signal<readonly Pending[]>([]);
  readonly loading = signal<Loading | undefined>(undefined);
  readonly failed = signal<Failure | undefined>(undefined);
  readonly complete = signal(false);
  readonly attached = signal(false);
  readonly newAfter = signal<number | undefined>(undefined);
  /** The reader is at the end of the rows. */
  readonly atEnd = signal(true);
  /** Counts what moves the reader without changing rows. */
  readonly moves = signal(0);
  place: Place = { following: true, atLine: false };
  viewer: Viewer | undefined;

  private from = 0;
  private to = 0;
  private incoming: Row[] = [];
  private removed: number[] = [];
  private pendingChanged = true;
  private tail = new Tail();
  /** Answers for an earlier filling are not wanted any more. */
  private filling = 0;

  constructor(readonly roomId: string) {}

  // ---- what comes live; taken over once per frame ------------------------------------------------

  receive(row: Row): void {
    this.incoming.push(row);
  }

  remove(deletionSeq: number, ofSeq: number): void {
    this.removed.push(ofSeq);
    if (this.attached.value) this.to = Math.max(this.to, deletionSeq);
  }

  notePending(): void {
    this.pendingChanged = true;
  }

  flush(): void {
    batch(() => {
      const incoming = this.incoming;
      const removed = this.removed;
      this.incoming = [];
      this.removed = [];
      if (incoming.length > 0) this.takeLive(incoming);
      if (removed.length > 0) {
        this.rows.value = removed.reduce(withoutMessage, this.rows.value);
        if (this.loading.value) this.tail.remove(removed);
      }
      if (this.pendingChanged) {
        this.pendingChanged = false;
        // The client changes its entries in place; what is drawn again is told by another object.
        this.pending.value = client.pending(this.roomId).map((one) => ({ ...one }));
      }
    });
    if (this.viewer?.reading()) this.markRead();
  }

  private takeLive(incoming: Row[]): void {
    if (this.loading.value && this.loading.value !== 'older') return this.tail.push(incoming);
    if (!this.attached.value) return;
    this.drawLine(incoming);
    this.to = Math.max(this.to, incoming.at(-1)!.seq);
    this.show(merge(this.rows.value, incoming));
  }

  /** Puts the line above what comes now, if everything else has been read and nobody reads along. */
  private drawLine(incoming: readonly Row[]): void {
    const me = client.session?.userId;
    const foreign = incoming.find((row) => !row.deleted && row.senderId !== me);
    if (!foreign || this.viewer?.reading() || this.viewer?.lineInView()) return;
    const read = client.memberships.get(this.roomId)?.readSeq ?? 0;
    if (read >= this.to) this.newAfter.value = foreign.seq - 1;
  }

  /** Returns whether the newest rows had to go. */
  private show(rows: readonly Row[]): boolean {
    const trimmed = trim(rows, this.readerIndex(rows));
    batch(() => {
      this.rows.value = trimmed.rows;
      if (trimmed.oldest) {
        this.complete.value = false;
        this.from = trimmed.rows[0]!.seq;
      }
      if (trimmed.newest) {
        this.attached.value = false;
        this.to = trimmed.rows.at(-1)!.seq;
      }
    });
    return trimmed.newest;
  }

  private readerIndex(rows: readonly Row[]): number {
    const { following, anchor } = this.place;
    const index = following || !anchor ? -1 : rows.findIndex((row) => keyOf(row) === anchor.key);
    return index === -1 ? rows.length - 1 : index;
  }

  // ---- the reader ----------------------------------------------------------------------------------

  /** The room comes into view. */
  enter(): void {
    const room = client.memberships.get(this.roomId);
    const news = room !== undefined && room.unread > 0;
    this.newAfter.value = news ? room.readSeq : undefined;
    if (this.place.following) this.place = { following: true, atLine: news };
    this.flush();
    if (this.rows.value.length === 0 && !this.attached.value) void this.fill();
  }

  clearLine(): void {
    this.newAfter.value = undefined;
  }

  markRead(seq: number = this.to): void {
    const room = client.memberships.get(this.roomId);
    if (room && room.unread > 0 && seq > room.readSeq) client.markRead(this.roomId, seq);
  }

  /** Also what is not here. */
  markAllRead(): void {
    this.markRead(client.memberships.get(this.roomId)?.headSeq ?? this.to);
  }

  /** Goes to the newest message and stays at the end. */
  toEnd(): void {
    this.place = { following: true, atLine: false };
    this.moves.value += 1;
    if (!this.attached.value) void this.fill();
  }

  /** Events were left out; some may have deleted what is here. A reader elsewhere than at the end
   * finds the same row in the same place. */
  gap(): void {
    const reader = this.place.following ? undefined : this.rows.value[this.readerIndex(this.rows.value)];
    void this.fill(reader?.seq);
  }

  // ---- history ---------------------------------------------------------------------------------------

  /** Forgets what is here and fills anew, at the end or around a row. */
  async fill(around?: number): Promise<void> {
    const filling = ++this.filling;
    this.begin('first');
    this.attached.value = false;
    try {
      await enterRoom(this.roomId);
      if (filling !== this.filling) return;
      const pages = await this.firstPages(around ?? this.placeOfLine());
      if (filling !== this.filling) return;
      batch(() => {
        this.rows.value = [];
        this.from = 0;
        this.to = 0;
        this.complete.value = !pages.older.hasMore;
        const cut = this.takePages(pages.newer ? [pages.older, pages.newer] : [pages.older]);
        this.finishNewer(cut || (pages.newer?.hasMore ?? false));
      });
    } catch (error) {
      if (filling === this.filling) this.fail('first', error);
    }
  }

  /** Where to fill for who comes to more news than a page shows. */
  private placeOfLine(): number | undefined {
    const unread = client.memberships.get(this.roomId)?.unread ?? 0;
    return this.place.atLine && unread > PAGE - CONTEXT ? this.newAfter.value : undefined;
  }

  private async firstPages(around: number | undefined): Promise<{ older: HistoryPage; newer?: HistoryPage }> {
    if (around === undefined) return { older: await client.history(this.roomId, { limit: PAGE }) };
    const [older, newer] = await Promise.all([
      client.history(this.roomId, { beforeSeq: around + 1, limit: CONTEXT }),
      client.history(this.roomId, { afterSeq: around, limit: 100 }),
    ]);
    return { older, newer };
  }

  async loadOlder(): Promise<void> {
    if (this.loading.value || this.complete.value || this.from <= 1) return;
    const { filling, from } = this;
    this.begin('older');
    try {
      const page = await client.history(this.roomId, { beforeSeq: from, limit: PAGE });
      if (filling !== this.filling) return;
      batch(() => {
        this.loading.value = undefined;
        if (from !== this.from) return; // rows went at that end: the page would leave a hole
        this.complete.value = !page.hasMore;
        this.takePages([page]);
      });
    } catch (error) {
      if (filling === this.filling) this.fail('older', error);
    }
  }

  async loadNewer(): Promise<void> {
    if (this.loading.value || this.attached.value) return;
    const filling = this.filling;
    this.begin('newer');
    try {
      const page = await client.history(this.roomId, { afterSeq: this.to, limit: PAGE });
      if (filling !== this.filling) return;
      batch(() => {
        const cut = this.takePages([page]);
        this.finishNewer(cut || page.hasMore);
      });
    } catch (error) {
      if (filling === this.filling) this.fail('newer', error);
    }
  }

  /** Does again what failed. */
  retry(): void {
    const failed = this.failed.value?.loading;
    if (failed === 'first') void this.fill();
    else if (failed === 'older') void this.loadOlder();
    else if (failed === 'newer') void this.loadNewer();
  }

  private begin(loading: Loading): void {
    this.tail = new Tail();
    batch(() => {
      this.loading.value = loading;
      this.failed.value = undefined;
    });
  }

  private fail(loading: Loading, error: unknown): void {
    batch(() => {
      this.loading.value = undefined;
      this.failed.value = { loading, reason: reasonOf(error as Error) };
    });
  }

  private takePages(pages: HistoryPage[]): boolean {
    let rows = this.rows.value;
    for (const page of pages) {
      if (page.toSeq === 0) continue;
      this.from = this.from === 0 ? page.fromSeq : Math.min(this.from, page.fromSeq);
      this.to = Math.max(this.to, page.toSeq);
      rows = merge(rows, page.messages);
    }
    return this.show(this.tail.cleaned(rows));
  }

  /** With the last page the timeline reaches the present: what came meanwhile goes behind it. */
  private finishNewer(hasMore: boolean): void {
    const tail = this.tail.after(this.to);
    this.loading.value = undefined;
    if (hasMore || !tail) return;
    this.attached.value = true;
    if (tail.length > 0) {
      this.to = tail.at(-1)!.seq;
      this.show(merge(this.rows.value, tail));
    }
    const last = this.rows.value.findLast((row) => !row.deleted);
    if (last) noteMessage(last as Message);
  }
}
