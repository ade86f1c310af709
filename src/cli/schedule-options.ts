/** The words of `nightload schedule`: those of a load, and when it is due. Needs no Temporal, so that help comes at once. */
import { Command } from 'commander';
import { addLoadOptions } from './load-options.js';
import type { LoadOptions } from './load-options.js';

export interface ScheduleOptions extends LoadOptions {
  source: string;
  cron: string[];
  timeZone: string;
  waitForSource?: string;
  catchUp: string;
  jitter?: string;
  note?: string;
  paused?: boolean;
}

export interface NoteOptions {
  note?: string;
  json?: boolean;
}

/** How main.ts wraps actions: their number is the exit code. */
type Runs = <A extends unknown[]>(action: (...args: A) => Promise<number>) => (...args: A) => Promise<void>;

/** What one load has and a schedule of loads has not: each of them gets an id of its own. */
const ONE_LOAD_ONLY: readonly string[] = ['id', 'again', 'detach', 'json'];
const JSON_OPTION = ['--json', 'print the result as JSON on stdout'] as const;

function another(text: string, before: string[] = []): string[] {
  return [...before, text];
}

export function addScheduleCommands(program: Command, runs: Runs): void {
  const schedule = program.command('schedule').description('loads that begin by themselves, on Temporal Schedules');
  const create = schedule
    .command('create')
    .description('load a file at certain times')
    .argument('<id>', 'names the schedule: nightly')
    .requiredOption(
      '--cron <expression>',
      "when: '0 1 * * *' (minute hour day-of-month month day-of-week); may be repeated",
      another,
    )
    .option('--time-zone <name>', 'of the cron expression and of {date}: Europe/Berlin', 'UTC')
    .requiredOption('--source <file>', 'CSV file; {date} stands for the day that the load is due, {date:yyyyMMdd} too')
    .option('--wait-for-source <duration>', 'the file may come so late: 3h')
    .option(
      '--catch-up <duration>',
      'begin a load that is due while Temporal is down, if it is no later than: 1h',
      '1h',
    )
    .option('--jitter <duration>', 'begin up to so much later, by chance: 5m')
    .option('--note <text>', 'for people who look at the schedule')
    .option('--paused', 'begin nothing until `schedule resume`');
  for (const option of addLoadOptions(new Command()).options) {
    if (!ONE_LOAD_ONLY.includes(option.attributeName())) create.addOption(option);
  }
  create
    .option(...JSON_OPTION)
    .action(
      runs(async (id: string, options: ScheduleOptions) =>
        (await import('./commands/schedule.js')).create(id, options),
      ),
    );

  schedule
    .command('list')
    .description('the schedules of loads')
    .option(...JSON_OPTION)
    .action(runs(async (options: { json?: boolean }) => (await import('./commands/schedule.js')).list(options)));

  for (const [name, description] of [
    ['describe', 'when it is due, what it loads, how its last loads ended'],
    ['trigger', 'begin a load of it now'],
    ['delete', 'no more loads of it; one that runs goes on'],
  ] as const) {
    schedule
      .command(name)
      .description(description)
      .argument('<id>')
      .option(...JSON_OPTION)
      .action(
        runs(async (id: string, options: { json?: boolean }) => {
          const commands = await import('./commands/schedule.js');
          return (name === 'delete' ? commands.remove : commands[name])(id, options);
        }),
      );
  }

  for (const [name, alias, description] of [
    ['pause', undefined, 'begin no more loads of it; one that runs goes on'],
    ['resume', 'unpause', 'go on after a pause'],
  ] as const) {
    const command = schedule
      .command(name)
      .description(description)
      .argument('<id>')
      .option('--note <text>', 'why')
      .option(...JSON_OPTION)
      .action(
        runs(async (id: string, options: NoteOptions) => (await import('./commands/schedule.js'))[name](id, options)),
      );
    if (alias !== undefined) command.alias(alias);
  }
}
