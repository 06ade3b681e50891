import { withoutMessage, type Row } from './window';

const ROWS_LIMIT = 400;

/** What happens live while a page is loading: the page was read at some moment in between. */
export class Tail {
  private rows: readonly Row[] = [];
  /** More came than is kept: the page does not reach the present. */
  private lost = false;
  private readonly removed: number[] = [];

  push(rows: readonly Row[]): void {
    this.rows = [...this.rows, ...rows];
    if (this.rows.length <= ROWS_LIMIT) return;
    this.rows = [];
    this.lost = true;
  }

  remove(seqs: readonly number[]): void {
    this.removed.push(...seqs);
  }

  /** Without what has been deleted meanwhile. */
  cleaned(rows: readonly Row[]): readonly Row[] {
    return this.removed.reduce(withoutMessage, rows);
  }

  /** What came behind `seq`; undefined if some of it is lost. */
  after(seq: number): readonly Row[] | undefined {
    return this.lost ? undefined : this.cleaned(this.rows.filter((row) => row.seq > seq));
  }
}
