/** One load as its workflow holds it. The steps of a load, one file each, receive it, read it and change it. */
import { CancellationScope, continueAsNew, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import type { BulkLoadInput } from '../../contract/load-input.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import type { LoadPhase } from '../../contract/load-phases.js';
import type { WhenLate } from '../../contract/names.js';
import { defined } from '../../domain/defined.js';
import { requestsOf, toLoadError } from '../../domain/failures.js';
import { outageLimitOf } from '../../domain/input/resolve-input.js';
import type { LoadSettings } from '../../domain/input/resolve-input.js';
import { loadIdOf } from '../../domain/load-ids.js';
import { forecastText } from '../../domain/text/forecast-text.js';
import type { LocatedSource } from '../../protocol/activities/source-types.js';
import type { OrgRef } from '../../protocol/activities/job-types.js';
import type { Stage } from '../../protocol/activities/plan-types.js';
import type { TakenCorrections } from '../../protocol/activities/correction-types.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';
import { pollNowSignal } from '../../protocol/messages/load-messages.js';
import type { PartNow } from '../../protocol/messages/load-messages.js';
import type { IngestJobInput } from '../job/job-state.js';
import { ChildSignals } from '../children/child-signals.js';
import { fileCleanupActivities, fileActivities } from '../support/activity-options.js';
import { untilCanceled } from '../support/cancellation.js';
import { logEvent } from '../support/log-event.js';
import type { EventFacts } from '../support/log-event.js';
import { carryOver } from '../support/carried-state.js';
import { readInput } from '../incoming/read-input.js';
import { enterTime } from './timeline.js';
import { markSearchAttributes } from '../support/search-attributes.js';
import { loadDetails } from './details.js';
import { enterFinish, forecastOf, notePace } from './finish-by/finish.js';
import { emptyState, evidenceFor } from './load-state.js';
import type { CarriedState } from './load-state.js';

/** What external messages change, and how the children are doing. Lives as long as the run. */
export interface LiveLoad {
  paused: boolean;
  /** Workflow time, in this run. */
  pausedSince?: number;
  /** Lines of the worker's log that record who paused the load. */
  pauseLog: { lines: number; isWriting: boolean; paused: boolean };
  waitingFor?: string;
  /** Workers that a step on files waits for. */
  missing?: string | undefined;
  /** A step that fails again and again. */
  outage?: string | undefined;
  /** During a hold: `file:` URI of the rows that wait for corrections. */
  rejectedFile?: string;
  /** Its copy for spreadsheets, if the load makes copies. */
  rejectedForPeople?: string | undefined;
  /** From start to end of the hold: later corrections are refused. */
  holding: boolean;
  /** Corrections are being read or sent: others wait. */
  correcting: boolean;
  /** Corrected rows to send. */
  accepted?: AcceptedCorrections;
  running: Map<number, PartNow>;
  /** Names of the started children, by part: one that was terminated continues under another name. */
  started: Map<number, string>;
  /** Name of the child that sends rows again, once started. */
  retrying?: string;
  /** To the children. */
  signals: ChildSignals;
  /** Counts every change that may allow another step. */
  changes: number;
}

/** Rows to send, and the name under which they are sent. */
export type AcceptedCorrections = TakenCorrections & { name: string };

/** Settings common to all jobs of a load. */
type JobSettings = Pick<
  IngestJobInput,
  | keyof OrgRef
  | 'object'
  | 'assignmentRuleId'
  | 'filesQueue'
  | 'poll'
  | 'jobTimeoutMs'
  | 'outageMs'
  | 'priority'
  | 'loadId'
  | 'searchAttributes'
> &
  Required<Pick<IngestJobInput, 'evidence'>>;

const FIRST_PRIORITY = 1;
/** As for `part.maxConcurrent`. */
const MAX_PARALLEL = 100;

export class Load {
  /** As the load runs with it; for a refused input only what names the load. */
  readonly input: BulkLoadInput;
  /** Carried over continue-as-new. */
  readonly state: CarriedState;
  readonly live: LiveLoad;
  /** The workflow's scope: it shows that the load was canceled even to steps that run in their own scope. */
  readonly root = CancellationScope.current();
  readonly #settings: () => LoadSettings;

  constructor(given: BulkLoadInput, carried: CarriedState | undefined) {
    const { workflowId, startTime } = workflowInfo();
    const { input, settings } = readInput(given, workflowId);
    this.input = input;
    this.#settings = settings;
    this.state = carried ?? {
      ...emptyState(),
      startedAt: startTime.getTime(),
      timeline: { phases: [], pauses: [] },
    };
    // Not the time of this run's first task: what was restored may be older.
    this.state.jobsKnownUntil ??= startTime.getTime();
    enterFinish(this);
    const paused = this.state.paused ?? false;
    this.live = {
      paused,
      ...(paused && { pausedSince: Date.now() }),
      pauseLog: { lines: 0, isWriting: false, paused },
      signals: new ChildSignals(),
      holding: false,
      correcting: false,
      running: new Map(),
      started: new Map(),
      changes: 0,
    };
  }

  /** @throws NightloadError `INVALID_INPUT` when the input is refused */
  get settings(): LoadSettings {
    return this.#settings();
  }

  /** Known once a worker has seen the source. */
  get located(): LocatedSource {
    return this.state.located as LocatedSource;
  }

  /** Known once the load is planned. */
  get stage(): Stage {
    return this.state.stage as Stage;
  }

  get isPlanned(): boolean {
    return this.state.stage !== undefined;
  }

  get loadId(): string {
    return loadIdOf(this.input, workflowInfo().workflowId);
  }

  get mayContinue(): boolean {
    return this.state.error === undefined && !this.state.canceled;
  }

  /** The first of the parts that were never started, if any. */
  get notStartedFrom(): number | undefined {
    const { next, stage } = this.state;
    return stage !== undefined && next <= stage.parts ? next : undefined;
  }

  /** Names of the running children, to which signals are passed on. */
  get children(): string[] {
    const { retrying, started } = this.live;
    return retrying === undefined ? [...started.values()] : [retrying];
  }

  get jobSettings(): JobSettings {
    const { input, state, settings } = this;
    const { filesQueue, searchAttributes } = this.located;
    return {
      ...(state.org as OrgRef),
      object: state.object ?? input.object,
      filesQueue,
      poll: settings.poll,
      jobTimeoutMs: settings.jobTimeoutMs,
      outageMs: settings.outageMs,
      priority: this.isHurried('raisePriority') ? FIRST_PRIORITY : settings.priority,
      loadId: this.loadId,
      searchAttributes,
      evidence: evidenceFor(state, workflowInfo().workflowId),
      ...defined({ assignmentRuleId: input.assignmentRuleId }),
    };
  }

  /** Parts that may run at the same time. */
  get parallel(): number {
    const { maxConcurrent } = this.settings;
    return this.isHurried('moreParallel') ? Math.min(MAX_PARALLEL, 2 * maxConcurrent) : maxConcurrent;
  }

  /** What the input allows is done once the load is late. */
  private isHurried(measure: WhenLate): boolean {
    return this.input.whenLate === measure && this.state.finish?.lateAt !== undefined;
  }

  /** File work, on the workers that share the source's folder. */
  get fileActivities(): ActivityInterfaceFor<Activities> {
    return fileActivities(this.located, this.settings.outageMs, (text) => this.enterMissing(text));
  }

  /** File work at the end of the load; after a cancellation it does not wait for a disk to be fixed. */
  finishOnFiles<T>(step: (files: ActivityInterfaceFor<Activities>) => Promise<T>): Promise<T> {
    const { located } = this;
    return untilCanceled(this.root, this.state, (isCanceled) =>
      step(
        isCanceled
          ? fileCleanupActivities(located.filesQueue)
          : fileActivities(located, outageLimitOf(this.input), (text) => this.enterMissing(text)),
      ),
    );
  }

  /** @param text workers that a step waits for: the end of the sentence "waits for" */
  enterMissing(text: string | undefined): void {
    this.live.missing = text;
    this.showDetails();
  }

  /** Starts a new phase, shown on the load's details page and in lists. */
  enterPhase(phase: LoadPhase): void {
    if (phase !== this.state.phase) {
      this.log(`load ${phase}`);
      enterTime(this.state.timeline?.phases, { phase, at: Date.now() });
    }
    this.state.phase = phase;
    markSearchAttributes(this.state.located?.searchAttributes ?? [], { NightloadPhase: phase });
    this.showDetails();
  }

  /** @param text what must end before the load continues: the end of the sentence "waits for" */
  enterOutage(text: string | undefined): void {
    if (this.live.outage === text) return;
    this.live.outage = text;
    this.noteChange();
    this.showDetails();
  }

  /** A line of the worker's log. */
  log(event: string, facts: EventFacts = {}): void {
    logEvent(event, { loadId: this.loadId, ...facts });
  }

  /** @param text the end of the sentence "waits for" */
  waitFor(text: string): void {
    this.live.waitingFor = text;
    this.showDetails();
  }

  async pollNow(): Promise<void> {
    this.noteChange();
    await Promise.all(this.children.map((name) => this.live.signals.send(name, pollNowSignal)));
  }

  enterPartProgress(part: PartNow): void {
    const { running } = this.live;
    if (running.has(part.n)) running.set(part.n, part);
    notePace(this);
    if (part.landed === true) this.noteChange();
    this.showDetails();
  }

  /** Signals a change that may allow another step. */
  noteChange(): void {
    this.live.changes++;
  }

  /** Keeps the first reason why the load ends early. */
  fail(error: unknown): void {
    this.state.error ??= toLoadError(error);
  }

  /** Awaits a step that calls Salesforce, and records its requests however it ends. */
  async awaitCounted<T>(step: Promise<Counted<T>>): Promise<T> {
    const { state } = this;
    try {
      const { value, requests, late } = await step;
      state.tally.apiRequests += requests.total;
      if (late === true) state.timeGapAt = Date.now();
      return value;
    } catch (error) {
      state.tally.apiRequests += requestsOf(error).total;
      throw error;
    }
  }

  async continueAsNew(): Promise<never> {
    return continueAsNew<(input: BulkLoadInput, carried?: CarriedState) => Promise<BulkLoadResult>>(
      this.input,
      carryOver(this.state),
    );
  }

  /** Updates the load's details page in the UI. */
  showDetails(result?: BulkLoadResult): void {
    const { input, state, live } = this;
    const forecast = forecastOf(this);
    const words = forecast && forecastText(forecast, Date.now());
    setCurrentDetails(loadDetails({ input, state, live, forecast: words }, result));
  }
}
