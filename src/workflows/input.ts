/**
 * The load's input, checked and with its defaults filled in. Pure, so that every rule is tested without Temporal and
 * the CLI refuses with the same words before anything starts.
 */
import { msToNumber } from '@temporalio/common/lib/time.js';
import type { Duration as TemporalDuration } from '@temporalio/common/lib/time.js';
import { LOAD_ID_PATTERN, OPERATIONS, WORKFLOW_ID_PREFIX } from '../contract.js';
import type { BulkLoadInput, Duration, RowFix, FixerActivity } from '../contract.js';
import { fixFindingText, validateFixes, withoutNullKeys } from '../csv/fix-rules.js';
import { NightloadError } from '../errors.js';
import { datesTrouble } from './source-date.js';

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
  fixer?: { activity: string; taskQueue: string; timeoutMs: number };
  abortWhen: { failedRatio: number; afterRecords: number };
  priority: number;
}

const KNOWN_KEYS: Record<keyof BulkLoadInput, true> = {
  source: true,
  timeZone: true,
  waitForSource: true,
  object: true,
  operation: true,
  externalIdFieldName: true,
  loadId: true,
  connection: true,
  columns: true,
  constants: true,
  mapLabels: true,
  checkRows: true,
  skipBadRows: true,
  blankAsNull: true,
  assignmentRuleId: true,
  delimiter: true,
  lineEnding: true,
  encoding: true,
  part: true,
  poll: true,
  jobTimeout: true,
  outageLimit: true,
  keepColumns: true,
  retry: true,
  abortWhen: true,
  priority: true,
  output: true,
};

/** Fields that hold others. */
const GROUPS = new Map<string, readonly string[]>(
  Object.entries({
    part: ['maxBytes', 'maxConcurrent'],
    poll: ['initialInterval', 'backoffCoefficient', 'maximumInterval', 'settleInterval'],
    retry: ['maxRounds', 'initialWait', 'backoffCoefficient', 'fixes', 'fixer', 'holdFor'],
    abortWhen: ['failedRatio', 'afterRecords'],
  } satisfies { [K in 'part' | 'poll' | 'retry' | 'abortWhen']: (keyof NonNullable<BulkLoadInput[K]>)[] }),
);

/** Less would not outlast a restart of a worker. */
const LEAST_OUTAGE_MS = 60_000;
/** Each look for a source takes a little of the history. */
const MOST_WAIT_FOR_SOURCE_MS = 3 * 86_400_000;
/** Faster than this nobody polls on purpose. */
const LEAST_INTERVAL_MS = 100;

const MOST_NAMED_RULES = 5;
const DELIMITERS = [',', ';', '\t', '|', '^', '`'];
/** `Name`, `Owner.Email`, `Lead:Who.Email`. */
const COLUMN_NAME = /^(?:[A-Za-z]\w*:)?[A-Za-z]\w*(?:\.[A-Za-z]\w*)?$/;
const API_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

function refuse(message: string): never {
  throw new NightloadError('INVALID_INPUT', message);
}

/** Callers in other languages send null for what is not set: the same as leaving it out. */
export function withoutNulls<T extends object>(input: T): T {
  const set = Object.entries(input ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(
    set.map(([key, value]: [string, unknown]) => [
      key,
      GROUPS.has(key) && isObject(value) ? withoutNulls(value) : value,
    ]),
  ) as T;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The load's id: given, or what follows `bulk-load/` in the workflow id, or the workflow id itself. */
export function loadIdOf(input: Pick<BulkLoadInput, 'loadId'>, workflowId: string): string {
  if (input.loadId !== undefined) return input.loadId;
  const rest = workflowId.startsWith(WORKFLOW_ID_PREFIX) ? workflowId.slice(WORKFLOW_ID_PREFIX.length) : workflowId;
  // A parent may have named its child freely; what cannot be a folder name is replaced.
  return rest.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 200);
}

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
  const input = withoutNulls(given);
  checkKeys(input);
  checkTexts(input);
  if (input.operation === 'upsert' && input.externalIdFieldName === undefined) {
    refuse('Upsert needs "externalIdFieldName" (CLI: --external-id), the field by which rows are matched.');
  }
  if (input.delimiter !== undefined && !DELIMITERS.includes(input.delimiter)) {
    refuse(`"delimiter" is ${JSON.stringify(input.delimiter)}; it must be one of , ; tab | ^ \`.`);
  }
  if (input.lineEnding !== undefined && input.lineEnding !== 'LF' && input.lineEnding !== 'CRLF') {
    refuse(`"lineEnding" is ${JSON.stringify(input.lineEnding)}; it must be LF or CRLF.`);
  }
  if (input.encoding !== undefined && (typeof input.encoding !== 'string' || input.encoding.trim() === '')) {
    refuse(
      `"encoding" is ${JSON.stringify(input.encoding)}; it must be the name of an encoding, such as windows-1252.`,
    );
  }
  const loadId = loadIdOf(input, workflowId);
  if (typeof loadId !== 'string' || !LOAD_ID_PATTERN.test(loadId) || loadId === '.' || loadId === '..') {
    refuse(`"loadId" is ${JSON.stringify(loadId)}; it may have 1 to 200 of A-Z a-z 0-9 . _ -`);
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

/** Misspelt fields would be ignored in silence. */
function checkKeys(input: BulkLoadInput): void {
  for (const [key, value] of Object.entries(input) as [string, unknown][]) {
    if (!Object.hasOwn(KNOWN_KEYS, key)) refuse(`Unknown input field "${key}".`);
    const inner = GROUPS.get(key);
    if (inner === undefined) continue;
    if (!isObject(value)) refuse(`"${key}" is ${JSON.stringify(value)}; it must be an object.`);
    const unknown = Object.keys(value).find((name) => !inner.includes(name));
    if (unknown !== undefined) refuse(`Unknown input field "${key}.${unknown}". Known are: ${inner.join(', ')}.`);
  }
}

function checkTexts(input: BulkLoadInput): void {
  if (typeof input.source !== 'string' || input.source === '') refuse('"source" must be a file: URI.');
  if (!input.source.startsWith('file:')) {
    const later = input.source.startsWith('s3:') ? ' This version does not read s3: yet.' : '';
    refuse(
      `"source" is ${JSON.stringify(input.source)}; it must be a file: URI such as file:///data/accounts.csv.${later}`,
    );
  }
  const trouble = datesTrouble(input);
  if (trouble !== undefined) refuse(trouble);
  if (input.output !== undefined && !String(input.output).startsWith('file:')) refuse('"output" must be a file: URI.');
  if (!isName(input.object)) {
    refuse(
      `"object" is ${JSON.stringify(input.object)}; it must be an sObject API name such as Account or Invoice__c.`,
    );
  }
  if (!OPERATIONS.includes(input.operation)) {
    refuse(`"operation" is ${JSON.stringify(input.operation)}; it must be one of ${OPERATIONS.join(', ')}.`);
  }
  if (input.externalIdFieldName !== undefined && !isName(input.externalIdFieldName)) {
    refuse(`"externalIdFieldName" is ${JSON.stringify(input.externalIdFieldName)}; it must be a field API name.`);
  }
  for (const key of ['columns', 'constants'] as const) {
    const texts = input[key];
    if (texts === undefined) continue;
    if (!isObject(texts) || Object.values(texts).some((value) => typeof value !== 'string')) {
      refuse(`"${key}" must be an object whose values are texts.`);
    }
  }
  const column = Object.keys(input.constants ?? {}).find((name) => !COLUMN_NAME.test(name));
  if (column !== undefined) refuse(`"constants" names ${JSON.stringify(column)}, which is no field API name.`);
  if (/delete/i.test(input.operation) && Object.keys(input.constants ?? {}).length > 0) {
    refuse(`"constants" make no sense for ${input.operation}, which sends Ids only.`);
  }
  for (const key of ['blankAsNull', 'mapLabels', 'checkRows', 'skipBadRows', 'keepColumns'] as const) {
    if (input[key] !== undefined && typeof input[key] !== 'boolean') {
      refuse(`"${key}" is ${JSON.stringify(input[key])}; it must be true or false.`);
    }
  }
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
    ...unknown
  } = isObject(given) ? withoutNulls(given) : ({} as FixerActivity);
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
  if (!isText(activity) || !isText(taskQueue) || Object.keys(unknown).length > 0) {
    refuse(
      '"retry.fixer" must have "activity" and "taskQueue", the names of your activity and of its queue, and may have "timeout".',
    );
  }
  return { activity, taskQueue, timeoutMs: duration(timeout, 'retry.fixer.timeout', 1_000) };
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && API_NAME.test(value);
}

/** @throws NightloadError `INVALID_INPUT` */
export function duration(value: Duration, name: string, least = 0, most = Infinity): number {
  let ms: number;
  try {
    ms = msToNumber(value as TemporalDuration);
  } catch {
    ms = Number.NaN;
  }
  if (!Number.isFinite(ms) || ms < 0)
    refuse(`"${name}" is ${JSON.stringify(value)}; write a duration such as 5s or 8h.`);
  if (ms < least) refuse(`"${name}" is ${JSON.stringify(value)}; the least is ${least} ms.`);
  if (ms > most) refuse(`"${name}" is ${JSON.stringify(value)}; the most is ${most} ms.`);
  return ms;
}

function whole(value: number, name: string, least: number, most: number): number {
  if (!Number.isInteger(within(value, name, least, most))) refuse(`"${name}" is ${value}; it must be a whole number.`);
  return value;
}

function within(value: number, name: string, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    refuse(`"${name}" is ${JSON.stringify(value)}; it must be a number from ${least} to ${most}.`);
  }
  return value;
}
