/**
 * The heartbeat of a load (`heartbeatUrl`): pings a monitoring service when it begins and when it ends. The load waits
 * for neither.
 */
import { shortRunId } from '../../domain/result-layout.js';
import { ChildWorkflowCancellationType, ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import type { LoadState } from '../../contract/load-result.js';
import type { Load } from '../load/load.js';
import { startPingActivities } from '../support/activity-options.js';
import { enterWarnings } from '../support/warnings.js';
import type { sendHeartbeat } from './send-heartbeat.js';

const FAILED: readonly LoadState[] = ['Failed', 'Canceled'];

/** Ends with the load: a start that is told after the end would look like a load that never ends. */
export function pingStart({ input, state }: Load): void {
  const { heartbeatUrl: heartbeat } = input;
  if (heartbeat === undefined) return;
  startPingActivities.pingHeartbeat
    .executeWithOptions({ summary: 'heartbeat: the load begins' }, [{ heartbeat, kind: 'start' }])
    .then(
      ({ warning }) => enterWarnings(state.warnings, [warning]),
      () => undefined,
    );
}

/** A workflow of its own, which outlives the load. */
export async function pingEnd(load: Load, end: LoadState): Promise<void> {
  const { heartbeatUrl: heartbeat } = load.input;
  if (heartbeat === undefined) return;
  const { workflowId, firstExecutionRunId } = workflowInfo();
  try {
    await startChild<typeof sendHeartbeat>('sendHeartbeat', {
      args: [{ heartbeat, kind: FAILED.includes(end) ? 'fail' : 'success' }],
      workflowId: `${workflowId}/heartbeat-${shortRunId(firstExecutionRunId)}`,
      staticSummary: 'heartbeat: the load has ended',
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      // After a reset the load ends again; a repeated ping does no harm.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
  } catch (error) {
    load.log('no heartbeat was started', { code: error instanceof Error ? error.name : 'UNEXPECTED' });
  }
}
