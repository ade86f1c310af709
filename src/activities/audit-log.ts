/**
 * Writes the audit lines of a worker's log: who started, corrected, paused, canceled or aborted what, and in which org.
 * "Who" is the identity that the Temporal client reported for itself, as far as the history shows it. It is untrusted
 * text, not proof.
 */
import { Context, log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { ActivityDependencies } from './dependencies.js';
import { defined } from '../domain/defined.js';

/** The action that the line records. */
export type Deed =
  'start' | 'check' | 'correction' | 'pause' | 'resume' | 'cancel' | 'abort' | 'abort orphan' | 'prune';

type Events = NonNullable<
  NonNullable<Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistory']>>['history']>['events']
>;
type Execution = { workflowId: string; runId: string };

/** Limit for each lookup, so that an audit line does not delay its step. */
const LOOKUP_LIMIT_MS = 3_000;
/** Newest events of a history to read: the cause of the step is among them. */
const NEWEST = 200;
const MAX_IDENTITY = 200;

/** Printable ASCII, truncated. */
export function cleanIdentity(identity: unknown): string {
  if (typeof identity !== 'string' || identity === '') return 'unknown';
  return identity.slice(0, MAX_IDENTITY).replaceAll(/[^\x20-\x7e]/g, '?');
}

/** Writes the line, with `unknown` for facts that it cannot learn. Never throws. */
export async function audit(
  deed: Deed,
  { connections, loadOf }: Pick<ActivityDependencies, 'connections' | 'loadOf'>,
  { name, ...facts }: { name?: string | undefined; [fact: string]: unknown },
): Promise<void> {
  try {
    const { client, info } = Context.current();
    const { workflowExecution, workflowType } = info;
    if (workflowExecution === undefined) return;
    const connection = connections.get(name ?? '');
    const [by, org] = await Promise.all([
      soon(async () => {
        // Parts and retries are started and canceled by their load, so the load's history has the answer.
        const load = (await loadOf?.(info)) ?? workflowExecution;
        return client.withDeadline(Date.now() + LOOKUP_LIMIT_MS, () => whoDid(client, deed, load));
      }),
      connection && soon(() => connection.organization({ signal: AbortSignal.timeout(LOOKUP_LIMIT_MS) })),
    ]);
    log.info(`audit: ${deed}`, {
      audit: true,
      by: cleanIdentity(by),
      org: org ?? 'unknown',
      ...defined({ connectionName: name }),
      caller: workflowType,
      workflow: workflowExecution.workflowId,
      ...facts,
    });
  } catch {
    // A step does not fail because its audit line cannot be written.
  }
}

async function soon<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch {
    return undefined;
  }
}

async function whoDid(client: Client, deed: Deed, root: Execution): Promise<unknown> {
  if (deed === 'correction') return (await newest(client, root)).map(correctorOf).find((by) => by !== undefined);
  if (deed === 'pause' || deed === 'resume') {
    return signalerOf(await newest(client, root), deed);
  }
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
  // A workflow that cancels another one signs with its worker's identity; the workflow id is more useful.
  const { externalWorkflowExecution: other, identity } = asked;
  return other?.workflowId ? `workflow ${other.workflowId}` : identity;
}

/** Several signals of the same kind in a row: only the first of the newest series changed anything. */
function signalerOf(events: Events, name: 'pause' | 'resume'): unknown {
  const sent = events
    .map(({ workflowExecutionSignaledEventAttributes: signal }) => signal)
    .filter((signal) => signal?.signalName === 'pause' || signal?.signalName === 'resume');
  const since = sent.slice(sent.findIndex((signal) => signal?.signalName === name));
  const end = since.findIndex((signal) => signal?.signalName !== name);
  const first = since.slice(0, end === -1 ? undefined : end).at(-1);
  const { externalWorkflowExecution: other, identity } = first ?? {};
  return other?.workflowId ? `workflow ${other.workflowId}` : identity;
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

/** Reads the first run: a worker started the later ones. */
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
