/** What a load with `finishBy` knows about its end: plain data, carried over continue-as-new. */
import type { Pace } from '../../../domain/forecast/pace.js';
import type { PastLoads } from '../../../domain/forecast/past-loads.js';

export interface Finish {
  /** Workflow time at which the load should have ended. */
  by: number;
  past?: PastLoads;
  pace?: Pace;
  /** Workflow time at which people were told that it will be late. */
  lateAt?: number;
}
