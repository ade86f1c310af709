/**
 * Defines the `nightload schedule` commands: the options of a load, and when it is due. Needs no Temporal, so help is
 * shown at once.
 */
import { Command } from 'commander';
import { addLoadOptions } from '../../shared/input/load-options.js';
import { JSON_OPTION } from '../../shared/command-options.js';
import type { Runs } from '../../shared/command-options.js';
import type { NoteOptions, ScheduleOptions } from './options.js';

/** Options that a schedule does not have: each of its loads gets its own id. */
const ONE_LOAD_ONLY: readonly string[] = ['id', 'again', 'detach', 'json'];
/** Options that a schedule defines itself. */
const OWN: readonly string[] = ['timeZone'];

function another(text: string, before: string[] = []): string[] {
  return [...before, text];
}

export function addScheduleCommands(program: Command, runs: Runs): void {
  const schedule = program.command('schedule').description('manage scheduled loads (Temporal Schedules)');
  const create = schedule
    .command('create')
    .description('load a file on a schedule')
    .argument('<id>', 'schedule id, e.g. nightly')
    .requiredOption(
      '--cron <expression>',
      "e.g. '0 1 * * *' (minute hour day-of-month month day-of-week); may be repeated",
      another,
    )
    .option('--time-zone <name>', 'time zone of the cron expression, {date} and --finish-by, e.g. Europe/Berlin', 'UTC')
    .requiredOption('--source <file>', 'CSV file; {date} or {date:yyyyMMdd} is replaced by the scheduled day')
    .option('--wait-for-source <duration>', 'how long to wait for the file, e.g. 3h')
    .option('--catch-up <duration>', 'how late to start a load that was due while Temporal was down', '1h')
    .option('--jitter <duration>', 'maximum random delay of each start, e.g. 5m')
    .option('--note <text>', 'a note for readers of the schedule')
    .option('--paused', 'create the schedule paused, until `schedule resume`');
  for (const option of addLoadOptions(new Command()).options) {
    if (![...ONE_LOAD_ONLY, ...OWN].includes(option.attributeName())) create.addOption(option);
  }
  create
    .option(...JSON_OPTION)
    .action(runs(async (id: string, options: ScheduleOptions) => (await import('./schedule.js')).create(id, options)));

  schedule
    .command('list')
    .description('list the schedules of loads')
    .option(...JSON_OPTION)
    .action(runs(async (options: { json?: boolean }) => (await import('./schedule.js')).list(options)));

  for (const [name, description] of [
    ['describe', 'show when it runs, what it loads and how its last loads ended'],
    ['delete', 'delete a schedule; a running load continues'],
  ] as const) {
    schedule
      .command(name)
      .description(description)
      .argument('<id>')
      .option(...JSON_OPTION)
      .action(
        runs(async (id: string, options: { json?: boolean }) => {
          const commands = await import('./schedule.js');
          return (name === 'delete' ? commands.remove : commands[name])(id, options);
        }),
      );
  }

  schedule
    .command('trigger')
    .description('start a load now')
    .argument('<id>')
    .option(
      '--due <time>',
      'make up for the run that was due then, with the file of that day, e.g. 2026-11-30T22:00:00Z',
    )
    .option(...JSON_OPTION)
    .action(
      runs(async (id: string, options: { json?: boolean; due?: string }) =>
        (await import('./schedule.js')).trigger(id, options),
      ),
    );

  for (const [name, alias, description] of [
    ['pause', undefined, 'stop starting new loads; a running load continues'],
    ['resume', 'unpause', 'resume a paused schedule'],
  ] as const) {
    const command = schedule
      .command(name)
      .description(description)
      .argument('<id>')
      .option('--note <text>', 'why')
      .option(...JSON_OPTION)
      .action(runs(async (id: string, options: NoteOptions) => (await import('./schedule.js'))[name](id, options)));
    if (alias !== undefined) command.alias(alias);
  }
}
