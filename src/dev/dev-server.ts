/** A Temporal dev server on this machine, with one SQLite file, so that a restart keeps everything. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { freePort } from '../runtime/free-port.js';
import { cleanEnvironment } from '../runtime/clean-environment.js';
import { SEARCH_ATTRIBUTES } from '../contract/names.js';
import { NightloadError } from '../errors.js';
import { WITHOUT_PROXY } from '../runtime/proxy.js';
import { privateFile } from './private-data.js';
import { guardUi, hiddenAddress } from './ui-guard.js';

export interface DevServerOptions {
  /** Path of the `temporal` program. */
  binary: string;
  /** Kept between starts; without it, all data is lost at the end. */
  dbFile?: string;
  /** @default 7233 if it is free, else any free port */
  port?: number;
  /** @default 8233 if it is free, else any free port */
  uiPort?: number | 'off';
  /** @default 'default' */
  namespace?: string;
  /** Additional `KEY=VALUE` for `--dynamic-config-value`. */
  dynamicConfig?: string[];
  /** Retention of closed workflows. @default 30 */
  retentionDays?: number;
}

export interface DevServer {
  address: string;
  namespace: string;
  uiUrl?: string;
  pid: number;
  /** Settles when the process has ended, for any reason. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

const ATTRIBUTE_TYPES = { KEYWORD: 'Keyword', INT: 'Int', KEYWORD_LIST: 'KeywordList' } as const;
/** With the server's defaults, short timers may fire a second late, and a busy server looks for them 20 times a second. */
const PROMPT_TIMERS = [
  'history.timerProcessorMaxTimeShift="10ms"',
  'history.timerProcessorMaxPollRPS=1000',
  'history.timerProcessorMaxPollHostRPS=1000',
];
/**
 * A write-ahead log, which the CLI does not ask for: a journal for each commit takes half as much processor time again.
 * SQLite then flushes at checkpoints instead of at each commit. A killed server loses nothing. After a power cut the last
 * minutes may be missing, as after a restore: loads ask the org what it has.
 */
const PRAGMAS = ['journal_mode=wal', 'synchronous=normal'];
/** Hands out a backlog in turns, one org after another, as the tasks' fairness keys ask for. */
const FAIRNESS = 'matching.enableFairness=true';
/**
 * The server always opens its HTTP API, and any page in a browser could call it. It serves only this host, whose name
 * is random and does not exist.
 */
const noHttpApi = (): string => `frontend.httpAllowedHosts=["${randomUUID()}.invalid"]`;
const SHELL = '/bin/sh';
/** Only the server's user can access its files: the database, and SQLite's files next to it. */
const PRIVATELY = ['-c', 'umask 077 && exec "$0" "$@"'];
const HOLDER = '.server';
/** A database that an earlier version may have made, what SQLite keeps beside one that was not closed, and our note. */
const DATA_FILES = ['', '-wal', '-shm', '-journal', HOLDER];
/** A process that ends is noticed at once; a busy machine needs its time. */
const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 5_000;

/**
 * @throws NightloadError `TEMPORAL_SERVER_NOT_STARTED` with its last output; `TEMPORAL_DATA_IN_USE`: two servers on one
 *   file would take each other's work; `TEMPORAL_DATA_NOT_PRIVATE`
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { binary, dbFile, namespace = 'default', retentionDays = 30 } = options;
  if (dbFile !== undefined) {
    for (const end of DATA_FILES) await privateFile(dbFile + end);
    await refuseSharedFile(dbFile);
  }
  const port = options.port ?? (await freePort(7233));
  const uiPort = options.uiPort ?? (await freePort(8233));
  const ui = { host: hiddenAddress(), port: await freePort() };
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'];
  args.push('--http-port', String(await freePort()), '--metrics-port', String(await freePort()));
  args.push(...(uiPort === 'off' ? ['--headless'] : ['--ui-ip', ui.host, '--ui-port', String(ui.port)]));
  if (namespace !== 'default') args.push('--namespace', namespace);
  if (dbFile !== undefined) {
    args.push('--db-filename', dbFile, ...PRAGMAS.flatMap((pragma) => ['--sqlite-pragma', pragma]));
  }
  const dynamicConfig = [...PROMPT_TIMERS, FAIRNESS, noHttpApi(), ...(options.dynamicConfig ?? [])];
  for (const setting of dynamicConfig) args.push('--dynamic-config-value', setting);
  for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES)) {
    args.push('--search-attribute', `${name}=${ATTRIBUTE_TYPES[type]}`);
  }
  // A separate process group: Ctrl-C in a terminal must reach the worker first, and the server last.
  const child = spawn(SHELL, [...PRIVATELY, resolve(binary), ...args], {
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

/** The server that has opened a data file. */
interface Holder {
  pid: number;
  address: string;
}

function holderOf(dbFile: string): string {
  return dbFile + HOLDER;
}

async function refuseSharedFile(dbFile: string): Promise<void> {
  let holder: Holder;
  try {
    holder = JSON.parse(await readFile(holderOf(dbFile), 'utf8')) as Holder;
    process.kill(holder.pid, 0);
  } catch {
    // No note, or its process has ended.
    return;
  }
  // Another process may have the same id by now.
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
    `A Temporal server at ${holder.address} (process ${holder.pid}) already has ${dbFile} open. ` +
      `Use it (export TEMPORAL_ADDRESS=${holder.address}), stop it first, or start in another folder.`,
  );
}

/**
 * Kills the server when this process ends, even by `kill -9`: a shell process waits for its standard input to close,
 * which the system does when a process dies. Returns a function that cancels this.
 */
function endWithThisProcess(server: ChildProcess): () => void {
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  const guard = spawn(SHELL, ['-c', 'read line; kill -9 "$0"', String(server.pid)], {
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
