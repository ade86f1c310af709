/**
 * Asks the org's ledger for a lease for one job: sends the request as a signal that starts the ledger when none runs,
 * and reads the answer with a query. Safe to repeat, since each request has an id.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ALLOCATION_ID_PREFIX, giveBackSignal, requestSignal } from '../../protocol/messages/allocation-messages.js';
import type { AllocationRequest, AllocationStart } from '../../protocol/messages/allocation-messages.js';
import { defined } from '../../domain/defined.js';
import { taskPriority } from '../../domain/task-priority.js';
import { WORKFLOW_TASK_TIMEOUT } from '../../domain/workflow-task-timeout.js';
import { unlessAborted } from '../../salesforce/http/unless-aborted.js';
import { Answers } from './batched-queries.js';
import type { ActivityDependencies } from '../dependencies.js';
import { allocationOf, connectionOf } from '../dependencies.js';
import { runActivity } from '../run-activity.js';
import type { AllocationAnswer, AskAllocationInput } from '../../protocol/activities/allocation-activities.js';

const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 5_000;
/** Time limit of one try. */
const TRY_MS = 15_000;
/** After one silence, later parts wait less: a thousand parts would otherwise wait for days. */
const ANSWER_AFTER_SILENCE_MS = 15_000;
/** How long a silent ledger is not trusted. */
const SILENCE_COUNTS_MS = 3_600_000;

/** Less than a worker that shuts down still waits for its steps. */
const GIVE_BACK_MS = 2_000;

export function requestLease(
  dependencies: ActivityDependencies,
): (input: AskAllocationInput) => Promise<AllocationAnswer> {
  const answers = new Answers();
  /** Ledgers that did not answer within the time limit, by workflow id. */
  const silences = new Map<string, { at: number; why: string }>();
  return runActivity(async ({ answerWithinMs, ...asked }, current) => {
    const { client, info } = Context.current();
    const org = await connectionOf(dependencies, asked.connection).organization(current.call);
    const ledger = ALLOCATION_ID_PREFIX + org;
    const rules = allocationOf(dependencies, asked.connection);
    const holder = info.workflowExecution?.workflowId ?? '';
    const request = { ...asked, holder, rules };
    const silence = silences.get(ledger);
    const silent = silence !== undefined && Date.now() - silence.at < SILENCE_COUNTS_MS;
    const until = Date.now() + (silent ? Math.min(answerWithinMs, ANSWER_AFTER_SILENCE_MS) : answerWithinMs);
    let why = 'it did not answer';
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, MAX_WAIT_MS)) {
      try {
        const asking = client.withAbortSignal(current.signal, () =>
          client.withDeadline(Math.min(until, Date.now() + TRY_MS), async () => {
            await send(client, ledger, org, request);
            return answers.of(client, ledger, asked.id);
          }),
        );
        // A worker that shuts down has seconds left, and may be the one that the ledger's answer waits for.
        const answer = await unlessAborted(asking, current.signal);
        if (answer.status !== 'unknown') {
          silences.delete(ledger);
          return { ledger, answer };
        }
      } catch (error) {
        why = reasonOf(error);
      }
      if (!current.signal.aborted) {
        if (Date.now() + wait >= until) {
          if (!silent) silences.set(ledger, { at: Date.now(), why });
          // One reason for all parts, so that the result warns once.
          return { ledger, answer: { status: 'unreachable', why: silent ? silence.why : why } };
        }
        await sleep(wait, undefined, { signal: current.signal }).catch(() => undefined);
      }
      if (current.signal.aborted) await giveBack(client, ledger, asked.id);
      current.signal.throwIfAborted();
    }
  });
}

async function send(client: Client, workflowId: string, org: string, request: AllocationRequest): Promise<void> {
  const { rules } = request;
  await client.workflow.signalWithStart<(start: AllocationStart) => Promise<void>, [AllocationRequest]>(
    'orgAllocation',
    {
      workflowId,
      taskQueue: Context.current().info.taskQueue,
      args: [{ org, rules }],
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
      ...defined({ priority: taskPriority({ org }) }),
      signal: requestSignal,
      signalArgs: [request],
      staticSummary: `allocation ledger of ${org}`.slice(0, 190),
      staticDetails:
        'Shares the rolling limits of one Salesforce org among loads. It ends by itself. ' +
        'Terminate it only to discard its record of usage.',
    },
  );
}

/** The caller is gone, so the grant would not be used. */
async function giveBack(client: Client, workflowId: string, id: string): Promise<void> {
  await client
    .withDeadline(Date.now() + GIVE_BACK_MS, () => client.workflow.getHandle(workflowId).signal(giveBackSignal, { id }))
    .catch(() => undefined);
}

/** The cause of a gRPC error holds the useful text. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
