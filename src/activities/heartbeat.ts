/** Heartbeat details as the next attempt reads them. Anyone who may fail an activity chooses what these are. */
import { z } from 'zod';
import { MAX_REQUESTS } from '../domain/name-and-number-limits.js';
import { RESULT_KINDS } from '../domain/platform/result-kind.js';
import type { HeartbeatDetails } from '../protocol/activities/attempt-types.js';

const count = z.number().int().min(0).max(1e12);
/** With those of this attempt it is still less than a result may have. */
const requests = z
  .number()
  .int()
  .min(0)
  .max(MAX_REQUESTS / 2);
const time = z.number().min(-1e15).max(1e15);
const HEARTBEAT = z.object({
  requests: z.object({ total: requests, info: requests }),
  bytes: count,
  bytesTotal: count.optional(),
  memory: z
    .object({
      lostCreates: z
        .array(z.object({ from: time, to: time, creates: count.optional() }))
        .max(10_000)
        .optional(),
      askedAt: time.optional(),
      fetched: z.partialRecord(z.enum(RESULT_KINDS), count).optional(),
    })
    .optional(),
  refusal: z.object({ code: z.string().max(200), since: time }).optional(),
});

/** Undefined for anything but a heartbeat of ours. */
export function heartbeatBefore(details: unknown): HeartbeatDetails | undefined {
  return HEARTBEAT.safeParse(details).data as HeartbeatDetails | undefined;
}
