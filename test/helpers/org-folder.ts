/** Folders that describe an org, for tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Text is written as it is, anything else as JSON. */
export function orgFolder(objects: Record<string, unknown>, org: unknown = { formatVersion: 1 }): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightload-described-'));
  folders.push(folder);
  mkdirSync(join(folder, 'objects'));
  const write = (name: string, content: unknown): void =>
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  write('org.json', org);
  for (const [name, content] of Object.entries(objects)) write(`objects/${name}.json`, content);
  return folder;
}

type Given = Record<string, unknown>;

/** A field with the defaults of a field that people create. */
export const field = (name: string, type = 'string', more: Given = {}): Given => ({
  name,
  label: name.replace(/__c$/, '').replaceAll('_', ' '),
  type,
  ...(type === 'string' && { length: 80 }),
  createable: true,
  updateable: true,
  nillable: true,
  ...more,
});

export const picklist = (name: string, values: readonly string[], more: Given = {}): Given =>
  field(name, 'picklist', {
    restrictedPicklist: true,
    picklistValues: values.map((value) => ({ value, label: value, active: true, defaultValue: false })),
    ...more,
  });

export const lookup = (name: string, to: string | string[], relationshipName: string, more: Given = {}): Given =>
  field(name, 'reference', { length: 18, referenceTo: [to].flat(), relationshipName, ...more });

const system = [
  { name: 'Id', label: 'Record ID', type: 'id', length: 18, createable: false, updateable: false, nillable: false },
  {
    name: 'CreatedDate',
    label: 'Created Date',
    type: 'datetime',
    createable: false,
    updateable: false,
    nillable: false,
  },
];

export const describeOf = (name: string, keyPrefix: string, fields: readonly Given[], more: Given = {}): Given => ({
  name,
  label: name.replace(/__c$/, ''),
  labelPlural: `${name.replace(/__c$/, '')}s`,
  keyPrefix,
  createable: true,
  updateable: true,
  deletable: true,
  queryable: true,
  fields: [...system, ...fields],
  ...more,
});

export const key = (name = 'Key__c'): Given =>
  field(name, 'string', { externalId: true, idLookup: true, unique: true });
