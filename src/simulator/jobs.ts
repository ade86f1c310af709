/** The ingest endpoints of the simulated org: create, upload, close, abort, look, list, delete. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { dateTime, notFound, Refusal } from './http.js';
import { makeId, withCheck } from './ids.js';
import { Job } from './job.js';
import type { JobWorld } from './job.js';
import type { Org } from './org.js';
import { DELIMITERS, rawHeader, uploadedRows } from './upload.js';

const OPERATIONS = ['insert', 'update', 'upsert', 'delete', 'hardDelete'];
const USER_ID = withCheck('005sm0000000001');

export interface JobsOptions {
  org: Org;
  folder: string;
  now: () => number;
  recordsPerSecond: number;
  world: Omit<JobWorld, 'table'>;
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #jobs = new Map<string, Job>();
  #recordsPerSecond: number;
  #failNextAfter: { records: number; losesRest: boolean } | undefined;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#recordsPerSecond = options.recordsPerSecond;
  }

  all(): Job[] {
    return [...this.#jobs.values()];
  }

  failNextAfter(records: number, options: { losesRest?: boolean } = {}): void {
    this.#failNextAfter = { records, losesRest: options.losesRest ?? false };
  }

  async setRecordsPerSecond(recordsPerSecond: number): Promise<void> {
    await this.advanceAll();
    this.#recordsPerSecond = recordsPerSecond;
    for (const job of this.#jobs.values()) job.setSpeed(this.#options.now(), recordsPerSecond);
  }

  async advanceAll(): Promise<void> {
    const now = this.#options.now();
    for (const job of this.#jobs.values()) await job.advance(now);
  }

  /** By its id of 15 or 18 characters, caught up with the clock. */
  async find(id: string): Promise<Job> {
    const job = this.#jobs.get(id.slice(0, 15));
    if (job === undefined) throw notFound();
    await job.advance(this.#options.now());
    return job;
  }

  create(body: unknown, apiVersion: number): Job {
    const wanted = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    const text = (name: string): string | undefined => (wanted[name] === undefined ? undefined : String(wanted[name]));
    const { org, world, folder, now } = this.#options;
    const operation = text('operation') ?? '';
    if (!OPERATIONS.includes(operation)) {
      throw new Refusal(400, 'API_ERROR', `Invalid value: '${operation}' supplied for property: 'operation'`);
    }
    const object = text('object') ?? '';
    const table = org.table(object);
    if (table === undefined) throw new Refusal(400, 'INVALIDJOB', `InvalidJob : Unable to find object: ${object}`);
    const externalIdFieldName = text('externalIdFieldName');
    if (operation === 'upsert') {
      if (!externalIdFieldName) {
        throw new Refusal(
          400,
          'INVALIDJOB',
          `InvalidJob : External ID was blank for ${object}. An External ID must be specified for upsert.`,
        );
      }
      const field = table.field(externalIdFieldName);
      if (field === undefined || !(field.externalId || field.idLookup)) {
        throw new Refusal(
          400,
          'INVALIDJOB',
          `InvalidJob : Field name provided, ${externalIdFieldName} does not match an External ID for ${object}`,
        );
      }
    } else if (externalIdFieldName !== undefined) {
      throw new Refusal(400, 'INVALIDJOB', `InvalidJob : External ID field is not allowed for ${operation}`);
    }
    const columnDelimiter = text('columnDelimiter') ?? 'COMMA';
    const lineEnding = text('lineEnding') ?? 'LF';
    if (!Object.hasOwn(DELIMITERS, columnDelimiter)) {
      throw new Refusal(
        400,
        'API_ERROR',
        `Invalid value: '${columnDelimiter}' supplied for property: 'columnDelimiter'`,
      );
    }
    if (lineEnding !== 'LF' && lineEnding !== 'CRLF') {
      throw new Refusal(400, 'API_ERROR', `Invalid value: '${lineEnding}' supplied for property: 'lineEnding'`);
    }
    const assignmentRuleId = text('assignmentRuleId');
    const id = makeId('750', this.#jobs.size + 1);
    const settings = {
      id,
      object: table.object.name,
      operation,
      apiVersion,
      columnDelimiter,
      lineEnding,
      ...(externalIdFieldName !== undefined && { externalIdFieldName }),
      ...(assignmentRuleId !== undefined && { assignmentRuleId }),
    };
    const job = new Job(settings, join(folder, `${id}.csv`), now(), { ...world, table });
    if (this.#failNextAfter !== undefined) {
      job.failAfter = this.#failNextAfter.records;
      job.losesRest = this.#failNextAfter.losesRest;
    }
    this.#failNextAfter = undefined;
    this.#jobs.set(id.slice(0, 15), job);
    return job;
  }

  async upload(id: string, request: IncomingMessage): Promise<void> {
    const job = await this.find(id);
    if (job.state !== 'Open') {
      throw new Refusal(
        400,
        'INVALIDJOBSTATE',
        `Failed to upload data, since the Job is not Open. Current job state is '${job.state}'`,
      );
    }
    const temporary = `${job.path}.part`;
    try {
      await pipeline(request, createWriteStream(temporary));
      await rename(temporary, job.path);
    } finally {
      await rm(temporary, { force: true });
    }
    job.uploads++;
  }

  async setState(id: string, wanted: unknown): Promise<Job> {
    const job = await this.find(id);
    const now = this.#options.now();
    if (wanted === 'Aborted') {
      if (job.isTerminal) throw new Refusal(400, 'INVALIDJOBSTATE', 'Aborting already Completed Job not allowed');
      job.abort(now);
    } else if (wanted === 'UploadComplete') {
      if (job.state !== 'Open') throw new Refusal(400, 'INVALIDJOBSTATE', 'Closing already Completed Job not allowed');
      if (job.uploads > 1) {
        throw new Refusal(
          400,
          'INVALIDJOB',
          `Found multipe contents for job: <${job.settings.id.slice(0, 15)}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.`,
        );
      }
      if (job.uploads === 0) throw new Refusal(400, 'INVALIDJOBSTATE', 'No data was uploaded for this job');
      await readHeaderText(job);
      job.close(now, this.#recordsPerSecond);
    } else {
      throw new Refusal(400, 'API_ERROR', `Invalid value: '${String(wanted)}' supplied for property: 'state'`);
    }
    return job;
  }

  async remove(id: string): Promise<void> {
    const job = await this.find(id);
    if (job.state === 'Open' || job.state === 'InProgress') {
      throw new Refusal(400, 'INVALIDJOBSTATE', `Deleting a job that is ${job.state} is not allowed`);
    }
    this.#jobs.delete(id.slice(0, 15));
    await job.dispose();
  }
}

/** The header comes back in result files as it was sent. */
async function readHeaderText(job: Job): Promise<void> {
  const rows = uploadedRows(job.path, DELIMITERS[job.settings.columnDelimiter] ?? ',');
  const first = await rows.next().catch(() => undefined);
  await rows.return(undefined);
  if (first === undefined || first.done === true) return;
  job.header = await rawHeader(job.path, first.value.end);
  job.unprocessedFrom = first.value.end;
}

/** What create and GET say of a job; `reduced` is the reply to a PATCH. */
export function jobReply(job: Job, form: 'create' | 'info' | 'reduced' | 'listed'): Record<string, unknown> {
  const { settings } = job;
  const open = job.state === 'Open';
  return {
    id: settings.id,
    operation: settings.operation,
    object: settings.object,
    createdById: USER_ID,
    createdDate: dateTime(job.createdAt),
    systemModstamp: dateTime(job.changedAt),
    state: job.state,
    ...(settings.externalIdFieldName !== undefined && { externalIdFieldName: settings.externalIdFieldName }),
    concurrencyMode: 'Parallel',
    contentType: 'CSV',
    apiVersion: settings.apiVersion,
    ...(form !== 'reduced' && {
      ...(form !== 'create' && { jobType: 'V2Ingest' }),
      ...(open && {
        contentUrl: `services/data/v${settings.apiVersion.toFixed(1)}/jobs/ingest/${settings.id}/batches`,
      }),
      lineEnding: settings.lineEnding,
      columnDelimiter: settings.columnDelimiter,
      ...(settings.assignmentRuleId !== undefined && { assignmentRuleId: settings.assignmentRuleId }),
    }),
    ...(form === 'info' && {
      ...(!(open && job.uploads === 0) && {
        numberRecordsProcessed: job.shownProcessed,
        numberRecordsFailed: job.failed,
      }),
      retries: 0,
      totalProcessingTime: job.isTerminal ? Math.max(0, job.changedAt - job.createdAt) : 0,
      apiActiveProcessingTime: job.isTerminal ? Math.max(0, job.changedAt - job.createdAt) : 0,
      apexProcessingTime: 0,
      ...(job.errorMessage !== undefined && { errorMessage: job.errorMessage }),
    }),
  };
}
