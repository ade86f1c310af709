/** The hold: the load waits for people to correct rejected rows, and takes their files one at a time. */
import { ApplicationFailure } from '@temporalio/common';
import { condition } from '@temporalio/workflow';
import type { Corrections, CorrectionsTaken } from '../../contract/corrections.js';
import { defined } from '../../domain/defined.js';
import { count } from '../../domain/text/format.js';
import { pastZonedMoment } from '../../domain/text/zoned-moment.js';
import type { Load } from '../load/load.js';
import { acceptCorrections, canBeCorrected, collectRejected, correctionsOf, sendCorrections } from './corrections.js';
import { waiting } from '../support/metrics.js';
import { enterWarnings } from '../support/warnings.js';

/** Waits for people while rejected rows and time are left. */
export async function holdForCorrections(load: Load): Promise<void> {
  const { settings, state, live } = load;
  if (settings.holdForMs === 0 || state.tally.rejected === 0) return;
  if (!canBeCorrected(load)) {
    enterWarnings(state.warnings, [
      'The load did not hold for corrections: an insert without a unique external id has no key to match corrected rows by.',
    ]);
    return;
  }
  state.holdUntil ??= Date.now() + settings.holdForMs;
  live.holding = true;
  try {
    while (state.tally.rejected > 0 && load.mayContinue && Date.now() < state.holdUntil) {
      await waitForCorrections(load, state.holdUntil);
      await sendSubmitted(load);
    }
  } finally {
    live.holding = false;
    delete live.waitingFor;
  }
}

async function waitForCorrections(load: Load, holdUntil: number): Promise<void> {
  const { input, state, live } = load;
  const { uri, forPeople } = await collectRejected(load, { defuse: input.defuse ?? false });
  live.rejectedFile = uri;
  live.rejectedForPeople = forPeople;
  const left = Math.max(1, holdUntil - Date.now());
  live.waitingFor = `corrections of ${count(state.tally.rejected)} rejected rows until ${pastZonedMoment(holdUntil, load.input.timeZone)}`;
  load.enterPhase('holding');
  const summary = `waits for ${live.waitingFor}`;
  await waiting('corrections', () => condition(() => live.accepted !== undefined, left, { summary }));
  // A file that is being read when the time ends still counts.
  while (live.correcting && live.accepted === undefined) {
    await condition(() => !live.correcting || live.accepted !== undefined);
  }
}

async function sendSubmitted(load: Load): Promise<void> {
  const { live } = load;
  if (live.accepted === undefined) return;
  try {
    await sendCorrections(load, live.accepted);
  } finally {
    delete live.accepted;
    live.correcting = false;
  }
}

/** The update `submitCorrections`. */
export async function submitCorrections(load: Load, message: Corrections): Promise<CorrectionsTaken> {
  const { live } = load;
  const corrections = correctionsOf(message);
  // Several may have waited for the same moment: only the first continues.
  while (live.holding && !isReady(load)) await condition(() => !live.holding || isReady(load));
  refuseUnlessHolding(load);
  live.correcting = true;
  try {
    const accepted = await acceptCorrections(load, corrections);
    // The load was canceled meanwhile, so the rows would not be sent.
    refuseUnlessHolding(load);
    live.accepted = accepted;
    const { rows, remaining, warnings } = accepted;
    return defined({ rows, remaining, warnings });
  } finally {
    // Accepted rows are sent before others may be submitted.
    live.correcting = live.accepted !== undefined;
    load.noteChange();
  }
}

/** The update's validator: what is refused here leaves no trace in the history. */
export function checkMessage(load: Load, message: unknown): void {
  refuseUnlessHolding(load);
  correctionsOf(message);
}

function isReady({ state, live }: Load): boolean {
  return !live.correcting && state.phase === 'holding';
}

function refuseUnlessHolding({ state, live }: Load): void {
  if (live.holding) return;
  throw ApplicationFailure.nonRetryable(
    `The load accepts corrections only during its hold (--hold-for); it is now in phase ${state.phase}. Once it has ended, load the corrected file in a separate load.`,
    'LOAD_NOT_HOLDING',
  );
}
