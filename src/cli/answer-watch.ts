/**
 * Somebody waits at a terminal for what only a worker can answer: what they are told meanwhile, and when the wait is
 * over. Pure; `look-at-steps.ts` gives it what Temporal shows.
 */
import { NightloadError } from '../errors.js';
import { time } from '../workflows/words.js';

/** A worker that is there has begun by then. */
const SAY_AFTER_MS = 5_000;

export interface StepSeen {
  id: string;
  name: string;
  attempt: number;
  /** Of the last attempt. */
  failure?: { code: string; message: string; workerLost: boolean };
  /** As the last heartbeat has it. */
  bytes: number;
  requests: number;
}

/** What was seen of the work for the answer. */
export interface Seen {
  /** Grows with whatever the workflow does. */
  events: number;
  steps: readonly StepSeen[];
  /** A task queue that nobody polls. */
  unattended?: string;
}

/** How far a step has come; an attempt that only repeats what an earlier one did before it failed is no progress. */
interface Course {
  attempt: number;
  bytes: number;
  requests: number;
  work: number;
  /** Of attempts that failed. */
  best: number;
}

interface Problem {
  /** The same problem is told once. */
  key: string;
  code: string;
  text: string;
}

export interface WatchOptions {
  /** So long nothing may move. */
  timeoutMs: number;
  /** Why no answer comes where no step runs. */
  idle?: string;
  /** A task queue that was said already to have no worker. */
  told?: string;
}

export class AnswerWatch {
  readonly #begun: number;
  readonly #timeoutMs: number;
  readonly #told = new Set<string>();
  readonly #courses = new Map<string, Course>();
  readonly #idle: string | undefined;
  #events = 0;
  #progressAt: number;

  constructor(now: number, { timeoutMs, idle, told }: WatchOptions) {
    this.#begun = now;
    this.#progressAt = now;
    this.#timeoutMs = timeoutMs;
    this.#idle = idle;
    if (told !== undefined) this.#told.add(told);
  }

  /** Lines to say now, and the error once nothing has moved for too long. */
  observe(seen: Seen, now: number): { say: string[]; gaveUp?: NightloadError } {
    if (this.#moved(seen)) this.#progressAt = now;
    const problem = problemOf(seen, now - this.#begun, this.#idle);
    const say = [];
    if (now - this.#begun >= SAY_AFTER_MS && !this.#told.has(problem.key)) {
      this.#told.add(problem.key);
      say.push(problem.text);
    }
    if (now - this.#progressAt < this.#timeoutMs) return { say };
    const gaveUp = new NightloadError(
      problem.code,
      `${problem.text} Nothing moved for ${time(this.#timeoutMs)}, so this command gave up (--timeout).`,
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
      // Nothing was wrong with what a worker did that is gone now.
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
    return {
      key: unattended,
      code: 'NO_WORKER',
      text: `No worker polls the task queue "${unattended}", so nobody can answer. Start \`nightload worker\`, with the same NIGHTLOAD_TASK_QUEUE and NIGHTLOAD_FILE_ROOTS as before.`,
    };
  }
  const failing = steps.find(({ failure }) => failure !== undefined);
  if (failing?.failure !== undefined) {
    const { name, attempt, failure } = failing;
    return {
      key: name + failure.code + failure.message,
      code: failure.code,
      text: `${name} failed ${attempt > 2 ? `${attempt - 1} times` : 'once'} and is tried again: ${failure.message}`,
    };
  }
  const running = steps[0];
  const why = running === undefined ? (idle ?? 'the worker has not begun.') : `${running.name} has not finished.`;
  return { key: 'waiting', code: 'NO_ANSWER', text: `No answer after ${time(waitedMs)}: ${why}` };
}
