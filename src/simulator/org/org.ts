/** The data of the simulated org: its objects and their records. */
import { account, contact, lead } from './objects/sales.js';
import { reading } from './objects/big.js';
import { group, organization, user } from './objects/people.js';
import { case_, invoice, task } from './objects/service.js';
import type { Field, SObject } from './fields.js';
import { Table } from './table.js';
import type { StoredRecord } from './table.js';

export class Org {
  readonly #tables = new Map<string, Table>();
  /** Maximum number of records. */
  readonly #maxRecords: number;

  /** @param hiddenFields `Object.Field` that the user may not see */
  constructor({ maxRecords, hiddenFields = [] }: { maxRecords: number; hiddenFields?: readonly string[] }) {
    this.#maxRecords = maxRecords;
    // Created for each org, so that changes in one never affect another.
    const objects = [
      account(),
      contact(),
      lead(),
      case_(),
      task(),
      invoice(),
      reading(),
      user(),
      group(),
      organization(),
    ];
    for (const object of objects) {
      const fields = object.fields.filter(({ name }) => !hiddenFields.includes(`${object.name}.${name}`));
      this.#tables.set(object.name.toLowerCase(), new Table({ ...object, fields }));
    }
    this.seed('User', [
      user_('Integration', 'integration@nightload.example', 'Standard'),
      user_('Chatter', 'chatter@nightload.example', 'CsnOnly'),
    ]);
    this.seed('Group', [{ Name: 'Night Queue', DeveloperName: 'Night_Queue', Type: 'Queue' }]);
    this.seed('Organization', [
      { Name: 'Nightload Test', InstanceName: 'SIM1', OrganizationType: 'Developer Edition', IsSandbox: 'false' },
    ]);
  }

  /** Ignores letter case. */
  table(object: string): Table | undefined {
    return this.#tables.get(object.toLowerCase());
  }

  /** The table of an id. */
  tableOfId(id: string): Table | undefined {
    return this.tables().find(({ object }) => id.startsWith(object.keyPrefix));
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
    return sum;
  }

  /** Lookups that prevent the records of an object from being deleted. */
  restrictions(object: string): { table: Table; field: Field }[] {
    return this.tables().flatMap((table) =>
      table.object.fields
        .filter(({ restrictsDelete, referenceTo }) => restrictsDelete && referenceTo.includes(object))
        .map((field) => ({ table, field })),
    );
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
