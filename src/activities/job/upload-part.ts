/**
 * Sends one part: the header line, then the byte range of the rows. Nothing is copied; the length is known in advance.
 */
import { crc32 } from '../../csv/simd/crc32.js';
import { headerBytes } from '../../rows/column-mapping.js';
import type { PartRange } from '../../csv/plan-parts.js';
import { partFolder } from '../../domain/result-layout.js';
import type { SalesforceConnection } from '../../salesforce/bulk-client.js';
import { isId } from '../../salesforce/resources/paths.js';
import { join } from '../../storage/locations.js';
import { readRange } from '../../storage/read-files.js';
import { holding } from '../../storage/files/file-ref.js';
import type { ForeignFile } from '../../storage/files/file-ref.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';
import type { UploadedPart, UploadPartInput } from '../../protocol/activities/job-types.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf } from '../dependencies.js';
import { announceRows, processMetrics } from '../metrics.js';
import { runCountedActivity } from '../run-activity.js';
import type { ActivityRun } from '../run-activity.js';
import { checkUnchanged, loadPlan, rangeOf, sourceChanged } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import type { OwnJobs } from './job-ownership.js';
import { claimPart, saveClaim } from './upload-claim.js';

export function uploadPart(
  dependencies: ActivityDependencies,
  ownJobs: OwnJobs,
): (input: UploadPartInput) => Promise<Counted<UploadedPart>> {
  return runCountedActivity(async (input, step) => {
    const { roots } = dependencies;
    const metrics = processMetrics();
    announceRows(input);
    const stageFolder = roots.ownPathOf(input.stageUri);
    const plan = await loadPlan(roots, stageFolder);
    const range = rangeOf(plan, input.part);
    await checkUnchanged(plan);
    const folder = join(stageFolder, partFolder(input.part));
    const connection = connectionOf(dependencies, input.connection);
    await ownJobs.ask(input, connection, { ...step.call, apiVersion: input.apiVersion });
    const sentBefore = await claimPart(folder, input.jobId, input.replaces);
    if (sentBefore !== undefined) {
      if (await mayHaveReceived(connection, sentBefore, input, step)) return { sentBefore };
      await saveClaim(folder, input.jobId, sentBefore);
    }
    const header = headerBytes(plan.names, plan.delimiter, plan.lineEnding);
    const bytes = header.length + range.end - range.start;
    step.bytesTotal = bytes;
    // Opened once, so that a file put in its place during the upload is not sent.
    await holding(plan.rows, (rows) =>
      connection.uploadJobData(input.jobId, bytes, () => body(rows, { header, plan, range }, step), {
        ...step.call,
        apiVersion: input.apiVersion,
      }),
    );
    metrics.add('nightload_bytes_total', bytes, { direction: 'upload' });
    return { records: range.records, bytes };
  });
}

/**
 * Whether the job named in the part's folder can have received the part. Anyone who can write there could name another
 * program's job, which the load would then treat as its own and abort. If in doubt, the answer is yes: no row is sent
 * twice.
 */
async function mayHaveReceived(
  connection: SalesforceConnection,
  claimedJobId: string,
  { jobId, apiVersion }: UploadPartInput,
  { call }: ActivityRun,
): Promise<boolean> {
  if (!isId(claimedJobId)) return false;
  try {
    const context = { ...call, apiVersion };
    const claimed = await connection.getJob(claimedJobId, context);
    const ours = await connection.getJob(jobId, context);
    return (['object', 'operation', 'externalIdFieldName', 'createdById'] as const).every(
      (key) => claimed[key]?.toLowerCase() === ours[key]?.toLowerCase(),
    );
  } catch {
    return true;
  }
}

/** The last chunk is held back until the content is known to match the plan; otherwise the platform would store it. */
async function* body(
  rows: ForeignFile,
  { header, plan, range }: { header: Buffer; plan: StagePlan; range: PartRange },
  step: ActivityRun,
): AsyncGenerator<Uint8Array> {
  step.bytes = header.length;
  let held = header;
  let sum = 0;
  for await (const chunk of readRange(rows, range.start, range.end) as AsyncIterable<Buffer>) {
    yield held;
    held = chunk;
    sum = crc32(chunk, sum);
    step.bytes += chunk.length;
  }
  if (sum !== range.crc) throw sourceChanged(plan);
  await checkUnchanged(plan);
  yield held;
}
