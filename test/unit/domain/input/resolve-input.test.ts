import { describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../../../src/contract/names.js';
import type { BulkLoadInput } from '../../../../src/contract/load-input.js';
import { resolveInput } from '../../../../src/domain/input/resolve-input.js';
import type { LoadSettings } from '../../../../src/domain/input/resolve-input.js';

const WORKFLOW_ID = 'bulk-load/night-1';
const least: BulkLoadInput = { source: 'file:///data/accounts.csv', object: 'Account', operation: 'insert' };
const resolve = (more: Partial<BulkLoadInput> = {}, workflowId = WORKFLOW_ID): LoadSettings =>
  resolveInput({ ...least, ...more }, workflowId);
/** `INVALID_INPUT` with a sentence that names the invalid field. */
const refusal = (name: string | RegExp) =>
  expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(name) as string }) as Error;
/** Input of an untyped caller. */
const untyped = (input: object): Partial<BulkLoadInput> => input;

describe('resolveInput', () => {
  it('fills in the defaults of the contract', () => {
    expect(resolve()).toEqual({
      loadId: 'night-1',
      connection: 'default',
      waitForSourceMs: 0,
      partMaxBytes: 100_000_000,
      maxConcurrent: 2,
      poll: { initialMs: 5_000, coefficient: 1.5, maximumMs: 300_000, settleMs: 30_000 },
      jobTimeoutMs: 86_400_000,
      outageMs: 86_400_000,
      retry: { maxRounds: 3, initialWaitMs: 60_000, coefficient: 4, fixes: [] },
      holdForMs: 0,
      abortWhen: { failedRatio: 0.5, afterRecords: 10_000 },
      priority: 3,
    } satisfies LoadSettings);
  });

  it('fills in missing fields of a group, and nothing else', () => {
    const settings = resolve({
      part: { maxConcurrent: 1 },
      poll: { maximumInterval: '10m' },
      retry: { maxRounds: 0 },
      abortWhen: { failedRatio: 1 },
    });
    expect(settings).toEqual({
      ...resolve(),
      maxConcurrent: 1,
      poll: { ...resolve().poll, maximumMs: 600_000 },
      retry: { ...resolve().retry, maxRounds: 0 },
      abortWhen: { ...resolve().abortWhen, failedRatio: 1 },
    });
  });

  it('accepts every field', () => {
    const said: BulkLoadInput = {
      ...least,
      operation: 'upsert',
      externalIdFieldName: 'Ext__c',
      loadId: 'my.load_1-a',
      connection: 'acme',
      columns: { Key: 'Ext__c', Note: '' },
      constants: { Source__c: 'nightload' },
      blankAsNull: true,
      assignmentRuleId: '01Q000000000000',
      delimiter: ';',
      lineEnding: 'CRLF',
      encoding: 'UTF-8',
      part: { maxBytes: 5_000, maxConcurrent: 8 },
      poll: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '30s', settleInterval: '1s' },
      timeZone: 'Europe/Berlin',
      waitForSource: '3h',
      jobTimeout: '8 hours',
      outageLimit: '6h',
      retry: {
        ...{ maxRounds: 5, initialWait: 1_500, backoffCoefficient: 1, holdFor: '8h' },
        fixes: [{ code: 'STRING_TOO_LONG', do: 'truncate' }],
        fixer: { activity: 'correctRows', taskQueue: 'ours', timeout: '10m', heartbeatTimeout: '30s' },
      },
      abortWhen: { failedRatio: 0.1, afterRecords: 0 },
      priority: 1,
      output: 'file:///data/out',
      heartbeatUrl: 'env:HC_NIGHTLY',
      finishBy: '06:00',
      whenLate: 'moreParallel',
    };
    expect(resolveInput(said, WORKFLOW_ID)).toEqual({
      loadId: 'my.load_1-a',
      connection: 'acme',
      waitForSourceMs: 10_800_000,
      partMaxBytes: 5_000,
      maxConcurrent: 8,
      poll: { initialMs: 200, coefficient: 2, maximumMs: 30_000, settleMs: 1_000 },
      jobTimeoutMs: 28_800_000,
      outageMs: 21_600_000,
      retry: {
        ...{ maxRounds: 5, initialWaitMs: 1_500, coefficient: 1 },
        fixes: [{ code: 'STRING_TOO_LONG', do: 'truncate' }],
      },
      holdForMs: 28_800_000,
      fixer: { activity: 'correctRows', taskQueue: 'ours', timeoutMs: 600_000, heartbeatMs: 30_000 },
      abortWhen: { failedRatio: 0.1, afterRecords: 0 },
      priority: 1,
    });
  });

  it('never polls faster than configured: the maximum is at least the initial interval', () => {
    expect(resolve({ poll: { initialInterval: '10m' } }).poll).toMatchObject({
      initialMs: 600_000,
      maximumMs: 600_000,
    });
    expect(resolve({ poll: { initialInterval: '1m', maximumInterval: '1s' } }).poll.maximumMs).toBe(60_000);
  });

  it.each(OPERATIONS)('accepts %s, with an external id for its retry or without', (operation) => {
    expect(resolve({ operation, externalIdFieldName: 'Ext__c' }).loadId).toBe('night-1');
    if (operation !== 'upsert') expect(resolve({ operation }).loadId).toBe('night-1');
  });

  it.each([',', ';', '\t', '|', '^', '`'])('accepts the delimiter %j', (delimiter) => {
    expect(() => resolve({ delimiter })).not.toThrow();
  });

  it.each<[Partial<BulkLoadInput>]>([
    [{ part: { maxBytes: 1_000 } }],
    [{ part: { maxBytes: 150_000_000 } }],
    [{ priority: 1 }],
    [{ priority: 5 }],
    [{ abortWhen: { failedRatio: 0 } }],
    [{ object: 'acme__Invoice__c' }],
    [{ encoding: 'utf8' }],
    [{ loadId: 'x'.repeat(200) }],
    [{ loadId: '...' }],
  ])('accepts %j', (more) => {
    expect(() => resolve(more)).not.toThrow();
  });

  it.each<[string, object]>([
    ['source', { source: '' }],
    ['source', { source: undefined }],
    ['source', { source: 7 }],
    ['source', { source: '/data/accounts.csv' }],
    ['source', { source: 'https://example.com/accounts.csv' }],
    ['output', { output: '/data/out' }],
    ['heartbeatUrl', { heartbeatUrl: 'https://hc.example/secret' }],
    ['heartbeatUrl', { heartbeatUrl: 'env:' }],
    ['object', { object: undefined }],
    ['object', { object: '' }],
    ['object', { object: 'My Object' }],
    ['object', { object: '1Account' }],
    ['object', { object: '../Account' }],
    ['operation', { operation: undefined }],
    ['operation', { operation: 'Insert' }],
    ['operation', { operation: 'merge' }],
    ['externalIdFieldName', { operation: 'upsert' }],
    ['externalIdFieldName', { externalIdFieldName: '' }],
    ['externalIdFieldName', { operation: 'upsert', externalIdFieldName: 'Ext c' }],
    ['loadId', { loadId: '' }],
    ['loadId', { loadId: 'a/b' }],
    ['loadId', { loadId: 'a b' }],
    ['loadId', { loadId: 'naïve' }],
    ['loadId', { loadId: '.' }],
    ['loadId', { loadId: '..' }],
    ['loadId', { loadId: 'x'.repeat(201) }],
    ['delimiter', { delimiter: ':' }],
    ['delimiter', { delimiter: '' }],
    ['delimiter', { delimiter: ',,' }],
    ['lineEnding', { lineEnding: 'CR' }],
    ['lineEnding', { lineEnding: '\n' }],
    ['encoding', { encoding: ' ' }],
    ['encoding', { encoding: 8 }],
    ['mapLabels', { mapLabels: 'yes' }],
    ['skipBadRows', { skipBadRows: 1 }],
    ['part.maxBytes', { part: { maxBytes: 999 } }],
    ['part.maxBytes', { part: { maxBytes: 150_000_001 } }],
    ['part.maxBytes', { part: { maxBytes: '100MB' } }],
    ['part.maxBytes', { part: { maxBytes: NaN } }],
    ['part.maxConcurrent', { part: { maxConcurrent: 0 } }],
    ['poll.initialInterval', { poll: { initialInterval: 'soon' } }],
    ['poll.initialInterval', { poll: { initialInterval: -1 } }],
    ['poll.initialInterval', { poll: { initialInterval: '' } }],
    ['poll.backoffCoefficient', { poll: { backoffCoefficient: 0.9 } }],
    ['poll.maximumInterval', { poll: { maximumInterval: '5 parsecs' } }],
    ['poll.maximumInterval', { poll: { maximumInterval: Infinity } }],
    ['poll.settleInterval', { poll: { settleInterval: '-5s' } }],
    ['jobTimeout', { jobTimeout: 'a day' }],
    ['jobTimeout', { jobTimeout: {} }],
    ['retry.maxRounds', { retry: { maxRounds: -1 } }],
    ['retry.initialWait', { retry: { initialWait: '1 moment' } }],
    ['retry.backoffCoefficient', { retry: { backoffCoefficient: 0 } }],
    ['retry.holdFor', { retry: { holdFor: 'long' } }],
    ['retry.fixes', { retry: { fixes: [{ code: 'STRING_TOO_LONG', do: 'shorten' }] } }],
    ['retry.fixes', { retry: { fixes: 'all' } }],
    ['retry.fixer', { retry: { fixer: 'correctRows' } }],
    ['retry.fixer', { retry: { fixer: { activity: 'correctRows' } } }],
    ['retry.fixer', { retry: { fixer: { activity: 'correctRows', taskQueue: 'ours', queue: 'x' } } }],
    [
      'retry.fixer.heartbeatTimeout',
      { retry: { fixer: { activity: 'correctRows', taskQueue: 'ours', heartbeatTimeout: '1ms' } } },
    ],
    ['retry.fixer.timeout', { retry: { fixer: { activity: 'correctRows', taskQueue: 'ours', timeout: 'soon' } } }],
    ['abortWhen.failedRatio', { abortWhen: { failedRatio: 1.1 } }],
    ['abortWhen.failedRatio', { abortWhen: { failedRatio: -0.1 } }],
    ['abortWhen.failedRatio', { abortWhen: { failedRatio: '50%' } }],
    ['abortWhen.afterRecords', { abortWhen: { afterRecords: -1 } }],
    ['priority', { priority: 0 }],
    ['priority', { priority: 6 }],
    ['parts', { parts: { maxBytes: 5_000 } }],
    ['finishBy', { finishBy: '6 am' }],
    ['whenLate', { finishBy: '06:00', whenLate: 'panic' }],
    ['whenLate', { whenLate: 'warn' }],
    ['toString', { toString: 'x' }],
  ])('refuses with "%s" %j', (name, more) => {
    expect(() => resolve(untyped(more))).toThrow(refusal(`"${name.replaceAll('.', '\\.')}"`));
  });

  it('includes the given value', () => {
    expect(() => resolve(untyped({ operation: 'merge' }))).toThrow(
      /"merge".*insert, update, upsert, delete, hardDelete/,
    );
    expect(() => resolve({ part: { maxBytes: 12 } })).toThrow(/12.*1000.*150000000/);
  });

  it('refuses a workflow id that leaves no name', () => {
    expect(() => resolve({}, 'bulk-load/')).toThrow(refusal('loadId'));
    expect(() => resolve({}, 'bulk-load/..')).toThrow(refusal('loadId'));
  });
});
