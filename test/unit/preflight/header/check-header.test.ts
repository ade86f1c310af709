/** Findings about a header before a job exists, with the objects of the simulated org. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../../../src/contract/names.js';
import { checkHeader } from '../../../../src/preflight/header/check-header.js';
import type { HeaderInput, HeaderReport } from '../../../../src/preflight/header/check-header.js';
import { candidatesOf, editDistance, nearest } from '../../../../src/domain/text/nearest-name.js';
import { parseDescribe } from '../../../../src/salesforce/resources/describe.js';
import type { FieldDescribe, ObjectDescribe } from '../../../../src/salesforce/resources/describe.js';
import { describeReply } from '../../../../src/simulator/org/describe.js';
import { Org } from '../../../../src/simulator/org/org.js';
import { readHeader } from '../../../../src/simulator/jobs/upload.js';

const org = new Org({ maxRecords: 10 });
const objects = new Map(org.objects.map((object) => [object.name, parseDescribe(describeReply(object))]));

function object(name: string): ObjectDescribe {
  const found = objects.get(name);
  if (found === undefined) throw new Error(`no object ${name}`);
  return found;
}

const BLANK = object('Account').fields.find(({ name }) => name === 'Phone') as FieldDescribe;

/** The object with added or changed fields. */
function withFields(name: string, ...fields: (Partial<FieldDescribe> & { name: string })[]): ObjectDescribe {
  const known = object(name);
  const changed = fields.map((field) => ({
    ...(known.fields.find((other) => other.name === field.name) ?? { ...BLANK, label: field.name }),
    ...field,
  }));
  const names = new Set(fields.map((field) => field.name));
  return { ...known, fields: [...known.fields.filter((field) => !names.has(field.name)), ...changed] };
}

type Options = Partial<Omit<HeaderInput, 'columns'>> & { titles?: readonly string[] };

/** Columns after mapping; an upsert is by `External_Id__c`. */
function check(on: string | ObjectDescribe, columns: readonly string[], options: Options = {}): Promise<HeaderReport> {
  const { titles = columns, operation = 'insert', ...rest } = options;
  return checkHeader({
    operation,
    columns: columns.map((name, i) => ({ title: titles[i] as string, name })),
    constants: [],
    describe: typeof on === 'string' ? object(on) : on,
    describeOf: (name) => Promise.resolve(objects.get(name)),
    mapLabels: false,
    ...(operation === 'upsert' && { externalIdFieldName: 'External_Id__c' }),
    ...rest,
  });
}

/** `CODE` or `CODE@position`. */
function codes(findings: HeaderReport['errors']): string[] {
  return findings.map(({ code, position }) => (position === undefined ? code : `${code}@${position}`));
}

async function only(report: Promise<HeaderReport>): Promise<HeaderReport['errors'][0]> {
  const { errors, warnings } = await report;
  expect([...codes(errors), ...codes(warnings)]).toHaveLength(1);
  return [...errors, ...warnings][0] as HeaderReport['errors'][0];
}

describe('names', () => {
  it('corrects letter case silently', async () => {
    const report = await check('Contact', ['LASTNAME', 'mailingcity', 'account.EXTERNAL_ID__C', 'owner.email']);
    expect(report).toMatchObject({
      errors: [],
      warnings: [],
      names: ['LastName', 'MailingCity', 'Account.External_Id__c', 'Owner.Email'],
      constants: [],
    });
    const task = await check('Task', ['Subject', 'lead:who.EMAIL']);
    expect(task.names).toEqual(['Subject', 'Lead:Who.Email']);
    const upsert = await check('Account', ['name', 'EXTERNAL_ID__C'], {
      operation: 'upsert',
      externalIdFieldName: 'external_id__c',
    });
    expect(upsert).toMatchObject({ errors: [], externalIdFieldName: 'External_Id__c' });
  });

  it.each([
    ['Anual Revenue', 'AnnualRevenue'],
    ['annual_revenue', 'AnnualRevenue'],
    ['AnnualRevenue__c', 'AnnualRevenue'],
    ['Last_Audit', 'Last_Audit__c'],
    ['Last-Audit', 'Last_Audit__c'],
    ['Websiet', 'Website'],
    ['ParentIds', 'ParentId'],
    ['Owner', 'OwnerId'],
    ['Name__c', 'Name'],
  ])('reports %s as unknown, and probably %s', async (title, meant) => {
    const finding = await only(check('Account', ['Id', title], { operation: 'update' }));
    expect(finding).toMatchObject({ code: 'HEADER_UNKNOWN_COLUMN', position: 2 });
    expect(finding.message).toContain(`\`${meant}\``);
    expect(finding.message).toContain(`--map '${title}=${meant}'`);
  });

  it('reports where the column is, its title, and how to leave it out', async () => {
    const columns = ['Name', 'Zweck'];
    const finding = await only(check('Account', columns, { titles: ["Firm's name", "Zweck d'été"] }));
    expect(finding).toEqual({
      code: 'HEADER_UNKNOWN_COLUMN',
      column: "Zweck d'été",
      position: 2,
      message:
        "Column 2, `Zweck d'été` (mapped to `Zweck`): `Account` has no such field, or the user may not see it " +
        "(field-level security). Use the API name of a field, or leave the column out with --map 'Zweck d'\\''été='.",
    });
  });

  it('counts positions in the file if columns were dropped', async () => {
    const finding = await only(
      checkHeader({
        operation: 'update',
        columns: [
          { title: 'Id', name: 'Id', position: 3 },
          { title: 'Nonsense', name: 'Nonsense', position: 7 },
        ],
        constants: [],
        describe: object('Account'),
        describeOf: () => Promise.resolve(undefined),
        mapLabels: false,
      }),
    );
    expect(finding).toMatchObject({ position: 7 });
  });

  it('suggests no field that another column names', async () => {
    const { errors } = await check('Account', ['Name', 'Name2', 'Phone', 'Phones']);
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringContaining('field-level security'),
      expect.stringContaining('field-level security'),
    ]);
  });

  it.each(['', '  '])('refuses a column without a title: "%s"', async (title) => {
    expect((await only(check('Account', ['Name', title]))).message).toContain('it has no title');
  });

  it('shortens a header that a wrong delimiter turned into one title', async () => {
    const finding = await only(check('Account', ['Name', 'A;'.repeat(5000)]));
    expect(finding.message.length).toBeLessThan(400);
    expect(finding.message).not.toContain('--map');
  });

  it('shows no control characters, and suggests no option that a shell would change', async () => {
    const finding = await only(check('Account', ['Name', 'a\u001b[31m\nb']));
    expect(finding.message).toContain('Column 2: `Account` has no such field');
    expect(finding.message).not.toContain('--map');
    expect(finding).not.toHaveProperty('column');
    expect((await only(check('Account', ['Name', 'a (b)']))).message).toContain("--map 'a (b)='");
  });

  it.each([
    ['\u00a0Phone', '`<U+00A0>Phone`'],
    ['Ph\u200bone', '`Ph<U+200B>one`'],
    ['\ufeffPhone', '`<U+FEFF>Phone`'],
    ['Ｐｈｏｎｅ', '`Ｐｈｏｎｅ`'],
  ])('shows invisible characters, and what was meant: %j', async (title, shown) => {
    const { message } = await only(check('Account', ['Name', title]));
    expect(message).toContain(shown);
    expect(message).toContain('did you mean `Phone`?');
  });

  it('reports all findings, not only the first', async () => {
    const { errors } = await check('Contact', ['Foo', 'Id', 'Name', 'Account.Name', 'Bar', 'Title', 'title']);
    expect(codes(errors)).toEqual([
      'HEADER_REQUIRED_MISSING',
      'HEADER_UNKNOWN_COLUMN@1',
      'HEADER_ID_ON_INSERT@2',
      'HEADER_NOT_WRITABLE@3',
      'HEADER_RELATIONSHIP_FIELD@4',
      'HEADER_UNKNOWN_COLUMN@5',
      'HEADER_DUPLICATE_COLUMN@7',
    ]);
  });

  it.each([
    ['Name;Phone', 'if ";" separates'],
    ['Name\tPhone', 'if a tab separates'],
  ])('questions the delimiter when a whole header is one title, %j', async (title, text) => {
    const { errors } = await check('Account', [title], {});
    expect(errors.find(({ code }) => code === 'HEADER_UNKNOWN_COLUMN')?.message).toContain(text);
  });
});

describe('labels', () => {
  it.each(['Account Name', 'account name', ' Account Name'])('refuses "%s" unless labels are mapped', async (title) => {
    const finding = await only(check('Account', [title]));
    expect(finding.code).toBe('HEADER_LABEL_COLUMN');
    expect(finding.message).toBe(
      `Column 1, \`${title}\`: this is the label of \`Name\`; use --map '${title}=Name' or --map-labels.`,
    );
    expect(await check('Account', [title], { mapLabels: true })).toMatchObject({ errors: [], names: ['Name'] });
  });

  it('prefers API names', async () => {
    const on = withFields('Account', { name: 'Work_Phone__c', label: 'Phone' });
    expect(await check(on, ['Name', 'phone'], { mapLabels: true })).toMatchObject({
      errors: [],
      names: ['Name', 'Phone'],
    });
  });

  it('does not choose between two fields with one label, unless letter case decides', async () => {
    const on = withFields('Account', { name: 'A__c', label: 'Region' }, { name: 'B__c', label: 'REGION' });
    for (const mapLabels of [true, false]) {
      const { errors, names } = await check(on, ['Name', 'region'], { mapLabels });
      expect(codes(errors)).toEqual(['HEADER_AMBIGUOUS_LABEL@2']);
      expect(errors[0]?.message).toContain('`A__c`, `B__c`');
      expect(names).toEqual(['Name', 'region']);
    }
    expect((await check(on, ['Name', 'REGION'], { mapLabels: true })).names).toEqual(['Name', 'B__c']);
  });

  it('accepts labels with dots and colons', async () => {
    const on = withFields('Account', { name: 'Ratio__c', label: 'Ratio:Own.Foreign' });
    expect(await check(on, ['Name', 'Ratio:Own.Foreign'], { mapLabels: true })).toMatchObject({
      errors: [],
      names: ['Name', 'Ratio__c'],
    });
  });

  it('reports columns that resolve to the same field', async () => {
    const { errors } = await check('Account', ['Name', 'Account Name'], { mapLabels: true });
    expect(codes(errors)).toEqual(['HEADER_DUPLICATE_COLUMN@2']);
    expect(errors[0]?.message).toContain(
      "so is column 1, `Name`. Keep one of them: leave the column out with --map 'Account Name='.",
    );
  });
});

describe('fields that several columns fill', () => {
  it.each<[string, string[], string[], string[], string[]]>([
    ['Account', ['Name', 'Phone', 'PHONE'], [], ['HEADER_DUPLICATE_COLUMN@3'], []],
    ['Account', ['Name', 'OwnerId', 'Owner.Email'], [], ['HEADER_SAME_FIELD_TWICE@3'], []],
    ['Account', ['Name', 'Owner.Username', 'Owner.Email'], [], ['HEADER_SAME_FIELD_TWICE@3'], []],
    ['Account', ['Name', 'Owner.Email', 'owner.email'], [], ['HEADER_DUPLICATE_COLUMN@3'], []],
    ['Case', ['User:Owner.Email', 'Group:Owner.DeveloperName'], [], [], ['HEADER_SAME_FIELD_TWICE@2']],
    [
      'Case',
      ['User:Owner.Email', 'Group:Owner.DeveloperName', 'User:Owner.Username'],
      [],
      ['HEADER_SAME_FIELD_TWICE@3'],
      ['HEADER_SAME_FIELD_TWICE@2'],
    ],
    ['Case', ['User:Owner.Email', 'OwnerId'], [], ['HEADER_SAME_FIELD_TWICE@2'], []],
    ['Account', ['Name', 'Phone'], ['phone'], [], []],
    ['Account', ['Name', 'Owner.Email'], ['owner.EMAIL'], [], []],
    ['Account', ['Name', 'Owner.Email'], ['OwnerId'], ['HEADER_SAME_FIELD_TWICE'], []],
    ['Account', ['Name'], ['Phone', 'phone'], ['HEADER_DUPLICATE_COLUMN'], []],
  ])('%s: %j with constants %j', async (on, columns, constants, errors, warnings) => {
    const report = await check(on, columns, { constants });
    expect([codes(report.errors), codes(report.warnings)]).toEqual([errors, warnings]);
  });

  it('gives constants their exact names, and reports each once', async () => {
    const { errors, constants } = await check('Account', ['Name', 'Phome'], { constants: ['phome', 'fax'] });
    expect(codes(errors)).toEqual(['HEADER_UNKNOWN_COLUMN']);
    expect(errors[0]?.message).toMatch(
      /^The constant `phome`: .*did you mean `Phone`\? Then write --set 'Phone=…'; otherwise remove the constant\.$/,
    );
    expect(constants).toEqual(['phome', 'Fax']);
  });

  it('accepts no label for a constant', async () => {
    const finding = await only(check('Account', [], { constants: ['Account Name'], mapLabels: true }));
    expect(finding).toEqual({
      code: 'HEADER_LABEL_COLUMN',
      message: "The constant `Account Name`: this is the label of `Name`; write --set 'Name=…'.",
    });
  });
});

describe('writable', () => {
  const made = withFields(
    'Invoice__c',
    { name: 'OnCreate__c', updateable: false },
    { name: 'OnUpdate__c', createable: false },
    { name: 'Hidden__c', createable: false, updateable: false },
    { name: 'Place__c', type: 'location', createable: false, updateable: false },
  );

  it.each<[Operation, string, string, string]>([
    ['insert', 'Name', 'HEADER_NOT_WRITABLE', 'auto number'],
    ['update', 'CreatedDate', 'HEADER_NOT_WRITABLE', 'Salesforce sets it.'],
    ['insert', 'CreatedDate', 'HEADER_NOT_WRITABLE', 'Set Audit Fields'],
    ['insert', 'SystemModstamp', 'HEADER_NOT_WRITABLE', 'Salesforce sets it.'],
    ['insert', 'LastModifiedBy.Email', 'HEADER_NOT_WRITABLE', '`LastModifiedById` cannot be written'],
    ['upsert', 'Hidden__c', 'HEADER_NOT_WRITABLE', 'read-only'],
    ['upsert', 'Place__c', 'HEADER_NOT_WRITABLE', 'composes it from other fields'],
    ['insert', 'OnUpdate__c', 'HEADER_NOT_WRITABLE', 'existing records'],
    ['update', 'OnCreate__c', 'HEADER_NOT_WRITABLE', 'when a record is created'],
    ['upsert', 'OnCreate__c', 'HEADER_ONLY_ON_CREATE', 'update'],
    ['upsert', 'OnUpdate__c', 'HEADER_ONLY_ON_UPDATE', 'create'],
  ])('%s of %s: %s', async (operation, column, code, reason) => {
    const key = operation === 'insert' ? 'Account__c' : operation === 'update' ? 'Id' : 'Number__c';
    const constants = operation === 'upsert' ? ['Account__c'] : [];
    const finding = await only(
      check(made, [key, column], { operation, constants, externalIdFieldName: 'Number__c' }).then((report) => ({
        ...report,
        warnings: report.warnings.filter(({ code }) => code !== 'EXTERNAL_ID_NOT_FOR_RETRY'),
      })),
    );
    expect(finding).toMatchObject({ code, position: 2 });
    expect(finding.message).toContain(reason);
  });

  it.each([
    [
      'Account',
      'BillingAddress',
      '`BillingStreet`, `BillingCity`, `BillingState`, `BillingPostalCode`, `BillingCountry`, `BillingLatitude` and 1 more',
    ],
    ['Contact', 'Name', '`LastName`, `FirstName`, `Salutation`; send these instead'],
    ['Account', 'Display_Name__c', 'a formula'],
  ])('%s.%s is composed of others', async (on, column, reason) => {
    const { errors } = await check(on, ['Id', column], { operation: 'update' });
    expect(codes(errors)).toEqual(['HEADER_NOT_WRITABLE@2']);
    expect(errors[0]?.message).toContain(reason);
  });

  it('accepts a read-only key', async () => {
    const on = withFields('Invoice__c', { name: 'Name', externalId: true });
    const report = await check(on, ['Name', 'Note__c'], {
      operation: 'upsert',
      externalIdFieldName: 'Name',
      constants: ['Account__c'],
    });
    expect(codes(report.errors)).toEqual([]);
  });

  it.each<[Operation, Partial<ObjectDescribe>, string[], string[]]>([
    ['insert', { createable: false }, ['OBJECT_OPERATION_NOT_ALLOWED'], []],
    ['insert', { updateable: false, deletable: false }, [], []],
    ['update', { updateable: false }, ['OBJECT_OPERATION_NOT_ALLOWED'], []],
    ['delete', { deletable: false }, ['OBJECT_OPERATION_NOT_ALLOWED'], []],
    ['hardDelete', { deletable: false }, ['OBJECT_OPERATION_NOT_ALLOWED'], []],
    ['upsert', { updateable: false }, [], ['OBJECT_OPERATION_NOT_ALLOWED']],
    ['upsert', { createable: false }, [], ['OBJECT_OPERATION_NOT_ALLOWED']],
    ['upsert', { createable: false, updateable: false }, ['OBJECT_OPERATION_NOT_ALLOWED'], []],
  ])('%s if the object is %j', async (operation, flags, errors, warnings) => {
    const columns = operation === 'insert' ? ['Name'] : operation === 'upsert' ? ['External_Id__c', 'Name'] : ['Id'];
    const report = await check({ ...object('Account'), ...flags }, columns, { operation });
    expect([codes(report.errors), codes(report.warnings)]).toEqual([errors, warnings]);
  });

  it('reports an object that is not writable once, not for each field', async () => {
    const account = object('Account');
    const fields = account.fields.map((field) => ({ ...field, createable: false }));
    const finding = await only(check({ ...account, createable: false, fields }, ['Name', 'Phone']));
    expect(finding.message).toContain('may not create records of `Account`');
  });
});

describe('required', () => {
  it.each<[string, string[], string[], string[]]>([
    ['Account', ['Phone'], [], ['Name']],
    ['Contact', ['FirstName'], [], ['LastName']],
    ['Lead', ['FirstName'], ['Company'], ['LastName']],
    ['Invoice__c', ['Number__c'], [], ['Account__c']],
    ['Invoice__c', ['Account__r.External_Id__c'], [], []],
    ['Invoice__c', ['Number__c'], ['Account__r.External_Id__c'], []],
    ['User', ['LastName'], [], ['Username', 'Email', 'Alias']],
    ['Case', ['Subject'], [], []],
  ])('insert into %s of %j with constants %j lacks %j', async (on, columns, constants, missing) => {
    const { errors } = await check(on, columns, { constants });
    expect(codes(errors)).toEqual(missing.map(() => 'HEADER_REQUIRED_MISSING'));
    missing.forEach((name, i) => expect(errors[i]?.message).toContain(`\`${name}\``));
  });

  it('warns only if records may be updated, and not about an update', async () => {
    const upsert = await check('Account', ['External_Id__c'], { operation: 'upsert' });
    expect([codes(upsert.errors), codes(upsert.warnings)]).toEqual([[], ['HEADER_REQUIRED_MISSING']]);
    const update = await check('Account', ['Id'], { operation: 'update' });
    expect([...update.errors, ...update.warnings]).toEqual([]);
  });

  it('requires no flags, and no Name of person accounts', async () => {
    const on = withFields(
      'Account',
      { name: 'Flag__c', type: 'boolean', nillable: false },
      { name: 'LastName', compoundFieldName: 'Name' },
    );
    expect((await check(on, ['LastName'])).errors).toEqual([]);
    expect(codes((await check(on, ['Phone'])).errors)).toEqual(['HEADER_REQUIRED_MISSING']);
  });

  it('does not report as missing what a label will provide once it is mapped', async () => {
    expect(codes((await check('Contact', ['Last Name'])).errors)).toEqual(['HEADER_LABEL_COLUMN@1']);
  });
});

describe('ids', () => {
  it.each<[Operation, string[], string[]]>([
    ['insert', ['Name', 'id'], ['HEADER_ID_ON_INSERT@2']],
    ['upsert', ['External_Id__c', 'Name', 'Id'], ['HEADER_ID_ON_UPSERT@3']],
    ['update', ['Name'], ['HEADER_NO_ID']],
    ['update', ['ID', 'Name'], []],
    ['update', ['Name', 'Parent.Id'], ['HEADER_NO_ID']],
    ['delete', ['Nonsense', 'Foo.Bar.Baz', 'id', 'Display_Name__c', ''], []],
    ['delete', ['Name', 'External_Id__c'], ['HEADER_NO_ID']],
    ['delete', ['Record ID', 'Name'], ['HEADER_LABEL_COLUMN@1']],
    ['hardDelete', [], ['HEADER_NO_ID']],
    ['hardDelete', ['Id', 'id'], ['HEADER_DUPLICATE_COLUMN@2']],
  ])('%s with %j', async (operation, columns, errors) => {
    expect(codes((await check('Account', columns, { operation })).errors)).toEqual(errors);
  });

  it('accepts an upsert by Id', async () => {
    const report = await check('Account', ['id', 'Name'], { operation: 'upsert', externalIdFieldName: 'ID' });
    expect(report).toMatchObject({ errors: [], warnings: [], names: ['Id', 'Name'], externalIdFieldName: 'Id' });
  });

  it('lists the existing columns', async () => {
    const finding = await only(check('Account', ['name', 'phone'], { operation: 'delete' }));
    expect(finding.message).toBe(
      "Delete finds records by their ids, and no column is `Id`. The columns are `Name`, `Phone`. Add the ids, or name their column with --map '…=Id'.",
    );
  });

  it('names the other columns of a delete as the rejected file shows them, and reads no other object', async () => {
    const describeOf = (): never => expect.unreachable();
    const columns = ['record id', 'account name', 'owner.email', 'Foo'];
    const report = await check('Account', columns, { operation: 'delete', mapLabels: true, describeOf });
    expect(report).toMatchObject({ errors: [], names: ['Id', 'Name', 'owner.email', 'Foo'] });
  });
});

describe('external id', () => {
  it.each<[string, string, string[], string[], string]>([
    ['External_Id', 'EXTERNAL_ID_UNKNOWN', ['Name'], [], '--external-id External_Id__c'],
    ['Nonsense', 'EXTERNAL_ID_UNKNOWN', ['Name'], [], '`Id`, `External_Id__c`, `Legacy_Number__c`'],
    ['legacy number', 'EXTERNAL_ID_UNKNOWN', ['Name'], [], '--external-id Legacy_Number__c'],
    ['Phone', 'EXTERNAL_ID_NOT_USABLE', ['Name', 'Phone'], [], 'not marked as an external id'],
    ['External_Id__c', 'HEADER_NO_EXTERNAL_ID', ['Name'], [], "--map '…=External_Id__c'"],
    ['External_Id__c', '', ['Name', 'external_id__C'], [], ''],
    ['External_Id__c', '', ['Name'], ['External_Id__c'], ''],
  ])('%s of an upsert: %s', async (externalIdFieldName, code, columns, constants, text) => {
    const { errors } = await check('Account', columns, { operation: 'upsert', externalIdFieldName, constants });
    expect(codes(errors)).toEqual(code === '' ? [] : [code]);
    expect(errors[0]?.message ?? '').toContain(text);
  });

  it('is required', async () => {
    const report = await checkHeader({
      operation: 'upsert',
      columns: [{ title: 'Name', name: 'Name' }],
      constants: [],
      describe: object('Account'),
      describeOf: () => Promise.resolve(undefined),
      mapLabels: false,
    });
    expect(codes(report.errors)).toEqual(['EXTERNAL_ID_NEEDED']);
  });

  it('should be unique', async () => {
    const report = await check('Contact', ['LastName', 'Email'], { operation: 'upsert', externalIdFieldName: 'Email' });
    expect([codes(report.errors), codes(report.warnings)]).toEqual([[], ['EXTERNAL_ID_NOT_UNIQUE']]);
  });

  it.each<[string, string[], string | undefined]>([
    ['External_Id__c', ['Name', 'External_Id__c'], undefined],
    ['External_Id__c', ['Name'], 'No column is `External_Id__c`, so retries'],
    ['Phone', ['Name', 'Phone'], '`Phone` is not a unique external id'],
  ])('%s with %j: an insert can be retried safely, or not', async (externalIdFieldName, columns, text) => {
    const { errors, warnings } = await check('Account', columns, { externalIdFieldName });
    expect(errors).toEqual([]);
    expect(codes(warnings)).toEqual(text === undefined ? [] : ['EXTERNAL_ID_NOT_FOR_RETRY']);
    expect(warnings[0]?.message ?? '').toContain(text ?? '');
  });

  it('must be a field of the object when an insert names one', async () => {
    const { errors } = await check('Account', ['Name'], { externalIdFieldName: 'ExternalId' });
    expect(codes(errors)).toEqual(['EXTERNAL_ID_UNKNOWN']);
    expect(errors[0]?.message).toContain('did you mean `External_Id__c`?');
  });
});

describe('relationships', () => {
  it.each<[string, string, string, string]>([
    ['Contact', 'Acount.External_Id__c', 'UNKNOWN', '`Account.External_Id__c`?'],
    ['Contact', 'AccountId.External_Id__c', 'UNKNOWN', '`Account.External_Id__c`?'],
    ['Invoice__c', 'Account__c.External_Id__c', 'UNKNOWN', '`Account__r.External_Id__c`?'],
    ['Invoice__c', 'Account.External_Id__c', 'UNKNOWN', '`Account__r.External_Id__c`?'],
    ['Task', 'Who:Lead.Email', 'UNKNOWN', '`Lead:Who.Email`?'],
    ['Contact', 'Galaxy.Email', 'UNKNOWN', 'field-level security'],
    ['Contact', 'Account.Parent.External_Id__c', 'LEVELS', '`AccountId`'],
    ['Contact', 'Galaxy.Far.Away', 'LEVELS', 'the id of the parent'],
    ['Contact', 'Account.Name', 'FIELD', '`Name` of `Account` is not an external id'],
    [
      'Contact',
      'Account.External_Key__c',
      'FIELD',
      'parents can be found by `Id`, `External_Id__c`, `Legacy_Number__c`',
    ],
    ['Contact', 'Account.ExternalId', 'FIELD', 'did you mean `Account.External_Id__c`?'],
    ['Contact', 'User:Owner.Email', 'TYPE_NOT_NEEDED', 'write `Owner.Email`'],
    ['Case', 'Owner.Email', 'TYPE_NEEDED', 'write `User:Owner.Email`.'],
    ['Case', 'Owner.Shoe', 'TYPE_NEEDED', 'write `Group:Owner.Shoe`, `User:Owner.Shoe`.'],
    ['Task', 'What.External_Id__c', 'TYPE_NEEDED', 'write `Account:What.External_Id__c`, `Case:What.External_Id__c`.'],
    ['Task', 'User:Who.Email', 'TYPE_UNKNOWN', 'can point to `Contact`, `Lead`'],
    ['Task', 'Lead:Who.Company', 'FIELD', '`Company` of `Lead`'],
  ])('%s: %s', async (on, column, code, text) => {
    const { errors } = await check(on, ['Id', column], { operation: 'update' });
    expect(codes(errors)).toEqual([`HEADER_RELATIONSHIP_${code}@2`]);
    expect(errors[0]?.message).toContain(text);
    expect(errors[0]?.message).toMatch(/[^.?][.?]$/);
  });

  it('reports an unneeded object and a wrong field at once', async () => {
    const { errors } = await check('Contact', ['LastName', 'User:Owner.Alias']);
    expect(codes(errors)).toEqual(['HEADER_RELATIONSHIP_TYPE_NOT_NEEDED@2', 'HEADER_RELATIONSHIP_FIELD@2']);
  });

  it('omits the object of a mapped column if it is the only one, as a Data Loader mapping always names it', async () => {
    const mapped = async (on: string, name: string): Promise<[string[], string | undefined]> => {
      const { errors, names } = await check(on, ['Id', name], { operation: 'update', titles: ['Id', 'Mail'] });
      return [codes(errors), names[1]];
    };
    expect(await mapped('Contact', 'user:Owner.Email')).toEqual([[], 'Owner.Email']);
    expect(await mapped('Case', 'User:Owner.Email')).toEqual([[], 'User:Owner.Email']);
    expect((await mapped('Contact', 'Group:Owner.Email'))[0]).toEqual(['HEADER_RELATIONSHIP_TYPE_NOT_NEEDED@2']);
  });

  it('continues with a warning if the parent object is not visible', async () => {
    const columns = ['LastName', 'account.External_id__c'];
    const report = await check('Contact', columns, { describeOf: () => Promise.resolve(undefined) });
    expect([codes(report.errors), codes(report.warnings)]).toEqual([[], ['HEADER_RELATIONSHIP_UNCHECKED@2']]);
    expect(report.names).toEqual(['LastName', 'Account.External_id__c']);
    const on = withFields('Contact', { name: 'AccountId', referenceTo: [] });
    expect(codes((await check(on, columns)).warnings)).toEqual(['HEADER_RELATIONSHIP_UNCHECKED@2']);
  });

  it('reads each object once, and not the loaded one', async () => {
    const asked: string[] = [];
    await check('Contact', ['LastName', 'Owner.Email', 'Owner.Username', 'ReportsTo.External_Id__c', 'Account.Id'], {
      describeOf: (name) => {
        asked.push(name);
        return Promise.resolve(objects.get(name));
      },
    });
    expect(asked).toEqual(['User', 'Account']);
  });
});

describe('size', () => {
  const many = (count: number, length: number): ObjectDescribe => {
    const fields = Array.from({ length: count }, (_, i) => ({ ...BLANK, name: `F${i}`.padEnd(length, '_') }));
    return { ...object('Account'), fields };
  };

  it.each([
    [5000, 5, []],
    [5001, 5, ['HEADER_TOO_MANY_COLUMNS']],
    [3, 10_666, []],
    [3, 10_667, ['HEADER_TOO_LONG']],
  ])('%i columns of %i letters', async (count, length, errors) => {
    const on = many(count, length);
    expect(
      codes(
        (
          await check(
            on,
            on.fields.map(({ name }) => name),
          )
        ).errors,
      ),
    ).toEqual(errors);
  });

  it('stays fast when thousands of columns are unknown', async () => {
    const on = many(1000, 20);
    const columns = Array.from({ length: 5000 }, (_, i) => `Unknown column ${i}`);
    const start = performance.now();
    expect((await check(on, columns)).errors).toHaveLength(5001);
    expect(performance.now() - start).toBeLessThan(20_000);
  }, 60_000);
});

describe('against the simulated org', () => {
  const writes = ['insert', 'update', 'upsert'] as const;
  const keyed = ['Account', 'Contact', 'Lead', 'Case'] as const;

  it('accepts any header of writable fields, in any letter case and order', async () => {
    const cased = fc.infiniteStream(fc.boolean());
    const chosen = fc.record({ on: fc.constantFrom(...keyed), operation: fc.constantFrom(...writes) }).chain((load) => {
      const may = (field: FieldDescribe): boolean =>
        (load.operation === 'update' || field.createable) && (load.operation === 'insert' || field.updateable);
      const all = object(load.on).fields.filter(may);
      const needed = all.filter(
        ({ name, nillable, defaultedOnCreate }) => (!nillable && !defaultedOnCreate) || name === 'External_Id__c',
      );
      const more = fc.subarray(all.filter((field) => !needed.includes(field)));
      const fields = more.map((some) => [
        ...(load.operation === 'update' ? ['Id'] : []),
        ...[...needed, ...some].map(({ name }) => name),
      ]);
      return fc.record({
        load: fc.constant(load),
        names: fields.chain((some) => fc.shuffledSubarray(some, { minLength: some.length })),
      });
    });
    await fc.assert(
      fc.asyncProperty(chosen, cased, async ({ load, names }, capitals) => {
        const columns = names.map((name) =>
          [...name].map((c) => (capitals.next().value ? c.toUpperCase() : c.toLowerCase())).join(''),
        );
        const report = await check(load.on, columns, { operation: load.operation });
        expect(report).toMatchObject({ errors: [], warnings: [], names });
      }),
      { numRuns: 300 },
    );
  });

  it('refuses exactly the headers that fail a job', async () => {
    // The platform does not check these in a header alone, or only finds them in rows.
    const beyond = /SAME_FIELD|NOT_WRITABLE|REQUIRED|ID_ON_|ONLY_ON/;
    const pool = [
      ...[
        'Id',
        'Name',
        'LastName',
        'subject',
        'External_Id__c',
        'EXTERNAL_ID__C',
        'Phone',
        'Last Name',
        'Foo',
        'Owner',
      ],
      ...[
        'OwnerId',
        'Owner.Email',
        'User:Owner.Email',
        'Group:Owner.DeveloperName',
        'Group:Owner.Email',
        'Owner:User.Email',
      ],
      ...['Account.External_Id__c', 'account.name', 'Account:Account.External_Id__c', 'Account.Parent.External_Id__c'],
      ...['Contact.Email', 'Parent.External_Id__c', 'Parent.Name', 'Who.Email', 'lead:who.email', 'AccountId.Id'],
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...keyed, 'Task'),
        fc.constantFrom(...writes),
        fc.array(fc.constantFrom(...pool), { minLength: 1, maxLength: 5 }),
        async (on, operation, columns) => {
          fc.pre(on !== 'Task' || operation !== 'upsert');
          const table = org.table(on);
          if (table === undefined) throw new Error(on);
          const key = operation === 'upsert' ? { externalIdFieldName: 'External_Id__c' } : {};
          const rules = { operation, ...key, deleteColumns: 'refuse', columnTwice: 'refuse' } as const;
          const { errors, names } = await check(on, columns, { operation, ...key });
          const refused = errors.filter(({ code }) => !beyond.test(code));
          expect(typeof readHeader(org, table, rules, columns) === 'string').toBe(refused.length > 0);
          if (refused.length === 0) expect(readHeader(org, table, rules, names)).toBeInstanceOf(Array);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('suggestions', () => {
  it('counts edits like the plain definition, up to its limit', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(text, text, fc.nat({ max: 8 }), (a, b, bound) => {
        const plain = plainDistance(a, b);
        expect(editDistance(a, b, bound)).toBe(plain > bound ? undefined : plain);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, string | undefined]>([
    ['Emial', 'Email__c'],
    ['SIC', 'Sic'],
    ['Fox', undefined],
    ['Legacy-Number', 'Legacy_Number__c'],
    ['Zustand', undefined],
    ['!!!', undefined],
    ['', undefined],
  ])('"%s" is %s', (wanted, meant) => {
    expect(nearest(wanted, candidatesOf(object('Account').fields))).toBe(meant);
  });

  it("recognizes a managed package's fields without the package", () => {
    const fields = candidatesOf([{ name: 'acme_1__Cost_Center__c', label: 'CC' }]);
    expect(nearest('Cost Center', fields)).toBe('acme_1__Cost_Center__c');
    expect(nearest('acme_1__CostCentre__c', fields)).toBe('acme_1__Cost_Center__c');
  });
});

/** Insert, delete, replace, swap of neighbors: as defined, without shortcuts. */
function plainDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const replaced = plainDistance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1);
  const swapped =
    a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]
      ? plainDistance(a.slice(2), b.slice(2)) + 1
      : replaced;
  return Math.min(replaced, swapped, plainDistance(a.slice(1), b) + 1, plainDistance(a, b.slice(1)) + 1);
}
