/**
 * Finds Temporal's time-skipping test server, in which a night of timers takes seconds, or downloads it once into a
 * cache. The SDK's prebuilt program comes first; if it is not available for this machine or cannot be downloaded, Java
 * and Maven are used.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { TestProject } from 'vitest/node';
import { freePort } from '../../src/runtime/free-port.js';
import { downloadProgram } from '../../src/dev/download-temporal.js';
import type { Release } from '../../src/dev/download-temporal.js';
import { cacheFolder } from '../../src/dev/find-temporal.js';
import { run } from '../../src/dev/run-program.js';
import { cleanEnvironment, findProgram } from '../../src/runtime/clean-environment.js';
import { registerSearchAttributes } from '../../src/workers/startup/search-attributes.js';
import { buildBundle } from './workflow-bundle.js';

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

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide('timeSkippingServer', await findTimeSkippingServer());
  const bundle = await buildBundle();
  project.provide('workflowBundlePath', bundle.path);
  return bundle.remove;
}

/** A running environment whose namespace has nightload's search attributes. The caller tears it down. */
export async function startTimeSkipping(path: string): Promise<TestWorkflowEnvironment> {
  const create = (): Promise<TestWorkflowEnvironment> =>
    TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } });
  // The SDK gives the server 5 seconds to start, which is not always enough for Java on a busy machine.
  const environment = await create().catch(create).catch(create);
  await registerSearchAttributes(environment.nativeConnection, environment.namespace ?? 'default');
  awaitClockBeforeTeardown(environment);
  return environment;
}

/**
 * A call that is retried after its connection was closed would throw in a timer, where nobody catches it: simulated
 * orgs ask for the time until they are closed.
 */
function awaitClockBeforeTeardown(environment: TestWorkflowEnvironment): void {
  const asked = new Set<Promise<number>>();
  const currentTimeMs = environment.currentTimeMs.bind(environment);
  const teardown = environment.teardown.bind(environment);
  environment.currentTimeMs = () => {
    const time = currentTimeMs();
    asked.add(time);
    void time.catch(() => undefined).finally(() => asked.delete(time));
    return time;
  };
  environment.teardown = async () => {
    await Promise.allSettled(asked);
    await teardown();
  };
}

/**
 * Path of the program: `NIGHTLOAD_TEST_SERVER`, else a cached copy, else the SDK's download, else Maven.
 * @throws Error with a remedy if none is available: tests of whole nights are never skipped silently
 */
export async function findTimeSkippingServer(
  env: NodeJS.ProcessEnv = process.env,
  folder?: string,
  log: (line: string) => void = (line) => console.error(line),
): Promise<string> {
  const given = env['NIGHTLOAD_TEST_SERVER'];
  if (given) {
    if (existsSync(given)) return given;
    throw new Error(`NIGHTLOAD_TEST_SERVER names ${given}, which does not exist.`);
  }
  const cache = folder ?? (await cacheFolder(env, 'test-server'));
  await mkdir(cache, { recursive: true });
  const downloaded = join(cache, `download-${RELEASE.version}`);
  const built = join(cache, `maven-${MAVEN.server}-archived`);
  const program = { download: join(downloaded, 'temporal-test-server'), maven: join(built, 'temporal-test-server') };
  for (const path of Object.values(program)) if (existsSync(path)) return path;
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
  throw new Error(
    `Could not get a time-skipping Temporal test server (${failures.join('; ')}). Do one of these and try again: ` +
      'connect to the internet, install Java 17 and Maven, or set NIGHTLOAD_TEST_SERVER to the program. ' +
      'Or run the other tests only: npx vitest run --project unit --project integration.',
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
