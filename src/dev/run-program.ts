/** Runs other programs quietly: their output is only shown if they fail. */
import { spawn } from 'node:child_process';
import { cleanEnvironment, findProgram } from '../runtime/clean-environment.js';

/**
 * Runs a program to its end; rejects with its last output if it fails or cannot be started. Passes on only the
 * environment variables that it needs. For a program that reads files of its working folder, specify one.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<void> {
  const path = findProgram(program, options.env);
  if (path === undefined) throw new Error(`${program} is not on PATH`);
  await new Promise<void>((done, fail) => {
    const child = spawn(path, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
      env: cleanEnvironment(program, options.env),
    });
    let said = '';
    const hear = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-2_000);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', fail);
    child.on('close', (code, signal) => {
      const last = said.trim().split('\n').at(-1) ?? '';
      if (code === 0) done();
      else fail(new Error(`${program} ended with ${code ?? signal}${last === '' ? '' : `: ${last}`}`));
    });
  });
}
