/** `nightload simulator` with an org that a folder describes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOf, field, key, orgFolder } from '../../../helpers/org-folder.js';
import { nightload } from '../../../helpers/run-cli.js';
import type { Command } from '../../../helpers/run-cli.js';

let folder = '';
const started: Command[] = [];

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nightload-simulator-'))));
afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

const PLANT = describeOf('Plant__c', 'a0P', [field('Name', 'string', { nillable: false }), key()]);
const rule = { name: 'Setup', active: true, errorMessage: 'no', formula: '$Setup.On__c.On__c' };

/** Starts the command and waits for what it says about its org. */
async function start(...args: string[]): Promise<{ command: Command; said: string }> {
  const command = nightload(['simulator', ...args]);
  started.push(command);
  const said = (): string => command.stdout() + command.stderr();
  await expect
    .poll(() => command.child.exitCode !== null || /Not applied[^]*folder\n/.test(said()), { timeout: 20_000 })
    .toBe(true);
  return { command, said: said() };
}

async function count(said: string): Promise<unknown> {
  const [, url = '', token = ''] = /SF_INSTANCE_URL=(\S+) SF_ACCESS_TOKEN='([^']+)'/.exec(said) ?? [];
  const query = encodeURIComponent('SELECT COUNT() FROM Plant__c');
  const reply = await fetch(`${url}/services/data/v66.0/query?q=${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return ((await reply.json()) as Record<string, unknown>)['totalSize'];
}

it('lists users and rules that are not applied, and keeps records that it was given', async () => {
  const users = [{ username: 'loader@acme.example' }, { username: 'viewer@acme.example' }];
  const org = orgFolder({ Plant__c: { describe: PLANT, validationRules: [rule] } }, { formatVersion: 1, users });
  const seeds = join(folder, 'plants.csv');
  writeFileSync(seeds, 'Name,Key__c\nA,a\nB,b\n');
  const args = ['--org', org, '--data', join(folder, 'data'), '--seed-records', `Plant__c=${seeds}`];
  const first = await start(...args);
  expect(first.said).toContain(`The org is described in ${org}. Its users:\n`);
  expect(first.said).toMatch(/ {2}viewer@acme\.example {3}token \S+-2\n/);
  expect(first.said).toContain(
    'Not applied (1):\n  Plant__c, validation rule Setup: it reads $Setup.On__c.On__c, which is not part of the folder\n',
  );
  expect(await count(first.said)).toBe(2);
  first.command.child.kill('SIGKILL');
  await first.command.ended;
  rmSync(seeds);
  writeFileSync(seeds, 'Name,Key__c\nC,c\n');
  expect(await count((await start(...args)).said)).toBe(2);
});

it.each([
  [['--org', 'nowhere'], 'nowhere/org.json: no such file'],
  [['--seed-records', 'accounts.csv'], '--seed-records accounts.csv: use an object and a file'],
  [['--seed-records', 'Account=nowhere.csv'], 'nowhere.csv: no such file'],
])('refuses %j', async (args, message) => {
  const { command, said } = await start(...args);
  expect([await command.ended, said]).toEqual([1, expect.stringContaining(message)]);
});
