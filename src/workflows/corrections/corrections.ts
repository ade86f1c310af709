/** Corrected rows: checked against the rejected ones, then sent as rows of the same load. */
import { ApplicationFailure } from '@temporalio/common';
import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Corrections } from '../../contract/corrections.js';
import { defined } from '../../domain/defined.js';
import { toLoadError } from '../../domain/failures.js';
import { readCorrections } from '../../domain/input/other-inputs.js';
import { count, nameOf } from '../../domain/text/format.js';
import type { GatheredRejected } from '../../protocol/activities/correction-types.js';
import type { AcceptedCorrections, Load } from '../load/load.js';
import { sendCorrected } from '../load/retry-rows.js';
import { enterWarnings } from '../support/warnings.js';

/** Takes corrected rows out of the rejected ones. */
export async function acceptCorrections(
  load: Load,
  { source, delimiter, encoding }: Corrections,
  { fromFixer = false } = {},
): Promise<AcceptedCorrections> {
  const { input, settings, state, located, stage, fileActivities } = load;
  const name = `correct-${++state.corrections}`;
  const accepted = await fileActivities.acceptCorrections.executeWithOptions(
    { summary: `corrected rows from ${nameOf(source)}` },
    [
      {
        source,
        ...defined({ delimiter, encoding }),
        stage,
        rejected: state.files.rejected,
        ended: state.ended,
        connection: settings.connection,
        fromFixer,
        operation: input.operation,
        blankAsNull: input.blankAsNull ?? false,
        nextStageUri: `${located.workUri}${name}/`,
        partMaxBytes: settings.partMaxBytes,
      },
    ],
  );
  enterWarnings(state.warnings, accepted.warnings);
  return { ...accepted, name };
}

/** From here on the corrected rows are no longer rejected: their outcome is counted again. */
export async function sendCorrections(load: Load, accepted: AcceptedCorrections): Promise<void> {
  const { files, tally } = load.state;
  const before = { files: files.rejected, rows: tally.rejected };
  files.rejected = accepted.rejected === undefined ? [] : [accepted.rejected];
  tally.rejected = accepted.remaining;
  try {
    await sendCorrected(load, accepted);
  } catch (error) {
    // A running child answers a cancellation with a result; this one was never started, so the rows stay rejected.
    if (isCancellation(error)) {
      files.rejected = before.files;
      tally.rejected = before.rows;
    } else load.fail(error);
    throw error;
  }
}

/** The rejected rows as one file next to the results. */
export async function collectRejected(load: Load, { defuse = false } = {}): Promise<GatheredRejected> {
  const { tally, files } = load.state;
  return load.fileActivities.collectRejected.executeWithOptions({ summary: `${count(tally.rejected)} rejected rows` }, [
    {
      outputUri: load.located.outputUri,
      runId: workflowInfo().runId,
      rejected: files.rejected,
      ...(defuse && { defuse }),
    },
  ]);
}

/** Without a key it is unknown which row a corrected one replaces. */
export function canBeCorrected({ state }: Load): boolean {
  return state.stage?.key !== undefined;
}

/** Of an update or a fixer: anything. @throws ApplicationFailure `CORRECTIONS_REFUSED` */
export function correctionsOf(message: unknown): Corrections {
  try {
    return readCorrections(message);
  } catch (error) {
    throw ApplicationFailure.nonRetryable(toLoadError(error).message, 'CORRECTIONS_REFUSED');
  }
}
