import { expect, it } from 'vitest';
import { recognizesRepeats } from '../../../src/notify/sending.js';
import { Secret } from '../../../src/runtime/secret.js';

it('knows which receivers can recognize a repetition by the id', () => {
  const url = new Secret('https://x.example');
  const targets = [
    { type: 'webhook', url, secret: url },
    { type: 'exec', command: [url] },
    { type: 'slack', url },
    { type: 'teams', url },
    { type: 'email', smtp: url, from: 'a@b.example', to: ['c@d.example'] },
  ] as const;
  expect(targets.filter(recognizesRepeats).map(({ type }) => type)).toEqual(['webhook', 'exec']);
});
