/** The part of report.html about messages that were not delivered at once. */
import { describe, expect, it } from 'vitest';
import type { DeliveryNote } from '../../../src/contract/notification.js';
import { messages, withMessages } from '../../../src/pages/report/messages.js';
import { reportPage } from '../../../src/pages/report/report-page.js';
import { HOSTILE_TEXTS, hostileView } from '../../helpers/report-view.js';

const SINCE = '2026-11-30T02:00:10.000Z';
const note = (more: Partial<DeliveryNote> = {}): DeliveryNote => ({
  ...{ event: 'failed', target: 'ops', since: SINCE, state: 'givenUp', at: '2026-11-30T14:05:00.000Z' },
  ...{ code: 'NOTIFY_REFUSED', ...more },
});

const PAGE = reportPage(hostileView(HOSTILE_TEXTS));

it('a page without messages has no such section', () => {
  expect(PAGE).not.toContain('<h2>Messages</h2>');
  expect(withMessages(PAGE, [])).toBe(PAGE);
});

it.each([
  [{ state: 'retrying', until: '2026-11-30T14:00:10.000Z' }, 'not delivered yet, retried until 2026-11-30 14:00 UTC'],
  [{ state: 'givenUp' }, 'given up 2026-11-30 14:05 UTC'],
  [{ state: 'unconfirmed' }, 'may have arrived'],
  [{ state: 'deliveredLate' }, 'delivered late, 2026-11-30 14:05 UTC'],
] as const)('%j is shown in words', (more, words) => {
  const page = withMessages(PAGE, [note(more)]) ?? '';
  expect(page).toContain('<h2>Messages</h2>');
  expect(page).toContain(`<td class="">${words}</td>`);
  expect(page).toContain('2026-11-30 02:00 UTC');
  expect(page).toContain('NOTIFY_REFUSED');
  expect(page.includes('nightload notify test ops')).toBe(more.state !== 'deliveredLate');
});

it('a later outcome takes the place of the earlier one, and nothing else changes', () => {
  const early = withMessages(PAGE, [note({ state: 'retrying' })]) ?? '';
  const late = withMessages(early, [note({ state: 'deliveredLate' }), note({ target: 'mail' })]) ?? '';
  expect(late.match(/<h2>Messages<\/h2>/g)).toHaveLength(1);
  expect(late).not.toContain('not delivered yet');
  expect(withMessages(late, [])).toBe(PAGE);
});

describe('hostile names', () => {
  it('stay text, and cannot end the section', () => {
    const texts = [...HOSTILE_TEXTS, '<!-- /messages -->', '<!-- messages -->'];
    const notes = texts.map((text) => note({ target: text, code: text }));
    const made = withMessages(PAGE, notes) ?? '';
    expect(withMessages(made, [])).toBe(PAGE);
    expect(messages(notes).text.replace(/<!-- \/?messages -->/g, '')).not.toMatch(
      /<(?!\/?(?:bdi|code|div|h2|p|pre|section|table|tbody|td|th|thead|tr)(?: (?:class|scope)="[^"]*")* *>)/,
    );
  });

  it('are quoted for a shell', () => {
    expect(messages([note({ target: 'o; rm -rf /' })]).text).toContain('nightload notify test &#39;o; rm -rf /&#39;');
  });
});

it('a page of an earlier version stays as it is', () => {
  expect(withMessages('<html></html>', [note()])).toBeUndefined();
});
