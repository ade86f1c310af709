/** Records of which each ends with a line feed, one right after the other in one memory. */
export interface RecordRun {
  bytes: Buffer;
  /** The address of the first one. */
  start: number;
  /** The address after each of them, from a place of this list on. */
  ends: Uint32Array;
  first: number;
  count: number;
}
