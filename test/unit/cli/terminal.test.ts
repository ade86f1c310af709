/** Output of commands: external text in it cannot control the terminal. */
import { expect, it } from 'vitest';
import { forTerminal } from '../../../src/cli/shared/output.js';
import { printable, printableJson } from '../../../src/domain/text/plain-text.js';

const STEERING = [
  '\u001b[2J',
  '\u009b31m',
  '\u0007',
  '\b',
  '\r',
  '\u007f',
  '\u202e',
  '\u2066',
  '\u200f',
  '\ufeff',
  '\u{e0041}',
];

it.each(STEERING)('%j is escaped', (text) => {
  const shown = forTerminal(`a${text}b`);
  expect(shown).toMatch(/^a<U\+[0-9A-F]{4,5}>/);
  expect(shown).not.toContain(text.charAt(0));
});

it('letters of all languages, tabs and blank lines stay', () => {
  for (const text of ['Ünï 電話 עברית 👩‍👩‍👧 a\tb', '', '\n']) expect(forTerminal(text)).toBe(text);
});

it('a line break in external text does not start a line of ours', () => {
  expect(forTerminal('file x\nnightload: all is well')).toBe('file x\n  nightload: all is well');
  expect(forTerminal('\nforged\n\n\nforged\n')).toBe('\n  forged\n\n\n  forged\n');
});

it('JSON stays the same JSON', () => {
  const value = { text: STEERING.join('"\\\n'), ['k\u009by']: '\u{e0041}' };
  const json = printableJson(JSON.stringify(value));
  expect(JSON.parse(json)).toEqual(value);
  expect(printable(json)).toBe(json);
});
