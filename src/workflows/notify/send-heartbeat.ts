/** Pings the heartbeat at the end of a load, for as long as the monitoring service is likely to wait. */
import { ApplicationFailure } from '@temporalio/common';
import { log } from '@temporalio/workflow';
import { innermostFailure } from '../../domain/failures.js';
import { plainText } from '../../domain/text/plain-text.js';
import type { HeartbeatResult, PingHeartbeatInput } from '../../protocol/activities/notify-types.js';
import { endPingActivities } from '../support/activity-options.js';
import { refuseUnlessChild } from '../support/started-by-load.js';

export async function sendHeartbeat(input: PingHeartbeatInput): Promise<HeartbeatResult> {
  refuseUnlessChild('sendHeartbeat');
  try {
    const { warning } = await endPingActivities.pingHeartbeat.executeWithOptions(
      { summary: 'heartbeat: the load has ended' },
      [input],
    );
    return warning === undefined ? { sent: true } : { sent: false, code: 'HEARTBEAT_UNKNOWN' };
  } catch (error) {
    const cause = innermostFailure(error);
    const code = plainText((cause instanceof ApplicationFailure ? cause.type : undefined) ?? 'WORKER_LOST', 100);
    log.warn('The heartbeat of a load was not taken', { code });
    return { sent: false, code };
  }
}
