/**
 * Writes the audit line of a pause or a resume. Only the history shows who sent the signal, and a workflow cannot see
 * it.
 */
import { audit } from '../audit-log.js';
import type { ActivityDependencies } from '../dependencies.js';

export interface NotePauseInput {
  paused: boolean;
  connection?: string;
}

export function notePause(
  dependencies: Pick<ActivityDependencies, 'connections'>,
): (input: NotePauseInput) => Promise<void> {
  return ({ paused, connection = 'default' }) => audit(paused ? 'pause' : 'resume', dependencies, { name: connection });
}
