/**
 * A person waits at a terminal for what only a worker can answer: decides what to report meanwhile, and when to stop
 * waiting. Pure; `pending-activities.ts` supplies what Temporal shows.
 */
import { isObjectsQueue } from '../../../domain/file-groups.js';
import { NightloadError } from '../../../errors.js';
import { time } from '../../../domain/text/format.js';

/** A running worker has started by then. */
const SAY_AFTER_MS = 5_000;

export interface StepSeen {
  id: string;
  name: string;
  attempt: number;
  /** Failure of the last attempt. */
  failure?: { code: string; message: string; workerLost: boolean };
  /** From the last heartbeat. */
  bytes: number;
  requests: number;
}

/** What was observed of the work for the answer. */
export interface Seen {
  /** Grows with everything the workflow does. */
  events: number;
  steps: readonly StepSeen[];
  /** A task queue without pollers. */
  unattended?: string;
}

/** Progress of a step; an attempt that only repeats what an earlier failed one did does not count. */
interface Course {
  attempt: number;
  bytes: number;
  requests: number;
  work: number;
  /** The most work of any failed attempt. */
  best: number;
}

interface Problem {
  /** The same problem is reported once. */
  key: string;
  code: string;
  text: string;
}

export interface WatchOptions {
  /** How long to wait without progress. */
  timeoutMs: number;
  /** How long to wait at all. @default the workflow itself has a limit */
  mostMs?: number;
  /** Why no answer arrives when no step runs. */
  idle?: string;
  /** A task queue already reported as having no worker. */
  told?: string;
}

export class AnswerWatch {
  readonly #begun: number;
  readonly #timeoutMs: number;
  readonly #mostMs: number;
  readonly #told = new Set<string>();
  readonly #courses = new Map<string, Course>();
  readonly #idle: string | undefined;
  #events = 0;
  #progressAt: number;

  constructor(now: number, { timeoutMs, mostMs = Number.POSITIVE_INFINITY, idle, told }: WatchOptions) {
    this.#begun = now;
    this.#progressAt = now;
    this.#timeoutMs = timeoutMs;
    this.#mostMs = mostMs;
    this.#idle = idle;
    if (told !== undefined) this.#told.add(told);
  }

  /** Lines to print now, and the error once nothing has progressed for too long. */
  observe(seen: Seen, now: number): { say: string[]; gaveUp?: NightloadError } {
    if (this.#moved(seen)) this.#progressAt = now;
    const problem = problemOf(seen, now - this.#begun, this.#idle);
    const say = [];
    if (now - this.#begun >= SAY_AFTER_MS && !this.#told.has(problem.key)) {
      this.#told.add(problem.key);
      say.push(problem.text);
    }
    const waited = now - this.#begun;
    if (waited >= this.#mostMs) {
      const text = `${problem.text} This command gave up after ${time(waited)}.`;
      return { say, gaveUp: new NightloadError(problem.code, text) };
    }
    if (now - this.#progressAt < this.#timeoutMs) return { say };
    const gaveUp = new NightloadError(
      problem.code,
      `${problem.text} No progress for ${time(this.#timeoutMs)}, so this command gave up (--timeout).`,
    );
    return { say, gaveUp };
  }

  #moved({ events, steps }: Seen): boolean {
    let moved = events > this.#events;
    this.#events = Math.max(this.#events, events);
    for (const step of steps) moved = this.#wentOn(step) || moved;
    return moved;
  }

  #wentOn({ id, attempt, bytes, requests, failure }: StepSeen): boolean {
    const before = this.#courses.get(id) ?? { attempt, bytes: 0, requests: 0, work: 0, best: 0 };
    const course = { ...before, attempt, bytes, requests };
    if (before.attempt !== attempt) {
      // The work of a lost worker was not at fault.
      if (failure?.workerLost !== true) course.best = Math.max(before.best, before.work);
      course.work = 0;
    } else {
      // The next pass over a file counts its bytes from 0.
      course.work += bytes >= before.bytes ? bytes - before.bytes : bytes;
      course.work += Math.max(0, requests - before.requests);
    }
    this.#courses.set(id, course);
    return course.work > course.best && course.work > before.work;
  }
}

function problemOf({ steps, unattended }: Seen, waitedMs: number, idle: string | undefined): Problem {
  if (unattended !== undefined) {
    const roots = isObjectsQueue(unattended) ? 'NIGHTLOAD_S3_ROOTS' : 'NIGHTLOAD_FILE_ROOTS';
    return {
      key: unattended,
      code: 'NO_WORKER',
      text: `No worker polls the task queue "${unattended}", so there is no answer. Start \`nightload worker\` with the same NIGHTLOAD_TASK_QUEUE and ${roots} as before.`,
    };
  }
  const failing = steps.find(({ failure }) => failure !== undefined);
  if (failing?.failure !== undefined) {
    const { name, attempt, failure } = failing;
    return {
      key: name + failure.code + failure.message,
      code: failure.code,
      text: `${name} failed ${attempt > 2 ? `${attempt - 1} times` : 'once'} and is retried: ${failure.message}`,
    };
  }
  const running = steps[0];
  const why = running === undefined ? (idle ?? 'the worker has not started.') : `${running.name} has not finished.`;
  return { key: 'waiting', code: 'NO_ANSWER', text: `No answer after ${time(waitedMs)}: ${why}` };
}
