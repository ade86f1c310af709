/**
 * Reads the source once: its dialect, its columns, where its records end. Bytes that cannot be sent as they are get
 * written anew beside the results. Everything that can be known before a job exists is refused here.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NightloadError } from '../errors.js';
import { detectDialect, HEAD_BYTES } from '../csv/dialect.js';
import type { Dialect } from '../csv/dialect.js';
import { applyColumns, headerBytes, sendsAllColumns } from '../csv/header.js';
import type { ColumnPlan } from '../csv/header.js';
import { rewriteCsv, rewrittenNames } from '../csv/rewrite.js';
import { planParts } from '../csv/parts.js';
import type { PartPlan } from '../csv/parts.js';
import type { FieldDescribe, ObjectDescribe } from '../salesforce/describe.js';
import { SalesforceError } from '../salesforce/errors.js';
import { fingerprint, readHead, readRange, sameFingerprint, saveStream } from '../storage/files.js';
import type { Fingerprint } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { isAsPlanned, loadPlan, PLAN_FILE, savePlan, sourceChanged, stageOf } from './stage.js';
import type { KeyRule, StagePlan } from './stage.js';
import { countedStep } from './step.js';
import type { Step } from './step.js';
import type { Counted, PlanLoadInput, PlannedLoad } from './types.js';

export function planLoad(dependencies: ActivityDependencies): (input: PlanLoadInput) => Promise<Counted<PlannedLoad>> {
  return countedStep(async (input, step) => {
    const { roots } = dependencies;
    const source = await roots.pathOf(input.source);
    const work = await roots.pathOf(input.workUri);
    const before = await fingerprint(source);
    const stageFolder = join(work, 'first');
    const known = await plannedBefore(stageFolder, before);
    if (known !== undefined) return known;
    const dialect = await detectDialect(await readHead(source, HEAD_BYTES), input);
    const columns = applyColumns(dialect.header, input);
    checkColumns(columns, input);

    // Not emptied: after a reset of the workflow, results of parts that landed before may lie there.
    await mkdir(work, { recursive: true });
    const rows = await rowsToSend(source, work, dialect, columns, input, step);
    if (rows.plan.records === 0) {
      throw new NightloadError(
        'SOURCE_EMPTY',
        `${source} has a header line and no data rows, so there is nothing to load.`,
      );
    }
    const connection = connectionOf(dependencies, input.connection);
    const apiVersion = await connection.resolveApiVersion(step.call).catch(finalBeforeStart);
    const describe = await describeIfPossible(
      () => connection.describe(input.object, { ...step.call, apiVersion }).catch(finalBeforeStart),
      step.attempt,
    );

    const after = await fingerprint(source);
    if (!sameFingerprint(after, before)) {
      throw new NightloadError(
        'SOURCE_CHANGED',
        `${source} was written to while it was read. Start the load again once it is complete.`,
      );
    }
    // Of the same length, so that the plan holds: a column in another letter case comes back blank in result files.
    const exact = exactNames(describe);
    const names = rows.names.map(exact);
    const key = keyRule(input, names, describe);
    const isDelete = input.operation === 'delete' || input.operation === 'hardDelete';
    const plan: StagePlan = {
      rows: rows.path,
      fingerprint: await fingerprint(rows.path),
      delimiter: rows.dialect.delimiter,
      lineEnding: rows.dialect.lineEnding,
      names,
      parts: rows.plan.parts,
      groups: [
        {
          operation: input.operation,
          ...(input.operation === 'upsert' && { externalIdFieldName: exact(input.externalIdFieldName as string) }),
          firstPart: 1,
          lastPart: rows.plan.parts.length,
        },
      ],
      source: before,
      apiVersion,
      ...(key && { key }),
      ...(isDelete && {
        original: {
          path: source,
          fingerprint: after,
          delimiter: dialect.delimiter,
          dataStart: dialect.dataStart,
          columns: columns.kept.map((column) => ({ ...column, name: exact(column.name) })),
        },
      }),
    };
    await savePlan(stageFolder, plan);
    return { apiVersion, stage: stageOf(stageFolder, plan) };
  });
}

/**
 * The plan of an earlier attempt, or of the run that a reset of the workflow went back behind: parts that were sent
 * after it must stay the same.
 */
async function plannedBefore(stageFolder: string, source: Fingerprint): Promise<PlannedLoad | undefined> {
  if (!existsSync(join(stageFolder, PLAN_FILE))) return undefined;
  const plan = await loadPlan(stageFolder);
  const intact = plan.source !== undefined && sameFingerprint(plan.source, source);
  if (!intact || !(await isAsPlanned(plan.rows, plan.fingerprint))) throw sourceChanged(plan);
  return { apiVersion: plan.apiVersion as string, stage: stageOf(stageFolder, plan) };
}

function checkColumns(columns: ColumnPlan, input: PlanLoadInput): void {
  const names = [...columns.sent.map(({ name }) => name), ...Object.keys(input.constants ?? {})];
  const has = (wanted: string): boolean => names.some((name) => name.toLowerCase() === wanted.toLowerCase());
  const key =
    input.operation === 'update' ? 'Id' : input.operation === 'upsert' ? input.externalIdFieldName : undefined;
  if (key !== undefined && !has(key)) {
    throw new NightloadError(
      key === 'Id' ? 'HEADER_NO_ID' : 'HEADER_NO_EXTERNAL_ID',
      `${input.operation} needs a column "${key}" to find records by. The columns are: ${names.join(', ')}.`,
    );
  }
}

interface RowsToSend {
  path: string;
  names: string[];
  dialect: Pick<Dialect, 'delimiter' | 'lineEnding'>;
  plan: PartPlan;
}

/** The source itself where its bytes can be sent; else a copy that says the same. */
async function rowsToSend(
  source: string,
  work: string,
  dialect: Dialect,
  columns: ColumnPlan,
  input: PlanLoadInput,
  step: Step,
): Promise<RowsToSend> {
  const reshaped =
    !sendsAllColumns(dialect.header, columns.sent) ||
    Object.keys(input.constants ?? {}).length > 0 ||
    input.blankAsNull;
  if (!reshaped) {
    const names = columns.sent.map(({ name }) => name);
    const plan = await cut(source, dialect, names, input.partMaxBytes, step);
    // The header line is our own, so only the data's line breaks count.
    const lineEnding = plan.lineBreaks === 'none' ? dialect.lineEnding : plan.lineBreaks;
    // What the platform makes of blank lines is not documented, so they are not sent.
    if (plan.blankBytes === 0 && lineEnding !== 'mixed' && (input.lineEnding ?? lineEnding) === lineEnding) {
      return { path: source, names, dialect: { delimiter: dialect.delimiter, lineEnding }, plan };
    }
  }
  const shape = {
    delimiter: dialect.delimiter,
    width: dialect.header.length,
    columns: columns.sent,
    constants: input.constants ?? {},
    blankAsNull: input.blankAsNull,
    keys: ['Id', ...(input.externalIdFieldName === undefined ? [] : [input.externalIdFieldName])],
  };
  // A name of its own: an earlier attempt, cut off from the server, may still be writing.
  const path = join(work, `source-${randomUUID().slice(0, 8)}.csv`);
  await saveStream(rewriteCsv(readRange(source, dialect.dataStart), shape), path, step.signal);
  const written = { delimiter: ',', lineEnding: 'LF', dataStart: 0 } as const;
  const names = rewrittenNames(shape);
  return { path, names, dialect: written, plan: await cut(path, written, names, input.partMaxBytes, step) };
}

function cut(
  path: string,
  dialect: Pick<Dialect, 'delimiter' | 'dataStart'>,
  names: string[],
  partMaxBytes: number,
  step: Step,
): Promise<PartPlan> {
  const header = headerBytes(names, dialect.delimiter, 'CRLF').length;
  return planParts(readRange(path, dialect.dataStart, undefined, step.signal), {
    delimiter: dialect.delimiter,
    base: dialect.dataStart,
    maxBytes: Math.max(1, partMaxBytes - header),
    onProgress: (bytes) => (step.bytes = bytes),
  });
}

/** Later on a load waits for a new token; before anything has begun, whoever starts it should know at once. */
function finalBeforeStart(error: unknown): never {
  if (!(error instanceof NightloadError) || error.code !== 'TOKEN_EXPIRED') throw error;
  throw new NightloadError(error.code, error.message, { cause: error });
}

/** A describe makes the retry better; a user who may not see it can load all the same. */
async function describeIfPossible(
  ask: () => Promise<ObjectDescribe>,
  attempt: number,
): Promise<ObjectDescribe | undefined> {
  try {
    return await ask();
  } catch (error) {
    const answered = error instanceof SalesforceError && error.httpStatus !== undefined && error.httpStatus !== 401;
    if (answered && (!error.retryable || attempt >= 3)) return undefined;
    throw error;
  }
}

/** Gives field names the letter case that describe has. */
function exactNames(describe: ObjectDescribe | undefined): (name: string) => string {
  const names = new Map(describe?.fields.map(({ name }) => [name.toLowerCase(), name]));
  return (name) => names.get(name.toLowerCase()) ?? name;
}

/** By which column rows are found again; an insert only by an external id that describe calls unique. */
function keyRule(input: PlanLoadInput, names: string[], describe: ObjectDescribe | undefined): KeyRule | undefined {
  const wanted = input.operation === 'insert' || input.operation === 'upsert' ? input.externalIdFieldName : 'Id';
  if (wanted === undefined) return undefined;
  const same = (name: string): boolean => name.toLowerCase() === wanted.toLowerCase();
  const column = names.find(same);
  const field: FieldDescribe | undefined = describe?.fields.find(({ name }) => same(name));
  if (column === undefined) return undefined;
  if (input.operation === 'insert' && !(field?.externalId === true && field.unique)) return undefined;
  return { column, ...(field && { type: field.type, caseSensitive: field.caseSensitive }) };
}
