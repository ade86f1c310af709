/** `--map-file`: maps columns to fields, as JSON or as a Data Loader mapping (.sdl). */
import { extname } from 'node:path';
import { parse } from 'dot-properties';
import { NightloadError } from '../../../errors.js';
import { readSettingsFile } from '../local-files.js';

export interface Mapping {
  /** CSV header to field API name; '' leaves out the column. */
  columns: Record<string, string>;
  /** The same, for headers that the file may lack: a Data Loader mapping serves many files. */
  columnsIfPresent: Record<string, string>;
  /** Field API name to a value for every row. */
  constants: Record<string, string>;
}

/** @throws NightloadError `MAPPING_UNREADABLE` */
export function readMapping(path: string): Mapping {
  const text = readText(path);
  return extname(path).toLowerCase() === '.json' ? fromJson(text, path) : fromProperties(text);
}

function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readSettingsFile(path);
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : 'it cannot be read');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // Java's encoding.
    return bytes.toString('latin1');
  }
}

function fromJson(text: string, path: string): Mapping {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, `it is not valid JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable(path, 'it must be one object of headers and API names');
  }
  const columns: Record<string, string> = {};
  for (const [header, name] of Object.entries(value)) {
    if (typeof name !== 'string') throw unreadable(path, `the name for "${header}" must be a string`);
    columns[header] = name;
  }
  return { columns, columnsIfPresent: {}, constants: {} };
}

/**
 * Data Loader: `Header=Field__c`, or several fields separated by commas; a parent as `Relationship:Object-Key__c`, in
 * older versions as `Relationship:Key__c`; a value for every row as `"value"=Field__c`.
 */
function fromProperties(text: string): Mapping {
  const mapping: Mapping = { columns: {}, columnsIfPresent: {}, constants: {} };
  for (const [header, target] of Object.entries(parse(text) as Record<string, string>)) {
    const fields = target
      .split(',')
      .map((field) => fieldName(field.trim()))
      .filter((field) => field !== '');
    const value = /^"(.*)"$/s.exec(header)?.[1];
    if (value === undefined) mapping.columnsIfPresent[header] = fields.join(',');
    else for (const field of fields) mapping.constants[field] = value;
  }
  return mapping;
}

/** `Owner:User-Email` becomes `User:Owner.Email`; the preflight drops the object if it is the only one. */
function fieldName(target: string): string {
  const [, relationship, object, key] = /^(\w+):(\w+)-(\w+)$/.exec(target) ?? [];
  return relationship === undefined ? target.replace(':', '.') : `${object}:${relationship}.${key}`;
}

function unreadable(path: string, why: string): NightloadError {
  return new NightloadError(
    'MAPPING_UNREADABLE',
    `The mapping file ${path} cannot be used: ${why}. Expected: a JSON object {"Header": "Field__c"} or a Data Loader .sdl file.`,
  );
}
