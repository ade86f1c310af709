/** A Temporal dev server on this machine: one SQLite file, so that a restart keeps everything. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:net';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { cleanEnvironment } from '../clean-environment.js';
import { SEARCH_ATTRIBUTES } from '../contract.js';
import { NightloadError } from '../errors.js';
import { WITHOUT_PROXY } from '../proxy.js';
import { guardUi, hiddenAddress } from './ui-guard.js';

export interface DevServerOptions {
  /** Path of the `temporal` program. */
  binary: string;
  /** Kept between starts; without it everything is gone at the end. */
  dbFile?: string;
  /** @default 7233 when it is free, else any */
  port?: number;
  /** @default 8233 when it is free, else any */
  uiPort?: number | 'off';
  /** @default 'default' */
  namespace?: string;
  /** Further `KEY=VALUE` for `--dynamic-config-value`. */
  dynamicConfig?: string[];
  /** How long closed workflows are kept. @default 30 */
  retentionDays?: number;
}

export interface DevServer {
  address: string;
  namespace: string;
  uiUrl?: string;
  pid: number;
  /** Settles when the process has ended, for whatever reason. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

const ATTRIBUTE_TYPES = { KEYWORD: 'Keyword', INT: 'Int', KEYWORD_LIST: 'KeywordList' } as const;
/** The server's own default lets short timers fire a second late. */
const PROMPT_TIMERS = 'history.timerProcessorMaxTimeShift="10ms"';
/**
 * The server always opens its HTTP API, and any page in a browser could ask it. It answers no host but this one, which
 * exists nowhere and which nobody knows.
 */
const noHttpApi = (): string => `frontend.httpAllowedHosts=["${randomUUID()}.invalid"]`;
/** Everything that the server makes is its user's alone: the database, and what SQLite writes beside it. */
const PRIVATELY = ['-c', 'umask 077 && exec "$0" "$@"'];
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 5_000;

/**
 * @throws NightloadError `TEMPORAL_SERVER_NOT_STARTED` with its last words; `TEMPORAL_DATA_IN_USE`: two servers on one
 *   file take each other's work
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { binary, dbFile, namespace = 'default', retentionDays = 30 } = options;
  if (dbFile !== undefined) {
    await refuseSharedFile(dbFile);
    await closeToOthers(dbFile);
  }
  const port = options.port ?? (await freePort(7233));
  const uiPort = options.uiPort ?? (await freePort(8233));
  const ui = { host: hiddenAddress(), port: await freePort() };
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'];
  args.push('--http-port', String(await freePort()), '--metrics-port', String(await freePort()));
  args.push(...(uiPort === 'off' ? ['--headless'] : ['--ui-ip', ui.host, '--ui-port', String(ui.port)]));
  if (namespace !== 'default') args.push('--namespace', namespace);
  if (dbFile !== undefined) args.push('--db-filename', dbFile);
  const dynamicConfig = [PROMPT_TIMERS, noHttpApi(), ...(options.dynamicConfig ?? [])];
  for (const setting of dynamicConfig) args.push('--dynamic-config-value', setting);
  for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES)) {
    args.push('--search-attribute', `${name}=${ATTRIBUTE_TYPES[type]}`);
  }
  // A group of its own: Ctrl-C in a terminal must reach the worker first, the server last.
  const child = spawn('sh', [...PRIVATELY, binary, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: cleanEnvironment(binary),
  });
  let said = '';
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-2_000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  let hasEnded = false;
  const ended = new Promise<void>((done) => {
    const end = (): void => {
      hasEnded = true;
      done();
    };
    child.once('error', (error) => {
      said += error.message;
      end();
    });
    child.once('exit', end);
  });
  const address = `127.0.0.1:${port}`;
  const release = endWithThisProcess(child);
  void ended.then(release);
  if (dbFile !== undefined && child.pid !== undefined) {
    writeFileSync(holderOf(dbFile), JSON.stringify({ pid: child.pid, address } satisfies Holder), {
      mode: 0o600,
    });
    void ended.then(() => rmSync(holderOf(dbFile), { force: true }));
  }
  let door: Server | undefined;
  void ended.then(() => {
    door?.closeAllConnections();
    door?.close();
  });
  const stop = async (): Promise<void> => {
    if (hasEnded) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  };
  try {
    await untilReady(address, namespace, retentionDays, () => hasEnded);
    if (uiPort !== 'off') door = await guardUi(uiPort, ui);
  } catch (error) {
    await stop();
    throw new NightloadError(
      'TEMPORAL_SERVER_NOT_STARTED',
      `The Temporal server did not start (${error instanceof Error ? error.message : String(error)}): ${said.trim().split('\n').slice(-3).join(' ')}`,
      { cause: error },
    );
  }
  return {
    address,
    namespace,
    pid: child.pid as number,
    ended,
    stop,
    ...(uiPort === 'off' ? {} : { uiUrl: `http://127.0.0.1:${uiPort}` }),
  };
}

/** The server that has a data file open. */
interface Holder {
  pid: number;
  address: string;
}

function holderOf(dbFile: string): string {
  return `${dbFile}.server`;
}

async function refuseSharedFile(dbFile: string): Promise<void> {
  let holder: Holder;
  try {
    holder = JSON.parse(await readFile(holderOf(dbFile), 'utf8')) as Holder;
    process.kill(holder.pid, 0);
  } catch {
    // No note, or of a process that has ended.
    return;
  }
  // Another process may have its number by now.
  const answers = await Connection.connect({
    address: holder.address,
    connectTimeout: '5s',
    channelArgs: WITHOUT_PROXY,
  }).then(
    (connection) => connection.close().then(() => true),
    () => false,
  );
  if (!answers) return;
  throw new NightloadError(
    'TEMPORAL_DATA_IN_USE',
    `A Temporal server at ${holder.address} (process ${holder.pid}) has ${dbFile} open already. ` +
      `Use that one (export TEMPORAL_ADDRESS=${holder.address}), end it first, or start in another folder.`,
  );
}

/**
 * Kills the server when this process ends, even by `kill -9`: a shell beside waits for its standard input to close,
 * which the system does for the dead. Returns what calls that off.
 */
function endWithThisProcess(server: ChildProcess): () => void {
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  const guard = spawn('sh', ['-c', 'read line; kill -9 "$0"', String(server.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: cleanEnvironment('sh'),
  });
  // Without a shell there is no guard against `kill -9`; everything else works.
  guard.on('error', () => undefined);
  guard.unref();
  return () => {
    process.off('exit', kill);
    guard.kill('SIGKILL');
  };
}

/** Of a database that an earlier version made, and of what SQLite keeps beside one that was not closed. */
async function closeToOthers(dbFile: string): Promise<void> {
  for (const path of ['', '-wal', '-shm', '-journal'].map((end) => dbFile + end)) {
    await chmod(path, 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

/** Waits until the namespace answers, and sets how long it keeps closed workflows. */
async function untilReady(
  address: string,
  namespace: string,
  retentionDays: number,
  hasEnded: () => boolean,
): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1_000, channelArgs: WITHOUT_PROXY });
      try {
        await connection.workflowService.updateNamespace({
          namespace,
          config: { workflowExecutionRetentionTtl: msToTs(retentionDays * 86_400_000) },
        });
        return;
      } finally {
        await connection.close();
      }
    } catch (error) {
      if (hasEnded() || Date.now() > deadline) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

/** `wanted` when nothing listens there, else any free port. */
export async function freePort(wanted = 0): Promise<number> {
  const listen = (port: number): Promise<number> =>
    new Promise((done, fail) => {
      const server = createServer();
      server.once('error', fail);
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => done(typeof address === 'object' && address !== null ? address.port : port));
      });
    });
  return wanted === 0 ? listen(0) : listen(wanted).catch(() => listen(0));
}
