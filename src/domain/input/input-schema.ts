/** The schema of a load's input: its fields and their limits. The published JSON Schema is made from it. */
import { z } from 'zod';
import type { FixerActivity } from '../../contract/corrections.js';
import type { BulkLoadInput, PollSettings } from '../../contract/load-input.js';
import { LOAD_ID_PATTERN, OPERATIONS, WHEN_LATE } from '../../contract/names.js';
import { API_NAME, COLUMN_NAME, MAX_COLUMNS, PLATFORM_ID } from '../name-and-number-limits.js';
import { isDelete } from '../platform/operations.js';
import { isText, MAX_TEXT, shown } from '../text/shown.js';
import { exactly } from '../exactly.js';
import {
  connection,
  delimiter,
  duration,
  encoding,
  flag,
  group,
  must,
  name,
  operation,
  text,
  whole,
  within,
} from './field-kinds.js';
import type { Issue } from './field-kinds.js';
import { findingsIn, fixFindingText, FIXES } from './fix-rules.js';
import { FINISH_BY_WORDS, isFinishBy } from './finish-by.js';
import { invalidDate, isTimeZone } from './source-template.js';

/** A shorter outage limit would not outlast a worker restart. */
export const MIN_OUTAGE_MS = 60_000;
/** Each check for a source adds to the history. */
const MAX_WAIT_FOR_SOURCE_MS = 3 * 86_400_000;
/** No one polls faster on purpose. */
const MIN_INTERVAL_MS = 100;
const MAX_NAMED_RULES = 5;

export const INPUT_WORDS = 'The input must be an object with source, object and operation.';

/** A load id names a folder, which `.` and `..` do not. */
const LOAD_ID = new RegExp(LOAD_ID_PATTERN.source.replace('^', String.raw`^(?!\.{1,2}$)`));

const SOURCE_WORDS = 'it must be a file: or s3: URI such as file:///data/accounts.csv';

const source = z
  .string(must(SOURCE_WORDS))
  .max(MAX_TEXT, { abort: true })
  .regex(/^(?:file:|s3:\/\/)/, { abort: true })
  .refine((value) => invalidDate(value) === undefined, {
    error: ({ input }) =>
      `"source" has ${invalidDate(String(input))}: a date consists of yyyy, MM, dd, HH, mm, with . _ - between them.`,
  });

/** A column's header or a field's name to a text. */
function table(names = z.string()): z.ZodRecord<z.ZodString, z.ZodString> {
  const error = ({ code, path = [] }: Issue): string =>
    code === 'invalid_key'
      ? `"${String(path[0])}" names ${shown(path[1])}, which is not a field API name.`
      : `"${String(path[0])}" must be an object whose values are strings.`;
  return z.record(names, z.string({ error }), { error }).meta({ maxProperties: MAX_COLUMNS });
}

const poll = exactly<PollSettings>()(
  group({
    initialInterval: duration({ least: MIN_INTERVAL_MS }).exactOptional(),
    backoffCoefficient: within(1, 100).exactOptional(),
    maximumInterval: duration().exactOptional(),
    settleInterval: duration({ least: MIN_INTERVAL_MS }).exactOptional(),
  }).meta({ id: 'PollSettings' }),
);

const FIXER = {
  error: () =>
    '"retry.fixer" must have "activity" and "taskQueue", the names of your activity and its queue, and may have "timeout" and "heartbeatTimeout".',
};

const fixer = exactly<FixerActivity>()(
  z
    .strictObject(
      {
        activity: name(FIXER),
        taskQueue: name(FIXER),
        timeout: duration({ least: 1_000 }).exactOptional(),
        heartbeatTimeout: duration({ least: 1_000 }).exactOptional(),
      },
      FIXER,
    )
    .meta({ id: 'FixerActivity' }),
);

const FIELD_NAME = 'it must be a field API name';

/** A name, or a reference: an address would be readable in the history for everyone who may look at the load. */
const HEARTBEAT = /^(?:env:[A-Za-z_][A-Za-z0-9_]{0,254}|file:[^\s]{1,500}|[A-Za-z0-9][A-Za-z0-9._-]{0,99})$/;
/** Without the value, which may be a secret. */
const HEARTBEAT_ERROR = {
  error: () =>
    '"heartbeatUrl" must be the name of a heartbeat in the workers\' notify file, or the reference that stands there (env:NAME), not the address itself: that would be readable in Temporal. Add it to "heartbeats" of that file.',
};

export const LOAD_INPUT = exactly<BulkLoadInput>()(
  z
    .strictObject(
      {
        source,
        object: text(API_NAME, 'it must be an sObject API name such as Account or Invoice__c'),
        operation,
        externalIdFieldName: text(API_NAME, FIELD_NAME).exactOptional(),
        timeZone: z
          .string(must('it must be a time zone such as Europe/Berlin or UTC'))
          .max(MAX_TEXT, { abort: true })
          .refine(isTimeZone)
          .exactOptional(),
        waitForSource: duration({ most: MAX_WAIT_FOR_SOURCE_MS }).exactOptional(),
        loadId: text(LOAD_ID, 'use 1 to 200 of A-Z a-z 0-9 . _ -').exactOptional(),
        connection: connection.exactOptional(),
        columns: table().exactOptional(),
        columnsIfPresent: table().exactOptional(),
        constants: table(z.string().regex(COLUMN_NAME)).exactOptional(),
        mapLabels: flag.exactOptional(),
        blankAsNull: flag.exactOptional(),
        checkRows: flag.exactOptional(),
        skipBadRows: flag.exactOptional(),
        assignmentRuleId: text(PLATFORM_ID, 'it must be an id of 15 or 18 characters').exactOptional(),
        delimiter: delimiter.exactOptional(),
        lineEnding: z.enum(['LF', 'CRLF'], must('it must be LF or CRLF')).exactOptional(),
        encoding: encoding.exactOptional(),
        part: group({
          maxBytes: whole(1_000, 150_000_000).exactOptional(),
          maxConcurrent: whole(1, 100).exactOptional(),
        }).exactOptional(),
        poll: poll.exactOptional(),
        jobTimeout: duration().exactOptional(),
        outageLimit: duration({ least: MIN_OUTAGE_MS }).exactOptional(),
        retry: group({
          maxRounds: whole(0, 100).exactOptional(),
          initialWait: duration().exactOptional(),
          backoffCoefficient: within(1, 100).exactOptional(),
          fixes: FIXES.exactOptional(),
          fixer: fixer.exactOptional(),
          holdFor: duration().exactOptional(),
        }).exactOptional(),
        keepColumns: flag.exactOptional(),
        defuse: flag.exactOptional(),
        again: flag.exactOptional(),
        abortWhen: group({
          failedRatio: within(0, 1).exactOptional(),
          afterRecords: z.number(must('it must be a number of at least 0')).min(0).exactOptional(),
        }).exactOptional(),
        priority: whole(1, 5).exactOptional(),
        finishBy: z.string(must(FINISH_BY_WORDS)).max(40, { abort: true }).refine(isFinishBy).exactOptional(),
        whenLate: z.enum(WHEN_LATE, must(`it must be one of ${WHEN_LATE.join(', ')}`)).exactOptional(),
        output: text(/^(?:file:|s3:\/\/)/, 'it must be a file: or s3: URI')
          .refine((value) => isText(value))
          .exactOptional(),
        heartbeatUrl: z.string(HEARTBEAT_ERROR).regex(HEARTBEAT).exactOptional(),
      },
      {
        error: (issue) =>
          issue.code === 'unrecognized_keys' ? `Unknown input field ${shown(issue.keys[0])}.` : INPUT_WORDS,
      },
    )
    .superRefine(({ operation: wanted, externalIdFieldName, constants = {}, finishBy, whenLate }, { addIssue }) => {
      if (whenLate !== undefined && finishBy === undefined) {
        addIssue('"whenLate" needs "finishBy" (CLI: --finish-by), the hour that may be missed.');
      }
      if (wanted === 'upsert' && externalIdFieldName === undefined) {
        addIssue('Upsert needs "externalIdFieldName" (CLI: --external-id), the field that matches rows to records.');
      }
      if (isDelete(wanted) && Object.keys(constants).length > 0) {
        addIssue(`"constants" cannot be used with ${wanted}, which sends only Ids.`);
      }
    })
    // The same in JSON Schema.
    .meta({
      allOf: [
        { if: { properties: { operation: { const: 'upsert' } } }, then: { required: ['externalIdFieldName'] } },
        { if: { required: ['whenLate'] }, then: { required: ['finishBy'] } },
        {
          if: { properties: { operation: { enum: OPERATIONS.filter(isDelete) } } },
          then: { properties: { constants: { type: 'object', maxProperties: 0 } } },
        },
      ],
    }),
);

/** What is wrong with an input, as a sentence. */
export function inputTrouble(issues: readonly z.core.$ZodIssue[]): string {
  // A misspelled name explains why another field is missing.
  const [issue] = [...issues.filter(({ code }) => code === 'unrecognized_keys'), ...issues];
  const [first, key] = issue?.path ?? [];
  if (first !== 'retry' || key !== 'fixes') return issue?.message ?? '';
  const wrong = findingsIn(
    issues.filter(({ path }) => path[1] === key),
    2,
  );
  return `"retry.fixes" cannot be used. ${wrong.slice(0, MAX_NAMED_RULES).map(fixFindingText).join(' ')}`;
}
