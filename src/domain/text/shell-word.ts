/** Words of commands that people paste into a shell. */
import { NOT_COPIED } from './plain-text.js';

const PLAIN = /^[\w@%+=:,./-]+$/;

/** One word, whatever it contains: for bash and zsh; for other POSIX shells, if it has no character that nobody sees. */
export function shellWord(word: string): string {
  if (PLAIN.test(word)) return word;
  if (word.replaceAll(' ', '').search(NOT_COPIED) === -1) return `'${word.replaceAll("'", `'\\''`)}'`;
  return `$'${word.replaceAll(/['\\]/g, String.raw`\$&`).replace(NOT_COPIED, escaped)}'`;
}

function escaped(character: string): string {
  const number = character.codePointAt(0) as number;
  return character === ' ' ? character : `\\U${number.toString(16).padStart(8, '0')}`;
}
