/**
 * A message in words: what happened, and what to do next, with the command. Short, whatever the message contains, and
 * without any value of a row. Pure.
 */
import type { WhenLate } from '../contract/names.js';
import type { NotifyMessage } from '../contract/notification.js';
import { dueIn, reachableId } from '../domain/load-ids.js';
import { count, rows, time } from '../domain/text/format.js';
import { plainText } from '../domain/text/plain-text.js';
import { shellWord } from '../domain/text/shell-word.js';
import { pastZonedMoment, zonedMoment } from '../domain/text/zoned-moment.js';

export interface Step {
  text: string;
  command?: string;
}

export interface MessageText {
  /** One line. */
  subject: string;
  /** What happened: one sentence each. */
  lines: readonly string[];
  /** What to do next. */
  steps: readonly Step[];
  /** The load in the Temporal UI. */
  link?: string;
}

const MAX_NAME = 80;
const MAX_ID = 200;
const MAX_SENTENCE = 500;
const MAX_SUBJECT = 140;
const MAX_SUBJECT_NAME = 50;
const MAX_URI = 1_000;

export function messageText(message: NotifyMessage, isTest = false): MessageText {
  const { subject, lines, steps } = TEXTS[message.event](message);
  const about = [
    aboutLine(message),
    ...(message.report === undefined ? [] : [`Report: ${plainText(message.report, MAX_URI)}`]),
  ];
  const link = linkOf(message.uiUrl);
  return {
    subject: plainText(`[nightload${isTest ? ' test' : ''}] ${what(message)} ${subject}`, MAX_SUBJECT),
    lines: [
      ...(isTest ? ['This is a test message. Nothing happened to any load, and there is nothing to do.'] : []),
      ...lines.map((line) => plainText(line, MAX_SENTENCE)),
      ...about,
    ],
    steps: isTest ? [] : steps,
    ...(link !== undefined && { link }),
  };
}

/** For receivers that show one text. */
export function asPlainText({ subject, lines, steps, link }: MessageText): string {
  const listed = steps.map(({ text, command }) => (command === undefined ? text : `${text}: ${command}`));
  return [
    subject,
    '',
    ...lines,
    ...(listed.length === 0 ? [] : ['', 'What to do:', ...listed.map((step) => `- ${step}`)]),
    ...(link === undefined ? [] : ['', `In the Temporal UI: ${link}`]),
  ].join('\n');
}

function aboutLine(message: NotifyMessage): string {
  const { connection, schedule, at, dueAt } = message;
  const plan = schedule === undefined ? '' : `schedule ${name(schedule)}`;
  const org = `connection ${name(connection) || 'unknown'}`;
  const noticed = past(at, message);
  if (dueAt !== undefined) return `Due ${past(dueAt, message)}, ${plan}, ${org}; noticed ${noticed}.`;
  return `Load ${idOf(message)}, ${org}${plan === '' ? '' : `, ${plan}`}, ${noticed}.`;
}

type Told = Pick<MessageText, 'subject' | 'lines' | 'steps'>;

const NOTHING: readonly Step[] = [{ text: 'Nothing to do.' }];

const TEXTS: Record<NotifyMessage['event'], (message: NotifyMessage) => Told> = {
  finished: (message) => ({
    subject: `finished${message.records === undefined ? '' : `: ${rows(message.records.succeeded)} landed`}`,
    lines: ['Every row landed.', ...missedHour(message)],
    steps: NOTHING,
  }),
  rejected: (message) => ({
    subject: `finished, ${message.records === undefined ? 'some rows need a person' : `${forPeople(message.records)} of ${rows(message.records.total)} need a person`}`,
    lines: [...counted(message), ...missedHour(message)],
    steps: [{ text: 'See the reasons and the files', command: command('results', message) }, ...stepsForRows(message)],
  }),
  failed: (message) => ({
    subject: `failed${message.error === undefined ? '' : `: ${name(message.error.code)}`}`,
    lines: [
      message.error === undefined ? 'The load failed.' : plainText(message.error.message, MAX_SENTENCE),
      ...counted(message),
      ...missedHour(message),
    ],
    steps: stepsAfterFailure(message),
  }),
  canceled: (message) => ({
    subject: 'was canceled',
    lines: ['The load was canceled; what had landed stays in Salesforce.', ...counted(message)],
    steps: [{ text: 'See what landed, and the files', command: command('results', message) }],
  }),
  waiting: (message) => ({
    subject: 'is waiting',
    lines: [
      message.waitingFor === undefined
        ? 'The load cannot continue by itself, or not yet.'
        : `The load waits for ${sentence(message.waitingFor)}`,
    ],
    steps: [
      ...stepsForWait(message),
      { text: 'See what it waits for and what to do', command: command('status', message) },
    ],
  }),
  late: (message) => ({
    subject: `${isSurelyLate(message) ? 'will' : 'may'} be late${message.forecast === undefined ? '' : `: ends about ${when(message.forecast.endsAt, message)}`}`,
    lines: [
      ...forecast(message),
      ...(message.waitingFor === undefined ? [] : [`It waits for ${sentence(message.waitingFor)}`]),
    ],
    steps: [
      { text: 'See its progress, and what it waits for', command: command('status', message) },
      { text: "See what else uses the org's limits", command: 'nightload limits' },
      { text: 'Warn those who need the data' },
    ],
  }),
  notStarted: (message) => ({
    subject: 'did not start',
    lines: [
      'A run was due and did not begin.',
      ...(message.error === undefined ? [] : [plainText(message.error.message, MAX_SENTENCE)]),
      ...(message.waitingFor === undefined ? [] : [`It waits for ${sentence(message.waitingFor)}`]),
    ],
    steps: [
      message.schedule === undefined
        ? { text: 'See the newest loads', command: 'nightload list' }
        : { text: 'See the schedule', command: `nightload schedule describe ${argument(message.schedule)}` },
      ...(message.dueAt !== undefined && message.schedule !== undefined
        ? [
            {
              text: 'Start it now, if it is still needed and the load before it has ended',
              command: triggerCommand(message),
            },
          ]
        : [
            { text: 'Check that a worker runs and that the file has arrived' },
            ...(message.schedule !== undefined && dueIn(message.workflowId) !== undefined
              ? [{ text: 'Then start the run again', command: triggerCommand(message) }]
              : []),
          ]),
    ],
  }),
  recovered: (message) => ({
    subject: 'works again',
    lines: ['The load works again; before, it had failed, was late or did not start.', ...counted(message)],
    steps:
      message.records === undefined || message.records.rejected + message.records.unprocessed === 0
        ? NOTHING
        : [{ text: 'See the reasons and the files', command: command('results', message) }, ...stepsForRows(message)],
  }),
};

function stepsAfterFailure(message: NotifyMessage): Step[] {
  const { records } = message;
  if (message.error?.code === 'ALREADY_LOADED') {
    return [{ text: 'Load its rejected and unprocessed rows, if there are any; the rest has landed' }];
  }
  if (records === undefined || records.total === 0) {
    return [{ text: 'Solve the cause, then start the load again: no row was sent' }];
  }
  const results = { text: 'See what landed, and the files', command: command('results', message) };
  return records.unaccounted === 0
    ? [results, { text: 'Solve the cause, then load the rows that did not land' }]
    : [
        results,
        { text: 'Compare the result files with the org before you load anything again: some rows may have landed' },
      ];
}

function stepsForWait(message: NotifyMessage): Step[] {
  switch (message.waitKind) {
    case 'resume':
      return [{ text: 'Resume it', command: command('resume', message) }];
    case 'corrections':
      return [
        { text: 'Correct the rejected file and send it', command: `${command('correct', message)} CORRECTED.csv` },
      ];
    case 'source':
      return [{ text: 'Deliver the file' }];
    case 'worker':
      return [{ text: 'Start a worker' }];
    default:
      return [];
  }
}

function sentence(text: string): string {
  const line = plainText(text, MAX_SENTENCE);
  return /[.!?…]$/.test(line) ? line : `${line}.`;
}

/** For the rows that did not land. */
function stepsForRows({ records }: NotifyMessage): Step[] {
  const { rejected, unprocessed } = records ?? { rejected: 1, unprocessed: 0 };
  return [
    ...(rejected > 0 ? [{ text: 'Correct the rejected file and load it; it can be loaded as it is' }] : []),
    ...(unprocessed > 0 ? [{ text: 'Load the unprocessed file as it is: nothing of its rows has landed' }] : []),
  ];
}

function missedHour(message: NotifyMessage): string[] {
  const { missed } = message;
  return missed === undefined ? [] : [`It was late: it should have ended by ${past(missed, message)}.`];
}

/** Starts the run that was due then, with the file of that day. */
function triggerCommand({ schedule = '', workflowId }: NotifyMessage): string {
  const due = dueIn(workflowId);
  return `nightload schedule trigger ${argument(schedule)}${due === undefined ? '' : ` --due ${due}`}`;
}

/** Who gets many messages a night tells them apart by the schedule or the load. */
function what(message: NotifyMessage): string {
  const { object, operation, schedule } = message;
  return `${plainText(schedule ?? idOf(message), MAX_SUBJECT_NAME)}: ${name(operation)} ${name(object)}`;
}

function counted({ records }: NotifyMessage): string[] {
  if (records === undefined || records.total === 0) return [];
  const lost = records.unaccounted > 0 ? `, ${count(records.unaccounted)} unaccounted` : '';
  return [
    `${count(records.succeeded)} of ${rows(records.total)} landed; ${count(records.rejected)} rejected, ${count(records.unprocessed)} not processed${lost}.`,
  ];
}

function forPeople({ rejected, unprocessed }: NonNullable<NotifyMessage['records']>): string {
  return count(rejected + unprocessed);
}

/** The warning comes when a miss is likely enough, not when it is sure. */
function isSurelyLate({ forecast: found, finishBy = '', at }: NotifyMessage): boolean {
  return found === undefined
    ? Date.parse(finishBy) <= Date.parse(at)
    : Date.parse(found.endsAt) > Date.parse(found.finishBy);
}

function forecast(message: NotifyMessage): string[] {
  const { forecast: found } = message;
  const measure = MEASURES[message.whenLate ?? found?.whenLate ?? 'warn'];
  const measures = measure === undefined ? [] : [measure];
  if (found === undefined) {
    const by = message.finishBy === undefined ? 'in time' : `by ${past(message.finishBy, message)}`;
    return [`The load should end ${by}; when it will end cannot be told yet.`, ...measures];
  }
  const late = Date.parse(found.endsAt) - Date.parse(found.finishBy);
  const by = late > 0 ? `, ${time(late)} too late` : '';
  const { earliest, latest } = found;
  const spread =
    earliest === undefined || latest === undefined ? '' : ` (${when(earliest, message)} to ${when(latest, message)})`;
  return [
    `It should end by ${past(found.finishBy, message)}; the forecast is ${when(found.endsAt, message)}${by}${spread}.`,
    ...measures,
  ];
}

/** What the load has done about it by itself. */
const MEASURES: Record<WhenLate, string | undefined> = {
  warn: undefined,
  raisePriority: "The rest of its parts now ask for the org's allocation with priority 1.",
  moreParallel: 'The rest of its parts now run twice as many at a time.',
};

/** Of a forecast: rounded up. */
function when(iso: string, { timeZone }: NotifyMessage): string {
  const at = Date.parse(iso);
  return Number.isFinite(at) ? zonedMoment(at, timeZone) : name(iso);
}

function past(iso: string, { timeZone }: NotifyMessage): string {
  const at = Date.parse(iso);
  return Number.isFinite(at) ? pastZonedMoment(at, timeZone) : name(iso);
}

function name(text: string): string {
  return plainText(text, MAX_NAME);
}

function idOf({ workflowId, loadId }: NotifyMessage): string {
  return plainText(workflowId === '' ? loadId : reachableId(workflowId), MAX_ID);
}

function command(verb: string, message: NotifyMessage): string {
  return `nightload ${verb} ${argument(idOf(message))}`;
}

/** Safe to paste into a shell: a parent may have named its child freely. */
function argument(text: string): string {
  return shellWord(plainText(text, MAX_ID));
}

/** Only an address that a browser opens as a page. */
function linkOf(url: string | undefined): string | undefined {
  if (url === undefined || url.length > MAX_URI || !URL.canParse(url)) return undefined;
  const { protocol, href } = new URL(url);
  return protocol === 'https:' || protocol === 'http:' ? href : undefined;
}
