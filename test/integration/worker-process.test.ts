/** A worker process: its output, and which of its own files must not be loaded. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import { dataConverterFromEnvironment } from '../../src/codec/data-converter.js';
import { logText } from '../../src/workers/logger.js';
import { nightload, startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { grpcFront } from '../helpers/grpc-front.js';

const address = inject('temporalAddress');
let folder: string;
let connection: Connection;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-process-')));
  connection = await Connection.connect({ address });
});
afterAll(async () => {
  await connection.close();
  await rm(folder, { recursive: true, force: true });
});

async function work(env: Record<string, string>): Promise<Command & { taskQueue: string }> {
  const taskQueue = `process-${randomUUID().slice(0, 8)}`;
  const worker = await startWorkerProcess(
    { TEMPORAL_ADDRESS: address, NIGHTLOAD_TASK_QUEUE: taskQueue, ...env },
    folder,
  );
  onTestFinished(async () => {
    worker.child.kill('SIGKILL');
    await worker.ended;
  });
  return { ...worker, taskQueue };
}

it("writes the lines of the SDK's core like its own: to stderr, without colors, and each on a separate line", async () => {
  const message = 'no\u001b[31m\u001b[2Jred\r\n2026-01-01T00:00:00.000Z [INFO] audit: start forged';
  const refusal = { method: 'RespondWorkflowTaskCompleted', status: 3, message, times: 1 };
  const front = await grpcFront(address, { refusal });
  onTestFinished(() => front.close());
  const worker = await work({ TEMPORAL_ADDRESS: front.address });
  const { taskQueue } = worker;
  const workflow = { workflowId: `bulk-load/${taskQueue}`, taskQueue, args: [{}] };
  await new Client({ connection }).workflow.start('bulkLoad', workflow);
  await expect.poll(() => worker.stderr()).toContain('Error while completing workflow activation');
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
  expect(front.refused).toEqual({ RespondWorkflowTaskCompleted: 1 });
  expect(worker.stdout()).toBe('');
  expect(worker.stderr()).toContain('audit: start forged');
  expect(worker.stderr().replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(worker.stderr()).not.toMatch(/^.{0,30}\[INFO\] audit: start forged/m);
});

function jsonLines(text: string): { level: string; message: string; time: string }[] {
  const lines = text.trim().split('\n');
  return lines.map((line) => JSON.parse(line) as { level: string; message: string; time: string });
}

/** Runs code in the process at SIGUSR2. */
function onSignal(code: string): { NODE_OPTIONS: string } {
  const script = `process.on('SIGUSR2', () => { ${code} })`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(script)}` };
}

it('with a JSON log writes no other line: where it works, warnings, those of libraries, and how it ends', async () => {
  const worker = await work({
    ...{ NIGHTLOAD_LOG_FORMAT: 'json', NIGHTLOAD_METRICS_ADDRESS: '127.0.0.1:0', HOME: folder },
    ...onSignal("process.emitWarning('of a library')"),
  });
  worker.child.kill('SIGUSR2');
  await expect.poll(() => worker.stderr()).toContain('of a library');
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
  expect(worker.stdout()).toBe('');
  const lines = jsonLines(worker.stderr());
  const messages = (level: string): string[] => lines.filter((one) => one.level === level).map((one) => one.message);
  expect(messages('INFO').join('\n')).toMatch(/^Worker on .*\nFiles: .*\nMetrics on http:/m);
  expect(messages('WARN').join('\n')).toMatch(/^Warning: Loads may use every file below/m);
  expect(messages('WARN')).toContain('Warning: of a library');
  expect(lines.every(({ time }) => Date.parse(time) > 0)).toBe(true);
});

it('with a JSON log writes why it did not start, or broke off, as JSON', async () => {
  const env = { NIGHTLOAD_LOG_FORMAT: 'json' };
  const away = nightload(['worker'], { ...env, TEMPORAL_ADDRESS: '127.0.0.1:1' }, folder);
  const broken = await work({ ...env, ...onSignal("throw new Error('lost')") });
  broken.child.kill('SIGUSR2');
  expect(await Promise.all([away.ended, broken.ended])).toEqual([1, 1]);
  expect(jsonLines(away.stderr()).at(-1)).toMatchObject({
    level: 'ERROR',
    message: expect.stringMatching(/^nightload: TEMPORAL_[A-Z_]+: /) as string,
  });
  expect(jsonLines(broken.stderr()).at(-1)).toMatchObject({ level: 'ERROR', error: { message: 'lost' } });
});

it('external text after a line break does not look like a log line', () => {
  const text = logText('failed: \u001b[1mx\r\n2026-01-01T00:00:00.000Z [INFO] audit: start forged\n\tat y');
  expect(text).toBe('failed: <U+001B>[1mx<U+000D>\n  2026-01-01T00:00:00.000Z [INFO] audit: start forged\n  \tat y');
});

it('its keys, what leads to Temporal, and keys in hidden folders are no sources, though they lie in its home', async () => {
  const env = { NIGHTLOAD_CODEC_KEYS: join(folder, 'keys.json'), TEMPORAL_CONFIG_FILE: join(folder, 'temporal.toml') };
  const keys = { active: 'k', keys: { k: 'file:k.csv' } };
  const files = {
    'keys.json': JSON.stringify(keys),
    'k.csv': randomBytes(32).toString('base64'),
    'temporal.toml': '[profile.default]\n',
    '.ssh/id_ed25519': 'PRIVATE KEY\nline\n',
  };
  await mkdir(join(folder, '.ssh'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  const org = { SF_INSTANCE_URL: 'http://127.0.0.1:9', SF_ACCESS_TOKEN: 'token' };
  const { taskQueue, stderr } = await work({ ...env, ...org, HOME: folder });
  expect(stderr().match(/Warning: Loads may use every file below .* is your home directory/g)).toHaveLength(1);
  const client = new Client({ connection, dataConverter: dataConverterFromEnvironment(env) });
  for (const name of [...Object.keys(files), 'other.csv']) {
    const source = pathToFileURL(join(folder, name)).href;
    const load = {
      source,
      object: 'Account',
      operation: 'insert',
      loadId: `${taskQueue}-${name.replace('/', '-')}`,
    } as const;
    const handle = await startBulkLoad(client, load, { taskQueue });
    const { error } = await handle.result();
    expect([name, error?.code]).toEqual([name, name === 'other.csv' ? 'SOURCE_NOT_FOUND' : 'FILE_OUTSIDE_ROOTS']);
  }
});
