/** Where the reader is: at the end and staying there, or with a row at a distance from the top. */
export interface Place {
  following: boolean;
  anchor?: { key: string; top: number };
  /** Not yet anywhere: go to the line above what is new. */
  atLine: boolean;
}

/** What a timeline has to know of its view, while it has one. */
export interface Viewer {
  /** The end of the timeline is before somebody's eyes. */
  reading(): boolean;
  lineInView(): boolean;
}
