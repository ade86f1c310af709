/**
 * Records on disk, next to a part's results, which job received the part's bytes. The claim outlives a workflow that is
 * terminated or reset, so that no part goes to two jobs that both process it.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { NightloadError } from '../../errors.js';
import { CLAIM_FILE } from '../../domain/result-layout.js';
import { readNote } from '../../storage/read-files.js';
import { makeFolder } from '../../storage/file-tree.js';
import { saveNew, saveText } from '../../storage/write-files.js';
import { diskError } from '../../storage/disk-errors.js';

const CLAIM = z.object({ jobId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) });
type Claim = z.infer<typeof CLAIM>;
const MAX_CLAIM_BYTES = 1_000;

/**
 * Records that a part is about to be sent to a job. Returns the job that already received the part, if any.
 * @param replaces jobs that received the part before and were aborted without having been closed
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
    `An earlier upload to job ${jobId} was interrupted. A job accepts data only once, so a new job is created.`,
    { retryable: true },
  );
}

/** The job that received a part, if a claim exists. */
export async function claimedJob(folder: string): Promise<string | undefined> {
  const path = join(folder, CLAIM_FILE);
  try {
    return (await readClaim(path))?.jobId;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Records a job that was found to have received the part. */
export async function saveClaim(folder: string, jobId: string): Promise<void> {
  await saveText(JSON.stringify({ jobId } satisfies Claim), join(folder, CLAIM_FILE));
}

/** A truncated claim was never acted on. */
async function readClaim(path: string): Promise<Claim | undefined> {
  try {
    const bytes = await readNote(path, MAX_CLAIM_BYTES);
    return bytes && CLAIM.safeParse(JSON.parse(bytes.toString())).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw diskError(error, path);
  }
}
