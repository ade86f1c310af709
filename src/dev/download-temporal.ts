/**
 * Downloads programs from Temporal's own releases: the CLI with its dev server, and the time-skipping server. A release
 * is accepted only if it has the SHA-256 recorded here; no other one is ever unpacked or run. The SDK's own download is
 * not used: it checks no checksum, has no time limit for the connection, and starts the process-wide runtime, which a
 * worker must configure first.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { OutboundAgent } from '../runtime/outbound-agent.js';
import { run } from './run-program.js';

const CONNECT_LIMIT_MS = 5_000;
const HEADERS_LIMIT_MS = 30_000;
const WHOLE_LIMIT_MS = 900_000;
const MAX_REDIRECTS = 5;
/** The largest of these archives has 46 MB. */
const MAX_ARCHIVE_BYTES = 150_000_000;
/** Host of the releases. */
export const DOWNLOAD_HOST = 'https://github.com';

/** One version of a program, for the machines with a known archive. */
export interface Release {
  version: string;
  /** By `process.platform` and `process.arch`. */
  archives: Partial<Record<string, Archive>>;
}

interface Archive {
  /** Path after the host. */
  path: string;
  sha256: string;
  /** The program to extract. */
  program: string;
}

/** From `checksums.txt` of the release. A new version changes all four. */
export const TEMPORAL_CLI: Release = {
  version: '1.9.1',
  archives: {
    'linux-x64': cli('linux_amd64', '09a0326a51db84d02735e53542b9ebd8c4758daf47482a9ab0abce15844e60d5'),
    'linux-arm64': cli('linux_arm64', '6c57c352d52fc3df34412376fd9ba6f74b7e3ace8e426e6cba8600156d36a145'),
    'darwin-x64': cli('darwin_amd64', '48cdd6c84c56e27ae8e4d9a47052b89289a9c552dee029b49dd312c6fb72873f'),
    'darwin-arm64': cli('darwin_arm64', '41e0425378fcb4fb5766340b97435e20fe47bbff2d7bf644ec2d51f7662b7c56'),
  },
};

function cli(platform: string, sha256: string): Archive {
  const path = `temporalio/cli/releases/download/v1.9.1/temporal_cli_1.9.1_${platform}.tar.gz`;
  return { path, sha256, program: 'temporal' };
}

/**
 * Downloads a release into `folder`, an empty one for this call only, and returns the program's path.
 * @throws Error if there is none for this machine, or if its checksum differs
 */
export async function downloadProgram(release: Release, folder: string, host = DOWNLOAD_HOST): Promise<string> {
  const machine = `${process.platform}-${process.arch}`;
  const archive = release.archives[machine];
  if (archive === undefined) throw new Error(`no checksum is known for ${machine}`);
  const agent = new OutboundAgent({ connectTimeout: CONNECT_LIMIT_MS });
  const file = join(folder, 'archive.tar.gz');
  try {
    const found = await save(new URL(archive.path, `${host}/`), file, agent);
    if (found !== archive.sha256) throw new Error(`its SHA-256 is ${found}, not ${archive.sha256}: not used`);
  } finally {
    await agent.destroy();
  }
  await run('tar', ['-xf', file, '-C', folder, archive.program], { cwd: folder });
  const program = join(folder, archive.program);
  await chmod(program, 0o755);
  return program;
}

/** Saves a download to a file that is not executable, and returns its SHA-256. */
async function save(url: URL, path: string, dispatcher: Dispatcher): Promise<string> {
  const signal = AbortSignal.timeout(WHOLE_LIMIT_MS);
  const body = await get(url, dispatcher, signal);
  const hash = createHash('sha256');
  let size = 0;
  await pipeline(
    body,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > MAX_ARCHIVE_BYTES) throw new Error(`it has more than ${MAX_ARCHIVE_BYTES} bytes: not used`);
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(path, { mode: 0o600, flags: 'wx' }),
    { signal },
  );
  return hash.digest('hex');
}

/** Follows redirects, over https only. */
async function get(first: URL, dispatcher: Dispatcher, signal: AbortSignal): Promise<Dispatcher.ResponseData['body']> {
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    refusePlain(url, first);
    const { statusCode, headers, body } = await request(url, { dispatcher, signal, headersTimeout: HEADERS_LIMIT_MS });
    if (statusCode === 200) return body;
    body.on('error', () => undefined).destroy();
    if (statusCode < 300 || statusCode > 399 || typeof headers['location'] !== 'string') {
      throw new Error(`${url.host} answered ${statusCode}`);
    }
    url = new URL(headers['location'], url);
  }
  throw new Error(`${first.host} redirects more than ${MAX_REDIRECTS} times`);
}

/** Plain http only within this machine: for tests. */
function refusePlain(url: URL, first: URL): void {
  const isLocal = first.hostname === '127.0.0.1' && url.hostname === '127.0.0.1';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)) return;
  throw new Error(`${first.host} redirects to ${url.protocol}//${url.host}, which is not https`);
}
