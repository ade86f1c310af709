/** Faults on demand: what a network or a platform may do to a request. */

import { anything, check, text, whole } from './checks.js';

const KINDS = [
  'versions',
  'create',
  'upload',
  'close',
  'abort',
  'info',
  'results',
  'describe',
  'limits',
  'list',
  'delete',
  'token',
  'userinfo',
  'query',
  'record',
  'other',
] as const;

export type RequestKind = (typeof KINDS)[number];

/** A reply instead of the real one; nothing is done. Without a body of any kind it is empty. */
export interface ReplyInstead {
  status: number;
  /** As `[{ errorCode, message }]`. */
  errorCode?: string;
  message?: string;
  html?: string;
  json?: unknown;
  headers?: Record<string, string>;
}

/**
 * - a reply with a status, of any body;
 * - `reset`: the connection ends before anything is done; `resetAfterApply`: after it was done, without a reply;
 * - `{ resetUpload }`: the connection ends once so many bytes of the body were read, and nothing is stored;
 * - `hang`: never answers; `{ stallReply }`: so many bytes of the reply's body are sent, and nothing after them;
 * - `{ cutReply }`: the connection ends after so many bytes of the body. Its `framing`: `length` (default) announced
 *   the whole length, `chunked` lacks its last chunk, `close` looks like a whole reply of a server that sends no length;
 * - `truncateJson`: half of the body as if it were all of it;
 * - `deadToken`: 401, and the token of the request stays dead.
 *
 * Sizes below 1 are shares of the body.
 */
export type FaultAction =
  | ReplyInstead
  | 'reset'
  | 'resetAfterApply'
  | 'hang'
  | 'truncateJson'
  | 'deadToken'
  | { resetUpload: number }
  | { stallReply: number }
  | { cutReply: number; framing?: 'length' | 'chunked' | 'close' };

export interface Fault {
  kind: RequestKind;
  /** Only requests with this in their path, as `failedResults`. */
  path?: string;
  /** How many requests it hits. @default 1 */
  times?: number;
  /** How many requests of the kind pass before. @default 0 */
  after?: number;
  action: FaultAction;
}

const WORDS = ['reset', 'resetAfterApply', 'hang', 'truncateJson', 'deadToken'];
const SIZES = ['status', 'resetUpload', 'stallReply', 'cutReply'];

/** Checks what came as JSON. @throws Error that says what is wrong with it */
export function asFault(value: unknown): Fault {
  const fault = value as Partial<Fault> | null;
  if (typeof fault !== 'object' || fault === null) throw new Error('a fault is an object with kind and action');
  if (!KINDS.some((kind) => kind === fault.kind)) {
    throw new Error(`no kind of request is called ${JSON.stringify(fault.kind)}; there are: ${KINDS.join(', ')}`);
  }
  check('fault', fault, { kind: text, path: text, times: whole, after: whole, action: anything });
  const { action } = fault as { action: unknown };
  const known =
    typeof action === 'string'
      ? WORDS.includes(action)
      : typeof action === 'object' &&
        action !== null &&
        SIZES.some((name) => typeof (action as Record<string, unknown>)[name] === 'number');
  if (!known) {
    throw new Error(
      `no action is ${JSON.stringify(action)}; there are: ${WORDS.join(', ')} and objects with one of ${SIZES.join(', ')}`,
    );
  }
  return fault as Fault;
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
  take(kind: RequestKind, path: string): FaultAction | undefined {
    for (const fault of this.#waiting) {
      if (fault.kind !== kind || fault.times <= 0 || !path.includes(fault.path ?? '')) continue;
      if (fault.after > 0) fault.after--;
      else {
        fault.times--;
        return fault.action;
      }
    }
    return undefined;
  }
}
