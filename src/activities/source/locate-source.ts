/** The first step of a load: finds a worker that sees the source, and pins the load's file work to its task queue. */
import { hostname } from 'node:os';
import { STORE_UNAVAILABLE } from '../../domain/store-outage.js';
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
    try {
      return await locate(dependencies, input);
    } catch (error) {
      throw beforeStart(error, input);
    }
  });
}

async function locate(dependencies: ActivityDependencies, input: LocateSourceInput): Promise<LocatedSource> {
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
  // Both lie in object stores: any worker that uses them may do any step.
  const objectsQueue = isObject(input.source) && isObject(output) ? dependencies.objectsQueue : undefined;
  return {
    ...(objectsQueue === undefined
      ? { filesQueue: dependencies.filesQueue, host: hostname() }
      : { filesQueue: objectsQueue }),
    outputUri: folderUri(output),
    workUri: folderUri(join(output, runFolder(input.executionId))),
    searchAttributes: await dependencies.searchAttributes(),
    ...defined({ notifyWaits: dependencies.notifier?.waits({ ...input, object: input.object ?? '' }) }),
  };
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

/** No load runs yet that could resume. */
function beforeStart(error: unknown, { outlastStore, refuseLanded }: LocateSourceInput): unknown {
  // A check has its own advice.
  if (!(error instanceof NightloadError) || refuseLanded === undefined) return error;
  const { code, message, retryable, detail } = error;
  const waits = code === STORE_UNAVAILABLE;
  const isFinal = outlastStore === true && !waits;
  return new NightloadError(
    code,
    waits ? message : message.replace('the load resumes by itself', 'then start the load again'),
    {
      retryable: retryable && !isFinal,
      cause: error,
      detail,
    },
  );
}
