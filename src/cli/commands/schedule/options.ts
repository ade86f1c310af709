/** Options of the `nightload schedule` commands. */
import type { LoadOptions } from '../../shared/input/load-options.js';

export interface ScheduleOptions extends LoadOptions {
  source: string;
  cron: string[];
  timeZone: string;
  waitForSource?: string;
  catchUp: string;
  jitter?: string;
  note?: string;
  paused?: boolean;
}

export interface NoteOptions {
  note?: string;
  json?: boolean;
}
