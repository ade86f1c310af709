/** Rules for the fields that identify records: `Id`, and the external id of an upsert. */
import type { Operation } from '../../contract/names.js';
import type { FieldDescribe, ObjectDescribe } from '../../salesforce/resources/describe.js';
import type { FieldNames, ResolvedColumn } from './resolve-columns.js';
import { labelled } from './resolve-columns.js';
import { about, leaveOut, listed, quoted, sentence } from './findings.js';
import type { Finding } from './findings.js';
import { isLookupKey } from './relationships.js';
import { candidatesOf, nearest } from '../../domain/text/nearest-name.js';
import { defined } from '../../domain/defined.js';

export interface KeyInput {
  operation: Operation;
  externalIdFieldName?: string;
  describe: ObjectDescribe;
  names: FieldNames;
  /** The sent columns, including constants. */
  columns: readonly ResolvedColumn[];
  /** The titles of the file that may be shown. */
  header: readonly string[];
}

export interface KeyReport {
  errors: Finding[];
  warnings: Finding[];
  /** In exact letter case, if known. */
  externalIdFieldName?: string;
}

export function sameName(a: string, b: string | undefined): boolean {
  return a.toLowerCase() === b?.toLowerCase();
}

export function checkKey(input: KeyInput): KeyReport {
  const { operation, externalIdFieldName: given, names } = input;
  const field = given === undefined ? undefined : names.byName.get(given.toLowerCase());
  const exact = field?.name ?? given;
  const report: KeyReport = { errors: [], warnings: [], ...defined({ externalIdFieldName: exact }) };
  switch (operation) {
    case 'insert':
      refuseIds(input, report, 'HEADER_ID_ON_INSERT', 'an insert creates records, and Salesforce assigns their ids');
      if (given !== undefined && field === undefined) report.errors.push(unknownKey(input, given));
      if (field !== undefined) checkRetryKey(input, field, report);
      break;
    case 'upsert':
      if (exact !== 'Id') {
        const reason = `an upsert by ${quoted(exact ?? 'an external id')} must not also identify records by Id`;
        refuseIds(input, report, 'HEADER_ID_ON_UPSERT', reason);
      }
      checkUpsertKey(input, given, field, report);
      break;
    case 'update':
    case 'delete':
    case 'hardDelete':
      if (!hasColumn(input, 'Id')) {
        const message = `${sentence(`${operation} finds records by their ids, and no column is \`Id\``)} ${columnsOf(input)}`;
        report.errors.push({
          code: 'HEADER_NO_ID',
          message: `${message} Add the ids, or name their column with --map '…=Id'.`,
        });
      }
  }
  return report;
}

function hasColumn({ columns }: KeyInput, wanted: string): boolean {
  return columns.some(({ field, isRelationship }) => !isRelationship && field?.name === wanted);
}

function columnsOf({ header }: KeyInput): string {
  if (header.length === 0) {
    return 'No column has a known name: check whether the first line of the file is a header.';
  }
  return `The columns are ${listed(header)}.`;
}

function refuseIds({ columns }: KeyInput, report: KeyReport, code: string, reason: string): void {
  for (const { source, field, isRelationship } of columns) {
    if (isRelationship || field?.name !== 'Id') continue;
    report.errors.push(about(source, { code, text: `${reason}. ${sentence(leaveOut(source))}` }));
  }
}

function checkUpsertKey(
  input: KeyInput,
  given: string | undefined,
  field: FieldDescribe | undefined,
  report: KeyReport,
): void {
  const choice = choiceOf(input);
  const fail = (code: string, message: string): void => void report.errors.push({ code, message });
  if (given === undefined) {
    fail(
      'EXTERNAL_ID_NEEDED',
      `Upsert needs an external id field (--external-id), by which rows are matched. ${choice}`,
    );
  } else if (field === undefined) {
    report.errors.push(unknownKey(input, given));
  } else if (!isUpsertKey(field)) {
    fail(
      'EXTERNAL_ID_NOT_USABLE',
      `\`${field.name}\` is not marked as an external id, so rows cannot be matched by it. ${choice}`,
    );
  } else {
    if (!hasColumn(input, field.name)) {
      const message = `Upsert by \`${field.name}\` needs a column of that name. ${columnsOf(input)} Add it, or name it with --map '…=${field.name}'.`;
      fail('HEADER_NO_EXTERNAL_ID', message);
    }
    if (!field.unique && field.name !== 'Id') {
      const message = `\`${field.name}\` is not unique: a row fails when two records have its value. Prefer a unique external id.`;
      report.warnings.push({ code: 'EXTERNAL_ID_NOT_UNIQUE', message });
    }
  }
}

function choiceOf({ describe }: KeyInput): string {
  return `Rows can be matched by ${listed(describe.fields.filter(isUpsertKey).map(({ name }) => name))}.`;
}

/** An insert with such a field names the wrong one, and would not get the retries that it asks for. */
function unknownKey(input: KeyInput, given: string): Finding {
  const { describe, names } = input;
  const near = suggestKey(given, names, describe.fields.filter(isUpsertKey));
  const none = `The external id ${quoted(given)} is not a field of \`${describe.name}\``;
  const message =
    near === undefined
      ? `${none} that the user may see. ${choiceOf(input)}`
      : `${none}; did you mean \`${near}\`? Then use --external-id ${near}.`;
  return { code: 'EXTERNAL_ID_UNKNOWN', message };
}

/** For an insert: the platform never sees the key, so nothing fails, but failed rows are then retried as inserts. */
function checkRetryKey(input: KeyInput, field: FieldDescribe, report: KeyReport): void {
  const reason =
    !field.externalId || !field.unique
      ? `\`${field.name}\` is not ${field.externalId ? 'unique' : field.unique ? 'marked as external id' : 'a unique external id'}`
      : hasColumn(input, field.name)
        ? undefined
        : `no column is \`${field.name}\``;
  if (reason === undefined) return;
  const message = `${reason}, so retries of this insert cannot be upserts: rows that no result file names are not sent again.`;
  report.warnings.push({
    code: 'EXTERNAL_ID_NOT_FOR_RETRY',
    message: `${message.charAt(0).toUpperCase()}${message.slice(1)}`,
  });
}

function isUpsertKey(field: FieldDescribe): boolean {
  return field.name === 'Id' || isLookupKey(field);
}

function suggestKey(given: string, names: FieldNames, usable: readonly FieldDescribe[]): string | undefined {
  const byLabel = labelled(names, given);
  return byLabel.length === 1
    ? byLabel[0]?.name
    : (nearest(given, candidatesOf(usable)) ?? nearest(given, names.candidates));
}
