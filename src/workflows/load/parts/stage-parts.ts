/** The parts of a stage: how many rows each has, and where its results are. Pure. */
import { partFolder, SUCCEEDED_FILE } from '../../../domain/result-layout.js';
import type { Stage } from '../../../protocol/activities/plan-types.js';

/** Records of a part whose size is known. */
export function recordsOf({ sizes }: Stage, part: number): number {
  return sizes.records[part - sizes.from] ?? 0;
}

/** Whether the size of a part is known, or must first be read from the plan. */
export function knowsSizeOf({ sizes }: Stage, part: number): boolean {
  return part >= sizes.from && part < sizes.from + sizes.records.length;
}

/** `file:` URI of a part's succeeded rows. */
export function succeededUri(stage: Stage, part: number): string {
  return `${stage.uri}${partFolder(part)}/${SUCCEEDED_FILE}`;
}
