/**
 * Parts of which nothing was applied, and which are sent again as a whole: their job failed, and the source has all of
 * their rows, so its result files are not needed.
 */
import { isDelete } from '../../domain/platform/operations.js';
import { readCells } from '../../csv/cells.js';
import { eachRecordBytes } from '../../csv/records.js';
import { readRange } from '../../storage/read-files.js';
import type { KeyIndex } from './find/retry-key-index.js';
import { duplicateKey } from './write-rejected-rows.js';
import type { Rejections } from './write-rejected-rows.js';
import type { TriageContext } from './triage-context.js';
import { eachSourceKey, searchSource } from './find/source-keys.js';
import type { Key, SourceVisitor } from './find/source-keys.js';
import { rangeOf } from '../stage/stage-plan.js';

/** Wants every row with a key, so that rows of one key keep their order over all parts. */
export async function wantWhole(sorting: TriageContext, part: number, key: Key, index: KeyIndex): Promise<void> {
  const { fixes } = sorting;
  if (fixes.hasRules) {
    await eachSourceKey(sorting, key, part, (value) => {
      const before = index.size;
      index.want(value);
      fixes.plan(value, undefined, index.size === before, []);
    });
    return;
  }
  const { scan } = index;
  const visitor: SourceVisitor = { onHash: (at) => index.wantHash(at), onKey: (value) => index.want(value) };
  for await (const _ of searchSource(sorting, { key, part, scan, task: 'add' }, visitor));
}

/**
 * Sends the rows that the index does not send from the source itself.
 * @param which `keyed`: rows whose key is uncertain, because other rows of it landed or failed; `loose`: rows without a
 *   key
 */
export async function sendWhole(
  sorting: TriageContext,
  part: number,
  { key, index, which }: { key: Key | undefined; index: KeyIndex; which: 'keyed' | 'loose' },
  rejections: Rejections,
): Promise<void> {
  const { plan, files, fixes, signal } = sorting;
  const { start, end } = rangeOf(plan, part);
  for await (const record of eachRecordBytes(readRange(plan.rows, start, end, signal), { delimiter: plan.delimiter })) {
    const cells = key === undefined ? [] : readCells(record, plan.delimiter);
    const value = key?.of(cells);
    if ((value === undefined) !== (which === 'loose')) continue;
    if (value === undefined || key === undefined) {
      await files.sendBytesAgain(record);
      continue;
    }
    const verdict = fixes.isOdd(value) ? 'result' : index.verdict(value);
    if (verdict === 'source') continue;
    // Of two deletes, neither is newer.
    if (isDelete(sorting.operation) || (verdict === 'result' && !index.hasSeveral(value))) {
      await files.sendBytesAgain(record);
    } else {
      await rejections.add('', duplicateKey(plan, ''), cells);
    }
  }
}
