/** Following a load, and telling it things, for programs that have a Temporal client. */
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { Client, WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { asCodecError } from './codec/codec-error.js';
import type { CodecError } from './codec/codec-error.js';
import { tolerantClient, unreadable } from './codec/read-payloads.js';
import { FILES_QUEUE_MEMO, RESULT_MEMO } from './contract.js';
import type {
  BulkLoadResult,
  Corrections,
  CorrectionsTaken,
  LoadProgress,
  LoadSoFar,
  PartPhase,
  PartProgress,
} from './contract.js';
import { loadIdOf, workflowIdOf, workflowIdsOf } from './domain/load-ids.js';
import { NightloadError } from './errors.js';
import { keepAsking } from './keep-asking.js';
import type { WaitOptions } from './keep-asking.js';
import { uploadedBytes, withPace } from './pace.js';
import { asTemporalError, placeOf } from './temporal-errors.js';
import type { TemporalPlace } from './temporal-errors.js';
import { firstInput } from './start-input.js';
import { toLoadError } from './workflows/failures.js';

/** A load by its id, or by a workflow id that begins with `bulk-load/`. Nothing is asked yet. */
export function loadHandle(client: Client, idOrWorkflowId: string): LoadHandle {
  return new LoadHandle(client, workflowIdOf(idOrWorkflowId));
}

export interface FoundLoad {
  handle: LoadHandle;
  description: WorkflowExecutionDescription;
  /** As in the load's result. */
  loadId: string;
}

/**
 * The load of an id, or the load that a parent started under a workflow id of its own.
 * @throws NightloadError `LOAD_NOT_FOUND`
 */
export async function findLoad(client: Client, id: string): Promise<FoundLoad> {
  for (const workflowId of workflowIdsOf(id)) {
    const handle = new LoadHandle(client, workflowId);
    const description = await describeIfThere(handle);
    if (description?.type === 'bulkLoad')
      return { handle, description, loadId: await loadIdOfRun(client, description) };
  }
  throw notFound(workflowIdOf(id));
}

/** Only the input knows the id of a load whose caller gave it another one than its workflow id has. */
async function loadIdOfRun(client: Client, description: WorkflowExecutionDescription): Promise<string> {
  const { workflowId } = description;
  const ended = resultIn(description);
  if (ended !== undefined) return ended.loadId;
  // An id is shown all the same where the input cannot be read, as with a codec that this client does not have.
  const input = await firstInput(client, description).catch(() => undefined);
  return loadIdOf(typeof input?.loadId === 'string' ? { loadId: input.loadId } : {}, workflowId);
}

/** What Temporal says of a load, unless there is none. */
export async function describeIfThere(
  handle: Pick<LoadHandle, 'describe'>,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await handle.describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Running parts that are asked themselves: there are rarely more. */
const MAX_ASKED_PARTS = 10;
/** A workflow that somebody else started under the id of a part must not keep the load's own answer back. */
const PART_ANSWERS_MS = 1_000;
const NOT_RUNNING: readonly PartPhase[] = ['waiting', 'done', 'failed'];

/**
 * A load that was started, here or by somebody else. One that is not there throws NightloadError `LOAD_NOT_FOUND`, and
 * one that has ended takes no pause and no corrections: `LOAD_NOT_RUNNING`. Where Temporal itself does not answer, or
 * refuses, the code begins with `TEMPORAL_`: that says nothing about the load.
 */
export class LoadHandle {
  readonly workflowId: string;
  readonly #client: Client;
  readonly #handle: WorkflowHandle;
  readonly #place: TemporalPlace;

  constructor(client: Client, workflowId: string) {
    this.workflowId = workflowId;
    this.#client = client;
    this.#handle = client.workflow.getHandle(this.workflowId);
    this.#place = placeOf(client);
  }

  /** What `bulkLoad` says of itself, and what its running parts say of theirs; needs a worker. */
  async progress(): Promise<LoadProgress> {
    const progress = await this.#ask(() => this.#handle.query<LoadProgress>('progress'));
    const running = progress.parts.filter(({ phase }) => !NOT_RUNNING.includes(phase)).slice(0, MAX_ASKED_PARTS);
    const asked = await Promise.all(
      running.map(async (part) => {
        const child = this.#client.workflow.getHandle(`${this.workflowId}/part-${part.n}`);
        // It may just have ended.
        const found = await this.#client
          .withDeadline(Date.now() + PART_ANSWERS_MS, () => child.query<PartProgress>('progress'))
          .catch(() => part);
        const bytes = found.phase === 'uploading' ? await uploadedBytes(this.#client, child.workflowId) : undefined;
        return bytes === undefined ? found : { ...found, bytes };
      }),
    );
    const now = new Map(asked.map((part) => [part.n, part]));
    return withPace({ ...progress, parts: progress.parts.map((part) => now.get(part.n) ?? part) }, Date.now());
  }

  /** What the result would say now of the jobs that have ended; needs a worker. */
  async soFar(): Promise<LoadSoFar> {
    return this.#ask(() => this.#handle.query<LoadSoFar>('soFar'));
  }

  /**
   * What this client cannot decrypt of the memo does not keep the rest back.
   * @throws WorkflowNotFoundError
   */
  async describe(): Promise<WorkflowExecutionDescription> {
    const handle = tolerantClient(this.#client).workflow.getHandle(this.workflowId);
    return handle.describe().catch((error: unknown) => {
      throw asTemporalError(error, this.#place);
    });
  }

  /** Queue of the workers that share the load's files, once it is known. */
  async filesQueue(): Promise<string | undefined> {
    const queue = (await this.describe()).memo?.[FILES_QUEUE_MEMO];
    return typeof queue === 'string' ? queue : undefined;
  }

  /** No new job is started; running ones go on. */
  async pause(): Promise<void> {
    await this.#ask(() => this.#handle.signal('pause'));
  }

  async resume(): Promise<void> {
    await this.#ask(() => this.#handle.signal('resume'));
  }

  /**
   * Sends corrected rejected rows into a load that holds for them. The same file sent twice is taken once.
   * @param updateId names the corrections: the hash of the file
   * @throws NightloadError `CORRECTIONS_REFUSED`, `LOAD_NOT_HOLDING`
   */
  async submitCorrections(corrections: Corrections, updateId: string): Promise<CorrectionsTaken> {
    try {
      return await this.#submit(corrections, updateId);
    } catch (error) {
      if (!(error instanceof NightloadError)) throw error;
      // The server keeps a refusal under the id; what was wrong with the file, or the folder, may have been mended since.
      return this.#submit(corrections, `${updateId}-${randomUUID()}`);
    }
  }

  /** What became of corrections that this run of the load took under the same id, when it did. */
  async takenBefore(updateId: string): Promise<CorrectionsTaken | undefined> {
    try {
      return await this.#handle.getUpdateHandle<CorrectionsTaken>(updateId).result();
    } catch (error) {
      // Nobody sent them yet, or they were refused.
      if (error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError) return undefined;
      throw asTemporalError(error, this.#place);
    }
  }

  async #submit(corrections: Corrections, updateId: string): Promise<CorrectionsTaken> {
    try {
      // Asked again after an outage: the same id is taken once.
      return await this.#wait({}, () =>
        this.#ask(() =>
          this.#handle.executeUpdate<CorrectionsTaken, [Corrections]>('submitCorrections', {
            args: [corrections],
            updateId,
          }),
        ),
      );
    } catch (error) {
      if (!(error instanceof WorkflowUpdateFailedError)) throw error;
      const { code, message } = toLoadError(error.cause);
      throw new NightloadError(code, message, { cause: error });
    }
  }

  /** Asks the load to end: what is not finished gets aborted, what landed is counted. */
  async cancel(): Promise<void> {
    await this.#ask(() => this.#handle.cancel());
  }

  /** Says of a load that is not there, or not any more, what a person understands. */
  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw asTemporalError(asCodecError(error), this.#place);
      const ended = await describeIfThere(this);
      if (ended === undefined) throw notFound(this.workflowId);
      throw new NightloadError('LOAD_NOT_RUNNING', `${this.workflowId} has ended already (${ended.status.name}).`, {
        cause: error,
      });
    }
  }

  /** Asks until Temporal answers, whatever happens to it meanwhile. */
  async #wait<T>(options: WaitOptions, call: () => Promise<T>): Promise<T> {
    return keepAsking(call, { ...options, place: this.#place, check: () => this.#ask(() => this.describe()) });
  }

  /**
   * Waits for the end, through outages of Temporal too. A load that failed or was canceled is a result too.
   * @throws NightloadError `LOAD_TERMINATED`, `LOAD_NOT_FOUND`; `TEMPORAL_…` when Temporal refuses for good, or is silent
   *   for a day
   */
  async result(options: WaitOptions = {}): Promise<BulkLoadResult> {
    try {
      return (await this.#wait(options, () => this.#ask(() => this.#handle.result()))) as BulkLoadResult;
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      const { cause } = error;
      if (cause instanceof ApplicationFailure && cause.details?.[0] !== undefined)
        return cause.details[0] as BulkLoadResult;
      const left =
        cause instanceof CancelledFailure ? resultIn(await this.#wait(options, () => this.describe())) : undefined;
      if (left !== undefined) return left;
      throw new NightloadError(
        'LOAD_TERMINATED',
        `${this.workflowId} was ended from outside (${cause?.message ?? error.message}) and left no result. ` +
          'Its children abort their jobs; what landed is in the result files of the parts and in the org.',
        { cause: error },
      );
    }
  }
}

function notFound(workflowId: string): NightloadError {
  return new NightloadError(
    'LOAD_NOT_FOUND',
    `There is no load ${workflowId} in this namespace. Loads that have ended are known as long as its retention says; what one came to lies longer, in report.json in the folder of its results.`,
  );
}

/** The result that a closed load left in its memo (without `jobs`). */
export function resultIn(description: Pick<WorkflowExecutionDescription, 'memo'>): BulkLoadResult | undefined {
  const result = description.memo?.[RESULT_MEMO];
  return unreadable(result) === undefined ? (result as BulkLoadResult | undefined) : undefined;
}

/** Why the result that a closed load left cannot be read here. */
export function unreadableResultIn(description: Pick<WorkflowExecutionDescription, 'memo'>): CodecError | undefined {
  return unreadable(description.memo?.[RESULT_MEMO]);
}
