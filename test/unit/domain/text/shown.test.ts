/** External names that become names of workflows and task queues: names that Temporal refuses would stop the caller. */
import { describe, expect, it } from 'vitest';
import { isTaskQueue, isText, isWorkflowId } from '../../../../src/domain/text/shown.js';

describe('a text', () => {
  it('has complete characters', () => {
    expect(isText('Größe 😀')).toBe(true);
    for (const half of ['\ud800', 'a\udc00', '😀'.slice(0, 1)]) expect(isText(half)).toBe(false);
  });
});

it('the id of a workflow has at most 1,000 bytes', () => {
  expect(isWorkflowId('bulk-load/accounts')).toBe(true);
  expect(isWorkflowId('x'.repeat(1_000))).toBe(true);
  expect(isWorkflowId('😀'.repeat(250))).toBe(true);
  for (const other of ['', '😀'.repeat(251), 'é'.repeat(501), 'x'.repeat(1_001), '\ud800', 5, undefined]) {
    expect(isWorkflowId(other)).toBe(false);
  }
});

it('a task queue has at most 255 bytes, and not a name that the server reserves', () => {
  expect(isTaskQueue('nightload-files-0a1b')).toBe(true);
  for (const other of ['', '/_sys/x/1', '😀'.repeat(64), 'x'.repeat(256), '\ud800', {}, null]) {
    expect(isTaskQueue(other)).toBe(false);
  }
});
