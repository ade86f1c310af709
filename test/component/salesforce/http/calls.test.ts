import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ApiContext } from '../../../../src/salesforce/http/call-context.js';
import { bodyOf, connectTo, failure, JOB, json, startOrg, TOKEN, watch } from '../../../helpers/salesforce.js';

const job = {
  id: JOB,
  operation: 'upsert',
  object: 'Account',
  state: 'Open',
  apiVersion: 66.0,
  concurrencyMode: 'Parallel',
};

describe('creating a job', () => {
  it('sends what the platform documents, and nothing else', async () => {
    const bodies: unknown[] = [];
    const org = await startOrg(async (request, response) => {
      bodies.push(JSON.parse(await bodyOf(request)));
      json(response, 200, { ...job, externalIdFieldName: 'Code__c', contentUrl: 'services/data/v66.0/jobs/x/batches' });
    });
    const context = watch();

    const created = await connectTo(org).createJob(
      {
        object: 'Account',
        operation: 'upsert',
        externalIdFieldName: 'Code__c',
        lineEnding: 'CRLF',
        columnDelimiter: 'PIPE',
      },
      context,
    );

    expect(bodies).toEqual([
      {
        object: 'Account',
        operation: 'upsert',
        externalIdFieldName: 'Code__c',
        contentType: 'CSV',
        columnDelimiter: 'PIPE',
        lineEnding: 'CRLF',
      },
    ]);
    expect(org.received[0]).toMatchObject({
      method: 'POST',
      url: '/services/data/v66.0/jobs/ingest',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    });
    expect(created).toEqual({
      id: JOB,
      state: 'Open',
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'Code__c',
      apiVersion: '66.0',
    });
    expect(context.kinds).toEqual(['create']);
  });

  it('omits the external id field if the operation is not upsert, and accepts 201', async () => {
    let sent: unknown;
    const org = await startOrg(async (request, response) => {
      sent = JSON.parse(await bodyOf(request));
      json(response, 201, job);
    });
    await connectTo(org).createJob(
      { object: 'Case', operation: 'insert', externalIdFieldName: 'Code__c', assignmentRuleId: '01Q1' },
      watch(),
    );
    expect(sent).toEqual({
      object: 'Case',
      operation: 'insert',
      assignmentRuleId: '01Q1',
      contentType: 'CSV',
      columnDelimiter: 'COMMA',
      lineEnding: 'LF',
    });
  });
});

describe('changing and reading a job', () => {
  it('closes, aborts and reads, each with one request of its own kind', async () => {
    const states: unknown[] = [];
    const org = await startOrg(async (request, response) => {
      const text = await bodyOf(request);
      if (text !== '') states.push([request.method, JSON.parse(text)]);
      json(response, 200, {
        ...job,
        numberRecordsProcessed: '12',
        numberRecordsFailed: 3,
        retries: 0,
        state: 'InProgress',
      });
    });
    const connection = connectTo(org);
    const context = watch();

    await connection.closeJob(JOB, context);
    await connection.abortJob(JOB, context);
    const looked = await connection.getJob(JOB, context);

    expect(states).toEqual([
      ['PATCH', { state: 'UploadComplete' }],
      ['PATCH', { state: 'Aborted' }],
    ]);
    expect(looked).toMatchObject({
      state: 'InProgress',
      numberRecordsProcessed: 12,
      numberRecordsFailed: 3,
      retries: 0,
    });
    expect(looked).not.toHaveProperty('errorMessage');
    expect(context.kinds).toEqual(['close', 'abort', 'info']);
    expect(org.received.map(({ url }) => url)).toEqual(Array(3).fill(`/services/data/v66.0/jobs/ingest/${JOB}`));
  });

  it.each([
    '../../limits?x=1',
    '..',
    '',
    '750000000000001AAA/../750000000000002AAA',
    '750000000000001AAA?x=1',
    '750000000000001AAA\n',
    '750000000000001%2F',
    `750${'0'.repeat(100_000)}`,
  ])('sends no request for the job id %j', async (id) => {
    const org = await startOrg((_request, response) => json(response, 200, job));
    const refused = { code: 'REQUEST_REFUSED', retryable: false };
    const connection = connectTo(org);
    for (const call of [
      () => connection.getJob(id, watch()),
      () => connection.abortJob(id, watch()),
      () => connection.closeJob(id, watch()),
      () => connection.openResult(id, 'failedResults', watch()),
      () => connection.uploadJobData(id, 1, () => Readable.from(['x']), watch()),
    ]) {
      await expect(call()).rejects.toMatchObject(refused);
    }
    expect(org.received).toEqual([]);
  });

  it.each(['v66.0/query?q=SELECT+Id+FROM+User&x=', 'v66.0/../apexrest', '66.0', 'v66.0 ', 'v6.0', ''])(
    'sends no request for the API version %j',
    async (apiVersion) => {
      const org = await startOrg((_request, response) => json(response, 200, job));
      const connection = connectTo(org);
      for (const call of [
        () => connection.getJob(JOB, { ...watch(), apiVersion }),
        () => connection.describe('Account', { ...watch(), apiVersion }),
        () => connection.limits({ ...watch(), apiVersion }),
        () => connection.mayHardDelete({ ...watch(), apiVersion }),
        () => connection.listJobs({ ...watch(), apiVersion }).next(),
        () => connection.createJob({ object: 'Account', operation: 'insert' }, { ...watch(), apiVersion }),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
      }
      expect(org.received).toEqual([]);
    },
  );

  it.each(['../Account', '..', 'Account/x', 'Account?x', ''])(
    'describes no object with the name %j',
    async (object) => {
      const org = await startOrg((_request, response) => json(response, 200, job));
      await expect(connectTo(org).describe(object, watch())).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
      expect(org.received).toEqual([]);
    },
  );

  it('refuses a reply whose job id is invalid', async () => {
    const org = await startOrg((_request, response) => json(response, 200, { ...job, id: '../../limits' }));
    await expect(connectTo(org).getJob(JOB, watch())).rejects.toMatchObject({ code: 'SALESFORCE_UNEXPECTED_REPLY' });
  });
});

describe('describe and limits', () => {
  it('reads fields tolerantly', async () => {
    const org = await startOrg((_request, response) =>
      json(response, 200, {
        name: 'Account',
        createable: true,
        fields: [
          {
            name: 'Code__c',
            type: 'string',
            length: 18,
            externalId: true,
            unique: true,
            createable: true,
            nillable: false,
          },
          {
            name: 'Rating',
            picklistValues: [{ value: 'Hot', active: true }, { label: 'no value' }],
            restrictedPicklist: true,
          },
          { name: 'OwnerId', relationshipName: 'Owner', referenceTo: ['Group', 'User'] },
          'not a field',
        ],
      }),
    );
    const context = watch();
    const account = await connectTo(org).describe('Account', context);

    expect(account).toMatchObject({ name: 'Account', label: 'Account', createable: true, updateable: true });
    expect(account.fields.map(({ name }) => name)).toEqual(['Id', 'Code__c', 'Rating', 'OwnerId']);
    expect(account.fields[1]).toMatchObject({ length: 18, externalId: true, unique: true, nillable: false, scale: 0 });
    // Missing values in a reply never cause a refusal.
    expect(account.fields[2]).toMatchObject({ createable: true, updateable: true, nillable: true, calculated: false });
    expect(account.fields[2]?.picklistValues).toEqual([{ value: 'Hot', active: true }]);
    expect(account.fields[3]).toMatchObject({ relationshipName: 'Owner', referenceTo: ['Group', 'User'] });
    expect(org.received[0]?.url).toBe('/services/data/v66.0/sobjects/Account/describe');
    expect(context.kinds).toEqual(['describe']);
  });

  it('reads limits and skips invalid ones', async () => {
    const org = await startOrg((_request, response) =>
      json(response, 200, { DailyApiRequests: { Max: 15000, Remaining: 14990, 'My App': { Max: 1 } }, Odd: 'text' }),
    );
    expect(await connectTo(org).limits(watch())).toEqual({ DailyApiRequests: { max: 15000, remaining: 14990 } });
  });
});

describe('Sforce-Limit-Info', () => {
  it('reaches the caller by key, from refusals too', async () => {
    const org = await startOrg((request, response) =>
      request.url?.endsWith('limits')
        ? json(
            response,
            200,
            {},
            { 'sforce-limit-info': 'api-usage=18/5000; per-app-api-usage=17/250(appName=sample app)' },
          )
        : json(response, 404, [], { 'Sforce-Limit-Info': 'api-usage=19/5000' }),
    );
    const connection = connectTo(org);
    const context = watch();
    await connection.limits(context);
    await failure(connection.getJob(JOB, context));
    expect(context.limits).toEqual([
      { 'api-usage': { used: 18, max: 5000 }, 'per-app-api-usage': { used: 17, max: 250 } },
      { 'api-usage': { used: 19, max: 5000 } },
    ]);
  });
});

describe('counting requests', () => {
  it('counts every request that reaches the instance, including refused ones, and none that could not be sent', async () => {
    const org = await startOrg((_request, response) => json(response, 500, []));
    const context = watch();
    const connection = connectTo(org);
    await failure(connection.getJob(JOB, context));
    await failure(connection.getJob(JOB, context));
    expect(context.kinds).toEqual(['info', 'info']);
    expect(org.received).toHaveLength(2);

    const nobody: ApiContext & { kinds: unknown[] } = watch();
    await failure(connectTo({ url: 'http://127.0.0.1:1' }).getJob(JOB, nobody));
    expect(nobody.kinds).toEqual([]);
  });
});
