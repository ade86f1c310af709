/** What a caller says with each call: how to cancel it, and who counts its requests. */
import type { Deprecation } from './deprecation.js';

export type RequestKind =
  'versions' | 'create' | 'upload' | 'close' | 'abort' | 'info' | 'results' | 'list' | 'describe' | 'limits' | 'query';

/** One figure of `Sforce-Limit-Info`. */
export interface LimitUsage {
  used: number;
  max: number;
}

/** Figures of `Sforce-Limit-Info` by key: `api-usage` (the org's last 24 hours), `per-app-api-usage`, … */
export type LimitInfo = Record<string, LimitUsage>;

export interface CallContext {
  /** When it aborts, the call rejects with the signal's reason, as it is. */
  signal?: AbortSignal;
  /**
   * Called for every HTTP request that goes to the instance, the moment it goes onto a connection: a repeat after a
   * renewed token counts again, a connection that was refused does not, calls for tokens do not.
   */
  onRequest?: (kind: RequestKind) => void;
  /** Called with the limits that a reply tells of, refusals included. */
  onLimitInfo?: (info: LimitInfo) => void;
  /** Called when a reply, a refusal included, announces the end of the API version in use. */
  onDeprecation?: (deprecation: Deprecation) => void;
}

export interface ApiContext extends CallContext {
  /** As `resolveApiVersion` returns it: `v66.0`. The same one for a whole load. */
  apiVersion: string;
}
