/** The JSON Schemas of a load's input and result, made from their types and from the limits that the input is checked by. */
import { fileURLToPath } from 'node:url';
import { createGenerator } from 'ts-json-schema-generator';
import { LOAD_ID_PATTERN } from '../../src/contract.js';

export type Schema = Record<string, unknown>;

const CONTRACT = fileURLToPath(new URL('../../src/contract.ts', import.meta.url));
const TSCONFIG = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));

const API_NAME = { pattern: '^[A-Za-z][A-Za-z0-9_]*$' };
const FILE_URI = { pattern: '^file:' };
const FACTOR = { minimum: 1, maximum: 100 };

/** What types cannot say, by the path of the property; a test holds these to what `bulkLoad` refuses. */
const LIMITS: Record<string, Schema> = {
  source: FILE_URI,
  output: FILE_URI,
  object: API_NAME,
  externalIdFieldName: API_NAME,
  loadId: { pattern: LOAD_ID_PATTERN.source.replace('^', '^(?!\\.{1,2}$)') },
  constants: { propertyNames: { pattern: '^(?:[A-Za-z]\\w*:)?[A-Za-z]\\w*(?:\\.[A-Za-z]\\w*)?$' } },
  delimiter: { enum: [',', ';', '\t', '|', '^', '`'] },
  encoding: { pattern: '\\S' },
  priority: { type: 'integer', minimum: 1, maximum: 5 },
  'part.maxBytes': { type: 'integer', minimum: 1_000, maximum: 150_000_000 },
  'part.maxConcurrent': { type: 'integer', minimum: 1, maximum: 100 },
  'poll.backoffCoefficient': FACTOR,
  'retry.maxRounds': { type: 'integer', minimum: 0, maximum: 100 },
  'retry.backoffCoefficient': FACTOR,
  'abortWhen.failedRatio': { minimum: 0, maximum: 1 },
  'abortWhen.afterRecords': { minimum: 0 },
};

const DURATION: Schema = {
  anyOf: [
    { type: 'string', pattern: '^\\d*\\.?\\d+ *[A-Za-z]*$' },
    { type: 'number', minimum: 0 },
  ],
};

/** Every upsert needs the field by which it finds rows. */
const UPSERT: Schema = {
  if: { properties: { operation: { const: 'upsert' } } },
  then: { required: ['externalIdFieldName'] },
};

/** Misspelt fields of an input are refused. */
export function inputSchema(): Schema {
  const schema = generate('BulkLoadInput', false);
  const definitions = schema['definitions'] as Record<string, Schema>;
  Object.assign(definitions['Duration'] as Schema, DURATION);
  delete (definitions['Duration'] as Schema)['type'];
  for (const [path, limits] of Object.entries(LIMITS)) Object.assign(propertyAt(schema, definitions, path), limits);
  return { ...schema, ...UPSERT };
}

/** A later version may tell more: what is not known here is no error. */
export function resultSchema(): Schema {
  return generate('BulkLoadResult', true);
}

function generate(type: string, additionalProperties: boolean): Schema {
  const generator = createGenerator({
    path: CONTRACT,
    tsconfig: TSCONFIG,
    type,
    topRef: false,
    additionalProperties,
    skipTypeCheck: true,
  });
  const { $schema, ...rest } = generator.createSchema(type);
  return { $schema, title: type, ...rest } as Schema;
}

function propertyAt(schema: Schema, definitions: Record<string, Schema>, path: string): Schema {
  let found = schema;
  for (const name of path.split('.')) {
    const next = (found['properties'] as Record<string, Schema>)[name];
    if (next === undefined) throw new Error(`${path} is no property of the input`);
    const { $ref } = next;
    found = typeof $ref === 'string' ? (definitions[$ref.replace('#/definitions/', '')] as Schema) : next;
  }
  return found;
}
