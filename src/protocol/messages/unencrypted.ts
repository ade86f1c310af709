/**
 * Messages between the ledger of an org and the loads of all its workers are never encrypted: those workers may have
 * different keys, or none. They contain ids, names, numbers and nightload's own text.
 */
import { defaultPayloadConverter, RawValue } from '@temporalio/common';
import type { Payload } from '@temporalio/common';

/** Metadata of a payload that a codec leaves unchanged. */
export const CLEAR_MARK = 'nightload-clear';

/** A value that is sent unencrypted, regardless of the sender's codec. */
export function inTheClear<T>(value: T): T {
  const payload = defaultPayloadConverter.toPayload(value) as Payload;
  const marked = { ...payload, metadata: { ...payload.metadata, [CLEAR_MARK]: Uint8Array.of(0x31) } };
  // Temporal's converters accept a raw value wherever they accept the value itself.
  return RawValue.fromPayload(marked) as unknown as T;
}
