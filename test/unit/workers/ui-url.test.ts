/** The address of the Temporal UI that a worker puts into messages and reports. */
import { expect, it } from 'vitest';
import { uiUrlFrom } from '../../../src/workers/ui-url.js';

it.each([
  [undefined, undefined],
  [' ', undefined],
  ['https://temporal.acme.example', 'https://temporal.acme.example/'],
  ['http://127.0.0.1:8233/ui', 'http://127.0.0.1:8233/ui/'],
])('%j is %j', (given, expected) => {
  expect(uiUrlFrom({ NIGHTLOAD_UI_URL: given })).toBe(expected);
});

it.each([
  'temporal.acme.example',
  'javascript:alert(1)',
  'file:///etc/',
  'https://user@acme.example/',
  'https://:password@acme.example/',
  'https://acme.example/?namespace=a',
  'https://acme.example/#a',
  `https://acme.example/${'a'.repeat(1_000)}`,
])('%j is refused', (given) => {
  expect(() => uiUrlFrom({ NIGHTLOAD_UI_URL: given })).toThrow(expect.objectContaining({ code: 'INVALID_URL' }));
});
