/** The control API for other processes. */
import { expect, it } from 'vitest';
import { startSimulator } from '../../../src/simulator/index.js';
import { BASE, openOrg, refusal } from '../../helpers/simulator.js';
import type { Answer, Json, TestOrg } from '../../helpers/simulator.js';

const askDoor = (org: TestOrg, name: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  org.ask(body === undefined ? 'GET' : 'POST', `/__simulator/${name}`, body, {
    'x-simulator-key': org.controlKey,
    'content-type': 'application/json',
    ...headers,
  });

const door = async (org: TestOrg, name: string, body?: unknown): Promise<Json> => {
  const { status, json } = await askDoor(org, name, body);
  expect(status).toBe(200);
  return json;
};

it('[control-ledger] lists the requests, and what each job received', async () => {
  const org = await openOrg();
  await org.load('Name\nA\nB\n');
  const before = org.ledger.count();
  const { requests, jobs } = (await door(org, 'ledger')) as { requests: Json[]; jobs: Json[] };
  expect(requests.slice(0, 3).map(({ kind, status }) => [kind, status])).toEqual([
    ['create', 200],
    ['upload', 201],
    ['close', 200],
  ]);
  expect(jobs).toEqual([expect.objectContaining({ state: 'JobComplete', uploads: 1, records: 2 })]);
  // The control API itself never counts.
  expect(org.ledger.count()).toBe(before);
});

it('[control-records] lists the records of an object, or how often a row was applied to each key', async () => {
  const org = await openOrg();
  const request = { operation: 'upsert', externalIdFieldName: 'External_Id__c' };
  await org.load('External_Id__c,Name\na,A\nb,B\n', request);
  await org.load('External_Id__c,Name\na,C\n', request);
  const records = (await door(org, 'records?object=Account')) as unknown as Json[];
  expect(records).toHaveLength(2);
  expect(records[0]).toMatchObject({ applied: 2, deleted: false, values: { External_Id__c: 'a', Name: 'C' } });
  expect(records[0]?.['jobs']).toHaveLength(2);
  expect(await door(org, 'records?object=Account&key=External_Id__c')).toEqual({ a: 2, b: 1 });
  expect(await door(org, 'records?object=Contact&key=Email')).toEqual({});
});

it('[control-faults] sets and clears faults, and reports invalid ones', async () => {
  const org = await openOrg();
  await door(org, 'fault', { kind: 'limits', action: { status: 503 } });
  expect((await org.ask('GET', `${BASE}/limits`)).status).toBe(503);
  await door(org, 'fault', { kind: 'limits', action: 'reset' });
  await door(org, 'clear', {});
  expect((await org.ask('GET', `${BASE}/limits`)).status).toBe(200);
  const wrong = await askDoor(org, 'fault', { kind: 'limits', action: 'explode' });
  expect([wrong.status, wrong.text.includes('unknown action')]).toEqual([400, true]);
  expect((await askDoor(org, 'nothing')).status).toBe(404);
});

it('[control-acts] sets the speed, plans failures, revokes tokens, adds records', async () => {
  const org = await openOrg({ recordsPerSecond: 0 });
  await door(org, 'speed', { recordsPerSecond: 1e9 });
  await door(org, 'fail-next-job', { records: 1, errorMessage: 'Unknown : broken' });
  expect((await org.load('Name\nA\nB\n')).info).toMatchObject({ state: 'Failed', errorMessage: 'Unknown : broken' });
  await door(org, 'fail-next-job', { errorMessage: 'InternalServerError : broken', times: 2 });
  const states: unknown[] = [];
  for (let job = 0; job < 3; job++) states.push((await org.load('Name\nA\n')).info['state']);
  expect(states).toEqual(['Failed', 'Failed', 'JobComplete']);
  const { ids } = await door(org, 'seed', { object: 'Account', rows: [{ Name: 'C' }] });
  expect(ids).toEqual([expect.stringMatching(/^001/)]);
  await door(org, 'fail-logins', { failure: 'inactiveUser' });
  const login = await org.ask('POST', '/services/oauth2/token', 'grant_type=client_credentials');
  expect(login.json).toEqual({ error: 'inactive_user', error_description: 'user is inactive' });
  await door(org, 'expire-tokens', {});
  expect((await org.ask('GET', `${BASE}/limits`)).status).toBe(401);
});

it.each([
  ['no key', { 'x-simulator-key': '' }, 401],
  ['another key', { 'x-simulator-key': 'A'.repeat(32) }, 401],
  ['a form', { 'content-type': 'text/plain;charset=UTF-8' }, 415],
  ['what only begins like JSON', { 'content-type': 'application/jsonx' }, 415],
])('[control-key] refuses %s', async (_what, headers, status) => {
  const org = await openOrg();
  expect((await askDoor(org, 'expire-tokens', {}, headers)).status).toBe(status);
  expect((await org.ask('GET', `${BASE}/limits`)).status).toBe(200);
  expect((await askDoor(org, 'expire-tokens', {}, { 'content-type': 'application/json; charset=UTF-8' })).status).toBe(
    200,
  );
  expect((await org.ask('GET', `${BASE}/limits`)).status).toBe(401);
});

it('[control-key] has a different key in every org, unless one is configured, and changes nothing on a GET', async () => {
  const [one, two] = [await openOrg(), await openOrg()];
  expect(one.controlKey).toMatch(/^[\w-]{32}$/);
  expect(two.controlKey).not.toBe(one.controlKey);
  expect((await askDoor(one, 'expire-tokens')).status).toBe(404);
  expect((await one.ask('GET', `${BASE}/limits`)).status).toBe(200);
  const told = await openOrg({ controlKey: 'a key of sixteen' });
  expect((await askDoor(told, 'ledger', undefined, { 'x-simulator-key': 'a key of sixteen' })).status).toBe(200);
});

it.each([
  ['speed', { recordsPerSecond: Number.NaN }, 'recordsPerSecond must be a number, 0 or more, not null'],
  ['speed', {}, 'recordsPerSecond is missing'],
  ['speed', [], 'a JSON object is expected'],
  ['fail-next-job', { records: -1 }, 'records must be a whole number, 0 or more, not -1'],
  ['fail-next-job', { rows: 1 }, 'unknown name rows'],
  ['fail-logins', { failure: 'inactiveUser', times: 'x' }, "times must be a whole number, 0 or more, not 'x'"],
  ['fail-logins', { failure: 'nobody' }, 'failure must be one of noClientCredentialsUser'],
  ['fault', { kind: 'limits', action: 'reset', times: 'x' }, "times must be a whole number, 0 or more, not 'x'"],
  ['fault', { kind: 'limits', action: 'reset', time: 1 }, 'unknown name time'],
  ['seed', { object: 'Account' }, 'rows is missing'],
  ['seed', { object: 'Account', rows: [{ AnnualRevenue: 5 }] }, 'rows must be a list of an object of strings'],
])('[control-checked] refuses at %s %j', async (name, body, message) => {
  const org = await openOrg();
  const [status, , text] = refusal(await askDoor(org, name, body));
  expect([status, text.includes(message) ? message : text]).toEqual([400, message]);
});

it.each([
  [{ recordPerSecond: 5 }, 'options: unknown name recordPerSecond'],
  [{ recordsPerSecond: Number.NaN }, 'options: recordsPerSecond must be a number, 0 or more, not NaN'],
  [{ controlKey: 'short' }, "options: controlKey must be a string of 16 characters or more, not 'short'"],
  [{ queueDelayMs: [1] }, 'options: queueDelayMs must be a number, 0 or more or a list of 2'],
  [{ quirks: { boolean: 'xsd' } }, 'quirks: unknown name boolean'],
  [{ quirks: { booleans: 'yes' } }, "quirks: booleans must be one of xsd, words, not 'yes'"],
  [{ limits: { batch: 1 } }, 'limits: unknown name batch'],
  [{ oauth: { clientId: 1 } }, 'oauth: clientId must be a string, not 1'],
])('refuses invalid options: %j', async (options, message) => {
  await expect(startSimulator(options as object)).rejects.toThrow(message);
});
