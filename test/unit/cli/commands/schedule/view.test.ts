import { expect, it } from 'vitest';
import { listLine } from '../../../../../src/cli/commands/schedule/view.js';

it('an id with line breaks stays on one line', () => {
  const line = listLine({ scheduleId: 'a\n\nnightly   2026-11-30 01:00', paused: true });
  expect(line).toMatch(/^a nightly 2026-11-30 01:00 {2}paused/);
  expect(line).not.toContain('\n');
});
