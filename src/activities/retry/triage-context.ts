/** What every triage step needs: the stage's plan, the outcomes of its parts, and the output. */
import type { StagePlan } from '../stage/stage-plan-types.js';
import type { PartOutcome } from '../../protocol/activities/ended-parts.js';
import type { Operation } from '../../contract/names.js';
import type { TriageOutput } from './triage-output.js';
import type { PlannedFixes } from './planned-fixes.js';

export interface TriageContext {
  plan: StagePlan;
  stageFolder: string;
  /** Parts that did not simply land; all others did. */
  outcomes: PartOutcome[];
  operation: Operation;
  final: boolean;
  /** Whether the planned bytes are still there; if not, only result files are read. */
  sourceUsable: boolean;
  files: TriageOutput;
  fixes: PlannedFixes;
  signal: AbortSignal;
}
