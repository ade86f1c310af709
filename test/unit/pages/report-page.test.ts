/** report.html: hostile texts stay text, its size is bounded, its commands are right. */
import { describe, expect, it } from 'vitest';
import { stepsOf } from '../../../src/pages/report/next-steps.js';
import { reportPage } from '../../../src/pages/report/report-page.js';
import { gapsBetween, packed } from '../../../src/pages/report/timeline.js';
import { percent } from '../../../src/pages/report/view.js';
import { HOSTILE_TEXTS, hostileView } from '../../helpers/report-view.js';

describe('a report full of hostile texts', () => {
  const view = hostileView(HOSTILE_TEXTS);
  // Messages are entered later.
  const made = reportPage(view).replace('<!-- messages --><!-- /messages -->', '');

  it('has only its own tags and attributes', () => {
    const tags = new Set([...made.matchAll(/<\/?([a-z!][a-z0-9]*)/gi)].map(([, name = '']) => name.toLowerCase()));
    const own =
      'a bdi body code dd div dl dt footer h1 h2 h3 head header html li main meta ol p pre rect section span strong style svg table tbody td th thead title tr ul br';
    for (const tag of tags) expect([...own.split(' '), '!doctype']).toContain(tag);
    const attributes = new Set(
      [...made.matchAll(/<[a-z][a-z0-9]*((?:\s+[a-zA-Z-]+="[^"]*")*)\s*\/?>/g)].flatMap(([, list = '']) =>
        [...list.matchAll(/\s([a-zA-Z-]+)="/g)].map(([, name]) => name),
      ),
    );
    for (const name of attributes) {
      expect(
        'aria-hidden aria-label charset class content height href http-equiv lang name preserveAspectRatio rel role scope viewBox width x y'.split(
          ' ',
        ),
      ).toContain(name);
    }
    // Every tag is one of these.
    expect(
      made.replace(/<style>[^<]*<\/style>/, '').replace(/<\/?[a-z][a-z0-9]*(?:\s+[a-zA-Z-]+="[^"]*")*\s*\/?>/g, ''),
    ).not.toMatch(/<(?!!doctype html>)/i);
    expect([...made.matchAll(/href="([^"]*)"/g)].map(([, to]) => to)).toEqual([
      expect.stringMatching(
        /^https:\/\/ui\.example\/namespaces\/[\w%.!~*();&#-]+\/workflows\/[\w%.!~*();&#-]+\/[\w%.!~*();&#-]+\/history$/,
      ),
      'report.json',
    ]);
  });

  it('has a bounded size, however large the cells are', () => {
    expect(Buffer.byteLength(made)).toBeLessThan(600_000);
  });

  it('says the same each time', () => {
    expect(reportPage(hostileView(HOSTILE_TEXTS))).toBe(reportPage(view));
  });

  it('links to the Temporal UI if the worker knows its address', () => {
    expect(made).toMatch(/<a href="https:\/\/ui\.example\/[^"<>]*" rel="noreferrer">workflow<\/a>/);
    expect(reportPage({ ...view, uiUrl: undefined })).not.toContain('noreferrer');
  });

  it('has each section', () => {
    const titles = [...made.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, title]) => title);
    expect(titles).toEqual([
      ...['Rows', 'Next steps', 'Rejected rows by cause', 'Warnings', 'Timeline', 'Throughput'],
      ...['API and allocation used', 'What retries recovered', 'Changes by rules', 'Files of the source'],
    ]);
    expect(made).toContain('Does not balance');
  });
});

describe('commands', () => {
  it('load the rejected rows with the rules that help, and what was not processed', () => {
    const view = hostileView(['Hott']);
    const { result } = view;
    Object.assign(view, {
      connection: 'default',
      externalIdFieldName: 'Key__c',
      places: { rejected: '/d/r.csv', unprocessed: '/d/u.csv', output: '/d' },
    });
    Object.assign(result, { object: 'Account', workflowId: 'bulk-load/accounts', openJobs: [], balanced: true });
    delete result.error;
    expect(stepsOf(view).map(({ command }) => command)).toEqual([
      'nightload load /d/r.csv \\\n  --object Account --operation upsert --external-id Key__c --fixes fixes.json',
      undefined,
      'nightload load /d/u.csv \\\n  --object Account --operation upsert --external-id Key__c',
      'nightload results accounts\nnightload history --object Account --output /d',
    ]);
    expect(JSON.parse(stepsOf(view)[0]?.file ?? '')).toEqual([
      {
        ...{ code: 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST', field: 'Rating', do: 'replace' },
        values: { Hott: 'NEW VALUE' },
      },
    ]);
  });
});

it('jobs that do not overlap share a line', () => {
  const job = (created: number, counted: number) => ({
    ...{ id: '', operation: 'insert' as const, state: '', records: 0, failed: 0, polls: 0 },
    times: { created, closed: created + 1, ended: counted - 1, counted },
  });
  const lines = packed([job(0, 10), job(5, 20), job(10, 30), job(21, 40)], 100);
  expect(lines.map((bars) => [bars[0]?.from, bars.at(-1)?.to])).toEqual([
    [0, 30],
    [5, 40],
  ]);
});

it('times without a job between jobs are waits', () => {
  const spans = [
    { from: 8_000, to: 9_000 },
    { from: 0, to: 3_000 },
    { from: 1_000, to: 2_000 },
    { from: 3_500, to: 5_000 },
  ];
  expect(gapsBetween(spans)).toEqual([{ tone: 'wait', from: 5_000, to: 8_000 }]);
});

it.each([
  [0, 10, '0 %'],
  [1, 100_000, '< 0.1 %'],
  [99_999, 100_000, '99.9 %'],
  [100, 100, '100 %'],
  [1, 3, '33 %'],
])('%i of %i is %s', (part, whole, text) => {
  expect(percent(part, whole)).toBe(text);
});
