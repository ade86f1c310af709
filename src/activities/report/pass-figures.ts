/** What each pass of a load sent and landed, counted from how its parts ended. */
import type { LoadFigures, PassFigures } from '../../contract/load-figures.js';
import { batchesFor } from '../../domain/platform/batches.js';
import type { EndedStage } from '../../protocol/activities/ended-parts.js';
import { basename } from '../../storage/locations.js';
import type { FileRoots } from '../../storage/files/file-roots.js';
import { entries } from '../results/part-outcomes.js';

const MAX_PASSES = 100;

export async function passFigures(
  roots: FileRoots,
  ended: readonly EndedStage[],
): Promise<Pick<LoadFigures, 'passes' | 'sent' | 'batches' | 'locked'>> {
  const all = { passes: [] as PassFigures[], sent: 0, batches: 0, locked: 0 };
  for (const stage of ended) {
    const folder = roots.ownPathOf(stage.uri);
    const pass = { name: basename(folder), jobs: 0, sent: 0, succeeded: 0, failed: 0, unprocessed: 0 };
    for await (const { outcomes, jobs } of entries(folder, stage)) {
      for (const { counts } of outcomes) {
        pass.succeeded += counts.succeeded;
        pass.failed += counts.failed;
        pass.unprocessed += counts.unprocessed;
        all.locked += counts.locked ?? 0;
      }
      for (const { records } of jobs) {
        pass.jobs++;
        pass.sent += records;
        all.batches += batchesFor(records);
      }
    }
    all.sent += pass.sent;
    if (all.passes.length < MAX_PASSES) all.passes.push(pass);
  }
  return all;
}
