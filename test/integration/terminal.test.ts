/** `load` and `watch` on a terminal, in a pipe and quiet: real loads, judged by the bytes that they write. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { nightload } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import { Screen } from '../helpers/screen.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

/** The simulated org counts in steps of 200. */
const ROWS = 3_000;
/** Node has no pseudo-terminals: stderr says that it is one, and its bytes go to a screen. */
const ON_TERMINAL = {
  NODE_OPTIONS: '--import=data:text/javascript,Object.assign(process.stderr,{isTTY:true,columns:80,rows:24})',
  TERM: 'xterm-256color',
};
const FAST = ['--poll-initial', '100ms', '--poll-max', '500ms', '--poll-settle', '200ms', '--retry-wait', '100ms'];
// Control characters are what is looked for.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

function run(args: string[], env: NodeJS.ProcessEnv = {}): Command {
  const own = { TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: world.taskQueue };
  return nightload(args, { ...own, ...env }, world.folder);
}

/** Three parts; every 500th row is refused. */
async function load(id: string, ...more: string[]): Promise<string[]> {
  const rows = accounts(ROWS, (row, n) => ({
    ...row,
    External_Id__c: `${id}-${n}`,
    Rating: n % 500 === 0 ? 'Lukewarm' : 'Hot',
  }));
  const csv = stringify(rows, { header: true });
  const name = `${randomUUID().slice(0, 8)}.csv`;
  await writeFile(join(world.folder, name), csv);
  const what = ['load', name, '--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c'];
  const parts = ['--part-size', String(Math.ceil(csv.length / 3) + 200), '--parallel', '2'];
  return [...what, '--id', id, ...parts, ...FAST, ...more];
}

function screenOf(command: Command): Screen {
  const screen = new Screen(200, 24);
  screen.write(command.stderr().replaceAll('\r\n', '\n'));
  return screen;
}

it('on a terminal: bars while it runs, only the result afterwards, and the cursor is back', async () => {
  await world.org.setRecordsPerSecond(100);
  const command = run(await load('bars', '--json'), ON_TERMINAL);
  await expect.poll(() => screenOf(command).lines.join('\n')).toMatch(/^ {2}part \d.*\[=+-+\].*processing/m);
  const during = screenOf(command);
  expect(during.cursorIsHidden).toBe(true);
  const text = during.lines.join('\n');
  expect(text).toMatch(/^loading .*\[[=-]+\] +\d+ % {2}[\d,]+ of 3,000 rows$/m);
  expect(text).toMatch(/\d of 3 parts done/);
  expect(text).toMatch(/^ {11}.*\d+ API requests/m);
  expect(during.lines.filter((line) => /^ {2}part/.test(line)).length).toBeLessThanOrEqual(2);
  await world.org.setRecordsPerSecond(20_000);
  expect(await command.ended).toBe(2);
  const after = screenOf(command);
  expect(after.cursorIsHidden).toBe(false);
  expect(after.lines.join('\n')).not.toMatch(/\[[=-]+\]/);
  expect(after.lines.join('\n')).toMatch(/INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST +6$/m);
  const lines = command.stdout().trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { state: string }).state)).toEqual(['CompletedWithRejects']);
});

it.each(['SIGINT', 'SIGTERM'] as const)('%s during the bars gives the terminal back', async (signal) => {
  await world.org.setRecordsPerSecond(20);
  const id = `ends-${signal.toLowerCase()}`;
  const command = run(await load(id), ON_TERMINAL);
  await expect.poll(() => screenOf(command).lines.join('\n')).toMatch(/^ {2}part \d/m);
  command.child.kill(signal);
  expect(await command.ended).toBe(signal === 'SIGINT' ? 130 : signal);
  const { cursorIsHidden, lines } = screenOf(command);
  expect(cursorIsHidden).toBe(false);
  expect(lines.join('\n')).not.toMatch(/\[[=-]+\]/);
  expect(lines.at(-1)).toContain(signal === 'SIGINT' ? 'Detached; the load continues.' : 'Started load');
  // It does continue: another terminal shows a pause, and the end.
  expect(await run(['pause', id]).ended).toBe(0);
  const watch = run(['watch', id], { ...ON_TERMINAL, NO_COLOR: '1' });
  await expect.poll(() => screenOf(watch).lines.join('\n')).toContain('paused: no new job starts');
  await world.org.setRecordsPerSecond(20_000);
  expect(await run(['resume', id]).ended).toBe(0);
  expect(await watch.ended).toBe(2);
  expect(watch.stderr()).not.toContain('\u001b[33m');
});

it.each([
  ['in a pipe', {}],
  ['on a dumb terminal', { ...ON_TERMINAL, TERM: 'dumb' }],
  ['in a CI', { ...ON_TERMINAL, CI: 'true' }],
])('%s: dated lines without control characters', async (name, env) => {
  await world.org.setRecordsPerSecond(300);
  const command = run(await load(name.replaceAll(' ', '-')), env);
  expect(await command.ended).toBe(2);
  await world.org.setRecordsPerSecond(20_000);
  expect(command.stderr()).not.toMatch(CONTROL);
  const dated = command.stderr().match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .*$/gm) ?? [];
  expect(dated.filter((line) => line.includes('Z loading, '))).not.toHaveLength(0);
  // The third is sent after the first two.
  for (const n of [1, 2]) expect(dated.filter((line) => line.includes(`Z part ${n}: done, `))).toHaveLength(1);
  expect(new Set(dated).size).toBe(dated.length);
});

it('--quiet prints the result and nothing else; errors are still printed', async () => {
  const args = await load('quiet', '--quiet', '--json');
  const command = run(args, ON_TERMINAL);
  expect(await command.ended).toBe(2);
  expect(command.stderr()).toMatch(/^\n {2}State +CompletedWithRejects\n/);
  expect(command.stderr()).not.toMatch(CONTROL);
  expect(JSON.parse(command.stdout())).toMatchObject({ records: { total: ROWS, rejected: 6 } });
  const watch = run(['watch', 'quiet', '--quiet']);
  expect(await watch.ended).toBe(2);
  expect([watch.stdout(), watch.stderr().replace(/Time +\S+ s/, '')]).toEqual([
    '',
    command.stderr().replace(/Time +\S+ s/, ''),
  ]);
  const again = run(['watch', 'nowhere', '--quiet']);
  expect(await again.ended).toBe(1);
  expect(again.stderr()).toContain('LOAD_NOT_FOUND');
});
