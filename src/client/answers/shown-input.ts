/** What commands show of an input that anyone may have written: only its usable fields. */
import { z } from 'zod';
import { WHEN_LATE } from '../../contract/names.js';
import type { BulkLoadInput } from '../../contract/load-input.js';
import { API_NAME, MAX_NAME } from '../../domain/name-and-number-limits.js';
import { isTaskQueue } from '../../domain/text/shown.js';
import { loadId, operation } from './load-result.js';
import { fields, ifGood, line, name, readIf } from './shapes.js';

const MAX_PATH = 4_000;

const input = fields({
  loadId: ifGood(loadId),
  object: ifGood(z.string().regex(API_NAME)),
  operation: ifGood(operation),
  source: ifGood(line(MAX_PATH)),
  connection: ifGood(name(MAX_NAME)),
  waitForSource: ifGood(z.union([line(MAX_NAME), z.number()])),
  finishBy: ifGood(line(MAX_NAME)),
  whenLate: ifGood(z.enum(WHEN_LATE)),
  heartbeatUrl: ifGood(name(MAX_NAME)),
  retry: ifGood(
    fields({
      fixer: ifGood(z.object({ activity: name(MAX_NAME), taskQueue: z.string().refine(isTaskQueue) })),
    }),
  ),
});

export type ShownInput = Pick<BulkLoadInput, 'loadId'> & z.output<typeof input>;

export function readShownInput(value: unknown): ShownInput {
  return readIf(input, value) ?? {};
}
