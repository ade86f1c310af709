/**
 * Checks a header against describe before a job exists: the platform names only the first wrong column, and only after
 * the upload. This check reports all errors at once, each with a remedy.
 */
import { DELIMITER_NAMES } from '../../csv/dialect.js';
import { titlesOf } from '../../csv/shown-titles.js';
import type { Titles } from '../../csv/shown-titles.js';
import type { Operation } from '../../contract/names.js';
import type { FieldDescribe, ObjectDescribe } from '../../salesforce/resources/describe.js';
import { checkAccess, isCreateable, isUpdateable } from './field-access.js';
import { fieldNames, labelled, resolveColumn, shownName } from './resolve-columns.js';
import type { FieldNames, ResolvedColumn } from './resolve-columns.js';
import { duplicateColumns } from './duplicate-columns.js';
import { about, leaveOut, sentence } from './findings.js';
import type { Finding, Findings, Source } from './findings.js';
import { checkSize } from './header-size.js';
import { checkObject } from './object-access.js';
import { checkRequired } from './required-fields.js';
import { checkKey, sameName } from './key-field.js';
import { findRelationship, parseRelationship } from './relationships.js';
import { Hints } from '../../domain/text/nearest-name.js';
import { TimeSlice } from '../../runtime/time-slice.js';
import type { DescribeOf } from './relationships.js';
import { defined } from '../../domain/defined.js';

export type { Finding } from './findings.js';

interface HeaderColumn {
  /** As in the file. */
  title: string;
  /** After the caller's mapping. */
  name: string;
  /** Position in the file, from 1. @default its position in the list */
  position?: number;
}

export interface HeaderInput {
  operation: Operation;
  externalIdFieldName?: string;
  columns: readonly HeaderColumn[];
  /** Fields with the same value in every row; a constant replaces a column with its name. */
  constants: readonly string[];
  describe: ObjectDescribe;
  /** For lookups. */
  describeOf: DescribeOf;
  /** Whether columns may use their field's label as a name. */
  mapLabels: boolean;
}

export interface HeaderReport {
  errors: Finding[];
  warnings: Finding[];
  /**
   * The name to send for each column, in order: letter case corrected, labels replaced. Unknown names stay unchanged.
   */
  names: string[];
  /** The same for the constants. */
  constants: string[];
  externalIdFieldName?: string;
  /** Titles that may be shown outside of the file. */
  titles: Titles;
}

export async function checkHeader(input: HeaderInput): Promise<HeaderReport> {
  const header = [...input.columns.map(({ name }) => name), ...input.constants];
  const names = fieldNames(input.describe, writableBy(input.operation), header);
  const titles = knownTitles(input, names);
  const sources = input.columns.map(({ title, name, position }, i): Source => {
    const column = { title, position: position ?? i + 1, ...(!titles.shows(title) && { isHidden: true }) };
    return { name, column };
  });
  const report: HeaderReport = {
    ...checkObject(input.describe, input.operation),
    titles,
    names: sources.map((source) => shownName(source, names, input.mapLabels)),
    constants: [...input.constants],
  };
  if (input.operation === 'delete' || input.operation === 'hardDelete') {
    await checkDelete(input, names, sources, report);
  } else {
    await checkWrite(input, names, sources, report);
  }
  // Findings about the whole header come first, then by column.
  const byPosition = (a: Finding, b: Finding): number => (a.position ?? 0) - (b.position ?? 0);
  report.errors.sort(byPosition);
  report.warnings.sort(byPosition);
  return report;
}

/** All spellings of the object's fields, and the names from the caller. */
function knownTitles({ columns, describe }: HeaderInput, names: FieldNames): Titles {
  const mapped = new Set(columns.filter(({ title, name }) => name !== title).map(({ title }) => title));
  return titlesOf(
    columns.map(({ title }) => title),
    (title) =>
      mapped.has(title) ||
      names.byName.has(title.toLowerCase()) ||
      labelled(names, title).length > 0 ||
      findRelationship(describe, parseRelationship(title)?.relationship ?? '') !== undefined,
  );
}

/** Only `Id` is sent, so other columns do not matter. */
async function checkDelete(
  { operation, describeOf, mapLabels, describe }: HeaderInput,
  names: FieldNames,
  sources: readonly Source[],
  report: HeaderReport,
): Promise<void> {
  const ids = sources.filter((source) => shownName(source, names, true) === 'Id');
  const columns = await Promise.all(
    ids.map((source) => resolveColumn(source, { names, describeOf, mapLabels, hints: new Hints() })),
  );
  add(
    report,
    ...columns,
    duplicateColumns(columns),
    checkKey({ operation, describe, names, columns, header: told(report, sources) }),
  );
}

async function checkWrite(
  input: HeaderInput,
  names: FieldNames,
  sources: readonly Source[],
  report: HeaderReport,
): Promise<void> {
  const { operation, describe, mapLabels } = input;
  // Many columns need the same parent object.
  const options = { names, describeOf: remembered(input.describeOf, describe), mapLabels, hints: new Hints() };
  const slice = new TimeSlice();
  const resolve = async (all: readonly Source[]): Promise<ResolvedColumn[]> => {
    const found: Promise<ResolvedColumn>[] = [];
    for (const source of all) {
      const one = resolveColumn(source, options);
      // The error is thrown when all are awaited.
      one.catch(() => undefined);
      found.push(one);
      if (slice.isOver) await slice.next();
    }
    return Promise.all(found);
  };
  const constants = await resolve(input.constants.map((name) => ({ name })));
  const resolved = await resolve(sources);
  const columns = resolved.length === 1 ? resolved.map(onlyColumn) : resolved;
  report.names = columns.map(({ name }) => name);
  report.constants = constants.map(({ name }) => name);

  const replaced = new Set(constants.map(({ name }) => name.toLowerCase()));
  const sent = [...columns.filter(({ name }) => !replaced.has(name.toLowerCase())), ...constants];
  const { externalIdFieldName, errors, warnings } = checkKey({
    operation,
    describe,
    names,
    columns: sent,
    header: told(report, sources),
    ...defined({ externalIdFieldName: input.externalIdFieldName }),
  });
  if (externalIdFieldName !== undefined) report.externalIdFieldName = externalIdFieldName;
  add(report, ...sent, duplicateColumns(sent));
  // If the object itself is not writable, no field is: reported once.
  if (report.errors.every(({ code }) => code !== 'OBJECT_OPERATION_NOT_ALLOWED')) {
    const key = operation === 'upsert' ? externalIdFieldName : undefined;
    add(report, ...sent.map((column) => checkWritable(column, describe, operation, key)));
    add(report, checkRequired(describe, operation, sent));
  }
  add(report, { errors, warnings }, checkSize(sent.map(({ name }) => name)));
}

/** The columns with the names that may be shown. */
function told({ names }: HeaderReport, sources: readonly Source[]): string[] {
  return names.filter((name, i) => {
    const { column } = sources[i] as Source;
    return column?.isHidden !== true || name !== column.title;
  });
}

/** A wrong delimiter turns the whole header into one title. */
function onlyColumn(column: ResolvedColumn): ResolvedColumn {
  const other = [...column.source.name].find((character) => character in DELIMITER_NAMES);
  if (other === undefined) return column;
  const shown = other === '\t' ? 'a tab' : `"${other}"`;
  const hint = ` It is the only column: if ${shown} separates columns, the delimiter is wrong. Omit --delimiter to detect it.`;
  const errors = column.errors.map((error) =>
    error.code === 'HEADER_UNKNOWN_COLUMN' ? { ...error, message: error.message + hint } : error,
  );
  return { ...column, errors };
}

function add(report: HeaderReport, ...found: readonly Findings[]): void {
  for (const { errors, warnings } of found) {
    report.errors.push(...errors);
    report.warnings.push(...warnings);
  }
}

function remembered(describeOf: DescribeOf, own: ObjectDescribe): DescribeOf {
  const known = new Map<string, Promise<ObjectDescribe | undefined>>([[own.name.toLowerCase(), Promise.resolve(own)]]);
  return (object) => {
    const key = object.toLowerCase();
    const answer = known.get(key) ?? describeOf(object);
    known.set(key, answer);
    return answer;
  };
}

function writableBy(operation: Operation): (field: FieldDescribe) => boolean {
  if (operation === 'insert') return isCreateable;
  return operation === 'update' ? isUpdateable : (field) => isCreateable(field) || isUpdateable(field);
}

function checkWritable(
  { source, field, isRelationship }: ResolvedColumn,
  describe: ObjectDescribe,
  operation: Operation,
  key: string | undefined,
): Findings {
  // Records are found by these; other checks of an Id are part of the key rules.
  const findsRecords = !isRelationship && field !== undefined && (field.name === 'Id' || sameName(field.name, key));
  if (field === undefined || findsRecords) return { errors: [], warnings: [] };
  const { errors, warnings } = checkAccess(field, describe, operation);
  return {
    errors: errors.map(({ code, text }) => about(source, { code, text: `${text} ${sentence(leaveOut(source))}` })),
    warnings: warnings.map((problem) => about(source, problem)),
  };
}
