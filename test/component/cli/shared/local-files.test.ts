/** Files that a memo names: anyone who starts a workflow may have written it. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownResultFile, readSettingsFile } from '../../../../src/cli/shared/local-files.js';
import { resultLines } from '../../../../src/cli/shared/result/print-result.js';
import { readMapping } from '../../../../src/cli/shared/input/mapping-file.js';
import type { BulkLoadResult } from '../../../../src/contract/load-result.js';
import { copyName } from '../../../../src/domain/result-layout.js';

const WORKFLOW = 'bulk-load/x';
let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-local-')));
  await claim(WORKFLOW);
  await writeFile(join(folder, 'rejected.csv'), '"sf__Id","sf__Error","Name"\n"","REQUIRED_FIELD_MISSING:x:--","A"\n');
});
afterEach(() => rm(folder, { recursive: true }));

const claim = (workflowId: string): Promise<void> =>
  writeFile(join(folder, '.nightload-owner'), JSON.stringify({ workflowId, firstRunId: 'r' }));

const result = (name = 'rejected.csv'): BulkLoadResult => ({
  ...{ loadId: 'x', workflowId: WORKFLOW, runId: 'r', state: 'CompletedWithRejects', object: 'Account' },
  ...{ operation: 'insert', balanced: true, retry: { rounds: 0, recovered: 0, rerendered: 0 }, jobsTotal: 1 },
  records: { total: 1, succeeded: 0, rejected: 1, unprocessed: 0, unaccounted: 0 },
  apiRequests: 1,
  files: { succeeded: [], rejected: pathToFileURL(join(folder, name)).href },
});
const found = (name?: string): Promise<string | undefined> => ownResultFile(result(name), 'rejected');
const replaceBy = async (make: (path: string) => Promise<void> | void): Promise<void> => {
  await rm(join(folder, 'rejected.csv'));
  await make(join(folder, 'rejected.csv'));
};
const mkfifo = (path: string): void => void execFileSync('mkfifo', [path]);

describe('a result file', () => {
  it('is read where its load wrote it', async () => {
    expect(await found()).toBe(join(folder, 'rejected.csv'));
    expect((await resultLines(result())).join('\n')).toMatch(/REQUIRED_FIELD_MISSING +1/);
  });

  it.each([
    ['has another name', () => rename(join(folder, 'rejected.csv'), join(folder, '.bashrc')), '.bashrc'],
    ['is not there', () => rm(join(folder, 'rejected.csv')), undefined],
    ['lies in a folder that nobody claimed', () => rm(join(folder, '.nightload-owner')), undefined],
    ['lies in the folder of another load', () => claim('bulk-load/other'), undefined],
    [
      'lies in a folder with a note that cannot be read',
      () => writeFile(join(folder, '.nightload-owner'), '{'),
      undefined,
    ],
    ['is a link', () => replaceBy((path) => symlink('/etc/passwd', path)), undefined],
    ['is a device', () => replaceBy((path) => symlink('/dev/zero', path)), undefined],
    ['is a pipe', () => replaceBy(mkfifo), undefined],
  ])('that %s is not opened, and nobody waits for it', { timeout: 10_000 }, async (_what, change, name) => {
    await change();
    expect(await found(name)).toBeUndefined();
    expect((await resultLines(result(name))).join('\n')).not.toMatch(/REQUIRED|root:/);
  });

  it('has a copy of another name, whatever its own is', () => {
    for (const name of ['rejected.csv', '.bashrc', 'x.CSV', '']) expect(copyName(name)).not.toBe(name);
    expect(copyName('rejected.csv')).toBe('rejected-for-people.csv');
  });
});

describe('a file of settings', () => {
  it('that is a pipe, a folder or too large is refused at once', async () => {
    mkfifo(join(folder, 'map.json'));
    await writeFile(join(folder, 'large.json'), Buffer.alloc(10_000_001, ' '));
    for (const path of [join(folder, 'map.json'), folder]) {
      expect(() => readSettingsFile(path)).toThrow('not a regular file');
      expect(() => readMapping(path)).toThrow(expect.objectContaining({ code: 'MAPPING_UNREADABLE' }) as Error);
    }
    expect(() => readSettingsFile(join(folder, 'large.json'))).toThrow('larger than 10 MB');
    await writeFile(join(folder, 'ok.json'), '{"a": "b"}');
    expect(readSettingsFile(join(folder, 'ok.json'))).toEqual(await readFile(join(folder, 'ok.json')));
  });
});
