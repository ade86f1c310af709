// What a killed worker was doing, and when another one did it again: both as the Temporal server saw it.
import { setTimeout as sleep } from 'node:timers/promises';
import { secondsOf } from '../clients/nightload.mjs';

/** Temporal's numbers of states and events. */
const STARTED = 2;
const TASK_STARTED = 6;
const TASK_COMPLETED = 7;
const STEP_SCHEDULED = 10;
const STEP_STARTED = 11;
const TIMER_STARTED = 17;
const TIMER_FIRED = 18;
const TIMER_CANCELED = 19;
const STEP_RUNS = 2;

/** Longer timers are no waits of a part: they renew its lease. */
const MAX_TIMER_S = 60;

const KINDS = {
  uploadPart: 'upload',
  downloadResults: 'download',
  planLoad: 'planning',
  readJob: 'poll',
};

const msOf = (time) => secondsOf(time) * 1000;

/** @returns what the worker had begun in these workflows: `{ kind, workflowId, resumed }` */
export async function interruptedWork(client, workflowIds, pid, killedAt) {
  const all = await Promise.all(workflowIds.map((workflowId) => ofWorkflow(client, workflowId, pid, killedAt)));
  return all.flat();
}

async function ofWorkflow(client, workflowId, pid, killedAt) {
  const state = await stateOf(client, workflowId);
  if (state === undefined || state.hasEnded) return [];
  const { steps, task, events } = state;
  const isOurs = (identity) => identity?.startsWith(`${pid}@`);
  const work = (kind, resumed) => ({ kind, workflowId, resumed });
  const found = steps
    .filter(({ state: now, lastWorkerIdentity }) => now === STEP_RUNS && isOurs(lastWorkerIdentity))
    .map(({ activityType: { name } }) =>
      work(KINDS[name] ?? 'short step', (later) => stepResumedAt(later, name, isOurs, killedAt)),
    );
  const last = events.findLast(({ eventType }) => [TASK_STARTED, TASK_COMPLETED].includes(eventType));
  if (task?.state === STARTED) {
    if (isOurs(last?.workflowTaskStartedEventAttributes?.identity))
      found.push(work('workflow task', (later) => taskResumedAt(later, isOurs, killedAt)));
  } else if (steps.length === 0 && isOurs(last?.workflowTaskCompletedEventAttributes?.identity)) {
    const timer = openTimer(events);
    if (timer !== undefined) found.push(work('timer', (later) => timerResumedAt(later, timer, isOurs, killedAt)));
  }
  return found;
}

/** Waits until the work runs on another worker. @returns seconds since the kill, or since a timer fired */
export async function secondsUntilResumed(client, { workflowId, resumed }, { killedAt, limitMs }) {
  while (Date.now() < killedAt + limitMs) {
    const found = resumed(await stateOf(client, workflowId));
    if (found !== undefined) return (found.at - (found.since ?? killedAt)) / 1000;
    await sleep(100);
  }
  return Infinity;
}

async function stateOf(client, workflowId) {
  const handle = client.workflow.getHandle(workflowId);
  const asked = { namespace: client.options.namespace, execution: { workflowId } };
  try {
    const [described, { events }] = await Promise.all([
      client.workflowService.describeWorkflowExecution(asked),
      handle.fetchHistory(),
    ]);
    return {
      hasEnded: described.workflowExecutionInfo.status !== 1,
      steps: described.pendingActivities ?? [],
      task: described.pendingWorkflowTask,
      events,
    };
  } catch (error) {
    if (error.code === 5 || error.name === 'WorkflowNotFoundError') return undefined;
    throw error;
  }
}

function stepResumedAt({ steps, events }, name, isOurs, killedAt) {
  const running = steps.find(
    ({ activityType, state, lastWorkerIdentity, lastStartedTime }) =>
      activityType.name === name &&
      state === STEP_RUNS &&
      !isOurs(lastWorkerIdentity) &&
      msOf(lastStartedTime) > killedAt,
  );
  if (running !== undefined) return { at: msOf(running.lastStartedTime) };
  const names = new Map(
    events
      .filter(({ eventType }) => eventType === STEP_SCHEDULED)
      .map(({ eventId, activityTaskScheduledEventAttributes: { activityType } }) => [
        String(eventId),
        activityType.name,
      ]),
  );
  const started = events.find(
    ({ eventType, eventTime, activityTaskStartedEventAttributes: begun }) =>
      eventType === STEP_STARTED &&
      names.get(String(begun.scheduledEventId)) === name &&
      !isOurs(begun.identity) &&
      msOf(eventTime) > killedAt,
  );
  return started && { at: msOf(started.eventTime) };
}

function taskResumedAt({ events }, isOurs, since) {
  const started = events.find(
    ({ eventType, eventTime, workflowTaskStartedEventAttributes: begun }) =>
      eventType === TASK_STARTED && !isOurs(begun.identity) && msOf(eventTime) > since,
  );
  return started && { at: msOf(started.eventTime) };
}

/** Not counted: the time that the timer itself still had. */
function timerResumedAt({ events }, timer, isOurs, killedAt) {
  const fired = events.find(
    ({ eventType, timerFiredEventAttributes: end }) =>
      eventType === TIMER_FIRED && String(end.startedEventId) === timer,
  );
  if (fired === undefined) return undefined;
  const since = Math.max(killedAt, msOf(fired.eventTime));
  const task = taskResumedAt({ events }, isOurs, killedAt);
  return task && { at: Math.max(task.at, since), since };
}

function openTimer(events) {
  const open = new Set();
  for (const { eventId, eventType, ...attributes } of events) {
    if (eventType === TIMER_STARTED) {
      if (secondsOf(attributes.timerStartedEventAttributes.startToFireTimeout) < MAX_TIMER_S) open.add(String(eventId));
    } else if (eventType === TIMER_FIRED) {
      open.delete(String(attributes.timerFiredEventAttributes.startedEventId));
    } else if (eventType === TIMER_CANCELED) {
      open.delete(String(attributes.timerCanceledEventAttributes.startedEventId));
    }
  }
  return [...open].at(-1);
}
