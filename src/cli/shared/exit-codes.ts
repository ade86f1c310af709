/** Exit codes of commands. An error that a command reports is 1, success is 0. */
import type { LoadState } from '../../contract/load-result.js';

/** Of commands that show the result of a load. */
export const RESULT_EXIT_CODES: Record<LoadState, number> = {
  Completed: 0,
  CompletedWithRejects: 2,
  Failed: 1,
  Canceled: 1,
};

/** After Ctrl-C, as shells report it. A load that the command followed continues. */
export const INTERRUPTED = 130;
