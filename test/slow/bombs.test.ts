/**
 * Healthy loads next to files and replies that are crafted to stop a worker, in one real worker process: the healthy
 * loads are not affected.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, FAST, newLoadId } from '../helpers/load-harness.js';

const MB = 1_000_000;
const ROWS = 20_000;
const HEADER = 'External_Id__c,Name';
const LOADS = 5;
/** One load of each kind always runs; loads that wait for a fix in the org are ended after this time. */
const PATIENCE_MS = 4_000;
/** Milliseconds; a heartbeat may be 8 s late. */
const MAX_ANSWER = 5_000;
const MAX_MEMORY = 900 * MB;

let folder: string;
let orgs: { sound: Simulator; hostile: Simulator };
let connection: Connection;
let worker: Command;
const taskQueue = `bombs-${randomUUID().slice(0, 8)}`;

interface Bomb {
  name: string;
  bytes: () => Buffer;
  more?: Partial<BulkLoadInput>;
}

const BOMBS: Record<string, Bomb> = {
  'a packed source of 400 MB': {
    name: 'packed.csv.gz',
    bytes: () => gzipSync(Buffer.concat([Buffer.from(`${HEADER}\n`), Buffer.alloc(400 * MB, 'K,x\n')]), { level: 1 }),
  },
  'a packed source of 400 MB in one row': {
    name: 'packed-row.csv.gz',
    bytes: () => gzipSync(Buffer.concat([Buffer.from(`${HEADER}\n"`), Buffer.alloc(400 * MB, 'x')]), { level: 1 }),
  },
  'cells of carriage returns': {
    name: 'returns.csv',
    bytes: () => Buffer.from(`${HEADER}\n${`K,"${'\r'.repeat(131_000)}x\n"\n`.repeat(5)}`),
    more: { constants: { Phone: '1' } },
  },
  '5,000 columns': {
    name: 'columns.csv',
    bytes: () => Buffer.from(`External_Id__c,${Array.from({ length: 5_000 }, (_, n) => `Annual${n}Rev`).join(',')}\n`),
    more: { mapLabels: true },
  },
  '2,200 columns that are almost fields': {
    name: 'fields.csv',
    bytes: () => Buffer.from(`External_Id__c,${Array.from({ length: 2_200 }, (_, n) => `Annual${n}Rev`).join(',')}\n`),
    more: { mapLabels: true },
  },
  'a row of delimiters': {
    name: 'delimiters.csv',
    bytes: () => Buffer.concat([Buffer.from(`${HEADER}\nK-1,x\n`), Buffer.alloc(12 * MB, ','), Buffer.from('y\n')]),
    more: { skipBadRows: true },
  },
  'a result file of one line': { name: 'result.csv', bytes: () => Buffer.from(`${HEADER}\nK-1,x\nK-2,\n`) },
};

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-bombs-')));
  orgs = { sound: await startSimulator(), hostile: await startSimulator({ token: '00D000000000002AAA!hostile' }) };
  const html = `"sf__Id","sf__Error",External_Id__c,Name\n"${'x'.repeat(20 * MB)}`;
  const action = { status: 200, headers: { 'content-type': 'text/csv' }, html };
  orgs.hostile.fault({ kind: 'results', path: 'failedResults', times: 1e6, action });
  connection = await Connection.connect({ address: inject('temporalAddress') });
  const connections = join(folder, '..', `${taskQueue}.json`);
  const settings = ({ url, token }: Simulator): object => ({ auth: 'token', instanceUrl: url, accessToken: token });
  await writeFile(
    connections,
    JSON.stringify({ connections: { default: settings(orgs.sound), hostile: settings(orgs.hostile) } }),
    { mode: 0o600 },
  );
  worker = await startWorkerProcess(
    {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      NIGHTLOAD_CONNECTIONS: connections,
      NIGHTLOAD_FILE_ROOTS: folder,
      NIGHTLOAD_MAX_UNPACKED: '200MB',
      NIGHTLOAD_TASK_QUEUE: taskQueue,
    },
    folder,
  );
  await rm(connections);
  for (const { name, bytes } of Object.values(BOMBS)) await writeFile(join(folder, name), bytes());
});
afterAll(async () => {
  worker.child.kill('SIGKILL');
  await worker.ended;
  await connection.close();
  await orgs.sound.close();
  await orgs.hostile.close();
  await rm(folder, { recursive: true, force: true });
});

function begin(name: string, more: Partial<BulkLoadInput>): Promise<LoadHandle> {
  const input: BulkLoadInput = {
    ...{ source: pathToFileURL(join(folder, name)).href, object: 'Account', operation: 'upsert' },
    ...{ externalIdFieldName: 'External_Id__c', loadId: newLoadId('b'), ...FAST, ...more },
  };
  return startBulkLoad(new Client({ connection }), input, { taskQueue });
}

interface Seen {
  took: number;
  /** Longest time in milliseconds until the workflow answered a query, while the worker's threads were busy. */
  slowestAnswer: number;
}

async function healthy(n: number): Promise<Seen> {
  const name = `healthy-${n}.csv`;
  await writeFile(
    join(folder, name),
    stringify(
      accounts(ROWS, (row, i) => ({ ...row, External_Id__c: `H${n}-${i}` })),
      { header: true },
    ),
  );
  const begun = performance.now();
  const handle = await begin(name, { part: { maxBytes: 300_000 } });
  let ended = false;
  const ending = handle.result().finally(() => (ended = true));
  let slowestAnswer = 0;
  while (!ended) {
    const asked = performance.now();
    await handle.progress();
    slowestAnswer = Math.max(slowestAnswer, performance.now() - asked);
  }
  const result = await ending;
  expect(result).toMatchObject({ state: 'Completed', records: { total: ROWS, succeeded: ROWS } });
  // None of its steps timed out.
  for await (const { workflowId } of new Client({ connection }).workflow.list({
    query: `WorkflowId STARTS_WITH "${handle.workflowId}"`,
  })) {
    const { events } = await new Client({ connection }).workflow.getHandle(workflowId).fetchHistory();
    for (const { activityTaskStartedEventAttributes: started, activityTaskTimedOutEventAttributes: late } of events ??
      []) {
      expect(late ?? started?.lastFailure?.timeoutFailureInfo ?? undefined, workflowId).toBeUndefined();
    }
  }
  return { took: Math.round(performance.now() - begun), slowestAnswer: Math.round(slowestAnswer) };
}

async function peakMemory(): Promise<number> {
  const status = await readFile(`/proc/${worker.child.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

it('completes healthy loads while crafted files and replies are processed', async () => {
  await healthy(0);
  const alone = [await healthy(1), await healthy(2)];
  const memoryAlone = await peakMemory();
  let over = false;
  const codes: string[] = [];
  const throwing = Object.entries(BOMBS).map(async ([what, { name, more }]) => {
    while (!over) {
      const handle = await begin(name, { connection: 'hostile', ...more });
      const waits = new Promise<string>((done) => setTimeout(done, PATIENCE_MS, 'waits'));
      const ended = handle.result().then(({ error, state }) => error?.code ?? state);
      ended.catch(() => undefined);
      const code = await Promise.race([ended, waits]);
      codes.push(`${what}: ${code}`);
      // It may have ended just now.
      const { workflow } = new Client({ connection });
      if (code === 'waits')
        await workflow
          .getHandle(handle.workflowId)
          .terminate()
          .catch(() => undefined);
    }
  });
  const beside: Seen[] = [];
  for (let n = 0; n < LOADS; n++) beside.push(await healthy(3 + n));
  over = true;
  const memory = await peakMemory();
  const tally = new Map<string, number>();
  for (const code of codes) tally.set(code, (tally.get(code) ?? 0) + 1);
  console.log({ alone, beside, memoryAlone: memoryAlone / MB, memory: memory / MB, ended: Object.fromEntries(tally) });
  expect(worker.child.exitCode).toBeNull();
  expect(memory).toBeLessThan(MAX_MEMORY);
  for (const { slowestAnswer } of beside) expect(slowestAnswer).toBeLessThan(MAX_ANSWER);
  // Each kind was processed, including crafted replies.
  expect(orgs.hostile.ledger.count('results')).toBeGreaterThan(3);
  for (const what of Object.keys(BOMBS))
    expect(
      codes.some((code) => code.startsWith(what)),
      what,
    ).toBe(true);
  await Promise.all(throwing);
});
