// How many messages of a room are unread: what the server counted up to some event, and each message
// behind that. Nothing is added that may have been counted already, so the number cannot drift.
//
//        readSeq          base: the server's count          later: one entry a message
//   ────────┼──────────────────────────────────┼───────────────────────────────────────→ seq
//                                           baseSeq                                 seen

/** The server counts no further, and neither do we. */
export const MAX_UNREAD = 1_000;

export class UnreadCount {
  readSeq = 0;
  /** The newest event that is counted, or not to be counted. */
  seen = 0;
  #base = 0;
  #baseSeq = 0;
  #later: number[] = [];

  get value(): number {
    return Math.min(MAX_UNREAD, this.#base + this.#later.length);
  }

  /** The server's word: of the events up to `headSeq`, `unread` messages are behind `readSeq`. Where it
   * does not say up to where it counted, what we have seen is the best guess. */
  told(told: number | undefined, readSeq: number, unread: number): void {
    const exact = told === undefined && readSeq >= this.#baseSeq; // our own count is
    const headSeq = told ?? this.seen;
    if (exact || headSeq < this.#baseSeq || (readSeq < this.readSeq && headSeq <= this.seen)) {
      this.read(readSeq); // tells nothing new beyond the mark
      return;
    }
    const ahead = this.readSeq;
    this.#base = unread;
    this.#baseSeq = headSeq;
    this.readSeq = readSeq;
    this.seen = Math.max(this.seen, headSeq);
    this.#later = this.#later.filter((seq) => seq > headSeq);
    this.read(ahead); // we have read further than the server has heard
  }

  /** An event. Only messages count, deleted ones too. */
  add(seq: number, isMessage: boolean): void {
    if (seq <= this.seen) return;
    this.seen = seq;
    if (!isMessage || seq <= this.readSeq) return;
    this.#later.push(seq);
    if (this.#later.length <= MAX_UNREAD) return;
    this.#baseSeq = this.#later.shift()!;
    this.#base += 1;
  }

  /** Everything up to `seq` has been read. True if that is news. Exact from `baseSeq` on; before it
   * the most that it can be, until the server tells. */
  read(seq: number): boolean {
    if (seq <= this.readSeq) return false;
    this.readSeq = seq;
    this.#later = this.#later.filter((later) => later > seq);
    this.#base = Math.min(this.#base, Math.max(0, this.#baseSeq - seq));
    return true;
  }
}
