/** What the org says about one object: its describe, record types and rules. */
import { NightloadError } from '../errors.js';
import { MAX_DESCRIBE } from '../salesforce/bulk-client.js';
import { SalesforceError } from '../salesforce/errors/salesforce-error.js';
import { describePath, picklistValuesPath, queryPath, toolingQueryPath } from '../salesforce/resources/paths.js';
import { defined } from '../domain/defined.js';
import type { Answer, OrgReader } from './org-reader.js';
import { ASSIGNMENT_RULES, DESCRIBE, DUPLICATE_RULES, parsedBy, PICKLISTS, RULE, RULE_LIST } from './replies.js';
import type { Describe } from './replies.js';

/** Bytes of the picklist values of a record type, and of the metadata of a rule. */
const MAX_PART = 8_000_000;

export interface RecordType {
  developerName: string;
  recordTypeId: string;
  label?: string;
  active: boolean;
  default: boolean;
  picklistValues?: Record<string, string[]>;
}

export interface ValidationRule {
  name: string;
  active: boolean;
  errorMessage: string;
  errorDisplayField?: string;
  formula: string;
}

/** A rule that the org listed; its formula is read by its id. */
export interface ListedRule {
  id: string;
  name: string;
}

/** A part as far as it could be read, and what is missing of it. */
export interface Part<T> {
  value: T;
  notes: string[];
}

/** @throws SalesforceError `OBJECT_NOT_FOUND` */
export async function readDescribe(reader: OrgReader, object: string): Promise<Describe> {
  const context = await reader.context();
  const describe = await reader.read(
    () =>
      reader.connection.read(
        {
          kind: 'describe',
          path: describePath(context.apiVersion, object),
          // The reply for another object would be written under its name.
          parse: (value) => {
            const found = parsedBy(DESCRIBE)(value);
            return found?.name.toLowerCase() === object.toLowerCase() ? found : undefined;
          },
          limit: MAX_DESCRIBE,
        },
        context,
      ),
    context,
  );
  refuseDoubleNames(describe);
  return describe;
}

function refuseDoubleNames({ name, fields }: Describe): void {
  const names = new Set(fields.map((field) => field.name.toLowerCase()));
  if (names.size === fields.length) return;
  throw new NightloadError('SALESFORCE_UNEXPECTED_REPLY', `The describe of ${name} has two fields with the same name.`);
}

/** Whether the user cannot see an object, or the org does not have it. */
export function isUnknownObject(error: unknown): boolean {
  return error instanceof SalesforceError && error.code === 'OBJECT_NOT_FOUND';
}

/** Objects that the fields which loads may write refer to. */
export function parentsOf({ fields }: Describe): string[] {
  return fields
    .filter(({ createable, updateable }) => createable !== false || updateable !== false)
    .flatMap(({ referenceTo }) => referenceTo ?? []);
}

/** Record types of which the user may create records. Without any but the master, an object has none. */
export function recordTypesOf({ recordTypeInfos }: Describe): RecordType[] {
  const infos = (recordTypeInfos ?? []).filter(
    ({ master, defaultRecordTypeMapping }) => master !== true || defaultRecordTypeMapping === true,
  );
  if (infos.every(({ master }) => master === true)) return [];
  const first = infos.findIndex(({ defaultRecordTypeMapping }) => defaultRecordTypeMapping === true);
  return infos.map((info, i) => {
    const label = info.name ?? '';
    return {
      developerName: info.developerName || label || info.recordTypeId,
      recordTypeId: info.recordTypeId,
      ...(label !== '' && { label }),
      active: info.active !== false && info.available !== false,
      default: i === first,
    };
  });
}

export async function withPicklistValues(
  reader: OrgReader,
  describe: Describe,
  types: readonly RecordType[],
): Promise<Part<RecordType[]>> {
  const known = new Set(describe.fields.map(({ name }) => name));
  const value: RecordType[] = [];
  const notes: string[] = [];
  for (const type of types) {
    const answer = await reader.readIfPossible((context) =>
      reader.connection.read(
        {
          kind: 'setup',
          path: picklistValuesPath(context.apiVersion, describe.name, type.recordTypeId),
          parse: parsedBy(PICKLISTS),
          limit: MAX_PART,
        },
        context,
      ),
    );
    if ('missing' in answer) {
      notes.push(`picklist values of the record type ${type.developerName}: ${answer.missing}`);
      value.push(type);
      continue;
    }
    const fields = Object.entries(answer.value.picklistFieldValues).filter(([field]) => known.has(field));
    const picklistValues = Object.fromEntries(
      fields.map(([field, { values }]) => [field, values.map((one) => one.value)]),
    );
    value.push({ ...type, picklistValues });
  }
  return { value, notes };
}

/** Active validation rules, without their formulas. */
export async function listRules(reader: OrgReader, object: string): Promise<Answer<ListedRule[]>> {
  const soql =
    'SELECT Id, ValidationName FROM ValidationRule ' +
    `WHERE EntityDefinition.QualifiedApiName = '${object}' AND Active = true ORDER BY ValidationName`;
  const answer = await reader.readIfPossible((context) =>
    reader.connection.read(
      { kind: 'setup', path: toolingQueryPath(context.apiVersion, soql), parse: parsedBy(RULE_LIST) },
      context,
    ),
  );
  if ('missing' in answer) return answer;
  return { value: answer.value.records.map(({ Id, ValidationName }) => ({ id: Id, name: ValidationName })) };
}

/** The Tooling API returns the formula of one rule at a time. */
export async function readRules(
  reader: OrgReader,
  describe: Describe,
  listed: readonly ListedRule[],
): Promise<Part<ValidationRule[]>> {
  const known = new Set(describe.fields.map(({ name }) => name.toLowerCase()));
  const value: ValidationRule[] = [];
  const notes: string[] = [];
  for (const { id, name } of listed) {
    const soql = `SELECT Metadata FROM ValidationRule WHERE Id = '${id}'`;
    const answer = await reader.readIfPossible((context) =>
      reader.connection.read(
        { kind: 'setup', path: toolingQueryPath(context.apiVersion, soql), parse: parsedBy(RULE), limit: MAX_PART },
        context,
      ),
    );
    if ('missing' in answer) {
      notes.push(`validation rule ${name}: ${answer.missing}`);
      continue;
    }
    const metadata = answer.value.records[0]?.Metadata;
    if (metadata == null) {
      notes.push(`validation rule ${name}: its formula is hidden, as in a managed package`);
      continue;
    }
    const field = metadata.errorDisplayField ?? '';
    const isShown = known.has(field.toLowerCase());
    if (field !== '' && !isShown) notes.push(`validation rule ${name}: the user does not see its field ${field}`);
    value.push({
      name,
      active: metadata.active,
      errorMessage: metadata.errorMessage,
      ...(isShown && { errorDisplayField: field }),
      formula: metadata.errorConditionFormula,
    });
  }
  return { value, notes };
}

/** Names of active duplicate rules and assignment rules, by object. */
export interface OtherRules {
  duplicate: Answer<Map<string, string[]>>;
  assignment: Answer<Map<string, string[]>>;
}

export async function readOtherRules(reader: OrgReader): Promise<OtherRules> {
  const duplicate = await reader.readIfPossible(async (context) => {
    const soql = 'SELECT DeveloperName, SobjectType FROM DuplicateRule WHERE IsActive = true';
    const path = queryPath(context.apiVersion, soql);
    const { records } = await reader.connection.read(
      { kind: 'query', path, parse: parsedBy(DUPLICATE_RULES) },
      context,
    );
    return byObject(records.map(({ DeveloperName, SobjectType }) => [SobjectType, DeveloperName]));
  });
  const assignment = await reader.readIfPossible(async (context) => {
    const soql = 'SELECT Name, SobjectType FROM AssignmentRule WHERE Active = true';
    const path = queryPath(context.apiVersion, soql);
    const { records } = await reader.connection.read(
      { kind: 'query', path, parse: parsedBy(ASSIGNMENT_RULES) },
      context,
    );
    return byObject(records.map(({ Name, SobjectType }) => [SobjectType, Name]));
  });
  return { duplicate, assignment };
}

/** An org's file names at most this many. */
const MAX_NAMES = 200;

function byObject(pairs: readonly [object: string, name: string][]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [object, name] of pairs) found.set(object, [...(found.get(object) ?? []), name].slice(0, MAX_NAMES));
  return found;
}

export const rulesOf = (rules: Answer<Map<string, string[]>>, object: string): { names?: string[] } =>
  defined({ names: 'value' in rules ? rules.value.get(object) : undefined });
