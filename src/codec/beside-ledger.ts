/**
 * A codec for workers that serve an org's ledger. One workflow for each org (`orgAllocation`) serves the loads of all
 * workers that use the org, and those may have different keys, or none: data to it, from it and inside it stays
 * unencrypted. A message that it cannot read must not stop it for all loads, so it arrives as `null`, which the ledger
 * drops.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import { CLEAR_MARK } from '../protocol/messages/unencrypted.js';
import { ALLOCATION_ID_PREFIX } from '../protocol/messages/allocation-messages.js';
import { isReadable } from '../protocol/messages/unreadable.js';

/** The ledger's grant to a load; nothing else is marked. */
const MAX_MARKED_BYTES = 4_096;
const MARKED_KEYS = ['id', 'warning'];

/** The same codec, without encryption of ledger data. */
export function besideLedger(codec: PayloadCodec): PayloadCodec {
  const spare = async (
    payloads: Payload[],
    context: SerializationContext | undefined,
    convert: (some: Payload[]) => Promise<Payload[]>,
  ): Promise<Payload[]> => {
    if (isLedgers(context)) return payloads;
    return (
      await Promise.all(payloads.map(async (payload) => (isGrant(payload) ? [payload] : convert([payload]))))
    ).flat();
  };
  return {
    encode: (payloads, context) => spare(payloads, context, (some) => codec.encode(some, context)),
    decode: (payloads, context) => spare(payloads, context, (some) => codec.decode(some, context)),
  };
}

/**
 * For workers, before all other codecs: an unreadable message reaches a ledger as `null`, and an activity too: anyone who
 * may fail an activity chooses the heartbeat that its next attempt is given, and the SDK would fail each of them.
 * @param activities false where payloads of activities have encodings of the host's own
 */
export function readableGuard(activities: boolean): PayloadCodec {
  return {
    encode: (payloads) => Promise.resolve(payloads),
    decode: (payloads, context) => {
      const guarded = isLedgers(context) || (activities && context?.type === 'activity');
      return Promise.resolve(
        guarded ? payloads.map((payload) => (isReadable([payload]) ? payload : NOTHING)) : payloads,
      );
    },
  };
}

const NOTHING: Payload = defaultPayloadConverter.toPayload(null) as Payload;

function isLedgers(context: SerializationContext | undefined): boolean {
  return context?.workflowId?.startsWith(ALLOCATION_ID_PREFIX) === true;
}

/**
 * Anyone could write the mark, so it only admits the form of a grant, which contains no data and at most makes a part
 * stop asking its ledger.
 */
function isGrant(payload: Payload): boolean {
  const { metadata, data } = payload;
  if (metadata?.[CLEAR_MARK] == null || (data?.length ?? 0) > MAX_MARKED_BYTES) return false;
  try {
    const value: unknown = defaultPayloadConverter.fromPayload(payload);
    return (
      typeof value === 'object' &&
      value !== null &&
      Object.entries(value).every(([key, text]) => MARKED_KEYS.includes(key) && typeof text === 'string')
    );
  } catch {
    return false;
  }
}
