/**
 * A Temporal server whose clock skips the times in which workflows only wait for their timers. While an activity runs,
 * time passes as it does on this machine.
 */
import { spawn } from 'node:child_process';
import { Connection } from '@temporalio/client';
import { InternalConnectionOptionsSymbol } from '@temporalio/client/lib/connection.js';
import type { InternalConnectionOptions } from '@temporalio/client/lib/connection.js';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { NightloadError } from '../errors.js';
import { cleanEnvironment } from '../runtime/clean-environment.js';
import { freePort } from '../runtime/free-port.js';
import { WITHOUT_PROXY } from '../runtime/proxy.js';

export interface TimeSkippingServer {
  address: string;
  namespace: string;
  /** The server's time, in milliseconds since 1970. */
  now(): Promise<number>;
  /** Skips time until the work has ended. */
  skipWhile<T>(work: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** Java takes some seconds to start on a busy machine. */
const START_LIMIT = '1m';
const STOP_LIMIT_MS = 5_000;

/** @throws NightloadError `TEMPORAL_SERVER_NOT_STARTED` */
export async function startTimeSkippingServer(program: string): Promise<TimeSkippingServer> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  // A separate process group: Ctrl-C in a terminal must reach the worker first, and the server last.
  const child = spawn(program, [String(port)], {
    stdio: 'ignore',
    detached: true,
    env: cleanEnvironment('java'),
  });
  const ended = new Promise<void>((done) => {
    child.once('error', () => done());
    child.once('exit', () => done());
  });
  const endWithThisProcess = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithThisProcess);
  const stopChild = async (): Promise<void> => {
    process.off('exit', endWithThisProcess);
    child.kill();
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  };
  const options: InternalConnectionOptions = {
    address,
    connectTimeout: START_LIMIT,
    channelArgs: WITHOUT_PROXY,
    [InternalConnectionOptionsSymbol]: { supportsTestService: true },
  };
  try {
    const connection = await Promise.race([Connection.connect(options), ended.then(() => undefined)]);
    const service = connection?.testService;
    if (connection === undefined || service === undefined) throw new Error('it ended at once');
    return {
      address,
      namespace: 'default',
      now: async () => tsToMs((await service.getCurrentTime({})).time),
      async skipWhile(work) {
        await service.unlockTimeSkipping({});
        try {
          return await work();
        } finally {
          await service.lockTimeSkipping({}).catch(() => undefined);
        }
      },
      async stop() {
        await connection.close();
        await stopChild();
      },
    };
  } catch (error) {
    await stopChild();
    throw new NightloadError(
      'TEMPORAL_SERVER_NOT_STARTED',
      `Temporal's time-skipping server ${program} did not start: ${error instanceof Error ? error.message : String(error)}.`,
      { cause: error },
    );
  }
}
