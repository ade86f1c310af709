/** Which rows are sent again, and the outcome of the others, when files are changed, incomplete or ambiguous. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loaded, notStarted, openBench, run } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const LOCKED = 'UNABLE_TO_LOCK_ROW:locked:--';
const SOURCE = 'External_Id__c,Name\nA,old A\nB,old B\nC,old C\n';

function failedFile(columns: string, ...rows: string[][]): string {
  return `"sf__Id","sf__Error",${columns}\n${rows.map((cells) => `"",${cells.map((cell) => `"${cell}"`).join(',')}\n`).join('')}`;
}
const failedB = failedFile('External_Id__c,Name', [LOCKED, 'B', 'old B']);
const FAILED = 'work/first/part-00001/failed.csv';
const SUCCEEDED = 'work/first/part-00001/succeeded.csv';
const UNPROCESSED = 'work/first/part-00001/unprocessed.csv';

describe('a source that changed after it was sent', () => {
  it('is not sent again', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.write(FAILED, failedB);
    await bench.write('source.csv', 'External_Id__c,Name\nB,of tomorrow\nA,x\n');
    await expect(bench.sort(stage, [loaded({ succeeded: 2, failed: 1 })])).rejects.toMatchObject({
      type: 'SOURCE_CHANGED',
      nonRetryable: true,
    });
  });

  it('yields no unprocessed rows from bytes that differ from the plan, and reports it', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.write('source.csv', 'External_Id__c,Name\na longer row than before,1\nB,2\n');
    const sorted = await bench.sort(stage, [notStarted], { final: true });
    expect(sorted).toMatchObject({ rejected: 0, files: {}, stop: { code: 'SOURCE_CHANGED' } });
  });

  it('counts rows of parts that were never sent as unprocessed, and says which they are', async () => {
    const rows = Array.from({ length: 9 }, (_, n) => `K${n},${'x'.repeat(20)}\n`);
    const stage = await bench.plan(`External_Id__c,Name\n${rows.join('')}`, { partMaxBytes: 70 });
    expect(stage.sizes.records).toEqual([2, 2, 2, 2, 1]);
    await bench.write('source.csv', 'External_Id__c,Name\nother,1\n');
    const outcomes = [loaded({ succeeded: 1 }, 1), { ...notStarted, part: 2 }, { ...notStarted, part: 4 }];
    const sorted = await bench.sort(stage, outcomes, { final: true, notStartedFrom: 5 });
    // The missing row of part 1 may have landed.
    expect(sorted).toMatchObject({ unprocessed: 5, files: {}, stop: { code: 'SOURCE_CHANGED' } });
    expect(sorted.warnings?.[0]).toMatch(
      /^5 of the unprocessed rows are in no file: part 2 \(rows 3 to 4\), parts 4 to 5 \(rows 7 to 9\), counted/,
    );
  });

  it('does not count rows of a part as never sent when a job that the load does not know has them', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.upload(stage, await bench.createJob());
    await bench.write('source.csv', 'x');
    const sorted = await bench.sort(stage, [notStarted], { final: true });
    expect(sorted).toMatchObject({ unprocessed: 0, files: {}, stop: { code: 'SOURCE_CHANGED' } });
    expect(sorted.warnings).toBeUndefined();
  });

  it.each([
    ['changed', () => bench.write('source.csv', 'x')],
    ['gone', () => bench.remove('source.csv')],
  ])('still gets its failed rows rejected from the result files when it is %s', async (_how, change) => {
    const stage = await bench.plan(SOURCE);
    await bench.write(FAILED, failedB);
    await change();
    const sorted = await bench.sort(stage, [loaded({ succeeded: 2, failed: 1 })], { final: true });
    expect(sorted).toMatchObject({ rejected: 1, stop: { code: 'SOURCE_CHANGED' } });
    expect(await bench.read(sorted.files.rejected as string)).toContain('B,old B');
  });

  it('leaves the other columns of a delete blank when the original is gone', async () => {
    const stage = await bench.plan('Id,Name\n001000000000001AAA,Acme\n001000000000002AAA,Globex\n', {
      operation: 'delete',
    });
    await bench.write(FAILED, failedFile('Id', ['DELETE_FAILED:no:--', '001000000000001AAA']));
    await bench.remove('source.csv');
    const sorted = await bench.sort(stage, [loaded({ succeeded: 1, failed: 1 })], { operation: 'delete', final: true });
    expect(await bench.read(sorted.files.rejected as string)).toBe(
      'sf__Id,sf__Error,Id,Name\n,DELETE_FAILED:no:--,001000000000001AAA,\n',
    );
  });
});

describe('rows of parts that were not started', () => {
  it('are neither unprocessed nor sent again when the part was sent with a job that the load does not know', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.upload(stage, await bench.createJob());
    for (const final of [true, false]) {
      const sorted = await bench.sort(stage, [notStarted], { final });
      expect(sorted).toMatchObject({ unprocessed: 0, files: {}, stop: { code: 'EARLIER_JOBS_UNKNOWN' } });
      expect(sorted.next).toBeUndefined();
    }
  });

  it('of adjacent parts are copied together, without rows of other parts', async () => {
    const rows = Array.from({ length: 12 }, (_, n) => `K${n},${'x'.repeat(20)}${n % 4 === 0 ? '\n' : ''}`);
    const stage = await bench.plan(`External_Id__c,Name\n${rows.join('\n')}\n`, { partMaxBytes: 60 });
    expect(stage.parts).toBe(12);
    const outcomes = [2, 3, 6].map((part) => ({ ...notStarted, part }));
    const sorted = await bench.sort(stage, outcomes, { final: true, notStartedFrom: 10 });
    expect(sorted.unprocessed).toBe(6);
    const left = await bench.read(sorted.files.unprocessed as string);
    expect(left.match(/K\d+/g)).toEqual(['K1', 'K2', 'K5', 'K9', 'K10', 'K11']);
  });

  it.each([
    ['comma and LF', 'External_Id__c,Name\n\nA,"two\nlines, ""x"""\n\nB,y'],
    ['comma and CRLF', 'External_Id__c,Name\r\n\r\nA,"two\nlines, ""x"""\r\n\r\nB,y\r\n'],
    ['semicolon', 'External_Id__c;Name\nA;"two\nlines, ""x"""\n\nB;y\n'],
  ])('are copied unchanged, as UTF-8 with comma and LF: %s', async (_name, csv) => {
    const stage = await bench.plan(csv);
    const sorted = await bench.sort(stage, [notStarted], { final: true });
    expect(sorted.unprocessed).toBe(2);
    expect(await bench.read(sorted.files.unprocessed as string)).toBe(
      'External_Id__c,Name\nA,"two\nlines, ""x"""\nB,y\n',
    );
  });
});

describe('parts of which nothing was applied', () => {
  const wide = (key: string, name: string): string => `${key},${name.padEnd(1_000, '.')}\n`;

  it('are sent again from the bytes of the source, whatever their result files contain', async () => {
    const stage = await bench.plan('External_Id__c,Name\nA,"a, ""x"""\nB,b\nA,newer\n,no key\nC,c');
    await bench.write(UNPROCESSED, 'External_Id__c,Name\n,\n,\n,\n,\n,\n');
    const sorted = await bench.sort(stage, [notStarted]);
    expect(await bench.sentAgain(sorted)).toBe('A,"a, ""x"""\nB,b\nA,newer\nC,c\n,no key\n');
    expect(sorted).toMatchObject({ rejected: 0, unprocessed: 0, rerendered: 0, next: { records: 5 } });
  });

  it('stay an insert if no key identifies the rows', async () => {
    const stage = await bench.plan('Name,Phone\na,1\na,1\nb,2\n', { operation: 'insert' });
    const sorted = await bench.sort(stage, [notStarted], { operation: 'insert' });
    expect(await bench.sentAgain(sorted)).toBe('a,1\na,1\nb,2\n');
    expect(sorted.next?.groups.map(({ operation }) => operation)).toEqual(['insert']);
  });

  it('of an insert continue as an upsert for the rows with a key', async () => {
    const stage = await bench.plan('External_Id__c,Name\nA,a\n,b\nC,c\n', { operation: 'insert' });
    const sorted = await bench.sort(stage, [notStarted], { operation: 'insert' });
    expect(await bench.sentAgain(sorted)).toBe('A,a\nC,c\n,b\n');
    expect(sorted.next?.groups.map(({ operation }) => operation)).toEqual(['upsert', 'insert']);
  });

  it('do not overwrite a newer row of the same key', async () => {
    const csv = `External_Id__c,Name\n${wide('A', 'older')}${wide('B', 'b')}${wide('A', 'newer')}`;
    const stage = await bench.plan(csv, { partMaxBytes: 2_100 });
    expect(stage.sizes.records).toEqual([2, 1]);
    const sorted = await bench.sort(stage, [notStarted]);
    expect(await bench.sentAgain(sorted)).toBe(wide('B', 'b'));
    expect(sorted.rejected).toBe(1);
    expect(await bench.read(sorted.files.rejected as string)).toContain('DUPLICATE_KEY_IN_FILE');
  });

  it('are sent together with locked rows of other parts', async () => {
    const csv = `External_Id__c,Name\n${wide('A', 'a')}${wide('B', 'b')}${wide('C', 'c')}`;
    const stage = await bench.plan(csv, { partMaxBytes: 2_100 });
    await bench.write(FAILED, failedFile('External_Id__c,Name', [LOCKED, 'B', 'b'.padEnd(1_000, '.')]));
    const sorted = await bench.sort(stage, [loaded({ succeeded: 1, failed: 1 }), { ...notStarted, part: 2 }]);
    expect(await bench.sentAgain(sorted)).toBe(wide('B', 'b') + wide('C', 'c'));
  });
});

describe('rows that no result file names', () => {
  it('are found by key', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.write(
      SUCCEEDED,
      '"sf__Id","sf__Created",External_Id__c,Name\n"1","true","a","x"\n"1","true","C","x"\n',
    );
    const sorted = await bench.sort(stage, [loaded({ succeeded: 2 }, 1)]);
    expect(await bench.sentAgain(sorted)).toBe('B,old B\n');
  });

  it('are not guessed when more keys than rows seem to be missing', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.write(
      SUCCEEDED,
      '"sf__Id","sf__Created",External_Id__c,Name\n"1","true","A?","x"\n"1","true","C","x"\n',
    );
    const sorted = await bench.sort(stage, [loaded({ succeeded: 2 }, 1)]);
    expect(sorted.next).toBeUndefined();
  });
});

describe('result files', () => {
  it('that lack a column provide no values to send', async () => {
    const stage = await bench.plan('Name,Phone,Description,External_Id__c\nn,p,d,\n');
    await bench.write(FAILED, failedFile('Name,Description,External_Id__c', [LOCKED, 'n', 'd', '']));
    const sorted = await bench.sort(stage, [loaded({ failed: 1 })]);
    expect(sorted).toMatchObject({ rejected: 1 });
    expect(sorted.next).toBeUndefined();
    const rejected = await bench.read(sorted.files.rejected as string);
    expect(rejected).toMatch(/INCOMPLETE_RESULT_ROW:.*Phone.*UNABLE_TO_LOCK_ROW:locked/);
    expect(rejected).toContain(',n,,d,\n');
  });

  it('may have a stray quote among the unprocessed rows', async () => {
    const stage = await bench.plan('External_Id__c,Name\nA,a\nB,"5"" pipe"\n');
    await bench.write(UNPROCESSED, 'External_Id__c,Name\nB,5" pipe\n');
    const outcome = loaded({ succeeded: 1, unprocessed: 1 });
    expect(await bench.sentAgain(await bench.sort(stage, [outcome]))).toBe('B,"5"" pipe"\n');
    const sorted = await bench.sort(stage, [outcome], { final: true });
    expect(await bench.read(sorted.files.unprocessed as string)).toBe('External_Id__c,Name\nB,"5"" pipe"\n');
  });

  it('keep their cells out of the error when they are unreadable', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.write(FAILED, `${failedFile('External_Id__c,Name')}"","X:y:--","B","John" Private\n`);
    const failure = bench.sort(stage, [loaded({ failed: 1 })]);
    await expect(failure).rejects.toMatchObject({ type: 'RESULT_UNREADABLE' });
    await expect(failure).rejects.not.toThrow(/John|Private/);
  });
});

describe('a column that a result file shows blank', () => {
  const insert = { operation: 'insert' } as const;
  const WITHOUT_KEY = 'Name,Phone,AnnualRevenue\na,1,912260031\nb,2,5\nc,,7\nd,4,7\n';
  const incomplete = /^,"?INCOMPLETE_RESULT_ROW:/m;

  it.each([
    [
      'failed',
      FAILED,
      'Name,Phone,AnnualRevenue',
      [
        [LOCKED, 'a', '', '9.12260031E8'],
        [LOCKED, 'b', '', '5'],
      ],
    ],
    [
      'unprocessed',
      UNPROCESSED,
      undefined,
      [
        ['a', '', '912260031'],
        ['b', '', '5'],
      ],
    ],
  ] as const)(
    'but not the source: %s rows of an insert are rejected with that reason, never sent',
    async (kind, path, columns, rows) => {
      const stage = await bench.plan(WITHOUT_KEY, insert);
      const csv =
        columns === undefined
          ? `Name,Phone,AnnualRevenue\n${rows.map((row) => `${row.join(',')}\n`).join('')}`
          : failedFile(columns, ...rows.map((row) => [...row]));
      await bench.write(path, csv);
      const sorted = await bench.sort(stage, [loaded({ succeeded: 2, [kind]: 2 })], insert);
      expect(sorted).toMatchObject({ rejected: 2, unprocessed: 0, rerendered: 0 });
      expect(sorted.next).toBeUndefined();
      const rejected = await bench.read(sorted.files.rejected as string);
      expect(rejected).toMatch(incomplete);
      expect(rejected).toContain(':Phone --');
      expect(rejected.includes('This one failed with: UNABLE_TO_LOCK_ROW')).toBe(kind === 'failed');
    },
  );

  it("is sent if the source's row is blank there too", async () => {
    const stage = await bench.plan(WITHOUT_KEY, insert);
    await bench.write(FAILED, failedFile('Name,Phone,AnnualRevenue', [LOCKED, 'c', '', '7.0']));
    const sorted = await bench.sort(stage, [loaded({ succeeded: 3, failed: 1 })], insert);
    expect(await bench.sentAgain(sorted)).toBe('c,,7.0\n');
    expect(sorted.rejected).toBe(0);
  });

  it('is sent if no source row has a value there', async () => {
    const stage = await bench.plan('Name,Phone\na,\nb,\n', insert);
    await bench.write(FAILED, failedFile('Name,Phone', [LOCKED, 'A in other words', '']));
    const sorted = await bench.sort(stage, [loaded({ succeeded: 1, failed: 1 })], insert);
    expect(await bench.sentAgain(sorted)).toBe('A in other words,\n');
  });

  it.each([
    ['the one that landed is shown blank too', [['a', '']], 1],
    ['the one that landed is shown with its value', [['a', '1']], 0],
    ['both failed, and both are shown blank', [], 2],
  ])('if two source rows differ in nothing else: %s', async (_how, landed, rejected) => {
    const stage = await bench.plan('Name,Phone\na,1\na,\n', insert);
    const succeeded = landed.map(([name, phone]) => `"001","true","${name}","${phone}"\n`);
    if (landed.length > 0) await bench.write(SUCCEEDED, `"sf__Id","sf__Created",Name,Phone\n${succeeded.join('')}`);
    const failed = Array.from({ length: 2 - landed.length }, () => [LOCKED, 'a', '']);
    await bench.write(FAILED, failedFile('Name,Phone', ...failed));
    const sorted = await bench.sort(stage, [loaded({ succeeded: landed.length, failed: failed.length })], insert);
    expect(sorted.rejected).toBe(rejected);
    expect(await bench.sentAgain(sorted)).toBe(rejected === 0 ? 'a,\n' : '');
  });

  it('in some rows only: these are rejected; other rows, and rows that are blank in the source too, are sent', async () => {
    const row = (n: number): string[] => [`n${n}`, n % 10 === 9 ? '' : `555-${n}`, n % 3 === 0 ? '' : 'Energy'];
    const rows = Array.from({ length: 120 }, (_, n) => row(n));
    const stage = await bench.plan(`Name,Phone,Industry\n${rows.map((cells) => `${cells.join()}\n`).join('')}`, insert);
    const shown = [1, 2, 3, 4, 5, 6, 9, 19, 29].map((n) => {
      const [name = '', phone = '', industry = ''] = row(n);
      return [LOCKED, name, n < 4 ? '' : phone, industry];
    });
    await bench.write(FAILED, failedFile('Name,Phone,Industry', ...shown));
    const sorted = await bench.sort(stage, [loaded({ succeeded: 111, failed: 9 })], insert);
    expect(sorted).toMatchObject({ rejected: 3, rerendered: 6 });
    expect(await bench.sentAgain(sorted)).toBe([4, 5, 6, 9, 19, 29].map((n) => `${row(n).join()}\n`).join(''));
    const rejected = await bench.read(sorted.files.rejected as string);
    expect(rejected).toMatch(incomplete);
    expect(rejected.match(/n\d+(?=,,)/g)).toEqual(['n1', 'n2', 'n3']);
  });

  it("in some rows, of several columns: a row is sent if the source has exactly this row, in Salesforce's notation", async () => {
    const stage = await bench.plan(
      'Name,Phone,AnnualRevenue,Last_Audit__c\na,,1000,\nb,2,,2026-01-01T00:00:00Z\nc,,,\nd,4,5,2026-01-01T00:00:00Z\n',
      insert,
    );
    await bench.write(
      FAILED,
      failedFile(
        'Name,Phone,AnnualRevenue,Last_Audit__c',
        [LOCKED, 'a', '', '1000.0', ''],
        [LOCKED, 'b', '', '', '2026-01-01T00:00:00.000Z'],
        [LOCKED, 'c', '', '', ''],
        [LOCKED, 'd', '4', '5.0', ''],
      ),
    );
    const sorted = await bench.sort(stage, [loaded({ failed: 4 })], insert);
    expect(await bench.sentAgain(sorted)).toBe('a,,1000.0,\nc,,,\n');
    expect(sorted.rejected).toBe(2);
  });

  it('does not matter if the key identifies the row: the bytes of the source are sent', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.write(FAILED, failedFile('External_Id__c,Name', [LOCKED, 'B', '']));
    expect(await bench.sentAgain(await bench.sort(stage, [loaded({ failed: 1 })]))).toBe('B,old B\n');
  });

  it.each(['upsert', 'insert'] as const)('is the key: no row of an %s is sent without it', async (operation) => {
    const stage = await bench.plan(SOURCE, { operation });
    await bench.write(FAILED, failedFile('External_Id__c,Name', [LOCKED, '', 'old B']));
    await bench.write(UNPROCESSED, 'External_Id__c,Name\n,old C\n');
    const sorted = await bench.sort(stage, [loaded({ succeeded: 1, failed: 1, unprocessed: 1 })], { operation });
    expect(sorted).toMatchObject({ rejected: 2 });
    expect(sorted.next).toBeUndefined();
    expect(await bench.read(sorted.files.rejected as string)).toContain(':External_Id__c --');
  });

  it('is a key that is blank in the source too: an upsert is not sent, an insert is', async () => {
    const csv = 'External_Id__c,Name\nA,a\n,b\n';
    const sent: string[] = [];
    for (const operation of ['upsert', 'insert'] as const) {
      const stage = await bench.plan(csv, { operation });
      await bench.write(FAILED, failedFile('External_Id__c,Name', [LOCKED, '', 'b']));
      sent.push(await bench.sentAgain(await bench.sort(stage, [loaded({ succeeded: 1, failed: 1 })], { operation })));
    }
    expect(sent).toEqual(['', ',b\n']);
  });

  it('is not given to people as an unprocessed row either', async () => {
    const stage = await bench.plan(SOURCE);
    await bench.write(UNPROCESSED, 'External_Id__c,Name\nB,\nC,\n');
    const sorted = await bench.sort(stage, [loaded({ succeeded: 1, unprocessed: 2 })], { final: true });
    expect(sorted).toMatchObject({ rejected: 2, unprocessed: 0 });
    expect(await bench.read(sorted.files.rejected as string)).toMatch(incomplete);
  });

  it('gives a fix rule no values that the source does not have', async () => {
    const stage = await bench.plan('External_Id__c,Name,Rating\nA,a,Hott\nB,b,Cold\n');
    const bad = 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Rating: bad value:Rating --';
    await bench.write(FAILED, failedFile('External_Id__c,Name,Rating', [bad, 'A', 'a', '']));
    const fixes = [{ code: 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST', do: 'replace', values: { '': 'Warm' } } as const];
    const sorted = await bench.sort(stage, [loaded({ succeeded: 1, failed: 1 })], { fixes: [...fixes] });
    expect(sorted).toMatchObject({ rejected: 1 });
    expect(sorted.next).toBeUndefined();
  });
});

describe('corrections of rows whose column a result file showed blank', () => {
  const CSV = 'External_Id__c,Name,Phone\nA,a,1\nB,b,2\nC,c,\nD,d,4\n';
  const REJECTED = failedFile(
    'External_Id__c,Name,Phone',
    ...['A', 'B', 'C'].map((key) => ['STRING_TOO_LONG:x:Name --', key, key.toLowerCase(), key === 'B' ? '2' : '']),
  );

  async function correct(rows: string, more: { blankAsNull?: boolean; fromFixer?: boolean } = {}): Promise<unknown> {
    const stage = await bench.plan(CSV);
    await bench.write(FAILED, REJECTED);
    const { files } = await bench.sort(stage, [loaded({ succeeded: 1, failed: 3, failedForGood: 3 })]);
    await bench.write('corrected.csv', `External_Id__c,Name,Phone\n${rows}`);
    const folder = stage.uri.replace(/work\/.*$/, '');
    return run(bench.activities.acceptCorrections, {
      stage,
      rejected: [files.rejected as string],
      ended: [],
      source: `${folder}corrected.csv`,
      operation: 'upsert',
      fromFixer: false,
      blankAsNull: false,
      nextStageUri: `${folder}work/corrected/`,
      partMaxBytes: 100_000_000,
      ...more,
    });
  }

  it.each([
    ['from a person', 'B,x,2\nA,x,\nC,x,\n', {}],
    ['from a fixer', 'B,x,2\nA,x,\n', { fromFixer: true }],
    ['with blanks that would clear the field', 'B,x,2\nA,x,\n', { blankAsNull: true }],
  ])("are refused if they would lose the source's value: %s", async (_who, rows, more) => {
    await expect(correct(rows, more)).rejects.toMatchObject({
      type: 'CORRECTIONS_REFUSED',
      message: expect.stringMatching(/^Data row 2 of the corrected file: blank .* source: Phone\./) as string,
    });
  });

  it.each([
    ['the value is given', 'A,x,1\n'],
    ['the field is cleared on purpose', 'A,x,#N/A\n'],
    ['the rejected row had the value, so a person removed it', 'B,x,\n'],
    ['the source is blank too', 'C,x,\n'],
  ])('are accepted if %s', async (_where, rows) => {
    expect(await correct(rows)).toMatchObject({ rows: 1, remaining: 2 });
  });
});

it('retries an insert by upsert for every row with a key, whatever file its values come from', async () => {
  const stage = await bench.plan('External_Id__c,Name\nA,a\nA,b\nB,c\n,d\n', { operation: 'insert' });
  await bench.write(
    FAILED,
    failedFile(
      'External_Id__c,Name',
      ['STRING_TOO_LONG:x:Name --', 'A', 'a'],
      [LOCKED, 'A', 'b'],
      [LOCKED, 'B', 'c'],
      [LOCKED, '', 'd'],
    ),
  );
  const sorted = await bench.sort(stage, [loaded({ failed: 4, failedForGood: 1 })], { operation: 'insert' });
  expect(sorted.next?.groups.map(({ operation, firstPart, lastPart }) => [operation, firstPart, lastPart])).toEqual([
    ['upsert', 1, 1],
    ['insert', 2, 2],
  ]);
  expect(await bench.sentAgain(sorted)).toBe('B,c\nA,b\n,d\n');
  expect(sorted.rerendered).toBe(2);
});

it('ends a last row with a lone CR like the other rows', async () => {
  const stage = await bench.plan('External_Id__c,Name\nA,a\nB,b\r');
  await bench.write(FAILED, failedFile('External_Id__c,Name', [LOCKED, 'B', 'b']));
  expect(await bench.sentAgain(await bench.sort(stage, [loaded({ succeeded: 1, failed: 1 })]))).toBe('B,b\n');
});

describe('several failed rows of one key', () => {
  const DOUBLE = 'External_Id__c,Name\nA,older\nB,one\nA,newer\n';

  it('are sent again in the order of the source', async () => {
    const stage = await bench.plan(DOUBLE);
    await bench.write(
      FAILED,
      failedFile('External_Id__c,Name', [LOCKED, 'A', 'newer'], [LOCKED, 'B', 'one'], [LOCKED, 'A', 'older']),
    );
    const sorted = await bench.sort(stage, [loaded({ failed: 3 })]);
    expect(await bench.sentAgain(sorted)).toBe('A,older\nB,one\nA,newer\n');
  });

  it('are all changed by a rule if all failed with the same error, in the order of the source', async () => {
    const tooLong = (key: string, name: string): string[] => [
      `STRING_TOO_LONG:Name: data value too large: ${name} (max length=3):Name --`,
      key,
      name,
    ];
    const stage = await bench.plan(DOUBLE);
    await bench.write(
      FAILED,
      failedFile('External_Id__c,Name', tooLong('A', 'newer'), tooLong('A', 'older'), [LOCKED, 'B', 'one']),
    );
    const fixes = [{ code: 'STRING_TOO_LONG', do: 'truncate' } as const];
    const sorted = await bench.sort(stage, [loaded({ failed: 3 })], { fixes });
    expect(await bench.sentAgain(sorted)).toBe('A,old\nB,one\nA,new\n');
    expect(sorted.rejected).toBe(0);
    expect((await bench.read(sorted.files.changes as string)).trim().split('\n')).toHaveLength(3);
  });

  it('are rejected if a rule needs the value that the error quotes, of which only the length is kept', async () => {
    const long = (name: string): string => name + 'x'.repeat(100);
    const tooLong = (name: string): string[] => [
      `STRING_TOO_LONG:data value too large: ${long(name)} (max length=80):--`,
      'A',
      long(name),
    ];
    const stage = await bench.plan(`External_Id__c,Name\nA,${long('old')}\nA,${long('new')}\n`);
    await bench.write(FAILED, failedFile('External_Id__c,Name', tooLong('new'), tooLong('old')));
    const fixes = [{ code: 'STRING_TOO_LONG', field: 'Name', do: 'truncate' } as const];
    const sorted = await bench.sort(stage, [loaded({ failed: 2 })], { fixes });
    expect(sorted).toMatchObject({ rejected: 2 });
    expect(sorted.next).toBeUndefined();
  });

  it('are deleted again although another one of them landed: none is newer', async () => {
    const [one, two] = ['001000000000001AAA', '001000000000002AAA'];
    const stage = await bench.plan(`Id\n${one}\n${two}\n${one}\n`, { operation: 'delete' });
    await bench.write(FAILED, failedFile('Id', [LOCKED, one]));
    await bench.write(SUCCEEDED, `"sf__Id","sf__Created",Id\n"${two}","false","${two}"\n"${one}","false","${one}"\n`);
    const sorted = await bench.sort(stage, [loaded({ succeeded: 2, failed: 1 })], { operation: 'delete' });
    expect(await bench.sentAgain(sorted)).toBe(`${one}\n`);
    expect(sorted.rejected).toBe(0);
  });

  it.each([
    ['one of them failed for good', [], ['MALFORMED_ID:no:--', 'a', 'newer']],
    [
      'a rule changes one of them',
      [{ code: 'STRING_TOO_LONG', do: 'truncate' } as const],
      ['STRING_TOO_LONG:Name: data value too large: newer (max length=3):Name --', 'A', 'newer'],
    ],
  ])('are rejected if only the order of the result file is known: %s', async (_name, fixes, other) => {
    const stage = await bench.plan('External_Id__c,Name\nA,older\nB,one\nA,newer\nA,newest\n');
    await bench.write(
      FAILED,
      failedFile('External_Id__c,Name', other, [LOCKED, 'A', 'newest'], [LOCKED, 'B', 'one'], [LOCKED, 'A', 'older']),
    );
    const sorted = await bench.sort(stage, [loaded({ failed: 4 })], { fixes: [...fixes] });
    expect(await bench.sentAgain(sorted)).toBe('B,one\n');
    expect(sorted.rejected).toBe(3);
    expect(await bench.read(sorted.files.rejected as string)).toContain('DUPLICATE_KEY_IN_FILE');
  });
});

describe('rows of a round', () => {
  const parents = ['P-2', 'P-1', 'P-3', 'P-1', 'P-2', 'P-3'];
  const row = (n: number): string => `K-${n},Account ${n},${parents[n % parents.length]}\n`;
  const source = (rows: number): string =>
    `External_Id__c,Name,Parent.External_Id__c\n${Array.from({ length: rows }, (_, n) => row(n)).join('')}`;
  const failed = (rows: number): string =>
    failedFile(
      'External_Id__c,Name,Parent.External_Id__c',
      ...Array.from({ length: rows }, (_, n) => [LOCKED, ...row(n).trim().split(',')]),
    );

  it('are grouped by parent, each parent in the order of the source', async () => {
    const stage = await bench.plan(source(12));
    await bench.write(FAILED, failed(12));
    const sorted = await bench.sort(stage, [loaded({ failed: 12 })]);
    const sent = await bench.sentAgain(sorted);
    const order = [...new Set(parents)].flatMap((parent) =>
      Array.from({ length: 12 }, (_, n) => n).filter((n) => parents[n % parents.length] === parent),
    );
    expect(sent).toBe(order.map(row).join(''));
  });

  it('stay in the order of the source if several share a key: the newer value must come last', async () => {
    const stage = await bench.plan(
      'External_Id__c,Name,Parent.External_Id__c\nK,old value,P-9\nL,x,P-5\nK,new value,P-1\n',
    );
    await bench.write(
      FAILED,
      failedFile(
        'External_Id__c,Name,Parent.External_Id__c',
        [LOCKED, 'K', 'new value', 'P-1'],
        [LOCKED, 'L', 'x', 'P-5'],
        [LOCKED, 'K', 'old value', 'P-9'],
      ),
    );
    const sorted = await bench.sort(stage, [loaded({ failed: 3 })]);
    expect(await bench.sentAgain(sorted)).toBe('K,old value,P-9\nL,x,P-5\nK,new value,P-1\n');
  });

  it('are sent one batch at a time in the last round', async () => {
    const rows = 25_000;
    const stage = await bench.plan(source(rows));
    await bench.write(FAILED, failed(rows));
    const all = await bench.sort(stage, [loaded({ failed: rows })]);
    expect(all.next?.sizes.records).toEqual([rows]);
    const serial = await bench.sort(stage, [loaded({ failed: rows })], { serial: true });
    expect(serial.next?.sizes.records).toEqual([10_000, 10_000, 5_000]);
  });
});
