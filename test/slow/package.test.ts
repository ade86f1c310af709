/** The packed tarball, installed into empty projects as users do it: ES modules and CommonJS, Node 20, 22 and 24. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { PACKAGE } from '../helpers/consumer-project.js';

const runFile = promisify(execFile);
const BIN = fileURLToPath(new URL('../../node_modules/.bin/', import.meta.url));
const ENTRIES = ['.', '/contract', '/nexus', '/workflows', '/activities', '/worker', '/testing'];

let folder: string;
let tarball: string;
let files: string[];
let server: string;

/** Runs without environment variables that refer to this repository. */
async function run(program: string, args: string[], cwd: string): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], NIGHTLOAD_TEMPORAL: server };
  const { stdout } = await runFile(program, args, { cwd, env, maxBuffer: 50_000_000 });
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-packed-'));
  server = (await findTemporalServer()).path;
  const said = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], PACKAGE);
  const [packed] = JSON.parse(said) as [{ filename: string; files: { path: string }[] }];
  tarball = join(folder, packed.filename);
  files = packed.files.map(({ path }) => path);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

it('contains the build, the schemas and nothing else', () => {
  const kinds = new Set(files.map((path) => path.split('/')[0]));
  expect([...kinds].sort()).toEqual(['LICENSE', 'README.md', 'SECURITY.md', 'dist', 'package.json', 'schemas']);
  expect(files.filter((path) => /\.test\.|\.tsbuildinfo$/.test(path))).toEqual([]);
  expect(files).toContain('schemas/bulk-load-input.schema.json');
  expect(files).toContain('dist/workflow-bundle.js');
});

it('passes publint and arethetypeswrong', async () => {
  await run(join(BIN, 'publint'), ['run', tarball, '--strict'], folder);
  // The package is ESM; CommonJS programs load it with require(esm), which the tool does not support.
  await run(join(BIN, 'attw'), [tarball, '--profile', 'esm-only'], folder);
});

const LOAD = `
(async () => {
  const environment = await startTestEnvironment();
  const source = await environment.csv('a.csv', [{ External_Id__c: '1', Name: 'One' }]);
  await startBulkLoad(environment.client, {
    source, object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c', loadId: 'packed',
    poll: { initialInterval: '100ms' },
  });
  const { state, records } = await loadHandle(environment.client, 'packed').result();
  await environment.close();
  console.log(JSON.stringify({ node: process.version, state, succeeded: records.succeeded }));
})();
`;

describe.each([
  ['ES modules', 'module', (name: string, values: string) => `import ${values} from '${name}';`],
  [
    'CommonJS',
    'commonjs',
    (name: string, values: string) => `const ${values.replace('* as ', '')} = require('${name}');`,
  ],
])('a project of %s', (_name, type, load) => {
  let project: string;
  beforeAll(async () => {
    project = join(folder, type);
    await mkdir(project);
    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'host', private: true, type }));
    await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', tarball], project);
    const imports = ENTRIES.map((entry, n) => load(`nightload${entry.replace('.', '')}`, `* as entry${n}`));
    const names = [
      load('nightload', '{ startBulkLoad, loadHandle }'),
      load('nightload/testing', '{ startTestEnvironment }'),
    ];
    await writeFile(join(project, 'load.js'), [...imports, ...names, LOAD].join('\n'));
  }, 300_000);

  it('has one copy of the Temporal SDK, next to the package', async () => {
    const lock = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8')) as { packages: object };
    const copies = Object.keys(lock.packages).filter((path) => path.endsWith('@temporalio/workflow'));
    expect(copies).toEqual(['node_modules/@temporalio/workflow']);
  });

  it.each(['this', '22', '24'])('loads a row on Node %s', { timeout: 300_000 }, async (version) => {
    const [program, args] =
      version === 'this' ? [process.execPath, []] : ['npx', ['-y', '-p', `node@${version}`, 'node']];
    const said = await run(program, [...args, 'load.js'], project);
    const told = JSON.parse(said.trim().split('\n').at(-1) ?? '') as { node: string };
    expect(told).toMatchObject({ state: 'Completed', succeeded: 1 });
    if (version !== 'this') expect(told.node).toMatch(new RegExp(`^v${version}\\.`));
  });
});
