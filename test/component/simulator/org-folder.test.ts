/** An org that a folder describes: its format, its objects, and what is said about mistakes in it. */
import { describe, expect, it } from 'vitest';
import { startSimulator } from '../../../src/simulator/index.js';
import { describeOf, field, key, lookup, orgFolder, picklist } from '../../helpers/org-folder.js';
import { BASE, openOrg } from '../../helpers/simulator.js';
import type { Json, TestOrg } from '../../helpers/simulator.js';

const PLANT = describeOf('Plant__c', 'a0P', [
  field('Name', 'string', { nillable: false }),
  key(),
  picklist('State__c', ['On', 'Off']),
  field('Tags__c', 'multipicklist', { restrictedPicklist: true, picklistValues: [{ value: 'a' }, { value: 'b' }] }),
  field('Opens__c', 'time'),
  field('Count__c', 'int'),
  field('Total__c', 'double', { precision: 5, scale: 2 }),
  field('Sum__c', 'double', { createable: false, updateable: false, calculated: true }),
  field('Code__c', 'string', { updateable: false, length: 4 }),
  lookup('Parent__c', 'Plant__c', 'Parent__r'),
  lookup('Owner__c', ['User', 'Group'], 'Owner__r'),
  lookup('Vendor__c', 'Vendor__c', 'Vendor__r'),
]);

const open = (objects: Record<string, unknown>, org?: unknown): Promise<TestOrg> =>
  openOrg({ org: orgFolder(objects, org) });

const refused = async (objects: Record<string, unknown>, org?: unknown): Promise<string> => {
  const folder = orgFolder(objects, org);
  const message = await startSimulator({ org: folder }).then(
    () => 'started',
    (error: Error) => error.message,
  );
  return message.replaceAll(folder, '.');
};

describe('objects', () => {
  it('[folder-objects] has the objects of the folder, and users, queues and the organization', async () => {
    const org = await open({ Plant__c: { describe: PLANT } }, { formatVersion: 1, name: 'Acme' });
    const { json } = await org.ask('GET', `${BASE}/sobjects`);
    expect((json['sobjects'] as Json[]).map(({ name }) => name)).toEqual(['Plant__c', 'User', 'Group', 'Organization']);
    expect((await org.ask('GET', `${BASE}/sobjects/Account/describe`)).status).toBe(404);
    expect(org.records('Organization')[0]?.values.get('Name')).toBe('Acme');
  });

  it.each([
    ['a describe alone', PLANT],
    ['the output of sf', { status: 0, result: PLANT, warnings: [] }],
    ['an object file', { describe: PLANT }],
  ])('[folder-describe] accepts %s, and repeats all of it', async (_what, content) => {
    const org = await open({ Plant__c: content });
    const { json } = await org.ask('GET', `${BASE}/sobjects/Plant__c/describe`);
    expect(json).toMatchObject({ ...PLANT, fields: expect.any(Array) });
    const state = (json['fields'] as Json[]).find(({ name }) => name === 'Tags__c');
    expect(state).toMatchObject({
      type: 'multipicklist',
      picklistValues: [{ value: 'a', active: true }, { value: 'b' }],
    });
  });

  it.each([
    ['a required field', 'Key__c\n1', 'REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --'],
    [
      'a restricted picklist',
      'Name,State__c\nA,Half',
      'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:State: bad value for restricted picklist field: Half:State__c --',
    ],
    [
      'a multipicklist',
      'Name,Tags__c\nA,a;c',
      'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Tags: bad value for restricted picklist field: c:Tags__c --',
    ],
    [
      'a time',
      'Name,Opens__c\nA,noon',
      "INVALID_FIELD:Failed to deserialize field at col 1. Due to, 'noon' is not a valid value for the type xsd:time:Opens__c --",
    ],
    [
      'a length',
      'Name,Code__c\nA,12345',
      'STRING_TOO_LONG:Code: data value too large: 12345 (max length=4):Code__c --',
    ],
    [
      'a precision',
      'Name,Total__c\nA,1234',
      'NUMBER_OUTSIDE_VALID_RANGE:Total: value outside of valid range on numeric field: 1234.0:Total__c --',
    ],
    [
      'a formula',
      'Name,Sum__c\nA,1',
      'INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Sum__c. Please check the security settings of this field and verify that it is read/write for your profile or permission set.:Sum__c --',
    ],
    [
      'a parent',
      'Name,Parent__r.Key__c\nA,none',
      'INVALID_FIELD:Foreign key external ID: none not found for field Key__c in entity Plant__c:--',
    ],
  ])('[folder-objects] refuses rows by %s', async (_what, csv, error) => {
    const org = await open({ Plant__c: PLANT });
    expect((await org.load(`${csv}\n`, { object: 'Plant__c' })).errors).toEqual([error]);
  });

  it('[folder-objects] accepts rows, relationship columns and polymorphic lookups', async () => {
    const org = await open({ Plant__c: PLANT });
    org.seedRecords('Plant__c', [{ Name: 'Top', Key__c: 'top' }]);
    const { failed, succeeded } = await org.load(
      'Name,Parent__r.Key__c,User:Owner__r.Username,Tags__c,Opens__c,Count__c\nA,top,integration@nightload.example,a;b,08:30:00.000Z,123456789\n',
      { object: 'Plant__c' },
    );
    expect([failed, succeeded.length]).toEqual([[], 1]);
    expect(org.records('Plant__c')[1]?.values.get('Parent__c')).toBe(org.records('Plant__c')[0]?.id);
  });

  it('[folder-objects] gives new records the default values of their fields', async () => {
    const values = [{ value: 'On' }, { value: 'Off', defaultValue: true }];
    const describe = describeOf('Plant__c', 'a0P', [
      field('Name'),
      field('State__c', 'picklist', { picklistValues: values }),
      field('Done__c', 'boolean', { nillable: false }),
    ]);
    const org = await open({ Plant__c: describe });
    await org.load('Name,State__c\nA,\nB,On\nC,#N/A\n', { object: 'Plant__c' });
    const states = org.records('Plant__c').map(({ values: found }) => [found.get('State__c'), found.get('Done__c')]);
    expect(states).toEqual([
      ['Off', 'false'],
      ['On', 'false'],
      [undefined, 'false'],
    ]);
  });

  it('[folder-unknown-parent] accepts ids of objects that are not described, and lists the lookup', async () => {
    const org = await open({ Plant__c: PLANT });
    const { failed } = await org.load('Name,Vendor__c\nA,a0V000000000001AAA\n', { object: 'Plant__c' });
    expect(failed).toEqual([]);
    expect(org.unevaluatedRules).toEqual([
      {
        object: 'Plant__c',
        kind: 'reference',
        name: 'Vendor__c',
        reason:
          'Vendor__c is not part of the folder: ids are accepted unchecked, its relationship columns are not found',
      },
    ]);
  });
});

describe('describes of another org', () => {
  const long = 'x'.repeat(300);

  it.each([
    [
      'Account',
      `Name,AccountNumber,Rating,Industry,AnnualRevenue,Score__c,Last_Audit__c,Active__c,Email__c\n${[
        'A,1,Hot,Banking,12.5,999.99,2026-11-30T20:00:00Z,true,a@b.cd',
        `B,${long},,,,,,,`,
        'C,,Terrible,,,,,,',
        'D,,,Shipping,,,,,',
        'E,,,,lots,,,,',
        'F,,,,,1000,,,',
        'G,,,,,,yesterday,,',
        'H,,,,,,,maybe,',
        'I,,,,,,,,nobody',
      ].join('\n')}\n`,
    ],
    [
      'Account',
      'Name,ParentId,Parent.External_Id__c\nA,001sm0000000099AAA,\nB,nobody,\nC,005sm0000000001AAA,\nD,,nobody\n',
    ],
    ['Account', 'Phone\n1\n'],
    ['Account', 'Name,Display_Name__c\nA,B\n'],
    ['Account', 'Name,Nothing\nA,B\n'],
    ['Contact', `LastName,Birthdate,Email,Description\nA,2026-02-30,,\nB,,a-at-b,\nC,2026-01-31,c@d.ef,"two\nlines"\n`],
    ['Task', 'Subject,Contact:Who.Email,Account:What.External_Id__c\nA,nobody@x.yz,\nB,,none\nC,,\n'],
    ['Case', 'Subject,Status,Origin\nA,New,Anything\nB,Old,\n'],
    ['Invoice__c', 'Number__c,Amount__c,Paid__c\n1,1,true\n'],
  ])('[folder-objects] make %s refuse the same rows with the same words', async (object, csv) => {
    const fixed = await openOrg();
    const list = (await fixed.ask('GET', `${BASE}/sobjects`)).json['sobjects'] as { name: string }[];
    const describes: Record<string, unknown> = {};
    for (const { name } of list) describes[name] = (await fixed.ask('GET', `${BASE}/sobjects/${name}/describe`)).json;
    const described = await open(describes);
    const [expected, found] = [await fixed.load(csv, { object }), await described.load(csv, { object })];
    expect([found.info['state'], found.info['errorMessage']]).toEqual([
      expected.info['state'],
      expected.info['errorMessage'],
    ]);
    expect(found.errors).toEqual(expected.errors);
    expect(found.succeeded).toEqual(expected.succeeded);
    expect(found.failed.length + found.succeeded.length > 0).toBe(found.info['state'] === 'JobComplete');
    expect((await described.ask('GET', `${BASE}/sobjects/${object}/describe`)).json).toEqual(describes[object]);
  });
});

describe('org.json', () => {
  it('[folder-settings] sets versions, limits and the organization; options win', async () => {
    const folder = orgFolder(
      { Plant__c: PLANT },
      { formatVersion: 1, apiVersions: [66], limits: { apiRequests: { max: 50, used: 10 }, batches: 7 } },
    );
    const org = await openOrg({ org: folder, limits: { batches: 8 } });
    const { json, headers } = await org.ask('GET', `${BASE}/limits`);
    expect(json).toMatchObject({ DailyApiRequests: { Max: 50 }, DailyBulkApiBatches: { Max: 8 } });
    expect(headers.get('sforce-limit-info')).toBe('api-usage=11/50');
    expect((await org.ask('GET', '/services/data/v65.0/limits')).status).toBe(404);
  });
});

describe('mistakes', () => {
  const good = { describe: PLANT };

  it.each([
    ['an unknown name', { formatVersion: 1, tim: {} }, './org.json: $.tim unknown name; known names: '],
    ['an unknown nested name', { formatVersion: 1, time: { speed: 1 } }, './org.json: $.time.speed unknown name;'],
    ['another version', { formatVersion: 2 }, './org.json: $.formatVersion must be one of 1, not 2'],
    ['no version', {}, './org.json: $.formatVersion is missing'],
    [
      'a number out of range',
      { formatVersion: 1, time: { spread: 2 } },
      './org.json: $.time.spread must be a number from 0 to 0.95, not 2',
    ],
    [
      'a syntax error',
      '{\n  "formatVersion": 1,\n  "name" "x"\n}',
      './org.json, line 3, column 10: expected ":", not "\\""',
    ],
    ['a file that ends', '{ "a": [1,', './org.json, line 1, column 11: the file ends too early'],
  ])('[folder-mistakes] names the file and the place of %s', async (_what, org, message) => {
    expect(await refused({ Plant__c: good }, org)).toContain(message);
  });

  it.each([
    ['another object', { Vendor__c: good }, './objects/Vendor__c.json: $.describe.name is "Plant__c"'],
    ['an unknown name', { Plant__c: { describe: PLANT, rules: [] } }, './objects/Plant__c.json: $.rules unknown name'],
    ['no describe', { Plant__c: { recordTypes: [] } }, './objects/Plant__c.json: $.describe is missing'],
    [
      'a field without a type',
      { Plant__c: { name: 'Plant__c', fields: [{ name: 'A' }] } },
      '$.describe.fields[0].type must be',
    ],
    [
      'a field twice',
      { Plant__c: { name: 'Plant__c', fields: [field('A'), field('a')] } },
      '$.describe.fields[1].name there are two fields a',
    ],
    [
      'a field that the object does not have',
      {
        Plant__c: {
          describe: PLANT,
          validationRules: [
            { name: 'R', active: true, errorMessage: 'm', errorDisplayField: 'No__c', formula: 'true' },
          ],
        },
      },
      './objects/Plant__c.json: $.validationRules[0].errorDisplayField Plant__c has no field No__c',
    ],
    [
      'a prefix twice',
      { A__c: describeOf('A__c', 'a00', [field('Name')]), B__c: describeOf('B__c', 'a00', [field('Name')]) },
      './objects/B__c.json: $.describe.keyPrefix a00 is also that of A__c',
    ],
    ['no object', {}, 'there is no <ApiName>.json'],
  ])('[folder-mistakes] refuses %s', async (_what, objects, message) => {
    expect(await refused(objects)).toContain(message);
  });
});
