/** Input of the activity that reads the index of past loads. */
import type { Operation } from '../../contract/names.js';

export interface ReadPastLoadsInput {
  connection: string;
  object: string;
  operation: Operation;
  /** Id of the schedule that started the load. */
  schedule?: string;
  /** As in the load's input. @default the worker's own */
  output?: string;
}
