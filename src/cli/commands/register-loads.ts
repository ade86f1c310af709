/** Defines the commands of one load. Needs no Temporal, so help is shown at once. */
import type { Command } from 'commander';
import { collectAll, JSON_OPTION, SEED_RECORDS, TIMEOUT } from '../shared/command-options.js';
import type { Runs } from '../shared/command-options.js';
import { addLoadOptions, parseDelimiter } from '../shared/input/load-options.js';
import type { LoadOptions } from '../shared/input/load-options.js';
import type { CorrectOptions } from './correct.js';
import type { RehearseOptions } from './rehearse.js';

const WITHOUT_EFFECT_IN_REHEARSALS = ['again', 'detach', 'fixer', 'holdFor', 'heartbeatUrl'];

const QUIET = ['--quiet', 'print only the result and errors'] as const;

export function addLoadCommands(program: Command, runs: Runs): void {
  addLoadOptions(program.command('load').description('load a CSV into an sObject'))
    .option(...QUIET)
    .action(
      runs(async (source: string, options: LoadOptions & { quiet?: boolean }) =>
        (await import('./load.js')).load(source, options),
      ),
    );

  const check = addLoadOptions(program.command('check').description('validate a load without loading anything'));
  for (const option of check.options) {
    // Accepted, so that the options of a load can be checked unchanged, but without effect.
    if (['again', 'detach'].includes(option.attributeName())) option.hideHelp();
  }
  check
    .option(...TIMEOUT)
    .action(runs(async (source: string, options: LoadOptions) => (await import('./check.js')).check(source, options)));

  const rehearsal = addLoadOptions(
    program.command('rehearse').description('run a load on this machine against the org that a folder describes'),
  );
  for (const option of rehearsal.options) {
    // Accepted, so that the options of a load can be rehearsed unchanged, but without effect.
    if (WITHOUT_EFFECT_IN_REHEARSALS.includes(option.attributeName())) option.hideHelp();
  }
  rehearsal
    .requiredOption('--org <folder>', 'folder that describes the org, from nightload org capture')
    .option(...SEED_RECORDS, collectAll)
    .option(
      '--try <setting=values>',
      'also rehearse with other values: parallel=1,4 or part-size=25MB,100MB; may be repeated',
      collectAll,
    )
    .option('--quiet', 'without notes and progress')
    .action(
      runs(async (source: string, options: RehearseOptions) =>
        (await import('./rehearse.js')).rehearse(source, options),
      ),
    );

  program
    .command('watch')
    .description('follow a load to its end')
    .argument('<id>')
    .option(...QUIET)
    .option(...JSON_OPTION)
    .action(
      runs(async (id: string, options: { json?: boolean; quiet?: boolean }) =>
        (await import('./watch.js')).watch(id, options),
      ),
    );

  program
    .command('status')
    .description('show the progress or the result of a load')
    .argument('<id>')
    .option(...JSON_OPTION)
    .action(runs(async (id: string, options: { json?: boolean }) => (await import('./status.js')).status(id, options)));

  program
    .command('cancel')
    .description('cancel a load: abort its jobs and count what landed')
    .argument('<id>')
    .option(...JSON_OPTION)
    .action(runs(async (id: string, options: { json?: boolean }) => (await import('./status.js')).cancel(id, options)));

  for (const [name, description] of [
    ['pause', 'stop starting new jobs of a load; running jobs continue'],
    ['resume', 'resume a paused load'],
  ] as const) {
    program
      .command(name)
      .description(description)
      .argument('<id>')
      .option(...JSON_OPTION)
      .action(
        runs(async (id: string, options: { json?: boolean }) => (await import('./loads.js')).signal(name, id, options)),
      );
  }

  program
    .command('correct')
    .description('send corrected rows to a load that is waiting for them')
    .argument('<id>')
    .argument('<corrected.csv>', 'the rejected file, corrected')
    .option('--delimiter <char>', 'one of , ; tab | ^ `', parseDelimiter)
    .option('--encoding <name>', 'utf-8; also utf-16, windows-1252, iso-8859-15, …')
    .option('--again', 'send a file again that this load has already accepted')
    .option(...TIMEOUT)
    .option(...JSON_OPTION)
    .action(
      runs(async (id: string, file: string, options: CorrectOptions) =>
        (await import('./correct.js')).correct(id, file, options),
      ),
    );

  program
    .command('results')
    .description('show counts and result files of a load that has ended')
    .argument('<id>')
    .option('--defuse', 'write copies of the files that are safe to open in a spreadsheet (no formulas)')
    .option(...JSON_OPTION)
    .action(
      runs(async (id: string, options: { json?: boolean; defuse?: boolean }) =>
        (await import('./loads.js')).results(id, options),
      ),
    );
}
