/**
 * The simulated org: a process of its own, asked by its control API, behind a front. The org keeps its data in memory, and
 * a real one loses none: so the front is what is killed, and the org is gone for its callers, with every connection.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { freePort } from '../../../src/runtime/free-port.js';
import { KEY_HEADER } from '../../../src/simulator/index.js';
import type { SimulatorOptions } from '../../../src/simulator/index.js';
import { REPOSITORY } from '../../containers/compose.js';
import { Part } from './part.js';

const FRONT = fileURLToPath(new URL('org-front.mjs', import.meta.url));
const KEY = 'only-on-loopback-0123456789';
export const NIGHTLOAD = join(REPOSITORY, 'dist/cli/main.js');

const LEDGER = z.object({
  requests: z.array(z.object({ kind: z.string(), at: z.number() })),
  jobs: z.array(z.object({ id: z.string(), state: z.string(), uploads: z.number(), records: z.number() })),
});
const RECORDS = z.array(z.object({ applied: z.number(), values: z.record(z.string(), z.string()) }));
export type OrgJob = z.infer<typeof LEDGER>['jobs'][number];

export class Org {
  readonly front: Part;
  readonly #part: Part;
  readonly url: string;
  readonly #ownUrl: string;

  private constructor(part: Part, front: Part, urls: { own: string; front: string }) {
    this.#part = part;
    this.front = front;
    this.#ownUrl = urls.own;
    this.url = urls.front;
  }

  static async start(folder: string, options: SimulatorOptions): Promise<Org> {
    mkdirSync(folder);
    const [port, frontPort] = [await freePort(), await freePort()];
    const urls = { own: `http://127.0.0.1:${port}`, front: `http://127.0.0.1:${frontPort}` };
    const file = join(folder, 'options.json');
    writeFileSync(file, JSON.stringify({ ...options, controlKey: KEY, hosts: [`127.0.0.1:${frontPort}`] }));
    const { PATH, HOME } = process.env;
    const node = (name: string, words: (string | number)[], isReady: () => Promise<boolean>): Part =>
      new Part(
        name,
        { program: process.execPath, args: words.map(String), env: { PATH, HOME, TMPDIR: folder }, cwd: folder },
        { logFile: `${folder}-${name}.log`, isReady },
      );
    const answers = (url: string) => (): Promise<boolean> => fetch(`${url}/services/data`).then(({ ok }) => ok);
    const part = node('simulator', [NIGHTLOAD, 'simulator', '--port', port, '--options', file], answers(urls.own));
    const front = node('org', [FRONT, frontPort, port], answers(urls.front));
    await part.start();
    await front.start();
    return new Org(part, front, urls);
  }

  async #ask(path: string): Promise<unknown> {
    const reply = await fetch(`${this.#ownUrl}/__simulator/${path}`, { headers: { [KEY_HEADER]: KEY } });
    return reply.json();
  }

  async jobs(): Promise<OrgJob[]> {
    return LEDGER.parse(await this.#ask('ledger')).jobs;
  }

  async requests(): Promise<number> {
    return LEDGER.parse(await this.#ask('ledger')).requests.length;
  }

  /** Each record's value of a field, and how often a row was applied to it. */
  async records(field: string): Promise<{ key: string; applied: number }[]> {
    const records = RECORDS.parse(await this.#ask('records?object=Account'));
    return records.map(({ applied, values }) => ({ key: values[field] ?? '', applied }));
  }

  async setSpeed(recordsPerSecond: number): Promise<void> {
    await fetch(`${this.#ownUrl}/__simulator/speed`, {
      method: 'POST',
      headers: { [KEY_HEADER]: KEY, 'content-type': 'application/json' },
      body: JSON.stringify({ recordsPerSecond }),
    });
  }

  async end(): Promise<void> {
    await Promise.all([this.front.end(), this.#part.end()]);
  }
}
