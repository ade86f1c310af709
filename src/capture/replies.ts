/**
 * What a capture keeps of the org's replies, and the shape that they must have. Everything that is not listed here is
 * left out: what a file of the folder may contain is decided in this file.
 */
import { z } from 'zod';
import { PLATFORM_ID } from '../domain/name-and-number-limits.js';

/** Names become names of files. */
const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,79}$/);
const id = z.string().regex(PLATFORM_ID);
const word = z.string().min(1).max(80);
const text = z.string().max(255).nullish();
const flag = z.boolean().nullish();
const size = z.number().int().min(0).max(1e15).nullish();

const MAX_FIELDS = 5_000;
const MAX_VALUES = 20_000;
const MAX_RECORD_TYPES = 500;
/** Of an object, active; the platform allows 500. */
const MAX_RULES = 1_000;
const MAX_NAMES = 2_000;

const PICKLIST_VALUE = z.object({
  value: z.string().max(255),
  label: text,
  active: flag,
  defaultValue: flag,
  validFor: z.string().max(10_000).nullish(),
});

const FIELD = z.object({
  name,
  label: text,
  type: word,
  length: size,
  byteLength: size,
  precision: size,
  scale: size,
  digits: size,
  createable: flag,
  updateable: flag,
  nillable: flag,
  defaultedOnCreate: flag,
  defaultValue: z.union([z.string().max(4_000), z.number(), z.boolean()]).nullish(),
  calculated: flag,
  autoNumber: flag,
  externalId: flag,
  idLookup: flag,
  unique: flag,
  caseSensitive: flag,
  custom: flag,
  nameField: flag,
  namePointing: flag,
  permissionable: flag,
  restrictedPicklist: flag,
  dependentPicklist: flag,
  controllerName: text,
  picklistValues: z.array(PICKLIST_VALUE).max(MAX_VALUES).nullish(),
  relationshipName: text,
  relationshipOrder: size,
  referenceTo: z.array(name).max(MAX_FIELDS).nullish(),
  compoundFieldName: text,
  polymorphicForeignKey: flag,
  cascadeDelete: flag,
  restrictedDelete: flag,
});

const RECORD_TYPE = z.object({
  developerName: z.string().max(80).nullish(),
  name: z.string().max(80).nullish(),
  recordTypeId: id,
  active: flag,
  available: flag,
  defaultRecordTypeMapping: flag,
  master: flag,
});

export const DESCRIBE = z.object({
  name,
  label: text,
  labelPlural: text,
  keyPrefix: z
    .string()
    .regex(/^[A-Za-z0-9]{3}$/)
    .nullish(),
  custom: flag,
  createable: flag,
  updateable: flag,
  deletable: flag,
  queryable: flag,
  recordTypeInfos: z.array(RECORD_TYPE).max(MAX_RECORD_TYPES).nullish(),
  fields: z.array(FIELD).min(1).max(MAX_FIELDS),
});
export type Describe = z.infer<typeof DESCRIBE>;

/** UI API `picklist-values`: only the values; the rest is for pages. */
export const PICKLISTS = z.object({
  picklistFieldValues: z.record(
    name,
    z.object({ values: z.array(z.object({ value: z.string().max(255) })).max(10_000) }),
  ),
});

/** Of a query. One that needs a second page has more than any org has, and is refused. */
const page = <T extends z.ZodType>(record: T, max: number) =>
  z.object({ done: z.literal(true), records: z.array(record).max(max) });

export const RULE_LIST = page(z.object({ Id: id, ValidationName: word }), MAX_RULES);

/** `Metadata` is null for rules of managed packages, whose formula nobody may read. */
export const RULE = page(
  z.object({
    Metadata: z
      .object({
        active: z.boolean(),
        errorConditionFormula: z.string().min(1).max(20_000),
        errorMessage: z.string().min(1).max(4_000),
        errorDisplayField: z.string().max(80).nullish(),
      })
      .nullish(),
  }),
  1,
);

export const DUPLICATE_RULES = page(z.object({ DeveloperName: word, SobjectType: name }), MAX_NAMES);
export const ASSIGNMENT_RULES = page(z.object({ Name: z.string().min(1).max(255), SobjectType: name }), MAX_NAMES);

export const ORGANIZATIONS = page(
  z.object({
    Name: z.string().max(80).nullish(),
    InstanceName: z.string().max(10).nullish(),
    OrganizationType: z.string().max(40).nullish(),
    IsSandbox: flag,
  }),
  1,
);

/** For `read` of a connection: undefined if the reply has another shape. */
export const parsedBy =
  <T extends z.ZodType>(shape: T) =>
  (value: unknown): z.output<T> | undefined =>
    shape.safeParse(value).data;
