/** How long past loads of the object took, from the index in the output: it outlives Temporal's retention. */
import { defined } from '../../domain/defined.js';
import { MOST_PAST_LOADS, pastLoads } from '../../domain/forecast/past-loads.js';
import type { PastLoads } from '../../domain/forecast/past-loads.js';
import type { ReadPastLoadsInput } from '../../protocol/activities/history-types.js';
import { newestEntries } from '../../storage/history-index.js';
import type { ActivityDependencies } from '../dependencies.js';
import { permit } from '../dependencies.js';
import { runActivity } from '../run-activity.js';

/** Entries to read in an output that many objects share: small files. */
const MOST_READ = 600;
/** Of all schedules, so that enough are of the load's own. */
const MOST_FOUND = 3 * MOST_PAST_LOADS;

export function readPastLoads(
  dependencies: ActivityDependencies,
): (input: ReadPastLoadsInput) => Promise<{ past?: PastLoads }> {
  const { roots, defaultOutput } = dependencies;
  return runActivity(async ({ connection, object, operation, schedule, output }) => {
    const path = await roots.pathOf(output ?? defaultOutput);
    await permit(dependencies, connection, { output, outputPath: path });
    const wanted = object.toLowerCase();
    const { entries } = await newestEntries(path, {
      matches: (entry) =>
        entry.connection === connection &&
        entry.operation === operation &&
        entry.object.toLowerCase() === wanted &&
        entry.seconds !== undefined,
      most: MOST_FOUND,
      mostRead: MOST_READ,
    });
    return defined({ past: pastLoads(entries, schedule) });
  });
}
