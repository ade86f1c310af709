/** Asks the org before anything is sent: which API version, and whether the header fits the object. */
import { isDelete } from '../../domain/platform/operations.js';
import { NightloadError } from '../../errors.js';
import { applyColumns, titlesFor } from '../../rows/column-mapping.js';
import { headerDetail, listedTitles } from '../../csv/shown-titles.js';
import type { Titles } from '../../csv/shown-titles.js';
import type { ColumnPlan } from '../../rows/column-mapping.js';
import { isHidden, listed, quoted } from '../../preflight/header/findings.js';
import { checkHeader } from '../../preflight/header/check-header.js';
import type { Finding } from '../../preflight/header/check-header.js';
import { candidatesOf, Hints } from '../../domain/text/nearest-name.js';
import type { SalesforceConnection } from '../../salesforce/bulk-client.js';
import type { ApiContext } from '../../salesforce/http/call-context.js';
import type { ObjectDescribe } from '../../salesforce/resources/describe.js';
import { SalesforceError } from '../../salesforce/errors/salesforce-error.js';
import type { ActivityRun } from '../run-activity.js';
import type { PlanLoadInput } from '../../protocol/activities/plan-types.js';
import { defined } from '../../domain/defined.js';

export interface Preflight {
  apiVersion: string;
  /** Absent if the user may not see it; then the platform checks after the upload. */
  describe?: ObjectDescribe;
  /** Titles that may be shown outside of the file. */
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
  step: ActivityRun,
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
    ...defined({ externalIdFieldName: input.externalIdFieldName }),
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
    ...defined({ externalIdFieldName: report.externalIdFieldName ?? input.externalIdFieldName }),
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

/** API version warnings in the replies so far. */
function retiring({ warnings }: ActivityRun): Finding[] {
  return [...warnings].map((message) => ({ code: 'API_VERSION_RETIRING', message }));
}

/** Columns without a name are reported once they are known to be blank. */
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
      message: `Both the file and the constants set ${name}: every row gets the constant.`,
    }));
}

/** A file of rules may serve several objects, so unused rules are not an error. */
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

/** Some orgs do not report this; there, creating the job does. */
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
    'Grant it to the user, or use the operation delete.';
  return [{ code: 'HARD_DELETE_NOT_ALLOWED', message }];
}

/** Findings that need no describe. */
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
    ...defined({ externalIdFieldName: input.externalIdFieldName }),
    errors: missing
      ? [
          {
            code: key === 'Id' ? 'HEADER_NO_ID' : 'HEADER_NO_EXTERNAL_ID',
            message: `${input.operation} needs a column "${key}" to find records. The columns are: ${listedTitles(names, titles)}.`,
          },
        ]
      : [],
    warnings: [
      ...leftOut(columns),
      {
        code: 'DESCRIBE_NOT_POSSIBLE',
        message: `The user may not describe ${input.object}, so the header was not checked before the upload.`,
      },
    ],
  };
}

/** Titles that the caller wrote, and common ones: no field of the object is known. */
function withoutDescribeTitles(input: PlanLoadInput, names: readonly string[]): Titles {
  const { externalIdFieldName, constants = {} } = input;
  const more = [...Object.keys(constants), ...(externalIdFieldName === undefined ? [] : [externalIdFieldName])];
  const written = { columns: { ...input.columns, ...Object.fromEntries(more.map((name) => [name, name])) } };
  return titlesFor(names, { ...written, ...defined({ columnsIfPresent: input.columnsIfPresent }) });
}

const MAX_TOLD = 5;

/** @throws NightloadError with the code of the first finding, and the text of some more */
export function throwFindings(errors: readonly Finding[], header: readonly string[] = []): void {
  const first = errors[0];
  if (first === undefined) return;
  const told = errors.slice(0, MAX_TOLD).map(({ message }) => message);
  const more =
    errors.length > told.length ? [`And ${errors.length - told.length} more: \`nightload check\` lists them all.`] : [];
  // Titles that may be values are named by position.
  const detail = errors.some(isHidden);
  throw new NightloadError(first.code, [...told, ...more].join(' '), {
    ...(detail && header.length > 0 && { detail: headerDetail(header) }),
  });
}

/** Later, a load waits for a new token; before it begins, the caller should learn of the error at once. */
function finalBeforeStart(error: unknown): never {
  if (!(error instanceof NightloadError) || error.code !== 'TOKEN_EXPIRED') throw error;
  throw new NightloadError(error.code, error.message, { cause: error, detail: error.detail });
}

/** A user who may not describe an object can still load it; an object that does not exist cannot be loaded. */
async function describeIfPossible(
  connection: SalesforceConnection,
  object: string,
  context: ApiContext,
  { believes }: ActivityRun,
): Promise<ObjectDescribe | undefined> {
  try {
    const describe = await connection.describe(object, context).catch(finalBeforeStart);
    // A reply that lists only the id shows nothing about columns.
    return describe.fields.length > 1 ? describe : undefined;
  } catch (error) {
    if (!(error instanceof SalesforceError) || error.code === 'OBJECT_NOT_FOUND') throw error;
    // An error without a platform code shows nothing about the user.
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
