/** Where a text stops being JSON. */
import { expect, it } from 'vitest';
import { syntaxError } from '../../../src/simulator/org-folder/json-file.js';

it.each([
  ['', '1:1 the file ends too early'],
  ['{', '1:2 expected a name in quotes, but the file ends'],
  ['{"a":1,}', '1:8 expected a name in quotes, not "}"'],
  ['[1,\n2\n3]', '3:1 expected "," or "]", not "3"'],
  ['{"a":tru}', '1:6 unexpected "t"'],
  ['{"a":"b\nc"}', '1:8 a line break or control character in a string'],
  ['{"a":"b', '1:6 a string without its closing quote'],
  ['{} x', '1:4 text after the end of the JSON value'],
  ['[01]', '1:3 expected "," or "]", not "1"'],
  ['['.repeat(100_000), '1:502 more than 500 levels'],
])('%j', (text, expected) => {
  const { line, column, message } = syntaxError(text);
  expect(`${line}:${column} ${message}`).toBe(expected);
});
