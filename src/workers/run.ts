/** Other programs, run quietly: what they print is only shown when they fail. */
import { spawn } from 'node:child_process';
import { cleanEnvironment } from '../clean-environment.js';

/**
 * Runs a program to its end; rejects with its last words when it fails or cannot be started. Of the environment it gets
 * what it needs.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<void> {
  await new Promise<void>((done, fail) => {
    const child = spawn(program, args, {
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
