/** The retry of a load as an object: its input, the state carried over, and what lives as long as the run. */
import { continueAsNew, setCurrentDetails } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import { toLoadError } from '../../domain/failures.js';
import { waitOfPart, waitsFor } from '../../domain/text/waits.js';
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
import { endedByCancellation } from '../support/cancellation.js';
import { carryOver } from '../support/carried-state.js';
import { ReportsToParent } from '../support/signal-parent.js';
import { retryDetails } from './details.js';
import { newRetryState } from './retry-state.js';
import type { RetryState } from './retry-state.js';

export class Retry {
  readonly input: RetryInput;
  readonly state: RetryState;
  /** The running child. Lives as long as the run. */
  readonly live: { child?: string; signals: ChildSignals } = { signals: new ChildSignals() };
  readonly #reports = new ReportsToParent(retryProgressSignal);
  #doing = '';
  /** The end of the sentence "waits for". */
  #wait: string | undefined;

  constructor(input: RetryInput, carried: RetryState | undefined) {
    this.input = input;
    this.state = carried ?? newRetryState(input);
  }

  get result(): RetryResult {
    return this.state.result;
  }

  get fileActivities(): ActivityInterfaceFor<Activities> {
    return fileActivities(this.input, this.input.outageMs, (text) => this.enterWait(text));
  }

  /** Nothing more is sent. */
  get mustEnd(): boolean {
    return this.result.canceled || this.result.error !== undefined;
  }

  enterError(error: unknown): void {
    if (endedByCancellation(error)) this.result.canceled = true;
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

  enterPartProgress(part: PartNow): void {
    this.enterWait(waitOfPart(part));
  }

  /** @param wait the end of the sentence "waits for"; undefined when it is over */
  enterWait(wait: string | undefined): void {
    if (wait === this.#wait) return;
    this.#wait = wait;
    void this.#show(wait === undefined ? this.#doing : waitsFor(wait)).catch(() => undefined);
  }

  /** Shows it on this workflow's details page. */
  showDetails(doing: string): void {
    setCurrentDetails(retryDetails(this.input, this.result, doing));
  }

  /** Shows it on the details pages of this workflow and its parent. */
  async report(doing: string): Promise<void> {
    this.#doing = doing;
    this.#wait = undefined;
    await this.#show(doing);
  }

  async #show(doing: string): Promise<void> {
    this.showDetails(doing);
    await this.#reports.send(doing);
  }

  async continueAsNew(): Promise<never> {
    return continueAsNew<(input: RetryInput, carried?: RetryState) => Promise<RetryResult>>(
      this.input,
      carryOver(this.state),
    );
  }
}
