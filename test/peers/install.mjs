import { spawn } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';

/** Why a client is skipped. */
export class NotInstalled extends Error {}

/** Runs a program to its end. @returns {Promise<{ code: number, out: string, err: string }>} */
export function run(program, args, { input = '', ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, options);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
    // A program that never reads its input ends without it.
    child.stdin.on('error', () => undefined).end(input);
    child.on('error', reject).on('close', (code, signal) => resolve({ code: code ?? signal, out, err }));
  });
}

/** Installs what the manifest next to a client pins. @returns the version of the package */
export async function npmInstall(manifest, place, name) {
  await copyFile(manifest, `${place}package.json`);
  const { dependencies } = JSON.parse(await readFile(manifest, 'utf8'));
  const pinned = dependencies[name];
  if ((await versionOf(place, name)) === pinned) return pinned;
  // No lock file, because it would contain the machine's registry. No scripts, because none is needed.
  const flags = ['--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await install('npm', ['install', ...flags], place);
  return versionOf(place, name);
}

export async function install(program, args, cwd) {
  const { code, err } = await run(program, args, { cwd }).catch((error) => ({ code: 1, err: error.message }));
  const lines = err.trim().split('\n');
  if (code !== 0)
    throw new NotInstalled(`${program} ${args.slice(0, 3).join(' ')} failed: ${lines.slice(-3).join(' ')}`);
}

async function versionOf(place, name) {
  const text = await readFile(`${place}node_modules/${name}/package.json`, 'utf8').catch(() => '{}');
  return JSON.parse(text).version;
}
