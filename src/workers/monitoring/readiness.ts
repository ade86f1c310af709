/** When a worker is ready, and what `/readyz` answers. */
import type { Page } from './http-server.js';
import type { QueuesProbe } from './probe-queues.js';

/**
 * Why a running worker is not ready; empty if it is.
 * @param queues undefined if Temporal does not answer
 * @param failing workflow types whose tasks fail on this worker
 */
export function notReadyReasons(queues: QueuesProbe | undefined, failing: readonly string[]): string[] {
  return [
    ...(queues === undefined ? ['Temporal does not answer.'] : []),
    ...(queues?.notPolled ?? []).map((name) => `The worker does not poll the task queue ${name}.`),
    ...(failing.length === 0 ? [] : [`Workflow tasks fail on this worker: ${failing.join(', ')}.`]),
  ];
}

export function readyPage(reasons: readonly string[]): Page {
  if (reasons.length === 0) return { status: 200, text: 'ready\n' };
  return { status: 503, text: reasons.map((reason) => `${reason}\n`).join('') };
}
