/** Looks once whether a source is there, for a load that waits for it. Not being there is an answer, not an error. */
import { NightloadError } from '../errors.js';
import { fingerprint } from '../storage/files.js';
import type { Fingerprint } from '../storage/files.js';
import { connectionOf } from './dependencies.js';
import type { ActivityDependencies } from './dependencies.js';
import { step } from './step.js';

export interface AwaitSourceInput {
  source: string;
  connection: string;
}

export interface SourceLook {
  /** Queue of the workers that share the folder that was looked at. */
  filesQueue: string;
  /** Absent when the source is not there, or cannot be read yet. */
  found?: Fingerprint;
}

const NOT_YET: readonly string[] = ['SOURCE_NOT_FOUND', 'SOURCE_NOT_READABLE'];

export function awaitSource(dependencies: ActivityDependencies): (input: AwaitSourceInput) => Promise<SourceLook> {
  return step(async ({ source, connection }) => {
    const { filesQueue, roots } = dependencies;
    try {
      // Told at once, not after hours of waiting.
      connectionOf(dependencies, connection);
      return { filesQueue, found: await fingerprint(await roots.pathOf(source)) };
    } catch (error) {
      if (!(error instanceof NightloadError)) throw error;
      if (NOT_YET.includes(error.code)) return { filesQueue };
      // Another worker of the same queue may have what this one lacks.
      throw new NightloadError(error.code, error.message, { retryable: true, cause: error });
    }
  });
}
