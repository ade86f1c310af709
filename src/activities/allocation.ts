/**
 * Asks the org's ledger for a job: the request as a signal that starts the ledger when none runs, the answer as a query.
 * It may be repeated freely, since a request has an id.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ALLOCATION_ID_PREFIX, giveBackSignal, requestSignal } from '../workflows/allocation/messages.js';
import type { AllocationRequest, Answer } from '../workflows/allocation/messages.js';
import type { orgAllocation } from '../workflows/org-allocation.js';
import { Answers } from './allocation-answers.js';
import type { ActivityDependencies } from './dependencies.js';
import { allocationOf, connectionOf } from './dependencies.js';
import { step } from './step.js';

export interface AskAllocationInput extends Omit<AllocationRequest, 'rules' | 'holder'> {
  /** So long an answer is waited for; less when the ledger was silent just before. */
  answerWithinMs: number;
}

export interface AllocationAnswer {
  /** Workflow id of the ledger. */
  ledger: string;
  answer: Answer | { standing: 'unreachable'; why: string };
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;
/** One try may take so long. */
const TRY_MS = 15_000;
/** After a silence the next parts do not wait as long again: a thousand of them would wait for days. */
const ANSWER_AFTER_SILENCE_MS = 15_000;
/** Until a ledger is trusted to answer again. */
const SILENCE_COUNTS_MS = 3_600_000;

export function askAllocation(
  dependencies: ActivityDependencies,
): (input: AskAllocationInput) => Promise<AllocationAnswer> {
  const answers = new Answers();
  /** Ledgers that gave no answer for the whole time, by workflow id. */
  const silences = new Map<string, { at: number; why: string }>();
  return step(async ({ answerWithinMs, ...asked }, current) => {
    const { client, info } = Context.current();
    const org = await connectionOf(dependencies, asked.connection).organization(current.call);
    const ledger = ALLOCATION_ID_PREFIX + org;
    const rules = allocationOf(dependencies, asked.connection);
    const holder = info.workflowExecution?.workflowId ?? '';
    const request = { ...asked, holder, rules };
    const silence = silences.get(ledger);
    const silent = silence !== undefined && Date.now() - silence.at < SILENCE_COUNTS_MS;
    const until = Date.now() + (silent ? Math.min(answerWithinMs, ANSWER_AFTER_SILENCE_MS) : answerWithinMs);
    let why = 'it gave no answer';
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      try {
        const answer = await client.withAbortSignal(current.signal, () =>
          client.withDeadline(Math.min(until, Date.now() + TRY_MS), async () => {
            await send(client, ledger, org, request);
            return answers.of(client, ledger, asked.id);
          }),
        );
        if (answer.standing !== 'unknown') {
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
          return { ledger, answer: { standing: 'unreachable', why: silent ? silence.why : why } };
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
  await client.workflow.signalWithStart<typeof orgAllocation, [AllocationRequest]>('orgAllocation', {
    workflowId,
    taskQueue: Context.current().info.taskQueue,
    args: [{ org, rules }],
    signal: requestSignal,
    signalArgs: [request],
    staticSummary: `who may load into ${org}`.slice(0, 190),
    staticDetails:
      'Shares the rolling limits of one Salesforce org among the loads. It ends by itself. ' +
      'Terminate it only to make it forget what was used.',
  });
}

/** Whoever asked is gone, so nobody would use what it is granted. */
async function giveBack(client: Client, workflowId: string, id: string): Promise<void> {
  await client
    .withDeadline(Date.now() + TRY_MS, () => client.workflow.getHandle(workflowId).signal(giveBackSignal, { id }))
    .catch(() => undefined);
}

/** gRPC errors say the useful part in their cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
