import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Rejections } from '../../../../src/activities/retry/write-rejected-rows.js';
import type { TriageContext } from '../../../../src/activities/retry/triage-context.js';
import { fingerprint } from '../../../../src/storage/fingerprint.js';

it.each([1, 2, 100_000])('show each row of an Id once, however many are in memory at a time: %i', async (most) => {
  const folder = await mkdtemp(join(tmpdir(), 'nightload-rejections-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'source.csv');
  await writeFile(path, 'Id,Name\n001A,first\n001A,second\n001B,third\n');
  const shown: string[] = [];
  const sorting = {
    files: {
      reject: (_id: string, error: string, cells: readonly string[]) => {
        shown.push([error, ...cells].join('|'));
        return Promise.resolve();
      },
    },
    plan: {
      original: {
        path,
        fingerprint: await fingerprint(path),
        dataStart: 8,
        delimiter: ',',
        columns: [
          { name: 'Id', index: 0 },
          { name: 'Name', index: 1 },
        ],
      },
    },
    signal: new AbortController().signal,
  } as unknown as TriageContext;
  const rejections = new Rejections(sorting, { column: 0, of: (cells) => cells[0] }, most);
  await rejections.add('', 'e1', ['001A']);
  await rejections.add('', 'e2', ['001B']);
  await rejections.add('', 'e3', ['001A']);
  await rejections.finish();
  expect(shown.sort()).toEqual(['e1|001A|first', 'e2|001B|third', 'e3|001A|second']);
});
