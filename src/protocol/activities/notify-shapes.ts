/** Messages about loads, as they travel between workflows and activities. */
import { z } from 'zod';
import { LOAD_STATES } from '../../contract/load-result.js';
import { WHEN_LATE } from '../../contract/names.js';
import { NOTIFY_EVENTS, WAIT_KINDS } from '../../contract/notification.js';
import { MAX_NOTIFY_WAITS, MAX_ROWS } from '../../domain/name-and-number-limits.js';
import * as shape from './input-shapes.js';

const MAX_WORDS = 2_000;

const instant = z.string().regex(/^\d{4}-\d\d-\d\dT[\d:.]{5,12}Z$/, 'must be a time in ISO 8601');
const rows = z.number().min(-MAX_ROWS).max(MAX_ROWS);
const records = z.object({
  total: rows,
  succeeded: rows,
  rejected: rows,
  unprocessed: rows,
  unaccounted: rows,
});

/** Of a refused input, names may be anything. */
const about = {
  loadId: shape.text(),
  connection: shape.text(),
  object: shape.text(),
  schedule: shape.text().exactOptional(),
};

export const notifyAbout = z.object(about);

/** Milliseconds, the shortest first. */
export const notifyWaits = shape.list(shape.count, MAX_NOTIFY_WAITS);

const message = {
  id: shape.text(1_200),
  event: z.enum(NOTIFY_EVENTS),
  at: instant,
  dueAt: instant.exactOptional(),
  ...about,
  workflowId: shape.workflowId,
  runId: shape.runId,
  operation: shape.text(),
  timeZone: shape.text(100).exactOptional(),
  state: z.enum(LOAD_STATES).exactOptional(),
  records: records.exactOptional(),
  error: z.object({ code: shape.text(200), message: shape.text(MAX_WORDS) }).exactOptional(),
  waitingFor: shape.text(MAX_WORDS).exactOptional(),
  waitKind: z.enum(WAIT_KINDS).exactOptional(),
  finishBy: instant.exactOptional(),
  whenLate: z.enum(WHEN_LATE).exactOptional(),
  forecast: z
    .object({
      endsAt: instant,
      earliest: instant.exactOptional(),
      latest: instant.exactOptional(),
      finishBy: instant,
      whenLate: z.enum(WHEN_LATE).exactOptional(),
    })
    .exactOptional(),
  missed: instant.exactOptional(),
  report: shape.uri.exactOptional(),
};

export const notifyFacts = z.object({ ...message, waitedMs: shape.count.exactOptional() });

/** Of one event: 50 targets, and a recovery. */
export const MAX_DELIVERY_NOTES = 100;

const deliveryNote = z.object({
  event: z.enum(NOTIFY_EVENTS),
  target: shape.name,
  since: instant,
  state: z.enum(['retrying', 'givenUp', 'unconfirmed', 'deliveredLate']),
  at: instant,
  until: instant.exactOptional(),
  code: shape.text(100),
});

export const deliveryNotes = shape.list(deliveryNote, MAX_DELIVERY_NOTES);

/** `messages.json`, next to a report. Any program may have written the file. */
export const MESSAGES_FILE = z.object({ version: z.literal(1), runId: shape.runId, messages: deliveryNotes });

export const notifyMessage = z.object({ ...message, uiUrl: shape.text(4_000).exactOptional() });
