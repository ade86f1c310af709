/** Entries of a list are large: each is reduced to what is shown as its page arrives. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { listed } from '../../../src/client/pages.js';
import { quoted } from '../../../src/domain/text/visibility-query.js';

const client = { connection: {}, options: { namespace: 'default' } } as unknown as Client;
const token = (page: number): Uint8Array => new Uint8Array([page]);

it('shows one entry at a time, before the next page is requested, and no more than the limit', async () => {
  const events: string[] = [];
  let shown = 0;
  const show = async (entry: number): Promise<{ entry: number } | undefined> => {
    expect(++shown).toBe(1);
    await new Promise(setImmediate);
    shown--;
    events.push(`show ${entry}`);
    return entry % 2 === 0 ? { entry } : undefined;
  };
  const found = await listed<number, { entry: number }>(client, { limit: 3, show }, (_size, { 0: page = 0 }) => {
    events.push(`page ${page}`);
    return Promise.resolve({ entries: [0, 1, 2].map((n) => 3 * page + n), nextPageToken: token(page + 1) });
  });
  expect(found).toEqual({ entries: [{ entry: 0 }, { entry: 2 }, { entry: 4 }] });
  expect(events.join(', ')).toBe('page 0, show 0, show 1, show 2, page 1, show 3, show 4');
});

it('keeps no entry in memory, also when a text was cut from it', { timeout: 20_000 }, async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const show = (entry: string): string => entry.slice(5, 100);
  const { entries } = await listed<string, string>(client, { limit: 200, show }, (_size, { 0: page = 0 }) =>
    Promise.resolve({
      entries: Array.from({ length: 10 }, () => Buffer.alloc(900_000, 'x').toString('latin1')),
      nextPageToken: token(page + 1),
    }),
  );
  expect(entries).toHaveLength(200);
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
});

it('ends after the last page', async () => {
  const found = await listed<number, number>(client, { limit: 9, show: (entry) => entry }, () =>
    Promise.resolve({ entries: [1], nextPageToken: new Uint8Array() }),
  );
  expect(found).toEqual({ entries: [1] });
});

it('quotes a text for a query', () => {
  expect(quoted("a'b\\c")).toBe(String.raw`'a\'b\\c'`);
});
