/** The shipped JSON Schemas match the types, and refuse what `bulkLoad` itself refuses. */
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { SCHEMAS } from '../../src/exports/contract.js';
import type { BulkLoadInput, BulkLoadResult } from '../../src/exports/contract.js';
import { notifyJsonSchema } from '../../src/notify/notify-schema.js';
import { resolveInput } from '../../src/domain/input/resolve-input.js';
import { orgFolderSchemas } from '../../src/simulator/index.js';
import { fixesSchema, inputSchema, resultSchema } from './contract-schemas.js';

const input = inputSchema();
const result = resultSchema();
const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true, allowUnionTypes: true });
const isInput = ajv.compile(input);
const isResult = ajv.compile(result);

const UPSERT = {
  source: 'file:///data/accounts.csv',
  object: 'Account',
  operation: 'upsert',
  externalIdFieldName: 'External_Id__c',
} satisfies BulkLoadInput;

function refusal(given: unknown): unknown {
  try {
    resolveInput(given as BulkLoadInput, 'bulk-load/x');
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.each<[string, object]>([
  [SCHEMAS.input, input],
  [SCHEMAS.result, result],
  ['nightload/schemas/fixes.schema.json', fixesSchema()],
  ['nightload/schemas/notify.schema.json', notifyJsonSchema()],
  ...Object.entries(orgFolderSchemas()).map(([name, schema]): [string, object] => [
    `nightload/schemas/${name}`,
    schema,
  ]),
])('%s', (name, schema) => {
  it('is generated', async () => {
    const path = fileURLToPath(new URL(`../../${name.replace('nightload/', '')}`, import.meta.url));
    const options = { ...(await resolveConfig(path)), filepath: path };
    // `vitest -u` rewrites it after a change of the contract.
    await expect(await format(JSON.stringify(schema), options)).toMatchFileSnapshot(path);
  });
});

const VALID: [string, BulkLoadInput][] = [
  ['the least', { source: 'file:///a.csv', object: 'Account', operation: 'insert' }],
  ['an upsert', UPSERT],
  ['a dated source', { ...UPSERT, source: 'file:///data/{date:yyyyMMdd}.csv', timeZone: 'Europe/Berlin' }],
  [
    'everything that has numbers',
    {
      ...UPSERT,
      loadId: 'accounts-2026-11-26',
      part: { maxBytes: 1_000, maxConcurrent: 1 },
      poll: { initialInterval: '500ms', backoffCoefficient: 1.5, maximumInterval: '5 minutes', settleInterval: 30_000 },
      retry: { maxRounds: 0, initialWait: '1m', backoffCoefficient: 4, holdFor: '8 hours' },
      abortWhen: { failedRatio: 0, afterRecords: 0 },
      priority: 5,
    },
  ],
  [
    'fixes and a fixer',
    {
      ...UPSERT,
      retry: {
        fixes: [{ code: 'STRING_TOO_LONG', do: 'truncate' }],
        fixer: { activity: 'fixRows', taskQueue: 'ours', timeout: '10m' },
      },
    },
  ],
  ['mapped columns', { ...UPSERT, columns: { Nr: 'External_Id__c', Note: '' }, constants: { 'Owner.Email': 'a@b.c' } }],
];

const INVALID: [string, Record<string, unknown>][] = [
  ['no source', { object: 'Account', operation: 'insert' }],
  ['a path for a source', { ...UPSERT, source: '/data/accounts.csv' }],
  ['an upsert without its field', { ...UPSERT, externalIdFieldName: undefined }],
  ['an unknown operation', { ...UPSERT, operation: 'merge' }],
  ['an invalid object name', { ...UPSERT, object: 'My Object' }],
  ['a misspelt field', { ...UPSERT, externalId: 'External_Id__c' }],
  ['a misspelt field of a group', { ...UPSERT, poll: { initial: '5s' } }],
  ['a load id with a slash', { ...UPSERT, loadId: 'a/b' }],
  ['a load id that is a folder above', { ...UPSERT, loadId: '..' }],
  ['a duration in words', { ...UPSERT, jobTimeout: 'a day' }],
  ['a duration below nothing', { ...UPSERT, jobTimeout: -1 }],
  ['parts too small', { ...UPSERT, part: { maxBytes: 999 } }],
  ['half a job at a time', { ...UPSERT, part: { maxConcurrent: 1.5 } }],
  ['a priority too low', { ...UPSERT, priority: 6 }],
  ['a text for a switch', { ...UPSERT, keepColumns: 'yes' }],
  ['a number for a value', { ...UPSERT, constants: { Rating: 7 } }],
  ['a value for no field', { ...UPSERT, constants: { 'no field': 'x' } }],
  ['a ratio over all', { ...UPSERT, abortWhen: { failedRatio: 1.1 } }],
  ['an unknown delimiter', { ...UPSERT, delimiter: '--' }],
  ['an unknown line ending', { ...UPSERT, lineEnding: 'CR' }],
  ['a fixer without a queue', { ...UPSERT, retry: { fixer: { activity: 'fixRows' } } }],
  ['an output that is a path', { ...UPSERT, output: '/data/out' }],
];

describe('the folder of a simulated org', () => {
  const [isOrg, isObject] = Object.values(orgFolderSchemas()).map((schema) => ajv.compile(schema));
  const PLANT = {
    name: 'Plant__c',
    fields: [{ name: 'Name', type: 'string', nillable: false, length: 80, soapType: 'x' }],
  };

  it('accepts what the reader accepts', () => {
    const time = { queueSeconds: [1, 60], spread: 0.5, parallelBatches: 4 };
    expect(
      isOrg?.({ formatVersion: 1, time, limits: { batches: { max: 10, used: 2 } }, users: [{ username: 'a@b.c' }] }),
    ).toBe(true);
    const rowRules = [{ when: { Name: { in: ['x'] } }, fails: { code: 'APEX_ERROR', message: 'No' }, share: 0.5 }];
    expect(isObject?.({ describe: PLANT, rowRules, speed: { any: { rowsPerSecond: 200, apexShare: 0.4 } } })).toBe(
      true,
    );
  });

  it.each([
    { formatVersion: 2 },
    { formatVersion: 1, time: { spread: 1 } },
    { formatVersion: 1, users: [] },
    { formatVersion: 1, locks: { lookups: ['AccountId'] } },
    { formatVersion: 1, what: 1 },
  ])('refuses %j as org.json', (given) => {
    expect(isOrg?.(given)).toBe(false);
  });

  it.each([
    {},
    { describe: { name: 'A', fields: [] } },
    { describe: PLANT, rowRules: [{ when: {} }] },
    { describe: PLANT, speed: { merge: { rowsPerSecond: 1 } } },
  ])('refuses %j as an object', (given) => {
    expect(isObject?.(given)).toBe(false);
  });
});

describe('input', () => {
  it.each(VALID)('%s: accepted by both', (_name, given) => {
    expect(refusal(given)).toBeUndefined();
    expect(isInput(given) || isInput.errors).toBe(true);
  });

  it.each(INVALID)('%s: refused by both', (_name, given) => {
    const travelled: unknown = JSON.parse(JSON.stringify(given));
    expect(refusal(travelled)).toBe('INVALID_INPUT');
    expect(isInput(travelled)).toBe(false);
  });

  it('describes each field', () => {
    const properties = input['properties'] as Record<string, { description?: string }>;
    expect(properties['source']?.description).toContain('URI of a CSV');
  });
});

describe('result', () => {
  const RESULT: BulkLoadResult = {
    loadId: 'x',
    workflowId: 'bulk-load/x',
    runId: 'r',
    state: 'Completed',
    object: 'Account',
    operation: 'upsert',
    records: { total: 1, succeeded: 1, rejected: 0, unprocessed: 0, unaccounted: 0 },
    balanced: true,
    retry: { rounds: 0, recovered: 0, rerendered: 0 },
    jobsTotal: 1,
    apiRequests: 7,
    files: { succeeded: ['file:///x.csv'] },
  };

  it('matches the schema, also with fields of a later version', () => {
    expect(isResult(RESULT) || isResult.errors).toBe(true);
    expect(isResult({ ...RESULT, later: 1, records: { ...RESULT.records, more: 2 } })).toBe(true);
  });

  it.each(['state', 'records', 'files', 'balanced'] as const)('requires %s', (key) => {
    const { [key]: _left, ...rest } = RESULT;
    expect(isResult(rest)).toBe(false);
  });

  it('has one of four states', () => {
    expect(isResult({ ...RESULT, state: 'Running' })).toBe(false);
  });
});
