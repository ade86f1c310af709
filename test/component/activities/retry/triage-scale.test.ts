/**
 * Tens of thousands of failed rows in result files that write values differently than the source: the next round sends
 * the source's own bytes, and every row ends in exactly one place.
 */
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TriageRowsInput } from '../../../../src/protocol/activities/retry-types.js';
import type { PlanLoadInput } from '../../../../src/protocol/activities/plan-types.js';
import { loaded, openBench } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

const KEYS = 30_000;
const LOCKED = 'UNABLE_TO_LOCK_ROW:locked:--';
const BAD = 'STRING_TOO_LONG:too long:Name --';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

it(
  'restores the columns of rejected rows of a delete, a hundred thousand rows at a time',
  { timeout: 120_000 },
  async () => {
    const rows = 150_000;
    const id = (n: number): string => `001${String(n).padStart(12, '0')}AAA`;
    const numbers = Array.from({ length: rows }, (_, n) => n);
    const stage = await bench.plan(`Name,Id\n${numbers.map((n) => `Account ${n},${id(n)}\n`).join('')}`, {
      operation: 'delete',
    });
    const shuffled = numbers.map((n) => (n * 77_773) % rows);
    await bench.write(
      'work/first/part-00001/failed.csv',
      `"sf__Id","sf__Error",Id\n${shuffled.map((n) => `"","DELETE_FAILED:no ${n}:--","${id(n)}"\n`).join('')}`,
    );
    const sorted = await bench.sort(stage, [loaded({ failed: rows })], { operation: 'delete', final: true });
    expect(sorted.rejected).toBe(rows);
    const [header, ...rejected] = (await bench.read(sorted.files.rejected as string)).trimEnd().split('\n');
    expect(header).toBe('sf__Id,sf__Error,Name,Id');
    expect(new Set(rejected)).toEqual(new Set(numbers.map((n) => `,DELETE_FAILED:no ${n}:--,Account ${n},${id(n)}`)));
  },
);

/** The same numbers in each run. */
class Dice {
  #state = 20_260_101;

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  one<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  shuffle<T>(values: readonly T[]): T[] {
    const shuffled = [...values];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }
}

type Fate = 'landed' | 'locked' | 'bad' | 'unprocessed' | 'missing';

interface Row {
  tag: string;
  /** Rows with the same identity are the same record to the platform; undefined for none. */
  identity: string | undefined;
  /** As in the source, without its line ending. */
  bytes: string;
  /** As result files show it. */
  shown: string[];
  fate: Fate;
}

interface Case {
  /** Key, number, date, text. */
  columns: [string, string, string, string];
  lineEnd: '\n' | '\r\n';
  more: Partial<PlanLoadInput & TriageRowsInput>;
  fates: readonly Fate[];
  /** Share of keys that several rows have, in percent. */
  repeated: number;
  /** A key as the source writes it and as the platform shows it; each call may return another form of the same key. */
  key: (n: number, dice: Dice) => { source: string; shown: string; identity?: string };
}

/** Each as in the source, and as the platform shows it. */
const NUMBERS = [
  ['1.0', '1'],
  ['912260031', '9.12260031E8'],
  ['0.50', '0.5'],
  ['7', '7.0'],
] as const;
const DATES = [
  ['2026-01-02T03:04:05+02:00', '2026-01-02T01:04:05.000Z'],
  ['2026-03-04', '2026-03-04Z'],
  ['', ''],
] as const;

const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
const shownLine = (cells: readonly string[]): string => `${cells.map(quoted).join(',')}\n`;

function makeRows({ key, fates, repeated, lineEnd }: Case, dice: Dice): Row[] {
  const rows: Row[] = [];
  for (let n = 0; n < KEYS; n++) {
    const times = dice.below(100) < repeated ? 2 + dice.below(2) : 1;
    for (let time = 0; time < times; time++) {
      const { source, shown, identity } = key(n, dice);
      const [number, shownNumber] = dice.one(NUMBERS);
      const [date, shownDate] = dice.one(DATES);
      const tag = `row ${rows.length + 1}`;
      const text = dice.one([tag, `${tag}  `, `${tag}, "so called"`, `${tag}${lineEnd}${lineEnd}ü`, `${tag}""`]);
      const plain = dice.below(2) === 0 && !/[",\r\n]/.test(source + text);
      const cells = [source, number, date, text];
      const bytes = (plain ? cells : cells.map(quoted)).join(',');
      rows.push({
        tag,
        identity,
        bytes,
        shown: [shown, shownNumber, shownDate, text.trimEnd()],
        fate: dice.one(fates),
      });
    }
  }
  return dice.shuffle(rows);
}

/** Which source rows must be sent from where, by the rule of the design. */
function expected(rows: readonly Row[]): { source: Row[]; result: Row[]; rejected: Row[] } {
  const fatesOf = new Map<string, Set<Fate>>();
  const wanted = new Map<string, number>();
  for (const { identity = '', fate } of rows) {
    fatesOf.set(identity, (fatesOf.get(identity) ?? new Set()).add(fate));
    if (fate !== 'landed' && fate !== 'bad') wanted.set(identity, (wanted.get(identity) ?? 0) + 1);
  }
  const sorted: ReturnType<typeof expected> = { source: [], result: [], rejected: [] };
  for (const row of rows) {
    if (row.fate === 'landed') continue;
    if (row.fate === 'bad') {
      sorted.rejected.push(row);
      continue;
    }
    if (row.identity === undefined) sorted.result.push(row);
    else if (fatesOf.get(row.identity)?.has('landed')) sorted.rejected.push(row);
    // Several of them would be sent in the shuffled order of the result files.
    else if (fatesOf.get(row.identity)?.has('bad'))
      (wanted.get(row.identity) === 1 ? sorted.result : sorted.rejected).push(row);
    else sorted.source.push(row);
  }
  return sorted;
}

async function writeResults({ columns, lineEnd }: Case, part: number, rows: readonly Row[], dice: Dice) {
  const of = (fate: Fate): Row[] => dice.shuffle(rows.filter((row) => row.fate === fate));
  const folder = `work/first/part-${String(part).padStart(5, '0')}`;
  const landed = of('landed').map(({ shown }, n) => shownLine([`001${n}`, 'true', ...shown]));
  const locked = of('locked').map(({ shown }) => shownLine(['', LOCKED, ...shown]));
  const bad = of('bad').map(({ shown }) => shownLine(['', BAD, ...shown]));
  const left = rows.filter(({ fate }) => fate === 'unprocessed').map(({ bytes }) => bytes + lineEnd);
  const header = columns.map(quoted).join(',');
  await bench.write(`${folder}/succeeded.csv`, `"sf__Id","sf__Created",${header}\n${landed.join('')}`);
  const failed = dice.shuffle([...locked, ...bad]);
  await bench.write(`${folder}/failed.csv`, `"sf__Id","sf__Error",${header}\n${failed.join('')}`);
  if (left.length > 0) await bench.write(`${folder}/unprocessed.csv`, `${columns.join(',')}${lineEnd}${left.join('')}`);
  const counts = {
    succeeded: landed.length,
    failed: failed.length,
    failedForGood: bad.length,
    unprocessed: left.length,
  };
  return { ...loaded(counts, of('missing').length), part };
}

const MIXED: readonly Fate[] = [
  ...Array<Fate>(12).fill('locked'),
  ...Array<Fate>(4).fill('unprocessed'),
  ...Array<Fate>(6).fill('landed'),
  ...Array<Fate>(2).fill('bad'),
];
const ACCOUNT: Case['columns'] = ['External_Id__c', 'AnnualRevenue', 'Last_Audit__c', 'Name'];

/** Text in any letter case; numbers in it are text, so that 7, 007 and 7.0 are three keys. */
const textKey: Case['key'] = (n, dice) => {
  const name = ['', '00', 'Straße-', 'Key '][n % 4] + String(Math.floor(n / 4)) + (n % 3 === 0 ? '.0' : '');
  const inCase = (): string => dice.one([name, name.toLowerCase(), name.replaceAll(/[a-z]/g, (c) => c.toUpperCase())]);
  return { source: inCase(), shown: inCase(), identity: name.toLowerCase() };
};

/** Sixteen ways to write four letters, each a different key. */
const capitals = (n: number): string => [...'abcd'].map((c, bit) => ((n >> bit) & 1 ? c.toUpperCase() : c)).join('');

const caseSensitiveKey: Case['key'] = (n) => {
  const name = `${capitals(n)}${n >> 4}`;
  return { source: name, shown: name, identity: name };
};

const numberKey: Case['key'] = (n, dice) => ({
  source: dice.one([`${n}`, `${n}.0`, `+${n}`, `000${n}`, `${n}0e-1`, ` ${n} `, `${n}.`]),
  shown: dice.one([`${n}`, `${n}.0`, n === 0 ? '0.0' : n.toExponential().replace('e+', 'E')]),
  identity: String(n),
});

/** The last three characters of a long Id encode which letters of each five are capitals. */
function longId(id: string): string {
  const groups = [id.slice(0, 5), id.slice(5, 10), id.slice(10, 15)];
  const suffix = groups.map((group) => {
    const bits = [...group].reduce((sum, c, bit) => sum + (/[A-Z]/.test(c) ? 2 ** bit : 0), 0);
    return 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'[bits] as string;
  });
  return id + suffix.join('');
}

const idKey: Case['key'] = (n, dice) => {
  const id = `0010000${String(n >> 4).padStart(4, '0')}${capitals(n)}`;
  return { source: dice.one([id, longId(id)]), shown: longId(id), identity: id };
};

const keyOrBlank: Case['key'] = (n, dice) => {
  if (n % 5 !== 0) return textKey(n, dice);
  return { source: dice.one(['', ' ', '#N/A']), shown: '' };
};

const CASES: [string, Case][] = [
  ['text keys in any case', { columns: ACCOUNT, lineEnd: '\n', more: {}, fates: MIXED, repeated: 8, key: textKey }],
  [
    'text keys whose case counts',
    {
      columns: ['Number__c', 'Amount__c', 'Due_Date__c', 'Note__c'],
      lineEnd: '\r\n',
      more: { object: 'Invoice__c', externalIdFieldName: 'Number__c' },
      fates: MIXED,
      repeated: 8,
      key: caseSensitiveKey,
    },
  ],
  [
    'numbers in any notation',
    {
      columns: ['Legacy_Number__c', 'AnnualRevenue', 'Last_Audit__c', 'Name'],
      lineEnd: '\n',
      more: { externalIdFieldName: 'Legacy_Number__c' },
      fates: MIXED,
      repeated: 8,
      key: numberKey,
    },
  ],
  [
    'Ids of 15 and of 18 characters',
    {
      columns: ['Id', 'AnnualRevenue', 'Last_Audit__c', 'Name'],
      lineEnd: '\r\n',
      more: { operation: 'update' },
      fates: MIXED,
      repeated: 3,
      key: idKey,
    },
  ],
  [
    'blank keys of an insert',
    { columns: ACCOUNT, lineEnd: '\n', more: { operation: 'insert' }, fates: MIXED, repeated: 3, key: keyOrBlank },
  ],
  [
    'rows that no result file names',
    {
      columns: ACCOUNT,
      lineEnd: '\n',
      more: {},
      fates: [...MIXED, 'missing', 'missing'],
      repeated: 0,
      key: textKey,
    },
  ],
];

it.each(CASES)(
  '%s: the bytes of the source are sent again, and no row is lost or duplicated',
  async (_what, one) => {
    const dice = new Dice();
    const rows = makeRows(one, dice);
    const { columns, lineEnd } = one;
    const csv = [columns.join(','), ...rows.map(({ bytes }) => bytes)].join(lineEnd);
    const stage = await bench.plan(csv, { partMaxBytes: 400_000, ...one.more });
    expect(stage.records).toBe(rows.length);
    expect(stage.parts).toBeGreaterThan(3);
    const outcomes = [];
    let first = 0;
    for (const [index, records] of stage.sizes.records.entries()) {
      outcomes.push(await writeResults(one, index + 1, rows.slice(first, first + records), dice));
      first += records;
    }

    const sorted = await bench.sort(stage, outcomes, one.more);

    const places = expected(rows);
    expect(places.source.length).toBeGreaterThan(15_000);
    if (one.repeated > 0) {
      expect(places.result.length).toBeGreaterThan(30);
      expect(places.rejected.filter(({ fate }) => fate !== 'bad').length).toBeGreaterThan(100);
    }
    const sent = await bench.sentAgain(sorted);
    const sourceBytes = places.source.map(({ bytes }) => bytes + lineEnd).join('');
    expect(sent.startsWith(sourceBytes)).toBe(true);

    const rest = parse(sent.slice(sourceBytes.length), { relax_column_count: true });
    const tagOf = (cell: string | undefined): string => /^row \d+/.exec(cell ?? '')?.[0] ?? `no row: ${cell}`;
    const inOrder = (tags: string[]): string[] => tags.sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)));
    const tagsOf = (some: readonly Row[]): string[] => inOrder(some.map(({ tag }) => tag));
    expect(inOrder(rest.map((cells) => tagOf(cells[3])))).toEqual(tagsOf(places.result));
    expect(sorted.next?.records).toBe(places.source.length + places.result.length);
    expect(sorted.rerendered).toBe(places.result.filter(({ fate }) => fate === 'locked').length);

    const rejected = parse(await bench.read(sorted.files.rejected as string), { from_line: 2 });
    expect(inOrder(rejected.map((cells) => tagOf(cells[5])))).toEqual(tagsOf(places.rejected));
    expect(rejected.filter(([, error]) => error?.startsWith('DUPLICATE_KEY_IN_FILE')).length).toBe(
      places.rejected.filter(({ fate }) => fate !== 'bad').length,
    );
    expect(sorted).toMatchObject({ rejected: rejected.length, unprocessed: 0, alreadyDone: 0 });
    expect(rows.filter(({ fate }) => fate === 'landed').length + rejected.length + (sorted.next?.records ?? 0)).toBe(
      rows.length,
    );
  },
  180_000,
);
