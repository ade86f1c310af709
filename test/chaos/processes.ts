/** The processes of the chaos suite: workers as in production, and a Temporal server that may be killed. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDevServer } from '../../src/dev/dev-server.js';
import { freePort } from '../../src/runtime/free-port.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';

/** The built nightload, or the build in the given folder. */
const DIST = resolve(process.env['NIGHTLOAD_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url)));

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #said = '';

  constructor(env: NodeJS.ProcessEnv, folder: string) {
    this.#child = spawn(process.execPath, [`${DIST}/cli/main.js`, 'worker'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#said = (this.#said + chunk.toString()).slice(-20_000)));
    this.#ended = new Promise((done) => this.#child.once('exit', () => done()));
  }

  get said(): string {
    return this.#said;
  }

  /** Sends the signal; the promise settles when the process has ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    return this.#ended;
  }
}

/** A dev server on a database file that survives a kill. */
export class TemporalServer {
  #running: DevServer;
  readonly #start: () => Promise<DevServer>;

  private constructor(running: DevServer, start: () => Promise<DevServer>) {
    this.#running = running;
    this.#start = start;
  }

  static async start(dbFile: string): Promise<TemporalServer> {
    const { path } = await findTemporalServer();
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const start = (): Promise<DevServer> => startDevServer({ binary: path, dbFile, uiPort: 'off', port });
      try {
        return new TemporalServer(await start(), start);
      } catch (error) {
        // Another case may have taken the port.
        if (attempt === 3) throw error;
      }
    }
  }

  get address(): string {
    return this.#running.address;
  }

  async kill(): Promise<void> {
    process.kill(this.#running.pid, 'SIGKILL');
    await this.#running.ended;
  }

  async startAgain(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#running = await this.#start();
        return;
      } catch (error) {
        if (attempt === 3) throw error;
      }
    }
  }

  stop(): Promise<void> {
    return this.#running.stop();
  }
}
