/**
 * How long a worker may take for one step of a workflow's code before another worker gets it: so long does a workflow
 * stand still whose worker is killed in the middle of one. The server's default is 10 s. A busy worker needs seconds:
 * with 5 s, parts of one whose thread was blocked half of the time stood still for minutes.
 */
export const WORKFLOW_TASK_TIMEOUT = '8s';
