/**
 * What a workflow accepts as activity results. A client that completes activities in a worker's place can answer with
 * anything: a result that cannot be decoded, or leads to a command that the server refuses, would make the workflow
 * task repeat forever, and half a character crashes the worker. Pure.
 */
import { defaultFailureConverter } from '@temporalio/common';
import type { Payload, PayloadConverter, ProtoFailure } from '@temporalio/common';
import { INVALID_RESULT } from '../../domain/failures.js';
import { bytesOf, isText, wholeText } from '../../domain/text/shown.js';

/** As in an activation: an activity's failure with its causes. */
export interface FailureProto {
  message?: string | null;
  source?: string | null;
  stackTrace?: string | null;
  encodedAttributes?: Payload | null;
  cause?: FailureProto | null;
  activityFailureInfo?: { activityType?: { name: string }; activityId?: string; retryState?: number } | null;
  applicationFailureInfo?: {
    type?: string | null;
    nonRetryable?: boolean | null;
    details?: Details | null;
  } | null;
  canceledFailureInfo?: { details?: Details | null } | null;
  timeoutFailureInfo?: { lastHeartbeatDetails?: Details | null } | null;
}

interface Details {
  payloads?: Payload[] | null;
}

/** Ten times the size of our largest result: a list of 500 jobs. */
const MAX_VALUES = 20_000;
const MAX_DEPTH = 20;
/** A finding or a warning may list titles. */
const MAX_TEXT = 20_000;
/** Temporal accepts 2 MB. */
const MAX_BYTES = 1_900_000;
const MAYBE_TOO_LARGE = 400_000;
const MAX_CAUSES = 20;
/** `RetryState` of Temporal's API. */
const NON_RETRYABLE_FAILURE = 2;

/** What is wrong with a result; undefined when it may be used. */
export function resultTrouble(value: unknown): string | undefined {
  let left = MAX_VALUES;
  const troubleOf = (one: unknown, name: string, depth: number): string | undefined => {
    if (--left < 0) return 'it has too many values';
    if (depth > MAX_DEPTH) return 'it is nested too deeply';
    if (typeof one === 'string') return isText(one, MAX_TEXT) ? undefined : `"${name}" is not text of a valid length`;
    if (typeof one !== 'object' || one === null) return undefined;
    if (ArrayBuffer.isView(one)) return 'it is not JSON';
    for (const [key, inner] of Object.entries(one)) {
      // A name that objects have by themselves changes what reads them.
      if (key in Object.prototype) return `it has a field "${key}"`;
      const trouble = troubleOf(inner, key, depth + 1);
      if (trouble !== undefined) return trouble;
    }
    return undefined;
  };
  return troubleOf(value, 'the result', 0);
}

/** The same for a payload as received. */
export function payloadTrouble(payload: Payload | null | undefined, by: PayloadConverter): string | undefined {
  if (payload == null) return undefined;
  let value: unknown;
  try {
    value = by.fromPayload(payload);
  } catch {
    return 'it cannot be decoded';
  }
  const trouble = resultTrouble(value);
  if (trouble !== undefined || (payload.data?.length ?? 0) < MAYBE_TOO_LARGE) return trouble;
  // Numbers may be longer when they are written again.
  return bytesOf(JSON.stringify(value)) > MAX_BYTES ? 'it is too large' : undefined;
}

/** Replaces an unusable result: the activity failed permanently. */
export function refusedResult(trouble: string): FailureProto {
  return {
    message: 'Activity task failed',
    activityFailureInfo: { activityType: { name: 'unknown' }, activityId: '', retryState: NON_RETRYABLE_FAILURE },
    cause: {
      message: `An activity result is not one that nightload's workers return (${trouble}). Another client may have completed the activity.`,
      source: 'nightload',
      applicationFailureInfo: { type: INVALID_RESULT, nonRetryable: true },
    },
  };
}

/**
 * Makes a failure readable: parts that cannot be decoded are removed, half characters replaced.
 * @returns whether that was possible
 */
export function soundFailure(failure: FailureProto | null | undefined, by: PayloadConverter): boolean {
  for (let one = failure, depth = 0; one != null; one = one.cause, depth++) {
    if (depth === MAX_CAUSES) one.cause = null;
    if (one.encodedAttributes != null && attributesTrouble(one.encodedAttributes, by)) one.encodedAttributes = null;
    for (const held of detailsOf(one)) {
      if (held.payloads?.some((payload) => payloadTrouble(payload, by) !== undefined)) held.payloads = [];
    }
    for (const key of ['message', 'source', 'stackTrace'] as const) {
      const text = one[key];
      if (typeof text === 'string') one[key] = wholeText(text, MAX_TEXT);
    }
    if (typeof one.applicationFailureInfo?.type === 'string') {
      one.applicationFailureInfo.type = wholeText(one.applicationFailureInfo.type, MAX_TEXT);
    }
  }
  try {
    if (failure != null) defaultFailureConverter.failureToError(failure as ProtoFailure, by);
    return true;
  } catch {
    return false;
  }
}

/** Details of an error, a cancellation, or the last heartbeat before a timeout. */
function detailsOf({ applicationFailureInfo, canceledFailureInfo, timeoutFailureInfo }: FailureProto): Details[] {
  const found = [
    applicationFailureInfo?.details,
    canceledFailureInfo?.details,
    timeoutFailureInfo?.lastHeartbeatDetails,
  ];
  return found.filter((details) => details != null);
}

/** The SDK takes `message` and `stackTrace` from it unchecked. */
function attributesTrouble(payload: Payload, by: PayloadConverter): boolean {
  if (payloadTrouble(payload, by) !== undefined) return true;
  const value: unknown = by.fromPayload(payload);
  return typeof value !== 'object' || value === null;
}
