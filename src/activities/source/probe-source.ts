/** Checks once whether a source exists, for a load that waits for it. A missing source is a result, not an error. */
import { NightloadError } from '../../errors.js';
import { ANY_WORKER } from '../../domain/file-groups.js';
import { STORE_UNAVAILABLE } from '../../domain/store-outage.js';
import { isObject } from '../../storage/locations.js';
import type { Fingerprint } from '../../storage/fingerprint.js';
import { connectionOf, permit, permitFixer } from '../dependencies.js';
import type { ActivityDependencies } from '../dependencies.js';
import { runActivity } from '../run-activity.js';
import { fingerprintOf, sourceFiles } from '../../storage/source-files.js';
import type { LoadWish } from '../../protocol/activities/source-types.js';

export interface AwaitSourceInput extends LoadWish {
  source: string;
  connection: string;
}

export interface SourceStatus {
  /** Task queue of the workers that see the source; `ANY_WORKER` if this one does not, and the source is an object. */
  filesQueue: string;
  /** Absent if the source does not exist or is not readable yet. */
  found?: Pick<Fingerprint, 'size' | 'modifiedMs'>;
  /** Its object store does not answer: whether it exists is unknown. */
  unavailable?: boolean;
}

const NOT_YET: readonly string[] = ['SOURCE_NOT_FOUND', 'SOURCE_NOT_READABLE'];

export function probeSource(dependencies: ActivityDependencies): (input: AwaitSourceInput) => Promise<SourceStatus> {
  return runActivity(async (input) => {
    const { source, connection } = input;
    const { roots } = dependencies;
    const filesQueue = isObject(source) ? (dependencies.objectsQueue ?? ANY_WORKER) : dependencies.filesQueue;
    // Checked now rather than after hours; also, whether a file exists is information.
    await permit(dependencies, connection, input);
    permitFixer(dependencies, input.fixer);
    try {
      // Reported at once, not after hours of waiting.
      connectionOf(dependencies, connection);
      const { size, modifiedMs } = await fingerprintOf(await sourceFiles(roots, source));
      return { filesQueue, found: { size, modifiedMs } };
    } catch (error) {
      if (!(error instanceof NightloadError)) throw error;
      if (NOT_YET.includes(error.code)) return { filesQueue };
      // The next check may find the store again; the wait is for hours.
      if (error.code === STORE_UNAVAILABLE) return { filesQueue, unavailable: true };
      // Another worker of the same queue may have what this one lacks.
      throw new NightloadError(error.code, error.message, { retryable: true, cause: error });
    }
  });
}
