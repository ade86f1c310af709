#!/usr/bin/env node
/** The `nightload` command. */
import { Command, CommanderError } from 'commander';
import { asLoadError, printJson, say } from './failure.js';
import { addScheduleCommands } from './schedule-options.js';
import { printable } from '../plain-text.js';
import { VERSION } from '../version.js';
import { addLoadOptions, parseDelimiter, parseWhole } from './load-options.js';
import type { CodecServerCommand } from './commands/codec-server.js';
import type { SimulatorCommand } from './commands/dev.js';
import type { ConnectionOptions } from './commands/connection.js';
import type { CorrectOptions } from './commands/correct.js';
import type { LimitsOptions } from './commands/limits.js';
import type { OrphansOptions } from './commands/orphans.js';
import type { LoadOptions } from './load-options.js';

const program = new Command('nightload')
  .description('Durable Salesforce bulk loads on Temporal.')
  .version(VERSION)
  .exitOverride()
  .configureOutput({
    writeOut: (text) => process.stdout.write(text),
    writeErr: (text) => process.stderr.write(printable(text)),
  });

const timeout = ['--timeout <duration>', 'give up when nothing has moved for so long: 1m'] as const;
const fromSf = [
  '--from-sf <alias>',
  'also the org that the Salesforce CLI (sf) of this machine is logged in to',
] as const;
const json = ['--json', 'print the result as JSON on stdout'] as const;
let exitCode = 0;
/** Commands are loaded when they run: `--help` needs no Temporal. */
function runs<A extends unknown[]>(action: (...args: A) => Promise<number>): (...args: A) => Promise<void> {
  return async (...args) => {
    exitCode = await action(...args);
  };
}

program
  .command('demo')
  .description('a real load on this machine: Temporal, a simulated org and a worker are started for it')
  .option('--keep', 'keep everything up afterwards')
  .option(...json)
  .action(
    runs(async (options: { keep?: boolean; json?: boolean }) => (await import('./commands/demo.js')).demo(options)),
  );

program
  .command('dev')
  .description('Temporal, a simulated org and a worker in the foreground')
  .option('--simulator-port <port>', 'port of the simulated org', parseWhole)
  .option(...fromSf)
  .action(
    runs(async (options: { simulatorPort?: number; fromSf?: string }) =>
      (await import('./commands/dev.js')).dev(options),
    ),
  );

program
  .command('worker')
  .description('a worker; connects to TEMPORAL_ADDRESS')
  .option(...fromSf)
  .action(runs(async (options: { fromSf?: string }) => (await import('./commands/worker.js')).worker(options)));

addLoadOptions(program.command('load').description('load a CSV into an sObject')).action(
  runs(async (source: string, options: LoadOptions) => (await import('./commands/load.js')).load(source, options)),
);

addLoadOptions(program.command('check').description('what can be known before a load; loads nothing'))
  .option(...timeout)
  .action(
    runs(async (source: string, options: LoadOptions) => (await import('./commands/check.js')).check(source, options)),
  );

program
  .command('watch')
  .description('follow a load to its end')
  .argument('<id>')
  .option(...json)
  .action(
    runs(async (id: string, options: { json?: boolean }) => (await import('./commands/load.js')).watch(id, options)),
  );

program
  .command('status')
  .description('how a load is doing, or how it ended')
  .argument('<id>')
  .option(...json)
  .action(
    runs(async (id: string, options: { json?: boolean }) => (await import('./commands/status.js')).status(id, options)),
  );

program
  .command('cancel')
  .description('end a load: jobs are aborted, what landed is counted')
  .argument('<id>')
  .option(...json)
  .action(
    runs(async (id: string, options: { json?: boolean }) => (await import('./commands/status.js')).cancel(id, options)),
  );

for (const [name, description] of [
  ['pause', 'start no new job of a load; running ones go on'],
  ['resume', 'go on after a pause'],
] as const) {
  program
    .command(name)
    .description(description)
    .argument('<id>')
    .option(...json)
    .action(
      runs(async (id: string, options: { json?: boolean }) =>
        (await import('./commands/manage.js')).signal(name, id, options),
      ),
    );
}

program
  .command('correct')
  .description('send corrected rejected rows into a load that holds for them')
  .argument('<id>')
  .argument('<corrected.csv>', 'the rejected file, corrected')
  .option('--delimiter <char>', 'one of , ; tab | ^ `', parseDelimiter)
  .option('--encoding <name>', 'utf-8; also utf-16, windows-1252, iso-8859-15, …')
  .option('--again', 'send a file once more that this load has taken already')
  .option(...timeout)
  .option(...json)
  .action(
    runs(async (id: string, file: string, options: CorrectOptions) =>
      (await import('./commands/correct.js')).correct(id, file, options),
    ),
  );

program
  .command('results')
  .description('counts and result files of a load that has ended')
  .argument('<id>')
  .option('--defuse', 'write copies of the files in which no spreadsheet runs a cell')
  .option(...json)
  .action(
    runs(async (id: string, options: { json?: boolean; defuse?: boolean }) =>
      (await import('./commands/manage.js')).results(id, options),
    ),
  );

program
  .command('list')
  .description('the newest loads')
  .option('--limit <n>', 'how many', parseWhole, 20)
  .option(...json)
  .action(
    runs(async (options: { json?: boolean; limit: number }) => (await import('./commands/manage.js')).list(options)),
  );

program
  .command('orphans')
  .description('jobs that lie Open in the org and belong to no running load')
  .option('--abort', 'abort those that loads of this namespace created')
  .option('--older-than <duration>', 'only jobs that are older: 24h')
  .option('--connection <name>', 'a connection that the worker has', 'default')
  .option(...timeout)
  .option(...json)
  .action(runs(async (options: OrphansOptions) => (await import('./commands/orphans.js')).orphans(options)));

program
  .command('limits')
  .description("the org's rolling allocation: used, granted, reserved, free; who runs and who waits")
  .option('--connection <name>', 'only the org of this connection')
  .option(...timeout)
  .option(...json)
  .action(runs(async (options: LimitsOptions) => (await import('./commands/limits.js')).limits(options)));

const connection = program
  .command('connection')
  .description('the connections of this environment: NIGHTLOAD_CONNECTIONS or SF_* variables, as a worker reads them');

connection
  .command('list')
  .description('their names, ways to log in and hosts; asks nobody')
  .option(...json)
  .action(runs(async (options: { json?: boolean }) => (await import('./commands/connection.js')).list(options)));

connection
  .command('test')
  .description('signs in, and shows org, user, limits and the permissions that loads need')
  .argument('[name]', 'only this one')
  .option('--from-sf <alias>', 'the org that the Salesforce CLI (sf) of this machine is logged in to')
  .option(...json)
  .action(
    runs(async (name: string | undefined, options: ConnectionOptions) =>
      (await import('./commands/connection.js')).test(name, options),
    ),
  );

addScheduleCommands(program, runs);

program
  .command('codec-server')
  .description('decrypts payloads for the Temporal UI, with the keys of NIGHTLOAD_CODEC_KEYS')
  .option('--port <port>', 'port to listen on', parseWhole, 8081)
  .option('--allow-origin <url>', 'the Temporal UI, the only page that may ask (default: "http://127.0.0.1:8233")')
  .option('--ui <url>', 'the same as --allow-origin')
  .option(
    '--host <address>',
    'address to listen on; beyond this machine it needs NIGHTLOAD_CODEC_SERVER_TOKEN',
    '127.0.0.1',
  )
  .option(
    '--name <host:port>',
    'a further name under which it is reached; repeatable',
    (name, all: string[]) => [...all, name],
    [],
  )
  .option('--without-token', 'listen beyond this machine without a token: something before it checks who asks')
  .option('--encode', 'encrypt too, for workflows that are started in the UI')
  .action(
    runs(async (options: CodecServerCommand) => (await import('./commands/codec-server.js')).codecServer(options)),
  );

program
  .command('simulator')
  .description('a simulated org on this machine')
  .option('--port <port>', 'port to listen on', parseWhole)
  .option('--speed <records>', 'records per second of each job', parseWhole)
  .option('--faults <file>', 'JSON list of faults that wait from the beginning')
  .option('--options <file>', 'JSON object of further options')
  .action(runs(async (options: SimulatorCommand) => (await import('./commands/dev.js')).simulator(options)));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are no errors; commander has said the rest itself.
    exitCode = error.exitCode === 0 ? 0 : 1;
    if (exitCode !== 0 && process.argv.includes('--json')) {
      printJson({ state: 'Failed', error: { code: 'USAGE', message: error.message } });
    }
  } else {
    const failure = asLoadError(error);
    say(`nightload: ${failure.code}: ${failure.message}`);
    if (process.argv.includes('--json')) printJson({ state: 'Failed', error: failure });
    exitCode = 1;
  }
}
// What was printed goes out first; then nothing that is still open may hold the command up.
process.stdout.write('', () => process.exit(exitCode));
