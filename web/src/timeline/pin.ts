// Keeps the text under the reader's eye where it is.
//
// The reader's place is remembered when the reader moves: either “at the end”, or one row and its
// distance from the top of the view. After every change, whatever its cause (rows added or taken
// away above or below, a window of another size, a font), that row is put back where it was. The
// distance is not measured again by that, so roundings do not add up.
//
// The first row is no good to hold on to: it changes its height when rows come before it.

import type { Place } from './place';

/** A reader within this distance of the end is at the end. */
const END_PX = 4;
/** Where the line above what is new is put, as a part of the view's height. */
const LINE_AT = 0.25;

export class Pin {
  private knownTop = 0;
  /** How far down the view could go when it was last put right. A movement may be told of only when
   * the window has another size already; it was made in the old one. */
  private knownEnd = Infinity;
  private readonly sizes: ResizeObserver;

  /** `place` is the timeline's own and is kept up to date. `moved` is called after the reader or
   * the content moved. */
  constructor(
    private readonly scroller: HTMLElement,
    private readonly list: HTMLElement,
    private readonly place: () => Place,
    private readonly moved: () => void,
  ) {
    scroller.addEventListener('scroll', this.onScroll, { passive: true });
    this.sizes = new ResizeObserver(() => this.settle());
    this.sizes.observe(scroller);
    this.sizes.observe(list);
  }

  dispose(): void {
    this.scroller.removeEventListener('scroll', this.onScroll);
    this.sizes.disconnect();
  }

  private readonly onScroll = () => {
    if (Math.abs(this.scroller.scrollTop - this.knownTop) < 1) return; // ours
    this.remember();
    this.moved();
  };

  /** Before a change: takes notice of a movement whose event has not come yet. */
  beforeChange(): void {
    if (Math.abs(this.scroller.scrollTop - this.knownTop) >= 1) this.remember();
  }

  private remember(): void {
    const { scroller } = this;
    this.knownTop = scroller.scrollTop;
    const place = this.place();
    place.following = Math.min(this.end(), this.knownEnd) - scroller.scrollTop <= END_PX;
    this.knownEnd = this.end();
    place.atLine = false;
    const row = this.rowInView();
    if (row) place.anchor = { key: row.dataset['key']!, top: this.topOf(row) };
    else delete place.anchor;
  }

  /** After a change: puts the reader back. */
  settle(): void {
    const { scroller } = this;
    const place = this.place();
    if (place.atLine) this.goToLine(place);
    else if (place.following) scroller.scrollTop = scroller.scrollHeight;
    else if (place.anchor) {
      const row = this.rowOf(place.anchor.key);
      const by = row ? this.topOf(row) - place.anchor.top : 0;
      if (Math.abs(by) >= 0.5) scroller.scrollTop += by;
    }
    this.knownTop = scroller.scrollTop;
    this.knownEnd = this.end();
    this.moved();
  }

  private end(): number {
    return this.scroller.scrollHeight - this.scroller.clientHeight;
  }

  /** Shows the line near the top, or the end if everything behind the line fits. */
  private goToLine(place: Place): void {
    const { scroller } = this;
    const line = this.list.querySelector<HTMLElement>('[data-new-line]');
    if (!line) {
      scroller.scrollTop = scroller.scrollHeight;
      if (this.list.querySelector('[data-seq]')) place.atLine = false;
      return;
    }
    scroller.scrollTop += this.topOf(line) - scroller.clientHeight * LINE_AT;
    this.knownEnd = this.end(); // this movement is made in what there is now
    this.remember();
  }

  private topOf(element: HTMLElement): number {
    return element.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
  }

  private rowOf(key: string): HTMLElement | null {
    return this.list.querySelector(`[data-key="${CSS.escape(key)}"]`);
  }

  private rows(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>(':scope > [data-key]')];
  }

  /** The first row that begins within the view, but not the first of all. */
  private rowInView(): HTMLElement | undefined {
    const rows = this.rows();
    const top = this.scroller.getBoundingClientRect().top;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle]!.getBoundingClientRect().top < top) low = middle + 1;
      else high = middle;
    }
    return rows[Math.min(Math.max(low, 1), rows.length - 1)];
  }

  /** The number of the last message that is whole in view. */
  lastSeqInView(): number {
    const rows = this.rows();
    const bottom = this.scroller.getBoundingClientRect().bottom + 1;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle]!.getBoundingClientRect().bottom <= bottom) low = middle + 1;
      else high = middle;
    }
    for (let index = low - 1; index >= 0; --index) {
      const seq = Number(rows[index]!.dataset['seq']);
      if (seq > 0) return seq;
    }
    return 0;
  }

  lineInView(): boolean {
    const line = this.list.querySelector<HTMLElement>('[data-new-line]');
    if (!line) return false;
    const top = this.topOf(line);
    return top > -line.offsetHeight && top < this.scroller.clientHeight;
  }
}
