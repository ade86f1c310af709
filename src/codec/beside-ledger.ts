/**
 * A codec beside the org's ledger. One workflow for each org (`orgAllocation`) serves the loads of all workers that use
 * the org, and those may have different keys, or none: whatever goes to it, from it or stays in it is left in the clear.
 * A message to it that cannot be read must not stop it for everybody, so it arrives there as `null`, which it drops.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import { CLEAR_MARK } from '../workflows/allocation/in-the-clear.js';
import { ALLOCATION_ID_PREFIX } from '../workflows/allocation/messages.js';
import { isReadable } from '../workflows/unreadable.js';

/** The ledger tells a load that it may go on; nothing else is marked. */
const MAX_MARKED_BYTES = 4_096;
const MARKED_KEYS = ['id', 'warning'];

/** The same codec, which leaves what concerns a ledger alone. */
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

/** For workers, before all other codecs: what nobody can read reaches a ledger as `null`. */
export const ledgerGuard: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads),
  decode: (payloads, context) =>
    Promise.resolve(
      isLedgers(context) ? payloads.map((payload) => (isReadable([payload]) ? payload : NOTHING)) : payloads,
    ),
};

const NOTHING: Payload = defaultPayloadConverter.toPayload(null) as Payload;

function isLedgers(context: SerializationContext | undefined): boolean {
  return context?.workflowId?.startsWith(ALLOCATION_ID_PREFIX) === true;
}

/**
 * Anybody could write the mark, so it lets only the shape of a grant pass, which says nothing and changes nothing but
 * that a part may ask its ledger's leave no longer.
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
