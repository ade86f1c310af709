import { describe, expect, it } from 'vitest';
import { resultLines } from '../../../../../src/cli/shared/result/print-result.js';
import type { BulkLoadResult } from '../../../../../src/contract/load-result.js';

const none: BulkLoadResult = {
  loadId: 'a',
  workflowId: 'bulk-load/a',
  runId: 'r',
  state: 'Failed',
  object: 'Acount',
  operation: 'insert',
  records: { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 },
  balanced: true,
  retry: { rounds: 0, recovered: 0, rerendered: 0 },
  jobs: [],
  jobsTotal: 0,
  apiRequests: 2,
  files: { succeeded: [], report: 'file:///data/a/report.json' },
  error: { code: 'OBJECT_NOT_FOUND', message: 'There is no object "Acount".' },
};

describe('a load that failed before it began', () => {
  it('prints the reason first, and no table of zeros', async () => {
    expect(await resultLines(none, 1.2)).toEqual([
      '',
      'OBJECT_NOT_FOUND: There is no object "Acount".',
      '',
      '  Failed: nothing was sent.',
      '  report       /data/a/report.json',
    ]);
  });

  it('is reported the same way when it was canceled', async () => {
    const { error: _none, ...canceled } = { ...none, state: 'Canceled' as const };
    const lines = await resultLines(canceled);
    expect(lines[1]).toBe('  Canceled: nothing was sent.');
    expect(lines.join('\n')).not.toContain('Succeeded');
  });

  it('has its counts as soon as there is something to count', async () => {
    for (const more of [{ records: { ...none.records, total: 5, unprocessed: 5 } }, { jobsTotal: 1 }]) {
      const lines = await resultLines({ ...none, ...more });
      expect(lines.findIndex((line) => /Succeeded +0/.test(line))).toBeGreaterThan(0);
      expect(lines).toContain('OBJECT_NOT_FOUND: There is no object "Acount".');
    }
  });
});

it('shows warnings, without anything that a terminal would execute', async () => {
  const warnings = ['late\u001b[2J', ...Array.from({ length: 14 }, () => 'again')];
  const lines = await resultLines({ ...none, jobsTotal: 1, warnings });
  expect(lines.filter((line) => line.includes('Warning: '))).toHaveLength(10);
  expect(lines).toContain('  … and 5 more warnings in the report.');
  // eslint-disable-next-line no-control-regex
  expect(lines.join('')).not.toMatch(/\u001b/);
});

it('names jobs that may still be Open', async () => {
  const lines = await resultLines({ ...none, jobsTotal: 1, openJobs: ['750xx0000000001AAA'] });
  expect(lines.join('\n')).toContain('750xx0000000001AAA. Check them in Setup > Bulk Data Load Jobs.');
});
