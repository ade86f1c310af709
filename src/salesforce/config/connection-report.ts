/**
 * Reports what a login gives access to: org, user, limits, permissions. Makes only requests that any API user may make,
 * and shows no secret.
 */
import type { SalesforceConnection } from '../bulk-client.js';
import type { ApiContext } from '../http/call-context.js';
import { SalesforceError } from '../errors/salesforce-error.js';
import { asText } from '../resources/json.js';
import type { OrgLimit } from '../../domain/platform/org-limit.js';
import { defined } from '../../domain/defined.js';
import { plainText } from '../../domain/text/plain-text.js';

/** `undefined` if the org does not report it. */
export interface ConnectionReport {
  /** Where calls go. */
  instanceUrl: string;
  organization: { id?: string; name?: string; sandbox?: boolean };
  user: { id?: string; username?: string };
  apiVersion: string;
  limits: { apiRequests?: OrgLimit; batches?: OrgLimit; dataStorageMB?: OrgLimit };
  permissions: {
    /** Required for everything. */
    apiEnabled?: boolean;
    /** Required for the operation hardDelete only. */
    bulkApiHardDelete?: boolean;
    /** Not required by loads. */
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
  const call = defined({ signal });
  const { instanceUrl } = await connection.token(call);
  const context: ApiContext = { ...call, apiVersion: await connection.resolveApiVersion(call) };
  // The first request that needs a valid token; later ones may be hidden from the user.
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
    organization: defined({
      id: who?.organizationId,
      name: shown(organization?.['Name']),
      sandbox: flag(organization?.['IsSandbox']),
    }),
    user: defined({ id: who?.userId, username: shown(username) }),
    apiVersion: context.apiVersion,
    limits: defined({
      apiRequests: limits?.['DailyApiRequests'],
      batches: limits?.['DailyBulkApiBatches'],
      dataStorageMB: limits?.['DataStorageMB'],
    }),
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
  // An org without one of these permissions refuses the whole query.
  const together = await read(names);
  const found = together ?? Object.assign({}, ...(await Promise.all(names.map((name) => read([name])))));
  return Object.fromEntries(
    Object.entries(PERMISSIONS).flatMap(([key, name]) => {
      const value = flag((found as Record<string, unknown>)[name]);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** Values that the user may not see, or that the org does not have, are left out. */
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
