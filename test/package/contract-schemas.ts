/**
 * Makes the JSON Schemas of the contract: structure and limits from the schemas that check it, descriptions and
 * defaults from the TSDoc of the types.
 */
import { z } from 'zod';
import { FIXES } from '../../src/domain/input/fix-rules.js';
import { LOAD_INPUT } from '../../src/domain/input/input-schema.js';
import { LOAD_RESULT } from '../../src/domain/result-schema.js';
import { documentType } from './tsdoc.js';

export type Schema = Record<string, unknown>;

/** Unknown fields of an input are refused. */
export function inputSchema(): Schema {
  return documented('BulkLoadInput', LOAD_INPUT);
}

/** A later version may add fields: an unknown field is not an error. */
export function resultSchema(): Schema {
  return documented('BulkLoadResult', LOAD_RESULT);
}

/** A file with fix rules: a list, or an object that contains it. */
export function fixesSchema(): Schema {
  const rules = FIXES.min(1).meta({ id: 'rules' });
  const file = z.union([rules, z.strictObject({ $schema: z.unknown().optional(), fixes: rules })]);
  const schema = jsonSchema(file);
  documentType('RowFix', definitionOf(schema, 'RowFix'), schema);
  const [, object] = schema['anyOf'] as { properties: { $schema: Schema } }[];
  Object.assign(object?.properties.$schema ?? {}, { description: 'Where an editor finds this schema.' });
  return titled(schema, {
    title: 'nightload fix rules',
    description:
      'What may be changed in rows that Salesforce refused, so that they are sent again in the same load: nightload load --fixes FILE, or retry.fixes of the input.',
  });
}

function documented(type: string, checked: z.ZodType): Schema {
  const schema = jsonSchema(checked);
  documentType(type, schema, schema);
  return titled(schema, { title: type });
}

function titled({ $schema, ...schema }: Schema, titles: Schema): Schema {
  return { $schema, ...titles, ...schema };
}

function definitionOf(schema: Schema, name: string): Schema {
  return (schema['definitions'] as Record<string, Schema>)[name] as Schema;
}

function jsonSchema(checked: z.ZodType): Schema {
  return tidy(z.toJSONSchema(checked, { target: 'draft-07', io: 'input' })) as Schema;
}

/** Without what zod adds and no reader needs. */
function tidy(made: unknown): unknown {
  if (Array.isArray(made)) return made.map(tidy);
  if (typeof made !== 'object' || made === null) return made;
  const { allOf, maximum, minimum, propertyNames, ...rest } = made as Schema;
  const only = Array.isArray(allOf) && allOf.length === 1 && Object.keys(rest).length === 0;
  if (only) return allOf[0] as unknown;
  const kept = {
    ...rest,
    ...(allOf !== undefined && { allOf }),
    ...(minimum !== undefined && minimum !== Number.MIN_SAFE_INTEGER && { minimum }),
    ...(maximum !== undefined && maximum !== Number.MAX_SAFE_INTEGER && { maximum }),
    ...(propertyNames !== undefined && JSON.stringify(propertyNames) !== '{"type":"string"}' && { propertyNames }),
  };
  return Object.fromEntries(Object.entries(kept).map(([key, value]) => [key, tidy(value)]));
}
