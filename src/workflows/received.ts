/**
 * Messages as they come: anything, from anybody who may send signals. Pure readers give what a handler may believe, or
 * nothing; `heard` logs what is dropped, so that no message ends or stops a workflow.
 */
import { log, workflowInfo } from '@temporalio/workflow';
import type { Corrections, PartPhase } from '../contract.js';
import { isDelimiter, MAX_PARTS, PLATFORM_ID } from '../domain/forms.js';
import { isText, shown } from '../domain/shown.js';
import { plainText } from '../plain-text.js';
import { isObject } from './input-fields.js';
import type { IngestJobResult, PartNow } from './job-run.js';

/** More rows no load has. */
const MAX_COUNT = 1e12;
const MAX_ID = 300;
const MAX_ENCODING = 100;

const PHASES: Record<PartPhase, true> = {
  waiting: true,
  creating: true,
  uploading: true,
  closing: true,
  processing: true,
  settling: true,
  downloading: true,
  done: true,
  failed: true,
};

/**
 * A signal handler that takes anything. What cannot be read, or makes the handler throw, is logged and dropped.
 * @param read gives undefined for what is no message of this kind
 */
export function heard<T>(
  name: string,
  read: (message: unknown) => T | undefined,
  handle: (message: T) => void | Promise<void>,
): (message?: unknown) => Promise<void> {
  return async (message) => {
    try {
      const found = read(message);
      if (found === undefined) log.warn('A signal was dropped: it is not what this workflow takes.', { signal: name });
      else await handle(found);
    } catch (error) {
      log.warn('A signal was dropped: it could not be handled.', { signal: name, why: reasonOf(error) });
    }
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? plainText(error.message, 200) : shown(error);
}

/** For signals that say nothing but their name. */
export function nothing(): true {
  return true;
}

export function isCount(value: unknown, most = MAX_COUNT): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_COUNT;
}

/** How a part is doing. */
export function readPartNow(message: unknown): PartNow | undefined {
  if (!isObject(message)) return undefined;
  const { n, phase, jobId, processed, failed, total, waitingFor, inQuestion } = message as Record<string, unknown>;
  if (!isCount(n, MAX_PARTS) || n === 0 || !isAmount(processed) || !isAmount(failed) || !isAmount(total))
    return undefined;
  if (typeof phase !== 'string' || !Object.hasOwn(PHASES, phase)) return undefined;
  if (jobId !== undefined && !(isText(jobId) && PLATFORM_ID.test(jobId))) return undefined;
  if (waitingFor !== undefined && !isText(waitingFor)) return undefined;
  return {
    n,
    phase: phase as PartPhase,
    processed,
    failed,
    total,
    ...(jobId !== undefined && { jobId }),
    ...(waitingFor !== undefined && { waitingFor: plainText(waitingFor, 1_000) }),
    ...(inQuestion === true && { inQuestion }),
  };
}

/** A sentence for people. */
export function readText(message: unknown): string | undefined {
  return isText(message) ? plainText(message, 1_000) : undefined;
}

export interface Grant {
  id: string;
  warning?: string;
}

/** A grant of the ledger to a job of this workflow. */
export function readGrant(message: unknown): Grant | undefined {
  if (!isObject(message)) return undefined;
  const { id, warning } = message as Record<string, unknown>;
  if (!isText(id, MAX_ID) || !id.startsWith(`${workflowInfo().firstExecutionRunId}/`)) return undefined;
  if (warning !== undefined && !isText(warning)) return undefined;
  return { id, ...(warning !== undefined && { warning: plainText(warning, 1_000) }) };
}

/** Only such a URI can be meant; the activity looks at the rest. */
const FILE_URI = /^file:\/\/\/?\S+$/;

/** @returns what is wrong with it, a sentence; undefined when it may be read */
export function correctionsTrouble(message: unknown): string | undefined {
  const { source, delimiter, encoding } = (isObject(message) ? message : {}) as Record<string, unknown>;
  if (!isText(source) || !FILE_URI.test(source)) {
    return '"source" must be a file: URI such as file:///data/corrected.csv that a worker sees.';
  }
  if (delimiter != null && !isDelimiter(delimiter)) {
    return `"delimiter" is ${shown(delimiter)}; it must be one of , ; tab | ^ \`.`;
  }
  if (encoding != null && !(isText(encoding, MAX_ENCODING) && encoding.trim() !== '')) {
    return `"encoding" is ${shown(encoding)}; it must be the name of an encoding, such as windows-1252.`;
  }
  return undefined;
}

/** Of a message in which {@link correctionsTrouble} finds nothing. */
export function readCorrections(message: unknown): Corrections {
  const { source, delimiter, encoding } = message as Corrections;
  return { source, ...(delimiter != null && { delimiter }), ...(encoding != null && { encoding }) };
}

const KINDS: readonly unknown[] = ['loaded', 'notStarted', 'lost'];

/** Whether it is what a child that sent a part leaves behind. It comes over Temporal, where an id may have been somebody else's. */
export function isJobResult(value: unknown): value is IngestJobResult {
  if (!isObject(value)) return false;
  const { outcome, jobs, apiRequests, lost } = value as Record<string, unknown>;
  if (!isObject(outcome) || !Array.isArray(jobs) || !isAmount(apiRequests) || !isObject(lost)) return false;
  const { kind, counts, part } = outcome as Record<string, unknown>;
  if (!KINDS.includes(kind) || !isCount(part, MAX_PARTS) || !isObject(counts)) return false;
  return ['succeeded', 'failed', 'failedForGood', 'unprocessed'].every((name) =>
    isAmount((counts as Record<string, unknown>)[name]),
  );
}
