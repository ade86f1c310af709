/** From the setup of an org to its rehearsal: `org capture` and `rehearse`, as the built command. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { startDescribedOrg } from '../helpers/described-org.js';
import type { Setup } from '../helpers/described-org.js';
import { describeOf, field, key, lookup, picklist } from '../helpers/org-folder.js';
import { nightload } from '../helpers/run-cli.js';
import { startS3Server } from '../helpers/s3-server.js';
import { TOKEN } from '../helpers/salesforce.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nightload-rehearse-'))));
afterEach(() => rmSync(folder, { recursive: true }));

type Row = Record<string, string>;

interface Cause {
  code: string;
  fields: string[];
  rows: number;
  message: string;
  samples: string[];
}

interface Tried {
  setting: string;
  durationMs: number;
  jobs: number;
  batches: number;
}

interface Output {
  state: string;
  records: Record<string, number>;
  files: { rejected?: string };
  rehearsal: {
    durationMs: number;
    forecast?: { ms: number; from: number; to: number; basis: string };
    batches: number;
    causes: Cause[];
    skippedRules: unknown[];
    tried: Tried[];
  };
}

/** Into the captured file. */
function addRule(name: string, formula: string): void {
  const path = join(folder, 'acme/objects/Order__c.json');
  const file = JSON.parse(readFileSync(path, 'utf8')) as { validationRules: unknown[] };
  file.validationRules.push({ name, active: true, errorMessage: name, formula });
  writeFileSync(path, JSON.stringify(file));
}

async function run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: unknown; out: string; err: string }> {
  const command = nightload(args, env, folder);
  const code = await command.ended;
  return { code, out: command.stdout(), err: command.stderr() };
}

async function captured(setup: Setup, object: string): Promise<void> {
  const { url } = await startDescribedOrg(setup);
  const args = ['org', 'capture', '--object', object, '--out', 'acme'];
  const { code, err } = await run(args, { SF_INSTANCE_URL: url, SF_ACCESS_TOKEN: TOKEN });
  expect({ code, err }).toMatchObject({ code: 0 });
}

async function rehearsed(rows: readonly Row[], args: string[]): Promise<Output & { err: string }> {
  writeFileSync(join(folder, 'tonight.csv'), stringify([...rows], { header: true }));
  const { code, out, err } = await run(['rehearse', 'tonight.csv', '--org', 'acme', '--json', ...args]);
  expect({ code, err }).toMatchObject({ code: expect.toBeOneOf([0, 2]) as number });
  return { ...(JSON.parse(out) as Output), err };
}

/** Repeatable random numbers. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const TYPES = ['Retail', 'Wholesale', 'Export', 'Public', 'Internal'];
const typeId = (n: number): string => `01200000000000${n + 1}AAA`;
const STATES = ['Draft', 'Sent', 'Paid', 'Void'];
/** Values that each record type has. */
const statesOf = (n: number): string[] => STATES.filter((_, i) => i !== n);

/** Rules as an administrator wrote them, and what they do, in our own words. */
const RULES: [name: string, formula: string, breaks: (row: Row, type: string) => boolean][] = [
  ['R01', 'Amount_1__c < 0', (row) => Number(row['Amount_1__c']) < 0],
  [
    'R02',
    'AND(ISPICKVAL(State__c, "Paid"), ISBLANK(Paid_On__c))',
    (row) => row['State__c'] === 'Paid' && row['Paid_On__c'] === '',
  ],
  ['R03', 'LEN(Text_1__c) > 20', (row) => (row['Text_1__c'] ?? '').length > 20],
  [
    'R04',
    '!ISBLANK(Code__c) && NOT(REGEX(Code__c, "[A-Z]{2}-\\\\d{4}"))',
    (row) => row['Code__c'] !== '' && !/^[A-Z]{2}-\d{4}$/.test(row['Code__c'] ?? ''),
  ],
  ['R05', 'Start__c > End__c', (row) => (row['Start__c'] ?? '') > (row['End__c'] ?? '')],
  [
    'R06',
    'RecordType.DeveloperName = "Retail" && Amount_2__c > 900 /* euros */',
    (row, type) => type === 'Retail' && Number(row['Amount_2__c']) > 900,
  ],
  ['R07', 'CONTAINS(Text_2__c, "forbidden")', (row) => (row['Text_2__c'] ?? '').includes('forbidden')],
  [
    'R08',
    'CASE(State__c, "Draft", 1, "Sent", 2, 0) = 1 && Amount_3__c > 950',
    (row) => row['State__c'] === 'Draft' && Number(row['Amount_3__c']) > 950,
  ],
  ['R09', 'Discount__c > 0.9', (row) => Number(row['Discount__c']) > 90],
  [
    'R10',
    'AND(Flag_1__c, Flag_2__c, ISBLANK(Text_3__c))',
    (row) => row['Flag_1__c'] === 'true' && row['Flag_2__c'] === 'true' && row['Text_3__c'] === '',
  ],
  ['R11', 'OR(LEFT(Text_4__c, 1) = "X", BEGINS(Text_4__c, "Y"))', (row) => /^[XY]/.test(row['Text_4__c'] ?? '')],
  [
    'R12',
    'ISNEW() && VALUE(Text_5__c) + Amount_4__c = 13',
    (row) => Number(row['Text_5__c']) + Number(row['Amount_4__c']) === 13,
  ],
];

function orders(): Setup {
  const numbered = (name: string, n: number, type: string, more = {}): Record<string, unknown>[] =>
    Array.from({ length: n }, (_, i) => field(`${name}_${i + 1}__c`, type, more));
  const fields = [
    key('Number__c'),
    picklist('State__c', STATES),
    lookup('RecordTypeId', 'RecordType', 'RecordType'),
    lookup('Account__c', 'Account', 'Account__r', { relationshipOrder: 0 }),
    field('Mail__c', 'email', { length: 80 }),
    ...['Paid_On__c', 'Start__c', 'End__c'].map((name) => field(name, 'date')),
    field('Discount__c', 'percent', { precision: 5, scale: 2 }),
    field('Code__c', 'string', { length: 10 }),
    ...numbered('Amount', 10, 'currency', { precision: 18, scale: 2 }),
    ...numbered('Text', 30, 'string', { length: 40 }),
    ...numbered('Flag', 10, 'boolean', { defaultedOnCreate: true, nillable: false }),
  ];
  expect(fields).toHaveLength(60);
  const recordTypeInfos = TYPES.map((developerName, n) => ({
    ...{ developerName, name: developerName, recordTypeId: typeId(n), active: true, available: true, master: false },
    defaultRecordTypeMapping: n === 0,
  }));
  const jobs = [150, 160, 170, 180, 190, 200].map((rate, n) => ({
    id: `75000000000000${n}AAA`,
    ...{ object: 'Order__c', operation: 'upsert', state: 'JobComplete', jobType: 'V2Ingest' },
    createdDate: `2026-11-0${n + 1}T02:00:00.000+0000`,
    systemModstamp: `2026-11-0${n + 1}T02:10:00.000+0000`,
    ...{ numberRecordsProcessed: rate * 500, numberRecordsFailed: 0, retries: 0 },
    ...{ totalProcessingTime: 500_000, apiActiveProcessingTime: 500_000, apexProcessingTime: 100_000 },
  }));
  return {
    objects: [
      {
        describe: describeOf('Order__c', 'a0R', fields, { recordTypeInfos }),
        picklists: Object.fromEntries(TYPES.map((_, n) => [typeId(n), { State__c: statesOf(n) }])),
        rules: RULES.map(([name, errorConditionFormula], n) => ({
          id: `03d00000000000${String.fromCharCode(65 + n)}AAA`,
          name,
          metadata: {
            active: true,
            errorConditionFormula,
            errorMessage: `${name} is broken.`,
            errorDisplayField: null,
          },
        })),
      },
      { describe: describeOf('Account', '001', [field('Name', 'string', { nillable: false }), key('Key__c')]) },
    ],
    jobs,
  };
}

function orderRows(count: number): Row[] {
  const roll = dice(22);
  const word = (n: number): string => 'lorem ipsum dolor sit amet consectetur'.slice(0, n);
  const day = (): string => `2026-1${roll(3)}-${String(10 + roll(19))}`;
  const one = <T>(chance: number, rare: T, usual: T): T => (roll(1000) < chance ? rare : usual);
  return Array.from({ length: count }, (_, n) => {
    const start = day();
    return {
      Number__c: `O-${n}`,
      RecordTypeId: typeId(roll(TYPES.length)),
      State__c: STATES[roll(4)] as string,
      'Account__r.Key__c': `A-${Math.floor(n / 50)}`,
      Mail__c: one(15, 'anna at example.org', 'anna@example.org'),
      Paid_On__c: one(200, '', day()),
      Start__c: start,
      End__c: one(30, day(), '2026-12-31'),
      Discount__c: String(roll(94)),
      Code__c: one(40, 'ab-12', one(500, '', 'AB-1234')),
      Amount_1__c: String(roll(1000) - 20),
      Amount_2__c: String(roll(1000)),
      Amount_3__c: String(roll(1000)),
      Amount_4__c: String(roll(30)),
      Text_1__c: word(1 + roll(22)),
      Text_2__c: one(25, 'a forbidden word', 'a word'),
      Text_3__c: one(300, '', 'x'),
      Text_4__c: one(20, 'Xylophone', 'Zebra'),
      Text_5__c: String(roll(10)),
      Text_6__c: one(10, 'x'.repeat(41), 'x'),
      Flag_1__c: String(roll(4) === 0),
      Flag_2__c: String(roll(4) === 0),
    };
  });
}

/** What the org would answer, by the same rules in our own code. */
function expected(row: Row): string | undefined {
  const n = TYPES.findIndex((_, i) => typeId(i) === row['RecordTypeId']);
  if (!/^[^@\s]+@\S+\.\S+$/.test(row['Mail__c'] ?? '')) return 'INVALID_EMAIL_ADDRESS';
  if ((row['Text_6__c'] ?? '').length > 40) return 'STRING_TOO_LONG';
  if (!statesOf(n).includes(row['State__c'] ?? '')) return 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST';
  return RULES.find(([, , breaks]) => breaks(row, TYPES[n] as string))?.[0];
}

it('predicts the rejected rows by cause within 5 %: 60 fields, 5 record types, 12 rules, 20,000 rows', async () => {
  await captured(orders(), 'Order__c');
  const rows = orderRows(20_000);
  const counts = new Map<string, number>();
  for (const row of rows) {
    const cause = expected(row);
    if (cause !== undefined) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  expect(counts.size).toBe(15);
  const upsert = ['--object', 'Order__c', '--operation', 'upsert', '--external-id', 'Number__c'];
  const { records, rehearsal, files, err } = await rehearsed(rows, upsert);
  expect(err).not.toContain('Not rehearsed');
  const found = new Map<string, number>();
  for (const { code, message, rows: n } of rehearsal.causes) {
    const cause = code === 'FIELD_CUSTOM_VALIDATION_EXCEPTION' ? message.slice(0, 3) : code;
    found.set(cause, (found.get(cause) ?? 0) + n);
  }
  expect([...found.keys()].sort()).toEqual([...counts.keys()].sort());
  for (const [cause, n] of counts) {
    const difference = Math.abs((found.get(cause) ?? 0) - n) / n;
    expect({ cause, n, found: found.get(cause), isClose: difference <= 0.05 }).toMatchObject({ isClose: true });
  }
  expect(records['total']).toBe(20_000);
  // The same files as of a real load.
  expect(readFileSync(fileURLToPath(files.rejected as string), 'utf8')).toContain('R01 is broken.');
  // 20,000 rows at 175 rows per second: two minutes, and what the load waits for.
  expect(rehearsal.forecast?.basis).toBe('past jobs');
  expect(rehearsal.durationMs).toBeGreaterThan(110_000);
  expect(rehearsal.durationMs).toBeLessThan(600_000);
  expect(rehearsal.forecast?.from).toBeLessThan(rehearsal.durationMs);
  expect(rehearsal.forecast?.to).toBeGreaterThan(rehearsal.durationMs);
});

it('shows what other settings change, and rehearses updates of records that it does not know', async () => {
  await captured(orders(), 'Order__c');
  const rows = Array.from({ length: 2_000 }, (_, n) => ({
    Id: `a0R${String(n).padStart(12, '0')}`,
    Amount_1__c: n % 100 === 0 ? '-1' : '1',
  }));
  // Of the records nothing else is known: a rule that reads more is not guessed.
  addRule('Needs_text', 'ISBLANK(Text_1__c)');
  const { records, rehearsal, err } = await rehearsed(rows, [
    ...['--object', 'Order__c', '--operation', 'update'],
    ...['--try', 'part-size=20kB', '--try', 'parallel=1'],
    ...['--heartbeat-url', 'nightly'],
  ]);
  expect(records).toMatchObject({ total: 2_000, rejected: 20 });
  expect(rehearsal.tried.map(({ setting }) => setting)).toEqual(['as given', 'part-size=20kB', 'parallel=1']);
  expect(rehearsal.tried.map(({ jobs }) => jobs)).toEqual([1, expect.toSatisfy((n: number) => n > 1), 1]);
  // The folder has past upserts, and no past updates.
  expect(rehearsal.forecast).toBeUndefined();
  expect(err).toContain('the folder does not say how fast the org is');
  expect(err).toContain('--heartbeat-url is left out');
  expect(rehearsal.skippedRules).toContainEqual({
    object: 'Order__c',
    name: 'Needs_text',
    rows: 1_980,
    fields: ['Text_1__c'],
  });
  expect(err).toContain('1,980 rows  Order__c, validation rule Needs_text: reads Text_1__c');
});

it('an object with given records has only those', async () => {
  await captured(orders(), 'Order__c');
  writeFileSync(join(folder, 'accounts.csv'), 'Name,Key__c\nAcme,A-1\n');
  const rows = ['A-1', 'A-1', 'A-2'].map((parent, n) => ({ Number__c: `O-${n}`, 'Account__r.Key__c': parent }));
  const upsert = ['--object', 'Order__c', '--operation', 'upsert', '--external-id', 'Number__c'];
  const { rehearsal } = await rehearsed(rows, [...upsert, '--seed-records', 'Account=accounts.csv']);
  expect(rehearsal.causes).toMatchObject([{ code: 'INVALID_FIELD', rows: 1, samples: ['O-2'] }]);
});

it('takes a source from S3, and an org that was described by hand', async () => {
  const s3 = await startS3Server();
  onTestFinished(() => s3.close());
  s3.put('night/tonight.csv', 'Number__c,Amount__c\nO-1,1\nO-2,x\n');
  mkdirSync(join(folder, 'acme/objects'), { recursive: true });
  writeFileSync(join(folder, 'acme/org.json'), '{"formatVersion":1}');
  const fields = [key('Number__c'), field('Amount__c', 'currency', { precision: 18, scale: 2 })];
  writeFileSync(join(folder, 'acme/objects/Order__c.json'), JSON.stringify(describeOf('Order__c', 'a01', fields)));
  const { code, out } = await run(
    [
      'rehearse',
      's3://bucket/night/tonight.csv',
      '--org',
      'acme',
      '--object',
      'Order__c',
      '--operation',
      'insert',
      '--json',
    ],
    s3.settings,
  );
  expect(code).toBe(2);
  expect(JSON.parse(out)).toMatchObject({ records: { total: 2, succeeded: 1, rejected: 1 } });
});

it('refuses a folder that is none, and settings that it does not know', async () => {
  const load = ['--object', 'Order__c', '--operation', 'insert'];
  writeFileSync(join(folder, 'tonight.csv'), 'Name\nA\n');
  const none = await run(['rehearse', 'tonight.csv', '--org', 'nowhere', ...load]);
  expect(none).toMatchObject({ code: 1, err: expect.stringContaining('no folder "objects"') as string });
  for (const bad of ['speed=1', 'parallel=', 'parallel=x', 'part-size', 'parallel=0']) {
    const refused = await run(['rehearse', 'tonight.csv', '--org', 'nowhere', '--try', bad, ...load]);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('USAGE: --try') as string });
  }
});
