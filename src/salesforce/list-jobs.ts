/** Lists the Bulk API 2.0 ingest jobs of an org, page by page. */
import type { ApiContext } from './http/call-context.js';
import { SalesforceError } from './errors/salesforce-error.js';
import { parseJobPage } from './resources/job-info.js';
import type { JobInfo, JobPage } from './resources/job-info.js';
import { jobsPath, nextPage } from './resources/paths.js';

/** Jobs of big objects have their own type. */
const INGEST_JOB_TYPES = ['V2Ingest', 'BigObjectIngest'] as const;

/**
 * An org keeps a job for seven days and accepts 15,000 batches a day, so its list has some hundred pages of a thousand.
 */
const MAX_PAGES = 500;

/** Reads a page; fails if its parser returns nothing. */
type ReadPage = (path: string, parse: (value: unknown) => JobPage | undefined) => Promise<JobPage>;

/** Jobs of all users, each once, in no particular order. */
export async function* listIngestJobs(
  { apiVersion }: Pick<ApiContext, 'apiVersion'>,
  read: ReadPage,
): AsyncGenerator<JobInfo> {
  const seen = new Set<string>();
  for (const type of INGEST_JOB_TYPES) {
    try {
      for await (const job of listType(type, jobsPath(apiVersion), read)) {
        // An org that does not support a filter lists everything each time.
        if (!seen.has(job.id)) yield job;
        seen.add(job.id);
      }
    } catch (error) {
      // An org without big objects may not know their type.
      const unknownType = error instanceof SalesforceError && error.httpStatus === 400 && type !== 'V2Ingest';
      if (!unknownType) throw error;
    }
  }
}

async function* listType(type: string, jobs: string, read: ReadPage): AsyncGenerator<JobInfo> {
  const asked = new Set<string>();
  for (let path: string | undefined = `${jobs}?jobType=${type}`; path !== undefined;) {
    asked.add(path);
    const page: JobPage = await read(path, (value) => {
      const found = parseJobPage(value);
      // A list that never ends, loops or leads to another path is discarded; a truncated list would lack jobs.
      if (found?.next === undefined) return found;
      const next = nextPage(found.next, jobs);
      return next === undefined || asked.size >= MAX_PAGES || asked.has(next) ? undefined : { ...found, next };
    });
    yield* page.jobs;
    path = page.next;
  }
}
