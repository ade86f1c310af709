/** Pings the heartbeat of a load: it begins, has ended well, or has failed. */
import type { HeartbeatPinged, PingHeartbeatInput } from '../../protocol/activities/notify-types.js';
import type { ActivityDependencies } from '../dependencies.js';
import { runActivity } from '../run-activity.js';

export function pingHeartbeat({
  notifier,
}: ActivityDependencies): (input: PingHeartbeatInput) => Promise<HeartbeatPinged> {
  return runActivity(async ({ heartbeat, kind }, { signal }) => {
    if (notifier === undefined) {
      return {
        warning:
          'HEARTBEAT_UNKNOWN: The load names a heartbeat, but its worker has no notify file, so nothing was pinged. Set NIGHTLOAD_NOTIFY on all workers of the task queue.',
      };
    }
    const known = notifier.heartbeats();
    if (!known.accepts(heartbeat)) {
      // Not the value: it may be an address that was pasted by mistake.
      const names = known.names.slice(0, 20).join(', ') || 'none';
      return {
        warning: `HEARTBEAT_UNKNOWN: The worker's notify file has no such heartbeat, so nothing was pinged. Name one of "heartbeats" (there: ${names}), or write it there.`,
      };
    }
    await notifier.ping(heartbeat, kind, signal);
    return {};
  });
}
