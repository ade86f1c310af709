/**
 * The load's input, checked and with its defaults filled in. Pure, so that every rule is tested without Temporal and
 * the CLI refuses with the same words before anything starts.
 */
import { LOAD_ID_PATTERN } from '../contract.js';
import type { BulkLoadInput, FixerActivity, RowFix } from '../contract.js';
import { fixFindingText, validateFixes, withoutNullKeys } from '../csv/fix-rules.js';
import { loadIdOf } from '../domain/load-ids.js';
import { MAX_NAME } from '../domain/forms.js';
import { isText, shown } from '../domain/shown.js';
import {
  checkFields,
  checkKeys,
  checkSizes,
  duration,
  isObject,
  refuse,
  whole,
  within,
  withoutNulls,
} from './input-fields.js';

/** Poll settings in milliseconds. */
export interface PollPlan {
  initialMs: number;
  coefficient: number;
  maximumMs: number;
  settleMs: number;
}

/** Rounds of the retry; times in milliseconds. */
export interface RetryPlan {
  maxRounds: number;
  initialWaitMs: number;
  coefficient: number;
  fixes: RowFix[];
}

/** Everything optional in {@link BulkLoadInput} that a workflow needs, resolved; times in milliseconds. */
export interface LoadSettings {
  loadId: string;
  connection: string;
  waitForSourceMs: number;
  partMaxBytes: number;
  maxConcurrent: number;
  poll: PollPlan;
  jobTimeoutMs: number;
  outageMs: number;
  retry: RetryPlan;
  /** How long rejected rows are kept for corrections; 0 for not at all. */
  holdForMs: number;
  fixer?: { activity: string; taskQueue: string; timeoutMs: number; heartbeatMs?: number };
  abortWhen: { failedRatio: number; afterRecords: number };
  priority: number;
}

/** Less would not outlast a restart of a worker. */
const LEAST_OUTAGE_MS = 60_000;
/** Each look for a source takes a little of the history. */
const MOST_WAIT_FOR_SOURCE_MS = 3 * 86_400_000;
/** Faster than this nobody polls on purpose. */
const LEAST_INTERVAL_MS = 100;
const MOST_NAMED_RULES = 5;

/** Of an input that may be refused: the end of a load needs it all the same. */
export function outageLimitOf(input: Pick<BulkLoadInput, 'outageLimit'>): number {
  try {
    return duration(input.outageLimit ?? '24h', 'outageLimit', LEAST_OUTAGE_MS);
  } catch {
    return LEAST_OUTAGE_MS;
  }
}

/**
 * Checks the input and fills in the defaults.
 * @throws NightloadError `INVALID_INPUT` naming the field and what it may be.
 */
export function resolveInput(given: BulkLoadInput, workflowId: string): LoadSettings {
  if (!isObject(given)) refuse('The input must be an object with source, object and operation.');
  checkSizes(given);
  const input = withoutNulls(given);
  checkKeys(input);
  checkFields(input);
  const loadId = loadIdOf(input, workflowId);
  if (typeof loadId !== 'string' || !LOAD_ID_PATTERN.test(loadId) || loadId === '.' || loadId === '..') {
    refuse(`"loadId" is ${shown(loadId)}; it may have 1 to 200 of A-Z a-z 0-9 . _ -`);
  }
  const initialMs = duration(input.poll?.initialInterval ?? '5s', 'poll.initialInterval', LEAST_INTERVAL_MS);
  return {
    loadId,
    connection: input.connection ?? 'default',
    waitForSourceMs: duration(input.waitForSource ?? 0, 'waitForSource', 0, MOST_WAIT_FOR_SOURCE_MS),
    partMaxBytes: whole(input.part?.maxBytes ?? 100_000_000, 'part.maxBytes', 1_000, 150_000_000),
    maxConcurrent: whole(input.part?.maxConcurrent ?? 2, 'part.maxConcurrent', 1, 100),
    poll: {
      initialMs,
      coefficient: within(input.poll?.backoffCoefficient ?? 1.5, 'poll.backoffCoefficient', 1, 100),
      // A maximum below the initial interval would make polling faster than asked.
      maximumMs: Math.max(initialMs, duration(input.poll?.maximumInterval ?? '5m', 'poll.maximumInterval')),
      settleMs: duration(input.poll?.settleInterval ?? '30s', 'poll.settleInterval', LEAST_INTERVAL_MS),
    },
    jobTimeoutMs: duration(input.jobTimeout ?? '24h', 'jobTimeout'),
    outageMs: duration(input.outageLimit ?? '24h', 'outageLimit', LEAST_OUTAGE_MS),
    retry: {
      maxRounds: whole(input.retry?.maxRounds ?? 3, 'retry.maxRounds', 0, 100),
      initialWaitMs: duration(input.retry?.initialWait ?? '1m', 'retry.initialWait'),
      coefficient: within(input.retry?.backoffCoefficient ?? 4, 'retry.backoffCoefficient', 1, 100),
      fixes: rules(input.retry?.fixes ?? []),
    },
    holdForMs: duration(input.retry?.holdFor ?? 0, 'retry.holdFor'),
    ...(input.retry?.fixer !== undefined && { fixer: fixer(input.retry.fixer) }),
    abortWhen: {
      failedRatio: within(input.abortWhen?.failedRatio ?? 0.5, 'abortWhen.failedRatio', 0, 1),
      afterRecords: within(input.abortWhen?.afterRecords ?? 10_000, 'abortWhen.afterRecords', 0, Infinity),
    },
    priority: whole(input.priority ?? 3, 'priority', 1, 5),
  };
}

function rules(given: RowFix[]): RowFix[] {
  const fixes = withoutNullKeys(given) as RowFix[];
  const wrong = Array.isArray(fixes) && fixes.length === 0 ? [] : validateFixes(fixes);
  if (wrong.length > 0) {
    refuse(`"retry.fixes" cannot be used. ${wrong.slice(0, MOST_NAMED_RULES).map(fixFindingText).join(' ')}`);
  }
  return fixes;
}

function fixer(given: FixerActivity): NonNullable<LoadSettings['fixer']> {
  const {
    activity,
    taskQueue,
    timeout = '1h',
    heartbeatTimeout,
    ...unknown
  } = isObject(given) ? withoutNulls(given) : ({} as FixerActivity);
  const isName = (value: unknown): boolean => isText(value, MAX_NAME) && value !== '';
  if (!isName(activity) || !isName(taskQueue) || Object.keys(unknown).length > 0) {
    refuse(
      '"retry.fixer" must have "activity" and "taskQueue", the names of your activity and of its queue, and may have "timeout" and "heartbeatTimeout".',
    );
  }
  return {
    activity,
    taskQueue,
    timeoutMs: duration(timeout, 'retry.fixer.timeout', 1_000),
    ...(heartbeatTimeout !== undefined && {
      heartbeatMs: duration(heartbeatTimeout, 'retry.fixer.heartbeatTimeout', 1_000),
    }),
  };
}
