/** The S3 server, with TLS and a folder of its own. Its objects are files there, which the test reads. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { Agent, fetch } from 'undici';
import { freePort } from '../../../src/runtime/free-port.js';
import { REPOSITORY } from '../../containers/compose.js';
import { Part } from './part.js';
import type { Programs } from './programs.js';
import { command, environment } from './settings.js';

/** The certificate is its own: only to see whether it answers. */
const TRUSTING = new Agent({ connect: { rejectUnauthorized: false } });
const PUT = fileURLToPath(new URL('put-object.mjs', import.meta.url));
const BUCKET = 'nightload';
/** The SDK's word about coming versions of Node, once in each process. */
export const QUIET = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };

export class Store {
  readonly part: Part;
  /** For the environment of workers. */
  readonly settings: { AWS_ENDPOINT_URL_S3: string; NODE_EXTRA_CA_CERTS: string };
  readonly #folder: string;

  private constructor(part: Part, folder: string, url: string) {
    this.part = part;
    this.#folder = folder;
    this.settings = { AWS_ENDPOINT_URL_S3: url, NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem') };
  }

  static async start(programs: Programs, folder: string): Promise<Store> {
    mkdirSync(folder);
    execFileSync('sh', [join(REPOSITORY, 'docker/s3-prepare.sh'), folder], { stdio: ['ignore', 'ignore', 'inherit'] });
    const port = await freePort();
    const url = `https://127.0.0.1:${port}`;
    const args = command('s3', {
      ':7070': `127.0.0.1:${port}`,
      '/run/secrets/s3-certificate.pem': join(folder, 'certificate.pem'),
      '/run/secrets/s3-key.pem': join(folder, 'key.pem'),
      '/buckets': join(folder, 'buckets'),
    });
    const isReady = (): Promise<boolean> => fetch(url, { dispatcher: TRUSTING }).then(({ status }) => status === 403);
    const part = new Part(
      's3',
      { program: programs.versitygw, args, env: environment('s3', {}), cwd: folder },
      { logFile: `${folder}.log`, isReady },
    );
    await part.start();
    return new Store(part, folder, url);
  }

  /** By the S3 API, in a process that trusts the certificate: Node reads that setting when it starts. */
  async put(uri: string, content: Iterable<string>): Promise<void> {
    const env = { ...environment('worker', this.settings), ...QUIET };
    const child = spawn(process.execPath, [PUT, uri], { env, stdio: ['pipe', 'inherit', 'inherit'] });
    const ended = once(child, 'exit');
    await pipeline(Readable.from(content), child.stdin);
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error(`${uri} could not be written`);
  }

  /** Read from the disk: another way than the one that wrote it. */
  read(uri: string): Promise<string> {
    const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
    if (bucket !== BUCKET) throw new Error(`${uri} is not in the bucket`);
    return readFile(join(this.#folder, 'buckets', bucket, ...key.split('/').map(decodeURIComponent)), 'utf8');
  }
}
