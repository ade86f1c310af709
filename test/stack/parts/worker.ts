/** A worker process on a disk of its own: the built nightload, with the environment of the compose files. */
import { mkdirSync } from 'node:fs';
import { freePort } from '../../../src/runtime/free-port.js';
import { parseExposition } from '../../helpers/exposition.js';
import type { Exposition } from '../../helpers/exposition.js';
import { NIGHTLOAD } from './org.js';
import { Part } from './part.js';
import { command, environment } from './settings.js';
import { QUIET } from './store.js';

export interface WorkerSettings {
  temporal: string;
  orgUrl: string;
  store: Record<string, string>;
  /** Settings beside those of compose. */
  more: Record<string, string>;
  /** Words after `worker`. */
  options?: readonly string[];
}

export class Worker {
  readonly part: Part;
  readonly #url: string;

  private constructor(part: Part, url: string) {
    this.part = part;
    this.#url = url;
  }

  /** @param folder is its whole disk */
  static async start(name: string, folder: string, settings: WorkerSettings): Promise<Worker> {
    mkdirSync(folder, { recursive: true });
    const metrics = `127.0.0.1:${await freePort()}`;
    const env = environment('worker', {
      TEMPORAL_ADDRESS: settings.temporal,
      NIGHTLOAD_FILE_ROOTS: folder,
      NIGHTLOAD_METRICS_ADDRESS: metrics,
      SF_INSTANCE_URL: settings.orgUrl,
      ...settings.store,
    });
    const args = [NIGHTLOAD, ...command('worker', {}), ...(settings.options ?? [])];
    const url = `http://${metrics}`;
    const part = new Part(
      name,
      // The image sets one arena of memory too.
      {
        program: process.execPath,
        args,
        env: { ...env, ...QUIET, MALLOC_ARENA_MAX: '1', ...settings.more },
        cwd: folder,
      },
      { logFile: `${folder}.log`, isReady: () => fetch(`${url}/readyz`).then(({ ok }) => ok) },
    );
    await part.start();
    return new Worker(part, url);
  }

  async metrics(): Promise<Exposition> {
    return parseExposition(await (await fetch(`${this.#url}/metrics`)).text());
  }
}
