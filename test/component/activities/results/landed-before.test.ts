/** Files of an earlier run in a load's folder prevent sending the same rows twice. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refuseIfLanded } from '../../../../src/activities/results/landed-before.js';
import { moveEarlierAside, summaryName } from '../../../../src/activities/results/results-folder.js';
import { runFolder, shortRunId } from '../../../../src/domain/result-layout.js';

let folder: string;
let output: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-landed-')));
  output = join(folder, 'load');
  await mkdir(output);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const EARLIER = randomUUID();
const NOW = randomUUID();

async function write(name: string, content: unknown): Promise<void> {
  const path = join(output, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
}

const report = (records: object, runId: string = EARLIER): object => ({
  runId,
  state: 'Failed',
  records: { total: 10, succeeded: 0, rejected: 0, unprocessed: 10, unaccounted: 0, ...records },
});
const claim = (executionId: string): Promise<void> =>
  write(`${runFolder(executionId)}/first/part-00003/job.json`, { jobId: '750' });
const check = (): Promise<unknown> => refuseIfLanded(output, NOW).catch((error: unknown) => error);

const REFUSED = { code: 'ALREADY_LOADED' };

describe('a load is refused', () => {
  it.each<[string, () => Promise<void>]>([
    ['the report says that a row landed', () => write('report.json', report({ succeeded: 1, unprocessed: 9 }))],
    ['some rows are unaccounted', () => write('report.json', report({ unaccounted: 3, unprocessed: 7 }))],
    ['a report that was moved aside says so', () => write('earlier/abcdefgh/report.json', report({ succeeded: 10 }))],
    [
      'a report of many MB says so',
      () => {
        const jobs = Array.from({ length: 50_000 }, (_, n) => ({ id: `750${n}`, state: 'JobComplete' }));
        return write('report.json', JSON.stringify({ ...report({ succeeded: 1, unprocessed: 9 }), jobs }, null, 2));
      },
    ],
    [
      'only the summary is left',
      () => write(`${runFolder(EARLIER)}/${summaryName(EARLIER)}`, report({ succeeded: 2 })),
    ],
    ['a run sent a part and left no report', () => claim(EARLIER)],
    ['the report is cut off', () => write('report.json', '{ "runId": "x", "records": { "total"')],
    ['the report is no report', () => write('report.json', '[]')],
    ['the report names no run', () => write('report.json', report({}, '../../../outside'))],
    ['the report is a folder', () => write('report.json/x', '')],
    ['the report is a link', () => symlink('/dev/zero', join(output, 'report.json'))],
    [
      'the report is a pipe without a writer',
      () => Promise.resolve(void execFileSync('mkfifo', [join(output, 'report.json')])),
    ],
  ])('when %s', async (_why, prepare) => {
    await prepare();
    expect(await check()).toMatchObject(REFUSED);
  });
});

describe('a refusal advises', () => {
  const landed = report({ succeeded: 7, rejected: 2, unprocessed: 1 });

  it.each<[string, () => Promise<void>, string]>([
    [
      'to load the files of other rows that are there',
      async () => {
        await write('report.json', landed);
        await write('rejected.csv', 'Id\n');
      },
      'Load its rejected file instead, or use',
    ],
    [
      'nothing that prune removed',
      () => write('report.json', landed),
      'The files with its other rows were removed (`nightload prune`). To load everything again, use',
    ],
    [
      'also when only the counts are left',
      () => write(`${runFolder(EARLIER)}/${summaryName(EARLIER)}`, landed),
      'The files with its other rows were removed',
    ],
    [
      'to load files that were moved aside with their report',
      async () => {
        await write('earlier/abcdefgh/report.json', landed);
        await write('earlier/abcdefgh/unprocessed.csv', 'Id\n');
      },
      'Load its unprocessed file instead',
    ],
    [
      'only --again when every row landed',
      () => write('report.json', report({ succeeded: 10, unprocessed: 0 })),
      'report.json. To load everything again, use `again: true` (--again).',
    ],
  ])('%s', async (_what, prepare, advice) => {
    await prepare();
    expect(await check()).toMatchObject({ ...REFUSED, message: expect.stringContaining(advice) as string });
  });
});

describe('a load may begin', () => {
  it.each<[string, () => Promise<void>]>([
    ['nothing ran before', () => Promise.resolve()],
    ['there is no folder yet', () => rm(output, { recursive: true })],
    ['the earlier run landed none', () => write('report.json', report({ rejected: 10, unprocessed: 0 }))],
    [
      'the earlier run had thousands of parts and landed none',
      () => {
        const jobs = Array.from({ length: 50_000 }, (_, n) => ({ id: `750${n}`, state: 'Aborted' }));
        return write('report.json', JSON.stringify({ ...report({}), jobs }, null, 2));
      },
    ],
    ['the earlier run could not read its source', () => write('report.json', report({ total: 0, unprocessed: 0 }))],
    [
      'the earlier run sent parts and landed none',
      async () => {
        await claim(EARLIER);
        await write(`${runFolder(EARLIER)}/${summaryName(EARLIER)}`, report({}));
        await write('report.json', report({}));
      },
    ],
    ['the earlier run sent nothing', () => write(`${runFolder(EARLIER)}/first/plan.json`, {})],
    ['the parts are its own, of before a reset', () => claim(NOW)],
    [
      'the reports are its own, of before a reset',
      async () => {
        for (const runId of [randomUUID(), randomUUID()]) {
          await write(`${runFolder(NOW)}/${summaryName(runId)}`, report({ succeeded: 10 }, runId));
          await write(`earlier/${shortRunId(runId)}/report.json`, report({ succeeded: 10 }, runId));
          await write('report.json', report({ succeeded: 10 }, runId));
        }
        await claim(NOW);
      },
    ],
  ])('when %s', async (_why, prepare) => {
    await prepare();
    expect(await check()).toBeUndefined();
  });
});

describe('results of an earlier run', () => {
  it('are moved aside whatever their report contains, and never out of the folder', async () => {
    await write('report.json', report({ succeeded: 1 }, 'x/../../../..'));
    await write('rejected.csv', 'of before');
    await moveEarlierAside(output, NOW);
    expect(await readFile(join(output, 'earlier', `before-${shortRunId(NOW)}`, 'rejected.csv'), 'utf8')).toBe(
      'of before',
    );
    expect(await readdir(output)).toEqual(['earlier']);
    expect(await readdir(folder)).toEqual(['load']);
  });

  it('are moved aside with their copies for people', async () => {
    const copies = ['changes-for-people.csv', 'rejected-for-people.csv', 'unprocessed-for-people.csv'];
    await write('report.json', report({ succeeded: 1 }, randomUUID()));
    for (const name of copies) await write(name, 'of before');
    await moveEarlierAside(output, NOW);
    expect(await readdir(output)).toEqual(['earlier']);
    const [aside = ''] = await readdir(join(output, 'earlier'));
    expect((await readdir(join(output, 'earlier', aside))).sort()).toEqual([...copies, 'report.json'].sort());
  });

  it.each<[string, (place: string) => Promise<unknown>]>([
    ['a link', (place) => symlink(join(folder, 'elsewhere'), place)],
    ['a link that leads nowhere', (place) => symlink(join(folder, 'nowhere'), place)],
    ['a file', (place) => writeFile(place, '')],
  ])('are moved next to %s, not through it, without waiting for a person', async (_what, put) => {
    await mkdir(join(folder, 'elsewhere'));
    await put(join(output, 'earlier'));
    await write('report.json', report({ succeeded: 1 }));
    await moveEarlierAside(output, NOW);
    const [aside = ''] = (await readdir(output)).filter((name) => name.startsWith('earlier-'));
    expect(await readdir(join(output, aside, shortRunId(EARLIER)))).toEqual(['report.json']);
    expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
    expect(await check()).toMatchObject(REFUSED);
  });

  it('are moved aside even if they are folders; files that this run wrote stay', async () => {
    await write('rejected.csv/x', 'no file');
    await write('report.json', report({ succeeded: 1 }));
    await write('succeeded-with-source.csv', 'of now');
    await moveEarlierAside(output, NOW, ['succeeded-with-source.csv']);
    expect((await readdir(output)).sort()).toEqual(['earlier', 'succeeded-with-source.csv']);
    expect((await readdir(join(output, 'earlier', shortRunId(EARLIER)))).sort()).toEqual([
      'rejected.csv',
      'report.json',
    ]);
  });
});
