/** Landed rows, joined with the source: each with the right id, never with a guessed one. */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { joinLanded, keepColumns } from '../../../../src/activities/results/join-source-columns.js';
import type { KeepColumnsInput, KeptColumns } from '../../../../src/activities/results/join-source-columns.js';
import { RESULT_NAMES } from '../../../../src/domain/result-layout.js';
import { LandedIndex } from '../../../../src/activities/results/landed-row-index.js';
import { savePlan } from '../../../../src/activities/stage/stage-plan.js';
import type { StagePlan } from '../../../../src/activities/stage/stage-plan-types.js';
import type { PartOutcome } from '../../../../src/protocol/activities/ended-parts.js';
import type { ActivityDependencies } from '../../../../src/activities/dependencies.js';
import { detectDialect } from '../../../../src/csv/dialect.js';
import { fingerprint } from '../../../../src/storage/fingerprint.js';
import { FileRoots } from '../../../../src/storage/files/file-roots.js';
import { folderUri } from '../../../../src/storage/locations.js';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-keep-')));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const { signal } = new AbortController();

const ID = {
  A: '001AAAAAAAAAAAAY55',
  B: '0015g00000Xy12zAAB',
  C: '001000000000001AAA',
};

async function planOf(
  source: string,
  names: string[],
  key: StagePlan['key'],
  columns?: StagePlan['kept'],
): Promise<StagePlan> {
  await writeFile(at('source.csv'), source);
  const dialect = await detectDialect(Buffer.from(source));
  const kept = columns ?? {
    path: at('source.csv'),
    fingerprint: await fingerprint(at('source.csv')),
    delimiter: dialect.delimiter,
    dataStart: dialect.dataStart,
    columns: dialect.header.map((name, index) => ({ index, name })),
  };
  return {
    rows: at('source.csv'),
    fingerprint: kept.fingerprint,
    delimiter: ',',
    lineEnding: 'LF',
    names,
    parts: [],
    groups: [],
    ...(key && { key }),
    kept,
  };
}

const KEY = { column: 'External_Id__c', type: 'string', caseSensitive: false };
const SOURCE = 'External_Id__c,Name,Owner Note\nA,Acme,"call, ""soon"""\nB,Globex,\nC,Initech,"two\nlines"\n';
const NAMES = ['External_Id__c', 'Name'];

/** As the platform writes it: all cells quoted. */
function landedFile(rows: [id: string, created: string, ...cells: string[]][], names = NAMES, delimiter = ','): string {
  return ['sf__Id', 'sf__Created', ...names]
    .map((name) => `"${name}"`)
    .join(delimiter)
    .concat('\n', ...rows.map((row) => `${row.map((cell) => `"${cell}"`).join(delimiter)}\n`));
}

async function joined(
  plan: StagePlan,
  landed: string[],
  more: { rowsPerPass?: number } = {},
): Promise<KeptColumns & { text: string }> {
  const paths = await Promise.all(
    landed.map(async (text, i) => {
      await writeFile(at(`landed-${i}.csv`), text);
      return at(`landed-${i}.csv`);
    }),
  );
  const kept = await joinLanded({ plan, landed: paths, path: at(RESULT_NAMES.kept), signal, ...more });
  return { ...kept, text: kept.file === undefined ? '' : await readFile(at(RESULT_NAMES.kept), 'utf8') };
}

describe('rows that landed', () => {
  it('get all columns of the source in its order, whatever order they come back in', async () => {
    const plan = await planOf(SOURCE, NAMES, KEY);
    const files = [
      landedFile([
        [ID.C, 'true', 'C', 'Initech'],
        [ID.A, 'false', 'a', 'Acme'],
      ]),
      landedFile([[ID.B, 'true', 'B', 'Globex']]),
    ];
    expect(await joined(plan, files)).toEqual({
      file: pathToFileURL(at(RESULT_NAMES.kept)).href,
      rows: 3,
      joined: 3,
      text:
        'sf__Id,sf__Created,External_Id__c,Name,Owner Note\n' +
        `${ID.A},false,A,Acme,"call, ""soon"""\n${ID.B},true,B,Globex,\n${ID.C},true,C,Initech,"two\nlines"\n`,
    });
  });

  it('are the only ones written: rejected rows are not', async () => {
    const { text, rows, why } = await joined(await planOf(SOURCE, NAMES, KEY), [
      landedFile([[ID.B, 'true', 'B', 'Globex']]),
    ]);
    expect(text.split('\n').slice(1)).toEqual([`${ID.B},true,B,Globex,`, '']);
    expect([rows, why]).toEqual([1, undefined]);
  });

  it('are read with the delimiter of their file, and the source with its own', async () => {
    const source = '\uFEFFExternal_Id__c;Name;Note\r\nA;Acme;x\r\nB;Globex;"y;z"\r\n';
    const plan = { ...(await planOf(source, NAMES, KEY)), delimiter: ';' as const };
    const files = [landedFile([[ID.B, 'true', 'B', 'Globex']], NAMES, ';'), landedFile([[ID.A, 'true', 'A', 'Acme']])];
    expect((await joined(plan, files)).text).toBe(
      `sf__Id,sf__Created,External_Id__c,Name,Note\n${ID.A},true,A,Acme,x\n${ID.B},true,B,Globex,y;z\n`,
    );
  });

  it('are matched by numeric value if the key is a number, and by the first 15 characters of an id', async () => {
    const number = await planOf('No,Note\n1000,x\n', ['No'], { column: 'No', type: 'double' });
    expect((await joined(number, [landedFile([[ID.A, 'true', '1.0E3']], ['No'])])).text).toContain(
      `${ID.A},true,1000,x\n`,
    );
    const id = await planOf(`Id,Note\n${ID.B.slice(0, 15)},x\n`, ['Id'], { column: 'Id' });
    expect((await joined(id, [landedFile([[ID.B, 'false', ID.B]], ['Id'])])).joined).toBe(1);
  });

  it('keep the titles of the source, without columns of an earlier result file', async () => {
    const plan = await planOf('sf__Id,sf__Error,Konto,Extra\n,LOCKED,A,x\n', ['External_Id__c'], KEY);
    const kept = { ...(plan.kept as NonNullable<StagePlan['kept']>), columns: [{ index: 2, name: 'External_Id__c' }] };
    const { text } = await joined({ ...plan, kept }, [landedFile([[ID.A, 'true', 'A']], ['External_Id__c'])]);
    expect(text).toBe(`sf__Id,sf__Created,Konto,Extra\n${ID.A},true,A,x\n`);
  });

  it('get no file if there are none, and the file of an earlier attempt is removed', async () => {
    await writeFile(at(RESULT_NAMES.kept), 'of an earlier attempt');
    expect(await joined(await planOf(SOURCE, NAMES, KEY), [])).toEqual({ rows: 0, joined: 0, text: '' });
    await expect(readFile(at(RESULT_NAMES.kept))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('rows of one key', () => {
  const twice = 'External_Id__c,Name,Note\nA,old,1\nB,Globex,2\na,new,3\n';

  it('all get its id if all landed; which one created the record is unknown', async () => {
    const files = [
      landedFile([
        [ID.A, 'true', 'A', 'new'],
        [ID.A, 'false', 'A', 'old'],
        [ID.B, 'true', 'B', 'Globex'],
      ]),
    ];
    const { text, joined: all } = await joined(await planOf(twice, NAMES, KEY), files);
    expect(text.split('\n').slice(1, 4)).toEqual([`${ID.A},,A,old,1`, `${ID.B},true,B,Globex,2`, `${ID.A},,a,new,3`]);
    expect(all).toBe(3);
  });

  it('have the sent columns if only some landed, because it is unknown which ones', async () => {
    const files = [
      landedFile([
        [ID.A, 'true', 'A', 'new'],
        [ID.B, 'true', 'B', 'Globex'],
      ]),
    ];
    const kept = await joined(await planOf(twice, NAMES, KEY), files);
    expect(kept.text.split('\n').slice(1, 3)).toEqual([`${ID.B},true,B,Globex,2`, `${ID.A},true,A,new,`]);
    expect(kept).toMatchObject({ rows: 2, joined: 1, why: expect.stringContaining('more than once') as string });
  });

  it('that landed in several records keep the id from their result', async () => {
    const files = [
      landedFile([
        [ID.A, 'true', 'A', 'old'],
        [ID.C, 'true', 'A', 'new'],
      ]),
    ];
    const kept = await joined(await planOf(twice, NAMES, KEY), files);
    expect(kept.text.split('\n').slice(1, 3)).toEqual([`${ID.A},true,A,old,`, `${ID.C},true,A,new,`]);
    expect(kept.joined).toBe(0);
  });

  it('are written as sent if their key is blank, is not in the source, or has no valid id', async () => {
    const source = 'External_Id__c,Name,Note\n,Nobody,1\nB,Globex,2\n';
    const files = [
      landedFile([
        [ID.A, 'true', '', 'Nobody'],
        ['strange', 'true', 'B', 'Globex'],
        [ID.C, 'true', 'Z', 'Zeta'],
      ]),
    ];
    const kept = await joined(await planOf(source, NAMES, KEY), files);
    expect(kept.text.split('\n').slice(1, 4)).toEqual([
      `${ID.A},true,,Nobody,`,
      'strange,true,B,Globex,',
      `${ID.C},true,Z,Zeta,`,
    ]);
    expect(kept).toMatchObject({ rows: 3, joined: 0 });
  });
});

describe('without a certain source', () => {
  const files = [landedFile([[ID.B, 'true', 'B', 'Globex']]), landedFile([[ID.A, 'true', 'A', 'Acme']])];
  const sent = `sf__Id,sf__Created,External_Id__c,Name\n${ID.B},true,B,Globex\n${ID.A},true,A,Acme\n`;

  it('an insert without a key has the sent columns', async () => {
    const kept = await joined(await planOf(SOURCE, NAMES, undefined), files);
    expect(kept).toMatchObject({
      text: sent,
      rows: 2,
      joined: 0,
      why: expect.stringContaining('--external-id') as string,
    });
  });

  it.each([
    ['changed', () => writeFile(at('source.csv'), 'External_Id__c,Name\nB,of tomorrow\n')],
    ['gone', () => rm(at('source.csv'))],
  ])('a source that is %s is not joined', async (_how, change) => {
    const plan = await planOf(SOURCE, NAMES, KEY);
    await change();
    expect(await joined(plan, files)).toMatchObject({
      text: sent,
      joined: 0,
      why: expect.stringContaining('changed') as string,
    });
  });

  it('a key that is a constant is not searched for', async () => {
    const plan = await planOf('Name,Note\nAcme,1\n', NAMES, KEY);
    expect(await joined(plan, files)).toMatchObject({
      text: sent,
      joined: 0,
      why: expect.stringContaining('not in the source') as string,
    });
  });
});

describe('any load', () => {
  /** The expected result, computed differently: by grouping rows with plain maps. */
  function expected(source: string[][], landed: string[][]): { want: string[]; certain: number } {
    const same = (rows: string[][], key: string, place: number): string[][] =>
      rows.filter((row) => row[place]?.toLowerCase() === key.toLowerCase());
    const sure = (key: string): boolean =>
      key !== '' &&
      same(source, key, 0).length === same(landed, key, 2).length &&
      new Set(same(landed, key, 2).map(([id]) => id)).size === 1;
    const created = (key: string): string => {
      const said = [...new Set(same(landed, key, 2).map((row) => row[1]))];
      return said.length === 1 ? (said[0] as string) : '';
    };
    const certain = source.flatMap(([key = '', note = '']) =>
      sure(key) ? [`${same(landed, key, 2)[0]?.[0]},${created(key)},${key},${note}`] : [],
    );
    const uncertain = landed.flatMap(([id, made, key = '']) => (sure(key) ? [] : [`${id},${made},${key},`]));
    return { want: [...certain, ...uncertain], certain: certain.length };
  }

  const key = fc.constantFrom('', 'a', 'A', 'b', 'c', 'd', 'e', 'f');
  const load = fc.record({
    source: fc.array(fc.tuple(key, fc.stringMatching(/^[a-z"\n]{0,3}$/)), { minLength: 1, maxLength: 12 }),
    landed: fc.array(fc.tuple(fc.constantFrom(ID.A, ID.B), fc.constantFrom('true', 'false'), key), { maxLength: 12 }),
    rowsPerPass: fc.integer({ min: 1, max: 12 }),
  });

  it('writes every landed row once, correctly joined, in one pass or in several', async () => {
    await fc.assert(
      fc.asyncProperty(load, async ({ source, landed, rowsPerPass }) => {
        const notes = source.map(([one, note]) => [one, note.replaceAll(/["\n]/g, '')]);
        const plan = await planOf(
          `External_Id__c,Note\n${notes.map((row) => `${row.join(',')}\n`).join('')}`,
          ['External_Id__c'],
          KEY,
        );
        const {
          text,
          rows,
          joined: count,
        } = await joined(plan, [landedFile(landed, ['External_Id__c'])], { rowsPerPass });
        const { want, certain } = expected(notes, landed);
        expect(text.split('\n').slice(1, -1).toSorted()).toEqual(want.toSorted());
        expect(rows).toBe(landed.length);
        expect(count).toBe(certain);
      }),
      { numRuns: 80 },
    );
  });
});

describe('ids', () => {
  it.each([...Object.values(ID), '001000000000000', 'zzzzzzzzzzzzzzzzzz', '00Dxx0000000001xyz'])(
    'are returned unchanged: %s',
    (id) => {
      const index = new LandedIndex();
      index.land('key', id, 'true');
      index.find('key');
      expect(index.verdict('key')).toEqual({ id, created: 'true' });
    },
  );

  it('are not assigned to keys that only share a hash', () => {
    const index = new LandedIndex((_key, lanes) => lanes.fill(7));
    index.land('a', ID.A, 'true');
    index.land('b', ID.B, 'true');
    index.find('a');
    index.find('b');
    expect([index.verdict('a'), index.verdict('b')]).toEqual([undefined, undefined]);
  });
});

describe('the output of a join', () => {
  const many = (n: number): string => Array.from({ length: n }, (_, i) => `K${i},${'x'.repeat(500)}\n`).join('');
  const ids = (n: number): [string, string, string][] =>
    Array.from({ length: n }, (_, i) => [`001${String(i).padStart(12, '0')}`, 'true', `K${i}`]);

  async function bigJoin(path: string, stop: AbortSignal): Promise<KeptColumns> {
    const plan = await planOf(`External_Id__c,Note\n${many(4000)}`, ['External_Id__c'], KEY);
    await writeFile(at('landed.csv'), landedFile(ids(4000), ['External_Id__c']));
    return joinLanded({ plan, landed: [at('landed.csv')], path, signal: stop });
  }

  it('is complete even if it exceeds the buffer', async () => {
    expect(await bigJoin(at(RESULT_NAMES.kept), signal)).toMatchObject({ rows: 4000, joined: 4000 });
    const text = await readFile(at(RESULT_NAMES.kept), 'utf8');
    expect(text.length).toBeGreaterThan(2_000_000);
    expect(text.split('\n')).toHaveLength(4002);
  });

  it("fails with the disk's error, and leaves nothing behind", async () => {
    await expect(bigJoin(at('no-such-folder/x.csv'), signal)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await readdir(folder)).toSorted()).toEqual(['landed.csv', 'source.csv']);
  });

  it('stops when it is canceled, and leaves nothing behind', async () => {
    const stop = new AbortController();
    const join = bigJoin(at(RESULT_NAMES.kept), stop.signal);
    setTimeout(() => stop.abort(new Error('cancelled')), 5);
    await expect(join).rejects.toThrow();
    expect((await readdir(folder)).filter((name) => name.startsWith(RESULT_NAMES.kept))).toEqual([]);
  });
});

describe('the activity', () => {
  it('reads the files of the stages, and skips missing ones', async () => {
    const plan = await planOf(SOURCE, NAMES, KEY);
    await savePlan(at('work/first'), plan);
    await mkdir(at('work/first/part-00001'));
    await writeFile(at('work/first/part-00001/succeeded.csv'), landedFile([[ID.A, 'true', 'A', 'Acme']]));
    const landed = (part: number): PartOutcome => ({
      ...{ part, kind: 'loaded', missing: 0 },
      counts: { succeeded: 1, failed: 0, failedForGood: 0, unprocessed: 0 },
    });
    const dependencies = { roots: await FileRoots.open([folder]) } as unknown as ActivityDependencies;
    const uri = (name: string): string => pathToFileURL(at(name)).href;
    const input: KeepColumnsInput = {
      stageUri: folderUri(at('work/first')),
      ended: [{ uri: folderUri(at('work/first')), noted: 0, outcomes: [landed(1), landed(2)], jobs: [] }],
      outputUri: folderUri(at('results')),
      runId: 'run-1',
    };
    const kept = await new MockActivityEnvironment().run(keepColumns(dependencies), input);
    expect(kept).toEqual({ file: uri(`results/${RESULT_NAMES.kept}`), rows: 1, joined: 1 });
    expect(await readFile(at(`results/${RESULT_NAMES.kept}`), 'utf8')).toContain('"call, ""soon"""');
  });
});
