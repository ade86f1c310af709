/**
 * Runs a program of the notify file with the message on its standard input: no shell, an environment without secrets,
 * and none of its output is read.
 */
import { spawn } from 'node:child_process';
import { parse } from 'node:path';
import { Deadline } from '../../runtime/deadline.js';
import { cleanEnvironment, findProgram } from '../../runtime/clean-environment.js';
import { programInput } from '../formats/webhook-body.js';
import { NotifyError } from '../notify-error.js';
import type { Sender } from '../sending.js';
import type { ExecTarget } from '../settings.js';

/** Milliseconds. */
const TIMEOUT = 30_000;

export const runProgram: Sender<ExecTarget> = async (target, message, options) => {
  const { signal } = options;
  signal?.throwIfAborted();
  const [name = '', ...args] = target.command.map((part) => part.reveal());
  const program = findProgram(name);
  if (program === undefined) throw failed('was not found on PATH');
  await options.aboutToSend();
  signal?.throwIfAborted();
  await run(program, args, {
    input: programInput(message, options.isTest),
    signal,
    timeout: options.timeout ?? TIMEOUT,
  });
  return {};
};

interface Run {
  input: string;
  signal: AbortSignal | undefined;
  timeout: number;
}

async function run(program: string, args: readonly string[], { input, signal, timeout }: Run): Promise<void> {
  const deadline = new Deadline(timeout, signal);
  const child = spawn(program, args, {
    env: cleanEnvironment(program),
    // Not a folder where loads write.
    cwd: parse(process.cwd()).root,
    stdio: ['pipe', 'ignore', 'ignore'],
    // Its own group, so that what it starts ends with it.
    detached: true,
  });
  const kill = (): void => killGroup(child.pid);
  deadline.signal.addEventListener('abort', kill, { once: true });
  try {
    // A program need not read it.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const [code, killedBy] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (...result) => resolve(result));
    });
    if (code === 0) return;
    signal?.throwIfAborted();
    if (deadline.reason !== undefined) throw failed(`did not end within ${timeout / 1_000} s`, true);
    // Its exit code says that it did not deliver the message; a signal says nothing.
    throw code === null ? failed(`was ended by ${killedBy ?? 'a signal'}`, true) : failed(`ended with code ${code}`);
  } catch (error) {
    if (error instanceof NotifyError || signal?.aborted) throw error;
    throw failed(`could not be started (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  } finally {
    deadline.end();
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

function failed(what: string, maybeSent = false): NotifyError {
  return new NotifyError(
    'NOTIFY_PROGRAM_FAILED',
    `The program of the target ${what}. Run it yourself with a message on its standard input to see why.`,
    { retryable: true, maybeSent },
  );
}
