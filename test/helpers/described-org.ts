/** The setup of an org over HTTP, for captures: describes, record types, rules, past jobs. It shares no code with the simulated org. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, refusal, startOrg, TOKEN } from './salesforce.js';
import type { Org } from './salesforce.js';

type Given = Record<string, unknown>;

interface SetupRule {
  id: string;
  name: string;
  /** Null: hidden, as in a managed package. */
  metadata: Given | null;
}

export interface SetupObject {
  describe: Given;
  /** By id of the record type: the values of each picklist field. */
  picklists?: Record<string, Record<string, string[]>>;
  rules?: SetupRule[];
  duplicateRules?: string[];
  assignmentRules?: string[];
}

export interface Setup {
  objects: SetupObject[];
  jobs?: Given[];
  organization?: Given;
  limits?: Given;
  /** A reply instead of the usual one; undefined for the usual one. */
  instead?: (path: string, response: ServerResponse) => true | undefined;
}

const DATA = '/services/data/v66.0';

export async function startDescribedOrg(setup: Setup): Promise<Org> {
  return startOrg((request, response) => answer(setup, request, response));
}

const page = (records: readonly unknown[]): Given => ({ totalSize: records.length, done: true, records });

function answer(setup: Setup, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://org');
  const path = `${pathname}${searchParams.has('q') ? ` ${searchParams.get('q')}` : ''}`;
  if (request.method !== 'GET') return refusal(response, 405, 'METHOD_NOT_ALLOWED', 'this org is only read');
  if (request.headers.authorization !== `Bearer ${TOKEN}`)
    return refusal(response, 401, 'INVALID_SESSION_ID', 'Session expired or invalid');
  if (setup.instead?.(path, response) === true) return;
  if (pathname === '/services/data')
    return json(response, 200, [{ version: '65.0' }, { version: '66.0' }, { version: '67.0' }]);
  if (pathname === `${DATA}/limits`) return json(response, 200, setup.limits ?? {});
  if (pathname === `${DATA}/query` || pathname === `${DATA}/tooling/query`) {
    const found = queried(setup, searchParams.get('q') ?? '');
    return found === undefined
      ? refusal(response, 400, 'INVALID_TYPE', 'sObject type is not supported')
      : json(response, 200, page(found));
  }
  if (pathname === `${DATA}/jobs/ingest`) {
    const type = searchParams.get('jobType');
    const records = (setup.jobs ?? []).filter(({ jobType }) => jobType === type);
    const listed = records.map(({ id, object, operation, state, createdDate, systemModstamp, jobType }) => ({
      ...{ id, object, operation, state, createdDate, systemModstamp, jobType },
    }));
    return json(response, 200, { done: true, records: listed, nextRecordsUrl: null });
  }
  const found = about(setup, pathname.slice(DATA.length + 1).split('/'));
  return found === undefined
    ? refusal(response, 404, 'NOT_FOUND', 'The requested resource does not exist')
    : json(response, 200, found);
}

function about({ objects, jobs = [] }: Setup, [room, a, b, c, d]: string[]): unknown {
  const named = (name = ''): SetupObject | undefined =>
    objects.find(({ describe }) => String(describe['name']).toLowerCase() === name.toLowerCase());
  if (room === 'sobjects' && b === 'describe') return named(a)?.describe;
  if (room === 'jobs') return jobs.find(({ id }) => id === b);
  if (room !== 'ui-api' || a !== 'object-info' || c !== 'picklist-values') return undefined;
  const values = named(b)?.picklists?.[d ?? ''];
  if (values === undefined) return undefined;
  const fields = Object.entries(values).map(([name, list]) => [
    name,
    { controllerValues: {}, defaultValue: null, values: list.map((value) => ({ label: value, value, validFor: [] })) },
  ]);
  return { eTag: 'x', picklistFieldValues: Object.fromEntries(fields) as Given };
}

function queried({ objects, organization }: Setup, soql: string): unknown[] | undefined {
  const [, type] = /\bFROM (\w+)/.exec(soql) ?? [];
  const name = (object: SetupObject): string => String(object.describe['name']);
  if (type === 'Organization') return organization === undefined ? [] : [organization];
  if (type === 'UserPermissionAccess') return [{ PermissionsBulkApiHardDelete: false }];
  if (type === 'DuplicateRule')
    return objects.flatMap((one) =>
      (one.duplicateRules ?? []).map((DeveloperName) => ({ DeveloperName, SobjectType: name(one) })),
    );
  if (type === 'AssignmentRule')
    return objects.flatMap((one) => (one.assignmentRules ?? []).map((Name) => ({ Name, SobjectType: name(one) })));
  if (type !== 'ValidationRule') return undefined;
  const [, id] = /\bWHERE Id = '(\w+)'/.exec(soql) ?? [];
  const [, object] = /QualifiedApiName = '(\w+)'/.exec(soql) ?? [];
  const rules = objects.filter((one) => object === undefined || name(one) === object).flatMap((one) => one.rules ?? []);
  if (id === undefined) return rules.map((rule) => ({ Id: rule.id, ValidationName: rule.name }));
  return rules.filter((rule) => rule.id === id).map(({ metadata }) => ({ Metadata: metadata }));
}
