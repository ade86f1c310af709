/**
 * Runs the steps on each small file that they read back, crafted by an attacker: every step ends soon, with a result or
 * an error code that explains the problem, lets other work continue, and touches only its own files.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WriteReportInput } from '../../../src/protocol/activities/report-types.js';
import type { BulkLoadResult } from '../../../src/contract/load-result.js';
import { loaded, notStarted, openBench, run } from '../../helpers/activity-harness.js';
import type { Bench } from '../../helpers/activity-harness.js';

/** Milliseconds. A heartbeat may be 8 s late, on a machine that is also busy with other tests. */
const MAX_WAIT = 2_000;
const MAX_STEP = 10_000;
const MAX_MEMORY = 300_000_000;

let bench: Bench;
let folder: string;
let others: string;
let stageUri: string;
beforeEach(async () => {
  bench = await openBench();
  const stage = await bench.plan('External_Id__c,Name\nA,first\nB,\nC,third\n');
  stageUri = stage.uri;
  folder = dirname(fileURLToPath(stageUri)).replace(/\/work$/, '');
  others = `${folder}-others`;
  for (const path of [others, join(folder, 'theirs'), join(folder, 'theirs/earlier')]) await mkdir(path);
  for (const name of [join(others, 'canary'), join(folder, 'theirs/rejected.csv')]) await writeFile(name, 'as it was');
});
afterEach(async () => {
  await bench.close();
  await rm(others, { recursive: true, force: true });
});

const uri = (name: string): string => pathToFileURL(join(folder, name)).href;

/** Files outside of the load, with their content. */
async function ofOthers(): Promise<string[]> {
  const found: string[] = [];
  for (const top of [others, join(folder, 'theirs')]) {
    for (const name of await readdir(top, { recursive: true })) {
      const isFile = (await lstat(join(top, name))).isFile();
      found.push(`${top}/${name} ${isFile ? await readFile(join(top, name), 'utf8') : ''}`);
    }
  }
  return found.sort();
}

const RESULT: BulkLoadResult = {
  ...{ loadId: 'results', workflowId: 'test', runId: 'run-1', state: 'CompletedWithRejects' as const },
  ...{ object: 'Account', operation: 'upsert' as const, balanced: true, jobsTotal: 1, apiRequests: 9, jobs: [] },
  records: { total: 3, succeeded: 2, rejected: 1, unprocessed: 0, unaccounted: 0 },
  retry: { rounds: 0, recovered: 0, rerendered: 0 },
  files: { succeeded: [] },
};

/** The steps that read them, in order. */
const STEPS: Record<string, () => Promise<unknown>> = {
  locateSource: () =>
    run(bench.activities.locateSource, {
      ...{ source: uri('source.csv'), output: uri(''), loadId: 'results', executionId: 'run-1' },
      ...{ connection: 'default', object: 'Account', operation: 'upsert' as const, refuseLanded: true },
    }),
  readPartSizes: () => run(bench.activities.readPartSizes, { stageUri, from: 1 }),
  findEarlierJobs: () => bench.findEarlier({ ...stage(), uri: stageUri }),
  triageRows: () => bench.sort(stage(), [notStarted], { noted: 1, final: true }),
  collectRejected: () =>
    run(bench.activities.collectRejected, {
      outputUri: uri('results/'),
      runId: 'run-1',
      rejected: [uri('work/rows.csv')],
    }),
  keepColumns: () =>
    run(bench.activities.keepColumns, { stageUri, ended: ended(), outputUri: uri('results/'), runId: 'run-1' }),
  writeReport: () =>
    run(bench.activities.writeReport, {
      ...{ outputUri: uri('results/'), workUri: uri('work/'), rejected: [], unprocessed: [], changes: [] },
      ...{ ended: ended(), report: RESULT },
    } satisfies WriteReportInput),
};
const ended = (): WriteReportInput['ended'] => [{ uri: stageUri, noted: 1, outcomes: [], jobs: [] }];
const stage = (): Parameters<Bench['sort']>[0] => ({
  ...{ uri: stageUri, parts: 1, records: 3, columnDelimiter: 'COMMA', lineEnding: 'LF', key: 'External_Id__c' },
  groups: [{ operation: 'upsert', externalIdFieldName: 'External_Id__c', firstPart: 1, lastPart: 1 }],
  sizes: { from: 1, records: [3] },
});

/** The files may belong to others: a step waits for the right ones, or refuses. */
const REFUSALS = [
  'ALREADY_LOADED',
  'FILE_OUTSIDE_ROOTS',
  'LOAD_ID_IN_USE',
  'SOURCE_NOT_A_FILE',
  'WORK_FILES_MISSING',
  'WORK_FOLDER_NOT_PRIVATE',
];

/**
 * Anyone with write permission on the results folder can create these; the other files are in folders that only the
 * worker can write to.
 */
const FOREIGN: Record<string, string[]> = {
  'results/report.json': ['locateSource', 'collectRejected', 'keepColumns', 'writeReport'],
  'results/.nightload-owner': ['writeReport'],
};

const FILES: Record<string, unknown> = {
  'results/report.json': RESULT,
  'results/.nightload-owner': { workflowId: 'test', firstRunId: 'run-1' },
  'work/first/ended-00001.json': {
    outcomes: [loaded({ succeeded: 2, failed: 1 })],
    jobs: [{ id: '750000000000001AAA', operation: 'upsert', state: 'JobComplete', records: 3, failed: 1, polls: 1 }],
  },
  'work/first/part-00001/job.json': { jobId: '750000000000001AAA' },
  [`work/details/${createHash('sha256').update('x').digest('hex').slice(0, 16)}.json`]: {
    ...{ code: 'JOB_FAILED', text: 'x', at: '2026-01-01T00:00:00.000Z' },
  },
  'work/first/plan.json': undefined,
};

type Craft = (path: string, sound: string) => unknown;
const CRAFTS: Record<string, Craft> = {
  'is cut': (path, sound) => writeFile(path, sound.slice(0, sound.length / 2)),
  'is empty': (path) => writeFile(path, ''),
  'is 100 MB': (path) => repeat(path, '', 'x', 100),
  'has 100 MB of lists': (path) => repeat(path, '', '[', 100),
  'has 31 MB of lists in lists': (path) => repeat(path, '', '[', 31),
  'has 31 MB of objects in a field': (path, sound) => repeat(path, `${sound.slice(0, -1)},"x":[`, '{},', 31, '{}]}'),
  'has a field of lists in lists': (path, sound) =>
    writeFile(path, `${sound.slice(0, -1)},"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  'has a million fields': (path, sound) =>
    writeFile(path, `${sound.slice(0, -1)},${Array.from({ length: 1e6 }, (_, n) => `"k${n}":1`).join(',')}}`),
  'has other types': (path, sound) => writeFile(path, sound.replaceAll(/:("[^"]*"|\d+)/g, ':{"toString":1}')),
  'has huge numbers': (path, sound) => writeFile(path, sound.replaceAll(/:\d+/g, ':1e308').replace('1e308', '1e999')),
  'has negative numbers': (path, sound) => writeFile(path, sound.replaceAll(/:\d+/g, ':-9007199254740993')),
  'names paths with dots': (path, sound) => writeFile(path, sound.replaceAll(/:"[^"]*"/g, `:"../../theirs"`)),
  'names files of others': (path, sound) =>
    writeFile(path, sound.replaceAll(/:"[^"]*"/g, `:"${join(others, 'canary')}"`)),
  'names the results of others': (path, sound) =>
    writeFile(path, sound.replaceAll(/:"[^"]*"/g, `:"${uri('theirs/')}"`)),
  'has keys of prototypes': (path, sound) =>
    writeFile(
      path,
      sound
        .replaceAll('{', '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},')
        .replaceAll(',}', '}'),
    ),
  'is a list': (path) => writeFile(path, '[]'),
  'is null': (path) => writeFile(path, 'null'),
  'is no text': (path) => writeFile(path, Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28])),
  'is a pipe': (path) => execFileSync('mkfifo', [path]),
  'is a folder': (path) => mkdir(join(path, 'inner'), { recursive: true, mode: 0o700 }),
  'is a link that leads nowhere': (path) => symlink(join(others, 'nowhere'), path),
  'is a link to itself': (path) => symlink(path, path),
  'is a link to a file of others': (path) => symlink(join(others, 'canary'), path),
  'is a link to a folder of others': (path) => symlink(join(folder, 'theirs'), path),
  'is a device without end': (path) => symlink('/dev/zero', path),
};

/** As large as a real file may be: then it takes a while. */
const HEAVY = ['has 31 MB of lists in lists', 'has 31 MB of objects in a field', 'has a million fields'];

async function repeat(path: string, before: string, piece: string, megabytes: number, after = ''): Promise<void> {
  const file = await open(path, 'w');
  const chunk = Buffer.from(piece.repeat(Math.floor(1_000_000 / piece.length)));
  await file.writeFile(before);
  for (let n = 0; n < megabytes; n++) await file.writeFile(chunk);
  await file.writeFile(after);
  await file.close();
}

interface Cost {
  code: string | undefined;
  took: number;
  longestWait: number;
  memory: number;
}

async function costOf(step: () => Promise<unknown>): Promise<Cost> {
  const begun = performance.now();
  const before = process.memoryUsage().rss;
  let last = begun;
  let longestWait = 0;
  let memory = 0;
  const look = (): void => {
    const now = performance.now();
    longestWait = Math.max(longestWait, now - last);
    last = now;
    memory = Math.max(memory, process.memoryUsage().rss - before);
  };
  const timer = setInterval(look, 10);
  try {
    const code = await step().then(
      () => undefined,
      (error: { type?: string; name: string }) => error.type ?? error.name,
    );
    look();
    return { code, took: performance.now() - begun, longestWait, memory };
  } finally {
    clearInterval(timer);
  }
}

describe.each(Object.keys(FILES))('%s that', (name) => {
  const isForeign = name in FOREIGN;
  const crafts = Object.entries(CRAFTS).filter(([what]) => isForeign || !HEAVY.includes(what));
  const steps = Object.entries(STEPS).filter(([step]) => FOREIGN[name]?.includes(step) ?? step !== 'locateSource');
  it.each(crafts)('%s does no harm', async (_what, craft) => {
    await bench.write('work/rows.csv', 'sf__Id,sf__Error,Name\n,X:y:--,z\n');
    for (const [sound, content] of Object.entries(FILES)) {
      if (content === undefined) continue;
      await mkdir(dirname(join(folder, sound)), { recursive: true, mode: 0o700 });
      await writeFile(join(folder, sound), JSON.stringify(content));
    }
    const path = join(folder, name);
    const sound = await readFile(path, 'utf8');
    await rm(path);
    await craft(path, sound);
    const before = await ofOthers();
    for (const [step, body] of steps) {
      const cost = await costOf(body);
      const said = `${step}: ${JSON.stringify(cost)}`;
      if (cost.code !== undefined) expect(REFUSALS, said).toContain(cost.code);
      expect(cost.took, said).toBeLessThan(MAX_STEP);
      expect(cost.longestWait, said).toBeLessThan(MAX_WAIT);
      expect(cost.memory, said).toBeLessThan(MAX_MEMORY);
    }
    expect(await ofOthers()).toEqual(before);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
