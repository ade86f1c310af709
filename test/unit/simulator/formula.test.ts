/** The formula language of validation rules. */
import { describe, expect, it } from 'vitest';
import { compileRule } from '../../../src/simulator/formula/compile.js';
import { Pattern } from '../../../src/simulator/formula/pattern.js';
import { Unsupported } from '../../../src/simulator/formula/unsupported.js';
import { fromDescribe } from '../../../src/simulator/org-folder/from-describe.js';
import { evaluate, OBJECT, ROW } from '../../helpers/formulas.js';
import { describeOf, field } from '../../helpers/org-folder.js';

const cents = [field('Net__c', 'currency'), field('Gross__c', 'currency')];

function reason(formula: string): string {
  try {
    compileRule(formula, OBJECT);
  } catch (error) {
    if (error instanceof Unsupported) return error.message;
    throw error;
  }
  return 'evaluated';
}

describe('is true', () => {
  it.each([
    'TRUE',
    'Amount__c = 12.5',
    'amount__c == 12.50 && done__c',
    'Amount__c <> 1 || false',
    '!(Amount__c < 12) && NOT(Amount__c > 13)',
    'AND(Amount__c >= 12.5, Amount__c <= 12.5, OR(Done__c, false))',
    '1 + 2 * 3 = 7',
    '(1 + 2) * 3 = 9',
    '2 ^ 3 - 10 / 4 = 5.5',
    '-Amount__c + 12.5 = 0',
    '10 - 3 - 2 = 5',
    '"a" & "b" = "ab"',
    '"a" + \'b\' = "ab"',
    'Name = "Alpha \\"Plant\\""',
    'Share__c = 0.5',
    'ISPICKVAL(State__c, "On")',
    'TEXT(State__c) = "On"',
    'CASE(State__c, "On", 1, "Off", 2, 3) = 1',
    'CASE(Amount__c, 1, "one", 12.5, "this", "other") = "this"',
    'IF(Done__c, Amount__c, null) > 1',
    'ISBLANK(Count__c) && ISNULL(Count__c) && !ISBLANK(Name)',
    'ISBLANK(null)',
    'BLANKVALUE(Count__c, 7) = 7',
    'LEN(Key__c) = 4 && LEN("") = 0',
    'LEFT(Key__c, 1) & RIGHT(Key__c, 2) & MID(Key__c, 2, 1) = "A17-"',
    'RIGHT(Key__c, 0) = "" && LEFT(Key__c, -1) = ""',
    'CONTAINS(Name, "Plant") && BEGINS(Name, "Alpha") && !BEGINS(Name, "alpha")',
    'FIND("-", Key__c) = 2 && FIND("x", Key__c) = 0',
    'SUBSTITUTE(Key__c, "-", "") = "A17" && UPPER("a") & LOWER("B") & TRIM("  c ") = "Abc"',
    'REGEX(Key__c, "[A-Z]-\\\\d{2}")',
    'VALUE("12") = 12 && ISNULL(VALUE("")) && ISNUMBER("1.5") && !ISNUMBER("1,5")',
    'TEXT(12.50) = "12.5" && TEXT(Day__c) = "2026-02-28" && TEXT(At__c) = "2026-11-30 20:15:00Z"',
    'TODAY() = DATE(2026, 11, 30) && ISNULL(DATE(2026, 2, Count__c))',
    'NOW() - At__c > 0.13 && NOW() > At__c',
    'Day__c + 1 = DATE(2026, 3, 1) && Day__c - DATE(2026, 2, 1) = 27',
    'DATEVALUE("2026-02-28") = Day__c && DATEVALUE(At__c) = TODAY()',
    'YEAR(Day__c) = 2026 && MONTH(Day__c) = 2 && DAY(Day__c) = 28 && WEEKDAY(Day__c) = 7',
    'ADDMONTHS(DATE(2026, 1, 31), 1) = Day__c',
    'ABS(-2) = 2 && ROUND(1.005, 2) = 1.01 && ROUND(-2.5, 0) = -3 && MOD(-1, 3) = -1 && MAX(1, 3, 2) = 3 && MIN(1, 2) = 1',
    'FLOOR(-1.5) = -1 && CEILING(-1.5) = -2',
    'INCLUDES(Tags__c, "b") && !INCLUDES(Tags__c, "c")',
    'RecordType.DeveloperName = "Big" && RecordType.Name = "Big one"',
    'Parent__c = "a0Psm0000000001"',
    'Parent__c = "a0Psm0000000001AAA"',
    'ISNEW() && !ISCHANGED(Name) && PRIORVALUE(Name) = Name',
    '/* a rule */ true /* and a comment */',
    'LPAD("7", 3, "0") = "007" && RPAD("7", 2) = "7 "',
  ])('%s', (formula) => {
    expect(evaluate(formula)).toBe(true);
  });
});

it('knows what changed', () => {
  const before = { ...ROW, Amount__c: '10' };
  expect(evaluate('ISCHANGED(Amount__c) && !ISCHANGED(Name) && !ISNEW() && PRIORVALUE(Amount__c) = 10', before)).toBe(
    true,
  );
});

it('takes a blank checkbox as false and a blank text as a text', () => {
  expect(evaluate('!Done__c && Name = "" && Name & "x" = "x" && !ISNULL(Name)', undefined, {})).toBe(true);
});

describe('has no result', () => {
  it.each([
    ['VALUE("1e99999999999") > 0', 'Number out of range'],
    ['VALUE(Name) > 0', "The value 'null' is not a valid number."],
    ['MOD(VALUE("1e9999"), 7) > 0', 'Division impossible'],
    ['SQRT(-1) > 0', 'Square root of a negative number'],
    ['0 / (Amount__c - 12.5) > 0', 'Division undefined'],
    ['DATEVALUE("30.11.2026") < TODAY()', 'Unparseable date: "30.11.2026"'],
    ['DATETIMEVALUE("2026-02-30 10:00:00") < NOW()', 'Unparseable date: "2026-02-30 10:00:00"'],
    ['Day__c + 1000000000 > Day__c', 'Date out of range'],
    ['At__c - VALUE("1e300") > At__c', 'Date out of range'],
    ['ADDMONTHS(Day__c, 1000000000) > Day__c', 'Date out of range'],
  ])('%s', (formula, message) => {
    expect(() => evaluate(formula)).toThrow(message);
  });
});

it('adds up in decimals, for every pair of cents', () => {
  const isBroken = compileRule('Amount__c + Net__c <> Gross__c', {
    ...OBJECT,
    fields: [...OBJECT.fields, ...fromDescribe(describeOf('X__c', 'a0X', cents)).fields],
  });
  let broken = 0;
  for (let cent = 1; cent <= 10_000; cent++) {
    const row: Record<string, string> = {
      Amount__c: (cent / 100).toFixed(2),
      Net__c: ((cent * 7) / 100).toFixed(2),
      Gross__c: ((cent * 8) / 100).toFixed(2),
    };
    const env = { before: () => undefined, isNew: true, now: 0, recordType: () => '' };
    if (isBroken({ ...env, after: ({ name }) => row[name] })) broken++;
  }
  expect(broken).toBe(0);
});

describe('cannot evaluate', () => {
  it.each([
    ['VLOOKUP(a, b, c)', 'it uses the function VLOOKUP'],
    ['Parent__r.Name = "x"', 'it reads Parent__r.Name, a field of another record'],
    ['$Setup.Bypass__c.Rules__c', 'it reads $Setup.Bypass__c.Rules__c, which is not part of the folder'],
    ['NOT($Permission.Bypass)', 'it reads $Permission.Bypass, which is not part of the folder'],
    ['Nothing__c = 1', 'it reads Nothing__c, which is not in the describe'],
    ['Sum__c > 1', 'it reads Sum__c, a formula or roll-up field'],
    ['CreatedDate > NOW()', 'it reads CreatedDate, which the simulated org does not keep'],
    ['ISBLANK(Place__c)', 'it reads Place__c, a field of type location'],
    ['State__c = "On"', 'it compares a picklist without ISPICKVAL or TEXT'],
    ['Name = 1', 'it mixes a text and a number'],
    ['Amount__c', 'it is a number, not true or false'],
    ['Amount__c &&', 'it ends too early'],
    ['Amount__c > > 1', 'unexpected ">" at position 13'],
    ['(true', 'it ends too early'],
    ['true)', 'unexpected ")" at position 5'],
    ['"abc', 'the text at position 1 has no closing quote'],
    ['/* abc', 'the comment at position 1 has no end'],
    ['true # false', 'unexpected "#" at position 6'],
    ['LEN()', 'LEN has 0 values'],
    ['CASE(Amount__c, 1, 2, 3, 4)', 'CASE has no value for all other cases'],
    ['REGEX(Name, Key__c)', 'REGEX has a pattern that is not a literal'],
    ['REGEX(Name, "(a)\\\\1")', 'the pattern "(a)\\\\1" uses \\1'],
    ['REGEX(Name, "(?=a)")', 'the pattern "(?=a)" uses (?='],
    [`${'('.repeat(200)}true${')'.repeat(200)}`, 'it is nested more than 100 levels'],
    [`${'NOT('.repeat(200)}true${')'.repeat(200)}`, 'it is nested more than 100 levels'],
    [`${'true || '.repeat(600)}true`, 'it chains more than 500 operators'],
    ['true || '.repeat(3_000), 'it has more than 5000 words and signs'],
  ])('%s', (formula, why) => {
    expect(reason(formula)).toBe(why);
  });
});

it('does not need values that nobody knows in branches that do not count', () => {
  const run = compileRule(
    'CASE(Amount__c, 12.5, 1, Count__c, 2, Share__c) + BLANKVALUE(Amount__c, Count__c) = 13.5',
    OBJECT,
  );
  const env = { before: () => undefined, isNew: true, now: 0, recordType: () => '' };
  const after = ({ name }: { name: string }): string | undefined => {
    if (name !== 'Amount__c') throw new Error(`nobody knows ${name}`);
    return ROW[name];
  };
  expect(run({ ...env, after })).toBe(true);
  expect(() => run({ ...env, after: ({ name }) => (name === 'Amount__c' ? '1' : after({ name })) })).toThrow(
    'Count__c',
  );
});

it('takes no time for long chains and deep nesting', () => {
  const begun = performance.now();
  expect(evaluate(`${'1 + '.repeat(500)}0 = 500`)).toBe(true);
  expect(evaluate(`${'IF(true, '.repeat(60)}1${', 2)'.repeat(60)} = 1`)).toBe(true);
  expect(evaluate(`${'CASE('.repeat(60)}1${', 1, 1, 2, 2, 3)'.repeat(60)} = 1`)).toBe(true);
  expect(evaluate(`${'CASE('.repeat(60)}9${', 1, 1, 2, 2, 9)'.repeat(60)} = 9`)).toBe(true);
  expect(performance.now() - begun).toBeLessThan(500);
});

it('takes no time for large exponents and long numbers', () => {
  const begun = performance.now();
  expect(evaluate('VALUE("1e-1000000000") = 0')).toBe(true);
  expect(evaluate('LEN(TEXT(VALUE("1e9999"))) = 10000')).toBe(true);
  expect(evaluate('VALUE("1e9999") + 1 > VALUE("1e9998") * 9')).toBe(true);
  expect(() => evaluate('10 ^ 1000000000 > 0')).toThrow('Out of range');
  expect(() => evaluate('10 ^ VALUE("1e1000") > 0')).toThrow('Out of range');
  expect(evaluate('(1 / 10) ^ 1000000000 = 0')).toBe(true);
  expect(evaluate('1.00000001 ^ 1000000000 > 22026 && (0 - 1) ^ 2000000001 = 0 - 1')).toBe(true);
  expect(() => evaluate(`9${' ^ 9'.repeat(200)} > 0`)).toThrow('Out of range');
  expect(() => evaluate(`${'(10 ^ 64) * '.repeat(300)}1 > 0`)).toThrow('Number out of range');
  expect(evaluate('VALUE(Name) > 1', undefined, { Name: '9'.repeat(9_999) })).toBe(true);
  expect(evaluate('ROUND(Amount__c, 1000000000) = 12.5 && ROUND(Amount__c, -1000000000) = 0')).toBe(true);
  expect(performance.now() - begun).toBeLessThan(500);
});

describe('patterns', () => {
  it.each([
    ['a*', 'aaa', true],
    ['a*', '', true],
    ['a+', '', false],
    ['ab?c', 'ac', true],
    ['ab|cd', 'cd', true],
    ['a(b|c)*d', 'abcbd', true],
    ['(?:ab){2,3}', 'ababab', true],
    ['(?:ab){2,3}', 'abababab', false],
    ['a{2}', 'aaa', false],
    ['a{2,}', 'aaaa', true],
    ['[^0-9]+', 'abc', true],
    ['[^0-9]+', 'ab1', false],
    ['[a-c\\d_-]+', 'a1-_', true],
    ['[]a]+', ']a', true],
    ['\\w+@\\w+\\.\\w{2,}', 'a_b@c.de', true],
    ['.*', 'a\nb', false],
    ['^abc$', 'abc', true],
    ['a^b', 'ab', false],
    ['(?i)abC', 'ABc', true],
    ['(?i)[a-c]+', 'ABC', true],
    ['\\p{L}+', 'Größe', true],
    ['\\p{Alpha}+', 'Größe', false],
    ['\\+\\(\\)', '+()', true],
    ['\\u0041\\x42', 'AB', true],
    ['a*?b', 'aab', true],
    ['()', '', true],
    ['(a*)*', 'aaaa', true],
    ['(a|b|)+c', 'abc', true],
  ])('%s on %j: %s', (pattern, text, expected) => {
    expect(new Pattern(pattern).matches(text)).toBe(expected);
  });

  it.each([
    'a++',
    '(',
    ')',
    '[a',
    '*a',
    'a**',
    '\\bword\\b',
    '[[:alpha:]]',
    '(?<n>a)',
    'a{3,1}',
    '(a{1000}){1000}',
    '[b-a]',
    'x'.repeat(1_001),
  ])('does not know %s', (pattern) => {
    expect(() => new Pattern(pattern)).toThrow(Unsupported);
  });

  it('takes linear time', () => {
    const begun = performance.now();
    for (const pattern of ['(a+)+b', '(a|a)*b', '(a*)*b', '(.*)(.*)(.*)(.*)c', '(a?){50}a{50}b']) {
      expect(new Pattern(pattern).matches('a'.repeat(20_000))).toBe(false);
    }
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});
