/** `--fixes FILE`: what is accepted, what is refused and with which text; the shipped schema agrees. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFixes } from '../../../../../src/cli/shared/input/fixes-file.js';
import { withoutNulls } from '../../../../../src/domain/input/fields.js';
import { fixFindingText, validateFixes } from '../../../../../src/domain/input/fix-rules.js';
import { classesOf, CLASSED_CODES } from '../../../../../src/domain/platform/row-errors.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-fixes-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileWith(text: string | Buffer): Promise<string> {
  const path = join(folder, 'fixes.json');
  await writeFile(path, text);
  return path;
}

const TRUNCATE = { code: 'STRING_TOO_LONG', do: 'truncate' };
const REPLACE = {
  code: 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST',
  field: 'Rating',
  do: 'replace',
  values: { Hott: 'Hot' },
};

const GOOD: [string, unknown][] = [
  ['one rule', [TRUNCATE]],
  ['several', [TRUNCATE, REPLACE, { code: 'INVALID_EMAIL_ADDRESS', field: 'Email', do: 'blank' }]],
  ['a lookup', [{ ...TRUNCATE, field: 'Account.External_Id__c' }]],
  ['a lookup to one of several objects', [{ ...TRUNCATE, field: 'Lead:Who.Email' }]],
  ['an empty old and an empty new value', [{ ...REPLACE, values: { '': 'Hot', Cold: '' } }]],
  ['a code that is not in our table', [{ ...TRUNCATE, code: 'SOME_NEW_CODE' }]],
  ['a code whose message decides', [{ ...TRUNCATE, code: 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY' }]],
  ['another parent', [{ ...REPLACE, code: 'INVALID_CROSS_REFERENCE_KEY', field: 'OwnerId' }]],
  ['a hundred rules', Array.from({ length: 100 }, () => TRUNCATE)],
];

const BAD: [string, unknown, string][] = [
  ['no list', 'truncate', 'Fix rules must be a list'],
  ['nothing', undefined, 'Fix rules must be a list'],
  ['an empty list', [], 'The list of fix rules is empty'],
  ['too many', Array.from({ length: 101 }, () => TRUNCATE), 'There are 101 fix rules; the maximum is 100'],
  ['a text', [TRUNCATE, 'x'], 'Rule 2: is "x"; it must be an object'],
  ['null', [null], 'Rule 1: is null; it must be an object'],
  ['no code', [{ do: 'blank' }], 'Rule 1: "code" is missing'],
  [
    'a code in small letters',
    [{ ...TRUNCATE, code: 'string_too_long' }],
    'Rule 1: "code" is "string_too_long"; it must',
  ],
  [
    'a code with its message',
    [{ ...TRUNCATE, code: 'STRING_TOO_LONG: Name' }],
    'Rule 1: "code" is "STRING_TOO_LONG: Name"',
  ],
  ['a code that is a number', [{ ...TRUNCATE, code: 7 }], 'Rule 1: "code" is 7;'],
  [
    'a lock',
    [{ ...TRUNCATE, code: 'UNABLE_TO_LOCK_ROW' }],
    'Rule 1: "code" is UNABLE_TO_LOCK_ROW, which is not caused by',
  ],
  [
    'a blank for a parent that may come',
    [{ code: 'INVALID_CROSS_REFERENCE_KEY', do: 'blank' }],
    'Rule 1: "do" is "blank"; for INVALID_CROSS',
  ],
  ['nothing to do', [{ code: 'STRING_TOO_LONG' }], 'Rule 1: "do" is missing; it must be truncate, blank or replace.'],
  [
    'an unknown deed',
    [TRUNCATE, { ...TRUNCATE, do: 'cut' }],
    'Rule 2: "do" is "cut"; it must be truncate, blank or replace.',
  ],
  ['an inherited deed', [{ ...TRUNCATE, do: 'toString' }], 'Rule 1: "do" is "toString"'],
  ['an empty field', [{ ...TRUNCATE, field: '' }], 'Rule 1: "field" is ""; it must be a field API name'],
  ['a label', [{ ...TRUNCATE, field: 'Account Name' }], 'Rule 1: "field" is "Account Name"'],
  ['fields', [{ ...TRUNCATE, field: ['Name'] }], 'Rule 1: "field" is ["Name"]'],
  ['a null field', [{ ...TRUNCATE, field: null }], 'Rule 1: "field" is null'],
  ['replace without values', [{ ...REPLACE, values: undefined }], 'Rule 1: "values" is missing; "replace" needs'],
  ['an empty table', [{ ...REPLACE, values: {} }], 'Rule 1: "values" is empty'],
  ['a list as table', [{ ...REPLACE, values: ['Hot'] }], 'Rule 1: "values" is ["Hot"]; it must be a table'],
  ['a number as value', [{ ...REPLACE, values: { a: 'b', Hott: 1 } }], 'Rule 1: "values" gives "Hott" the new value 1'],
  ['unused values', [{ ...TRUNCATE, values: { a: 'b' } }], 'Rule 1: "values" is valid only with "do": "replace".'],
  [
    'an unknown key',
    [{ ...TRUNCATE, fields: ['Name'] }],
    'Rule 1: "fields" is unknown; known keys: code, field, do, values.',
  ],
];

describe('rules', () => {
  it.each(GOOD)('are valid: %s', (_what, rules) => {
    expect(validateFixes(rules)).toEqual([]);
  });

  it.each(BAD)('are refused: %s', (_what, rules, text) => {
    const told = validateFixes(rules).map(fixFindingText);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(text);
    expect(told[0]).toMatch(/\.$/);
  });

  it('are all reported if invalid', () => {
    const rules = [{ ...TRUNCATE, code: 1, do: 2 }, TRUNCATE, { ...REPLACE, values: {} }];
    expect(validateFixes(rules).map(({ rule, key }) => [rule, key])).toEqual([
      [1, 'code'],
      [1, 'do'],
      [3, 'values'],
    ]);
  });

  it('must fit into the input of a workflow', () => {
    const values = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`old ${i}`, `new ${i}`]));
    expect(validateFixes([{ ...REPLACE, values }]).map(fixFindingText)).toEqual([
      expect.stringMatching(/^The fix rules have \d+ characters; the maximum is 200000/),
    ]);
  });

  it('may have null for unset fields in the input of a load', () => {
    const sent = { fixes: [{ ...TRUNCATE, field: null, values: null }, null, 'x'] };
    expect(withoutNulls({ retry: sent })).toStrictEqual({ retry: { fixes: [TRUNCATE, null, 'x'] } });
    expect(withoutNulls({ fixes: 'x' })).toEqual({ fixes: 'x' });
  });
});

describe('schemas/fixes.schema.json', async () => {
  const schema = JSON.parse(
    await readFile(fileURLToPath(new URL('../../../../../schemas/fixes.schema.json', import.meta.url)), 'utf8'),
  ) as { definitions: { RowFix: { properties: { code: { not: { enum: string[] } } } } } };
  const validate = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(schema);
  /** As in a file. */
  const written = (rules: unknown): unknown => JSON.parse(JSON.stringify(rules) ?? 'null');

  it.each(GOOD)('accepts valid rules: %s', (_what, rules) => {
    expect(validate(written(rules)), JSON.stringify(validate.errors)).toBe(true);
    expect(validate(written({ $schema: './fixes.schema.json', fixes: rules }))).toBe(true);
  });

  it.each(BAD)('refuses what is refused: %s', (_what, rules) => {
    expect(validate(written(rules))).toBe(false);
    expect(validate(written({ fixes: rules }))).toBe(false);
  });

  it('refuses unknown keys next to the list', () => {
    expect(validate({ fixes: [TRUNCATE], more: 1 })).toBe(false);
  });

  it('refuses exactly the codes that no rule can fix', () => {
    const hopeless = CLASSED_CODES.filter((code) =>
      classesOf(code).every((one) => ['transient', 'stop', 'already-done'].includes(one)),
    );
    expect(schema.definitions.RowFix.properties.code.not.enum.toSorted()).toEqual(hopeless.toSorted());
    for (const code of CLASSED_CODES) {
      const rules = [{ ...REPLACE, code }];
      expect([code, validate(rules)]).toEqual([code, validateFixes(rules).length === 0]);
    }
  });
});

describe('a file', () => {
  it('may be a list, or an object that contains it', async () => {
    expect(readFixes(await fileWith(JSON.stringify([TRUNCATE])))).toEqual([TRUNCATE]);
    expect(readFixes(await fileWith(JSON.stringify({ $schema: 'x', fixes: [REPLACE] })))).toEqual([REPLACE]);
    expect(readFixes(await fileWith(`\uFEFF${JSON.stringify([TRUNCATE])}`))).toEqual([TRUNCATE]);
  });

  it.each([
    ['not there', undefined, /no-such\.json cannot be read: ENOENT/],
    ['no JSON', '[{code: 1}]', /fixes\.json cannot be read: .*JSON/],
    ['cut off', '[{"code": "STRING_TOO_LONG"', /fixes\.json cannot be read/],
    ['not UTF-8', Buffer.from('[{"code": "Größe"}]', 'latin1'), /fixes\.json cannot be read/],
  ])('that is %s is unreadable', async (_what, text, message) => {
    const path = text === undefined ? join(folder, 'no-such.json') : await fileWith(text);
    expect(() => readFixes(path)).toThrow(
      expect.objectContaining({ code: 'FIXES_UNREADABLE', message: expect.stringMatching(message) as string }),
    );
  });

  it('with invalid rules is refused with its name, the rule and the key', async () => {
    const path = await fileWith(JSON.stringify({ fixes: [TRUNCATE, { ...TRUNCATE, do: 'cut' }] }));
    expect(() => readFixes(path)).toThrow(
      expect.objectContaining({
        code: 'INVALID_FIXES',
        message: `The fix rules in ${path} cannot be used. Rule 2: "do" is "cut"; it must be truncate, blank or replace.`,
      }),
    );
  });

  it.each([
    ['an unknown key', { fixes: [TRUNCATE], rules: [] }, 'Unknown key "rules"; known keys: $schema, fixes.'],
    ['no list', {}, 'Fix rules must be a list'],
    ['many mistakes', Array.from({ length: 8 }, () => ({ ...TRUNCATE, do: 1 })), 'And 3 more.'],
  ])('with %s is refused', async (_what, value, text) => {
    const path = await fileWith(JSON.stringify(value));
    expect(() => readFixes(path)).toThrow(
      expect.objectContaining({ code: 'INVALID_FIXES', message: expect.stringContaining(text) as string }),
    );
  });
});
