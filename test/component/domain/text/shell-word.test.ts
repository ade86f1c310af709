import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { printableJson } from '../../../../src/domain/text/plain-text.js';
import { shellWord } from '../../../../src/domain/text/shell-word.js';

const WORDS = [
  'nightly-1.csv',
  '',
  'a b',
  'it\'s `x` $HOME "y" \\n !',
  'Straße 東京 🙂',
  "no\u00a0break, soft\u00adhyphen, it's\\\u3000wide \u200b\u202e\u{e0041}",
  'line\nbreak\ttab',
];

it.each(WORDS)('a shell reads %j as it was', (word) => {
  const script = `printf %s ${shellWord(word)}`;
  expect(execFileSync('bash', ['-c', script], { env: { LC_ALL: 'C.UTF-8' } }).toString()).toBe(word);
});

it.each(WORDS)('what a browser copies of %j is the same JSON', (word) => {
  // Chromium writes a blank for a no-break space; what nobody sees may be left out.
  const copied = printableJson(JSON.stringify({ word }))
    .replaceAll(/[\p{Zs}]/gu, ' ')
    .replaceAll(/\p{Cf}/gu, '');
  expect(JSON.parse(copied)).toEqual({ word });
});
