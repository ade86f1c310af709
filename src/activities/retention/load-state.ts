/** Asks Temporal whether the workflow that owns a result folder runs, has ended, or is no longer known. */
import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import { shown } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import type { LoadState } from './prunable-files.js';

const ASK_MS = 5_000;
const LOAD_TYPE = 'bulkLoad';
const ENDS: readonly string[] = ['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];

/**
 * The newest run under this id decides.
 * @throws NightloadError `LOAD_STATE_UNKNOWN`, `RESULTS_OWNER_UNCLEAR`
 */
export async function loadStateOf(workflowId: string, signal: AbortSignal): Promise<LoadState> {
  const { client } = Context.current();
  const asked = await client
    .withAbortSignal(signal, () =>
      client.withDeadline(Date.now() + ASK_MS, () => client.workflow.getHandle(workflowId).describe()),
    )
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      signal.throwIfAborted();
      throw new NightloadError(
        'LOAD_STATE_UNKNOWN',
        'Temporal did not report whether the load is running, so its files stay. Run the command again; the worker must be allowed to describe workflows.',
        { cause: error },
      );
    });
  if (asked === undefined) return { state: 'forgotten' };
  const { type, status, closeTime } = asked;
  if (type !== LOAD_TYPE) {
    throw new NightloadError(
      'RESULTS_OWNER_UNCLEAR',
      `The owner note names a workflow of the type ${shown(type)}, which is not a load, so the files stay. If they are no longer needed, remove the folder.`,
    );
  }
  if (!ENDS.includes(status.name) || closeTime === undefined) return { state: 'running' };
  return { state: 'ended', at: closeTime.getTime() };
}
