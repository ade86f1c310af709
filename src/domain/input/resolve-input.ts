/**
 * Checks the load's input and fills in its defaults. Pure, so that every rule is tested without Temporal and the CLI
 * refuses with the same message before anything starts.
 */
import type { FixerActivity, RowFix } from '../../contract/corrections.js';
import type { BulkLoadInput } from '../../contract/load-input.js';
import { loadIdOf } from '../load-ids.js';
import { toMs } from './durations.js';
import { checkSizes, duration, isObject, refuse, withoutNulls } from './fields.js';
import { INPUT_WORDS, inputTrouble, LOAD_INPUT, MIN_OUTAGE_MS } from './input-schema.js';

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
  /** How long rejected rows are held for corrections; 0 for not at all. */
  holdForMs: number;
  fixer?: { activity: string; taskQueue: string; timeoutMs: number; heartbeatMs?: number };
  abortWhen: { failedRatio: number; afterRecords: number };
  priority: number;
}

/** For an input that may be refused: the end of a load needs the limit anyway. */
export function outageLimitOf(input: Pick<BulkLoadInput, 'outageLimit'>): number {
  try {
    return duration(input.outageLimit ?? '24h', 'outageLimit', { least: MIN_OUTAGE_MS });
  } catch {
    return MIN_OUTAGE_MS;
  }
}

/**
 * Checks the input and fills in the defaults.
 * @throws NightloadError `INVALID_INPUT` naming the field and its valid values.
 */
export function resolveInput(given: BulkLoadInput, workflowId: string): LoadSettings {
  const { loadId, input } = checkedInput(given, workflowId);
  const { part = {}, poll = {}, retry = {}, abortWhen = {} } = input;
  const initialMs = toMs(poll.initialInterval ?? '5s');
  return {
    loadId,
    connection: input.connection ?? 'default',
    waitForSourceMs: toMs(input.waitForSource ?? 0),
    partMaxBytes: part.maxBytes ?? 100_000_000,
    maxConcurrent: part.maxConcurrent ?? 2,
    poll: {
      initialMs,
      coefficient: poll.backoffCoefficient ?? 1.5,
      // A maximum below the initial interval would make polling faster than configured.
      maximumMs: Math.max(initialMs, toMs(poll.maximumInterval ?? '5m')),
      settleMs: toMs(poll.settleInterval ?? '30s'),
    },
    jobTimeoutMs: toMs(input.jobTimeout ?? '24h'),
    outageMs: toMs(input.outageLimit ?? '24h'),
    retry: {
      maxRounds: retry.maxRounds ?? 3,
      initialWaitMs: toMs(retry.initialWait ?? '1m'),
      coefficient: retry.backoffCoefficient ?? 4,
      fixes: retry.fixes ?? [],
    },
    holdForMs: toMs(retry.holdFor ?? 0),
    ...(retry.fixer !== undefined && { fixer: fixerOf(retry.fixer) }),
    abortWhen: {
      failedRatio: abortWhen.failedRatio ?? 0.5,
      afterRecords: abortWhen.afterRecords ?? 10_000,
    },
    priority: input.priority ?? 3,
  };
}

function checkedInput(given: BulkLoadInput, workflowId: string): { loadId: string; input: BulkLoadInput } {
  if (!isObject(given)) refuse(INPUT_WORDS);
  checkSizes(given);
  const set = withoutNulls(given);
  const loadId = loadIdOf(set, workflowId);
  const { data: input, error } = LOAD_INPUT.safeParse({ ...set, loadId });
  return input === undefined ? refuse(inputTrouble(error.issues)) : { loadId, input };
}

function fixerOf({
  activity,
  taskQueue,
  timeout = '1h',
  heartbeatTimeout,
}: FixerActivity): NonNullable<LoadSettings['fixer']> {
  return {
    activity,
    taskQueue,
    timeoutMs: toMs(timeout),
    ...(heartbeatTimeout !== undefined && { heartbeatMs: toMs(heartbeatTimeout) }),
  };
}
