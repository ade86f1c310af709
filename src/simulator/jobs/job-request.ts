/** Reads a create request, or refuses it. */
import { Refusal } from '../http/http.js';
import type { Access } from '../org/access.js';
import type { JobSettings } from './job-types.js';
import type { Org } from '../org/org.js';
import type { Quirks } from '../quirks.js';
import type { Table } from '../org/table.js';
import { DELIMITERS } from './upload.js';

const OPERATIONS = ['insert', 'update', 'upsert', 'delete', 'hardDelete'];
/** Kinds of objects that exist in every org and that no bulk job accepts. */
const NOT_FOR_BULK = /(?:Share|Feed|History|Tag)$/;

export interface CreateRules {
  org: Org;
  quirks: Quirks;
  /** Of the user. */
  access: Access;
}

type Text = (name: string) => string | undefined;

/** @throws Refusal */
export function readRequest(
  body: Record<string, unknown>,
  rules: CreateRules,
): { table: Table; settings: Omit<JobSettings, 'id' | 'apiVersion' | 'createdById'> } {
  const text: Text = (name) => (body[name] === undefined || body[name] === null ? undefined : String(body[name]));
  const operation = oneOf(text, 'operation', OPERATIONS);
  oneOf(text, 'contentType', ['CSV'], 'CSV');
  const table = wantedTable(text('object') ?? '', rules);
  if (operation === 'hardDelete' && !rules.access.hardDelete) {
    throw new Refusal(
      400,
      'FEATURENOTENABLED',
      'hardDelete operation requires special user profile permission, please contact your system administrator',
    );
  }
  const externalIdFieldName = wantedKey(text('externalIdFieldName'), operation, table, rules);
  const assignmentRuleId = text('assignmentRuleId');
  return {
    table,
    settings: {
      object: table.object.name,
      operation,
      columnDelimiter: oneOf(text, 'columnDelimiter', Object.keys(DELIMITERS), 'COMMA'),
      lineEnding: oneOf(text, 'lineEnding', ['LF', 'CRLF'], 'LF'),
      ...(externalIdFieldName !== undefined && { externalIdFieldName }),
      ...(assignmentRuleId !== undefined && { assignmentRuleId }),
    },
  };
}

export const invalidValue = (value: string, property: string): Refusal =>
  new Refusal(400, 'API_ERROR', `Invalid value: '${value}' supplied for property: '${property}'`);

const invalidJob = (message: string): Refusal => new Refusal(400, 'INVALIDJOB', `InvalidJob : ${message}`);

function oneOf(text: Text, property: string, values: readonly string[], otherwise = ''): string {
  const value = text(property) ?? otherwise;
  if (!values.includes(value)) throw invalidValue(value, property);
  return value;
}

function wantedTable(object: string, { org, access }: CreateRules): Table {
  const table = org.table(object);
  if (table !== undefined && access.sees(table.object.name)) return table;
  if (NOT_FOR_BULK.test(object)) {
    throw new Refusal(400, 'INVALIDENTITY', `Entity '${object}' is not supported by the Bulk API.`);
  }
  throw invalidJob(`Unable to find object: ${object}`);
}

function wantedKey(
  name: string | undefined,
  operation: string,
  table: Table,
  { quirks, access }: CreateRules,
): string | undefined {
  const object = table.object.name;
  if (operation !== 'upsert') {
    if (name === undefined || quirks.externalIdWithoutUpsert === 'ignore') return undefined;
    throw invalidJob(`External ID field is not allowed for ${operation}`);
  }
  if (!name) throw invalidJob(`External ID was blank for ${object}. An External ID must be specified for upsert.`);
  const field = table.field(name);
  if (field === undefined || !(field.externalId || field.idLookup) || !access.seesField(object, field.name)) {
    throw invalidJob(`Field name provided, ${name} does not match an External ID for ${object}`);
  }
  return name;
}
