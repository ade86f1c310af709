/** The note in a result folder that says which workflow it belongs to. Anyone who may write there may have written it. */
import { join } from './locations.js';
import { z } from 'zod';
import { OWNER_FILE } from '../domain/result-layout.js';
import { readSmallFile } from './read-files.js';

const OWNER = z.object({ workflowId: z.string().min(1).max(2_000), firstRunId: z.string().max(100) });
export type ResultOwner = z.infer<typeof OWNER>;

const MAX_BYTES = 10_000;
/** For a moment after it is created, a note has two names; see `saveNew`. */
const ATTEMPTS = 20;
const WAIT_MS = 50;

/**
 * Undefined when it cannot be read.
 * @param attempts for a note that may be being written
 * @throws ENOENT when there is none
 */
export async function readOwnerNote(folder: string, attempts = ATTEMPTS): Promise<ResultOwner | undefined> {
  for (let attempt = 1; ; attempt++) {
    const bytes = await readSmallFile(join(folder, OWNER_FILE), MAX_BYTES);
    const owner = bytes && OWNER.safeParse(parsed(bytes)).data;
    if (owner !== undefined || attempt >= attempts) return owner;
    await new Promise((done) => setTimeout(done, WAIT_MS));
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
