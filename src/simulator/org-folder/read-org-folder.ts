/** Reads the folder that describes an org: `org.json`, and `objects/<ApiName>.json` for each object. */
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordType, SObject } from '../org/fields.js';
import { withCheck } from '../org/ids.js';
import { RECORD_TYPE_FIELD } from '../org/fields.js';
import { fromDescribe } from './from-describe.js';
import { checkFile, inFile, OrgFolderError, readJsonFile } from './json-file.js';
import { OBJECT_FILE } from './object-file.js';
import type { ObjectFile, RecordTypeEntry } from './object-file.js';
import { ORG_FILE } from './org-file.js';
import type { OrgFile } from './org-file.js';
import { Mistake } from './shape.js';

const MAX_ORG_BYTES = 10_000_000;
const MAX_OBJECT_BYTES = 50_000_000;
const MAX_OBJECTS = 2_000;
/** Objects that every org has, in lower case. */
const ALWAYS: ReadonlySet<string> = new Set(['user', 'group', 'organization']);

interface DescribedObject {
  object: SObject;
  file: Omit<ObjectFile, 'describe' | '$schema'>;
}

/** An org as its folder describes it. */
export interface OrgFolder {
  org: OrgFile;
  objects: DescribedObject[];
}

/** @throws OrgFolderError that names the file, and the key or the line */
export async function readOrgFolder(folder: string): Promise<OrgFolder> {
  const orgPath = join(folder, 'org.json');
  const org = await readJsonFile(orgPath, MAX_ORG_BYTES);
  checkFile(orgPath, org, ORG_FILE);
  const objects: DescribedObject[] = [];
  const prefixes = new Map<string, string>();
  for (const name of await objectFiles(join(folder, 'objects'))) {
    const path = join(folder, 'objects', name);
    const described = await readObject(path, name.slice(0, -'.json'.length));
    const { keyPrefix, name: object } = described.object;
    const other = prefixes.get(keyPrefix);
    if (keyPrefix !== '' && other !== undefined) {
      throw new OrgFolderError(`${path}: $.describe.keyPrefix ${keyPrefix} is also that of ${other}`);
    }
    prefixes.set(keyPrefix, object);
    objects.push(described);
  }
  if (objects.length === 0) throw new OrgFolderError(`${join(folder, 'objects')}: there is no <ApiName>.json`);
  for (const { object } of objects) object.keyPrefix ||= freePrefix(prefixes, object.name);
  inFile(orgPath, () => checkOrg(org as OrgFile, objects));
  return { org: org as OrgFile, objects };
}

/** A name that is not there would be a setting without effect. */
function checkOrg({ users = [], locks = {}, time = {} }: OrgFile, objects: readonly DescribedObject[]): void {
  const fields = new Map(
    objects.map(({ object }) => [
      object.name.toLowerCase(),
      new Set(object.fields.map((field) => field.name.toLowerCase())),
    ]),
  );
  const checkAll = (names: readonly string[] = [], at: string): void => {
    for (const [i, name] of names.entries()) {
      const [object = '', field] = name.toLowerCase().split('.');
      const known = fields.get(object);
      if (known === undefined && !ALWAYS.has(object)) {
        throw new Mistake(`${at}[${i}]`, `${name}: the folder has no such object`);
      }
      if (field !== undefined && known?.has(field) === false) {
        throw new Mistake(`${at}[${i}]`, `${name}: the object has no such field`);
      }
    }
  };
  checkAll(locks.lookups, '$.locks.lookups');
  const usernames = new Set<string>();
  for (const [i, { username, hiddenObjects, hiddenFields, readOnlyFields }] of users.entries()) {
    if (usernames.has(username.toLowerCase()))
      throw new Mistake(`$.users[${i}].username`, 'is also that of another user');
    usernames.add(username.toLowerCase());
    checkAll(hiddenObjects, `$.users[${i}].hiddenObjects`);
    checkAll(hiddenFields, `$.users[${i}].hiddenFields`);
    checkAll(readOnlyFields, `$.users[${i}].readOnlyFields`);
  }
  const { queueSeconds } = time;
  if (Array.isArray(queueSeconds) && queueSeconds[0] > queueSeconds[1]) {
    throw new Mistake('$.time.queueSeconds', 'begins with the larger number');
  }
}

/** In alphabetical order: nothing may depend on the order of a file system. */
async function objectFiles(folder: string): Promise<string[]> {
  const names: string[] = [];
  const entries = await opendir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new OrgFolderError(
      `${folder}: ${error.code === 'ENOENT' ? 'no such folder' : `cannot be read (${error.code})`}`,
    );
  });
  for await (const { name } of entries) {
    // Hidden files of editors and file managers.
    if (name.startsWith('.')) continue;
    if (!name.endsWith('.json'))
      throw new OrgFolderError(`${join(folder, name)}: only <ApiName>.json files belong here`);
    if (names.push(name) > MAX_OBJECTS) throw new OrgFolderError(`${folder}: more than ${MAX_OBJECTS} objects`);
  }
  return names.sort();
}

async function readObject(path: string, name: string): Promise<DescribedObject> {
  const given = unwrapped(await readJsonFile(path, MAX_OBJECT_BYTES));
  checkFile(path, given, OBJECT_FILE);
  const { describe, $schema: _, ...file } = given as ObjectFile;
  if (describe['name'] !== name) {
    throw new OrgFolderError(
      `${path}: $.describe.name is ${JSON.stringify(describe['name'])}; the file must have the same name`,
    );
  }
  const object = fromDescribe(describe);
  inFile(path, () => checkNames(object, file));
  if (file.recordTypes === undefined) return { object, file };
  const recordTypes = file.recordTypes.map(recordTypeOf);
  const standard = recordTypes.find(({ isDefault }) => isDefault)?.recordTypeId;
  const field = object.fields.find(({ name: one }) => one === RECORD_TYPE_FIELD);
  if (field !== undefined && standard !== undefined) field.defaultValue = standard;
  return { object: { ...object, recordTypes }, file };
}

/** A describe alone, as other tools save it: the reply itself, or the `result` of `sf sobject describe --json`. */
function unwrapped(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || 'describe' in given) return given;
  const { result } = given as { result?: unknown };
  if (typeof result === 'object' && result !== null && 'fields' in result) return { describe: result };
  return 'fields' in given && 'name' in given ? { describe: given } : given;
}

function recordTypeOf(entry: RecordTypeEntry): RecordType {
  const { developerName, recordTypeId, label, active, default: isDefault, picklistValues = {} } = entry;
  const values = Object.entries(picklistValues).map(([field, list]) => [field.toLowerCase(), new Set(list)] as const);
  return {
    developerName,
    recordTypeId: recordTypeId.length === 15 ? withCheck(recordTypeId) : recordTypeId,
    label: label ?? developerName,
    active,
    isDefault,
    picklistValues: new Map(values),
  };
}

/** The parts of a file must name fields that its describe has. */
function checkNames(object: SObject, file: DescribedObject['file']): void {
  const fields = new Map(object.fields.map((field) => [field.name.toLowerCase(), field]));
  const known = (name: string, at: string): void => {
    if (!fields.has(name.toLowerCase())) throw new Mistake(at, `${object.name} has no field ${name}`);
  };
  for (const [i, { picklistValues = {} }] of (file.recordTypes ?? []).entries()) {
    for (const name of Object.keys(picklistValues)) known(name, `$.recordTypes[${i}].picklistValues`);
  }
  if ((file.recordTypes ?? []).filter((type) => type.default).length > 1) {
    throw new Mistake('$.recordTypes', 'more than one record type is the default');
  }
  for (const [i, { errorDisplayField }] of (file.validationRules ?? []).entries()) {
    if (errorDisplayField != null) known(errorDisplayField, `$.validationRules[${i}].errorDisplayField`);
  }
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** For an object whose describe has no prefix, one that no other object has. */
function freePrefix(taken: Map<string, string>, object: string): string {
  for (let n = 0; n < DIGITS.length ** 2; n++) {
    const prefix = `z${DIGITS.charAt(Math.floor(n / DIGITS.length))}${DIGITS.charAt(n % DIGITS.length)}`;
    if (taken.has(prefix)) continue;
    taken.set(prefix, object);
    return prefix;
  }
  throw new OrgFolderError('too many objects without a keyPrefix');
}
