/** How long a request may take. */

/** Milliseconds. An upload or a download may take any time in total, as long as it moves. */
export interface Timeouts {
  /** Until a connection is established, including TLS. @default 10,000 */
  connect: number;
  /** For a small request, until the last byte of its reply. @default 60,000 */
  reply: number;
  /**
   * Until the reply to an upload or the first byte of a result file; for an upload counted from its last byte, and
   * during the upload the longest time without progress. A result file must deliver at least 64 KB within this time.
   * @default 300,000
   */
  transferReply: number;
  /** The longest pause within a reply. @default 120,000 */
  idle: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 10_000, reply: 60_000, transferReply: 300_000, idle: 120_000 };
