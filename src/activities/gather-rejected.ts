/** The rejected rows of a load that has not ended, as one file beside its results: for people, and for a fixer. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { saveStream } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { joined, moveEarlierAside, RESULT_NAMES } from './result-folder.js';
import { step } from './step.js';
import type { GatherRejectedInput } from './types.js';

export function gatherRejected(
  dependencies: ActivityDependencies,
): (input: GatherRejectedInput) => Promise<{ uri: string }> {
  return step(async ({ outputUri, runId, rejected }, { signal }) => {
    const { roots } = dependencies;
    const folder = await roots.pathOf(outputUri);
    await mkdir(folder, { recursive: true });
    await moveEarlierAside(folder, runId);
    const target = join(folder, RESULT_NAMES.rejected);
    await saveStream(joined(await Promise.all(rejected.map((uri) => roots.pathOf(uri)))), target, signal);
    return { uri: pathToFileURL(target).href };
  });
}
