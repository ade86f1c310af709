/** Runs a case: starts the load, waits for each moment, performs its act, and checks the outcome. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { LoadHandle } from '../../src/client/load-handle.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { NightloadError } from '../../src/errors.js';
import { judge } from './invariants.js';
import type { Act, Case, Moment, Told, Trouble } from './types.js';
import { World } from './environment.js';

/** Time limit of a case. */
const LIMIT_MS = 480_000;
const RESTARTS_LATER_MS = 15_000;

/** State of a running case. */
interface Run {
  world: World;
  handle: LoadHandle;
  ended: boolean;
  loose: boolean;
  /** Acts run one at a time. */
  acting: Promise<void>;
}

export async function runCase(given: Case, address: string): Promise<Told> {
  const startedAt = Date.now();
  const world = await World.open(given, address);
  const complaints: string[] = [];
  let happened = '';
  let endedAt = startedAt;
  try {
    for (const fault of given.faults ?? []) world.org.fault(fault);
    const { failsJob, troubles = [] } = given;
    if (failsJob !== undefined) world.org.failNextJobAfter(failsJob.records, failsJob);
    hold(world, troubles);
    const { loose = false } = given;
    const run: Run = { world, handle: await world.start(), ended: false, loose, acting: Promise.resolve() };
    const ending = endOf(run);
    const missed = await Promise.all(troubles.map((trouble) => meet(run, trouble)));
    for (const { at } of missed.filter((trouble) => trouble !== undefined))
      if (!loose) complaints.push(`the ${describe(at)} never came`);
    const result = await ending;
    endedAt = Date.now();
    complaints.push(...(await judge(given, world, result)));
    happened = summary(world, result);
  } catch (error) {
    complaints.push(error instanceof Error ? error.message : String(error));
    endedAt = Date.now();
  } finally {
    const keep = process.env['CHAOS_KEEP'];
    if (keep !== undefined) {
      const folder = join(keep, given.name.replaceAll(/[^\w]+/g, '-'));
      await world.keepEvidence(folder).catch((error: unknown) => console.error(error));
    }
    await world.close();
  }
  const wentOnAfter = world.kills.map(({ at, goneAt }) => {
    const next = world.org.ledger.requests.find((request) => request.at > goneAt)?.at ?? endedAt;
    return (next - at) / 1000;
  });
  return { name: given.name, happened, seconds: (endedAt - startedAt) / 1000, wentOnAfter, complaints };
}

/** Faults that keep the worker inside the step; each one takes a request away from later ones of the same kind. */
function hold({ org }: World, troubles: readonly Trouble[]): void {
  const held = troubles.map(({ at }) => at).filter((at) => at.held === 'before' || at.held === 'after');
  for (const [i, { kind, path, nth = 1, held: when }] of held.entries()) {
    const taken = held.slice(0, i).filter((other) => other.kind === kind && other.path === path).length;
    org.fault({
      kind,
      ...(path !== undefined && { path }),
      after: Math.max(0, nth - 1 - taken),
      action: when === 'before' ? 'hang' : { stallReply: 0 },
    });
  }
}

async function endOf(run: Run): Promise<BulkLoadResult | undefined> {
  const deadline = Date.now() + LIMIT_MS;
  const late = new Promise<never>((_, fail) => {
    setTimeout(() => fail(new Error(`the load had not ended after ${LIMIT_MS / 1000} s`)), LIMIT_MS).unref();
  });
  try {
    for (;;) {
      try {
        return await Promise.race([run.handle.result(), late]);
      } catch (error) {
        if (Date.now() >= deadline) throw error;
        // A reset ends the awaited run and starts another one.
        const terminated = error instanceof NightloadError && error.code === 'LOAD_TERMINATED';
        if (terminated && (await run.handle.describe()).status.name !== 'RUNNING') return undefined;
        await sleep(200);
      }
    }
  } finally {
    run.ended = true;
  }
}

/** Waits for the moment and acts. Returns the trouble if the load ended before. */
async function meet(run: Run, trouble: Trouble): Promise<Trouble | undefined> {
  const { at, act } = trouble;
  while (!hasCome(run.world, at)) {
    if (run.ended) return trouble;
    await sleep(3);
  }
  await sleep(at.delay ?? (at.held === 'before' || at.held === 'after' ? 150 : 0));
  run.acting = run.acting
    .then(() => perform(run, act))
    .catch((error: unknown) => {
      // With random choices, that workflow may not have started, or may have ended.
      if (!run.loose || !(error instanceof WorkflowNotFoundError)) throw error;
    });
  await run.acting;
  return undefined;
}

function hasCome({ org }: World, { kind, path = '', nth = 1, held }: Moment): boolean {
  if (held === 'stored') return org.jobs().filter(({ uploads }) => uploads > 0).length >= nth;
  return org.ledger.requests.filter((entry) => entry.kind === kind && entry.path.includes(path)).length >= nth;
}

async function perform(run: Run, act: Act): Promise<void> {
  const { world, handle } = run;
  if (typeof act === 'object') return interfere(run, act);
  switch (act) {
    case 'kill':
      await world.killWorker();
      return world.startWorker();
    case 'killLater':
      await world.killWorker();
      await sleep(RESTARTS_LATER_MS);
      return world.startWorker();
    case 'term':
      // Not awaited: as in a rolling update, the next one starts before the last one has ended.
      void world.stopWorker();
      return world.startWorker();
    case 'killServer':
      await world.killServer();
      return world.startServerAgain();
    case 'killBoth':
      await Promise.all([world.killServer(), world.killWorker()]);
      await world.startServerAgain();
      return world.startWorker();
    case 'newToken':
      await world.newToken();
      void world.stopWorker();
      return world.startWorker();
    case 'cancel':
      return handle.cancel();
  }
}

/** An operator's actions on workflows. */
async function interfere(
  run: Run,
  act: { terminate: string } | { reset: string; to: 'first' | 'last' },
): Promise<void> {
  const { client } = run.world;
  const load = run.handle;
  const name = 'terminate' in act ? act.terminate : act.reset;
  const handle = client.workflow.getHandle(name === '' ? load.workflowId : `${load.workflowId}/${name}`);
  const tasks = await completedTasks(handle, run);
  if ('terminate' in act) {
    await handle.terminate('by an operator');
    return;
  }
  await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: handle.workflowId, runId: (await handle.describe()).runId },
    reason: 'chaos',
    workflowTaskFinishEventId: tasks.at(act.to === 'first' ? 0 : -1)?.eventId ?? null,
    requestId: randomUUID(),
  });
}

/**
 * Of the target workflow. The load may reach the moment before that child has started: then wait for it. @throws
 * WorkflowNotFoundError if the load ended without it
 */
async function completedTasks({ workflowId, client }: WorkflowHandle, run: Run): Promise<{ eventId?: Long | null }[]> {
  for (;;) {
    const { ended } = run;
    try {
      // A new handle each time: after a reset, another run has the id. Only `describe` reports by its error class what
      // is missing.
      const handle = client.getHandle(workflowId);
      await handle.describe();
      const { events } = await handle.fetchHistory();
      const tasks = (events ?? []).filter(
        ({ workflowTaskCompletedEventAttributes }) => workflowTaskCompletedEventAttributes,
      );
      if (tasks.length > 0) return tasks;
      if (ended) throw new WorkflowNotFoundError('It has not begun.', workflowId, undefined);
    } catch (error) {
      if (ended || !(error instanceof WorkflowNotFoundError)) throw error;
    }
    await sleep(50);
  }
}

function describe({ kind, path, nth = 1 }: Moment): string {
  return `${kind} request${path === undefined ? '' : ` for ${path}`} number ${nth}`;
}

function summary({ org }: World, result: BulkLoadResult | undefined): string {
  const states = new Map<string, number>();
  for (const { state } of org.jobs()) states.set(state, (states.get(state) ?? 0) + 1);
  const jobs = [...states].map(([state, n]) => `${n} ${state}`).join(', ') || 'no job';
  const end =
    result === undefined
      ? 'terminated'
      : `${result.state}, ${result.records.succeeded} of ${result.records.total} rows`;
  const rounds = result === undefined || result.retry.rounds === 0 ? '' : `, ${result.retry.rounds} retry`;
  return `${end}; ${jobs}; ${org.ledger.count()} requests${rounds}`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
