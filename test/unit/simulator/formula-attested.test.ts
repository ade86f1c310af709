/**
 * Formulas whose results on the platform are known, each with what attests it:
 *
 * - help: Salesforce Help, the page of the function.
 * - org: run in an org and published, in docs/VERIFICATION.md and corpus/org-verified.json of
 *   cirrus-code/sfdc-formula-debugger on GitHub, under this name.
 * - engine: Salesforce's own engine, salesforce/formula-engine on GitHub, in this class.
 *
 * Fields: N__c 5, Zero__c 0, Half__c 0.5, Share__c 99 %, Day__c 2026-02-28, At__c 2026-03-08 09:30, State__c `a`, Tags__c
 * `a;b`; all that begin with No are blank.
 */
import { expect, it } from 'vitest';
import { compileRule } from '../../../src/simulator/formula/compile.js';
import { EvaluationError } from '../../../src/simulator/formula/evaluation-error.js';
import { fromDescribe } from '../../../src/simulator/org-folder/from-describe.js';
import { describeOf, field, picklist } from '../../helpers/org-folder.js';

const OBJECT = fromDescribe(
  describeOf('Plant__c', 'a0P', [
    field('Name'),
    field('N__c', 'double'),
    field('Zero__c', 'double'),
    field('Half__c', 'double'),
    field('Share__c', 'percent'),
    field('Day__c', 'date'),
    field('At__c', 'datetime'),
    picklist('State__c', ['a', 'b']),
    field('Tags__c', 'multipicklist'),
    field('NoNumber__c', 'double'),
    field('NoDate__c', 'date'),
    field('NoText__c'),
    picklist('NoState__c', ['a']),
    field('NoTags__c', 'multipicklist'),
  ]),
);

const RECORD: Record<string, string> = {
  Name: 'Alpha',
  N__c: '5',
  Zero__c: '0',
  Half__c: '0.5',
  Share__c: '99',
  Day__c: '2026-02-28',
  At__c: '2026-03-08T09:30:00.000Z',
  State__c: 'a',
  Tags__c: 'a;b',
};

/** What the rule is for the record, or the error. */
function outcome(formula: string): boolean | string {
  try {
    return compileRule(
      formula,
      OBJECT,
    )({
      after: ({ name }) => RECORD[name],
      before: () => undefined,
      isNew: true,
      now: Date.UTC(2026, 10, 30),
      recordType: () => '',
    });
  } catch (error) {
    if (error instanceof EvaluationError) return error.message;
    throw error;
  }
}

it.each<[formula: string, expected: boolean | string, source: string]>([
  // Order of operators
  ['2 * 3 ^ 2 = 36', true, 'org: pow_vs_muldiv'],
  ['2 ^ 3 ^ 2 = 64', true, 'org: pow_assoc'],
  ['- 2 ^ 2 = 4', true, 'org: unary_vs_pow'],
  ['2 + 5 * 7 ^ 2 = 1227', true, 'org: salesforce.stackexchange.com 160671, test 2'],
  ['2 * 5 ^ 7 + 11 = 10000011', true, 'org: salesforce.stackexchange.com 160671, test 3'],
  ['2 ^ 5 * 7 + 11 = 34359738379', true, 'org: salesforce.stackexchange.com 160671, test 6'],
  ['"a" + NoText__c & "c" = "ac"', true, 'org: amp_additive_level'],
  ['true && false || true', true, 'org: andand_op, oror_op'],
  ['1 == 1 && 1 != 2', true, 'org: eqeq_op, noteq_op'],
  ['1 /* a /* b */ + 2 = 3', true, 'org: comment_nested'],
  ['NOT false', true, 'engine: Formula.g4'],
  // Literals
  ['LEN("a\\nb") = 4', true, 'org: esc_*_len'],
  ['LEN("a\\"b") = 3 && LEN("\\\\") = 1', true, 'org: esc_*_len'],
  ["LEN('a\\'b') = 4", true, 'org: esc_*_len'],
  ['"a" = "A"', false, 'org: rt_case_eq'],
  // Decimals
  ['0.1 + 0.2 = 0.3', true, 'engine: BigDecimalHelper'],
  ['0.1 * 3 = 0.3', true, 'engine: BigDecimalHelper'],
  ['1.15 * 100 = 115', true, 'engine: BigDecimalHelper'],
  ['0.3 - 0.1 >= 0.2', true, 'engine: BigDecimalHelper'],
  ['1 / 3 * 3 = 1', false, 'engine: OperatorEquality compares all digits; not run in an org'],
  ['FLOOR(1 / 9 * 9) = 1', true, 'org: numeric model'],
  ['Share__c = 0.99', true, 'org: text_percent_field'],
  ['ROUND(1.005, 2) = 1.01 && ROUND(-1.45, 1) = -1.5', true, 'engine: BigDecimalHelper.round, HALF_UP'],
  ['ROUND(1234.5, -2) = 1200', true, 'org: verified by the engine, VERIFICATION.md'],
  ['ROUND(5, -1) = 0', true, 'engine: BigDecimalHelper.round'],
  ['FLOOR(-1.4) = -1 && CEILING(-1.4) = -2 && FLOOR(-0.4) = 0', true, 'engine: FunctionFloor, FunctionCeiling'],
  ['MFLOOR(1.5) = 1 && MCEILING(1.5) = 2', true, 'org: ff_mfloor, ff_mceiling'],
  ['MFLOOR(-1.5) = -2 && MCEILING(-1.5) = -1', true, 'engine: FunctionMFloor, FunctionMCeiling'],
  ['MOD(3, 0) = 3', true, 'org: mod_zero'],
  ['MOD(-1, 3) = -1', true, 'engine: FunctionMod'],
  ['TEXT(SQRT(2)) = "1.4142135623730951"', true, 'engine: FunctionSquareRoot'],
  ['0 ^ 0 = 1', true, 'org: pw5_zero_zero'],
  ['N__c ^ -1 = 0.2', true, 'org: pw6_rt_neg'],
  ['N__c ^ 0.5 > 0', 'Out of range argument to POWER() function', 'org: testExponentiationOperator#7'],
  ['Zero__c ^ -1 > 0', 'Out of range argument to POWER() function', 'org: pw6_zeroneg_blank; text: engine'],
  ['10 ^ 65 > 0', 'Out of range argument to POWER() function', 'org: owb_65; text: engine'],
  ['10 ^ 64 > 1', true, 'org: owb2_64'],
  ['10 ^ -80 = 0', true, 'org: owm_neg_exp'],
  // TEXT and VALUE
  ['TEXT(0.5) = "0.5"', true, 'org: text_half_literal'],
  ['TEXT(-0.5) = "-.5"', true, 'org: text_neg_half_literal'],
  ['TEXT(Half__c) = ".5"', true, 'org: text_field_half'],
  ['TEXT(Share__c) = ".99" && TEXT(Share__c * 2) = "1.98"', true, 'org: text_percent_field, text_percent_math'],
  ['TEXT(1 / 3) = ".3333333333333333333333333333333333333333"', true, 'org: text_third'],
  ['TEXT(4 / 3) = "1.33333333333333333333333333333333333333"', true, 'org: text_four_thirds'],
  ['TEXT(20000 / 3) = "6666.666666666666666666666666666666666667"', true, 'org: text_big_thirds'],
  ['TEXT(1 / 100000000) = ".00000001"', true, 'org: text_tiny_div'],
  ['TEXT(10 ^ 20) = "100000000000000000000"', true, 'org: text_big_pow'],
  ['TEXT(3 ^ 40) = "12157665459056928800"', true, 'org: owc_3_40'],
  ['TEXT(2.50) = "2.5" && TEXT(3.0) = "3" && TEXT(6 / 2) = "3"', true, 'org: text_trailing_zeros, text_int_*'],
  ['TEXT(At__c) = "2026-03-08 09:30:00Z"', true, 'org: text_datetime_format'],
  ['TEXT(DATE(50, 1, 2)) = "0050-01-02"', true, 'org: text_date_y50'],
  ['ISBLANK(VALUE("")) && ISBLANK(VALUE(NoText__c))', true, 'org: pw7_value_empty'],
  ['VALUE(" ") = 1', "The value 'null' is not a valid number.", 'org: pw7_value_space; text: engine'],
  ['VALUE("abc") > 5', "The value 'null' is not a valid number.", 'engine: FunctionValue'],
  ['ISNUMBER("2E2") && !ISNUMBER("123,12") && !ISNUMBER("1 000") && !ISNUMBER(NoText__c)', true, 'help: ISNUMBER'],
  // Blanks
  ['NoNumber__c <> 5', false, 'help: ISNULL (use it to include fields that do not contain any value)'],
  ['NOT(NoNumber__c = 5)', false, 'org: three-valued comparison; engine: OperatorNot'],
  ['NoNumber__c < 5', false, 'org: validation rules, rt_blank_*'],
  ['NoNumber__c = 0', false, 'org: validation rules, rt_blank_*'],
  ['NoNumber__c = NULL || NoNumber__c <> NULL', false, 'engine: OperatorEquality'],
  ['NOT(NoNumber__c > 5)', false, 'engine: OperatorComparison, OperatorNot'],
  ['NOT(AND(NoNumber__c > 5, true))', true, 'engine: FunctionAnd takes a blank as false'],
  ['IF(NoNumber__c < 5, 1, 2) = 2', true, 'org: blank_mode_canary'],
  ['NoText__c = "" && NoText__c = NULL && NoText__c <> "a"', true, 'org: validation rules; engine: OperatorEquality'],
  ['Name <> NULL', true, 'engine: ValidationFormulaTest'],
  ['NoDate__c <> Day__c || NoDate__c = Day__c || NoDate__c < Day__c', false, 'engine: OperatorEquality'],
  [
    'ISBLANK(NoNumber__c + 1) && ISBLANK(NULL + 1) && ISBLANK(-NoNumber__c)',
    true,
    'org: null_literal_add, unary_minus_blank',
  ],
  ['ISBLANK(NoDate__c + 40)', true, 'org: testAddDate#0'],
  ['ISPICKVAL(NoState__c, "") && ISBLANK(TEXT(NoState__c))', true, 'engine: FunctionIsPickVal'],
  ['BEGINS("abc", NoText__c)', true, 'org: begins_blank_needle'],
  ['NOT(BEGINS(NoText__c, "a"))', false, 'org: begins_blank_subject_not'],
  ['BEGINS(NoText__c, "a") = FALSE', true, 'org: begins_blank_subject_eqfalse'],
  ['CONTAINS("abc", NoText__c)', true, 'org: testIfContainsFunc'],
  ['CONTAINS(NoText__c, "a") || NOT(CONTAINS(NoText__c, "a"))', false, 'engine: FunctionContains, like BEGINS'],
  ['FIND("", "abc") = 0 && FIND("a", NoText__c) = 0', true, 'org: pw7_find_empty_needle, testFindOnText'],
  ['ISBLANK(LEFT("abc", 0)) && ISBLANK(TRIM("  ")) && ISBLANK("" & "")', true, 'org: pw8_be_*'],
  ['ISBLANK(LPAD(NoText__c, 3, "0"))', true, 'engine: FunctionLpad'],
  ['SUBSTITUTE("Golden File", NoText__c, "x") = "Golden File"', true, 'org: testSimpleSubstitute'],
  [
    'NOT(ISNULL(NoText__c)) && ISBLANK(NULLVALUE(NoText__c, "x"))',
    true,
    'help: ISNULL, NULLVALUE; org: testNVLWithTextArea#1',
  ],
  ['NULLVALUE(NoNumber__c, 7) = 7 && BLANKVALUE(NoText__c, "x") = "x"', true, 'help: NULLVALUE, BLANKVALUE'],
  ['PRIORVALUE(Name) = "Alpha"', true, 'help: PRIORVALUE'],
  // Picklists
  ['ISPICKVAL(State__c, "A")', true, 'org: ispickval_case'],
  ['ISPICKVAL(State__c, "a ")', false, 'org: ispickval_space'],
  ['TEXT(State__c) = "A"', true, 'engine: OperatorEquality makes ISPICKVAL of it'],
  ['CASE(State__c, "A", 1, 2) = 1', true, 'engine: FunctionCase finds values as ISPICKVAL does'],
  ['INCLUDES(Tags__c, "A")', true, 'org: includes_case'],
  ['INCLUDES(Tags__c, "a;b") || INCLUDES(NoTags__c, "a")', false, 'org: includes_joined, includes_blank'],
  // Dates
  ['ADDMONTHS(Day__c, 1) = DATE(2026, 3, 31)', true, 'help: ADDMONTHS; org: addmonths_feb28_mar'],
  ['ADDMONTHS(DATE(2017, 9, 30), 5) = DATE(2018, 2, 28)', true, 'help: ADDMONTHS'],
  ['ADDMONTHS(DATE(2017, 9, 20), 5) = DATE(2018, 2, 20)', true, 'help: ADDMONTHS'],
  ['ADDMONTHS(DATE(2024, 1, 31), 1) = DATE(2024, 2, 29)', true, 'org: addmonths_jan31_feb_leap'],
  ['ADDMONTHS(DATE(2025, 1, 30), 1) = DATE(2025, 2, 28)', true, 'org: addmonths_jan30_feb'],
  ['ADDMONTHS(DATE(2025, 3, 31), -1) = DATE(2025, 2, 28)', true, 'help: ADDMONTHS'],
  [
    'DATETIMEVALUE("2011-1-9 1:02:03 ") = DATETIMEVALUE("2011-01-09 01:02:03")',
    true,
    'engine: testDateTimeValueWithVali*',
  ],
  [
    'DATETIMEVALUE("2012-01-01 24:00:00") > NOW()',
    'Unparseable date: "2012-01-01 24:00:00"',
    'engine: the same; text uncertain',
  ],
  [
    'DATEVALUE("0000-12-12") < TODAY()',
    'Unparseable date: "0000-12-12"',
    'engine: testDATEVALUEWithString; text uncertain',
  ],
  ['DATEVALUE("x") < TODAY()', 'Unparseable date: "x"', 'engine: FunctionDateValue; text uncertain'],
  ['Day__c + 3.5 = DATE(2026, 3, 3) && Day__c - DATE(2026, 2, 1) = 27', true, 'org: date arithmetic'],
  ['At__c + 1 / 24 = DATETIMEVALUE("2026-03-08 10:30:00")', true, 'org: datetime_plus_hour'],
  ['TEXT(DATE(9999, 12, 31) + 1) = "10000-01-01"', true, 'org: date_overflow_text'],
  ['DATE(2009, 3.5, 2) = DATE(2009, 3, 2)', true, 'org: testDate, fractions are cut'],
  ['DATE(0, 1, 1) < TODAY()', 'Year out of range in DATE() function', 'org: date_year_zero; text: engine'],
  ['DATE(10000, 1, 1) > TODAY()', 'Year out of range in DATE() function', 'org: date_year_9999; text: engine'],
  ['DATE(2026, 2, 30) > TODAY()', 'Month or Day out of range in DATE() function', 'engine: FunctionDate'],
  // Errors
  ['1 / Zero__c > 5', 'Division by zero', 'org: err_divzero'],
  ['BLANKVALUE(1 / Zero__c, 42) = 42', 'Division by zero', 'org: divzero_blankvalue'],
  ['ISBLANK(1 / Zero__c)', 'Division by zero', 'org: divzero_isblank'],
  ['AND(false, 1 / Zero__c = 1) || false && 1 / Zero__c = 1', false, 'org: err_shortcircuit_*'],
  ['OR(true, 1 / Zero__c = 1)', true, 'org: err_shortcircuit_*'],
  ['IF(Zero__c = 0, 1, 1 / Zero__c) = 1', true, 'engine: FunctionIf'],
  ['CASE(Zero__c, 0, 1, 1 / Zero__c) = 1', 'Division by zero', 'engine: FunctionCase evaluates all branches'],
])('%s: %s (%s)', (formula, expected) => {
  expect(outcome(formula)).toBe(expected);
});
