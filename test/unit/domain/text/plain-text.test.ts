/** One set of invisible characters, for all places that show external text. */
import { describe, expect, it } from 'vitest';
import { code, plain } from '../../../../src/domain/text/markdown.js';
import { plainText, printable } from '../../../../src/domain/text/plain-text.js';

/** First and last of each range, and single characters. */
const UNSEEN = [
  ...[0x00, 0x07, 0x0b, 0x0d, 0x1b, 0x1f, 0x7f, 0x9b, 0x9f],
  ...[0x061c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2060, 0x2066, 0x2069],
  ...[0xfeff, 0xfff9, 0xfffb, 0xe0000, 0xe0041, 0xe007f],
];
/** A soft hyphen and joiners belong to words; so does every visible character. */
const SEEN = ['é', '\u00a0', '\u00ad', '\u200c', '\u200d', '\u2010', '\u2030', '日', '\u{1f600}', '\u{e0100}'];

describe('invisible characters', () => {
  it.each(UNSEEN)('%i', (point) => {
    const text = `a${String.fromCodePoint(point)}b`;
    expect(plainText(text)).toBe('a b');
    expect(plain(text)).toBe('a b');
    expect(code(text)).toBe('`a b`');
    expect(printable(text)).toBe(`a<U+${point.toString(16).toUpperCase().padStart(4, '0')}>b`);
  });

  it('include tabs and line breaks, which a terminal shows', () => {
    expect([plainText('a\tb\nc'), plain('a\tb\nc'), printable('a\tb\nc')]).toEqual(['a b c', 'a b c', 'a\tb\nc']);
  });
});

it.each(SEEN)('%j stays', (character) => {
  const text = `a${character}b`;
  expect([plainText(text), plain(text), printable(text)]).toEqual([text, text, text]);
});
