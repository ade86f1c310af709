/**
 * Which job a part's bytes went to, on disk beside the part's results: it outlives a workflow that is terminated or
 * reset, so that no part is ever sent to two jobs that both process it.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { NightloadError } from '../errors.js';
import { CLAIM_FILE } from '../layout.js';
import { diskError, makeFolder, readNote, saveNew, saveText } from '../storage/files.js';

const CLAIM = z.object({ jobId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) });
type Claim = z.infer<typeof CLAIM>;
const MOST_CLAIM_BYTES = 1_000;

/**
 * Notes that a part is about to be sent to a job. Gives the job that has had the part already, if there is one.
 * @param replaces jobs that had the part before and were aborted without having been closed
 * @throws NightloadError `UPLOAD_INTERRUPTED` when the upload to this very job was begun before
 */
export async function claimPart(
  folder: string,
  jobId: string,
  replaces: readonly string[],
): Promise<string | undefined> {
  const path = join(folder, CLAIM_FILE);
  const text = JSON.stringify({ jobId } satisfies Claim);
  await makeFolder(folder);
  if (await saveNew(text, path)) return undefined;
  const claim = await readClaim(path);
  if (claim === undefined || replaces.includes(claim.jobId)) {
    await saveText(text, path);
    return undefined;
  }
  if (claim.jobId !== jobId) return claim.jobId;
  throw new NightloadError(
    'UPLOAD_INTERRUPTED',
    `The upload to job ${jobId} was begun before and interrupted. A job gets its data once, so another job is created.`,
    { retryable: true },
  );
}

/** The job that a part was sent to, as far as it is noted. */
export async function claimedJob(folder: string): Promise<string | undefined> {
  const path = join(folder, CLAIM_FILE);
  try {
    return (await readClaim(path))?.jobId;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Notes a job that was found to have had the part. */
export async function saveClaim(folder: string, jobId: string): Promise<void> {
  await saveText(JSON.stringify({ jobId } satisfies Claim), join(folder, CLAIM_FILE));
}

/** A claim that was cut off while it was written was never acted on. */
async function readClaim(path: string): Promise<Claim | undefined> {
  try {
    const bytes = await readNote(path, MOST_CLAIM_BYTES);
    return bytes && CLAIM.safeParse(JSON.parse(bytes.toString())).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw diskError(error, path);
  }
}
