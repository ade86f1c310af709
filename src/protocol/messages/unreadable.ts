/**
 * Unreadable payloads. Those that the worker could not decrypt carry the reason into the workflow, which decides what
 * happens to them. Pure.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadConverter } from '@temporalio/common';

const REASON = 'nightload-unreadable';
/** Deeper than any activation. */
const MAX_DEPTH = 20;

/** Whether a message can be read. */
export function isReadable(payloads: readonly Payload[], by: PayloadConverter = defaultPayloadConverter): boolean {
  try {
    for (const payload of payloads) by.fromPayload(payload);
    return true;
  } catch {
    return false;
  }
}

/** Header in which OpenTelemetry's interceptors carry a trace: W3C texts by name. */
const TRACE_HEADER = '_tracer-data';

/** Removes a trace that the interceptors could not read: they would fail the workflow task, again and again. */
export function dropUnsoundTrace(headers: Record<string, Payload> | null | undefined): void {
  const trace = headers?.[TRACE_HEADER];
  if (headers == null || trace === undefined) return;
  try {
    const texts: unknown = defaultPayloadConverter.fromPayload(trace);
    const isSound = typeof texts === 'object' && texts !== null && Object.values(texts).every(isShortText);
    if (isSound) return;
  } catch {
    // Not JSON.
  }
  delete headers[TRACE_HEADER];
}

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 8_192;
}

/** The same payload with the reason why it is not decrypted. */
export function withReason(payload: Payload, reason: string): Payload {
  return { ...payload, metadata: { ...payload.metadata, [REASON]: bytesOf(reason) } };
}

/** For a payload that could be read: its sender may have forged a reason. */
export function withoutReason(payload: Payload): Payload {
  if (payload.metadata?.[REASON] === undefined) return payload;
  const { [REASON]: _forged, ...metadata } = payload.metadata;
  return { ...payload, metadata };
}

/** No codec sees what is in them, so a reason there is the sender's own. */
const NOT_DECODED: ReadonlySet<string> = new Set(['headers', 'header', 'searchAttributes']);

/** Why a payload somewhere in a value could not be decrypted. */
export function reasonIn(value: unknown, depth = 0): string | undefined {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || depth > MAX_DEPTH) return undefined;
  const reason = (value as Payload).metadata?.[REASON];
  // From the process, whose classes differ from those of the workflow's sandbox.
  if (ArrayBuffer.isView(reason)) return textOf(reason);
  for (const [key, inner] of Object.entries(value)) {
    const found = NOT_DECODED.has(key) ? undefined : reasonIn(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Reasons are nightload's own text, which is ASCII. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0x7f);
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 2_000));
}
