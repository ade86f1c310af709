import { afterAll, beforeAll, expect, it } from 'vitest';
import { accounts, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

/** All payloads of a workflow and of its children, as text. */
async function textOfHistories(workflowId: string): Promise<string> {
  const texts: string[] = [];
  for (const id of [workflowId, `${workflowId}/part-1`, `${workflowId}/retry`, `${workflowId}/retry/round-1/part-1`]) {
    const history = await world.client.workflow.getHandle(id).fetchHistory();
    expect(history.events?.length).toBeGreaterThan(5);
    // Payloads are base64 in JSON.
    texts.push(
      JSON.stringify(history, (key, value: unknown) =>
        key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : value,
      ),
    );
  }
  return texts.join('\n');
}

it('contains no cell and no secret, but the names that people search for', async () => {
  const rows = accounts(200, (row, n) => ({
    ...row,
    External_Id__c: `SECRETKEY-${n}`,
    Name: n % 50 === 0 ? '' : `SECRETNAME ${n}`,
    Description: n % 20 === 0 ? 'SECRETCELL [locked once]' : 'SECRETCELL',
  }));
  const handle = await world.start({ source: await world.csv(rows) });
  const result = await handle.result();
  expect(result).toMatchObject({ records: { succeeded: 196, rejected: 4 }, retry: { recovered: 8 } });
  const text = await textOfHistories(handle.workflowId);
  for (const word of ['SECRETKEY', 'SECRETNAME', 'SECRETCELL', world.org.token, 'simulated'])
    expect(text).not.toContain(word);
  expect(text.includes('External_Id__c')).toBe(true);
  expect(text.includes(result.jobs?.[0]?.id ?? 'no job')).toBe(true);
});

it('leaves the result in the memo and in the search attributes, readable without a worker', async () => {
  const handle = await world.start({ source: await world.csv(accounts(10)) });
  const { jobs, ...result } = await handle.result();
  const description = await handle.describe();
  expect(jobs).toHaveLength(1);
  expect(description.memo?.['nightloadResult']).toEqual(result);
  expect(description.memo?.['nightloadFilesQueue']).toBe(world.worker.filesQueue);
  expect(description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toEqual(
    expect.arrayContaining([
      ['NightloadObject', 'Account'],
      ['NightloadOperation', 'upsert'],
      ['NightloadConnection', 'default'],
      ['NightloadPhase', 'done'],
      ['NightloadRejected', 0],
    ]),
  );
  const job = await world.client.workflow.getHandle(`${handle.workflowId}/part-1`).describe();
  expect(job.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toContainEqual([
    'NightloadJobIds',
    [jobs?.[0]?.id],
  ]);
});

it('costs few events: at most 15 in the parent for each part', async () => {
  const rows = accounts(900, (row, n) => ({ ...row, External_Id__c: `EV-${n}` }));
  const handle = await world.start({ source: await world.csv(rows), part: { maxBytes: 2_000, maxConcurrent: 4 } });
  const { jobsTotal } = await handle.result();
  const history = await world.client.workflow.getHandle(handle.workflowId).fetchHistory();
  expect(jobsTotal).toBeGreaterThan(15);
  expect((history.events?.length ?? 0) / jobsTotal).toBeLessThan(15);
});
