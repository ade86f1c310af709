/** The rejected rows of a load that has not ended, as one file beside its results: for people, and for a fixer. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { saveStream } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { joined, moveEarlierAside, RESULT_NAMES } from './result-folder.js';
import { ownResultFolder } from './result-owner.js';
import { step } from './step.js';
import type { GatherRejectedInput } from './types.js';

export function gatherRejected(
  dependencies: ActivityDependencies,
): (input: GatherRejectedInput) => Promise<{ uri: string }> {
  return step(async ({ outputUri, runId, rejected }, { signal }) => {
    const { roots } = dependencies;
    const folder = await ownResultFolder(roots, outputUri);
    await moveEarlierAside(folder, runId);
    const target = join(folder, RESULT_NAMES.rejected);
    const paths = rejected.map((uri) => roots.ownPathOf(uri));
    await saveStream(joined(paths), target, signal, { shared: true });
    return { uri: pathToFileURL(target).href };
  });
}
