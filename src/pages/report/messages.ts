/**
 * Messages that were not delivered at once. They are sent after the report is written, so this part of the page is
 * replaced later: it stands between two comments, which no text of others can contain because all are escaped.
 */
import type { DeliveryNote } from '../../contract/notification.js';
import { deliveryWords, isDelivered, minute } from '../../domain/text/delivery-words.js';
import { foreign, html } from '../html.js';
import type { Html } from '../html.js';
import { command, section, table } from '../layout.js';
import { shellWord } from '../../domain/text/shell-word.js';

const BEGIN = '<!-- messages -->';
const END = '<!-- /messages -->';

/** @param notes none: nothing is shown */
export function messages(notes: readonly DeliveryNote[]): Html {
  return html`<!-- messages -->${notes.length === 0 ? '' : shown(notes)}<!-- /messages -->`;
}

function shown(notes: readonly DeliveryNote[]): Html {
  const open = [...new Set(notes.filter((note) => !isDelivered(note)).map(({ target }) => target))];
  const rows = notes.map((note) => [
    note.event,
    foreign(note.target),
    minute(note.since),
    deliveryWords(note),
    html`<code>${note.code}</code>`,
  ]);
  const titles = ['Event', 'Target', 'Since', 'Outcome', 'Reason'].map((title) => ({ title }));
  const test =
    open.length === 0
      ? ''
      : html`<p>Check that the target works, then correct its entry in the notify file:</p>
          ${command(open.map((target) => `nightload notify test ${shellWord(target)}`).join('\n'))}`;
  return html`${section(
    'Messages',
    html`<p>Not delivered at once. The load did not wait for them.</p>
      ${table(titles, rows)} ${test}`,
  )}`;
}

/** @returns the page with these messages; undefined if it has no place for them, as one of an earlier version */
export function withMessages(page: string, notes: readonly DeliveryNote[]): string | undefined {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END, from);
  if (from === -1 || to === -1) return undefined;
  return page.slice(0, from) + messages(notes).text + page.slice(to + END.length);
}
