/** Replies to requests other than jobs: versions, identity, limits, objects, records, queries. */
import type { Allocations } from './allocation.js';
import { describeReply, globalDescribe } from './describe.js';
import { jsonReply, notFound, Refusal } from '../http/http.js';
import type { Reply } from '../http/http.js';
import type { Access } from './access.js';
import { identityOf, ORG_ID } from './ids.js';
import type { Org } from './org.js';
import { columnsReply, queryReply, recordReply } from './soql.js';

const RESOURCES = ['jobs', 'limits', 'query', 'sobjects'];
/** Limits of resources that are never used here. */
const UNUSED = { DailyBulkV2QueryJobs: 10_000, DailyBulkV2QueryFileStorageMB: 976_562, FileStorageMB: 1_000_000 };

/** Permissions of the user, one or several at a time. */
const PERMISSION_QUERY = /^select ([\w, ]+) from UserPermissionAccess(?: limit \d+)?$/i;

export interface PlatformOptions {
  org: Org;
  allocations: Allocations;
  versions: readonly number[];
  now: () => number;
  /** Time of the last metadata change. */
  since: number;
}

/** `Spring '26` */
export function releaseName(version: number): string {
  const season = ['Spring', 'Summer', 'Winter'][version % 3] ?? '';
  return `${season} '${26 + Math.floor((version - 66) / 3) + (season === 'Winter' ? 1 : 0)}`;
}

export class Platform {
  readonly #options: PlatformOptions;

  constructor(options: PlatformOptions) {
    this.#options = options;
  }

  versions(): Reply {
    const list = this.#options.versions.map((v) => {
      const version = v.toFixed(1);
      return { label: releaseName(v), url: `/services/data/v${version}`, version };
    });
    return jsonReply(200, list);
  }

  resources(base: string, url: string, userId: string): Reply {
    const resources = Object.fromEntries(RESOURCES.map((name) => [name, `${base}/${name}`]));
    return jsonReply(200, { ...resources, identity: url + identityOf(userId) });
  }

  limits(): Reply {
    const { org, allocations, now } = this.#options;
    const stored = Math.ceil((org.storedRecords * 2) / 1000);
    return jsonReply(200, {
      DailyApiRequests: { Max: allocations.apiRequests.max, Remaining: allocations.apiRequests.remaining(now()) },
      DailyBulkApiBatches: { Max: allocations.batches.max, Remaining: allocations.batches.remaining(now()) },
      DataStorageMB: { Max: allocations.dataStorageMB, Remaining: Math.max(0, allocations.dataStorageMB - stored) },
      ...Object.fromEntries(Object.entries(UNUSED).map(([name, Max]) => [name, { Max, Remaining: Max }])),
    });
  }

  userinfo(url: string, userId: string): Reply {
    const { values } = this.#user(userId);
    const username = values.get('Username') ?? '';
    return jsonReply(200, {
      sub: url + identityOf(userId),
      user_id: userId,
      organization_id: ORG_ID,
      preferred_username: username,
      nickname: values.get('Alias') ?? '',
      name: values.get('Name') ?? '',
      email: values.get('Email') ?? '',
      email_verified: true,
      active: true,
      user_type: 'STANDARD',
      language: 'en_US',
      locale: 'en_US',
      zoneinfo: 'Etc/UTC',
      urls: { rest: `${url}/services/data/v{version}/`, query: `${url}/services/data/v{version}/query/` },
    });
  }

  /** The identity, under other field names. */
  identity(url: string, userId: string): Reply {
    const { values } = this.#user(userId);
    return jsonReply(200, {
      id: url + identityOf(userId),
      asserted_user: true,
      user_id: userId,
      organization_id: ORG_ID,
      username: values.get('Username') ?? '',
      nick_name: values.get('Alias') ?? '',
      display_name: values.get('Name') ?? '',
      email: values.get('Email') ?? '',
      active: true,
      user_type: 'STANDARD',
      language: 'en_US',
      locale: 'en_US',
    });
  }

  objects(base: string, userId: string): Reply {
    const access = this.#access(userId);
    const objects = this.#options.org.objects.filter(({ name }) => access.sees(name));
    return jsonReply(200, globalDescribe(objects, base));
  }

  /** 304 if the client's copy is as new as the last change. */
  describe(name: string, modifiedSince: string | undefined, userId: string): Reply {
    const { org, since } = this.#options;
    const access = this.#access(userId);
    const table = org.table(name);
    if (table === undefined || !access.sees(table.object.name)) throw notFound();
    if (modifiedSince !== undefined && Date.parse(modifiedSince) >= since - (since % 1000)) return { status: 304 };
    return jsonReply(200, describeReply(table.object, access), { 'last-modified': new Date(since).toUTCString() });
  }

  record(name: string, id: string, base: string, userId: string): Reply {
    const access = this.#access(userId);
    const table = this.#options.org.table(name);
    const n = table?.byId(id) ?? 0;
    if (table === undefined || !access.sees(table.object.name) || n === 0 || table.isDeleted(n)) throw notFound();
    return jsonReply(200, recordReply(table, table.record(n), base, access));
  }

  /** @param columns describe the query's columns instead of returning its records */
  async query(soql: string, base: string, columns: boolean, userId: string): Promise<Reply> {
    const access = this.#access(userId);
    const permissions = PERMISSION_QUERY.exec(soql.trim().replace(/\s+/g, ' '))?.[1];
    if (permissions !== undefined) return this.#permissions(permissions.split(','), base, access);
    const query = { org: this.#options.org, soql, access };
    return jsonReply(200, columns ? columnsReply(query) : await queryReply(query, base));
  }

  #permissions(names: readonly string[], base: string, { hardDelete }: Access): Reply {
    const known: Record<string, boolean> = {
      PermissionsApiEnabled: true,
      PermissionsBulkApiHardDelete: hardDelete,
      PermissionsModifyAllData: false,
    };
    const asked = names.map((name) => {
      const found = Object.keys(known).find((one) => one.toLowerCase() === name.trim().toLowerCase());
      if (found !== undefined) return found;
      throw new Refusal(400, 'INVALID_FIELD', `No such column '${name.trim()}' on entity 'UserPermissionAccess'.`);
    });
    const type = 'UserPermissionAccess';
    const attributes = { type, url: `${base}/sobjects/${type}/000000000000000AAA` };
    const record = { attributes, ...Object.fromEntries(asked.map((name) => [name, known[name]])) };
    return jsonReply(200, { totalSize: 1, done: true, records: [record] });
  }

  #access(userId: string): Access {
    return this.#options.org.access(userId);
  }

  #user(userId: string): { values: Map<string, string> } {
    const users = this.#options.org.table('User');
    const n = users?.byId(userId) ?? 0;
    if (users === undefined || n === 0) throw notFound();
    return users.record(n);
  }
}
