/**
 * Decides which jobs belong to a load. A program that completes activities in a worker's place could make a workflow
 * believe that its load created any job of the org. So a step sends data to a job, ends it or reads its rows only if
 * this worker created it for that part, or if the org describes it as a job that this part can have created.
 */
import { Context } from '@temporalio/activity';
import { withoutRestarts } from '../../domain/load-ids.js';
import { NightloadError } from '../../errors.js';
import type { SalesforceConnection } from '../../salesforce/bulk-client.js';
import type { ApiContext } from '../../salesforce/http/call-context.js';
import { SalesforceError } from '../../salesforce/errors/salesforce-error.js';
import type { JobInfo } from '../../salesforce/resources/job-info.js';
import type { JobRef } from '../../protocol/activities/job-types.js';

/** Enough for the loads of a night; for a forgotten job, the org is asked. */
const MAX_REMEMBERED = 20_000;
/** Allowed lag of the org's clock. Wider than for lost creates: a load must not lose its own job because of it. */
const CLOCK_MS = 3_600_000;

/** Properties that the org must report for a job. */
export type JobOfLoad = Pick<JobRef, 'object' | 'operation' | 'externalIdFieldName' | 'since'>;

export class OwnJobs {
  /** The part for which each job was created here. */
  readonly #makers = new Map<string, string>();
  /** Jobs that the org described as jobs that a part can have created. */
  readonly #seen = new Map<string, true>();
  /** Users by connection; `null` if the org does not report one. */
  readonly #users = new Map<string, string | null>();

  /**
   * Records a job that the calling workflow has created.
   * @throws NightloadError `JOB_NOT_OURS` when a part had this job before: no job gets rows twice
   */
  created(connection: string, { id, createdById }: JobInfo): void {
    if (recall(this.#makers, keyOf(connection, id)) !== undefined) throw notOurs(id, 'it existed before');
    remember(this.#makers, keyOf(connection, id), part());
    if (createdById !== undefined) this.#users.set(connection, createdById);
  }

  /**
   * Call before using a job: asks the org if this worker does not know the job.
   * @returns the org's reply, if it was asked
   * @throws NightloadError `JOB_NOT_OURS`
   */
  async ask(ref: JobRef, connection: SalesforceConnection, context: ApiContext): Promise<JobInfo | undefined> {
    if (this.#isKnown(ref)) return undefined;
    const info = await connection.getJob(ref.jobId, context);
    await this.confirm(ref, info, connection, context);
    return info;
  }

  /**
   * Like `ask`, with a reply that the org has already given.
   * @throws NightloadError `JOB_NOT_OURS`
   */
  async confirm(ref: JobRef, info: JobInfo, connection: SalesforceConnection, context: ApiContext): Promise<void> {
    if (this.#isKnown(ref)) return;
    const why = otherThan(info, ref) ?? (await this.#otherUser(ref.connection, info, connection, context));
    if (why !== undefined) throw notOurs(ref.jobId, why);
    remember(this.#seen, `${keyOf(ref.connection, ref.jobId)} ${part()}`, true);
  }

  /**
   * For a job without a load: it must belong to the connection's user.
   * @throws NightloadError `JOB_NOT_OURS`
   */
  async confirmUser(name: string, info: JobInfo, connection: SalesforceConnection, context: ApiContext): Promise<void> {
    const why = await this.#otherUser(name, info, connection, context);
    if (why !== undefined) throw notOurs(info.id, why);
  }

  /** The user as whom this worker created jobs; undefined before the first one. Makes no request. */
  knownUser(name: string): string | undefined {
    return this.#users.get(name) ?? undefined;
  }

  /** The user of a connection; undefined if the org does not report it. */
  async userOf(name: string, connection: SalesforceConnection, context: ApiContext): Promise<string | undefined> {
    const known = this.#users.get(name);
    return known === undefined ? this.#askUser(name, connection, context) : (known ?? undefined);
  }

  #isKnown({ connection, jobId }: JobRef): boolean {
    const key = keyOf(connection, jobId);
    const own = part();
    const maker = recall(this.#makers, key);
    if (maker === own) return true;
    // A load may end jobs that its parts left behind; then the org is asked.
    if (maker !== undefined && !maker.startsWith(`${own}/`)) throw notOurs(jobId, 'another part created it');
    return recall(this.#seen, `${key} ${own}`) === true;
  }

  async #otherUser(
    name: string,
    { createdById }: JobInfo,
    connection: SalesforceConnection,
    context: ApiContext,
  ): Promise<string | undefined> {
    const known = this.#users.get(name);
    if (createdById === undefined || known === null || sameId(createdById, known)) return undefined;
    // Asked again, because the connection may have logged in as another user since.
    const user = await this.#askUser(name, connection, context);
    const isOther = user === undefined ? known !== undefined : !sameId(user, createdById);
    return isOther ? 'another user created it' : undefined;
  }

  async #askUser(name: string, connection: SalesforceConnection, context: ApiContext): Promise<string | undefined> {
    try {
      const userId = (await connection.identity(context))?.userId;
      // The user from an earlier create stays valid.
      if (userId !== undefined || !this.#users.has(name)) this.#users.set(name, userId ?? null);
      return userId;
    } catch (error) {
      // After a final refusal, the user is unknown.
      if (error instanceof SalesforceError && !error.retryable) return undefined;
      throw error;
    }
  }
}

/** The first property of a job that differs from what this load would have created; undefined if none does. */
function otherThan(info: JobInfo, load: JobOfLoad): string | undefined {
  const { object, externalIdFieldName, since } = load;
  if (info.jobType !== undefined && !INGEST_TYPES.includes(info.jobType)) return `its type is ${info.jobType}`;
  if (differ(info.object, object)) return `its object is ${info.object}`;
  if (!mayBeOperation(info.operation, load)) return `its operation is ${info.operation}`;
  if (info.operation === 'upsert' && differ(info.externalIdFieldName, externalIdFieldName)) {
    return `its external id field is ${info.externalIdFieldName}`;
  }
  const created = Date.parse(info.createdDate ?? '');
  if (since !== undefined && created < since - CLOCK_MS) return 'it was created earlier';
  return undefined;
}

const INGEST_TYPES: readonly string[] = ['V2Ingest', 'BigObjectIngest'];

/** An insert with an external id is retried as an upsert. */
export function mayBeOperation(of: string | undefined, { operation, externalIdFieldName }: JobOfLoad): boolean {
  if (of === undefined || operation === undefined || of === operation) return true;
  return of === 'upsert' && operation === 'insert' && externalIdFieldName !== undefined;
}

/** A missing value does not differ. */
function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && bare(one) !== bare(other);
}

/** An org with a namespace may add it to a name, or omit it. */
function bare(name: string): string {
  return name.toLowerCase().split('__').slice(-2).join('__');
}

export function sameId(one: string | undefined, other: string | undefined): boolean {
  return one?.slice(0, 15) === other?.slice(0, 15);
}

function keyOf(connection: string, jobId: string): string {
  return `${jobId.slice(0, 15)} ${connection}`;
}

/** The workflow that called the step. A part that was started again under another id is the same part. */
function part(): string {
  return withoutRestarts(Context.current().info.workflowExecution?.workflowId ?? '');
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value as string);
}

/** Moves the entry to the end, so that the least recently used one is dropped first. */
function recall<T>(map: Map<string, T>, key: string): T | undefined {
  const value = map.get(key);
  if (value !== undefined) remember(map, key, value);
  return value;
}

export function notOurs(jobId: string, why: string): NightloadError {
  return new NightloadError(
    'JOB_NOT_OURS',
    `Job ${jobId} was not created by this load (${why}): this step sent nothing to it, did not end it and did not read its rows. ` +
      'A Temporal client that may complete activities in this namespace (RespondActivityTaskCompletedById) may have put it there, ' +
      'or the user of the connection changed: find out which before you start the load again.',
  );
}
