/** What is true of the whole org: versions, limits, what kind of org it is. */
import type { OrgLimits } from '../salesforce/resources/limits.js';
import { queryPath } from '../salesforce/resources/paths.js';
import type { Answer, OrgReader } from './org-reader.js';
import { ORGANIZATIONS, parsedBy } from './replies.js';
import { defined } from '../domain/defined.js';

export interface OrgFacts {
  instanceUrl: string;
  /** Of the org, from the login; the address of one without. */
  organizationId: string;
  versions: Answer<number[]>;
  limits: Answer<OrgLimits>;
  organization: Answer<Record<string, string | boolean>>;
  hardDelete: Answer<boolean | undefined>;
}

export async function readOrgFacts(reader: OrgReader): Promise<OrgFacts> {
  const { connection, call } = reader;
  const { instanceUrl } = await connection.token(call);
  const organizationId = await connection.organization(call);
  const versions = await reader.readIfPossible((context) => connection.versions(context));
  return {
    instanceUrl,
    organizationId,
    versions: 'value' in versions ? { value: numbersOf(versions.value) } : versions,
    limits: await reader.readIfPossible((context) => connection.limits(context)),
    organization: await reader.readIfPossible(async (context) => {
      const soql = 'SELECT Name, InstanceName, OrganizationType, IsSandbox FROM Organization LIMIT 1';
      const path = queryPath(context.apiVersion, soql);
      const { records } = await connection.read({ kind: 'query', path, parse: parsedBy(ORGANIZATIONS) }, context);
      const [{ Name, InstanceName, OrganizationType, IsSandbox } = {}] = records;
      return defined({
        name: Name || undefined,
        instanceName: InstanceName || undefined,
        organizationType: OrganizationType || undefined,
        isSandbox: IsSandbox ?? undefined,
      });
    }),
    hardDelete: await reader.readIfPossible((context) => connection.mayHardDelete(context)),
  };
}

/** `v66.0` as 66. */
function numbersOf(versions: readonly string[]): number[] {
  const numbers = versions.map((version) => Number(/^v(\d{1,3})\.0$/.exec(version)?.[1]));
  return [...new Set(numbers)].filter((number) => number >= 20 && number <= 200).sort((a, b) => a - b);
}
