/** The script for bash, run by bash itself. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, expect, it } from 'vitest';
import { completion } from '../../../src/cli/commands/completion.js';

const program = new Command('nightload');
program.command('load').option('--object <name>').option('--operation <op>');
const schedule = program.command('schedule');
schedule.command('create').option('--cron <times>');
schedule.command('list');

const folder = mkdtempSync(join(tmpdir(), 'nightload-completion-'));
writeFileSync(join(folder, 'accounts.csv'), '');
afterAll(() => rmSync(folder, { recursive: true }));

function completed(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const script = `${completion(program, 'bash')}
    COMP_WORDS=(nightload ${line}); COMP_CWORD=${words.length}
    _nightload; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8', cwd: folder }).split('\n').filter(Boolean);
}

it.each([
  [['lo'], ['load']],
  [
    ['load', '--o'],
    ['--object', '--operation'],
  ],
  [['load', 'a.csv', '--object', 'Account', '--oper'], ['--operation']],
  [['schedule', 'c'], ['create']],
  [['schedule', 'create', '--c'], ['--cron']],
  [['load', 'acc'], ['accounts.csv']],
])('%j', (words, expected) => {
  expect(completed(...words)).toEqual(expected);
});
