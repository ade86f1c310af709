/** The first step of a load: finds a worker that sees the source, and pins the load's file work to its task queue. */
import { hostname } from 'node:os';
import { ANY_WORKER } from '../../domain/file-groups.js';
import { defined } from '../../domain/defined.js';
import { folderUri, isObject, join } from '../../storage/locations.js';
import { runFolder } from '../../domain/result-layout.js';
import { audit } from '../audit-log.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf, permit, permitFixer } from '../dependencies.js';
import { NightloadError } from '../../errors.js';
import { refuseIfLanded } from '../results/landed-before.js';
import { takeResultFolder } from '../results/results-owner.js';
import { runActivity } from '../run-activity.js';
import { fingerprintOf, sourceFiles } from '../../storage/source-files.js';
import type { LocateSourceInput, LocatedSource } from '../../protocol/activities/source-types.js';

export function locateSource(dependencies: ActivityDependencies): (input: LocateSourceInput) => Promise<LocatedSource> {
  return runActivity(async (input) => {
    const { roots } = dependencies;
    // The same for every worker of the queue, and before any file access.
    await permit(dependencies, input.connection, input);
    permitFixer(dependencies, input.fixer);
    await elsewherePerhaps(async () => {
      connectionOf(dependencies, input.connection);
      await fingerprintOf(await sourceFiles(roots, input.source));
    });
    const output = join(await roots.pathOf(input.output ?? dependencies.defaultOutput), input.loadId);
    // Checks the resolved path again, because a link may have moved since the first check.
    await permit(dependencies, input.connection, { output: input.output, outputPath: output });
    // A check owns no folder.
    if (input.refuseLanded !== undefined) await takeResultFolder(roots, output, input.executionId);
    if (input.refuseLanded === true) await refuseIfLanded(output, input.executionId);
    await audit(input.refuseLanded === undefined ? 'check' : 'start', dependencies, {
      name: input.connection,
      loadId: input.loadId,
    });
    // Every worker of the queue sees both, so any may do any step.
    const isShared = isObject(input.source) && isObject(output);
    return {
      ...(isShared ? { filesQueue: ANY_WORKER } : { filesQueue: dependencies.filesQueue, host: hostname() }),
      outputUri: folderUri(output),
      workUri: folderUri(join(output, runFolder(input.executionId))),
      searchAttributes: await dependencies.searchAttributes(),
      ...defined({ notifyWaits: dependencies.notifier?.waits({ ...input, object: input.object ?? '' }) }),
    };
  });
}

/** Another worker of the same queue may have what this one lacks, so such errors are worth a few more attempts. */
async function elsewherePerhaps(look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (!(error instanceof NightloadError)) throw error;
    throw new NightloadError(error.code, error.message, { retryable: true, cause: error, detail: error.detail });
  }
}
