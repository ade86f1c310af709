import { Command } from 'commander';
import { expect, it } from 'vitest';
import { completion } from '../../../../src/cli/commands/completion.js';

const program = new Command('nightload').option('--version');
program.command('load').description("load a person's CSV").option('--object <name>', 'the sObject').option('-q');
program.command('schedule').command('create').description('create one').option('--cron <times>', 'when');

it.each([
  ['bash', '"schedule create") words="--cron --help" ;;'],
  ['zsh', '"schedule create") compadd -- --cron --help ;;'],
  ['fish', String.raw`complete -c nightload -n '__fish_use_subcommand' -a load -d 'load a person\'s CSV'`],
])('%s', (shell, line) => {
  expect(completion(program, shell)).toContain(line);
});

it('refuses another shell', () => {
  expect(() => completion(program, 'cmd')).toThrow('The shell is "cmd"; it must be one of bash, zsh, fish.');
});
