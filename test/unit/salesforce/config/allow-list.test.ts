/** Permitted uses of a connection. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NightloadError } from '../../../../src/errors.js';
import { prefixTrouble, refuseUnlessAllowed } from '../../../../src/salesforce/config/allow-list.js';
import type { Allow, Wish } from '../../../../src/salesforce/config/allow-list.js';

const ALLOW: Allow = { taskQueues: ['crm'], objects: ['Account', 'Invoice__c'], operations: ['insert', 'update'] };
const WISH: Wish = { taskQueue: 'crm', object: 'Account', operation: 'update' };

async function refusalOf(allow: Allow | undefined, wish: Wish): Promise<string | undefined> {
  try {
    await refuseUnlessAllowed('emea', allow, wish);
    return undefined;
  } catch (error) {
    const { code, message, retryable } = error as NightloadError;
    expect([code, retryable]).toEqual(['NOT_ALLOWED', false]);
    return message;
  }
}

describe('names', () => {
  it.each([
    ['everything by default', undefined, { ...WISH, object: 'User', operation: 'hardDelete' }],
    ['what is listed', ALLOW, WISH],
    ['an object in other letter case', ALLOW, { ...WISH, object: 'INVOICE__C' }],
    ['what a list leaves open', { operations: ['update'] }, { ...WISH, taskQueue: 'x', object: 'User' }],
    [
      'an insert that is retried as an upsert',
      { operations: ['insert', 'upsert'] },
      { operation: 'insert', externalIdFieldName: 'K__c' },
    ],
  ])('permit %s', async (_what, allow, wish) => {
    expect(await refusalOf(allow as Allow | undefined, wish)).toBeUndefined();
  });

  it.each([
    ['another queue', { taskQueue: 'sales' }, 'the task queue "sales". Allowed task queues: crm.'],
    ['another object', { object: 'User' }, 'the object "User". Allowed objects: Account, Invoice__c.'],
    ['a path for an object', { object: 'Account/../User' }, 'Allowed objects'],
    ['another operation', { operation: 'hardDelete' }, 'Allowed operations: insert, update.'],
    [
      'an insert that would be retried as an upsert',
      { operation: 'insert', externalIdFieldName: 'K__c' },
      'retried as an upsert',
    ],
  ])('refuse %s', async (_what, wish, told) => {
    expect(await refusalOf(ALLOW, { ...WISH, ...wish })).toContain(told);
  });

  it('from callers are never printed unescaped', async () => {
    const message = await refusalOf(ALLOW, { ...WISH, object: `\u001b[2J${'x'.repeat(5000)}` });
    expect(message).not.toContain('\u001b');
    expect(message?.length).toBeLessThan(400);
  });
});

describe('sources and outputs', () => {
  let folder: string;
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'nightload-allow-')));
    for (const name of ['crm', 'crm-secret', 'hr']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'hr/salaries.csv'), '');
    symlinkSync(join(folder, 'hr'), join(folder, 'crm/link'));
    symlinkSync(join(folder, 'crm'), join(folder, 'alias'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const uri = (path: string): string => `${pathToFileURL(folder).href}/${path}`;
  const refused = (source: string, ...prefixes: string[]): Promise<string | undefined> =>
    refusalOf({ sourcePrefixes: prefixes }, { source });

  it.each(['crm/a.csv', 'crm/night/b.csv', 'crm/x/../c.csv', 'crm/%6eight.csv', 'hr/../crm/a.csv', 'alias/a.csv'])(
    'below the prefix are permitted: %s',
    async (path) => {
      expect(await refused(uri(path), uri('crm/'))).toBeUndefined();
      expect(await refused(uri(path), 's3://bucket/', uri('alias/'))).toBeUndefined();
    },
  );

  it.each([
    'hr/salaries.csv',
    'crm-secret/a.csv',
    'crm/../hr/salaries.csv',
    'crm/%2e%2e/hr/salaries.csv',
    'crm/link/salaries.csv',
    'crm/..%2fhr/salaries.csv',
    'crm',
  ])('elsewhere are refused: %s', async (path) => {
    expect(await refused(uri(path), uri('crm/'))).toContain(`Allowed sources: ${uri('crm/')}.`);
  });

  it.each([
    ['s3://bucket/crm/a.csv', true],
    ['s3://bucket/crm/../hr/a.csv', false],
    ['s3://bucket/crm/%2e%2e/hr/a.csv', false],
    ['s3://bucket/crm/..%2fhr/a.csv', false],
    ['s3://other/crm/a.csv', false],
    ['s3://bucket/crm', false],
    ['file:///crm/a.csv', false],
    ['no uri', false],
  ])('in a bucket: %s', async (source, permitted) => {
    expect((await refused(source, 's3://bucket/crm/')) === undefined).toBe(permitted);
  });

  it.each(['crm', 'crm/', 'crm/night', 'hr/../crm/x/', 'alias', 'alias/new/folder'])(
    'outputs below the prefix, or the folder itself, are permitted: %s',
    async (path) => {
      expect(await refusalOf({ outputPrefixes: [uri('crm/')] }, { output: uri(path) })).toBeUndefined();
      expect(await refusalOf({ outputPrefixes: [uri('hr/'), uri('alias/')] }, { output: uri(path) })).toBeUndefined();
    },
  );

  it.each(['hr', '', 'crm-secret', 'crm/..', 'crm/../hr/', 'crm/%2e%2e/hr', 'crm/link', 'crm/link/x/', 'crm/..%2fhr'])(
    'outputs elsewhere are refused: "%s"',
    async (path) => {
      const allow = { outputPrefixes: [uri('crm/')], sourcePrefixes: [uri('')] };
      expect(await refusalOf(allow, { output: uri(path) })).toContain(`this output. Allowed outputs: ${uri('crm/')}.`);
    },
  );

  it('outputs count by the path that was opened, wherever their URI leads by now', async () => {
    const allow = { outputPrefixes: [uri('crm/')] };
    const at = (path: string): Wish => ({ output: uri('crm'), outputPath: join(folder, path) });
    expect(await refusalOf(allow, at('crm/load'))).toBeUndefined();
    for (const path of ['hr/load', 'crm-secret', 'load'])
      expect(await refusalOf(allow, at(path))).toContain('Allowed outputs');
  });

  it("outputs are not sources, and the worker's default output is not restricted", async () => {
    expect(await refusalOf({ sourcePrefixes: [uri('crm/')] }, { output: uri('hr') })).toBeUndefined();
    expect(await refusalOf({ outputPrefixes: [uri('crm/')] }, { source: uri('hr/salaries.csv') })).toBeUndefined();
    expect(await refusalOf({ outputPrefixes: [uri('crm/')] }, { outputPath: join(folder, 'hr') })).toBeUndefined();
  });

  it.each([
    ['s3://bucket/crm', true],
    ['s3://bucket/crm/x', true],
    ['s3://bucket/crm/../hr', false],
    ['s3://bucket/crm-secret', false],
    ['file:///crm/', false],
  ])('outputs in a bucket: %s', async (output, permitted) => {
    const message = await refusalOf({ outputPrefixes: ['s3://bucket/crm/'] }, { output });
    expect(message === undefined).toBe(permitted);
  });

  it('prefixes are folders', () => {
    expect(['file:///data/crm/', 's3://bucket/', 's3://bucket/crm/'].map(prefixTrouble)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    for (const prefix of ['/data', 'file:///data', 'file://host/data/', 'https://a.b/', 's3:///']) {
      expect(prefixTrouble(prefix)).toMatch(/^must contain folder URIs/);
    }
  });
});
