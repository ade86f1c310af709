/** What a login is good for: org, user, limits, permissions. Asks only what any user of the API may ask, and shows no secret. */
import type { SalesforceConnection } from './connection.js';
import type { ApiContext } from './context.js';
import { SalesforceError } from './errors.js';
import { asText } from './json.js';
import type { OrgLimit } from './limits.js';
import { plainText } from '../plain-text.js';

/** `undefined` where the org does not tell. */
export interface ConnectionReport {
  /** Where calls go. */
  instanceUrl: string;
  organization: { id?: string; name?: string; sandbox?: boolean };
  user: { id?: string; username?: string };
  apiVersion: string;
  limits: { apiRequests?: OrgLimit; batches?: OrgLimit; dataStorageMB?: OrgLimit };
  permissions: {
    /** Without it nothing works. */
    apiEnabled?: boolean;
    /** For the operation hardDelete only. */
    bulkApiHardDelete?: boolean;
    /** More than loads need. */
    modifyAllData?: boolean;
  };
}

const PERMISSIONS = {
  apiEnabled: 'PermissionsApiEnabled',
  bulkApiHardDelete: 'PermissionsBulkApiHardDelete',
  modifyAllData: 'PermissionsModifyAllData',
} as const;

/** @throws NightloadError of the login, SalesforceError of the first call */
export async function connectionReport(
  connection: SalesforceConnection,
  signal?: AbortSignal,
): Promise<ConnectionReport> {
  const call = signal === undefined ? {} : { signal };
  const { instanceUrl } = await connection.token(call);
  const context: ApiContext = { ...call, apiVersion: await connection.resolveApiVersion(call) };
  // The first that needs a token which works; what follows may be hidden from the user.
  const who = await connection.identity(context);
  const [user, organization, limits, permissions] = await Promise.all([
    optional(connection.readFields('User', ['Username'], who?.userId, context), who?.userId !== undefined),
    optional(connection.readFields('Organization', ['Id', 'Name', 'IsSandbox'], undefined, context)),
    optional(connection.limits(context)),
    readPermissions(connection, context),
  ]);
  const username = asText(user?.['Username']);
  return {
    instanceUrl,
    organization: {
      ...defined('id', who?.organizationId),
      ...defined('name', shown(organization?.['Name'])),
      ...defined('sandbox', flag(organization?.['IsSandbox'])),
    },
    user: { ...defined('id', who?.userId), ...defined('username', shown(username)) },
    apiVersion: context.apiVersion,
    limits: {
      ...defined('apiRequests', limits?.['DailyApiRequests']),
      ...defined('batches', limits?.['DailyBulkApiBatches']),
      ...defined('dataStorageMB', limits?.['DataStorageMB']),
    },
    permissions,
  };
}

async function readPermissions(
  connection: SalesforceConnection,
  context: ApiContext,
): Promise<ConnectionReport['permissions']> {
  const read = (names: readonly string[]): Promise<Record<string, unknown> | undefined> =>
    optional(connection.readFields('UserPermissionAccess', names, undefined, context));
  const names = Object.values(PERMISSIONS);
  // An org without one of these permissions refuses the whole question.
  const together = await read(names);
  const found = together ?? Object.assign({}, ...(await Promise.all(names.map((name) => read([name])))));
  return Object.fromEntries(
    Object.entries(PERMISSIONS).flatMap(([key, name]) => {
      const value = flag((found as Record<string, unknown>)[name]);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** What the user may not see, or the org does not have, is left out. */
async function optional<T>(asked: Promise<T>, wanted = true): Promise<T | undefined> {
  try {
    const answer = await asked;
    return wanted ? answer : undefined;
  } catch (error) {
    if (error instanceof SalesforceError && [400, 403, 404].includes(error.httpStatus ?? 0)) return undefined;
    throw error;
  }
}

function shown(value: unknown): string | undefined {
  const text = asText(value);
  return text === undefined ? undefined : plainText(text, 120);
}

function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function defined<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}
