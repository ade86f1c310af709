/** The data of the simulated org: its objects and their records. */
import { account, contact, lead } from './objects/sales.js';
import { reading } from './objects/big.js';
import { group, organization, user } from './objects/people.js';
import { case_, invoice, task } from './objects/service.js';
import type { Field, SObject } from './fields.js';
import { Access, EVERYTHING } from './access.js';
import { makeId, withCheck } from './ids.js';
import { NumberSet } from './number-set.js';
import { Table } from './table.js';
import type { Changes, StoredRecord } from './table.js';
import type { OrgFolder } from '../org-folder/read-org-folder.js';
import type { OrgFile, OrgUser } from '../org-folder/org-file.js';

export interface OrgOptions {
  maxRecords: number;
  /** `Object.Field` that nobody may see. */
  hiddenFields?: readonly string[];
  /** The org of a folder, instead of the fixed one. */
  folder?: OrgFolder | undefined;
  /** Objects whose records exist as soon as a row refers to them. */
  assumed?: readonly string[] | undefined;
  /** Whether users may hardDelete, whatever the folder says. */
  hardDelete?: boolean | undefined;
}

export class Org {
  readonly #tables = new Map<string, Table>();
  readonly #byPrefix = new Map<string, Table>();
  readonly #restrictions = new Map<string, { table: Table; field: Field }[]>();
  /** Maximum number of records. */
  readonly #maxRecords: number;
  /** Whether this is the org with the fixed objects and their business rules. */
  readonly isFixed: boolean;
  readonly #access = new Map<string, Access>();
  readonly #assumed: ReadonlySet<string>;
  #assumedRecords = 0;
  readonly #assumedOf = new Map<Table, NumberSet>();

  constructor({ maxRecords, hiddenFields = [], folder, hardDelete, assumed = [] }: OrgOptions) {
    this.#maxRecords = maxRecords;
    this.#assumed = new Set(assumed.map((name) => name.toLowerCase()));
    this.isFixed = folder === undefined;
    for (const object of folder === undefined ? fixedObjects() : withSystemObjects(folder.objects)) {
      const fields = object.fields.filter(({ name }) => !hiddenFields.includes(`${object.name}.${name}`));
      const table = new Table({ ...object, fields });
      this.#tables.set(object.name.toLowerCase(), table);
      this.#byPrefix.set(object.keyPrefix, table);
    }
    const users = folder === undefined ? [DEFAULT_USER, DEFAULT_USER] : usersOf(folder.org);
    for (const [i, user] of users.entries()) {
      this.#access.set(makeId('005', i + 1), new Access({ ...user, ...(hardDelete !== undefined && { hardDelete }) }));
    }
    if (folder === undefined) this.#seedFixed();
    else this.#seedFolder(folder);
  }

  /** What a user may see and write. */
  access(userId: string): Access {
    return this.#access.get(userId) ?? EVERYTHING;
  }

  #seedFixed(): void {
    this.seed('User', [
      user_('Integration', 'integration@nightload.example', 'Standard'),
      user_('Chatter', 'chatter@nightload.example', 'CsnOnly'),
    ]);
    this.seed('Group', [{ Name: 'Night Queue', DeveloperName: 'Night_Queue', Type: 'Queue' }]);
    this.seed('Organization', [
      { Name: 'Nightload Test', InstanceName: 'SIM1', OrganizationType: 'Developer Edition', IsSandbox: 'false' },
    ]);
  }

  #seedFolder({ org }: OrgFolder): void {
    for (const user of usersOf(org)) this.#seedKnown('User', userValues(user));
    const { name, instanceName, organizationType, isSandbox } = org.organization ?? {};
    this.#seedKnown('Organization', {
      Name: name ?? org.name ?? 'Simulated org',
      InstanceName: instanceName ?? 'SIM1',
      OrganizationType: organizationType ?? 'Developer Edition',
      IsSandbox: String(isSandbox ?? false),
    });
  }

  /** A described User or Organization need not have all the fields. */
  #seedKnown(object: string, values: Record<string, string>): void {
    const table = this.table(object) as Table;
    this.seed(object, [Object.fromEntries(Object.entries(values).filter(([name]) => table.field(name) !== undefined))]);
  }

  /** Ignores letter case. */
  table(object: string): Table | undefined {
    return this.#tables.get(object.toLowerCase());
  }

  /** The table of an id. */
  tableOfId(id: string): Table | undefined {
    return this.#byPrefix.get(id.slice(0, 3));
  }

  tables(): Table[] {
    return [...this.#tables.values()];
  }

  get objects(): SObject[] {
    return this.tables().map(({ object }) => object);
  }

  get isFull(): boolean {
    return this.storedRecords >= this.#maxRecords;
  }

  get storedRecords(): number {
    let sum = 0;
    for (const table of this.#tables.values()) sum += table.size;
    return sum - this.#assumedRecords;
  }

  /** Lookups that prevent the records of an object from being deleted. */
  restrictions(object: string): { table: Table; field: Field }[] {
    const known = this.#restrictions.get(object);
    if (known !== undefined) return known;
    const found = this.tables().flatMap((table) =>
      table.object.fields
        .filter(({ restrictsDelete, referenceTo }) => restrictsDelete && referenceTo.includes(object))
        .map((field) => ({ table, field })),
    );
    this.#restrictions.set(object, found);
    return found;
  }

  /** Whether records of a table exist as soon as a row refers to them. */
  isAssumed({ object }: Table): boolean {
    return this.#assumed.has(object.name.toLowerCase());
  }

  /** A record to which a row refers, of a table whose records are assumed. It takes no storage. */
  assume(table: Table, { id, values = [] }: { id?: string; values?: Changes }): number {
    this.#assumedRecords++;
    const record = table.create(values, id === undefined ? undefined : withCheck(id.slice(0, 15)));
    const assumed = this.#assumedOf.get(table) ?? new NumberSet();
    this.#assumedOf.set(table, assumed);
    assumed.add(record);
    return record;
  }

  /** Whether nothing is known of a record but that it exists, and what rows wrote since. */
  wasAssumed(table: Table, record: number): boolean {
    return this.#assumedOf.get(table)?.has(record) === true;
  }

  /** Adds records without a job, for tests and examples. Returns their ids. */
  seed(object: string, rows: readonly Record<string, string>[]): string[] {
    const table = this.table(object);
    if (table === undefined) throw new Error(`no object ${object}`);
    return rows.map((row) => {
      const changes = Object.entries(row).map(([name, value]) => {
        const field = table.field(name);
        if (field === undefined) throw new Error(`no field ${object}.${name}`);
        return [field, value] as const;
      });
      return table.id(table.create(changes));
    });
  }

  /** All records of an object, including deleted ones. */
  records(object: string): StoredRecord[] {
    return [...(this.table(object)?.records() ?? [])];
  }
}

/** Created for each org, so that changes in one never affect another. */
function fixedObjects(): SObject[] {
  return [account(), contact(), lead(), case_(), task(), invoice(), reading(), user(), group(), organization()];
}

/** Every org has users, queues and an organization. */
function withSystemObjects(described: readonly { object: SObject }[]): SObject[] {
  const objects = described.map(({ object }) => object);
  const missing = [user(), group(), organization()].filter(
    (one) => !objects.some(({ name, keyPrefix }) => name === one.name || keyPrefix === one.keyPrefix),
  );
  return [...objects, ...missing];
}

/** The users of a folder that names none. */
const DEFAULT_USER: OrgUser = { username: 'integration@nightload.example', name: 'Integration' };

export function usersOf({ users }: Pick<OrgFile, 'users'>): readonly OrgUser[] {
  return users ?? [DEFAULT_USER];
}

function userValues({ username, name = username, email = username }: OrgUser): Record<string, string> {
  return { ...user_(name.slice(0, 80), username, 'Standard'), Email: email };
}

function user_(LastName: string, Username: string, UserType: string): Record<string, string> {
  return {
    LastName,
    Name: LastName,
    Username,
    Email: Username,
    Alias: LastName.slice(0, 8),
    IsActive: 'true',
    UserType,
  };
}
