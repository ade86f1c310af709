/** A capture reads the setup of an org over HTTP, and writes a folder that the simulated org understands. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Capture } from '../../../src/capture/capture.js';
import type { CaptureRequest } from '../../../src/capture/capture.js';
import { lockShareOf } from '../../../src/capture/past-jobs.js';
import type { PastJob } from '../../../src/capture/past-jobs.js';
import { CaptureFolder } from '../../../src/capture/capture-folder.js';
import { startSimulator } from '../../../src/simulator/index.js';
import { startDescribedOrg } from '../../helpers/described-org.js';
import type { Setup, SetupObject } from '../../helpers/described-org.js';
import { describeOf, field, key, lookup, picklist } from '../../helpers/org-folder.js';
import { connectTo, errorOf } from '../../helpers/salesforce.js';
import type { Org } from '../../helpers/salesforce.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightload-capture-'));
  folders.push(folder);
  return join(folder, 'acme');
}

const RETAIL = '012000000000001AAA';
const recordType = (developerName: string, recordTypeId: string, more = {}) => ({
  ...{ developerName, name: developerName, recordTypeId, active: true, available: true, master: false },
  ...{ defaultRecordTypeMapping: false, urls: {}, ...more },
});

const metadata = (errorConditionFormula: string, errorMessage: string, errorDisplayField: string | null = null) => ({
  ...{ active: true, description: null, errorConditionFormula, errorDisplayField, errorMessage, urls: null },
});

function invoices(): SetupObject {
  const fields = [
    key('Number__c'),
    field('Amount__c', 'currency', { precision: 18, scale: 2, inlineHelpText: 'Ask Anna' }),
    picklist('Status__c', ['Draft', 'Sent', 'Paid']),
    lookup('Account__c', 'Account', 'Account__r'),
    lookup('OwnerId', ['Group', 'User'], 'Owner'),
    field('RecordTypeId', 'reference', { referenceTo: ['RecordType'], relationshipName: 'RecordType' }),
  ];
  const recordTypeInfos = [
    recordType('Master', '012000000000000AAA', { master: true }),
    recordType('Retail', RETAIL, { defaultRecordTypeMapping: true }),
    recordType('Closed', '012000000000002AAA', { available: false }),
  ];
  return {
    describe: describeOf('Invoice__c', 'a00', fields, { recordTypeInfos, urls: { sobject: '/x' } }),
    picklists: {
      [RETAIL]: { Status__c: ['Draft', 'Sent'], Hidden__c: ['x'] },
      '012000000000002AAA': { Status__c: [] },
    },
    rules: [
      { id: '03d000000000001AAA', name: 'Amount', metadata: metadata('Amount__c < 0', 'Not negative.', 'Amount__c') },
      { id: '03d000000000002AAA', name: 'Hidden', metadata: null },
      { id: '03d000000000003AAA', name: 'Other', metadata: metadata('FALSE', 'Never.', 'Unseen__c') },
    ],
    duplicateRules: ['Same_Number'],
  };
}

const account = (): SetupObject => ({ describe: describeOf('Account', '001', [field('Name'), key('External_Id__c')]) });

const job = (n: number, more = {}) => ({
  id: `750000000000${100 + n}AAA`,
  ...{ operation: 'upsert', object: 'Invoice__c', state: 'JobComplete', jobType: 'V2Ingest', apiVersion: 66 },
  createdDate: `2026-11-${10 + n}T02:00:00.000+0000`,
  systemModstamp: `2026-11-${10 + n}T02:02:00.000+0000`,
  ...{ numberRecordsProcessed: 20_000, numberRecordsFailed: 12, retries: 1 },
  ...{ totalProcessingTime: 120_000, apiActiveProcessingTime: 100_000, apexProcessingTime: 25_000, ...more },
});

function setup(more: Partial<Setup> = {}): Setup {
  return {
    objects: [invoices(), account()],
    jobs: [1, 2, 3, 4, 5, 6].map((n) => job(n)),
    organization: { Name: 'Acme', InstanceName: 'EU12', OrganizationType: 'Unlimited Edition', IsSandbox: true },
    limits: {
      DailyApiRequests: { Max: 100_000, Remaining: 84_000 },
      DailyBulkApiBatches: { Max: 15_000, Remaining: 9_000 },
    },
    ...more,
  };
}

async function captureOf(org: Org, path: string, more: Partial<CaptureRequest> = {}): Promise<Capture> {
  const request = {
    objects: ['invoice__c'],
    mayRead: () => true,
    withParents: true,
    pastJobs: 3,
    withErrors: false,
    ...more,
  };
  const folder = await CaptureFolder.open(path);
  return new Capture({ connection: connectTo(org), folder, ...request }, { pausesMs: [1] });
}

const readJson = (path: string, ...names: string[]): Record<string, unknown> =>
  JSON.parse(readFileSync(join(path, ...names), 'utf8')) as Record<string, unknown>;

it('writes describes, record types, rules, limits and speeds, and says what is missing', async () => {
  const org = await startDescribedOrg(setup());
  const path = newFolder();
  const capture = await captureOf(org, path);
  const cost = await capture.plan();
  expect(cost).toMatchObject({ objects: 1, parents: 4, recordTypes: 2, validationRules: 3, pastJobs: 3, kept: 0 });
  expect(cost).toMatchObject({ left: 12, available: 84_000, used: org.received.length });
  const summary = await capture.run();
  expect(summary).toMatchObject({ objects: ['Invoice__c'], parents: ['Account', 'Group', 'RecordType', 'User'] });
  expect(summary.requests).toBe(org.received.length);
  expect(summary.requests).toBe(cost.used + cost.left);
  expect(org.received.every(({ method }) => method === 'GET')).toBe(true);

  const invoice = readJson(path, 'objects', 'Invoice__c.json');
  expect(invoice).toMatchObject({
    describe: { name: 'Invoice__c', keyPrefix: 'a00' },
    recordTypes: [
      {
        developerName: 'Retail',
        recordTypeId: RETAIL,
        active: true,
        default: true,
        picklistValues: { Status__c: ['Draft', 'Sent'] },
      },
      { developerName: 'Closed', active: false, default: false },
    ],
    validationRules: [
      {
        name: 'Amount',
        active: true,
        errorMessage: 'Not negative.',
        errorDisplayField: 'Amount__c',
        formula: 'Amount__c < 0',
      },
      { name: 'Other', formula: 'FALSE' },
    ],
    duplicateRules: ['Same_Number'],
    speed: { upsert: { rowsPerSecond: 200, apexShare: 0.25 } },
  });
  // The newest three.
  expect((invoice['history'] as { createdDate: string }[]).map(({ createdDate }) => createdDate.slice(0, 10))).toEqual([
    '2026-11-16',
    '2026-11-15',
    '2026-11-14',
  ]);
  // Only what the folder's format lists: no help texts, addresses or ids of people.
  expect(JSON.stringify(invoice)).not.toMatch(/Ask Anna|urls|createdById/);

  expect(readJson(path, 'org.json')).toMatchObject({
    formatVersion: 1,
    organization: { name: 'Acme', instanceName: 'EU12', organizationType: 'Unlimited Edition', isSandbox: true },
    apiVersions: [65, 66, 67],
    limits: { apiRequests: { max: 100_000, used: 16_000 }, batches: { max: 15_000, used: 6_000 } },
    users: [{ username: 'captured@nightload.example', hardDelete: false }],
  });
  expect(summary.missing.map(({ part }) => part).sort()).toEqual(['Group', 'Invoice__c', 'RecordType', 'User']);
  const [note] = summary.missing.filter(({ part }) => part === 'Invoice__c');
  expect(note?.note).toBe(
    'validation rule Hidden: its formula is hidden, as in a managed package; validation rule Other: the user does not see its field Unseen__c',
  );
  expect(readdirSync(path).sort()).toEqual(['objects', 'org.json']);
});

it('the simulated org reads the folder and applies its rules', async () => {
  const path = newFolder();
  const capture = await captureOf(await startDescribedOrg(setup()), path);
  await capture.plan();
  await capture.run();
  const org = await startSimulator({ org: path });
  try {
    expect(org.unevaluatedRules.filter(({ kind }) => kind === 'validation rule')).toEqual([]);
    expect(org.seedRecords('Account', [{ Name: 'A' }])).toHaveLength(1);
  } finally {
    await org.close();
  }
});

it('an object that the user cannot see is an error before anything is written', async () => {
  const path = newFolder();
  const capture = await captureOf(await startDescribedOrg(setup()), path, {
    objects: ['Invoice__c', 'Nope__c', 'Secret__c'],
  });
  expect(await errorOf(capture.plan())).toMatchObject({
    code: 'OBJECT_NOT_FOUND',
    message: expect.stringContaining('Nope__c, Secret__c') as string,
  });
  expect(() => readdirSync(path)).toThrow('ENOENT');
});

it('parts that the user may not read are listed, and the rest is captured', async () => {
  const refused = [
    ' SELECT Id, ValidationName',
    '/picklist-values/',
    '/limits',
    'DuplicateRule',
    'Organization',
    'jobs/ingest',
  ];
  const org = await startDescribedOrg(
    setup({
      instead(path, response) {
        if (!refused.some((part) => path.includes(part))) return undefined;
        response.writeHead(403, { 'content-type': 'application/json' });
        response.end('[{"errorCode":"INSUFFICIENT_ACCESS","message":"Anna Smith may not"}]');
        return true;
      },
    }),
  );
  const path = newFolder();
  const capture = await captureOf(org, path);
  await capture.plan();
  const { missing } = await capture.run();
  const parts = new Map(missing.map(({ part, note }) => [part, note]));
  for (const part of ['limits', 'organization', 'duplicate rules', 'past jobs'])
    expect(parts.get(part)).toContain('HTTP 403 INSUFFICIENT_ACCESS');
  expect(parts.get('Invoice__c')).toContain('picklist values of the record type Retail');
  expect(parts.get('Invoice__c')).toContain('validation rules');
  // Texts of the org may name people.
  expect(JSON.stringify(missing) + readFileSync(join(path, 'org.json'), 'utf8')).not.toContain('Anna');
  expect(readJson(path, 'objects', 'Invoice__c.json')['recordTypes']).toHaveLength(2);
});

it('a capture that stops half way is continued: complete objects are not read again', async () => {
  const path = newFolder();
  let isDown = true;
  const org = await startDescribedOrg(
    setup({
      objects: [invoices(), account(), { describe: describeOf('Order', '801', [field('Name')]) }],
      instead(requested, response) {
        if (!isDown || !requested.endsWith('/sobjects/Account/describe')) return undefined;
        response.destroy();
        return true;
      },
    }),
  );
  const first = await captureOf(org, path, { objects: ['Invoice__c', 'Order'] });
  await first.plan();
  expect(await errorOf(first.run())).toMatchObject({ code: 'SALESFORCE_REPLY_LOST' });
  expect(() => readJson(path, 'org.json')).toThrow('ENOENT');
  isDown = false;
  const before = org.received.length;
  const second = await captureOf(org, path, { objects: ['Invoice__c', 'Order'] });
  expect(await second.plan()).toMatchObject({ objects: 0, parents: 4, validationRules: 0, kept: 2 });
  await second.run();
  const again = org.received.slice(before).map(({ url }) => url);
  expect(again.filter((url) => /Invoice__c|Order\b|ValidationRule|750/.test(url))).toEqual([]);
  expect(readJson(path, 'org.json')).toMatchObject({ captured: { parts: { Order: { status: 'complete' } } } });
  expect(readdirSync(path).sort()).toEqual(['objects', 'org.json']);
});

it('a second capture replaces the first, and keeps what people added', async () => {
  const path = newFolder();
  const given = setup();
  const org = await startDescribedOrg(given);
  const run = async (): Promise<void> => {
    const capture = await captureOf(org, path);
    await capture.plan();
    await capture.run();
  };
  await run();
  const file = join(path, 'objects', 'Invoice__c.json');
  const rowRules = [{ when: {}, fails: { code: 'X', message: 'y' } }];
  writeFileSync(file, JSON.stringify({ ...readJson(file), rowRules }));
  writeFileSync(join(path, 'org.json'), JSON.stringify({ ...readJson(path, 'org.json'), locks: { retries: 3 } }));
  given.jobs = [job(9, { numberRecordsProcessed: 50_000 })];
  await run();
  expect(readJson(file)).toMatchObject({ rowRules, speed: { upsert: { rowsPerSecond: 500 } } });
  // A speed that a person chose stays.
  writeFileSync(file, JSON.stringify({ ...readJson(file), speed: { upsert: { rowsPerSecond: 7 } } }));
  await run();
  expect(readJson(file)).toMatchObject({ speed: { upsert: { rowsPerSecond: 7 } } });
  expect(readJson(path, 'org.json')).toMatchObject({ locks: { retries: 3 } });
  const other = await captureOf(await startDescribedOrg(setup()), path);
  expect(await errorOf(other.plan())).toMatchObject({ code: 'CAPTURE_OF_ANOTHER_ORG' });
});

it('leaves a folder alone that is not its own, and loses no key that it does not know', async () => {
  const org = await startDescribedOrg(setup());
  const foreign = newFolder();
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'photo.jpg'), 'x');
  expect(await errorOf(captureOf(org, foreign))).toMatchObject({ code: 'CAPTURE_FOLDER_UNUSABLE' });
  for (const other of ['{"mine":1}', '[1,2]', '{"formatVersion":1,"lokcs":{}}']) {
    const named = newFolder();
    mkdirSync(named);
    writeFileSync(join(named, 'org.json'), other);
    expect(await errorOf(captureOf(org, named))).toMatchObject({ code: 'CAPTURE_FOLDER_UNUSABLE' });
  }
  const path = newFolder();
  const run = async (): Promise<unknown> => {
    const capture = await captureOf(org, path);
    await capture.plan();
    return capture.run();
  };
  await run();
  const file = join(path, 'objects', 'Invoice__c.json');
  const misspelled = JSON.stringify({ ...readJson(file), rowRuels: [] });
  writeFileSync(file, misspelled);
  const error = await errorOf(run());
  expect(error).toMatchObject({ code: 'CAPTURE_FOLDER_UNUSABLE' });
  expect((error as Error).message).toContain('"rowRuels"');
  expect(readFileSync(file, 'utf8')).toBe(misspelled);
});

it('the speed is that of all jobs together: those that ran at the same time count once', async () => {
  const at = { createdDate: '2026-11-20T02:00:00.000+0000', systemModstamp: '2026-11-20T02:02:00.000+0000' };
  const org = await startDescribedOrg(setup({ jobs: [job(1, at), job(2, at)] }));
  const path = newFolder();
  const capture = await captureOf(org, path);
  await capture.plan();
  await capture.run();
  expect(readJson(path, 'objects', 'Invoice__c.json')).toMatchObject({ speed: { upsert: { rowsPerSecond: 400 } } });
});

const FAILED = [
  'sf__Id;sf__Error;Number__c',
  ',"UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: 001:--";secret-1',
  ',"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:Trigger: UNABLE_TO_LOCK_ROW --";secret-2',
  ',"FIELD_CUSTOM_VALIDATION_EXCEPTION:Not; negative. --";secret-3',
  ',"no code";secret-4',
].map((line) => line.replace(',"', ';"'));

it('counts the errors of past jobs on request, and keeps nothing else of their rows', async () => {
  const failedRows = new Map([
    ['750000000000103AAA', FAILED.join('\r\n')],
    // Cut off: not the number of rows that the job has.
    ['750000000000102AAA', FAILED.slice(0, 3).join('\n')],
  ]);
  const org = await startDescribedOrg(
    setup({
      jobs: [
        ...[2, 3].map((n) => job(n, { numberRecordsFailed: 4, columnDelimiter: 'SEMICOLON' })),
        job(1, { numberRecordsFailed: 0 }),
      ],
      instead: (path, response) => {
        const [, id = ''] = /\/jobs\/ingest\/(\w+)\/failedResults$/.exec(path) ?? [];
        const rows = failedRows.get(id);
        if (rows === undefined) return undefined;
        response.writeHead(200, { 'content-type': 'text/csv' }).end(rows);
        return true;
      },
    }),
  );
  const path = newFolder();
  const capture = await captureOf(org, path, { withErrors: true });
  expect(await capture.plan()).toMatchObject({ pastJobs: 3, left: 15, isAtMost: true });
  await capture.run();
  const text = readFileSync(join(path, 'objects', 'Invoice__c.json'), 'utf8');
  expect(text).not.toMatch(/secret|negative\. --|exclusive/);
  const { history } = JSON.parse(text) as { history: PastJob[] };
  expect(history.map(({ errors }) => errors)).toEqual([
    { UNABLE_TO_LOCK_ROW: 2, FIELD_CUSTOM_VALIDATION_EXCEPTION: 1, OTHER: 1 },
    undefined,
    undefined,
  ]);
  // Of the jobs whose errors are known: 2 of 40,000 rows.
  expect(lockShareOf(history)).toBe(2 / 40_000);
});

const endless = (): string => JSON.stringify({ name: 'Invoice__c', fields: [], padding: 'x'.repeat(17_000_000) });
const badDescribes: [string, unknown][] = [
  ['an HTML page', '<html>Maintenance</html>'],
  ['more than any describe has', endless()],
  ['a list', []],
  ['a number as a name', { ...invoices().describe, name: 7 }],
  ['another object', account().describe],
  ['no fields', { name: 'Invoice__c', fields: [] }],
  ['6,000 fields', { name: 'Invoice__c', fields: Array.from({ length: 6_000 }, (_, i) => field(`F${i}__c`)) }],
  ['a parent that is a path', { name: 'Invoice__c', fields: [lookup('A__c', '../../etc/passwd', 'A__r')] }],
  ['flags as words', { name: 'Invoice__c', fields: [field('A__c', 'string', { createable: 'yes' })] }],
  ['two fields of one name', { name: 'Invoice__c', fields: [field('A__c'), field('a__C')] }],
  ['a huge length', { name: 'Invoice__c', fields: [field('A__c', 'string', { length: 1e300 })] }],
];

it.each(badDescribes)('a describe that is %s is refused, and nothing is written', async (_name, body) => {
  const org = await startDescribedOrg(
    setup({
      instead(path, response) {
        if (!path.endsWith('/describe')) return undefined;
        response.writeHead(200, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
        return true;
      },
    }),
  );
  const path = newFolder();
  const error = await errorOf((await captureOf(org, path)).plan());
  expect(error).toMatchObject({
    code: expect.stringMatching(/^SALESFORCE_(UNEXPECTED_REPLY|REPLY_TOO_LARGE)$/) as string,
  });
  expect(() => readdirSync(path)).toThrow('ENOENT');
});

const badParts: [string, string][] = [
  ['HTML', '<html>Maintenance</html>'],
  ['a word', '"x"'],
  ['wrong types', '{"done":1,"records":[{"Id":{},"ValidationName":[]}],"picklistFieldValues":[]}'],
  ['too much', JSON.stringify({ done: true, records: [], x: 'x'.repeat(9_000_000) })],
];

it.each(badParts)('rules and picklists that are %s are listed as missing', async (_name, body) => {
  const org = await startDescribedOrg(
    setup({
      instead(path, response) {
        if (!/tooling|picklist-values/.test(path)) return undefined;
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
        return true;
      },
    }),
  );
  const path = newFolder();
  const capture = await captureOf(org, path);
  await capture.plan();
  const { missing } = await capture.run();
  expect(missing.find(({ part }) => part === 'Invoice__c')?.note).toMatch(/validation rules: the reply (has|is)/);
  expect(readJson(path, 'objects', 'Invoice__c.json')['validationRules']).toBeUndefined();
});
