/**
 * Checks a header against describe before a job exists: the platform names only the first wrong column, and only after
 * the upload. Everything is found at once, and everything is said with what to do about it.
 */
import { DELIMITER_NAMES } from '../csv/dialect.js';
import { looksLikeName, titlesOf } from '../csv/titles.js';
import type { Titles } from '../csv/titles.js';
import type { Operation } from '../contract.js';
import type { FieldDescribe, ObjectDescribe } from '../salesforce/describe.js';
import { checkAccess, isCreateable, isUpdateable, partsOf } from './access.js';
import { fieldNames, labelled, resolveColumn, shownName } from './columns.js';
import type { FieldNames, ResolvedColumn } from './columns.js';
import { doubles } from './doubles.js';
import { about, leaveOut, sentence } from './findings.js';
import type { Finding, Source } from './findings.js';
import { checkKey, sameName } from './key-rules.js';
import { findRelationship, parseRelationship } from './relationships.js';
import { Hints } from './suggest.js';
import { TimeSlice } from '../time-slice.js';
import type { DescribeOf } from './relationships.js';

export type { Finding } from './findings.js';
export type { DescribeOf } from './relationships.js';

export interface HeaderColumn {
  /** As in the file. */
  title: string;
  /** After the caller's mapping. */
  name: string;
  /** Place in the file, from 1. @default its place in the list */
  position?: number;
}

export interface HeaderInput {
  operation: Operation;
  externalIdFieldName?: string;
  columns: readonly HeaderColumn[];
  /** Fields that get the same value in every row; one replaces a column of its name. */
  constants: readonly string[];
  describe: ObjectDescribe;
  /** For lookups. */
  describeOf: DescribeOf;
  /** Whether a column may be called as its field is labelled. */
  mapLabels: boolean;
}

export interface HeaderReport {
  errors: Finding[];
  warnings: Finding[];
  /** What to call each column, in order: letter case corrected, labels replaced. What is unknown stays as it is. */
  names: string[];
  /** The same for the constants. */
  constants: string[];
  externalIdFieldName?: string;
  /** Which titles may be told outside of the file. */
  titles: Titles;
}

/** What the platform takes. */
const MAX_CHARACTERS = 32_000;
const MAX_COLUMNS = 5000;

export async function checkHeader(input: HeaderInput): Promise<HeaderReport> {
  const header = [...input.columns.map(({ name }) => name), ...input.constants];
  const names = fieldNames(input.describe, writableBy(input.operation), header);
  const titles = knownTitles(input, names);
  const sources = input.columns.map(({ title, name, position }, i): Source => {
    const column = { title, position: position ?? i + 1, ...(!titles.shows(title) && { isHidden: true }) };
    return { name, column };
  });
  const report: HeaderReport = {
    ...checkObject(input),
    titles,
    names: sources.map((source) => shownName(source, names, input.mapLabels)),
    constants: [...input.constants],
  };
  if (input.operation === 'delete' || input.operation === 'hardDelete') {
    await checkDelete(input, names, sources, report);
  } else {
    await checkWrite(input, names, sources, report);
  }
  // What is about the whole header first, then by column.
  const byPosition = (a: Finding, b: Finding): number => (a.position ?? 0) - (b.position ?? 0);
  report.errors.sort(byPosition);
  report.warnings.sort(byPosition);
  return report;
}

/** Fields of the object in any way to write them, and what the caller wrote. */
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

/** Only `Id` is sent; what other columns there are does not matter. */
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
    doubles(columns),
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
  // The same parent is asked for by many columns.
  const options = { names, describeOf: remembered(input.describeOf, describe), mapLabels, hints: new Hints() };
  const slice = new TimeSlice();
  const resolve = async (all: readonly Source[]): Promise<ResolvedColumn[]> => {
    const found: Promise<ResolvedColumn>[] = [];
    for (const source of all) {
      const one = resolveColumn(source, options);
      // Its error is thrown when all are waited for.
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
    ...(input.externalIdFieldName !== undefined && { externalIdFieldName: input.externalIdFieldName }),
  });
  if (externalIdFieldName !== undefined) report.externalIdFieldName = externalIdFieldName;
  add(report, ...sent, doubles(sent));
  // Where the object itself may not be written, no field can be: that is said once.
  if (report.errors.every(({ code }) => code !== 'OBJECT_OPERATION_NOT_ALLOWED')) {
    const key = operation === 'upsert' ? externalIdFieldName : undefined;
    add(report, ...sent.map((column) => checkWritable(column, describe, operation, key)));
    add(report, checkRequired(describe, operation, sent));
  }
  add(report, { errors, warnings }, checkSize(sent.map(({ name }) => name)));
}

/** The columns under the names that may be told. */
function told({ names }: HeaderReport, sources: readonly Source[]): string[] {
  return names.filter((name, i) => {
    const { column } = sources[i] as Source;
    return column?.isHidden !== true || name !== column.title;
  });
}

/** A delimiter that is not the file's makes one title of the whole header. */
function onlyColumn(column: ResolvedColumn): ResolvedColumn {
  const other = [...column.source.name].find((character) => character in DELIMITER_NAMES);
  if (other === undefined) return column;
  const shown = other === '\t' ? 'a tab' : `"${other}"`;
  const hint = ` It is the only column: if ${shown} separates columns, then the delimiter is wrong. Leave --delimiter out, and it is found.`;
  const errors = column.errors.map((error) =>
    error.code === 'HEADER_UNKNOWN_COLUMN' ? { ...error, message: error.message + hint } : error,
  );
  return { ...column, errors };
}

interface Findings {
  errors: readonly Finding[];
  warnings: readonly Finding[];
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

function checkObject({ operation, describe }: HeaderInput): { errors: Finding[]; warnings: Finding[] } {
  const { name, createable, updateable, deletable } = describe;
  const finding = (text: string): Finding => ({
    code: 'OBJECT_OPERATION_NOT_ALLOWED',
    message: `${sentence(`the user may not ${text}`)} Ask an administrator for the permission, or use another connection.`,
  });
  const refused = (may: boolean, text: string): { errors: Finding[]; warnings: Finding[] } => ({
    errors: may ? [] : [finding(text)],
    warnings: [],
  });
  switch (operation) {
    case 'insert':
      return refused(createable, `create records of \`${name}\``);
    case 'update':
      return refused(updateable, `change records of \`${name}\``);
    case 'delete':
    case 'hardDelete':
      return refused(deletable, `delete records of \`${name}\``);
    case 'upsert': {
      if (createable === updateable) return refused(createable, `create or change records of \`${name}\``);
      const text = createable
        ? `change records of \`${name}\`, so rows whose record exists will fail`
        : `create records of \`${name}\`, so rows whose record does not exist will fail`;
      return { errors: [], warnings: [finding(text)] };
    }
  }
}

function checkWritable(
  { source, field, isRelationship }: ResolvedColumn,
  describe: ObjectDescribe,
  operation: Operation,
  key: string | undefined,
): Findings {
  // Records are found by these; what else is said of an Id is said by the key's rules.
  const findsRecords = !isRelationship && field !== undefined && (field.name === 'Id' || sameName(field.name, key));
  if (field === undefined || findsRecords) return { errors: [], warnings: [] };
  const { errors, warnings } = checkAccess(field, describe, operation);
  return {
    errors: errors.map(({ code, text }) => about(source, { code, text: `${text} ${sentence(leaveOut(source))}` })),
    warnings: warnings.map((problem) => about(source, problem)),
  };
}

/** Layouts and rules of the org may need more fields, which describe does not tell. */
function checkRequired(describe: ObjectDescribe, operation: Operation, sent: readonly ResolvedColumn[]): Findings {
  if (operation !== 'insert' && operation !== 'upsert') return { errors: [], warnings: [] };
  const given = new Set(sent.map(({ field }) => field?.name));
  const isMissing = (field: FieldDescribe): boolean =>
    isCreateable(field) &&
    !field.nillable &&
    !field.defaultedOnCreate &&
    field.type !== 'boolean' &&
    !given.has(field.name) &&
    // The Name of a person account comes with its LastName.
    !partsOf(field, describe).some(({ name }) => given.has(name));
  const found = describe.fields.filter(isMissing).map(({ name, label, relationshipName, referenceTo }): Finding => {
    const shown = label === name || !looksLikeName(label) ? `\`${name}\`` : `\`${name}\` ("${label}")`;
    const parent =
      relationshipName === undefined || referenceTo.length > 1
        ? ''
        : ` with ids, or one such as \`${relationshipName}.External_Id__c\``;
    const missing = `No column sets ${shown}, which every new \`${describe.name}\` needs`;
    const remedy = `Add a column${parent}, or give every row one value with --set '${name}=…'.`;
    return {
      code: 'HEADER_REQUIRED_MISSING',
      message:
        operation === 'insert' ? `${missing}. ${remedy}` : `${missing}: rows that create a record will fail. ${remedy}`,
    };
  });
  return operation === 'insert' ? { errors: found, warnings: [] } : { errors: [], warnings: found };
}

function checkSize(names: readonly string[]): Findings {
  const errors: Finding[] = [];
  const characters = names.join(',').length;
  const split = "Leave columns out with --map 'Title=', or load the columns in several files.";
  if (characters > MAX_CHARACTERS) {
    const message = `The header would have ${characters} characters; Salesforce takes ${MAX_CHARACTERS}. ${split}`;
    errors.push({ code: 'HEADER_TOO_LONG', message });
  }
  if (names.length > MAX_COLUMNS) {
    const message = `The header would have ${names.length} columns; Salesforce takes ${MAX_COLUMNS}. ${split}`;
    errors.push({ code: 'HEADER_TOO_MANY_COLUMNS', message });
  }
  return { errors, warnings: [] };
}
