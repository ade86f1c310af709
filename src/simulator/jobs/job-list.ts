/** The list of jobs: filters, pages, and an arbitrary order. */
import { createHash } from 'node:crypto';
import type { Job } from './job.js';
import { jobReply, jobType } from './job-reply.js';

const PAGE = 1000;

export function listReply(jobs: readonly Job[], query: URLSearchParams, base: string): unknown {
  const type = query.get('jobType');
  // No job here is chunked by key.
  const none = query.get('isPkChunkingEnabled') === 'true';
  const ordered = jobs
    .filter((job) => !none && (type === null || type === jobType(job)))
    .map((job) => ({ job, key: orderKey(job) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const from = Number(query.get('queryLocator')?.split('-')[1] ?? 0);
  const page = ordered.slice(from, from + PAGE);
  const done = from + PAGE >= ordered.length;
  const next = new URLSearchParams(query);
  next.set('queryLocator', `01gsm0000000001-${from + PAGE}`);
  return {
    done,
    records: page.map(({ job }) => jobReply(job, 'listed')),
    nextRecordsUrl: done ? null : `${base}/jobs/ingest?${next.toString()}`,
  };
}

/** Stable across pages, but not an order that a client could rely on. */
function orderKey(job: Job): string {
  return createHash('sha1').update(job.settings.id).digest('hex');
}
