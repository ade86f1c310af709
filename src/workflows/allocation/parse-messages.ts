/**
 * Parses the ledger's messages, which anyone with permission to send signals may send: known shapes, bounded, each
 * about one request. Pure.
 */
import { z } from 'zod';
import { defined } from '../../domain/defined.js';
import type { Allocation } from '../../domain/platform/allocation-settings.js';
import { MAX_NAME, REQUEST_ID } from '../../domain/name-and-number-limits.js';
import { plainText } from '../../domain/text/plain-text.js';
import * as shape from '../../protocol/activities/input-shapes.js';
import type { Amount, Request } from '../../protocol/messages/allocation-types.js';
import { batchesFor } from '../../domain/platform/batches.js';

const MAX_WORDS = 200;
/** One job takes 150 MB, and a row has at least one character and a line end: half of the platform's own window. */
const MAX_RECORDS = 75_000_000;
const MIN_WINDOW_MS = 1_000;
const MAX_WINDOW_MS = 7 * 86_400_000;
const MAX_ALLOWED = 1e12;
const MAX_JOBS = 2_000;

const id = shape.text().regex(REQUEST_ID);
const amount = (most: number) =>
  z
    .number()
    .min(0)
    .transform((value) => Math.min(most, Math.ceil(value)));
/**
 * Batches of an ended job may cover all rows sent, of which it processed fewer: they are bounded by what its request
 * asked for.
 */
const amounts = { records: amount(MAX_RECORDS), batches: amount(batchesFor(MAX_RECORDS)) };

/** What a ledger can work with. */
const RULES = z
  .object({
    recordsPerWindow: z.number().min(1).max(MAX_ALLOWED),
    batchesPerWindow: z.number().min(1).max(MAX_ALLOWED),
    windowMs: z.number().min(MIN_WINDOW_MS).max(MAX_WINDOW_MS),
    reservedRecords: z.number().min(0),
    maxJobs: z.number().min(1).max(MAX_JOBS),
  })
  .refine(({ reservedRecords, recordsPerWindow }) => reservedRecords <= recordsPerWindow - 1);

const REQUEST = z.object({
  id,
  ...amounts,
  rules: RULES,
  holder: shape.workflowId,
  words: shape.text(),
  priority: z.number(),
  patienceMs: z.number().min(0).optional().catch(undefined),
  connection: shape.text(MAX_NAME).min(1),
  apiVersion: shape.apiVersion,
});
const RENEWAL = z.object({ id, processed: amount(MAX_RECORDS).default(0) });
const SETTLEMENT = z.object({ id, ...amounts });
const RETURN = z.object({ id });
/** Refusal codes of the org. */
const LESSON = z.object({ id, code: z.string().regex(/^[A-Z][A-Z_]{2,59}$/) });

/** Rules of a connection. Undefined when the ledger could not work with them. */
export const readRules = (value: unknown): Allocation | undefined => RULES.safeParse(value).data;

export interface ReadRequest {
  asked: Request;
  connection: string;
  apiVersion: string;
  rules: Allocation;
}

export function readRequest(message: unknown): ReadRequest | undefined {
  const { data } = REQUEST.safeParse(message);
  if (data === undefined) return undefined;
  const { words, patienceMs, records, batches, connection, apiVersion, rules, ...asked } = data;
  return {
    asked: {
      ...asked,
      words: plainText(words, MAX_WORDS),
      records,
      // No part asks for more.
      batches: Math.min(batches, batchesFor(records)),
      ...defined({ patienceMs }),
    },
    connection,
    apiVersion,
    rules,
  };
}

export const readRenewal = (message: unknown): z.infer<typeof RENEWAL> | undefined => RENEWAL.safeParse(message).data;
export const readSettlement = (message: unknown): (Amount & { id: string }) | undefined =>
  SETTLEMENT.safeParse(message).data;
export const readReturn = (message: unknown): z.infer<typeof RETURN> | undefined => RETURN.safeParse(message).data;
export const readLesson = (message: unknown): z.infer<typeof LESSON> | undefined => LESSON.safeParse(message).data;
