/** Counts the values that each fix rule changed. */
import type { RuleChanges } from '../../contract/load-figures.js';
import { readCell } from '../../csv/cells.js';
import { scanRecords } from '../../csv/records.js';
import { CHANGES_HEADER } from '../../rows/apply-fixes.js';

const DELIMITER = ',';
const RULE = CHANGES_HEADER.indexOf('rule');
/** As many as a load may have. */
const MAX_RULES = 100;
const MAX_TEXT = 400;

/** @param chunks of the file with all changes, its header included */
export async function countChanges(chunks: AsyncIterable<Uint8Array>): Promise<RuleChanges[]> {
  const counts = new Map<string, number>();
  let isHeader = true;
  await scanRecords(chunks, { delimiter: DELIMITER }, (record) => {
    const rule = readCell(record, RULE, DELIMITER).slice(0, MAX_TEXT);
    if (!isHeader && (counts.has(rule) || counts.size < MAX_RULES)) counts.set(rule, (counts.get(rule) ?? 0) + 1);
    isHeader = false;
  });
  return [...counts].map(([rule, values]) => ({ rule, values })).sort((a, b) => b.values - a.values);
}
