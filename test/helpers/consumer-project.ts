/** A separate project with nightload installed, in which the examples are compiled. */
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { run } from '../../src/dev/run-program.js';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** The built package. Set the variable to test a build in another folder without touching `dist`. */
export const PACKAGE = process.env['NIGHTLOAD_TEST_PACKAGE'] ?? REPOSITORY;

export interface HostProject {
  folder: string;
  /** Compiled path of an example: `own-worker/worker.js`. */
  path(example: string): string;
  remove(): Promise<void>;
}

/** Compiles against the package's types: an example that does not match them fails here. */
export async function compileExamples(...examples: string[]): Promise<HostProject> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-host-')));
  const modules = join(folder, 'node_modules');
  await mkdir(modules);
  await symlink(join(REPOSITORY, 'node_modules', '@temporalio'), join(modules, '@temporalio'));
  await symlink(join(REPOSITORY, 'node_modules', '@types'), join(modules, '@types'));
  await symlink(PACKAGE, join(modules, 'nightload'));
  for (const example of examples)
    await cp(join(REPOSITORY, 'examples', example), join(folder, 'src', example), { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    types: ['node'],
    rootDir: 'src',
    outDir: 'dist',
    skipLibCheck: true,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  await run(process.execPath, [join(REPOSITORY, 'node_modules/typescript/bin/tsc'), '-p', folder]);
  return {
    folder,
    path: (example) => join(folder, 'dist', example),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface Program {
  child: ChildProcess;
  /** All output so far. */
  said(): string;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  /** Asks it to stop and waits. */
  stop(): Promise<number | string>;
}

export function startProgram(
  path: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  interpreter: string = process.execPath,
): Program {
  const child = spawn(interpreter, [path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | string>((done) =>
    child.once('close', (code, signal) => done(code ?? signal ?? 'gone')),
  );
  return {
    child,
    said: () => said,
    ended,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
