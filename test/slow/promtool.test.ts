/**
 * Prometheus' own tool on the metrics of a real worker, the alert rules and their tests. Without `promtool` on the PATH
 * it is built once from its Go module, which takes minutes.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { startBulkLoad } from '../../src/client/start-load.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import type { NightloadTestEnvironment } from '../../src/testing/test-environment.js';
import { REPOSITORY } from '../containers/compose.js';
import { accounts, FAST } from '../helpers/load-harness.js';
import { startWorkerProcess } from '../helpers/run-cli.js';

const MODULE = 'github.com/prometheus/prometheus@v0.300.1';
const BUILT = resolve(REPOSITORY, 'node_modules/.cache/promtool-v0.300.1');
const RULES = resolve(REPOSITORY, 'docker/prometheus');
let promtool: string;
let world: NightloadTestEnvironment;

beforeAll(async () => {
  promtool = await findPromtool();
  world = await startTestEnvironment({ address: inject('temporalAddress'), worker: false });
}, 3_600_000);
afterAll(async () => {
  await world?.close();
});

async function findPromtool(): Promise<string> {
  if (spawnSync('promtool', ['--version']).status === 0) return 'promtool';
  if (existsSync(BUILT)) return BUILT;
  // `go install` refuses modules with exclude directives.
  const found = run('go', ['mod', 'download', '-json', MODULE]);
  const { Dir } = z.object({ Dir: z.string() }).parse(JSON.parse(found.text));
  const folder = await mkdtemp(join(tmpdir(), 'nightload-promtool-'));
  await cp(Dir, folder, { recursive: true });
  run('chmod', ['-R', 'u+w', folder]);
  await mkdir(resolve(BUILT, '..'), { recursive: true });
  expect(run('go', ['build', '-o', BUILT, './cmd/promtool'], { cwd: folder })).toMatchObject({ status: 0 });
  await rm(folder, { recursive: true, force: true });
  return BUILT;
}

function run(
  program: string,
  words: string[],
  options: { cwd?: string; input?: string } = {},
): { status: number | null; text: string } {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 100_000_000,
  });
  if (error !== undefined) throw error;
  return { status, text: stdout + stderr };
}

it('accepts the alert rules, their tests, and the configuration', () => {
  for (const words of [
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', 'alerts.test.yml'],
    ['check', 'config', 'prometheus.yml'],
  ]) {
    expect(run(promtool, words, { cwd: RULES })).toEqual({
      status: 0,
      text: expect.stringContaining('SUCCESS') as string,
    });
  }
});

it("accepts a worker's metrics, and finds nothing to improve in ours", { timeout: 120_000 }, async () => {
  const { org, folder, taskQueue, client } = world;
  const worker = await startWorkerProcess(
    {
      ...{ TEMPORAL_ADDRESS: world.address, NIGHTLOAD_TASK_QUEUE: taskQueue },
      ...{ SF_INSTANCE_URL: org.url, SF_ACCESS_TOKEN: org.token, NIGHTLOAD_METRICS_ADDRESS: '127.0.0.1:0' },
    },
    folder,
  );
  onTestFinished(async () => {
    worker.child.kill('SIGKILL');
    await worker.ended;
  });
  const rows = accounts(20, (row, n) => (n === 1 ? { ...row, Name: '[locked once]' } : row));
  const source = await world.csv('rows.csv', rows);
  const load = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c', ...FAST } as const;
  const handle = await startBulkLoad(client, { ...load, source }, { taskQueue });
  expect((await handle.result()).state).toBe('Completed');
  const url = /Metrics on (http:\S+)/.exec(worker.stderr())?.[1]?.replace(/,$/, '') as string;
  const input = await (await fetch(url)).text();
  expect(input).toContain('nightload_rows_total{');
  const { status, text } = run(promtool, ['check', 'metrics'], { input });
  // 3: the format is right, but the SDK's counters have names without `_total`.
  expect([0, 3]).toContain(status);
  expect(text).not.toContain('nightload_');
});
