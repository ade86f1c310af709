/**
 * Cells and secrets are planted everywhere in external text: in every column, in titles, in the replies of Salesforce
 * and of a login server to each call, in the errors of rows and jobs. The test then searches for them in everything
 * that Temporal stores, in the workers' log and on the terminal.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { resultLines } from '../../src/cli/shared/result/print-result.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { CheckReport } from '../../src/contract/check-report.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import type { Fault } from '../../src/simulator/index.js';
import { nightload } from '../helpers/run-cli.js';
import { accounts, FAST, openWorld, quietWorkers } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

/** Part of a cell, a title, an error. */
const MARK = 'Zyxmark';
const TOKEN = '00D000000000001AAA!AQcAQH0dMHZfz972Szmpkb58urFRkgeBGsxL_QJWwYMfAbUeeG7c1E6LYUfiDUkWe6H34r1';
const HIDDEN = TOKEN.slice(20);

/** The token in the forms in which servers repeat it. */
const FORMS = [
  TOKEN,
  Buffer.from(TOKEN).toString('base64'),
  encodeURIComponent(TOKEN),
  [...TOKEN].map((sign) => `&#${sign.charCodeAt(0)};`).join(''),
  TOKEN.replace('!', String.raw`\u0021`),
  TOKEN.replace(/(.{9})/g, '$1\r\n '),
];
const ECHO = `${MARK}Said, row: ${MARK}Cell,${MARK}Cell2; ${FORMS.join(' ')}`;

const log: string[] = [];
const terminal: string[] = [];
let world: World;

beforeAll(async () => {
  quietWorkers(new DefaultLogger('DEBUG', (entry) => void log.push(inspect(entry, { depth: 8 }))));
  world = await openWorld({
    token: TOKEN,
    recordsPerSecond: 100_000,
    queueDelayMs: 10,
    rowOutcome: ({ Name: name = '' }) => {
      if (name.includes('Full')) return `STORAGE_LIMIT_EXCEEDED:${ECHO}:--`;
      return name.includes('Bad') ? `FIELD_CUSTOM_VALIDATION_EXCEPTION:${ECHO}:Name --` : undefined;
    },
  });
});
afterAll(() => world.end());

function marked(count: number, name: string): Row[] {
  return accounts(count, (row, n) => ({
    External_Id__c: `${MARK}Key-${name}-${n}`,
    Name: `${MARK}Name ${name} ${n}`,
    Description: `${MARK}Description ${row['Description']}`,
  }));
}

const settings = { poll: FAST.poll, retry: { maxRounds: 0 } } satisfies Partial<BulkLoadInput>;

async function run(rows: Row[], more: Partial<BulkLoadInput> = {}): Promise<BulkLoadResult> {
  const result = await world.load({ source: await world.csv(rows), ...settings, ...more });
  terminal.push(...(await resultLines(result)));
  return result;
}

async function reportOf({ files }: BulkLoadResult): Promise<BulkLoadResult> {
  return JSON.parse(await readFile(fileURLToPath(files.report ?? ''), 'utf8')) as BulkLoadResult;
}

const refusal = (status: number, errorCode?: string): Fault['action'] =>
  errorCode === undefined
    ? { status, html: `<html><title>${ECHO}</title></html>` }
    : { status, errorCode, message: ECHO };

/** Refused calls, and the error code with which the load ends because of them. */
const CALLS: [string, Fault[], code: string | undefined][] = [
  ['describe', [{ kind: 'describe', times: 50, action: refusal(404, 'NOT_FOUND') }], 'OBJECT_NOT_FOUND'],
  ['create', [{ kind: 'create', times: 50, action: refusal(400, 'INVALIDJOB') }], 'INVALID_JOB'],
  ['create, by a page', [{ kind: 'create', times: 2, action: refusal(502) }], undefined],
  [
    'create, with a code that is a cell',
    [{ kind: 'create', times: 50, action: refusal(400, `${MARK} x`) }],
    'SALESFORCE_HTTP_400',
  ],
  ['upload', [{ kind: 'upload', action: refusal(400, 'INVALID_FIELD') }], undefined],
  ['upload, by JSON of another shape', [{ kind: 'upload', action: { status: 200, json: { echo: ECHO } } }], undefined],
  ['close', [{ kind: 'close', times: 2, action: refusal(500, 'UNKNOWN_EXCEPTION') }], undefined],
  ['info', [{ kind: 'info', times: 2, action: refusal(403, 'API_CURRENTLY_DISABLED') }], undefined],
  ['results', [{ kind: 'results', times: 2, action: { status: 200, html: ECHO } }], undefined],
  [
    'redirect',
    [{ kind: 'info', action: { status: 302, headers: { location: `https://${MARK}.example/` } } }],
    undefined,
  ],
];

describe("Salesforce's reply to", () => {
  it.each(CALLS)('%s is in no result, but in the report', async (name, faults, code) => {
    for (const fault of faults) world.org.fault(fault);
    const result = await run(marked(2, name)).catch(resultOf);
    const { records, error } = result;
    world.org.clearFaults();
    // The body of an upload's reply is not even read.
    const least = name.startsWith('upload, by') ? 0 : 1;
    expect((await reportOf(result)).details?.length ?? 0).toBeGreaterThanOrEqual(least);
    if (code === undefined) expect(records).toMatchObject({ total: 2, succeeded: 2 });
    else expect(error).toMatchObject({ code });
  });
});

/** A failed load has its result in the failure. */
async function resultOf(failed: unknown): Promise<BulkLoadResult> {
  let found = failed as { cause?: unknown; details?: unknown[] } | undefined;
  while (found !== undefined && found.details === undefined) found = found.cause as typeof found;
  const result = found?.details?.[0] as BulkLoadResult;
  terminal.push(...(await resultLines(result)));
  return result;
}

it('reports the errors of a job, of rows and of a full org by code', async () => {
  world.org.failNextJobAfter(0, { errorMessage: `InvalidBatch : Field name not found : ${MARK}Column, ${FORMS[1]}` });
  const failed = await run(marked(2, 'job')).catch(resultOf);
  expect(failed.error).toMatchObject({ code: 'JOB_FAILED', message: expect.stringContaining('Field name not found') });
  const report = await reportOf(failed);
  expect(report.error?.detail ?? report.details?.find(({ code }) => code === 'JOB_FAILED')?.text).toBeDefined();

  world.org.failNextJobAfter(0, { errorMessage: `InvalidBatch : Field name not found : ${MARK}Column` });
  const told = await reportOf(await run(marked(2, 'job2')).catch(resultOf));
  expect(told.error?.detail).toBe(`InvalidBatch : Field name not found : ${MARK}Column`);

  const rejected = await run(marked(3, 'Bad'), { defuse: true });
  expect(rejected.records).toMatchObject({ rejected: 3 });
  expect(await readFile(fileURLToPath(rejected.files.rejected ?? ''), 'utf8')).toContain(`${MARK}Cell2`);
  expect(await readFile(fileURLToPath(rejected.files.forPeople?.rejected ?? ''), 'utf8')).toContain('For reading only');

  const full = await run(marked(3, 'Full')).catch(resultOf);
  expect(full.error).toMatchObject({ code: 'STORAGE_LIMIT_EXCEEDED' });
});

it('names columns by position if the first line is a data row, and has its text in the report', async () => {
  const path = join(world.folder, 'no-header.csv');
  await writeFile(path, `${MARK}One,${MARK}Two,${MARK}Two\nA-1,x,y\n`);
  const twice = await world.load({ source: pathToFileURL(path).href, ...settings }).catch(resultOf);
  expect(twice.error).toMatchObject({
    code: 'HEADER_DUPLICATE_COLUMN',
    message: expect.stringContaining('Columns 2 and 3'),
  });
  await writeFile(path, `${MARK}One,${MARK}Two,2026-11-26\nA-1,x,y\n`);
  const unknown = await world.load({ source: pathToFileURL(path).href, ...settings }).catch(resultOf);
  expect(unknown.error).toMatchObject({ message: expect.stringContaining('Column 1: `Account` has no such field') });
  expect((await reportOf(unknown)).error?.detail).toContain(`${MARK}One, ${MARK}Two`);
  for (const operation of ['delete', 'update'] as const) {
    const noId = await world.load({ source: pathToFileURL(path).href, ...settings, operation }).catch(resultOf);
    expect(noId.error).toMatchObject({ code: 'HEADER_NO_ID' });
  }
  const columns = { Nope: 'Name' };
  const unmapped = await world.load({ source: pathToFileURL(path).href, ...settings, columns }).catch(resultOf);
  expect(unmapped.error).toMatchObject({ code: 'HEADER_UNKNOWN_MAPPING' });
});

it('a check shows rows and codes on the terminal, and values in a file', async () => {
  const source = await world.csv([
    { External_Id__c: `${MARK}K`, Name: 'x', AnnualRevenue: `${MARK}Money` },
    { External_Id__c: `${MARK}K`, Name: `${MARK}${'y'.repeat(300)}`, AnnualRevenue: '1' },
  ]);
  const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: world.taskQueue };
  const args = [
    '--object',
    'Account',
    '--operation',
    'upsert',
    '--external-id',
    'External_Id__c',
    '--check-rows',
    '--json',
  ];
  const command = nightload(['check', fileURLToPath(source), ...args], env, world.folder);
  expect(await command.ended).toBe(1);
  terminal.push(command.stdout(), command.stderr());
  const report = JSON.parse(command.stdout().trim().split('\n').at(-1) ?? '{}') as CheckReport;
  expect(report.rows).toMatchObject({ bad: 2, findings: [{ row: 1, code: 'INVALID_FIELD' }, { row: 2 }] });
  expect(await readFile(fileURLToPath(report.rows?.file ?? ''), 'utf8')).toContain(`'${MARK}Money'`);
});

it('refused corrections are named by position', async () => {
  const handle = await world.start({
    source: await world.csv(marked(2, 'Bad2')),
    ...settings,
    retry: { maxRounds: 0, holdFor: '1m' },
  });
  for (let i = 0; (await handle.progress()).phase !== 'holding' && i < 300; i++)
    await new Promise((done) => setTimeout(done, 100));
  const path = join(world.folder, 'corrected.csv');
  await writeFile(path, `${MARK}A,${MARK}B,${MARK}C\nx,y,z\n`);
  const refused = await handle
    .submitCorrections({ source: pathToFileURL(path).href }, 'no-header')
    .catch((error: unknown) => error);
  expect(inspect(refused, { depth: 8 })).toContain('column 1, column 2, column 3');
  expect(inspect(refused, { depth: 8 })).not.toContain(MARK);
  await handle.cancel();
  await handle.result().catch(() => undefined);
});

const OWN = [
  'no-header.csv',
  'HEADER_DUPLICATE_COLUMN',
  'Field name not found',
  'POST /services/data',
  'Signal `pause`',
  'nightloadResult',
];

/** All payloads, names and messages in a server's reply, however deeply nested. */
function textsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  if (typeof value !== 'object' || value === null || depth > 40) return [];
  return Object.entries(value).flatMap(([key, one]) => [key, ...textsIn(one, depth + 1)]);
}

it('none of it is in a history, a memo, a search attribute, a page of the UI, the log or on the terminal', async () => {
  let searched = 0;
  const seen = new Set<string>();
  // Memos of other tests on this server may be unreadable.
  const query = `TaskQueue STARTS_WITH '${world.taskQueue}'`;
  for await (const { workflowId, runId } of world.client.workflow.list({ query })) {
    searched++;
    const handle = world.client.workflow.getHandle(workflowId, runId);
    const { events } = await handle.fetchHistory();
    const described = await world.client.workflowService.describeWorkflowExecution({
      namespace: 'default',
      execution: { workflowId, runId },
    });
    // On a busy machine, a worker replies late.
    const ask = (): Promise<unknown> => handle.query<unknown, []>('__temporal_workflow_metadata');
    const page = await ask()
      .catch(ask)
      .catch(ask)
      .catch(() => '');
    for (const text of [...textsIn(events), ...textsIn(described), JSON.stringify(page)]) {
      expectClean(text, workflowId);
      for (const own of OWN) if (text.includes(own)) seen.add(own);
    }
  }
  expect(searched).toBeGreaterThan(25);
  // The search covers what people see there.
  expect([...seen].sort()).toEqual([...OWN].sort());
  const events = ['load planning', 'load ended', 'part uploading', 'job entered'];
  for (const event of events)
    expect(log.filter((line) => line.includes(`'${event}'`)).length, event).toBeGreaterThan(0);
  for (const line of log) expectClean(line, 'the log');
  for (const line of terminal) expectClean(line, 'the terminal');
}, 120_000);

it('the token is in no file either', async () => {
  let files = 0;
  for (const entry of await readdir(world.folder, { recursive: true, withFileTypes: true })) {
    // Row files contain row errors as received: the org wrote its token into its own result files.
    if (!entry.isFile() || !entry.name.endsWith('.json')) continue;
    files++;
    expectNoToken(await readFile(join(entry.parentPath, entry.name), 'utf8'), entry.name);
  }
  expect(files).toBeGreaterThan(10);
});

function expectClean(text: string, where: string): void {
  if (text.includes(MARK)) {
    throw new Error(
      `${where} has a marker: …${text.slice(Math.max(0, text.indexOf(MARK) - 200), text.indexOf(MARK) + 100)}`,
    );
  }
  expectNoToken(text, where);
}

function expectNoToken(text: string, where: string): void {
  const plain = text.replace(/[^A-Za-z0-9]/g, '');
  // In its digits alone, ids and times would be found.
  if (text.includes('&#65;&#81;&#99;')) throw new Error(`${where} has the token's characters: …${text.slice(0, 400)}`);
  for (const secret of [HIDDEN, Buffer.from(TOKEN).toString('base64').slice(30)]) {
    const hidden = secret.replace(/[^A-Za-z0-9]/g, '').slice(0, 24);
    if (plain.includes(hidden)) throw new Error(`${where} has the token: …${text.slice(0, 400)}`);
  }
}
