/** What a load leaves for people: report.html, the figures in report.json, the entry in the index of past loads. */
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryEntry } from '../../src/contract/load-history.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { newestEntries } from '../../src/storage/history-index.js';
import { accounts, newLoadId, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

const HOSTILE = `"><script>alert(1)</script><img src=x onerror=alert(2)>' \u202e&amp;`;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

const everything = { matches: () => true, most: 1_000, mostRead: 10_000 };

async function entryOf(output: string, loadId: string): Promise<HistoryEntry | undefined> {
  const { entries } = await newestEntries(output, everything);
  return entries.find((entry) => entry.loadId === loadId);
}

async function read(uri: string | undefined): Promise<string> {
  return readFile(fileURLToPath(uri ?? ''), 'utf8');
}

describe('a load with rejected and retried rows', () => {
  let result: BulkLoadResult;
  let html: string;
  let report: BulkLoadResult;
  beforeAll(async () => {
    const source = await world.csv(
      accounts(300, (row, n) => {
        if (n <= 10) return { ...row, Name: `${'x'.repeat(300)} ${n}` };
        if (n <= 15)
          return { ...row, Description: `[error FIELD_CUSTOM_VALIDATION_EXCEPTION: no ${n} ${HOSTILE}] ${HOSTILE}` };
        if (n <= 25) return { ...row, Description: '[locked once]' };
        return row;
      }),
    );
    result = await world.load({ source });
    html = await read(result.files.reportHtml);
    report = JSON.parse(await read(result.files.report)) as BulkLoadResult;
  });

  it('has a page next to its report', async () => {
    expect(result.files.reportHtml).toBe(result.files.report?.replace(/json$/, 'html'));
    expect(report.files.reportHtml).toBe(result.files.reportHtml);
    expect(await read(result.files.reportHtml)).toContain('<h2>Timeline</h2>');
    expect(result.warnings).toBeUndefined();
  });

  it('groups the rejected rows by cause, with what would make them land', () => {
    const { figures } = report;
    expect(figures?.rejectedBy).toMatchObject([
      { code: 'STRING_TOO_LONG', fields: ['Name'], rows: 10, cure: { rule: { do: 'truncate' }, rows: 10 } },
      { code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', rows: 5, cure: { rows: 5 } },
    ]);
    expect(figures).toMatchObject({ sent: 310, batches: 2, locked: 10, rejectedOther: 0 });
    expect(figures?.passes).toMatchObject([
      { name: 'first', jobs: 1, sent: 300, succeeded: 275, failed: 25 },
      { name: 'round-1', jobs: 1, sent: 10, succeeded: 10, failed: 0 },
    ]);
    expect(figures?.phases.map(({ phase }) => phase)).toEqual(['planning', 'loading', 'retrying', 'reporting']);
  });

  it('knows when each job was created, closed, ended and counted', () => {
    expect(report.jobs).toHaveLength(2);
    for (const { times } of report.jobs ?? []) {
      const { created = NaN, closed = NaN, ended = NaN, counted = NaN } = times ?? {};
      expect(created).toBeLessThanOrEqual(closed);
      expect(closed).toBeLessThanOrEqual(ended);
      expect(ended).toBeLessThanOrEqual(counted);
    }
  });

  it('shows hostile values as text', () => {
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).toContain('&lt;U+202E&gt;');
    expect(html).not.toContain('\u202e');
    expect(html.match(/<script|<img|<[^>]+ on\w+=|<[^>]+ style=/gi)).toBeNull();
    expect(html).toContain('http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;');
  });

  it('is in the index, without any value of a row', async () => {
    const entry = await entryOf(join(world.folder, 'nightload-results'), result.loadId);
    expect(entry).toMatchObject({
      ...{ version: 1, runId: result.runId, object: 'Account', operation: 'upsert', state: 'CompletedWithRejects' },
      ...{ connection: 'default', records: result.records, retry: { rounds: 1, recovered: 10 } },
      ...{ sent: 310, locked: 10, jobs: 2, batches: 2, apiRequests: result.apiRequests },
    });
    expect(JSON.stringify(entry)).not.toContain('script');
  });
});

it('a load whose header is wrong has a page that says so', async () => {
  const source = await world.csv([{ External_Id__c: 'A', Nonsense__c: 'x' }]);
  const result = await world.load({ source });
  expect(result.state).toBe('Failed');
  const html = await read(result.files.reportHtml);
  expect(html).toContain(result.error?.code);
  expect(html).toContain('nightload check');
  const entry = await entryOf(join(world.folder, 'nightload-results'), result.loadId);
  expect(entry).toMatchObject({ state: 'Failed', error: result.error?.code, sent: 0 });
});

it('what cannot be written besides the results is a warning', async () => {
  const output = await mkdtemp(join(world.folder, 'output-'));
  await writeFile(join(output, 'index'), 'in the way');
  const result = await world.load({ source: await world.csv(accounts(3)), output: `file://${output}` });
  expect(result.state).toBe('Completed');
  expect(result.warnings?.join()).toMatch(/index of past loads could not be written \([A-Z_]+\)/);
  const report = JSON.parse(await read(result.files.report)) as BulkLoadResult;
  expect(report.warnings).toEqual(result.warnings);
  await access(fileURLToPath(result.files.reportHtml ?? ''));
  await rm(output, { recursive: true });
});

it('a later run of the same load moves the page aside with the other results', async () => {
  const source = await world.csv(accounts(3));
  const loadId = newLoadId('report-twice');
  const first = await world.load({ source, loadId });
  await world.load({ source, loadId, again: true });
  const folder = join(world.folder, 'nightload-results', loadId, 'earlier', first.runId.slice(-8));
  expect((await readdir(folder)).sort()).toEqual(['report.html', 'report.json']);
});
