/** Schemas of the inputs besides a load's: corrected rows, the search for jobs without a load, old result files. */
import { z } from 'zod';
import type { Corrections } from '../../contract/corrections.js';
import type { OrphanJobsInput } from '../../contract/orphan-jobs.js';
import type { PruneResultsInput } from '../../contract/prune-results.js';
import { exactly } from '../exactly.js';
import { connection, delimiter, duration, encoding, flag, text } from './field-kinds.js';
import { isObject, refuse, withoutNulls } from './fields.js';

const CORRECTIONS = exactly<Corrections>()(
  z.object({
    // No other URI is valid; the activity checks the rest.
    source: text(
      /^(?:file:\/\/\/?|s3:\/\/)\S+$/,
      'it must be a file: or s3: URI such as file:///data/corrected.csv that a worker sees',
    ),
    delimiter: delimiter.exactOptional(),
    encoding: encoding.exactOptional(),
  }),
);

const ORPHAN_JOBS = exactly<OrphanJobsInput>()(
  z.object({
    connection: connection.exactOptional(),
    abort: flag.exactOptional(),
    olderThan: duration().exactOptional(),
  }),
);

const DAY_MS = 86_400_000;

const PRUNE_RESULTS = exactly<PruneResultsInput>()(
  z.object({
    // Nothing that may still be needed tonight, whatever the caller writes.
    olderThan: duration({ least: DAY_MS, most: 36_500 * DAY_MS }),
    dryRun: flag.exactOptional(),
  }),
);

/** @throws NightloadError `INVALID_INPUT` */
export function readCorrections(message: unknown): Corrections {
  return read(CORRECTIONS, message, 'Corrections must be an object with source.');
}

/** @throws NightloadError `INVALID_INPUT` */
export function readOrphanJobsInput(given: unknown): OrphanJobsInput {
  return read(ORPHAN_JOBS, given ?? {}, 'The input must be an object, or be omitted.');
}

/** @throws NightloadError `INVALID_INPUT` */
export function readPruneResultsInput(given: unknown): PruneResultsInput {
  return read(PRUNE_RESULTS, given, 'The input must be an object with olderThan.');
}

/** @throws NightloadError `INVALID_INPUT` */
export function readConnection(given: unknown): string {
  return read(connection, given ?? 'default', '');
}

/** Unknown fields are dropped: a newer client may send them. */
function read<T>(schema: z.ZodType<T>, given: unknown, words: string): T {
  if (typeof given !== 'string' && !isObject(given)) refuse(words);
  const { data, error } = schema.safeParse(isObject(given) ? withoutNulls(given) : given);
  return error === undefined ? data : refuse(error.issues[0]?.message ?? words);
}
