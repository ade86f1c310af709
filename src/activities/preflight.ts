/** What is asked of the org before anything is sent: which API version, and whether the header fits the object. */
import { isDelete } from '../contract.js';
import { NightloadError } from '../errors.js';
import { applyColumns, titlesFor } from '../csv/header.js';
import { headerDetail, listedTitles } from '../csv/titles.js';
import type { Titles } from '../csv/titles.js';
import type { ColumnPlan } from '../csv/header.js';
import { isHidden, listed, quoted } from '../preflight/findings.js';
import { checkHeader } from '../preflight/header-rules.js';
import type { Finding } from '../preflight/header-rules.js';
import { candidatesOf, Hints } from '../preflight/suggest.js';
import type { SalesforceConnection } from '../salesforce/connection.js';
import type { ApiContext } from '../salesforce/context.js';
import type { ObjectDescribe } from '../salesforce/describe.js';
import { SalesforceError } from '../salesforce/errors.js';
import type { Step } from './step.js';
import type { PlanLoadInput } from './types.js';

export interface Preflight {
  apiVersion: string;
  /** Absent when the user may not see it; then the platform checks, after the upload. */
  describe?: ObjectDescribe;
  /** Which titles may be told outside of the file. */
  titles: Titles;
  /** Under their exact API names. */
  columns: ColumnPlan;
  constants: Record<string, string>;
  externalIdFieldName?: string;
  errors: Finding[];
  warnings: Finding[];
}

export async function preflight(
  connection: SalesforceConnection,
  input: PlanLoadInput,
  header: readonly string[],
  step: Step,
): Promise<Preflight> {
  const chosen = applyColumns(header, input);
  const apiVersion = await connection.resolveApiVersion(step.call).catch(finalBeforeStart);
  const context = { ...step.call, apiVersion };
  const describe = await describeIfPossible(connection, input.object, context, step);
  if (describe === undefined) {
    const unchecked = withoutDescribe(input, chosen, apiVersion);
    return { ...unchecked, warnings: [...unchecked.warnings, ...retiring(step)] };
  }
  const fields = new Set(
    describe.fields
      .flatMap(({ name, label }) => (input.mapLabels ? [name, label] : [name]))
      .map((name) => name.toLowerCase()),
  );
  const isField = (name: string): boolean => fields.has(name.toLowerCase());
  const columns = chosen.notes.some(isField) ? applyColumns(header, { ...input, isField }) : chosen;
  const report = await checkHeader({
    operation: input.operation,
    ...(input.externalIdFieldName !== undefined && { externalIdFieldName: input.externalIdFieldName }),
    columns: columns.kept.map(({ index, name }) => ({ title: header[index] ?? name, name, position: index + 1 })),
    constants: Object.keys(input.constants ?? {}),
    describe,
    describeOf: (object) => describeIfPossible(connection, object, context, step).catch(hiddenObject),
    mapLabels: input.mapLabels ?? false,
  });
  const kept = columns.kept.map((column, place) => ({ ...column, name: report.names[place] ?? column.name }));
  const { titles } = report;
  const sent = isDelete(input.operation) ? kept.filter(({ name }) => name === 'Id') : kept;
  const values = Object.values(input.constants ?? {});
  const errors = [...(await operationErrors(connection, input, context)), ...report.errors];
  return {
    apiVersion,
    describe,
    titles,
    columns: { ...columns, sent, kept },
    constants: Object.fromEntries(report.constants.map((name, i) => [name, values[i] ?? ''])),
    ...((report.externalIdFieldName ?? input.externalIdFieldName) !== undefined && {
      externalIdFieldName: report.externalIdFieldName ?? (input.externalIdFieldName as string),
    }),
    errors,
    warnings: [
      ...leftOut(columns),
      ...replacedColumns(report.names, report.constants),
      ...idleFixes(input.fixFields ?? [], [...report.names, ...report.constants]),
      ...report.warnings,
      ...retiring(step),
    ],
  };
}

/** What the replies so far announced of the API version. */
function retiring({ warnings }: Step): Finding[] {
  return [...warnings].map((message) => ({ code: 'API_VERSION_RETIRING', message }));
}

/** Columns without a name are told once it is known that they are blank. */
function leftOut({ notes, missing }: ColumnPlan): Finding[] {
  const found: Finding[] = [];
  if (notes.length > 0) {
    found.push({
      code: 'COLUMNS_LEFT_OUT',
      message: `Not sent, because an earlier load wrote ${notes.length === 1 ? 'it' : 'them'}: the ${named('column', notes)}.`,
    });
  }
  if (missing.length > 0) {
    found.push({
      code: 'MAPPING_COLUMN_MISSING',
      message: `The mapping file names the ${named('column', missing)}, which the file does not have.`,
    });
  }
  return found;
}

function named(what: string, names: readonly string[]): string {
  return `${names.length === 1 ? what : `${what}s`} ${listed(names)}`;
}

function replacedColumns(names: readonly string[], constants: readonly string[]): Finding[] {
  const known = new Set(names.map((name) => name.toLowerCase()));
  return constants
    .filter((constant) => known.has(constant.toLowerCase()))
    .map((name) => ({
      code: 'COLUMN_REPLACED',
      message: `The file has a column ${name}, and so have the constants: every row gets the constant.`,
    }));
}

/** A file of rules may serve several objects, so that one of them has nothing to do here is no error. */
function idleFixes(fields: readonly string[], names: readonly string[]): Finding[] {
  const known = new Set(names.map((name) => name.toLowerCase()));
  const candidates = candidatesOf(names.map((name) => ({ name, label: '' })));
  const hints = new Hints();
  return fields
    .filter((field) => !known.has(field.toLowerCase()))
    .map((field) => {
      const near = hints.nearest(field, () => candidates);
      return {
        code: 'FIX_RULE_IDLE',
        message:
          `A fix rule names the field ${quoted(field)}, which is not among the columns, so it changes nothing.` +
          (near === undefined ? '' : ` Did you mean ${quoted(near)}?`),
      };
    });
}

/** Not every org tells; then creating the job does. */
async function operationErrors(
  connection: SalesforceConnection,
  { operation }: PlanLoadInput,
  context: ApiContext,
): Promise<Finding[]> {
  if (operation !== 'hardDelete') return [];
  const may = await connection.mayHardDelete(context).catch((error: unknown) => {
    if (error instanceof SalesforceError) return undefined;
    throw error;
  });
  if (may !== false) return [];
  const message =
    'The user does not have the permission "Bulk API Hard Delete", so hardDelete would be refused. ' +
    'Give it to the user, or use the operation delete.';
  return [{ code: 'HARD_DELETE_NOT_ALLOWED', message }];
}

/** What can be told without describe. */
function withoutDescribe(input: PlanLoadInput, columns: ColumnPlan, apiVersion: string): Preflight {
  const names = [...columns.sent.map(({ name }) => name), ...Object.keys(input.constants ?? {})];
  const key =
    input.operation === 'update' || isDelete(input.operation)
      ? 'Id'
      : input.operation === 'upsert'
        ? input.externalIdFieldName
        : undefined;
  const titles = withoutDescribeTitles(input, names);
  const missing = key !== undefined && !names.some((name) => name.toLowerCase() === key.toLowerCase());
  return {
    apiVersion,
    titles,
    columns,
    constants: input.constants ?? {},
    ...(input.externalIdFieldName !== undefined && { externalIdFieldName: input.externalIdFieldName }),
    errors: missing
      ? [
          {
            code: key === 'Id' ? 'HEADER_NO_ID' : 'HEADER_NO_EXTERNAL_ID',
            message: `${input.operation} needs a column "${key}" to find records by. The columns are: ${listedTitles(names, titles)}.`,
          },
        ]
      : [],
    warnings: [
      ...leftOut(columns),
      {
        code: 'DESCRIBE_NOT_POSSIBLE',
        message: `The user may not describe ${input.object}, so the header could not be checked before the upload.`,
      },
    ],
  };
}

/** Names that the caller wrote, and usual ones: no field of the object is known. */
function withoutDescribeTitles(input: PlanLoadInput, names: readonly string[]): Titles {
  const { externalIdFieldName, constants = {} } = input;
  const more = [...Object.keys(constants), ...(externalIdFieldName === undefined ? [] : [externalIdFieldName])];
  const written = { columns: { ...input.columns, ...Object.fromEntries(more.map((name) => [name, name])) } };
  return titlesFor(names, { ...written, ...(input.columnsIfPresent && { columnsIfPresent: input.columnsIfPresent }) });
}

const MOST_TOLD = 5;

/** @throws NightloadError with the code of the first finding, and the words of some more */
export function throwFindings(errors: readonly Finding[], header: readonly string[] = []): void {
  const first = errors[0];
  if (first === undefined) return;
  const told = errors.slice(0, MOST_TOLD).map(({ message }) => message);
  const more =
    errors.length > told.length ? [`And ${errors.length - told.length} more: \`nightload check\` lists all.`] : [];
  // Titles that may be values are told by their places.
  const detail = errors.some(isHidden);
  throw new NightloadError(first.code, [...told, ...more].join(' '), {
    ...(detail && header.length > 0 && { detail: headerDetail(header) }),
  });
}

/** Later on a load waits for a new token; before anything has begun, whoever starts it should know at once. */
function finalBeforeStart(error: unknown): never {
  if (!(error instanceof NightloadError) || error.code !== 'TOKEN_EXPIRED') throw error;
  throw new NightloadError(error.code, error.message, { cause: error, detail: error.detail });
}

/** A user who may not describe can load all the same; an object that is not there cannot be loaded. */
async function describeIfPossible(
  connection: SalesforceConnection,
  object: string,
  context: ApiContext,
  { believes }: Step,
): Promise<ObjectDescribe | undefined> {
  try {
    const describe = await connection.describe(object, context).catch(finalBeforeStart);
    // A reply that lists nothing but the id says nothing about columns.
    return describe.fields.length > 1 ? describe : undefined;
  } catch (error) {
    if (!(error instanceof SalesforceError) || error.code === 'OBJECT_NOT_FOUND') throw error;
    // What has no code of the platform says nothing about the user.
    const answered = error.errorCode !== undefined && error.httpStatus !== 401;
    if (answered && believes(error)) return undefined;
    throw error;
  }
}

/** The target of a lookup that the user may not see. */
function hiddenObject(error: unknown): undefined {
  if (error instanceof SalesforceError && error.code === 'OBJECT_NOT_FOUND') return undefined;
  throw error;
}
