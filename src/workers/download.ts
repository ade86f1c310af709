/**
 * Temporal's own downloads, asked for as the SDK asks for them. Done here, not by the SDK: it has no time limit for
 * the connection, and it starts the process-wide runtime, which a worker wants to configure first.
 */
import { createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { interceptors, request } from 'undici';
import type { Dispatcher } from 'undici';
import { OutboundAgent } from '../salesforce/outbound-agent.js';
import { run } from './run.js';

const CONNECT_LIMIT_MS = 5_000;
const HEADERS_LIMIT_MS = 30_000;
const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The SDK's version decides which version of the program is served. */
export const SDK_VERSION: string = (
  createRequire(import.meta.url)('@temporalio/client/package.json') as { version: string }
).version;

/**
 * Downloads the version that belongs to the installed SDK into `folder` and returns the program's path.
 * `cli` is the Temporal CLI with its dev server; `temporal-test-server` skips time.
 */
export async function downloadProgram(
  artifact: 'cli' | 'temporal-test-server',
  folder: string,
  host = 'https://temporal.download',
): Promise<string> {
  const [platform, arch] = [PLATFORMS[process.platform], ARCHITECTURES[process.arch]];
  if (platform === undefined || arch === undefined) {
    throw new Error(`there is none for ${process.platform} on ${process.arch}`);
  }
  const query = { arch, platform, format: 'tar.gz', 'sdk-name': 'sdk-typescript', 'sdk-version': SDK_VERSION };
  const agent = new OutboundAgent({ connectTimeout: CONNECT_LIMIT_MS });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }));
  try {
    const info = await get(`${host}/${artifact}/default?${new URLSearchParams(query).toString()}`, dispatcher);
    const { archiveUrl, fileToExtract } = (await info.json()) as { archiveUrl: string; fileToExtract: string };
    const archive = join(folder, 'archive.tar.gz');
    await pipeline(await get(archiveUrl, dispatcher), createWriteStream(archive));
    await run('tar', ['-xf', archive, '-C', folder, fileToExtract]);
    const program = join(folder, fileToExtract);
    await chmod(program, 0o755);
    return program;
  } finally {
    await agent.destroy();
  }
}

async function get(url: string, dispatcher: Dispatcher): Promise<Dispatcher.ResponseData['body']> {
  const { statusCode, body } = await request(url, { dispatcher, headersTimeout: HEADERS_LIMIT_MS });
  if (statusCode === 200) return body;
  await body.dump();
  throw new Error(`${new URL(url).host} answered ${statusCode}`);
}
