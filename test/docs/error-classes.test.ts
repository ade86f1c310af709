/**
 * docs/failed-rows.md describes every code like the table in the code, and its fix rules have the effect that it shows.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { RowFix } from '../../src/contract/corrections.js';
import { OPERATIONS } from '../../src/contract/names.js';
import { writeCells } from '../../src/csv/cells.js';
import { validateFixes } from '../../src/domain/input/fix-rules.js';
import {
  CLASSED_CODES,
  classesOf,
  classify,
  isDone,
  mayPassUnchanged,
  parseRowError,
} from '../../src/domain/platform/row-errors.js';
import type { RowClass } from '../../src/domain/platform/row-errors.js';
import { CHANGES_HEADER, RowFixer } from '../../src/rows/apply-fixes.js';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/failed-rows.md', import.meta.url)), 'utf8');

function section(title: string): string {
  const [, after = ''] = PAGE.split(`\n## ${title}\n`);
  return after.split('\n## ')[0] as string;
}

/** Rows of the first table, without its header. */
function tableOf(title: string): string[][] {
  return section(title)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

const plain = (cell = ''): string => cell.replace(/^`(.*)`$/, '$1');
const codes = tableOf('Error codes').map(([code, example, rowClass, advice]) => ({
  code: plain(code),
  example: plain(example),
  rowClass: plain(rowClass),
  advice,
}));

describe('the table of codes', () => {
  it('lists every code in the source, and no other', () => {
    expect([...new Set(codes.map(({ code }) => code))].toSorted()).toEqual(CLASSED_CODES.toSorted());
  });

  it('lists each code once with all of its classes', () => {
    const listed = codes.map(({ code, rowClass }) => `${code} ${rowClass}`);
    expect(listed.toSorted()).toEqual(
      CLASSED_CODES.flatMap((code) => classesOf(code).map((rowClass) => `${code} ${rowClass}`)).toSorted(),
    );
  });

  it.each(codes.map((row) => [`${row.code} ${row.rowClass}`, row] as const))(
    'shows an error with its class: %s',
    (_name, row) => {
      const error = parseRowError(row.example === '' ? row.code : row.example);
      expect(error.code).toBe(row.code);
      expect(classify(error)).toBe(row.rowClass);
      // If the message decides, the page must show it.
      expect(row.example === '' && classesOf(row.code).length > 1).toBe(false);
      expect(row.advice).toMatch(/\w/);
    },
  );

  it('explains the handling of all other codes', () => {
    expect(section('Error codes')).toContain(
      'begins with `CANNOT_` and is not in the table is `permanent`; all other codes, and errors without one, are `unknown`',
    );
    expect(classify(parseRowError('CANNOT_DO_THIS:no:--'))).toBe('permanent');
    expect(classify(parseRowError('NEVER_HEARD_OF:no:--'))).toBe('unknown');
    expect(classify(parseRowError('no code'))).toBe('unknown');
  });
});

describe('the table of classes', () => {
  const ALL = {
    transient: true,
    'order-dependent': true,
    data: true,
    'already-done': true,
    business: true,
    permanent: true,
    stop: true,
    unknown: true,
  } satisfies Record<RowClass, true>;
  const classes = tableOf('Error classes').map(([name, , again, then]) => ({
    name: plain(name) as RowClass,
    again,
    then,
  }));

  it('lists every class once', () => {
    expect(classes.map(({ name }) => name).toSorted()).toEqual(Object.keys(ALL).toSorted());
  });

  it('marks the classes that are sent again unchanged', () => {
    const words = (name: RowClass): string => {
      const may = OPERATIONS.filter((operation) => mayPassUnchanged(name, operation));
      return may.length === OPERATIONS.length ? 'yes' : may.length === 0 ? 'no' : 'yes, but no delete';
    };
    expect(classes.map(({ name, again }) => [name, again])).toEqual(classes.map(({ name }) => [name, words(name)]));
    expect(OPERATIONS.filter((operation) => !mayPassUnchanged('order-dependent', operation))).toEqual([
      'delete',
      'hardDelete',
    ]);
  });

  it('marks the classes that a rule may fix', () => {
    const sample: Record<RowClass, string> = {
      transient: 'UNABLE_TO_LOCK_ROW',
      'order-dependent': 'INVALID_CROSS_REFERENCE_KEY',
      data: 'STRING_TOO_LONG',
      'already-done': 'ENTITY_IS_DELETED',
      business: 'APEX_ERROR',
      permanent: 'LIMIT_EXCEEDED',
      stop: 'STORAGE_LIMIT_EXCEEDED',
      unknown: 'NEVER_HEARD_OF',
    };
    const rule = (code: string, deed: RowFix['do']): RowFix => ({
      code,
      field: 'Name',
      do: deed,
      ...(deed === 'replace' && { values: { Acme: 'Globex' } }),
    });
    for (const { name, then = '' } of classes) {
      const code = sample[name];
      const fixer = new RowFixer([rule(code, 'blank'), rule(code, 'replace')], { names: ['Name'], lineEnding: 'LF' });
      const outcome = fixer.fix(parseRowError(`${code}:x:--`), ['Acme']);
      const by = outcome.kind === 'fixed' ? outcome.changes[0]?.rule : undefined;
      const words = then.includes('`replace` rule') ? 2 : then.includes('fix rule') ? 1 : undefined;
      expect([name, by]).toEqual([name, words]);
    }
  });

  it('explains when a row counts as done', () => {
    const done = classes.filter(({ name }) => OPERATIONS.some((operation) => isDone(name, operation)));
    expect(done.map(({ name, then }) => [name, then])).toEqual([
      ['already-done', expect.stringContaining('Of a delete: counts as succeeded')],
    ]);
    expect(OPERATIONS.filter((operation) => isDone('already-done', operation))).toEqual(['delete']);
  });
});

describe('the fix rules on the page', () => {
  const block = (language: string): string =>
    new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(section('Fix rules'))?.[1] ?? '';
  const rules = JSON.parse(block('json')) as RowFix[];

  it('are valid', () => {
    expect(validateFixes(rules)).toEqual([]);
  });

  it('make the changes that the page shows', () => {
    const names = ['External_Id__c', 'Name', 'Email', 'Rating'];
    const long = 'Internationale Gesellschaft für die Erforschung sehr langer Namen und ihrer Folgen e. V.';
    const failed: [error: string, ...cells: string[]][] = [
      [
        `STRING_TOO_LONG:Account Name: data value too large: ${long} (max length=80):Name --`,
        'A-0007',
        long,
        'info@example.com',
        'Hot',
      ],
      ['INVALID_EMAIL_ADDRESS:Email: invalid email address: nobody:Email --', 'A-0012', 'Acme', 'nobody', 'Hot'],
      [
        'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Rating: bad value for restricted picklist field: Hott:Rating --',
        'A-0031',
        'Globex',
        '',
        'Hott',
      ],
      [
        'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Rating: bad value for restricted picklist field: Cool:Rating --',
        'A-0040',
        'Initech',
        '',
        'Cool',
      ],
    ];
    const fixer = new RowFixer(rules, { names, key: 'External_Id__c', lineEnding: 'LF' });
    const lines = failed.flatMap(([error, ...cells]) => {
      const outcome = fixer.fix(parseRowError(error), cells);
      return outcome.kind === 'fixed' ? fixer.changeRows({ id: '', cells }, outcome.changes) : [];
    });
    expect([CHANGES_HEADER, ...lines].map((line) => writeCells(line, ',', 'LF')).join('')).toBe(block('csv'));
  });
});
