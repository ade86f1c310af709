/** Real programs as targets: what they get, and how they end. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { send } from '../../../src/notify/send.js';
import type { Target } from '../../../src/notify/settings.js';
import { Secret } from '../../../src/runtime/secret.js';
import { failureOf, MESSAGE, noting } from './notes.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nightload-exec-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function program(...command: string[]): Target {
  return { type: 'exec', command: command.map((part) => new Secret(part)) };
}

const node = (code: string, ...args: string[]): Target => program(process.execPath, '-e', code, ...args);

const KEEP = `
const fs = require('node:fs');
const [file] = process.argv.slice(1);
fs.writeFileSync(file, JSON.stringify({
  input: fs.readFileSync(0, 'utf8'), args: process.argv.slice(1), env: process.env, cwd: process.cwd() }));`;

it('gets the message on its standard input, its arguments as they are, and no secret of the worker', async () => {
  const file = join(folder(), 'out.json');
  process.env['SF_ACCESS_TOKEN'] = 'hunter2';
  onTestFinished(() => void delete process.env['SF_ACCESS_TOKEN']);
  const options = noting();
  expect(await send(node(KEEP, file, '$(id) ; `id` > x'), MESSAGE, options)).toEqual({});
  const kept = JSON.parse(readFileSync(file, 'utf8')) as {
    input: string;
    args: string[];
    env: Record<string, string>;
    cwd: string;
  };
  expect(JSON.parse(kept.input)).toMatchObject({ ...MESSAGE, subject: expect.stringContaining('failed') as string });
  expect(kept.args[1]).toBe('$(id) ; `id` > x');
  expect(JSON.stringify(kept.env)).not.toContain('hunter2');
  expect(kept.env['PATH']).toBeDefined();
  expect(kept.cwd).toBe('/');
  expect(options.notes).toBe(1);
});

it('need not read its input, and may be named', async () => {
  expect(await send(program('true'), MESSAGE, noting())).toEqual({});
});

it('failed if it says so', async () => {
  const failure = await failureOf(send(node('process.exit(3)'), MESSAGE, noting()));
  expect(failure).toMatchObject({ code: 'NOTIFY_PROGRAM_FAILED', retryable: true, maybeSent: false });
  expect(failure.message).toContain('ended with code 3');
});

it('may have sent it if it was killed', async () => {
  const failure = await failureOf(send(node('process.kill(process.pid, "SIGTERM")'), MESSAGE, noting()));
  expect(failure).toMatchObject({ code: 'NOTIFY_PROGRAM_FAILED', retryable: true, maybeSent: true });
  expect(failure.message).toContain('SIGTERM');
});

it('is killed with what it started when its time is over', async () => {
  const mark = join(folder(), 'late');
  const code = `require('node:child_process').spawn('sh', ['-c', 'sleep 2; touch "$0"', ${JSON.stringify(mark)}]); setInterval(() => 0, 1000)`;
  const begin = Date.now();
  const failure = await failureOf(send(node(code), MESSAGE, noting({ timeout: 1_000 })));
  expect(failure).toMatchObject({ code: 'NOTIFY_PROGRAM_FAILED', retryable: true, maybeSent: true });
  expect(failure.message).toContain('did not end within 1 s');
  expect(Date.now() - begin).toBeLessThan(1_900);
  await sleep(2_500);
  expect(existsSync(mark)).toBe(false);
});

it('is killed when the caller gives up', async () => {
  const caller = new AbortController();
  const reason = new Error('shutdown');
  setTimeout(() => caller.abort(reason), 200);
  await expect(send(program('sleep', '20'), MESSAGE, noting({ signal: caller.signal }))).rejects.toBe(reason);
});

it('does not run if the caller could not note it, or if it is not there', async () => {
  const file = join(folder(), 'out.json');
  const trouble = new TypeError('cannot note');
  await expect(send(node(KEEP, file), MESSAGE, { aboutToSend: () => Promise.reject(trouble) })).rejects.toBe(trouble);
  expect(existsSync(file)).toBe(false);
  const failure = await failureOf(send(program(join(folder(), 'none')), MESSAGE, noting()));
  expect(failure).toMatchObject({ code: 'NOTIFY_PROGRAM_FAILED', retryable: true, maybeSent: false });
  expect(failure.message).toContain('ENOENT');
});
