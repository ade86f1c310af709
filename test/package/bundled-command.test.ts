/** The short commands in a few files: what `npm run build` puts into dist/command. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const path = (name: string): string => fileURLToPath(new URL(`../../dist/${name}`, import.meta.url));
const MAIN = path('cli/main.js');
const FOLDER = path('command/');

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): unknown[] => {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TEMPORAL_ADDRESS: '127.0.0.1:9', ...env },
  });
  return [status, stdout, stderr];
};

describe('the bundled command', () => {
  it.each([['--version'], ['--help'], ['load', '--help'], ['worker', '--help'], ['lod'], ['list', '--limit', 'x']])(
    'answers %s %s %s as without the bundle',
    (...args) => {
      expect(run(MAIN, args)).toEqual(run(process.execPath, [path('cli/run.js'), ...args]));
    },
  );

  it('knows its own errors and those of Temporal', () => {
    const [status, stdout] = run(MAIN, ['status', 'some-load', '--json']);
    const error = { code: 'TEMPORAL_NOT_REACHABLE' };
    expect([status, JSON.parse(String(stdout))]).toMatchObject([1, { error }]);
  });

  it('begins with the only line that all package managers understand', () => {
    const [line] = readFileSync(MAIN, 'utf8').split('\n');
    expect(line).toBe('#!/usr/bin/env node');
    expect(run(MAIN, ['--version'], { NODE_OPTIONS: '--max-old-space-size=300' })[0]).toBe(0);
  });

  it('contains no other packages than those whose licenses lie beside it, and no place of this machine', () => {
    const texts = readFileSync(`${FOLDER}licenses.txt`, 'utf8');
    const named = [...texts.matchAll(/^(\S+) \S+ \((.+)\)$/gm)].map(([, name]) => name);
    const inside = new Set<string>();
    for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.js'))) {
      const code = readFileSync(`${FOLDER}${name}`, 'utf8');
      for (const [, found] of code.matchAll(/node_modules\/((?:@[^/\n]+\/)?[^/\n"]+)\//g)) {
        inside.add(found as string);
      }
      expect(code.includes(fileURLToPath(new URL('../../', import.meta.url))), name).toBe(false);
    }
    expect([...inside].sort()).toEqual([...new Set(named)].sort());
    expect(inside).toContain('@temporalio/client');
    expect([...inside].filter((name) => /worker|core-bridge|aws|nodemailer/.test(name))).toEqual([]);
  });
});
