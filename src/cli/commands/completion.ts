/** `nightload completion`: scripts that complete commands and options in a shell. */
import type { Command } from 'commander';
import { NightloadError } from '../../errors.js';
import { shown } from '../../domain/text/shown.js';

/** A command, with what may follow it. */
interface Entry {
  /** Its words after `nightload`, such as `schedule create`. */
  path: string;
  subcommands: readonly Command[];
  /** Long options that the help shows. */
  options: readonly { flag: string; description: string }[];
}

const SCRIPTS: Readonly<Record<string, (entries: readonly Entry[]) => string>> = { bash, zsh, fish };

/** @throws NightloadError `USAGE` for another shell */
export function completion(program: Command, shell: string): string {
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined) {
    throw new NightloadError('USAGE', `The shell is ${shown(shell)}; it must be one of bash, zsh, fish.`);
  }
  return script(entriesOf(program, ''));
}

function entriesOf(command: Command, path: string): Entry[] {
  const { commands: subcommands } = command;
  const options = command.options
    .filter(({ hidden, long }) => !hidden && long)
    .map(({ long, description }) => ({ flag: long as string, description }));
  const own: Entry = {
    path,
    subcommands,
    options: [...options, { flag: '--help', description: 'display help for command' }],
  };
  return [own, ...subcommands.flatMap((one) => entriesOf(one, `${path} ${one.name()}`.trim()))];
}

const wordsOf = ({ subcommands, options }: Entry): string =>
  [...subcommands.map((one) => one.name()), ...options.map(({ flag }) => flag)].join(' ');

/** The shell code that finds the longest command in the words before the cursor, as `$found`. */
function findCommand(entries: readonly Entry[], words: string): string[] {
  const known = entries.filter(({ path }) => path !== '').map(({ path }) => `"${path}"`);
  return [
    `  for word in ${words}; do`,
    '    case "${found:+$found }$word" in',
    `      ${known.join('|')}) found="\${found:+$found }$word" ;;`,
    '    esac',
    '  done',
  ];
}

function bash(entries: readonly Entry[]): string {
  return [
    '# nightload completion for bash: source <(nightload completion bash)',
    '_nightload() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" found="" word words=""',
    ...findCommand(entries, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"'),
    '  case "$found" in',
    ...entries.map((entry) => `    "${entry.path}") words="${wordsOf(entry)}" ;;`),
    '  esac',
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; [[ $current == -* ]] || compgen -f -- "$current")',
    '}',
    'complete -o filenames -F _nightload nightload',
    '',
  ].join('\n');
}

function zsh(entries: readonly Entry[]): string {
  return [
    '#compdef nightload',
    '# nightload completion for zsh: source <(nightload completion zsh)',
    '_nightload() {',
    '  local found="" word',
    ...findCommand(entries, '"${(@)words[2,CURRENT-1]}"'),
    '  case "$found" in',
    ...entries.map((entry) => `    "${entry.path}") compadd -- ${wordsOf(entry)} ;;`),
    '  esac',
    '  [[ $words[CURRENT] == -* ]] || _files',
    '}',
    'compdef _nightload nightload',
    '',
  ].join('\n');
}

function fish(entries: readonly Entry[]): string {
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
  const line = (condition: string, what: string, about: string): string =>
    `complete -c nightload -n ${quoted(condition)} ${what} -d ${quoted(about)}`;
  return [
    '# nightload completion for fish: nightload completion fish | source',
    ...entries.flatMap(({ path, subcommands, options }) => {
      const [first = '', second = ''] = path.split(' ');
      const seen = [first, second].filter(Boolean).map((word) => `__fish_seen_subcommand_from ${word}`);
      const names = subcommands.map((one) => one.name()).join(' ');
      const here = path === '' ? '__fish_use_subcommand' : seen.join('; and ');
      const notYet = path === '' ? here : `${here}; and not __fish_seen_subcommand_from ${names}`;
      return [
        ...subcommands.map((one) => line(notYet, `-a ${one.name()}`, one.description())),
        ...options.map(({ flag, description }) => line(here, `-l ${flag.slice(2)}`, description)),
      ];
    }),
    '',
  ].join('\n');
}
