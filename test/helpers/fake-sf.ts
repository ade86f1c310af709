/**
 * A program `sf` for PATH that answers like the Salesforce CLI (plugin-org since May 2026: `org display` shows no
 * token, `org auth show-access-token` does; before that `org display` did). Its data is in a JSON file next to it.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FakeSf {
  /** For PATH. */
  folder: string;
  /** The arguments of each call, and the names of the variables that it received. */
  calls(): { args: string[]; env: string[] }[];
  set(state: FakeLogin): void;
}

export interface FakeLogin {
  alias: string;
  instanceUrl: string;
  accessToken: string;
  /** Version before May 2026. */
  old?: boolean;
  /** Output instead of an answer. */
  instead?: 'noise' | 'flood' | 'error' | 'silence';
  /** It leaves a program behind that holds its output open for so many seconds. */
  leaves?: number;
}

export function fakeSf(folder: string, state: FakeLogin): FakeSf {
  const program = join(folder, 'sf');
  const file = join(folder, 'state.json');
  const log = join(folder, 'calls.log');
  writeFileSync(
    program,
    `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(log)}, JSON.stringify({ args, env: Object.keys(process.env) }) + '\\n');
const { alias, instanceUrl, accessToken, old, instead, leaves } = JSON.parse(readFileSync(${JSON.stringify(file)}, 'utf8'));
const say = (value, code = 0) => { process.stdout.write(JSON.stringify({ status: code, ...value, warnings: ['This is a warning'] }, null, 2) + '\\n'); process.exitCode = code; };
if (leaves) require('node:child_process').spawn('/bin/sleep', [String(leaves)], { stdio: ['ignore', 'inherit', 'ignore'], detached: true }).unref();
if (instead === 'silence') setInterval(() => undefined, 1_000);
else if (instead === 'flood') { process.stdout.on('error', () => process.exit(1)); setInterval(() => process.stdout.write('x'.repeat(65536)), 0); }
else if (instead === 'noise') process.stdout.write('\\u001b[31mnot json\\u001b[0m');
else if (instead === 'error') say({ name: 'RefreshTokenAuthError', message: 'secret ' + accessToken, exitCode: 1 }, 1);
else if (args[args.indexOf('--target-org') + 1] !== alias) say({ name: 'NamedOrgNotFoundError', message: 'No authorization information found for ' + alias, exitCode: 1 }, 1);
else if (args[0] === 'org' && args[1] === 'display') say({ result: { id: '00D000000000001AAA', apiVersion: '66.0', instanceUrl, username: 'me@acme.example',
  accessToken: old ? accessToken : "[REDACTED] Use 'sf org auth show-access-token' to view", connectedStatus: 'Connected' } });
else if (args.slice(0, 3).join(' ') === 'org auth show-access-token' && !old) say({ result: { accessToken } });
else { process.stderr.write('Warning: ' + args.join(' ') + ' is not a sf command.'); process.exitCode = 127; }
`,
  );
  chmodSync(program, 0o755);
  const set = (next: FakeLogin): void => writeFileSync(file, JSON.stringify(next));
  set(state);
  return {
    folder,
    set,
    calls: () =>
      readFileSync(log, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { args: string[]; env: string[] }),
  };
}
