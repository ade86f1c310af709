/** What the watcher of schedules reads from Temporal. */

/** A schedule as Temporal describes it; times in milliseconds. */
export interface SeenSchedule {
  id: string;
  /** When it was created or last changed: what was due before belongs to another plan. */
  changedAt: number;
  paused: boolean;
  /** The next due times, jitter included, ascending; none if it has no runs left. */
  next: number[];
  /** Due times of the newest runs that were started, ascending. */
  started: number[];
  /** Runs that were left out because the one before was still running. */
  skipped: number;
  /** Runs that were left out because Temporal was down for longer than the schedule catches up. */
  missed: number;
  /** Workflow id of its runs, without the time. */
  workflowId: string;
  /** Of its loads; empty if the input cannot be read here. */
  connection: string;
  object: string;
  operation: string;
  /** In which its times are meant; absent for UTC. */
  timeZone?: string;
}

export interface SchedulesRead {
  /** How long after its time a run may start; absent if no rule of this worker takes `notStarted`. */
  graceMs?: number;
  schedules: SeenSchedule[];
  /** Ids of schedules that Temporal lists and cannot describe; absent if there are none. */
  unread?: string[];
  /** There are more than are watched. */
  tooMany: boolean;
}

/** Due times and started runs that Temporal lists for a schedule. */
export const MAX_LISTED_RUNS = 10;
/** Schedules that are watched. */
export const MAX_WATCHED = 200;
/** Characters of the id of a schedule that is watched. */
export const MAX_SCHEDULE_ID = 200;
