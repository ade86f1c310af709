/** Collects the rejected rows of a running load in one file next to its results, for people and for a fixer. */
import { join, uriOf } from '../../storage/locations.js';
import { saveStream } from '../../storage/write-files.js';
import type { ActivityDependencies } from '../dependencies.js';
import { copyForPeople } from '../results/copies-for-people.js';
import { joined, moveEarlierAside } from '../results/results-folder.js';
import { RESULT_NAMES } from '../../domain/result-layout.js';
import { ownResultFolder } from '../results/results-owner.js';
import { runActivity } from '../run-activity.js';
import type { GatheredRejected, GatherRejectedInput } from '../../protocol/activities/correction-types.js';
import { defined } from '../../domain/defined.js';

export function collectRejected(
  dependencies: ActivityDependencies,
): (input: GatherRejectedInput) => Promise<GatheredRejected> {
  return runActivity(async ({ outputUri, runId, rejected, defuse }, { signal }) => {
    const { roots } = dependencies;
    const folder = await ownResultFolder(roots, outputUri);
    await moveEarlierAside(folder, runId);
    const target = join(folder, RESULT_NAMES.rejected);
    const paths = rejected.map((uri) => roots.ownPathOf(uri));
    await saveStream(joined(paths), target, signal, { shared: true });
    const forPeople = await copyForPeople(folder, 'rejected', defuse === true, signal);
    return { uri: uriOf(target), ...defined({ forPeople }) };
  });
}
