/** Faults on demand: what a network or a platform may do to a request. */

export type RequestKind =
  | 'versions'
  | 'create'
  | 'upload'
  | 'close'
  | 'abort'
  | 'info'
  | 'results'
  | 'describe'
  | 'limits'
  | 'list'
  | 'delete'
  | 'other';

export interface Fault {
  kind: RequestKind;
  /** How many requests it hits. @default 1 */
  times?: number;
  /** How many requests of the kind pass before. @default 0 */
  after?: number;
  /**
   * A reply with a status; `reset` ends the connection before anything is done, `resetAfterApply` after it was done;
   * `hang` never answers.
   */
  action:
    { status: number; errorCode?: string; message?: string; html?: string } | 'reset' | 'resetAfterApply' | 'hang';
}

export class Faults {
  readonly #waiting: (Fault & { times: number; after: number })[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ ...fault, times: fault.times ?? 1, after: fault.after ?? 0 });
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  /** The fault that this request meets, if any. */
  take(kind: RequestKind): Fault['action'] | undefined {
    for (const fault of this.#waiting) {
      if (fault.kind !== kind || fault.times <= 0) continue;
      if (fault.after > 0) fault.after--;
      else {
        fault.times--;
        return fault.action;
      }
    }
    return undefined;
  }
}
