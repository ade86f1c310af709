/**
 * The audit lines of a worker's log: who started, corrected, canceled or aborted what, in which org. Who: the identity
 * that the client of Temporal gave itself, as far as the history tells it. It is other people's text, and no proof.
 */
import { Context, log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { ActivityDependencies } from './dependencies.js';

/** What the line says was done. */
export type Deed = 'start' | 'check' | 'correction' | 'cancel' | 'abort' | 'abort orphan';

type Events = NonNullable<
  NonNullable<Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistory']>>['history']>['events']
>;
type Execution = { workflowId: string; runId: string };

/** A line is never worth more of a step's time. */
const LOOK_MS = 3_000;
/** Of the newest events of a history: what led to the step is among them. */
const NEWEST = 200;
const MAX_IDENTITY = 200;

/** Printable ASCII, cut. */
export function cleanIdentity(identity: unknown): string {
  if (typeof identity !== 'string' || identity === '') return 'unknown';
  return identity.slice(0, MAX_IDENTITY).replaceAll(/[^\x20-\x7e]/g, '?');
}

/** Writes the line; whatever it cannot learn, it says is unknown. Never throws. */
export async function audit(
  deed: Deed,
  { connections }: Pick<ActivityDependencies, 'connections'>,
  { name, ...facts }: { name?: string | undefined; [fact: string]: unknown },
): Promise<void> {
  try {
    const { client, info } = Context.current();
    const { workflowExecution, workflowType } = info;
    if (workflowExecution === undefined) return;
    const connection = connections.get(name ?? '');
    const [by, org] = await Promise.all([
      soon(() => client.withDeadline(Date.now() + LOOK_MS, () => whoDid(client, deed, workflowExecution))),
      connection && soon(() => connection.organization({ signal: AbortSignal.timeout(LOOK_MS) })),
    ]);
    log.info(`audit: ${deed}`, {
      audit: true,
      by: cleanIdentity(by),
      org: org ?? 'unknown',
      ...(name !== undefined && { connectionName: name }),
      caller: workflowType,
      workflow: workflowExecution.workflowId,
      ...facts,
    });
  } catch {
    // A step does not fail for want of a line.
  }
}

async function soon<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch {
    return undefined;
  }
}

async function whoDid(client: Client, deed: Deed, execution: Execution): Promise<unknown> {
  const root = await rootOf(client, execution);
  if (deed === 'correction') return (await newest(client, root)).map(correctorOf).find((by) => by !== undefined);
  if (deed === 'cancel' || deed === 'abort') {
    const canceler = (await newest(client, root)).map(cancelerOf).find((by) => by !== undefined);
    if (canceler !== undefined || deed === 'cancel') return canceler;
  }
  return starterOf(client, root);
}

function correctorOf({ workflowExecutionUpdateAcceptedEventAttributes: accepted }: Events[number]): unknown {
  return accepted?.acceptedRequest?.meta?.identity ?? undefined;
}

function cancelerOf({ workflowExecutionCancelRequestedEventAttributes: asked }: Events[number]): unknown {
  if (asked == null) return undefined;
  // A workflow that cancels another one signs with its worker; which workflow it was says more.
  const { externalWorkflowExecution: other, identity } = asked;
  return other?.workflowId ? `workflow ${other.workflowId}` : identity;
}

/** The load of a part or a retry: nobody starts or cancels these themselves. */
async function rootOf(client: Client, execution: Execution): Promise<Execution> {
  const { namespace } = client.options;
  const { workflowExecutionInfo } = await client.workflowService.describeWorkflowExecution({ namespace, execution });
  const type = workflowExecutionInfo?.type?.name ?? '';
  const parent = workflowExecutionInfo?.parentExecution;
  if (!['ingestJob', 'retryFailedRows'].includes(type) || !parent?.workflowId) return execution;
  return rootOf(client, { workflowId: parent.workflowId, runId: parent.runId ?? '' });
}

async function newest(client: Client, execution: Execution): Promise<Events> {
  const { namespace } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace,
    execution,
    maximumPageSize: NEWEST,
  });
  return history?.events ?? [];
}

/** Of the first run: later ones were begun by a worker. */
async function starterOf(client: Client, { workflowId, runId }: Execution): Promise<unknown> {
  const first = async (id: string): Promise<Events[number] | undefined> => {
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId, runId: id },
      maximumPageSize: 1,
    });
    return history?.events?.[0];
  };
  const begun = (await first(runId))?.workflowExecutionStartedEventAttributes;
  const { firstExecutionRunId } = begun ?? {};
  const started =
    firstExecutionRunId && firstExecutionRunId !== runId
      ? (await first(firstExecutionRunId))?.workflowExecutionStartedEventAttributes
      : begun;
  const parent = started?.parentWorkflowExecution?.workflowId;
  return parent ? `workflow ${parent}` : started?.identity;
}
