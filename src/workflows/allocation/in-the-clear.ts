/**
 * What passes between the ledger of an org and the loads of all its workers is never encrypted: those workers may have
 * different keys, or none. It holds ids, names, numbers and nightload's own words.
 */
import { defaultPayloadConverter, RawValue } from '@temporalio/common';
import type { Payload } from '@temporalio/common';

/** Metadata of a payload that a codec leaves as it is. */
export const CLEAR_MARK = 'nightload-clear';

/** A value that travels as it is, whatever codec its sender has. */
export function inTheClear<T>(value: T): T {
  const payload = defaultPayloadConverter.toPayload(value) as Payload;
  const marked = { ...payload, metadata: { ...payload.metadata, [CLEAR_MARK]: Uint8Array.of(0x31) } };
  // Temporal's converters take a raw value wherever they take the value itself.
  return RawValue.fromPayload(marked) as unknown as T;
}
