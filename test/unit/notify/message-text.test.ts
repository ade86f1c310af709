import { describe, expect, it } from 'vitest';
import { NOTIFY_EVENTS } from '../../../src/contract/notification.js';
import type { NotifyMessage } from '../../../src/contract/notification.js';
import { mailContent, mailId } from '../../../src/notify/formats/mail.js';
import { slackBody } from '../../../src/notify/formats/slack-body.js';
import { teamsCard } from '../../../src/notify/formats/teams-card.js';
import { programInput, webhookBody } from '../../../src/notify/formats/webhook-body.js';
import { asPlainText, messageText } from '../../../src/notify/message-text.js';

const MESSAGE: NotifyMessage = {
  id: 'bulk-load/nightly/run/rejected',
  event: 'rejected',
  at: '2026-11-30T02:14:09.000Z',
  loadId: 'nightly',
  workflowId: 'bulk-load/nightly',
  runId: 'run',
  schedule: 'nightly-accounts',
  connection: 'default',
  object: 'Account',
  operation: 'upsert',
  state: 'CompletedWithRejects',
  records: { total: 25_000, succeeded: 24_500, rejected: 480, unprocessed: 20, unaccounted: 0 },
  report: 'file:///data/nightly/report.html',
  uiUrl: 'https://temporal.acme.example/namespaces/default/workflows/bulk-load%2Fnightly/run',
};

/** Values that no one expects, in every text. */
const EVIL = '<b onload="x">&amp; @channel <!channel> *bold* `code` [link](https://evil.example)\n\u001b[31m\u202e';
const HOSTILE: NotifyMessage = {
  ...MESSAGE,
  loadId: `it's ${EVIL}`,
  workflowId: `it's ${EVIL}`,
  schedule: EVIL,
  connection: EVIL,
  object: EVIL,
  operation: EVIL,
  waitingFor: EVIL,
  error: { code: EVIL, message: EVIL.repeat(100) },
  report: EVIL,
  uiUrl: 'javascript:alert(1)',
};

it('says what happened and what to do', () => {
  expect(asPlainText(messageText(MESSAGE))).toBe(
    `[nightload] nightly-accounts: upsert Account finished, 500 of 25,000 rows need a person

24,500 of 25,000 rows landed; 480 rejected, 20 not processed.
Load nightly, connection default, schedule nightly-accounts, 2026-11-30 02:14 UTC.
Report: file:///data/nightly/report.html

What to do:
- See the reasons and the files: nightload results nightly
- Correct the rejected file and load it; it can be loaded as it is
- Load the unprocessed file as it is: nothing of its rows has landed

In the Temporal UI: https://temporal.acme.example/namespaces/default/workflows/bulk-load%2Fnightly/run`,
  );
});

it('advises nothing about files that the load does not have', () => {
  const records = { total: 50, succeeded: 3, rejected: 0, unprocessed: 47, unaccounted: 0 };
  expect(asPlainText(messageText({ ...MESSAGE, records }))).not.toContain('rejected file');
});

it('says what is left to do when a load works again', () => {
  const told = messageText({ ...MESSAGE, event: 'recovered' });
  expect(told.steps.map(({ text }) => text)).toHaveLength(3);
  const records = { total: 5, succeeded: 5, rejected: 0, unprocessed: 0, unaccounted: 0 };
  expect(messageText({ ...MESSAGE, event: 'recovered', records }).steps).toEqual([{ text: 'Nothing to do.' }]);
});

it('says that an ended load was late, how a paused one is resumed, and which run is made up for', () => {
  const missed = '2026-11-30T02:00:00.000Z';
  expect(messageText({ ...MESSAGE, event: 'finished', missed }).lines).toContain(
    'It was late: it should have ended by 2026-11-30 02:00 UTC.',
  );
  const paused = messageText({ ...MESSAGE, event: 'waiting', waitingFor: 'somebody to resume it', waitKind: 'resume' });
  expect(paused.steps[0]?.command).toBe('nightload resume nightly');
  const workflowId = 'bulk-load/nightly-2026-11-29T22:00:00Z';
  expect(messageText({ ...MESSAGE, event: 'notStarted', workflowId }).steps.at(-1)?.command).toBe(
    'nightload schedule trigger nightly-accounts --due 2026-11-29T22:00:00Z',
  );
});

it('says of a run that did not begin when it was due, why, and how to start it', () => {
  const { records: _records, state: _state, report: _report, uiUrl: _uiUrl, ...rest } = MESSAGE;
  const error = {
    code: 'SCHEDULE_SKIPPED',
    message: 'The run was skipped, because the load before it was still running.',
  };
  expect(asPlainText(messageText({ ...rest, event: 'notStarted', dueAt: '2026-11-30T02:00:00.000Z', error }))).toBe(
    `[nightload] nightly-accounts: upsert Account did not start

A run was due and did not begin.
The run was skipped, because the load before it was still running.
Due 2026-11-30 02:00 UTC, schedule nightly-accounts, connection default; noticed 2026-11-30 02:14 UTC.

What to do:
- See the schedule: nightload schedule describe nightly-accounts
- Start it now, if it is still needed and the load before it has ended: nightload schedule trigger nightly-accounts`,
  );
});

it('names the hour and the measure of a load that may be late before anything can be forecast', () => {
  const { forecast: _none, ...rest } = MESSAGE as NotifyMessage;
  const told = messageText({ ...rest, event: 'late', finishBy: '2026-11-30T06:00:00.000Z', whenLate: 'moreParallel' });
  expect(told.subject).toContain('may be late');
  expect(told.lines.slice(0, 2)).toEqual([
    'The load should end by 2026-11-30 06:00 UTC; when it will end cannot be told yet.',
    'The rest of its parts now run twice as many at a time.',
  ]);
});

it('advises after a failure what the counts allow', () => {
  const steps = (records?: NotifyMessage['records']): string =>
    JSON.stringify(messageText({ ...MESSAGE, event: 'failed', ...(records && { records }) }).steps);
  const none = { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 };
  expect(steps(none)).toBe('[{"text":"Solve the cause, then start the load again: no row was sent"}]');
  expect(steps({ ...none, total: 9, succeeded: 4, unaccounted: 5 })).toContain('Compare the result files with the org');
  expect(steps()).toContain('then load the rows that did not land');
});

it('gives times by the clocks of the load, and in UTC if its zone is none', () => {
  const missed = '2026-11-30T05:00:30.000Z';
  const lines = (timeZone: string): readonly string[] =>
    messageText({ ...MESSAGE, event: 'finished', missed, timeZone }).lines;
  expect(lines('Europe/Berlin').join(' ')).toMatch(
    /ended by 2026-11-30 06:00 Europe\/Berlin\. .* 2026-11-30 03:14 Europe\/Berlin\./,
  );
  expect(lines(EVIL)).toContain('It was late: it should have ended by 2026-11-30 05:00 UTC.');
});

describe.each(NOTIFY_EVENTS)('%s', (event) => {
  it('has a subject, lines and steps, with and without details', () => {
    const { records: _r, schedule: _s, report: _p, uiUrl: _u, state: _t, ...least } = MESSAGE;
    for (const message of [MESSAGE, least]) {
      const { subject, lines, steps } = messageText({ ...message, event });
      expect(subject).toMatch(/^\[nightload\] nightly(-accounts)?: upsert Account \w/);
      expect(lines.length).toBeGreaterThan(0);
      expect(steps.length).toBeGreaterThan(0);
      expect(asPlainText(messageText({ ...message, event }))).not.toContain('undefined');
    }
  });

  it('is bounded and harmless with hostile values', () => {
    const text = messageText({ ...HOSTILE, event });
    expect(text.link).toBeUndefined();
    for (const line of [text.subject, ...text.lines, ...text.steps.map((step) => step.text + (step.command ?? ''))]) {
      expect(line.length).toBeLessThan(1_100);
      // eslint-disable-next-line no-control-regex
      expect(line).not.toMatch(/[\u0000-\u001f\u202e]/);
    }
    const size = (value: unknown): number => JSON.stringify(value).length;
    expect(size(slackBody(text))).toBeLessThan(15_000);
    expect(size(teamsCard(text))).toBeLessThan(15_000);
    expect(size(mailContent(text))).toBeLessThan(20_000);
  });
});

it('says how late, by when', () => {
  const forecast = { endsAt: '2026-11-30T06:40:00Z', finishBy: '2026-11-30T06:00:00Z' };
  expect(messageText({ ...MESSAGE, event: 'late', forecast }).lines[0]).toBe(
    'It should end by 2026-11-30 06:00 UTC; the forecast is 2026-11-30 06:40 UTC, 40 min too late.',
  );
});

it.each([
  [undefined, undefined],
  ['warn', undefined],
  ['raisePriority', "The rest of its parts now ask for the org's allocation with priority 1."],
  ['moreParallel', 'The rest of its parts now run twice as many at a time.'],
] as const)('says what a load does that will be late: %s', (whenLate, told) => {
  const forecast = { endsAt: '2026-11-30T06:40:00Z', finishBy: '2026-11-30T06:00:00Z', ...(whenLate && { whenLate }) };
  const [, line] = messageText({ ...MESSAGE, event: 'late', forecast }).lines;
  if (told === undefined) expect(line).toMatch(/^Load /);
  else expect(line).toBe(told);
});

it('marks a test, which asks for nothing', () => {
  const { subject, lines, steps } = messageText(MESSAGE, true);
  expect(subject).toMatch(/^\[nightload test\] /);
  expect(lines[0]).toBe('This is a test message. Nothing happened to any load, and there is nothing to do.');
  expect(steps).toEqual([]);
});

it('quotes ids in commands', () => {
  const commands = messageText({ ...HOSTILE, event: 'failed' }).steps.map(({ command }) => command ?? '');
  expect(commands[0]).toMatch(/^nightload results '(?:[^']|'\\'')*'$/);
});

it('opens nothing in Slack', () => {
  const { text, blocks } = slackBody(messageText({ ...HOSTILE, event: 'failed' })) as {
    text: string;
    blocks: { type: string; text: { type: string; text: string } }[];
  };
  const markup = blocks.filter((block) => block.text.type === 'mrkdwn').map((block) => block.text.text);
  expect(markup.length).toBe(1);
  for (const one of [text, ...markup]) expect(one).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
  // The command is code to its end.
  expect(markup[0]?.split('\n')[0]?.match(/`/g)).toHaveLength(2);
  const linked = slackBody(messageText(MESSAGE)) as { blocks: { text: { text: string } }[] };
  expect(linked.blocks.at(-1)?.text.text).toBe(`<${MESSAGE.uiUrl}|Open in the Temporal UI>`);
});

it('is an adaptive card for Teams, whose texts are not read as Markdown', () => {
  const card = teamsCard(messageText({ ...MESSAGE, event: 'failed' })) as {
    attachments: { content: { body: { type: string; inlines: { text: string }[] }[]; actions: unknown[] } }[];
  };
  const { body, actions } = card.attachments[0]?.content ?? { body: [], actions: [] };
  expect(new Set(body.map(({ type }) => type))).toEqual(new Set(['RichTextBlock']));
  expect(body.flatMap(({ inlines }) => inlines.map(({ text }) => text))).toContain('nightload results nightly');
  expect(actions).toEqual([{ type: 'Action.OpenUrl', title: 'Open in the Temporal UI', url: MESSAGE.uiUrl }]);
});

it('has no element of others in the HTML of a mail', () => {
  const { html } = mailContent(messageText({ ...HOSTILE, event: 'failed' }));
  expect(new Set([...html.matchAll(/<\/?([a-z!][a-z0-9]*)/g)].map(([, name]) => name))).toEqual(
    new Set(['!doctype', 'html', 'head', 'meta', 'body', 'h3', 'p', 'ul', 'li', 'code']),
  );
  expect(html).not.toMatch(/<b |onload="/);
});

it('gives a mail the same id each time, and each message its own', () => {
  expect(mailId(MESSAGE, 'a@acme.example')).toMatch(/^<nightload-[0-9a-f]{40}@acme\.example>$/);
  expect(mailId({ id: MESSAGE.id }, 'b@acme.example')).toBe(mailId(MESSAGE, 'a@acme.example'));
  expect(mailId({ id: 'other' }, 'a@acme.example')).not.toBe(mailId(MESSAGE, 'a@acme.example'));
});

it('has the fields of the contract in the body of a webhook, in any order of the message', () => {
  const reversed = Object.fromEntries(Object.entries(MESSAGE).reverse()) as unknown as NotifyMessage;
  expect(webhookBody(reversed)).toBe(webhookBody(MESSAGE));
  expect(JSON.parse(webhookBody(MESSAGE))).toEqual(MESSAGE);
  const more = { ...MESSAGE, secret: 'x', error: { code: 'C', message: 'm', detail: 'a cell' } } as NotifyMessage;
  expect(JSON.parse(webhookBody(more))).toEqual({ ...MESSAGE, error: { code: 'C', message: 'm' } });
});

it('is one line of JSON for a program, also in words', () => {
  const input = programInput(MESSAGE, true);
  expect(input.indexOf('\n')).toBe(input.length - 1);
  expect(JSON.parse(input)).toMatchObject({
    ...MESSAGE,
    test: true,
    subject: expect.stringContaining('test') as string,
  });
});
