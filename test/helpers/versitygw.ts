/**
 * versitygw, an S3 server over a folder: `go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`. Found on PATH, or
 * where Go installs programs.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fetch } from 'undici';
import { freePort } from '../../src/runtime/free-port.js';

export function findVersitygw(): string | undefined {
  const { PATH = '', GOPATH = join(homedir(), 'go') } = process.env;
  const folders = [...PATH.split(delimiter), ...GOPATH.split(delimiter).map((path) => join(path, 'bin'))];
  return folders.map((folder) => join(folder, 'versitygw')).find((path) => existsSync(path));
}

export interface Versitygw {
  settings: Record<string, string>;
  /** Where the buckets lie as folders. */
  folder: string;
  close(): Promise<void>;
}

export async function startVersitygw(program: string, bucket: string): Promise<Versitygw> {
  const root = await mkdtemp(join(tmpdir(), 'nightload-versitygw-'));
  const folder = join(root, 'data');
  await mkdir(join(folder, bucket), { recursive: true });
  const port = await freePort();
  const keys = { AWS_ACCESS_KEY_ID: 'TESTKEY', AWS_SECRET_ACCESS_KEY: 'secret' };
  const server = spawn(program, ['--port', `127.0.0.1:${port}`, 'posix', folder], {
    stdio: 'ignore',
    env: { ...process.env, ROOT_ACCESS_KEY: keys.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: keys.AWS_SECRET_ACCESS_KEY },
  });
  const ended = new Promise<void>((done) => server.once('exit', () => done()));
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 1; ; attempt++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      break;
    if (attempt === 100) throw new Error('versitygw does not answer');
    await pause(100);
  }
  return {
    folder: join(folder, bucket),
    settings: {
      ...keys,
      AWS_ENDPOINT_URL_S3: url,
      AWS_REGION: 'us-east-1',
      NIGHTLOAD_S3_FORCE_PATH_STYLE: '1',
      NIGHTLOAD_S3_ROOTS: `s3://${bucket}/`,
    },
    async close() {
      server.kill();
      await ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}
