/** Shared by the tests of the row check. */
import { keyNormalizer } from '../../src/keys/normalize-key.js';
import { checkRows } from '../../src/preflight/rows/check-rows.js';
import type { RowCheckInput, RowCheckReport, RowFinding } from '../../src/preflight/rows/check-rows.js';
import type { FieldDescribe } from '../../src/salesforce/resources/describe.js';
import { inChunks } from './csv.js';

export function field(name: string, type = 'string', more: Partial<FieldDescribe> = {}): FieldDescribe {
  return {
    name,
    label: `${name} label`,
    type,
    length: 0,
    precision: 0,
    scale: 0,
    digits: 0,
    createable: true,
    updateable: true,
    nillable: true,
    defaultedOnCreate: false,
    calculated: false,
    autoNumber: false,
    externalId: false,
    idLookup: false,
    unique: false,
    caseSensitive: false,
    restrictedPicklist: false,
    picklistValues: [],
    referenceTo: [],
    ...more,
  };
}

/** Columns named `A`, `B`, … without a field, or those of the given fields. */
export function columnsOf(...fields: (FieldDescribe | undefined)[]): RowCheckInput['columns'] {
  return fields.map((of, index) => {
    const name = of?.name ?? String.fromCharCode(65 + index);
    return { index, title: `${name} in the file`, name, ...(of && { field: of }) };
  });
}

export function keyOf(name = 'A', type = 'string', caseSensitive = false): NonNullable<RowCheckInput['key']> {
  return { index: 0, name, normalise: keyNormalizer({ type, caseSensitive }) };
}

export interface Checked extends RowCheckReport {
  bad: { record: string; finding: RowFinding }[];
}

export async function check(
  text: string | Buffer,
  input: Partial<RowCheckInput> = {},
  sizes?: readonly number[],
): Promise<Checked> {
  const bad: Checked['bad'] = [];
  const columns = input.columns ?? columnsOf(undefined);
  const report = await checkRows({
    chunks: inChunks(Buffer.from(text), sizes),
    delimiter: ',',
    width: columns.length,
    operation: 'insert',
    blankAsNull: false,
    onBadRow: (record, finding) => void bad.push({ record: record.toString(), finding }),
    ...input,
    columns,
  });
  return { ...report, bad };
}

/** Codes of the findings, by row. */
export async function codes(text: string, input: Partial<RowCheckInput> = {}): Promise<[number, string][]> {
  return (await check(text, input)).findings.map(({ row, code }) => [row, code]);
}
