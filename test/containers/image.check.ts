/**
 * Tests the image without Docker: runs the Dockerfile's COPY and RUN steps in clean folders, then its entry point as a
 * worker and as a simulated org, with the environment of docker-compose.dev.yml, and a load. Steps that change the
 * system (packages, links, owners) are skipped and printed.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDevServer } from '../../src/dev/dev-server.js';
import { freePort } from '../../src/runtime/free-port.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { environmentOf, readCompose, REPOSITORY, seconds, service } from './compose.js';
import { inContext, readDockerfile, stepsOf } from './dockerfile.js';
import type { Stage } from './dockerfile.js';

const compose = readCompose('docker-compose.dev.yml');
const place = realpathSync(mkdtempSync(join(tmpdir(), 'nightload-image-')));
const context = join(place, 'context');
const data = join(place, 'data');
const stages = readDockerfile();
const app = join(place, 'final', 'app');
const started: ChildProcess[] = [];
let server: DevServer | undefined;

function copyTree(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

/** Runs one stage; returns its root folder. */
function perform(stage: Stage, roots: ReadonlyMap<string, string>): string {
  const root = join(place, stage.name ?? 'final');
  const clean = { PATH: process.env['PATH'], HOME: root };
  let folder = root;
  for (const { name, text } of stage.steps) {
    if (name === 'WORKDIR') {
      folder = join(root, text);
      mkdirSync(folder, { recursive: true });
    } else if (name === 'COPY') {
      const words = text.split(/\s+/);
      const from = /^--from=(.*)$/.exec(words[0] ?? '')?.[1];
      const sources = words.slice(from === undefined ? 0 : 1, -1);
      const source = from === undefined ? context : (roots.get(from) ?? '');
      const target = words.at(-1) ?? '';
      for (const path of sources)
        copyTree(join(source, path), join(folder, target.endsWith('/') ? join(target, basename(path)) : target));
    } else if (name === 'RUN') {
      // An absolute path or a system package belongs to the container.
      if (/apt-get|(^|\s)\/(?!dev\/)/.test(text)) console.error(`not carried out here: RUN ${text}`);
      else execFileSync('sh', ['-ec', text], { cwd: folder, env: clean, stdio: ['ignore', 'ignore', 'inherit'] });
    }
  }
  return root;
}

/** The arguments of the image, with its folder replaced by the local one. */
const native = (words: readonly string[] = []): string[] =>
  words.map((word) => (word === 'node' ? process.execPath : word.replace(/^\/app\//, `${app}/`)));
const final = stages.at(-1);
const entrypoint = native(stepsOf(final, 'ENTRYPOINT')[0]?.words);

function environment(name: string, port: number): NodeJS.ProcessEnv {
  const own = environmentOf(service(compose, name));
  return {
    PATH: process.env['PATH'],
    HOME: place,
    ...own,
    TEMPORAL_ADDRESS: server?.address,
    NIGHTLOAD_FILE_ROOTS: data,
    ...(own['SF_INSTANCE_URL'] !== undefined && { SF_INSTANCE_URL: `http://127.0.0.1:${port}` }),
  };
}

function start(words: string[], env: NodeJS.ProcessEnv): { child: ChildProcess; said: () => string } {
  const [program = '', ...args] = words;
  const child = spawn(program, args, { cwd: data, env, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { child, said: () => said };
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 300) throw new Error(`did not happen: ${what()}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

beforeAll(async () => {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: REPOSITORY });
  for (const file of inContext(listed.toString().split('\n'))) copyTree(join(REPOSITORY, file), join(context, file));
  mkdirSync(data);
  const roots = new Map<string, string>();
  for (const stage of stages) roots.set(stage.name ?? 'final', perform(stage, roots));
  const { path } = await findTemporalServer({ log: (line) => console.error(line) });
  server = await startDevServer({ binary: path, uiPort: 'off' });
});

afterAll(async () => {
  for (const child of started) if (child.exitCode === null) child.kill('SIGKILL');
  await server?.stop();
  rmSync(place, { recursive: true, force: true });
});

it('contains what a worker needs and nothing else', () => {
  expect(readdirSync(app).sort()).toEqual(['LICENSE', 'dist', 'docker', 'node_modules', 'package.json']);
  expect(statSync(join(app, 'dist/workflow-bundle.js')).size).toBeGreaterThan(100_000);
  expect(statSync(join(app, 'dist/cli/main.js')).mode & 0o111).not.toBe(0);
  expect(readdirSync(join(app, 'node_modules/@temporalio/core-bridge/releases'))).toHaveLength(1);
  expect(readdirSync(join(app, 'node_modules'))).not.toContain('typescript');
  expect(readdirSync(join(app, 'node_modules'))).not.toContain('vitest');
  const kilobytes = Number(execFileSync('du', ['-sk', app]).toString().split('\t')[0]);
  console.error(`/app of the image: ${Math.round(kilobytes / 1000)} MB`);
});

it('runs as a worker and as a simulated org, is healthy, loads a file, and stops on request', async () => {
  const port = await freePort();
  const org = start([...entrypoint, 'simulator', '--port', String(port)], environment('simulator', port));
  await until(() => org.said().includes('Simulated org at'), org.said);

  const health = native(stepsOf(final, 'HEALTHCHECK')[0]?.words);
  const check = async (): Promise<number> => {
    const { child } = start(health, environment('worker', port));
    const [code] = (await once(child, 'close')) as [number];
    return code;
  };
  expect(await check()).toBe(1);
  const worker = start([...entrypoint, ...(stepsOf(final, 'CMD')[0]?.words ?? [])], environment('worker', port));
  await until(() => worker.said().includes('Worker on'), worker.said);
  expect(await check()).toBe(0);

  writeFileSync(join(data, 'accounts.csv'), 'External_Id__c,Name\nA-1,Acme\nA-2,Globex\n');
  const words = [
    'load',
    'accounts.csv',
    '--object',
    'Account',
    '--operation',
    'upsert',
    '--external-id',
    'External_Id__c',
  ];
  const load = start([...entrypoint, ...words, '--poll-initial', '200ms', '--json'], environment('worker', port));
  expect((await once(load.child, 'close'))[0], load.said()).toBe(0);
  expect(load.said()).toContain('"succeeded":2');

  const before = Date.now();
  worker.child.kill('SIGTERM');
  expect((await once(worker.child, 'close'))[0]).toBe(0);
  const limit = seconds(service(compose, 'worker').stop_grace_period ?? '');
  expect((Date.now() - before) / 1000).toBeLessThan(limit);
  org.child.kill('SIGTERM');
  expect((await once(org.child, 'close'))[0]).toBe(0);
});
