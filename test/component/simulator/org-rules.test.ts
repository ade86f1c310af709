/** Rules of a described org: validation rules, row rules, record types, and what its users may do. */
import { describe, expect, it } from 'vitest';
import type { SimulatorOptions } from '../../../src/simulator/index.js';
import { describeOf, field, key, lookup, orgFolder, picklist } from '../../helpers/org-folder.js';
import { BASE, INGEST, openOrg, refusal } from '../../helpers/simulator.js';
import type { Answer, Json, TestOrg } from '../../helpers/simulator.js';

const ORDER = describeOf('Order__c', 'a0R', [
  field('Name', 'string', { nillable: false }),
  key(),
  field('Amount__c', 'currency', { precision: 18, scale: 2 }),
  field('Note__c'),
  picklist('State__c', ['Draft', 'Sent', 'Paid']),
  picklist('Free__c', ['a', 'b'], { restrictedPicklist: false }),
  lookup('RecordTypeId', 'RecordType', 'RecordType'),
  lookup('Account__c', 'Buyer__c', 'Account__r'),
]);
const BUYER = describeOf('Buyer__c', 'a0B', [field('Name'), key(), field('Secret__c')]);

const open = (file: Json, org: Json = {}, options: SimulatorOptions = {}): Promise<TestOrg> =>
  openOrg({
    ...options,
    org: orgFolder({ Order__c: { describe: ORDER, ...file }, Buyer__c: BUYER }, { formatVersion: 1, ...org }),
  });

const rule = (name: string, formula: string, more: Json = {}): Json => ({
  name,
  active: true,
  errorMessage: `${name}: no`,
  formula,
  ...more,
});

const upsert = { object: 'Order__c', operation: 'upsert', externalIdFieldName: 'Key__c' };

describe('validation rules', () => {
  it('[folder-validation-rules] refuses rows for which a formula is true, with the message and the field of the rule', async () => {
    const validationRules = [
      rule('Positive', 'Amount__c < 0', { errorDisplayField: 'Amount__c' }),
      rule('Paid_needs_amount', 'ISPICKVAL(State__c, "Paid") && ISBLANK(Amount__c)', { errorDisplayField: null }),
      rule('Never_back', 'NOT(ISNEW()) && ISPICKVAL(PRIORVALUE(State__c), "Paid") && ISCHANGED(State__c)'),
      rule('Off', 'true', { active: false }),
    ];
    const org = await open({ validationRules });
    const first = await org.load('Key__c,Name,Amount__c,State__c\n1,A,-1,\n2,B,,Paid\n3,C,1,Paid\n4,D,,\n', upsert);
    expect(first.errors).toEqual([
      'FIELD_CUSTOM_VALIDATION_EXCEPTION:Positive: no:Amount__c --',
      'FIELD_CUSTOM_VALIDATION_EXCEPTION:Paid_needs_amount: no:--',
    ]);
    expect(first.succeeded.map((row) => row['Key__c']).sort()).toEqual(['3', '4']);
    const second = await org.load('Key__c,State__c,Amount__c\n3,Draft,\n4,Sent,#N/A\n', upsert);
    expect(second.errors).toEqual(['FIELD_CUSTOM_VALIDATION_EXCEPTION:Never_back: no:--']);
  });

  it('[folder-rule-errors] refuses rows for which a formula has no result, with the name of the rule', async () => {
    const org = await open({
      validationRules: [rule('Off_by', '10 / Amount__c > 5'), rule('Numeric', 'VALUE(Note__c) > 5')],
    });
    const { errors, succeeded } = await org.load('Key__c,Name,Amount__c,Note__c\n1,A,0,1\n2,B,9,x\n3,C,,1\n', upsert);
    expect(errors).toEqual([
      'FIELD_CUSTOM_VALIDATION_EXCEPTION:Validation Formula "Off_by" Invalid (Division by zero):--',
      `FIELD_CUSTOM_VALIDATION_EXCEPTION:Validation Formula "Numeric" Invalid (The value 'null' is not a valid number.):--`,
    ]);
    expect(succeeded.map((row) => row['Key__c'])).toEqual(['3']);
  });

  it('[folder-unevaluated] lists rules that it cannot evaluate, with the reason, and does not apply them', async () => {
    const org = await open({
      validationRules: [rule('Setup', 'NOT($Setup.Bypass__c.On__c)'), rule('Parent', 'Account__r.Name = "x"')],
      duplicateRules: ['Same_name'],
      assignmentRules: ['Standard'],
    });
    const expected = [
      ['validation rule', 'Setup', 'it reads $Setup.Bypass__c.On__c, which is not part of the folder'],
      ['validation rule', 'Parent', 'it reads Account__r.Name, a field of another record'],
      ['duplicate rule', 'Same_name', 'its matching rules are not part of the folder'],
      ['assignment rule', 'Standard', 'its criteria are not part of the folder'],
      [
        'reference',
        'RecordTypeId',
        'RecordType is not part of the folder: ids are accepted unchecked, its relationship columns are not found',
      ],
    ];
    expect(org.unevaluatedRules.map(({ kind, name, reason }) => [kind, name, reason])).toEqual(expected);
    const served = await org.ask('GET', '/__simulator/unevaluated-rules', undefined, {
      'x-simulator-key': org.controlKey,
    });
    expect(served.json).toEqual(org.unevaluatedRules);
    expect((await org.load('Name\nA\n', { object: 'Order__c' })).failed).toEqual([]);
  });
});

describe('row rules', () => {
  const fails = { code: 'APEX_ERROR', message: 'Trigger: no', fields: ['Name', 'Note__c'] };

  it.each([
    [{ Name: { equals: 'B' } }, ['B']],
    [{ Name: { in: ['A', 'C'] } }, ['A', 'C']],
    [{ Name: { matches: '[BC]' } }, ['B', 'C']],
    [{ Note__c: { blank: true } }, ['A', 'D']],
    [{ Note__c: { blank: false } }, ['B', 'C']],
    [{ Note__c: { longerThan: 2 } }, ['C']],
    [{ Note__c: { blank: false }, Name: { equals: 'C' } }, ['C']],
    [{ 'Account__r.Key__c': { equals: 'k' } }, ['D']],
    [{}, ['A', 'B', 'C', 'D']],
  ])('[row-rules] fails rows with %j', async (when, names) => {
    const org = await open({ rowRules: [{ when, fails }] });
    org.seedRecords('Buyer__c', [{ Key__c: 'k' }]);
    const { failed } = await org.load('Name,Note__c,Account__r.Key__c\nA,,\nB,no,\nC,long,\nD,,k\n', {
      object: 'Order__c',
    });
    expect(failed.map((row) => row['Name']).sort()).toEqual(names);
    expect(new Set(failed.map((row) => row['sf__Error']))).toEqual(new Set(['APEX_ERROR:Trigger: no:Name Note__c --']));
  });

  it('[row-rules] fails a share of the rows, always the same ones for a seed, and a row only so many times', async () => {
    const rowRules = [{ name: 'some', when: {}, fails, share: 0.25, times: 1 }];
    const csv = `Key__c,Name\n${Array.from({ length: 1_000 }, (_, i) => `k${i},A`).join('\n')}\n`;
    const keysOf = async (seed: number): Promise<string[]> => {
      const org = await open({ rowRules }, {}, { seed });
      const { failed } = await org.load(csv, upsert);
      expect((await org.load(csv, upsert)).failed).toEqual([]);
      return failed.map((row) => String(row['Key__c'])).sort();
    };
    const [one, again, other] = [await keysOf(1), await keysOf(1), await keysOf(2)];
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
    for (const { length } of [one, other]) expect(length).toBeGreaterThan(180);
    for (const { length } of [one, other]) expect(length).toBeLessThan(320);
  });

  it('[row-rules] applies to chosen operations, deletes included', async () => {
    const org = await open({ rowRules: [{ when: { Name: { equals: 'A' } }, operations: ['delete'], fails }] });
    const { succeeded, failed } = await org.load('Name\nA\nB\n', { object: 'Order__c' });
    expect(failed).toEqual([]);
    const ids = succeeded.map((row) => row['sf__Id']).join('\n');
    const deleted = await org.load(`Id\n${ids}\n`, { object: 'Order__c', operation: 'delete' });
    expect([deleted.failed.length, deleted.succeeded.length]).toEqual([1, 1]);
  });

  it('[row-rules-given] may come from the options, or from the control API while the org runs', async () => {
    const org = await openOrg({ rowRules: { Account: [{ when: { Name: { equals: 'A' } }, fails }] } });
    expect((await org.load('Name\nA\nB\n')).failed).toHaveLength(1);
    const set = (body: Json): Promise<Answer> =>
      org.ask('POST', '/__simulator/row-rules', body, {
        'x-simulator-key': org.controlKey,
        'content-type': 'application/json',
      });
    expect((await set({ object: 'Account', rules: [{ when: { Name: { equals: 'B' } }, fails }] })).status).toBe(200);
    expect((await org.load('Name\nA\nB\n')).failed).toHaveLength(2);
    await set({ object: 'Account', rules: [] });
    expect((await org.load('Name\nA\nB\n')).failed).toHaveLength(1);
    expect(refusal(await set({ object: 'Account', rules: [{ when: { No: {} }, fails }] }))[2]).toBe(
      'rules[0].when.No Account has no field No',
    );
    expect(refusal(await set({ object: 'Account', rules: [{ when: { Name: { matches: '(?=x)' } }, fails }] }))[2]).toBe(
      'rules[0].when.Name.matches the pattern "(?=x)" uses (?=',
    );
    expect(refusal(await set({ object: 'Nothing', rules: [] }))[0]).toBe(400);
  });
});

describe('record types', () => {
  const recordTypes = [
    {
      developerName: 'Small',
      recordTypeId: '012000000000001AAA',
      active: true,
      default: true,
      picklistValues: { State__c: ['Draft', 'Sent'], Free__c: ['a'] },
    },
    {
      developerName: 'Large',
      recordTypeId: '012000000000002AAA',
      active: true,
      default: false,
      picklistValues: { State__c: ['Paid'] },
    },
    { developerName: 'Old', recordTypeId: '012000000000003AAA', active: false, default: false },
  ];

  it('[record-types] refuses values that the record type does not have, and ids of other record types', async () => {
    const org = await open({ recordTypes });
    const { errors, succeeded } = await org.load(
      [
        'Name,RecordTypeId,State__c,Free__c',
        'A,,Draft,x',
        'B,,Paid,',
        'C,012000000000002,Paid,',
        'D,012000000000002AAA,Draft,',
        'E,012000000000003AAA,,',
        'F,012000000000009AAA,,',
        'G,012000000000000AAA,Paid,\n',
      ].join('\n'),
      { object: 'Order__c' },
    );
    const bad = (value: string): string =>
      `INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:State: bad value for restricted picklist field: ${value}:State__c --`;
    const notValid = (id: string): string =>
      `INVALID_CROSS_REFERENCE_KEY:Record Type ID: this ID value isn't valid for the user: ${id}:RecordTypeId --`;
    expect(errors).toEqual([bad('Paid'), bad('Draft'), notValid('012000000000003AAA'), notValid('012000000000009AAA')]);
    expect(succeeded.map((row) => row['Name']).sort()).toEqual(['A', 'C', 'G']);
    const types = org.records('Order__c').map(({ values }) => values.get('RecordTypeId'));
    expect(types).toEqual(['012000000000001AAA', '012000000000002', '012000000000000AAA']);
  });

  it('[record-types] are part of the describe reply, and known to formulas', async () => {
    const org = await open({
      recordTypes,
      validationRules: [rule('Large_needs_note', 'RecordType.DeveloperName = "Large" && ISBLANK(Note__c)')],
    });
    const { json } = await org.ask('GET', `${BASE}/sobjects/Order__c/describe`);
    expect((json['recordTypeInfos'] as Json[]).map(({ developerName, active }) => [developerName, active])).toEqual([
      ['Small', true],
      ['Large', true],
      ['Old', false],
    ]);
    const { errors } = await org.load('Name,RecordTypeId\nA,012000000000002AAA\nB,\n', { object: 'Order__c' });
    expect(errors).toEqual(['FIELD_CUSTOM_VALIDATION_EXCEPTION:Large_needs_note: no:--']);
  });
});

describe('users', () => {
  const users = [
    { username: 'loader@acme.example', name: 'Loader' },
    {
      username: 'viewer@acme.example',
      hardDelete: false,
      manageDataIntegrations: false,
      hiddenObjects: ['Buyer__c'],
      hiddenFields: ['Order__c.Note__c'],
      readOnlyFields: ['Order__c.Amount__c'],
    },
    { username: 'admin@acme.example' },
  ];

  const as = (org: TestOrg, i: number): Record<string, string> => ({ authorization: `Bearer ${org.users[i]?.token}` });

  it('[users] have a token each, and see and write what they may', async () => {
    const org = await open({}, { users });
    const viewer = as(org, 1);
    const me = await org.ask('GET', '/services/oauth2/userinfo', undefined, viewer);
    expect([me.json['preferred_username'], me.json['user_id']]).toEqual(['viewer@acme.example', org.users[1]?.userId]);
    expect(
      (await org.ask('GET', String(me.json['sub']).replace(org.url, ''), undefined, viewer)).json['username'],
    ).toBe('viewer@acme.example');
    expect((await org.ask('GET', `${BASE}/sobjects/Buyer__c/describe`, undefined, viewer)).status).toBe(404);
    const list = (await org.ask('GET', `${BASE}/sobjects`, undefined, viewer)).json['sobjects'] as Json[];
    expect(list.map(({ name }) => name)).not.toContain('Buyer__c');
    const { json } = await org.ask('GET', `${BASE}/sobjects/Order__c/describe`, undefined, viewer);
    const fields = new Map((json['fields'] as Json[]).map((one) => [one['name'], one]));
    expect([fields.has('Note__c'), fields.get('Amount__c')?.['createable']]).toEqual([false, false]);
    const query = await org.ask(
      'GET',
      `${BASE}/query?q=${encodeURIComponent('SELECT Note__c FROM Order__c')}`,
      undefined,
      viewer,
    );
    expect(refusal(query)[1]).toBe('INVALID_FIELD');
    const create = (body: Json): Promise<Answer> => org.ask('POST', INGEST, body, viewer);
    expect(refusal(await create({ object: 'Buyer__c', operation: 'insert' }))[2]).toBe(
      'InvalidJob : Unable to find object: Buyer__c',
    );
    expect(refusal(await create({ object: 'Order__c', operation: 'hardDelete' }))[1]).toBe('FEATURENOTENABLED');
  });

  it.each([
    ['Name,Note__c', 'Failed', 'InvalidBatch : Field name not found : Note__c'],
    ['Name,Account__r.Key__c', 'Failed', 'InvalidBatch : Field name not found : Account__r.Key__c'],
    ['Name,Amount__c', 'JobComplete', undefined],
  ])('[users] load with the header %s', async (header, state, message) => {
    const org = await open({}, { users });
    const viewer = as(org, 1);
    const job = (await org.ask('POST', INGEST, { object: 'Order__c', operation: 'insert' }, viewer)).json;
    await org.ask('PUT', `${INGEST}/${String(job['id'])}/batches`, `${header}\nA,1\n`, {
      ...viewer,
      'content-type': 'text/csv',
    });
    await org.ask('PATCH', `${INGEST}/${String(job['id'])}`, { state: 'UploadComplete' }, viewer);
    expect(await org.ended(String(job['id']))).toMatchObject({
      state,
      createdById: org.users[1]?.userId,
      numberRecordsFailed: state === 'Failed' ? 0 : 1,
      ...(message !== undefined && { errorMessage: message }),
    });
  });

  it('[users] cannot close jobs of others; who may manage integrations can abort and delete them', async () => {
    const org = await open({}, { users });
    const id = await org.create({ object: 'Order__c' });
    await org.ask('PUT', `${INGEST}/${id}/batches`, 'Name\nA\n', { 'content-type': 'text/csv' });
    const patch = (i: number, state: string): Promise<Answer> =>
      org.ask('PATCH', `${INGEST}/${id}`, { state }, as(org, i));
    expect(refusal(await patch(2, 'UploadComplete'))).toEqual([
      400,
      'INVALIDUSER',
      'InvalidUser : The job was created by another user',
    ]);
    expect(refusal(await patch(1, 'Aborted'))[1]).toBe('INVALIDUSER');
    expect((await patch(2, 'Aborted')).status).toBe(200);
    expect(refusal(await org.ask('DELETE', `${INGEST}/${id}`, undefined, as(org, 1)))[1]).toBe('INVALIDUSER');
    expect((await org.ask('DELETE', `${INGEST}/${id}`, undefined, as(org, 2))).status).toBe(204);
  });
});

it('[assumed-records] rows can refer to records that the org is assumed to have', async () => {
  const org = await open({}, {}, { assumedRecords: ['Order__c', 'Buyer__c'] });
  const buyer = 'a0B000000000777';
  const rows = ['1,A,', `2,B,${buyer}`, '3,C,a0R000000000777', '4,D,001000000000777'];
  const lookups = await org.load(`Key__c,Name,Account__c\n${rows.join('\n')}\n`, upsert);
  expect(lookups.succeeded.map(({ Key__c }) => Key__c).sort()).toEqual(['1', '2']);
  // An id of another object is still wrong.
  expect(lookups.errors[0]).toContain('FIELD_INTEGRITY_EXCEPTION');
  expect(lookups.errors[1]).toContain('INVALID_CROSS_REFERENCE_KEY');
  const parents = await org.load('Key__c,Name,Account__r.Key__c\n5,E,b-1\n6,F,b-1\n7,G,b-2\n', upsert);
  expect(parents.errors).toEqual([]);
  expect(org.records('Buyer__c').map(({ id }) => id)).toContain('a0B000000000777EAA');
  expect(org.records('Buyer__c')).toHaveLength(3);
  const update = await org.load('Id,Name\na0R000000000888EAA,H\n', { object: 'Order__c', operation: 'update' });
  expect(update.succeeded).toMatchObject([{ sf__Id: 'a0R000000000888EAA' }]);
});

it('[assumed-records] a rule is evaluated only if it is known what it reads, and the rest is told', async () => {
  const id = (n: number): string => `a0R000000000${100 + n}`;
  const validationRules = [
    rule('Needs_note', 'ISBLANK(Note__c)'),
    rule('Positive', 'Amount__c < 0'),
    rule('Paid_back', 'ISCHANGED(State__c)'),
  ];
  const rowRules = [{ when: { Note__c: { blank: true } }, fails: { code: 'X', message: 'y' } }];
  const org = await open({ validationRules, rowRules }, {}, { assumedRecords: ['Order__c'] });
  const update = { object: 'Order__c', operation: 'update' };
  const first = await org.load(
    `Id,Amount__c,Note__c\n${id(1)},-1,\n${id(2)},1,\n${id(3)},2,n\n${id(4)},2,#N/A\n`,
    update,
  );
  expect(first.errors.sort()).toEqual([
    'FIELD_CUSTOM_VALIDATION_EXCEPTION:Needs_note: no:--',
    'FIELD_CUSTOM_VALIDATION_EXCEPTION:Positive: no:--',
  ]);
  expect(org.skippedRules()).toEqual([
    { object: 'Order__c', name: 'Needs_note', rows: 2, fields: ['Note__c'] },
    { object: 'Order__c', name: 'Paid_back', rows: 2, fields: ['State__c'] },
  ]);
  // What a row wrote is known.
  const second = await org.load(`Id,Amount__c\n${id(3)},3\n`, update);
  expect(second.succeeded).toHaveLength(1);
  expect(org.skippedRules()[0]).toMatchObject({ rows: 2 });
  // A new record has no unknown values.
  const created = await org.load('Name,Amount__c\nA,1\n', { object: 'Order__c' });
  expect(created.errors).toEqual(['FIELD_CUSTOM_VALIDATION_EXCEPTION:Needs_note: no:--']);
});

it('[folder-unevaluated] lists objects of which a capture could not read everything', async () => {
  const at = '2026-11-30T00:00:00Z';
  const parts = {
    Order__c: { status: 'partial', note: 'validation rules: refused' },
    Buyer__c: { status: 'complete' },
  };
  const org = await open({}, { captured: { at, parts } });
  expect(org.unevaluatedRules.filter(({ kind }) => kind === 'capture')).toEqual([
    { object: 'Order__c', kind: 'capture', name: 'partial', reason: 'validation rules: refused' },
  ]);
});

it.each([
  [
    'locks of an object',
    { locks: { lookups: ['Ordr__c.Account__c'] } },
    '$.locks.lookups[0] Ordr__c.Account__c: the folder has no such object',
  ],
  [
    'locks of a field',
    { locks: { lookups: ['Order__c.Acount__c'] } },
    '$.locks.lookups[0] Order__c.Acount__c: the object has no such field',
  ],
  [
    'a hidden object',
    { users: [{ username: 'a', hiddenObjects: ['Order__c', 'Byer__c'] }] },
    '$.users[0].hiddenObjects[1] Byer__c',
  ],
  [
    'a hidden field',
    { users: [{ username: 'a', hiddenFields: ['Buyer__c.Secrets__c'] }] },
    '$.users[0].hiddenFields[0] Buyer__c.Secrets__c',
  ],
  ['a user twice', { users: [{ username: 'a' }, { username: 'A' }] }, '$.users[1].username'],
  ['a range from its end', { time: { queueSeconds: [5, 1] } }, '$.time.queueSeconds begins with the larger number'],
])('[folder-names] refuses a setting without effect: %s', async (_what, org, message) => {
  await expect(open({}, org)).rejects.toThrow(message);
});
