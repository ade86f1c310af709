/**
 * Which job a part's bytes went to, on disk beside the part's results: it outlives a workflow that is terminated or
 * reset, so that no part is ever sent to two jobs that both process it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NightloadError } from '../errors.js';
import { CLAIM_FILE } from '../layout.js';
import { diskError, saveText } from '../storage/files.js';

interface Claim {
  jobId: string;
}

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
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(path, text, { flag: 'wx', flush: true });
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(error, path);
  }
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
    return JSON.parse(await readFile(path, 'utf8')) as Claim;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw diskError(error, path);
  }
}
