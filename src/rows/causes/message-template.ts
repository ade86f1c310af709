/**
 * The message of a rejected row without the values in it, so that rows with the same cause form one group. What it
 * cannot recognize as a value stays: a template may contain one. Pure; work grows linearly with the text.
 */
import { plainText } from '../../domain/text/plain-text.js';

/** Characters of a template. */
const MAX_TEMPLATE = 300;
const VALUE = '…';

/** The platform's phrases around a value; without an end, the value reaches to the end of the message. */
const PHRASES: readonly (readonly [before: string, after: string | undefined])[] = [
  ['data value too large: ', ' (max length='],
  ['invalid email address: ', undefined],
  ['bad value for restricted picklist field: ', undefined],
  ['value not of required type: ', undefined],
  ['value of incorrect type: ', undefined],
  ['oreign key external ID: ', ' not found'],
  ['on record with id: ', undefined],
  ['Another row has the same ', ', and it is unknown'],
];

/** As many characters of a message as are examined. */
const MAX_READ = 2_000;

export function messageTemplate(message: string): string {
  const line = plainText(message, MAX_READ);
  for (const [before, after] of PHRASES) {
    const found = line.indexOf(before);
    if (found === -1) continue;
    const start = found + before.length;
    // The value itself may contain the phrase that follows it.
    const end = after === undefined ? line.length : line.lastIndexOf(after);
    if (end < start) continue;
    return plainText(`${masked(line.slice(0, start))}${VALUE}${line.slice(end)}`, MAX_TEMPLATE);
  }
  return plainText(masked(line), MAX_TEMPLATE);
}

function masked(line: string): string {
  return withoutQuoted(line)
    .split(' ')
    .map((word) => maskedWord(word))
    .join(' ');
}

/** Texts in double quotes; an apostrophe is not a quote. */
function withoutQuoted(line: string): string {
  const pieces = line.split('"');
  // A quote that is not closed is part of the text.
  const last = pieces.length - 1;
  return pieces.map((piece, at) => (at % 2 === 1 && at < last ? VALUE : piece)).join('"');
}

const ID = /^[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?$/;
const BETWEEN = /([^a-zA-Z0-9]+)/;

function maskedWord(word: string): string {
  if (word.length > 100 || word.includes('@')) return VALUE;
  // API names have digits too.
  if (!/\d/.test(word) || word.includes('__')) return word;
  return word
    .split(BETWEEN)
    .map((piece) => (ID.test(piece) && /\d/.test(piece) ? VALUE : piece.replace(/\d+/g, '#')))
    .join('');
}
