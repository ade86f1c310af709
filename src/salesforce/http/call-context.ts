/** What a caller passes with each call: how to cancel it, and who counts its requests. */
import type { Deprecation } from '../resources/version-retirement.js';

export type RequestKind =
  | 'versions'
  | 'create'
  | 'upload'
  | 'close'
  | 'abort'
  | 'info'
  | 'results'
  | 'list'
  | 'describe'
  | 'limits'
  | 'query'
  | 'setup';

/** One figure of `Sforce-Limit-Info`. */
interface LimitUsage {
  used: number;
  max: number;
}

/** Usage figures by key: `api-usage` (the org's last 24 hours), `per-app-api-usage`, … */
export type LimitInfo = Record<string, LimitUsage>;

export interface CallContext {
  /** When it aborts, the call rejects with the signal's reason, unchanged. */
  signal?: AbortSignal;
  /**
   * Called for every HTTP request to the instance at the moment it goes onto a connection: a repeat after a renewed
   * token counts again, a refused connection does not count, nor do calls for tokens.
   */
  onRequest?: (kind: RequestKind) => void;
  /** Called with the limits in a reply, including refusals. */
  onLimitInfo?: (info: LimitInfo) => void;
  /** Called when a reply, including a refusal, announces the end of the API version in use. */
  onDeprecation?: (deprecation: Deprecation) => void;
}

export interface ApiContext extends CallContext {
  /** As returned by `resolveApiVersion`: `v66.0`. The same one for a whole load. */
  apiVersion: string;
}
