/** Extremely long names from a caller: messages repeat only a little of them, but enough for people. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shownPath } from '../../../src/domain/text/shown.js';
import { openBench, run } from '../../helpers/activity-harness.js';
import type { Bench } from '../../helpers/activity-harness.js';

let bench: Bench;
let folder: string;
beforeAll(async () => {
  bench = await openBench();
  const { uri } = await bench.plan('Name,External_Id__c\nA,1\n');
  folder = new URL('../../', uri).pathname;
});
afterAll(() => bench.close());

const deep = (base: string, name: string): string =>
  pathToFileURL(join(base, ...Array<string>(15).fill('d'.repeat(240)), name)).href;

async function said(input: object): Promise<[code: string | null | undefined, message: string]> {
  const asked = {
    ...{ connection: 'default', loadId: 'x', executionId: 'x'.repeat(8), refuseLanded: true },
    ...{
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
      source: `file://${folder}source.csv`,
    },
    ...input,
  };
  const failure = (await run(bench.activities.locateSource as (input: unknown) => Promise<unknown>, asked).catch(
    (error: unknown) => error,
  )) as ApplicationFailure;
  return [failure.type, failure.message];
}

it.each([
  ['a missing file', 'SOURCE_NOT_FOUND', () => ({ source: deep(folder, 'night.csv') }), 'night.csv'],
  ['a file outside the roots', 'FILE_OUTSIDE_ROOTS', () => ({ source: deep('/srv', 'night.csv') }), 'night.csv'],
  ['results outside the roots', 'FILE_OUTSIDE_ROOTS', () => ({ output: `${deep('/srv', 'here')}/` }), 'here'],
  ['a connection', 'CONNECTION_NOT_CONFIGURED', () => ({ connection: 'c'.repeat(255) }), 'cccc'],
] as const)('%s', async (_, code, input, named) => {
  const [type, message] = await said(input());
  expect(type).toBe(code);
  expect(message).toContain(named);
  expect(message.length).toBeLessThan(600);
  expect(message).not.toMatch(/(.)\1{201}/);
});

describe('a path', () => {
  it('is shown whole if it has an ordinary length', () => {
    for (const path of ['', '/data/a.csv', `/${'x'.repeat(199)}`]) expect(shownPath(path)).toBe(path);
  });

  it('keeps its beginning and its end if it is longer', () => {
    const path = `/data/${'x'.repeat(5_000)}/night.csv`;
    expect(shownPath(path)).toHaveLength(200);
    expect(shownPath(path)).toMatch(/^\/data\/x+…x+\/night\.csv$/);
  });
});
