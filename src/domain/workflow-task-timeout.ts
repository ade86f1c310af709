/**
 * How long a worker may take for one step of a workflow's code before another worker gets it: so long does a workflow
 * stand still whose worker is killed in the middle of one. The server's default is 10 s.
 */

/** A worker that is busy with much else needs seconds to replay the history of a load with hundreds of parts. */
export const WORKFLOW_TASK_TIMEOUT = '8s';

/** A part's history is short. */
export const PART_TASK_TIMEOUT = '5s';
