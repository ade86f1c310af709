/**
 * The programs of the stack. Temporal's server, its schema tool and the S3 server are built once with `go install`, in
 * the versions of the compose files' images where Go's proxy has them; PostgreSQL is the system's.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cacheFolder, findTemporalServer } from '../../../src/dev/find-temporal.js';
import { run } from '../../../src/dev/run-program.js';
import { findProgram } from '../../../src/runtime/clean-environment.js';

const SERVER = 'go.temporal.io/server';
const SERVER_VERSION = 'v1.32.1';
const VERSITYGW = 'github.com/versity/versitygw/cmd/versitygw';
export const VERSITYGW_VERSION = 'v1.8.0';
/** Go's checksum database verifies every module. */
const GO_CHECKS = { GOSUMDB: 'sum.golang.org', GONOSUMDB: '', GOINSECURE: '', GOFLAGS: '' };
const POSTGRES_FOLDERS = [15, 16, 17].map((version) => `/usr/lib/postgresql/${version}/bin`);

export interface Programs {
  temporalServer: string;
  sqlTool: string;
  versitygw: string;
  /** The command line. */
  temporal: string;
  /** The folder of `initdb`, `postgres` and `pg_basebackup`. */
  postgres: string;
}

export async function findPrograms(): Promise<Programs> {
  const postgres = POSTGRES_FOLDERS.find((folder) => existsSync(join(folder, 'initdb')));
  if (postgres === undefined) {
    throw new Error('PostgreSQL is missing: apt-get install -y --no-install-recommends postgresql-15');
  }
  const { path: temporal } = await findTemporalServer();
  return {
    temporal,
    postgres,
    temporalServer: await built(`${SERVER}/cmd/server`, SERVER_VERSION),
    sqlTool: await built(`${SERVER}/cmd/tools/sql`, SERVER_VERSION),
    versitygw: await built(VERSITYGW, VERSITYGW_VERSION),
  };
}

async function built(path: string, version: string): Promise<string> {
  const name = basename(path);
  const folder = await cacheFolder(process.env, 'stack');
  const program = join(folder, `${name}-${version}`);
  if (existsSync(program)) return program;
  if (findProgram('go', process.env) === undefined) throw new Error('Go 1.24 or later is missing, to build the stack');
  console.error(`Building ${path} ${version} (takes a few minutes)…`);
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, `${name}.`));
  try {
    await run('go', ['install', `${path}@${version}`], {
      env: { ...process.env, ...GO_CHECKS, GOBIN: work },
      cwd: work,
    });
    await rename(join(work, name), program);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return program;
}
