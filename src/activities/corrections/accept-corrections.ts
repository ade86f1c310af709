/**
 * Takes corrected rows back: checks them against the waiting rejected rows, removes those, and prepares the corrected
 * rows for sending. If anything is wrong with the file, the whole file is refused and the rows keep waiting.
 */
import { createHash } from 'node:crypto';
import { isObject, join, uriOf } from '../../storage/locations.js';
import { makeFolder } from '../../storage/files/file-tree.js';
import { fingerprint } from '../../storage/fingerprint.js';
import { holding } from '../../storage/files/file-ref.js';
import { audit } from '../audit-log.js';
import type { ActivityDependencies } from '../dependencies.js';
import { permit } from '../dependencies.js';
import { landedFiles } from '../results/part-outcomes.js';
import { loadPlan, savePlan, stageOf } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { runActivity } from '../run-activity.js';
import type { TakeCorrectionsInput, TakenCorrections } from '../../protocol/activities/correction-types.js';
import { defined } from '../../domain/defined.js';
import { asRefusal, refused } from './refuse-corrections.js';
import { takeOut } from './match-corrections.js';
import { readCorrections } from './read-corrections.js';

const NOT_FOR_ALL =
  'The load lies in an object store, so any worker may read its corrections: put the corrected file there, and name it by its s3: URI.';

export function acceptCorrections(
  dependencies: ActivityDependencies,
): (input: TakeCorrectionsInput) => Promise<TakenCorrections> {
  return runActivity(async (input, step) => {
    const { roots } = dependencies;
    const plan = await loadPlan(roots, roots.ownPathOf(input.stage.uri));
    const folder = roots.ownPathOf(input.nextStageUri);
    await makeFolder(folder);
    const rejected = input.rejected.map((uri) => roots.ownPathOf(uri));
    const succeeded = await landedFiles(roots, input.ended);
    const rows = await asRefusal(async () => {
      if (isObject(input.stage.uri) && !isObject(input.source)) throw refused(NOT_FOR_ALL);
      const file = await roots.foreignFile(input.source);
      if (input.connection !== undefined) {
        await permit(dependencies, input.connection, { source: input.source, sourcePath: file.path });
      }
      // A missing file is refused before it is read.
      await fingerprint(file);
      const { maxUnpackedBytes } = dependencies;
      const how = { ...input, succeeded, maxUnpackedBytes };
      return holding(file, (held) => readCorrections(held, { plan, rejected, folder, input: how }, step));
    });
    const remaining = await takeOut(rows, { plan, rejected, folder }, step);
    const stage = rows.plan;
    // After a reset, the same number may name another file; rows sent from the first file must not be counted for it.
    const taken = stage.parts.reduce((sum, { records }) => sum + records, 0);
    if (!input.fromFixer) await audit('correction', dependencies, { name: input.connection, rows: taken });
    const stageFolder = join(folder, contentName(stage));
    await savePlan(stageFolder, stage);
    return {
      rows: taken,
      remaining: remaining.rows,
      ...(rows.left > 0 && { left: rows.left }),
      ...defined({ warnings: rows.warnings }),
      ...(remaining.rows > 0 && { rejected: uriOf(remaining.path) }),
      next: stageOf(stageFolder, stage),
    };
  });
}

function contentName({ parts }: StagePlan): string {
  const hash = createHash('sha256');
  for (const { start, end, crc } of parts) hash.update(`${start}-${end}:${crc};`);
  return hash.digest('hex').slice(0, 16);
}
