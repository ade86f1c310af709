/** The properties of a job in replies to create, GET, PATCH and the list: each reply has different ones. */
import { dateTime } from '../http/http.js';
import type { Job } from './job.js';

/** Jobs of big objects have their own type. */
export function jobType(job: Job): string {
  return job.settings.object.endsWith('__b') ? 'BigObjectIngest' : 'V2Ingest';
}

/** `reduced` is the reply to a PATCH. */
export function jobReply(job: Job, form: 'create' | 'info' | 'reduced' | 'listed'): Record<string, unknown> {
  const { settings } = job;
  return {
    id: settings.id,
    operation: settings.operation,
    object: settings.object,
    createdById: settings.createdById,
    createdDate: dateTime(job.createdAt),
    systemModstamp: dateTime(job.changedAt),
    state: job.state,
    // The guide's table for the list does not include it, so no client may rely on it there.
    ...(settings.externalIdFieldName !== undefined &&
      form !== 'listed' && { externalIdFieldName: settings.externalIdFieldName }),
    concurrencyMode: 'Parallel',
    contentType: 'CSV',
    apiVersion: settings.apiVersion,
    ...(form !== 'reduced' && {
      ...(form !== 'create' && { jobType: jobType(job) }),
      ...(job.state === 'Open' && {
        contentUrl: `services/data/v${settings.apiVersion.toFixed(1)}/jobs/ingest/${settings.id}/batches`,
      }),
      lineEnding: settings.lineEnding,
      columnDelimiter: settings.columnDelimiter,
      ...(settings.assignmentRuleId !== undefined && { assignmentRuleId: settings.assignmentRuleId }),
    }),
    ...(form === 'info' && progress(job)),
  };
}

function progress(job: Job): Record<string, unknown> {
  // Without the time in the queue.
  const isTimed = job.isTerminal && job.begunAt !== undefined;
  const took = isTimed ? Math.max(0, Math.round(job.changedAt - (job.begunAt as number))) : 0;
  // Without the times in which its batches waited; a job alone never waits.
  const active = job.pace !== undefined || !isTimed ? took : Math.min(took, Math.round(job.activeMs));
  return {
    // Before the upload there is nothing to count.
    ...(!(job.state === 'Open' && job.uploads === 0) && {
      numberRecordsProcessed: job.shown.processed,
      numberRecordsFailed: job.shown.failed,
    }),
    retries: job.retries,
    totalProcessingTime: took,
    apiActiveProcessingTime: active,
    apexProcessingTime: Math.round(active * job.apexShare),
    ...(job.errorMessage !== undefined && { errorMessage: job.errorMessage }),
  };
}
