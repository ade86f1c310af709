/** What a user of the org may see and write. */
import type { OrgUser } from '../org-folder/org-file.js';

export class Access {
  readonly #objects: ReadonlySet<string>;
  readonly #fields: ReadonlySet<string>;
  readonly #readOnly: ReadonlySet<string>;
  /** "Bulk API Hard Delete". */
  readonly hardDelete: boolean;
  /** May abort and delete jobs of other users. */
  readonly managesJobs: boolean;

  constructor(user: Omit<OrgUser, 'username'>) {
    this.#objects = namesOf(user.hiddenObjects);
    this.#fields = namesOf(user.hiddenFields);
    this.#readOnly = namesOf(user.readOnlyFields);
    this.hardDelete = user.hardDelete ?? true;
    this.managesJobs = user.manageDataIntegrations ?? true;
  }

  sees(object: string): boolean {
    return !this.#objects.has(object.toLowerCase());
  }

  seesField(object: string, field: string): boolean {
    return this.#fields.size === 0 || !this.#fields.has(`${object}.${field}`.toLowerCase());
  }

  writes(object: string, field: string): boolean {
    return this.#readOnly.size === 0 || !this.#readOnly.has(`${object}.${field}`.toLowerCase());
  }
}

/** Of a user without restrictions. */
export const EVERYTHING = new Access({});

function namesOf(names: readonly string[] = []): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}
