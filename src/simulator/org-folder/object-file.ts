/** `objects/<ApiName>.json`: one object of an org. */
import {
  about,
  asObject,
  either,
  flag,
  listOf,
  mapOf,
  Mistake,
  number,
  objectOf,
  oneOf,
  text,
  time,
  whole,
  within,
} from './shape.js';
import type { ObjectShape, Shape } from './shape.js';

const OPERATIONS = ['insert', 'update', 'upsert', 'delete', 'hardDelete'] as const;
type Operation = (typeof OPERATIONS)[number];

export interface RecordTypeEntry {
  developerName: string;
  recordTypeId: string;
  label?: string;
  active: boolean;
  default: boolean;
  /** Values by field; other picklists accept all of the field's values. */
  picklistValues?: Record<string, string[]>;
}

export interface ValidationRuleEntry {
  name: string;
  active: boolean;
  description?: string;
  errorMessage: string;
  errorDisplayField?: string | null;
  formula: string;
}

/** All conditions that are given must hold. */
export interface FieldCondition {
  equals?: string;
  in?: string[];
  matches?: string;
  blank?: boolean;
  longerThan?: number;
}

export interface RowRule {
  name?: string;
  /** By field, or by column as in the header of the upload. Without any, every row matches. */
  when: Record<string, FieldCondition>;
  operations?: Operation[];
  fails: { code: string; message: string; fields?: string[] };
  /** Part of the matching rows, from 0 to 1. */
  share?: number;
  /** How often the same row fails before it succeeds. */
  times?: number;
}

interface Speed {
  rowsPerSecond: number;
  /** Part of the time that Apex takes, from 0 to 1. */
  apexShare?: number;
}

interface PastJob {
  jobId?: string;
  operation: Operation;
  state: string;
  createdDate: string;
  systemModstamp?: string;
  numberRecordsProcessed: number;
  numberRecordsFailed: number;
  retries?: number;
  totalProcessingTime: number;
  apiActiveProcessingTime: number;
  apexProcessingTime: number;
  /** Failed rows by error code. */
  errors?: Record<string, number>;
}

export interface ObjectFile {
  $schema?: string;
  /** Checked by the reader of describes. */
  describe: Record<string, unknown>;
  recordTypes?: RecordTypeEntry[];
  validationRules?: ValidationRuleEntry[];
  duplicateRules?: string[];
  assignmentRules?: string[];
  rowRules?: RowRule[];
  speed?: Partial<Record<Operation | 'any', Speed>>;
  history?: PastJob[];
}

const LONGEST_FORMULA = 20_000;

const idText = text({ pattern: /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/, words: 'an id of 15 or 18 characters' });
const value = text({ max: 255, empty: true });
const condition = objectOf<FieldCondition>({
  equals: about('Exactly this value.', text({ max: 131_072, empty: true })),
  in: about('One of these values.', listOf(text({ max: 131_072, empty: true }), { max: 10_000 })),
  matches: about('A regular expression that the whole value matches.', text({ max: 1_000 })),
  blank: about('true: no value; false: any value.', flag),
  longerThan: about('More characters than this.', whole()),
});

const RECORD_TYPE = objectOf<RecordTypeEntry>(
  {
    developerName: text({ max: 80 }),
    recordTypeId: idText,
    label: text({ max: 80 }),
    active: flag,
    default: flag,
    picklistValues: about('Values by field.', mapOf(listOf(value, { max: 10_000 }))),
  },
  ['developerName', 'recordTypeId', 'active', 'default'],
);

const VALIDATION_RULE = objectOf<ValidationRuleEntry>(
  {
    name: text(),
    active: flag,
    description: text({ max: 4_000, empty: true }),
    errorMessage: text({ max: 4_000 }),
    errorDisplayField: either(text({ max: 80 }), nothing()),
    formula: about('The rule refuses a row for which it is true.', text({ max: LONGEST_FORMULA })),
  },
  ['name', 'active', 'errorMessage', 'formula'],
);

export const ROW_RULE = objectOf<RowRule>(
  {
    name: text(),
    when: about('Conditions by field, or by column of the upload; all must hold.', mapOf(condition, { max: 100 })),
    operations: listOf(oneOf(OPERATIONS), { min: 1, max: 5 }),
    fails: objectOf<RowRule['fails']>(
      {
        code: text({ max: 100, pattern: /^[A-Za-z][A-Za-z0-9_]*$/, words: 'an error code' }),
        message: text({ max: 4_000, empty: true }),
        fields: listOf(text({ max: 80 }), { max: 100 }),
      },
      ['code', 'message'],
    ),
    share: about('Part of the matching rows that fail. Default: 1.', number({ max: 1 })),
    times: about('How often the same row fails before it succeeds. Default: always.', whole({ min: 1 })),
  },
  ['when', 'fails'],
);

const SPEED = objectOf<Speed>(
  {
    rowsPerSecond: about('Rows per second of the whole org.', number({ min: 0.001, max: 1e9 })),
    apexShare: about('Part of the time that Apex takes. Default: 0.', number({ max: 1 })),
  },
  ['rowsPerSecond'],
);

const PAST_JOB = objectOf<PastJob>(
  {
    jobId: idText,
    operation: oneOf(OPERATIONS),
    state: text({ max: 40 }),
    createdDate: time,
    systemModstamp: time,
    numberRecordsProcessed: whole(),
    numberRecordsFailed: whole(),
    retries: whole(),
    totalProcessingTime: about('In milliseconds, like the other times.', whole()),
    apiActiveProcessingTime: whole(),
    apexProcessingTime: whole(),
    errors: about('Failed rows by error code.', mapOf(whole())),
  },
  [
    'operation',
    'state',
    'createdDate',
    'numberRecordsProcessed',
    'numberRecordsFailed',
    'totalProcessingTime',
    'apiActiveProcessingTime',
    'apexProcessingTime',
  ],
);

function nothing(): Shape {
  return {
    json: { type: 'null' },
    check(given, at) {
      if (given !== null) throw new Mistake(at, 'must be a string or null');
    },
  };
}

/** Keys of a describe that the org uses, by their types; a describe may omit them, leave them null, and have others. */
const FIELD_KEYS: Record<string, 'string' | 'number' | 'boolean' | 'texts' | 'values'> = {
  label: 'string',
  length: 'number',
  precision: 'number',
  scale: 'number',
  digits: 'number',
  createable: 'boolean',
  updateable: 'boolean',
  nillable: 'boolean',
  defaultedOnCreate: 'boolean',
  calculated: 'boolean',
  autoNumber: 'boolean',
  externalId: 'boolean',
  idLookup: 'boolean',
  unique: 'boolean',
  caseSensitive: 'boolean',
  restrictedPicklist: 'boolean',
  picklistValues: 'values',
  relationshipName: 'string',
  relationshipOrder: 'number',
  referenceTo: 'texts',
  compoundFieldName: 'string',
  restrictedDelete: 'boolean',
};

const MAX_FIELDS = 5_000;
const MAX_VALUES = 20_000;

function describeJson(): Record<string, unknown> {
  const kinds = {
    string: { type: ['string', 'null'] },
    number: { type: ['number', 'null'] },
    boolean: { type: ['boolean', 'null'] },
    texts: { type: ['array', 'null'], items: { type: 'string' } },
    values: { type: ['array', 'null'], items: { type: 'object', required: ['value'] }, maxItems: MAX_VALUES },
  };
  const field = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      type: { type: 'string' },
      ...Object.fromEntries(Object.entries(FIELD_KEYS).map(([key, kind]) => [key, kinds[kind]])),
    },
    required: ['name', 'type'],
  };
  return {
    type: 'object',
    description: "Salesforce's reply to sobjects/<ApiName>/describe, or the part of it that matters.",
    properties: {
      name: { type: 'string' },
      fields: { type: 'array', items: field, minItems: 1, maxItems: MAX_FIELDS },
    },
    required: ['name', 'fields'],
  };
}

/** The keys that the org uses; others are left alone. */
const DESCRIBE: Shape = {
  json: describeJson(),
  check(given, at) {
    const describe = asObject(given, at);
    text({ max: 80 }).check(describe['name'], within(at, 'name'));
    const fields = describe['fields'];
    const place = within(at, 'fields');
    listOf({ json: {}, check: checkField }, { min: 1, max: MAX_FIELDS }).check(fields, place);
    const names = new Set<string>();
    for (const [i, { name }] of (fields as { name: string }[]).entries()) {
      if (names.has(name.toLowerCase())) throw new Mistake(`${place}[${i}].name`, `there are two fields ${name}`);
      names.add(name.toLowerCase());
    }
  },
};

function checkField(given: unknown, at: string): void {
  const field = asObject(given, at);
  for (const key of ['name', 'type']) text({ max: 80 }).check(field[key], within(at, key));
  for (const [key, kind] of Object.entries(FIELD_KEYS)) {
    const entry = field[key];
    if (entry === undefined || entry === null) continue;
    const place = within(at, key);
    if (kind === 'string') text({ empty: true }).check(entry, place);
    else if (kind === 'number') whole().check(entry, place);
    else if (kind === 'boolean') flag.check(entry, place);
    else if (kind === 'texts') listOf(text({ max: 80 }), { max: 5_000 }).check(entry, place);
    else listOf({ json: {}, check: checkPicklistValue }, { max: MAX_VALUES }).check(entry, place);
  }
}

function checkPicklistValue(given: unknown, at: string): void {
  value.check(asObject(given, at)['value'], within(at, 'value'));
}

export const OBJECT_FILE: ObjectShape = objectOf<ObjectFile>(
  {
    $schema: about('Where an editor finds this schema.', text({ max: 2_000 })),
    describe: DESCRIBE,
    recordTypes: listOf(RECORD_TYPE, { max: 500 }),
    validationRules: listOf(VALIDATION_RULE, { max: 1_000 }),
    duplicateRules: about('Names of active duplicate rules; listed as not evaluated.', listOf(text(), { max: 200 })),
    assignmentRules: about('Names of active assignment rules; listed as not evaluated.', listOf(text(), { max: 200 })),
    rowRules: about('Rows that fail, for whatever reason.', listOf(ROW_RULE, { max: 1_000 })),
    speed: about(
      'By operation; any is for all others.',
      objectOf<Record<Operation | 'any', Speed>>({
        insert: SPEED,
        update: SPEED,
        upsert: SPEED,
        delete: SPEED,
        hardDelete: SPEED,
        any: SPEED,
      }),
    ),
    history: about(
      'Numbers of past jobs, for comparisons; the org does not use them.',
      listOf(PAST_JOB, { max: 10_000 }),
    ),
  },
  ['describe'],
);
