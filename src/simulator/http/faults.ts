/** Faults on demand: what a network or a platform may do to a request. */

import { anything, check, text, whole } from './json-shape.js';

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

/** A reply instead of the real one; nothing is done. Without any body, it is empty. */
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
 * - a reply with a status and any body;
 * - `reset`: the connection ends before anything is done; `resetAfterApply`: after it was done, without a reply;
 * - `{ resetUpload }`: the connection ends after this many bytes of the body were read, and nothing is stored;
 * - `hang`: never replies; `{ stallReply }`: sends this many bytes of the reply's body, and nothing after them;
 * - `{ delayReply }`: the whole reply, so many milliseconds after it was done;
 * - `{ cutReply }`: the connection ends after this many bytes of the body. Its `framing`: `length` (default) announced
 * the whole length, `chunked` lacks its last chunk, `close` looks like a complete reply of a server that sends no
 * length;
 * - `truncateJson`: half of the body as if it were complete;
 * - `deadToken`: 401, and the token of the request stays revoked.
 *
 * Sizes below 1 are fractions of the body.
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
  | { delayReply: number }
  | { cutReply: number; framing?: 'length' | 'chunked' | 'close' };

export interface Fault {
  kind: RequestKind;
  /** Only requests with this text in their path, such as `failedResults`. */
  path?: string;
  /** Number of requests that it affects. @default 1 */
  times?: number;
  /** Number of requests of the kind that pass first. @default 0 */
  after?: number;
  action: FaultAction;
}

const WORDS = ['reset', 'resetAfterApply', 'hang', 'truncateJson', 'deadToken'];
const SIZES = ['status', 'resetUpload', 'stallReply', 'delayReply', 'cutReply'];

/** Validates JSON input. @throws Error that describes the problem */
export function asFault(value: unknown): Fault {
  const fault = value as Partial<Fault> | null;
  if (typeof fault !== 'object' || fault === null) throw new Error('a fault is an object with kind and action');
  if (!KINDS.some((kind) => kind === fault.kind)) {
    throw new Error(`unknown kind of request ${JSON.stringify(fault.kind)}; known kinds: ${KINDS.join(', ')}`);
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
      `unknown action ${JSON.stringify(action)}; known actions: ${WORDS.join(', ')} and objects with one of ${SIZES.join(', ')}`,
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

  /** The fault for this request, if any. */
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
