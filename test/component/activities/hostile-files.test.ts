/**
 * Files and replies that are crafted to stop a worker: each ends soon, takes little memory, and lets other work
 * continue.
 */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { saveResult } from '../../../src/activities/job/save-result-file.js';
import type { ActivityRun } from '../../../src/activities/run-activity.js';
import { readResultRows } from '../../../src/rows/result-rows.js';
import { connectionsFromEnvironment } from '../../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../../src/salesforce/config/open-connection.js';
import { openBench } from '../../helpers/activity-harness.js';
import type { Bench } from '../../helpers/activity-harness.js';

const MB = 1_000_000;
/** Milliseconds: the longest delay for other work, on a machine that is also busy with other tests. */
const MAX_WAIT = 1_000;

let bench: Bench;
beforeAll(async () => {
  bench = await openBench({}, { maxUnpackedBytes: 20 * MB });
});
afterAll(() => bench.close());

/** The cost for other work: the longest delay of a healthy call, and memory. */
async function besides(run: () => Promise<unknown>): Promise<{ longestWait: number; memory: number }> {
  const before = process.memoryUsage().rss;
  let memory = 0;
  let longestWait = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longestWait = Math.max(longestWait, now - last - 10);
    last = now;
    memory = Math.max(memory, process.memoryUsage().rss - before);
  }, 10);
  try {
    await run();
    // Includes late effects.
    await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    clearInterval(timer);
  }
  return { longestWait, memory };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: { type?: string; code?: string }) => error.type ?? error.code ?? 'UNEXPECTED',
  );
}

const HEADER = 'External_Id__c,Name';

describe('a source', () => {
  test('of 650 KB with five cells of carriage returns only, which stopped a worker for a minute', async () => {
    const rows = Array.from({ length: 5 }, (_, n) => `K-${n},"${'\r'.repeat(131_000)}x\n"`);
    const cost = await besides(() => bench.plan(`${HEADER}\n${rows.join('\n')}\n`, { constants: { Phone: '1' } }));
    expect(cost.longestWait).toBeLessThan(MAX_WAIT);
  });

  test('whose header has thousands of names similar to fields', async () => {
    const header = Array.from({ length: 2_200 }, (_, n) => `Annual${n}Rev`).join(',');
    let code = '';
    const cost = await besides(async () => {
      code = await codeOf(bench.plan(`External_Id__c,${header}\n`, { mapLabels: true }));
    });
    expect(code).toBe('HEADER_UNKNOWN_COLUMN');
    expect(cost.longestWait).toBeLessThan(MAX_WAIT);
  });

  test('with a row of delimiters only is neither read nor written cell by cell', async () => {
    for (const more of [{}, { constants: { Phone: '1' } }, { skipBadRows: true }, { checkRows: true }]) {
      let code = '';
      const cost = await besides(async () => {
        code = await codeOf(bench.plan(`${HEADER}\nK-1,x\n${','.repeat(12 * MB)}y\n`, more));
      });
      expect(code, JSON.stringify(more)).toBe('CSV_RAGGED_ROW');
      expect(cost.longestWait).toBeLessThan(MAX_WAIT);
      expect(cost.memory).toBeLessThan(200 * MB);
    }
  });

  test('with an endless row of delimiters', async () => {
    for (const more of [{}, { checkRows: true }, { skipBadRows: true }]) {
      const code = await codeOf(bench.plan(`${HEADER}\nK-1,x\n${','.repeat(20 * MB)}`, more));
      expect(code, JSON.stringify(more)).toBe('CSV_ROW_TOO_LARGE');
    }
  });

  test('of hundreds of thousands of tiny rows, all of them bad', async () => {
    const cost = await besides(() =>
      codeOf(bench.plan(`${HEADER}\n${'x\n'.repeat(400_000)}K-1,y\n`, { skipBadRows: true })),
    );
    expect(cost.longestWait).toBeLessThan(MAX_WAIT);
  });

  test('that unpacks to more than a worker accepts, and one that is packed a thousand times', async () => {
    const text = Buffer.concat([Buffer.from(`${HEADER}\n`), Buffer.alloc(200 * MB, 'K,x\n')]);
    const bomb = gzipSync(text, { level: 1 });
    expect(bomb.length).toBeLessThan(3 * MB);
    const cost = await besides(async () => {
      expect(await codeOf(bench.plan(bomb))).toBe('UNPACKED_TOO_LARGE');
    });
    expect(cost.memory).toBeLessThan(250 * MB);
    expect(cost.longestWait).toBeLessThan(MAX_WAIT);
  });

  test('that would be split into a hundred thousand parts', async () => {
    const rows = 'K,x\n'.repeat(30_000);
    expect(await codeOf(bench.plan(`${HEADER}\n${rows}`, { partMaxBytes: 26 }))).toBe('TOO_MANY_PARTS');
  });
});

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Downloads a result file from a server that sends the given reply. */
async function fetchFrom(answer: (response: ServerResponse) => void): Promise<{ code: string; left: string[] }> {
  const server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [settings] = connectionsFromEnvironment({ SF_INSTANCE_URL: url, SF_ACCESS_TOKEN: '00D!x' }).values();
  const connection = openConnection(settings as NonNullable<typeof settings>);
  const folder = await mkdtemp(join(tmpdir(), 'nightload-hostile-'));
  cleanups.push(async () => {
    await connection.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });
  const step = { signal: new AbortController().signal, call: {}, bytes: 0 } as unknown as ActivityRun;
  const code = await codeOf(
    saveResult(step, {
      connection,
      apiVersion: 'v66.0',
      jobId: '750000000000001AAA',
      kind: 'failedResults',
      plan: { names: ['Name'], delimiter: ',' },
      path: join(folder, 'failed.csv'),
      sent: { start: 0, end: 1_000, records: 10, crc: 0 },
    }),
  );
  return { code, left: await readdir(folder) };
}

/** Writes a chunk as fast as it is accepted, forever. */
function pour(response: ServerResponse, first: string, piece: Buffer): void {
  response.writeHead(200, { 'content-type': 'text/csv' }).write(first);
  const push = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', push).on('error', () => undefined);
  push();
}

describe('a result file', () => {
  const HEAD = '"sf__Id","sf__Error",Name\n';

  test('with a row of delimiters only is not split into cells', async () => {
    for (const cell of [',', '"\n",']) {
      const bytes = Buffer.from(`${HEAD}${cell.repeat((12 * MB) / cell.length)}`);
      const rows = readResultRows(Readable.from([bytes]), ',', ['Name']);
      let code = '';
      const cost = await besides(async () => {
        code = await codeOf(rows.next());
      });
      expect(code).toBe('RESULT_UNREADABLE');
      expect(cost.longestWait).toBeLessThan(MAX_WAIT);
      expect(cost.memory).toBeLessThan(100 * MB);
    }
  });

  test('with endless rows does not fill the disk', async () => {
    const rows = Buffer.from('"","X:y:--",z\n'.repeat(5_000));
    const found = await fetchFrom((response) => pour(response, HEAD, rows));
    expect(found).toEqual({ code: 'SALESFORCE_UNEXPECTED_REPLY', left: [] });
  });

  test('with an endless line is aborted after 16 MB, and not kept in memory', async () => {
    let found = {};
    const cost = await besides(async () => {
      found = await fetchFrom((response) => pour(response, `${HEAD}"`, Buffer.alloc(65_536, 'x')));
    });
    expect(found).toEqual({ code: 'RESULT_UNREADABLE', left: [] });
    expect(cost.memory).toBeLessThan(150 * MB);
  });

  test('that is a decompression bomb does not fill the disk', async () => {
    const bomb = gzipSync(Buffer.alloc(150 * MB, '"","X:y:--",z\n'), { level: 1 });
    const found = await fetchFrom((response) => {
      response.writeHead(200, { 'content-type': 'text/csv', 'content-encoding': 'gzip' }).end(bomb);
    });
    expect(found).toEqual({ code: 'SALESFORCE_UNEXPECTED_REPLY', left: [] });
  });
});
