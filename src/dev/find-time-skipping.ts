/**
 * Finds Temporal's time-skipping server, in which a night of timers takes seconds, or downloads it once into a cache: its
 * release where its checksum is known, else the jars of the same version with Java and Maven.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { NightloadError } from '../errors.js';
import { cleanEnvironment, findProgram } from '../runtime/clean-environment.js';
import { freePort } from '../runtime/free-port.js';
import { downloadProgram } from './download-temporal.js';
import type { Release } from './download-temporal.js';
import { cacheFolder, isOwnProgram } from './find-temporal.js';
import { run } from './run-program.js';

/** The only machine for which this archive's checksum is known; elsewhere Maven is used. */
const RELEASE: Release = {
  version: '1.38.0',
  archives: {
    'linux-x64': {
      path: 'temporalio/sdk-java/releases/download/v1.38.0/temporal-test-server_1.38.0_linux_amd64.tar.gz',
      sha256: '41df834fe8e1ac59619e13908f41b63e4d1054f37634a2f89033d8cf6af71b96',
      program: 'temporal-test-server_1.38.0_linux_amd64/temporal-test-server',
    },
  },
};
const MAVEN = {
  server: '1.38.0',
  slf4j: '2.0.17',
  /** Checksum of the list of all jars with their own checksums, as printed by `sha256sum *.jar`. */
  sha256: '8662a23ca805b6722204221a59e4c63238d83b57753108d3afd89ae325060c6c',
} as const;
const CLASSES = 'classes.jsa';
/**
 * With these options and an archive of its classes, the server starts in a quarter of the CPU time. Each test starts
 * one, and the SDK waits for it no longer than 5 seconds. Paths are relative: the archive is made before its folder
 * gets its final name.
 */
const JAVA = ['-Xlog:disable', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'] as const;
const MAIN = 'io.temporal.testserver.TestServer';

/**
 * Path of the program: `NIGHTLOAD_TEST_SERVER`, else a cached copy, else its release, else Maven.
 * @throws NightloadError `TIME_SKIPPING_SERVER_NOT_FOUND`
 */
export async function findTimeSkippingServer(
  env: NodeJS.ProcessEnv = process.env,
  folder?: string,
  log: (line: string) => void = (line) => console.error(line),
): Promise<string> {
  const given = env['NIGHTLOAD_TEST_SERVER'];
  if (given) {
    if (existsSync(given)) return given;
    throw notFound([`NIGHTLOAD_TEST_SERVER names ${given}, which does not exist`]);
  }
  const cache = folder ?? (await cacheFolder(env, 'test-server'));
  await mkdir(cache, { recursive: true });
  const downloaded = join(cache, `download-${RELEASE.version}`);
  const built = join(cache, `maven-${MAVEN.server}-archived`);
  const program = { download: join(downloaded, 'temporal-test-server'), maven: join(built, 'temporal-test-server') };
  for (const path of Object.values(program)) if (isOwnProgram(path)) return path;
  const failures: string[] = [];
  try {
    await install(downloaded, async (work) => {
      await rename(await downloadProgram(RELEASE, work), join(work, 'temporal-test-server'));
    });
    return program.download;
  } catch (error) {
    failures.push(`download: ${messageOf(error)}`);
  }
  try {
    log('Fetching the time-skipping Temporal test server with Maven (39 MB)…');
    await install(built, (work) => byMaven(work, env));
    return program.maven;
  } catch (error) {
    failures.push(`maven: ${messageOf(error)}`);
  }
  throw notFound(failures);
}

function notFound(failures: readonly string[]): NightloadError {
  return new NightloadError(
    'TIME_SKIPPING_SERVER_NOT_FOUND',
    `Could not get Temporal's time-skipping server (${failures.join('; ')}). Do one of these and try again: ` +
      'connect to the internet, install Java 17 and Maven, or set NIGHTLOAD_TEST_SERVER to the program.',
  );
}

/** Fills a temporary folder, then renames it: another process sees all of it or nothing. */
async function install(target: string, fill: (work: string) => Promise<unknown>): Promise<void> {
  const work = await mkdtemp(`${target}.`);
  try {
    await fill(work);
    await rename(work, target).catch((error: unknown) => {
      // Another process was faster; its copy is equivalent.
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function byMaven(work: string, env: NodeJS.ProcessEnv): Promise<void> {
  await run('java', ['-version'], { env });
  const dependency = (group: string, artifact: string, version: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  const pom = join(work, 'pom.xml');
  await writeFile(
    pom,
    `<project><modelVersion>4.0.0</modelVersion>
<groupId>nightload</groupId><artifactId>test-server</artifactId><version>1</version>
<dependencies>
${dependency('io.temporal', 'temporal-test-server', MAVEN.server)}
${dependency('org.slf4j', 'slf4j-nop', MAVEN.slf4j)}
</dependencies></project>
`,
  );
  const lib = join(work, 'lib');
  await run('mvn', ['-q', '-B', '-C', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`], { env });
  const found = await checksumOf(lib);
  if (found !== MAVEN.sha256) throw new Error(`the SHA-256 of its jars is ${found}, not ${MAVEN.sha256}: not used`);
  await writeFile(
    join(work, 'temporal-test-server'),
    `#!/bin/sh\ncd "$(dirname "$0")" && exec java ${JAVA.join(' ')} -XX:SharedArchiveFile=${CLASSES} -cp 'lib/*' ${MAIN} "$@"\n`,
    { mode: 0o755 },
  );
  await archiveClasses(work, env);
}

/** Writes the classes that a server loads until it has answered its first call. */
async function archiveClasses(work: string, env: NodeJS.ProcessEnv): Promise<void> {
  const port = await freePort();
  const args = [...JAVA, `-XX:ArchiveClassesAtExit=${CLASSES}`, '-cp', 'lib/*', MAIN, String(port)];
  const java = findProgram('java', env) ?? 'java';
  const server = spawn(java, args, { cwd: work, env: cleanEnvironment('java', env), stdio: 'ignore' });
  const ended = once(server, 'exit');
  try {
    const connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: '1m' });
    await connection.close();
  } finally {
    server.kill();
    await ended;
  }
}

async function checksumOf(folder: string): Promise<string> {
  const lines: string[] = [];
  for (const name of (await readdir(folder)).sort()) {
    lines.push(`${sha256(await readFile(join(folder, name)))}  ${name}\n`);
  }
  return sha256(lines.join(''));
}

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
