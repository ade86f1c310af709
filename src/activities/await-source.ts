/** Looks once whether a source is there, for a load that waits for it. Not being there is an answer, not an error. */
import { NightloadError } from '../errors.js';
import { fingerprint } from '../storage/files.js';
import type { Fingerprint } from '../storage/files.js';
import { connectionOf, permit, permitFixer } from './dependencies.js';
import type { ActivityDependencies } from './dependencies.js';
import { step } from './step.js';
import type { LoadWish } from './types.js';

export interface AwaitSourceInput extends LoadWish {
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
  return step(async (input) => {
    const { source, connection } = input;
    const { filesQueue, roots } = dependencies;
    // Now, not after hours; and whether a file is there is an answer too.
    await permit(dependencies, connection, input);
    permitFixer(dependencies, input.fixer);
    try {
      // Told at once, not after hours of waiting.
      connectionOf(dependencies, connection);
      return { filesQueue, found: await fingerprint(await roots.foreignFile(source)) };
    } catch (error) {
      if (!(error instanceof NightloadError)) throw error;
      if (NOT_YET.includes(error.code)) return { filesQueue };
      // Another worker of the same queue may have what this one lacks.
      throw new NightloadError(error.code, error.message, { retryable: true, cause: error });
    }
  });
}
