/**
 * Records in a note, next to a part's results, which job received the part's bytes. The claim outlives a workflow that is
 * terminated or reset, so that no part goes to two jobs that both process it.
 */
import { z } from 'zod';
import { NightloadError } from '../../errors.js';
import { CLAIM_FILE } from '../../domain/result-layout.js';
import { join } from '../../storage/locations.js';
import { readNoteVersion } from '../../storage/read-files.js';
import { makeFolder } from '../../storage/files/file-tree.js';
import type { Fingerprint } from '../../storage/fingerprint.js';
import { replaceNote, saveNew } from '../../storage/write-files.js';
import { diskError } from '../../storage/files/disk-errors.js';

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
  const { claim, version } = await readClaim(path);
  if (claim === undefined || replaces.includes(claim.jobId)) {
    if (!(await replaceNote(text, path, version))) throw claimedMeanwhile();
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
    return (await readClaim(path)).claim?.jobId;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Records a job that was found to have received the part.
 * @param before the job that the claim named, if there is one
 */
export async function saveClaim(folder: string, jobId: string, before: string | undefined): Promise<void> {
  const path = join(folder, CLAIM_FILE);
  const text = JSON.stringify({ jobId } satisfies Claim);
  const seen = await readClaim(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  const isSame = seen?.claim?.jobId === before;
  const isSaved = isSame && (seen === undefined ? saveNew(text, path) : replaceNote(text, path, seen.version));
  if (await isSaved) return;
  // Another part may have found the same job.
  if ((await claimedJob(folder)) !== jobId) throw claimedMeanwhile();
}

/** Both workers would send the part; the next attempt learns of the other's job. */
function claimedMeanwhile(): NightloadError {
  return new NightloadError(
    'UPLOAD_INTERRUPTED',
    'Another worker claimed this part at the same moment, so nothing was sent. A new job is created if it is needed.',
    { retryable: true },
  );
}

/** A truncated claim was never acted on. */
async function readClaim(path: string): Promise<{ claim?: Claim | undefined; version?: Fingerprint }> {
  try {
    const { bytes, ...version } = await readNoteVersion(path, MAX_CLAIM_BYTES);
    return { claim: bytes && claimIn(bytes), ...version };
  } catch (error) {
    throw diskError(error, path);
  }
}

function claimIn(bytes: Buffer): Claim | undefined {
  try {
    return CLAIM.safeParse(JSON.parse(bytes.toString())).data;
  } catch {
    return undefined;
  }
}
