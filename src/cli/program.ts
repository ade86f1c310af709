/** The commands and their options. Each command is loaded when it runs: `--help` needs no Temporal. */
import { Command, Option } from 'commander';
import { addScheduleCommands } from './commands/schedule/register.js';
import { printable } from '../domain/text/plain-text.js';
import { VERSION } from '../runtime/version.js';
import { parseFromOne, parseWhole } from './shared/input/load-options.js';
import type { CodecServerCommand } from './commands/codec-server.js';
import type { DevOptions, SimulatorCommand } from './commands/dev.js';
import type { ConnectionOptions } from './commands/connection.js';
import type { HistoryOptions } from './commands/history.js';
import type { LimitsOptions } from './commands/limits.js';
import type { ListOptions } from './commands/list.js';
import type { NotifyTestOptions } from './commands/notify.js';
import type { CaptureOptions } from './commands/org.js';
import type { OrphansOptions } from './commands/orphans.js';
import type { PruneOptions } from './commands/prune.js';
import type { WorkerOptions } from './commands/worker.js';
import { collectAll, JSON_OPTION, SEED_RECORDS, TIMEOUT } from './shared/command-options.js';
import type { Runs } from './shared/command-options.js';
import { addLoadCommands } from './commands/register-loads.js';

const FROM_SF = [
  '--from-sf <alias>',
  'also use the org that the Salesforce CLI (sf) on this machine is logged in to',
] as const;

const FROM_SF_ONLY = [
  '--from-sf <alias>',
  'the org that the Salesforce CLI (sf) on this machine is logged in to',
] as const;

export function nightloadProgram(runs: Runs): Command {
  const program = new Command('nightload')
    .description('Durable Salesforce bulk loads on Temporal.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => process.stdout.write(text),
      writeErr: (text) => process.stderr.write(printable(text)),
    });
  addServices(program, runs);
  addLoadCommands(program, runs);
  addOverviews(program, runs);
  addSettingChecks(program, runs);
  addScheduleCommands(program, runs);
  addTools(program, runs);
  return program;
}

function addServices(program: Command, runs: Runs): void {
  program
    .command('demo')
    .description('run a load on this machine, with its own Temporal server, simulated org and worker')
    .option('--keep', 'keep everything running afterwards')
    .option(...JSON_OPTION)
    .action(
      runs(async (options: { keep?: boolean; json?: boolean }) => (await import('./commands/demo.js')).demo(options)),
    );

  program
    .command('dev')
    .description('run a Temporal server, a simulated org and a worker in the foreground')
    .option('--simulator-port <port>', 'port of the simulated org', parseWhole)
    .option('--org <folder>', 'the simulated org behaves like the one that this folder describes')
    .option(...SEED_RECORDS, collectAll)
    .option(...FROM_SF)
    .action(runs(async (options: DevOptions) => (await import('./commands/dev.js')).dev(options)));

  program
    .command('worker')
    .description('run a worker, connected to TEMPORAL_ADDRESS')
    .option('--drain', 'exit once this version of the deployment has no loads left and gets no new ones')
    .option(...FROM_SF)
    .action(runs(async (options: WorkerOptions) => (await import('./commands/worker.js')).worker(options)));
}

function addOverviews(program: Command, runs: Runs): void {
  program
    .command('list')
    .description('list the newest loads')
    .option('--limit <n>', 'maximum number of loads', parseFromOne, 20)
    .option(
      '--state <state>',
      'only loads in this state: Running, Completed, CompletedWithRejects, Failed, Canceled, …',
    )
    .option('--object <name>', 'only loads of this sObject')
    .option('--since <time>', 'only loads that started since this time, or within this duration, e.g. 24h')
    .option(...JSON_OPTION)
    .action(runs(async (options: ListOptions) => (await import('./commands/list.js')).list(options)));

  program
    .command('orphans')
    .description('list Open jobs in the org that belong to no running load')
    .option('--abort', 'abort those created by loads of this namespace')
    .option('--older-than <duration>', 'only jobs older than this (default: 24h)')
    .option('--connection <name>', 'a connection of the worker', 'default')
    .option(...TIMEOUT)
    .option(...JSON_OPTION)
    .action(runs(async (options: OrphansOptions) => (await import('./commands/orphans.js')).orphans(options)));

  program
    .command('prune')
    .description('remove result files of loads that ended long ago; what prevents loading the same file twice stays')
    .requiredOption('--older-than <duration>', 'only loads that ended longer ago than this, e.g. 30d (at least 1d)')
    .option('--dry-run', 'remove nothing: only list what would be removed')
    .option(...TIMEOUT)
    .option(...JSON_OPTION)
    .action(runs(async (options: PruneOptions) => (await import('./commands/prune.js')).prune(options)));

  program
    .command('history')
    .description('compare the last loads side by side, also those that Temporal no longer knows')
    .option('--object <name>', 'only loads of this sObject')
    .option('--schedule <id>', 'only loads of this schedule')
    .option('--last <n>', 'maximum number of loads', parseWhole, 14)
    .option('--output <place>', 'folder or s3: prefix with the results (default: as for a worker, NIGHTLOAD_OUTPUT)')
    .option('--html', 'also write nights.html there')
    .option(...JSON_OPTION)
    .action(runs(async (options: HistoryOptions) => (await import('./commands/history.js')).history(options)));

  program
    .command('limits')
    .description("show the org's rolling allocation: used, granted, reserved and free; running and waiting jobs")
    .option('--connection <name>', 'only the org of this connection')
    .option(...TIMEOUT)
    .option(...JSON_OPTION)
    .action(runs(async (options: LimitsOptions) => (await import('./commands/limits.js')).limits(options)));
}

function addSettingChecks(program: Command, runs: Runs): void {
  const connection = program
    .command('connection')
    .description(
      'check the connections of this environment (NIGHTLOAD_CONNECTIONS or SF_* variables), as a worker reads them',
    );

  connection
    .command('list')
    .description('list names, login methods and hosts, without connecting')
    .option(...JSON_OPTION)
    .action(runs(async (options: { json?: boolean }) => (await import('./commands/connection.js')).list(options)));

  connection
    .command('test')
    .description('log in and show org, user, limits and the permissions that loads need')
    .argument('[name]', 'only this connection')
    .option(...FROM_SF_ONLY)
    .option(...JSON_OPTION)
    .action(
      runs(async (name: string | undefined, options: ConnectionOptions) =>
        (await import('./commands/connection.js')).test(name, options),
      ),
    );

  program
    .command('org')
    .description('describe an org for simulator --org, dev --org and rehearse')
    .command('capture')
    .description('write a folder with fields, rules, limits and speeds of an org; reads only, and no record')
    .requiredOption('--object <name>', 'sObject API name; may be repeated', (name, all: string[] = []) => [
      ...all,
      name,
    ])
    .requiredOption('--out <folder>', 'folder to write; an interrupted capture in it is continued')
    .addOption(new Option('--connection <name>', 'a connection of this environment').default('default'))
    .option(...FROM_SF_ONLY)
    .option('--no-parents', 'without the objects that lookups refer to')
    .option('--past-jobs <n>', 'of each object, for its speed', parseWhole, 20)
    .option('--count-errors', 'also read the failed rows of past jobs, and keep the number of each error code')
    .option('--yes', 'do not ask before reading')
    .option(...JSON_OPTION)
    .action(runs(async (options: CaptureOptions) => (await import('./commands/org.js')).capture(options)));

  program
    .command('notify')
    .description('check the targets of messages in NIGHTLOAD_NOTIFY, as a worker reads them')
    .command('test')
    .description('send a test message to a target and say what happened')
    .argument('<target>', 'name of a target in the file')
    .option(...JSON_OPTION)
    .action(
      runs(async (target: string, options: NotifyTestOptions) =>
        (await import('./commands/notify.js')).test(target, options),
      ),
    );
}

function addTools(program: Command, runs: Runs): void {
  program
    .command('codec-server')
    .description('decrypt payloads for the Temporal UI with the keys in NIGHTLOAD_CODEC_KEYS')
    .option('--port <port>', 'port to listen on', parseWhole, 8081)
    .option('--allow-origin <url>', 'the Temporal UI, the only permitted origin (default: "http://127.0.0.1:8233")')
    .option('--ui <url>', 'the same as --allow-origin')
    .option(
      '--host <address>',
      'address to listen on; beyond this machine, set NIGHTLOAD_CODEC_SERVER_TOKEN',
      '127.0.0.1',
    )
    .option('--name <host:port>', 'another host:port under which it is reached; may be repeated', collectAll)
    .option('--without-token', 'listen beyond this machine without a token, when a proxy authenticates requests')
    .option('--encode', 'also encrypt, for workflows started in the UI')
    .action(
      runs(async (options: CodecServerCommand) => (await import('./commands/codec-server.js')).codecServer(options)),
    );

  program
    .command('simulator')
    .description('run a simulated org on this machine')
    .option('--port <port>', 'port to listen on', parseWhole)
    .option('--speed <records>', 'records per second of each job', parseWhole)
    .option('--faults <file>', 'JSON list of faults to inject from the start')
    .option('--options <file>', 'JSON object of more options')
    .option('--org <folder>', 'behave like the org that this folder describes')
    .option('--data <folder>', 'keep records and jobs in this folder, for the next start')
    .option(...SEED_RECORDS, collectAll)
    .action(runs(async (options: SimulatorCommand) => (await import('./commands/dev.js')).simulator(options)));

  program
    .command('completion')
    .description('print a script that completes commands and options in bash, zsh or fish')
    .argument('<shell>')
    .action(
      runs(async (shell: string) => {
        const { completion } = await import('./commands/completion.js');
        process.stdout.write(completion(program, shell));
        return 0;
      }),
    );
}
