/** Follows a load and sends messages to it, for programs with a Temporal client. */
import { randomUUID } from 'node:crypto';
import {
  QueryNotRegisteredError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import type { Client, WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { asCodecError } from '../codec/codec-error.js';
import type { CodecError } from '../codec/codec-error.js';
import { tolerantClient, unreadable } from '../codec/read-payloads.js';
import { FILES_QUEUE_MEMO, RESULT_MEMO } from '../contract/names.js';
import type { BulkLoadResult } from '../contract/load-result.js';
import type { LoadProgress, LoadSoFar, PartPhase } from '../contract/load-progress.js';
import type { Corrections, CorrectionsTaken } from '../contract/corrections.js';
import { loadIdOf, workflowIdOf, workflowIdsOf } from '../domain/load-ids.js';
import { NightloadError } from '../errors.js';
import { keepAsking } from './retry-during-outage.js';
import type { WaitOptions } from './retry-during-outage.js';
import { progressOf, readPart, soFarOf, takenOf } from './answers/load-progress.js';
import { readResult, resultOf } from './answers/load-result.js';
import { refusalOf } from './answers/refusal.js';
import { notReadable } from './answers/shapes.js';
import { uploadedBytes, withThroughput } from './throughput.js';
import { asTemporalError, hasStatus, placeOf } from './temporal-errors.js';
import type { TemporalPlace } from './temporal-errors.js';
import { shownInput } from './original-input.js';
import { defined } from '../domain/defined.js';
import { plainText, withCauses } from '../domain/text/plain-text.js';
import { isTaskQueue } from '../domain/text/shown.js';

/** A load by its id, or by a workflow id that begins with `bulk-load/`. Makes no request. */
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
 * The load with this id, or the load that a parent started under its own workflow id.
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

/** Only the input knows the load id if the caller chose one that differs from the workflow id. */
async function loadIdOfRun(client: Client, description: WorkflowExecutionDescription): Promise<string> {
  const { workflowId } = description;
  const ended = resultIn(description);
  if (ended !== undefined) return ended.loadId;
  // The id derived from the workflow id is shown if the input cannot be read, as with a codec that this client lacks.
  const { loadId } = await shownInput(client, description).catch((): { loadId?: string } => ({}));
  return loadIdOf(defined({ loadId }), workflowId);
}

/** Temporal's description of a load, if the load exists. */
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

/** Running parts that are queried themselves: there are rarely more. */
const MAX_ASKED_PARTS = 10;
/** A foreign workflow under a part's id must not delay the load's own answer. */
const PART_ANSWERS_MS = 1_000;
const NOT_RUNNING: readonly PartPhase[] = ['waiting', 'done', 'failed'];

/**
 * A started load. If it does not exist, calls throw NightloadError `LOAD_NOT_FOUND`; one that has ended accepts no
 * pause and no corrections: `LOAD_NOT_RUNNING`. If Temporal itself does not answer, or refuses, the code begins with
 * `TEMPORAL_`: that says nothing about the load.
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

  /** Progress from `bulkLoad` and its running parts; needs a worker. */
  async progress(): Promise<LoadProgress> {
    const progress = progressOf(this.workflowId, await this.#query('progress'));
    const running = progress.parts.filter(({ phase }) => !NOT_RUNNING.includes(phase)).slice(0, MAX_ASKED_PARTS);
    const asked = await Promise.all(
      running.map(async (part) => {
        const child = this.#client.workflow.getHandle(`${this.workflowId}/part-${part.n}`);
        // It may just have ended.
        const answer = await this.#client
          .withDeadline(Date.now() + PART_ANSWERS_MS, () => child.query<unknown>('progress'))
          .catch(() => undefined);
        const found = readPart(answer) ?? part;
        const bytes = found.phase === 'uploading' ? await uploadedBytes(this.#client, child.workflowId) : undefined;
        return bytes === undefined ? found : { ...found, bytes };
      }),
    );
    const now = new Map(asked.map((part) => [part.n, part]));
    return withThroughput({ ...progress, parts: progress.parts.map((part) => now.get(part.n) ?? part) }, Date.now());
  }

  /** What the result would contain now about the jobs that have ended; needs a worker. */
  async soFar(): Promise<LoadSoFar> {
    return soFarOf(this.workflowId, await this.#query('soFar'));
  }

  /** @throws NightloadError `LOAD_UNREADABLE` when the workflow refuses to answer */
  async #query(name: string): Promise<unknown> {
    try {
      return await this.#ask(() => this.#handle.query<unknown>(name));
    } catch (error) {
      if (!(error instanceof QueryNotRegisteredError)) throw error;
      const why = `it fails (${plainText(error.message, 300)})`;
      throw notReadable(`The answer of ${this.workflowId} to the query \`${name}\``, why, error);
    }
  }

  /**
   * Parts of the memo that this client cannot decrypt do not hide the rest.
   * @throws WorkflowNotFoundError
   */
  async describe(): Promise<WorkflowExecutionDescription> {
    const handle = tolerantClient(this.#client).workflow.getHandle(this.workflowId);
    return handle.describe().catch((error: unknown) => {
      const found = asTemporalError(error, this.#place);
      if (found instanceof NightloadError || found instanceof WorkflowNotFoundError || hasStatus(error)) throw found;
      // The server did answer: something in the answer cannot be decoded, such as a reference to another storage.
      throw notReadable(`Temporal's record of ${this.workflowId}`, withCauses(error, 300), error);
    });
  }

  /** Queue of the workers that share the load's files, once known. */
  async filesQueue(): Promise<string | undefined> {
    const queue = (await this.describe()).memo?.[FILES_QUEUE_MEMO];
    return isTaskQueue(queue) ? queue : undefined;
  }

  /** No new job starts; running ones continue. */
  async pause(): Promise<void> {
    await this.#ask(() => this.#handle.signal('pause'));
  }

  async resume(): Promise<void> {
    await this.#ask(() => this.#handle.signal('resume'));
  }

  /**
   * Sends corrected rows to a load that is waiting for them. The same file sent twice is accepted once.
   * @param updateId identifies the corrections: the hash of the file
   * @throws NightloadError `CORRECTIONS_REFUSED`, `LOAD_NOT_HOLDING`
   */
  async submitCorrections(corrections: Corrections, updateId: string): Promise<CorrectionsTaken> {
    try {
      return await this.#submit(corrections, updateId);
    } catch (error) {
      // An unreadable answer is an answer: it is not a refusal.
      if (!(error instanceof NightloadError) || error.code === 'LOAD_UNREADABLE') throw error;
      // The server keeps a refusal under the id; the file or the folder may have been fixed since.
      return this.#submit(corrections, `${updateId}-${randomUUID()}`);
    }
  }

  /** The earlier result, if this run of the load already accepted corrections under the same id. */
  async takenBefore(updateId: string): Promise<CorrectionsTaken | undefined> {
    try {
      return takenOf(this.workflowId, await this.#handle.getUpdateHandle<unknown>(updateId).result());
    } catch (error) {
      // Not sent yet, or refused.
      if (error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError) return undefined;
      throw asTemporalError(error, this.#place);
    }
  }

  async #submit(corrections: Corrections, updateId: string): Promise<CorrectionsTaken> {
    try {
      // Sent again after an outage: the same id is accepted once.
      const options = { args: [corrections] as [Corrections], updateId };
      const taken = await this.#wait({}, () =>
        this.#ask(() => this.#handle.executeUpdate<unknown, [Corrections]>('submitCorrections', options)),
      );
      return takenOf(this.workflowId, taken);
    } catch (error) {
      throw error instanceof WorkflowUpdateFailedError ? refusalOf(this.workflowId, error) : error;
    }
  }

  /** Asks the load to end: unfinished jobs are aborted, landed rows are counted. */
  async cancel(): Promise<void> {
    await this.#ask(() => this.#handle.cancel());
  }

  /** Turns the error for a load that does not exist or has ended into one that people understand. */
  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw asTemporalError(asCodecError(error), this.#place);
      const ended = await describeIfThere(this);
      if (ended === undefined) throw notFound(this.workflowId);
      throw new NightloadError('LOAD_NOT_RUNNING', `${this.workflowId} has already ended (${ended.status.name}).`, {
        cause: error,
      });
    }
  }

  /** Retries until Temporal answers, through any outage. */
  async #wait<T>(options: WaitOptions, call: () => Promise<T>): Promise<T> {
    return keepAsking(call, { ...options, place: this.#place, check: () => this.#ask(() => this.describe()) });
  }

  /**
   * Waits for the end, also through Temporal outages. A failed or canceled load also returns a result.
   * @throws NightloadError `LOAD_TERMINATED`, `LOAD_NOT_FOUND`; `TEMPORAL_…` when Temporal refuses permanently, or is
   * silent for a day
   */
  async result(options: WaitOptions = {}): Promise<BulkLoadResult> {
    try {
      const result = await this.#wait(options, () => this.#ask(() => this.#handle.result() as Promise<unknown>));
      return resultOf(this.workflowId, result);
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      const { cause } = error;
      const left =
        cause instanceof CancelledFailure
          ? resultIn(await this.#wait(options, () => this.describe()))
          : readResult(this.workflowId, cause instanceof ApplicationFailure ? cause.details?.[0] : undefined);
      if (left !== undefined) return left;
      throw new NightloadError(
        'LOAD_TERMINATED',
        `${this.workflowId} was ended by someone other than nightload (${plainText(cause?.message ?? error.message, 300)}) and left no readable result. ` +
          'Its children abort their jobs; what landed is in the result files of the parts and in the org.',
        { cause: error },
      );
    }
  }
}

function notFound(workflowId: string): NightloadError {
  return new NightloadError(
    'LOAD_NOT_FOUND',
    `This namespace has no load ${workflowId}. It keeps ended loads for its retention period; results stay in report.json in the results folder.`,
  );
}

/** The result that a closed load left in its memo (without `jobs`). */
export function resultIn({
  memo,
  workflowId,
}: Pick<WorkflowExecutionDescription, 'memo' | 'workflowId'>): BulkLoadResult | undefined {
  return readResult(workflowId, memo?.[RESULT_MEMO]);
}

/** Why a closed load's result cannot be read here. */
export function unreadableResultIn(description: Pick<WorkflowExecutionDescription, 'memo'>): CodecError | undefined {
  return unreadable(description.memo?.[RESULT_MEMO]);
}
