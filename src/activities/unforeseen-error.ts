/** Errors that nobody foresaw: how long a step is repeated despite one, and what may be shown of it. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { NightloadError } from '../errors.js';
import type { FailureDetails } from '../protocol/activities/attempt-types.js';
import { detailOf } from '../salesforce/errors/redacted-detail.js';
import { withDetail } from './results/failure-details.js';

/**
 * An unforeseen error may be a transient fault of this machine, so it is retried, but not as long as an outage: a bug
 * does not go away.
 */
const UNFORESEEN_MS = 1_800_000;
const MISTAKE_MS = 60_000;

/**
 * Code of an unforeseen error; undefined for all others. It is not the error's name: names that change would never end
 * the repetition.
 */
export function unforeseenCode(error: unknown): string | undefined {
  const foreseen = [NightloadError, ApplicationFailure, CancelledFailure].some((kind) => error instanceof kind);
  return foreseen ? undefined : isMistake(error) ? 'UNEXPECTED mistake' : 'UNEXPECTED fault';
}

function isMistake(error: unknown): boolean {
  // An operating system error has its own code, whatever its class.
  return (
    [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind) &&
    (error as NodeJS.ErrnoException).code === undefined
  );
}

export function limitOf(error: unknown): number {
  return isMistake(error) ? MISTAKE_MS : UNFORESEEN_MS;
}

/** What a Node error says of a file: a system code, never a value. */
const SYSTEM_CODE = /^[A-Z][A-Z0-9_]{1,60}$/;

/**
 * May be a transient fault of this machine, so it is retried and shown in the UI. Its message may contain data: parsers
 * repeat what they could not read.
 */
export function unforeseen(error: unknown, known: FailureDetails, isFinal: boolean): Error {
  const { name, code, syscall, message, stack } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const shown = [
    typeof name === 'string' && /^\w{1,60}$/.test(name) ? name : 'Error',
    ...(typeof code === 'string' && SYSTEM_CODE.test(code) ? [code] : []),
    ...(typeof syscall === 'string' && /^\w{1,30}$/.test(syscall) ? [syscall] : []),
  ].join(' ');
  const cause = new Error(shown);
  cause.stack = [`Error: ${shown}`, ...framesOf(stack, message)].join('\n');
  const failure = ApplicationFailure.create({
    type: 'UNEXPECTED',
    message: `Unexpected error: ${shown}. Its message is in report.json; please report it.`,
    nonRetryable: isFinal,
    // An upload has one attempt: its workflow counts.
    details: [{ ...known, believedAfterMs: limitOf(error) } satisfies FailureDetails],
    cause,
  });
  return withDetail(failure, {
    code: 'UNEXPECTED',
    text: detailOf(typeof message === 'string' ? message : String(error)),
  });
}

/** The stack frames, without the message before them, whose lines may look the same. */
function framesOf(stack: unknown, message: unknown): string[] {
  if (typeof stack !== 'string' || typeof message !== 'string') return [];
  const at = stack.lastIndexOf(message);
  if (at === -1) return [];
  const frames = stack.slice(at + message.length).split('\n');
  return frames.filter((line) => /^ {4}at [^\s].{0,300}:\d+:\d+\)?$/.test(line)).slice(0, 20);
}
