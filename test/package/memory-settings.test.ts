/** The memory settings of a worker's process, as its own start finds them. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MODULE = new URL('../../dist/cli/memory-settings.js', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const SHOW = `
  import(${JSON.stringify(MODULE)}).then(({ limitMemory }) => {
    limitMemory();
    const { pid, execArgv, env } = process;
    console.log(JSON.stringify({ pid, flags: execArgv.filter((one) => one.startsWith('--max-semi')), arenas: env.MALLOC_ARENA_MAX }));
  });`;

/** What a process finds after its start, and whether it is still the same one. */
async function settingsOf(flags: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [...flags, '-e', SHOW], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(err).toBe('');
  const { pid, ...found } = JSON.parse(out) as Record<string, unknown>;
  return { ...found, isSame: pid === child.pid };
}

const canReplace = process.platform === 'linux' && 'execve' in process;

describe('the memory settings of a worker', () => {
  it.runIf(canReplace)('are read by a second start of the same process, where Node can do that', async () => {
    expect(await settingsOf()).toEqual({ flags: ['--max-semi-space-size=4'], arenas: '1', isSame: true });
  });

  it('keep what the user set', async () => {
    const own = '--max-semi-space-size=8';
    expect(await settingsOf([own])).toEqual({ flags: [own], isSame: true });
    expect(await settingsOf([], { NODE_OPTIONS: own })).toEqual({ flags: [], isSame: true });
    expect(await settingsOf(['--max_semi_space_size=8'])).toEqual({ flags: [], isSame: true });
    expect(await settingsOf([], { NODE_OPTIONS: '--max_semi_space_size=8' })).toEqual({ flags: [], isSame: true });
    const arenas = canReplace ? { flags: ['--max-semi-space-size=4'], arenas: '2' } : { flags: [], arenas: '2' };
    expect(await settingsOf([], { MALLOC_ARENA_MAX: '2' })).toEqual({ ...arenas, isSame: true });
  });

  it.runIf(canReplace)('change nothing where Node’s permission model forbids it', async () => {
    const permission = ['--permission', '--allow-fs-read=*'];
    expect(await settingsOf(permission)).toEqual({ flags: [], isSame: true });
  });

  it('change nothing in a process with a channel to its parent', async () => {
    const child = fork('-e', [SHOW], { execArgv: [], env: {}, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const [out] = await Promise.all([text(child.stdout as Readable), once(child, 'exit')]);
    expect(JSON.parse(out)).toEqual({ pid: child.pid, flags: [] });
  });

  it('leave output, errors and exit codes alone', async () => {
    const child = spawn(process.execPath, [MAIN, 'worker', '--nothing'], {
      env: {},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect([out, err, code]).toEqual(['', expect.stringMatching(/unknown option '--nothing'/), 1]);
  });
});
