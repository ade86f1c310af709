/** What commands print: nothing in it steers the terminal, whoever wrote it. */
import { expect, it } from 'vitest';
import { forTerminal } from '../../src/cli/failure.js';
import { printable, printableJson } from '../../src/plain-text.js';

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

it.each(STEERING)('%j is written out', (text) => {
  const shown = forTerminal(`a${text}b`);
  expect(shown).toMatch(/^a<U\+[0-9A-F]{4,5}>/);
  expect(shown).not.toContain(text.charAt(0));
});

it('letters of all languages, tabs and own lines stay', () => {
  for (const text of ['Ünï 電話 עברית 👩‍👩‍👧 a\tb', '\nfirst', '']) expect(forTerminal(text)).toBe(text);
});

it('a line that others began is none of ours', () => {
  expect(forTerminal('file x\nnightload: all is well')).toBe('file x\n  nightload: all is well');
});

it('JSON stays the same JSON', () => {
  const value = { text: STEERING.join('"\\\n'), ['k\u009by']: '\u{e0041}' };
  const json = printableJson(JSON.stringify(value));
  expect(JSON.parse(json)).toEqual(value);
  expect(printable(json)).toBe(json);
});
