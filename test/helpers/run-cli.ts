/** Runs the built command in separate processes. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Command {
  child: ChildProcess;
  /** Output so far. */
  stdout(): string;
  stderr(): string;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
}

export function nightload(args: string[], env: NodeJS.ProcessEnv = {}, cwd?: string): Command {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    ...(cwd !== undefined && { cwd }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | string>((done) =>
    child.once('close', (code, signal) => done(code ?? signal ?? 'gone')),
  );
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

/** Starts a worker and waits until it is ready. */
export async function startWorkerProcess(env: NodeJS.ProcessEnv, cwd: string): Promise<Command> {
  const worker = nightload(['worker'], env, cwd);
  for (let i = 0; !worker.stderr().includes('Worker on'); i++) {
    if (worker.child.exitCode !== null || i > 300) throw new Error(`the worker did not start: ${worker.stderr()}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return worker;
}
