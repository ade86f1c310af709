/**
 * Parts of which certainly nothing was processed, when the source is no longer the planned one: the plan knows how many
 * rows they have, but nothing can deliver them. Pure.
 */
import { count } from '../../domain/text/format.js';
import type { StagePlan } from '../stage/stage-plan-types.js';

export interface Undeliverable {
  rows: number;
  warning: string;
}

/** More ranges are summed up. */
const MAX_SHOWN = 10;

/**
 * @param parts in any order
 * @returns undefined without parts
 */
export function undeliverable(plan: Pick<StagePlan, 'parts' | 'source'>, parts: number[]): Undeliverable | undefined {
  if (parts.length === 0) return undefined;
  // Rows before each part.
  const before = [0];
  for (const { records } of plan.parts) before.push((before.at(-1) as number) + records);
  const rowsUntil = (part: number): number => before[part] as number;
  const runs = runsOf(parts);
  const rows = runs.reduce((sum, { first, last }) => sum + rowsUntil(last) - rowsUntil(first - 1), 0);
  const shown = runs.slice(0, MAX_SHOWN).map(({ first, last }) => {
    const name = first === last ? `part ${count(first)}` : `parts ${count(first)} to ${count(last)}`;
    // Rows of a later stage are not numbered as in the source.
    return plan.source === undefined
      ? name
      : `${name} (rows ${count(rowsUntil(first - 1) + 1)} to ${count(rowsUntil(last))})`;
  });
  if (runs.length > MAX_SHOWN) shown.push(`${count(runs.length - MAX_SHOWN)} more`);
  const counted = plan.source === undefined ? '' : ', counted without the header and blank lines';
  return {
    rows,
    warning:
      `${count(rows)} of the unprocessed rows are in no file: ${shown.join(', ')}${counted}. Nothing of them was processed, ` +
      'but the source was changed, moved or deleted, so they could not be copied: load them from an unchanged copy of it.',
  };
}

function runsOf(parts: number[]): { first: number; last: number }[] {
  const runs: { first: number; last: number }[] = [];
  for (const part of [...parts].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run?.last === part - 1) run.last = part;
    else runs.push({ first: part, last: part });
  }
  return runs;
}
