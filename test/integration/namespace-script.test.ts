/** docker/temporal-namespace.sh against a real Temporal server. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contract/names.js';
import { startDevServer } from '../../src/dev/dev-server.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { REPOSITORY } from '../containers/compose.js';

const run = promisify(execFile);
const NAMESPACE = 'made-by-the-script';
/** Numbers of `temporal.api.enums.v1.IndexedValueType`. */
const TYPES = { KEYWORD: 2, INT: 3, KEYWORD_LIST: 7 } as const;

let folder: string;
let server: DevServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-namespace-'));
  const { path } = await findTemporalServer({ log: (line) => console.error(line) });
  await symlink(path, join(folder, 'temporal'));
  server = await startDevServer({ binary: path, uiPort: 'off' });
}, 600_000);

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function script(retention: string): Promise<string> {
  const { stdout } = await run('sh', [resolve(REPOSITORY, 'docker/temporal-namespace.sh')], {
    env: {
      HOME: folder,
      PATH: [folder, process.env['PATH']].join(delimiter),
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: NAMESPACE,
      NAMESPACE_RETENTION: retention,
    },
  });
  return stdout;
}

it('creates the namespace with its search attributes, and only corrects it the next time', async () => {
  expect(await script('30d')).toContain(`The namespace ${NAMESPACE} is ready.`);
  const connection = await Connection.connect({ address: server.address });
  try {
    const days = async (): Promise<number> => {
      const { config } = await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
      return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400;
    };
    expect(await days()).toBe(30);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: NAMESPACE });
    expect(customAttributes).toMatchObject(
      Object.fromEntries(Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, TYPES[type]])),
    );

    expect(await script('40d')).toContain(`The namespace ${NAMESPACE} is ready.`);
    expect(await days()).toBe(40);
  } finally {
    await connection.close();
  }
});
