import { withoutMessage, type Row } from './window';

const TAIL_LIMIT = 400;

/** What comes live while a page is loading that it goes behind. */
export class Tail {
  private rows: readonly Row[] = [];
  /** More came than is kept: the page does not reach the present. */
  private lost = false;

  push(rows: readonly Row[]): void {
    this.rows = [...this.rows, ...rows];
    if (this.rows.length <= TAIL_LIMIT) return;
    this.rows = [];
    this.lost = true;
  }

  remove(seqs: readonly number[]): void {
    this.rows = seqs.reduce(withoutMessage, this.rows);
  }

  /** What is behind `seq`, and begins anew; undefined if some of it is lost. */
  take(seq: number): readonly Row[] | undefined {
    const taken = this.lost ? undefined : this.rows.filter((row) => row.seq > seq);
    this.rows = [];
    this.lost = false;
    return taken;
  }
}
