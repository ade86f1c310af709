/** The first step of a load: finds a worker that sees the source, and pins the load's file work to its queue. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fingerprint } from '../storage/files.js';
import { runFolder } from '../layout.js';
import { folderUri } from '../storage/roots.js';
import { audit } from './audit.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf, permit, permitFixer } from './dependencies.js';
import { NightloadError } from '../errors.js';
import { refuseIfLanded } from './landed-before.js';
import { claimResultFolder } from './result-owner.js';
import { step } from './step.js';
import type { LocateSourceInput, LocatedSource } from './types.js';

export function locateSource(dependencies: ActivityDependencies): (input: LocateSourceInput) => Promise<LocatedSource> {
  return step(async (input) => {
    const { roots } = dependencies;
    // Of every worker of the queue alike, and before anything is looked at.
    await permit(dependencies, input.connection, input);
    permitFixer(dependencies, input.fixer);
    await elsewherePerhaps(async () => {
      connectionOf(dependencies, input.connection);
      await fingerprint(await roots.foreignFile(input.source));
    });
    const output = join(await roots.pathOf(input.output ?? dependencies.defaultOutput), input.loadId);
    // A check takes nothing for itself.
    if (input.refuseLanded !== undefined) await claimResultFolder(roots, output, input.executionId);
    if (input.refuseLanded === true) await refuseIfLanded(output, input.executionId);
    await audit(input.refuseLanded === undefined ? 'check' : 'start', dependencies, {
      name: input.connection,
      loadId: input.loadId,
    });
    return {
      filesQueue: dependencies.filesQueue,
      host: hostname(),
      outputUri: folderUri(output),
      workUri: folderUri(join(output, runFolder(input.executionId))),
      searchAttributes: await dependencies.searchAttributes(),
    };
  });
}

/** What this worker lacks another worker of the same queue may have: such errors are worth another attempt or two. */
async function elsewherePerhaps(look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (!(error instanceof NightloadError)) throw error;
    throw new NightloadError(error.code, error.message, { retryable: true, cause: error, detail: error.detail });
  }
}
