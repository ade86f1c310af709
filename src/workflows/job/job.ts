/**
 * One part of a load on its way through Salesforce, as an object: its input, the state carried over, what lives as long
 * as the run, and the calls about the current job.
 */
import { defined } from '../../domain/defined.js';
import { CancellationScope, continueAsNew, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import { isTerminal } from '../../domain/platform/job-states.js';
import type { PartPhase } from '../../contract/load-progress.js';
import type { JobSummary } from '../../contract/load-result.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';
import type { ResultCounts } from '../../protocol/activities/ended-parts.js';
import type { JobStatus, JobRef } from '../../protocol/activities/job-types.js';
import { requestsOf, withUnknownClock } from '../../domain/failures.js';
import { plain } from '../../domain/text/markdown.js';
import { partProgressSignal } from '../../protocol/messages/load-messages.js';
import type { PartNow } from '../../protocol/messages/load-messages.js';
import { enterWarnings } from '../support/warnings.js';
import {
  cleanupActivities,
  fileActivities,
  salesforceActivities,
  uploadActivities,
} from '../support/activity-options.js';
import { logEvent } from '../support/log-event.js';
import { carryOver } from '../support/carried-state.js';
import type { Grant } from '../incoming/parse-messages.js';
import { markSearchAttributes } from '../support/search-attributes.js';
import { ReportsToParent } from '../support/signal-parent.js';
import { jobDetails } from './details.js';
import { countRequests, enterJobInfo, enterLost, newJobState, partProgress, questionOf } from './job-state.js';
import type { IngestJobInput, IngestJobResult, JobState } from './job-state.js';

/** Grants kept; only the one that is waited for matters. */
const MAX_GRANTS = 20;

const FIRST_RETRY_MS = 250;

/** What lives as long as the run. */
interface LiveJob {
  /** Canceled when the workflow is, even while its end runs in a non-cancellable scope. */
  readonly root: CancellationScope;
  /** Someone asked for a poll without waiting for the timer. */
  pollNow: boolean;
  /** Grants received as signals, by request. */
  readonly grants: Map<string, { warning?: string }>;
  /** Workers that a step on files waits for. */
  missing?: string | undefined;
  /** Counters of a job that has ended. */
  unsettled?: string | undefined;
}

export class IngestJob {
  readonly input: IngestJobInput;
  readonly state: JobState;
  readonly live: LiveJob;
  readonly #reports = new ReportsToParent(partProgressSignal);

  constructor(input: IngestJobInput, carried: JobState | undefined) {
    this.input = input;
    // A run of an earlier version carries less.
    this.state = { ...newJobState(), ...carried };
    this.live = { root: CancellationScope.current(), pollNow: false, grants: new Map() };
    if (carried === undefined) this.#enterReset();
  }

  /** The run before a reset may have been creating a job whose id was then lost. */
  #enterReset(): void {
    const { runId, firstExecutionRunId, startTime } = workflowInfo();
    if (runId === firstExecutionRunId) return;
    enterLost(this.state.lost, { creates: [withUnknownClock({ from: startTime.getTime(), to: Date.now() })] });
  }

  /** Calls to Salesforce that touch no file. */
  get activities(): ActivityInterfaceFor<Activities> {
    return salesforceActivities(this.input.outageMs);
  }

  /** File work, on the queue of the workers that have the part's file. */
  get fileActivities(): ActivityInterfaceFor<Activities> {
    return fileActivities(this.input, this.input.outageMs, (text) => this.enterMissing(text));
  }

  /** The upload, on the queue of the org's uploads. */
  get uploads(): Pick<ActivityInterfaceFor<Activities>, 'uploadPart'> {
    return uploadActivities(this.input, this.input.outageMs, (text) => this.enterMissing(text));
  }

  /** @param text workers that a step waits for: the end of the sentence "waits for" */
  enterMissing(text: string | undefined): void {
    this.live.missing = text;
    this.showDetails();
    // A parent that cannot be reached has an own page.
    void this.reportProgress().catch(() => undefined);
  }

  /** @param text what it is not yet certain about: the end of the sentence "waits for" */
  async enterUnsettled(text: string | undefined): Promise<void> {
    if (this.live.unsettled === text) return;
    this.live.unsettled = text;
    this.showDetails();
    // Awaited, because the part may end right after it.
    await CancellationScope.nonCancellable(() => this.reportProgress()).catch(() => undefined);
  }

  pollNow(): void {
    this.live.pollNow = true;
  }

  pause(): void {
    this.state.paused = true;
  }

  resume(): void {
    const { state } = this;
    // After a pause, resume answers only the pause.
    if (!state.paused && state.question !== undefined) state.released = true;
    state.paused = false;
  }

  enterGrant({ id, ...grant }: Grant): void {
    const { grants } = this.live;
    if (id === this.state.lease.id) grants.clear();
    if (grants.size < MAX_GRANTS) grants.set(id, grant);
  }

  progress(): PartNow {
    return partProgress(this.input, this.state, this.live);
  }

  get hasEnded(): boolean {
    return isTerminal(this.state.last?.state ?? 'Open');
  }

  /** Starts a new phase and shows it on the job's details page. */
  enterPhase(phase: PartPhase): void {
    if (phase !== this.state.phase) this.log(`part ${phase}`);
    this.state.phase = phase;
    this.showDetails();
  }

  /** A line of the worker's log. */
  log(event: string): void {
    const { loadId, part } = this.input;
    logEvent(event, { loadId, part, jobId: this.state.jobId });
  }

  /** Updates the job's details page. */
  showDetails(): void {
    const { question, lease, warnings } = this.state;
    const { waitingFor } = lease;
    const { missing, unsettled } = this.live;
    setCurrentDetails(
      [
        jobDetails(this.input, this.state),
        ...(waitingFor === undefined ? [] : [`- **Org's allocation**: ${plain(waitingFor)}`]),
        ...[missing, unsettled].flatMap((wait) => (wait === undefined ? [] : [`- **Waits for** ${plain(wait)}`])),
        ...(question === undefined ? [] : [`- **Waits for** ${plain(questionOf(this.input.part, question))}`]),
        ...warnings.map((warning) => `- **Note**: ${plain(warning)}`),
      ].join('\n'),
    );
  }

  /** Reports progress to the parent. */
  async reportProgress(): Promise<void> {
    await this.#reports.send(this.progress());
  }

  async continueAsNew(): Promise<never> {
    return continueAsNew<(input: IngestJobInput, carried?: JobState) => Promise<IngestJobResult>>(
      this.input,
      carryOver(this.state),
    );
  }

  /** Awaits a step that calls Salesforce, and records its requests however it ends, and its warnings. */
  async awaitCounted<T>(step: Promise<Counted<T>>): Promise<T> {
    const { state } = this;
    try {
      const { value, requests, warnings, late } = await step;
      countRequests(state, requests);
      enterWarnings(state.warnings, warnings);
      if (late === true) state.timeGapAt = Date.now();
      return value;
    } catch (error) {
      countRequests(state, requestsOf(error));
      throw error;
    }
  }

  /** From now on this is the current job. */
  enterJob(jobId: string, records = 0): void {
    const { state, input } = this;
    state.jobId = jobId;
    this.log('job entered');
    delete state.adopted;
    delete state.since;
    const times = { ...defined({ asked: state.askedAt }), created: Date.now() };
    state.jobs.push({ id: jobId, operation: input.operation, state: 'Open', records, failed: 0, polls: 0, times });
    delete state.askedAt;
    this.markJobIds();
  }

  markJobIds(): void {
    markSearchAttributes(this.input.searchAttributes, { NightloadJobIds: this.state.jobs.map(({ id }) => id) });
  }

  /** The current job, in the list of the part's jobs. */
  get current(): JobSummary {
    return this.state.jobs.at(-1) as JobSummary;
  }

  ref(): JobRef {
    const { connection, apiVersion, stageUri, object, operation } = this.input;
    const { jobId, since } = this.state;
    return {
      connection,
      apiVersion,
      jobId: jobId as string,
      stageUri,
      object,
      ...this.externalId(),
      operation,
      ...defined({ since }),
    };
  }

  /** The external id field that this part's jobs are created with. */
  externalId(): Pick<JobRef, 'externalIdFieldName'> {
    const { operation, externalIdFieldName } = this.input;
    return operation === 'upsert' && externalIdFieldName ? { externalIdFieldName } : {};
  }

  /**
   * @param activities how long to try: bounded at the end of a job, as long as an outage may take while the part
   * continues
   */
  async abort(activities: Pick<typeof cleanupActivities, 'abortJob'> = cleanupActivities): Promise<void> {
    const { state } = this;
    if (state.jobId === undefined) return;
    const info = await this.awaitCounted(
      activities.abortJob.executeWithOptions({ summary: `abort ${state.jobId}` }, [this.ref()]),
    );
    enterJobInfo(state, info, Date.now());
    this.log('job aborted');
  }

  async poll(summary: string): Promise<JobStatus> {
    const { input, state } = this;
    const activities = state.canceled || state.error !== undefined ? cleanupActivities : this.activities;
    // Soon, since its worker may have been killed; then they soon become as rare as polls.
    const { initialMs, maximumMs } = input.poll;
    const initialInterval = Math.min(initialMs, FIRST_RETRY_MS);
    const retry = { initialInterval, backoffCoefficient: 4, maximumInterval: maximumMs };
    state.unseen = true;
    const info = await this.awaitCounted(activities.readJob.executeWithOptions({ summary, retry }, [this.ref()]));
    delete state.unseen;
    enterJobInfo(state, info, Date.now());
    this.showDetails();
    return state.last as JobStatus;
  }

  /** Downloads the result files of the current job and counts their rows. */
  async downloadResults(activities: Pick<typeof cleanupActivities, 'downloadResults'>): Promise<ResultCounts> {
    const { input, state } = this;
    this.enterPhase('downloading');
    const { stageUri, part, operation } = input;
    const failed = state.last?.state === 'Failed';
    return this.awaitCounted(
      activities.downloadResults.executeWithOptions({ summary: `results of ${state.jobId}` }, [
        { ...this.ref(), stageUri, part, operation, ...(failed && { failed }) },
      ]),
    );
  }
}
