// How many messages of a room are unread: what the server counted up to some event, and each message
// behind that. Nothing is added that may have been counted already, so the number cannot drift.
//
//        readSeq          base: the server's count          later: one entry a message
//   ────────┼──────────────────────────────────┼───────────────────────────────────────→ seq
//                                           baseSeq                                 seen

/** The server counts no further, and neither do we. */
export const MAX_UNREAD = 1_000;

export function createUnreadCount() {
  let readSeq = 0;
  let seen = 0; // the newest event that is counted, or not to be counted
  let base = 0;
  let baseSeq = 0;
  let later: number[] = [];

  /** Everything up to `seq` has been read. True if that is news. Exact from `baseSeq` on; before it
   * the most that it can be, until the server tells. */
  function read(seq: number): boolean {
    if (seq <= readSeq) return false;
    readSeq = seq;
    later = later.filter((behind) => behind > seq);
    base = Math.min(base, Math.max(0, baseSeq - seq));
    return true;
  }

  return {
    get readSeq() {
      return readSeq;
    },
    get seen() {
      return seen;
    },
    get value() {
      return Math.min(MAX_UNREAD, base + later.length);
    },
    read,

    /** The server's word: of the events up to `headSeq`, `unread` messages are behind `serverRead`. Where
     * it does not say up to where it counted, what we have seen is the best guess. */
    told(headSeq: number | undefined, serverRead: number, unread: number): void {
      const exact = headSeq === undefined && serverRead >= baseSeq; // our own count is
      const head = headSeq ?? seen;
      if (exact || head < baseSeq || (serverRead < readSeq && head <= seen)) {
        read(serverRead); // tells nothing new beyond the mark
        return;
      }
      const ahead = readSeq;
      base = unread;
      baseSeq = head;
      readSeq = serverRead;
      seen = Math.max(seen, head);
      later = later.filter((seq) => seq > head);
      read(ahead); // we have read further than the server has heard
    },

    /** An event. Only messages count, deleted ones too. */
    add(seq: number, isMessage: boolean): void {
      if (seq <= seen) return;
      seen = seq;
      if (isMessage && seq > readSeq) later.push(seq);
      // Beyond the limit the oldest need not be known: where it is read up to, the newest are still too many to count.
      if (later.length > MAX_UNREAD) baseSeq = later.shift()!;
    },
  };
}
