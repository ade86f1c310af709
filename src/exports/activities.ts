/**
 * `nightload/activities`: the activities of loads, for a worker that you assemble yourself.
 * @experimental Names and arguments of activities may change in any version.
 */
export { openActivities } from '../workers/worker-host.js';
export type { HostOptions, OpenActivities, ServerOptions } from '../workers/worker-host.js';
export type { Activities } from '../activities/index.js';
