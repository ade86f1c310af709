/** The retry of a load as an object: its input, the state carried over, and what lives as long as the run. */
import { continueAsNew, isCancellation, setCurrentDetails } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import { toLoadError } from '../../domain/failures.js';
import {
  pauseSignal,
  pollNowSignal,
  resumeSignal,
  retryProgressSignal,
} from '../../protocol/messages/load-messages.js';
import type { PartNow } from '../../protocol/messages/load-messages.js';
import { ChildSignals } from '../children/child-signals.js';
import type { RetryInput, RetryResult } from './retry-state.js';
import { fileActivities } from '../support/activity-options.js';
import { carryOver } from '../support/carried-state.js';
import { signalParent } from '../support/signal-parent.js';
import { retryDetails } from './details.js';
import { newRetryState } from './retry-state.js';
import type { RetryState } from './retry-state.js';

export class Retry {
  readonly input: RetryInput;
  readonly state: RetryState;
  /** The running child. Lives as long as the run. */
  readonly live: { child?: string; signals: ChildSignals } = { signals: new ChildSignals() };

  constructor(input: RetryInput, carried: RetryState | undefined) {
    this.input = input;
    this.state = carried ?? newRetryState(input);
  }

  get result(): RetryResult {
    return this.state.result;
  }

  get fileActivities(): ActivityInterfaceFor<Activities> {
    return fileActivities(this.input, this.input.outageMs, (text) => {
      if (text !== undefined) void this.report(`waits for ${text}`).catch(() => undefined);
    });
  }

  /** Nothing more is sent. */
  get mustEnd(): boolean {
    return this.result.canceled || this.result.error !== undefined;
  }

  enterError(error: unknown): void {
    if (isCancellation(error)) this.result.canceled = true;
    else this.result.error ??= toLoadError(error);
  }

  async pollNow(): Promise<void> {
    if (this.live.child !== undefined) await this.live.signals.send(this.live.child, pollNowSignal);
  }

  async pause(): Promise<void> {
    this.state.paused = true;
    if (this.live.child !== undefined) await this.live.signals.send(this.live.child, pauseSignal);
  }

  async resume(): Promise<void> {
    this.state.paused = false;
    if (this.live.child !== undefined) await this.live.signals.send(this.live.child, resumeSignal);
  }

  /** Reports to the load that a job waits for a person. */
  async enterPartProgress({ waitingFor, inQuestion }: PartNow): Promise<void> {
    if (inQuestion === true && waitingFor !== undefined) await this.report(`waits for ${waitingFor}`);
  }

  /** Shows it on this workflow's details page. */
  showDetails(doing: string): void {
    setCurrentDetails(retryDetails(this.input, this.result, doing));
  }

  /** Shows it on the details pages of this workflow and its parent. */
  async report(doing: string): Promise<void> {
    this.showDetails(doing);
    await signalParent(retryProgressSignal, doing);
  }

  async continueAsNew(): Promise<never> {
    return continueAsNew<(input: RetryInput, carried?: RetryState) => Promise<RetryResult>>(
      this.input,
      carryOver(this.state),
    );
  }
}
