import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { SalesforceConnection } from '../../src/salesforce/connection.js';
import type { ApiContext } from '../../src/salesforce/context.js';
import { isInvalidJobState, isMultipleContents } from '../../src/salesforce/errors.js';
import { Secret } from '../../src/salesforce/secret.js';
import { readyToken } from '../../src/salesforce/tokens.js';
import { connectTo, errorOf, failure, JOB, json, refusal, startOrg, TOKEN, watch } from './support.js';

type Call = (connection: SalesforceConnection, context: ApiContext) => Promise<unknown>;

const create: Call = (connection, context) => connection.createJob({ object: 'X', operation: 'insert' }, context);
const close: Call = (connection, context) => connection.closeJob(JOB, context);
const look: Call = (connection, context) => connection.getJob(JOB, context);
const describeX: Call = (connection, context) => connection.describe('X', context);
const limits: Call = (connection, context) => connection.limits(context);

const MULTIPE =
  "Found multipe contents for job: <750000000000001>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.";

const TABLE: [call: Call, status: number, errorCode: string, message: string, code: string, retryable: boolean][] = [
  [create, 400, 'INVALIDJOB', 'InvalidJob : Unable to find object: X', 'OBJECT_NOT_FOUND', false],
  [
    create,
    400,
    'INVALIDJOB',
    'InvalidJob : Field name provided, Y does not match an External ID for X',
    'INVALID_EXTERNAL_ID_FIELD',
    false,
  ],
  [create, 400, 'INVALIDJOB', 'InvalidJob : something else', 'INVALID_JOB', false],
  [create, 400, 'INVALIDENTITY', "Entity 'X' is not supported by the Bulk API.", 'OBJECT_NOT_SUPPORTED', false],
  [
    create,
    400,
    'FEATURENOTENABLED',
    'hardDelete operation requires special user profile permission',
    'HARD_DELETE_NOT_ALLOWED',
    false,
  ],
  [create, 400, 'FEATURENOTENABLED', 'Not here', 'FEATURE_NOT_ENABLED', false],
  [create, 400, 'API_ERROR', "Invalid value: '' supplied for property: 'operation'", 'SALESFORCE_API_ERROR', false],
  [create, 400, 'EXCEEDEDQUOTA', 'ExceededQuota : ApiBatchItems Limit exceeded.', 'EXCEEDED_QUOTA', true],
  [create, 404, 'NOT_FOUND', 'The requested resource does not exist', 'API_NOT_FOUND', false],
  [create, 405, 'METHOD_NOT_ALLOWED', "HTTP Method 'POST' not allowed.", 'METHOD_NOT_ALLOWED', false],
  [close, 400, 'INVALIDJOB', MULTIPE, 'MULTIPLE_CONTENTS', false],
  [close, 400, 'BULK_API_ERROR', MULTIPE, 'MULTIPLE_CONTENTS', false],
  [close, 400, 'INVALIDJOBSTATE', 'Closing already Completed Job not allowed', 'INVALID_JOB_STATE', false],
  [close, 409, 'INVALID_JOB_STATE', 'Not now', 'INVALID_JOB_STATE', false],
  [look, 404, 'NOT_FOUND', 'The requested resource does not exist', 'JOB_NOT_FOUND', false],
  [look, 403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.', 'REQUEST_LIMIT_EXCEEDED', true],
  [look, 403, 'API_DISABLED_FOR_ORG', 'API is not enabled', 'API_DISABLED', false],
  [look, 403, 'API_CURRENTLY_DISABLED', 'API is disabled for this User', 'API_DISABLED', false],
  [look, 500, 'UNKNOWN_EXCEPTION', 'An unexpected error occurred', 'SALESFORCE_UNKNOWN_EXCEPTION', true],
  [look, 503, 'SERVER_UNAVAILABLE', 'Busy', 'SERVER_UNAVAILABLE', true],
  [look, 400, 'SERVER_UNAVAILABLE', 'Busy', 'SERVER_UNAVAILABLE', true],
  [look, 400, 'Odd-Code x', 'Never seen', 'SALESFORCE_ODD_CODE_X', false],
  [describeX, 404, 'NOT_FOUND', 'The requested resource does not exist', 'OBJECT_NOT_FOUND', false],
  [limits, 403, 'INSUFFICIENT_ACCESS', 'No', 'SALESFORCE_INSUFFICIENT_ACCESS', false],
];

describe('what a refusal means', () => {
  it.each(TABLE)('%o HTTP %i %s %s → %s', async (call, status, errorCode, message, code, retryable) => {
    const org = await startOrg((_request, response) => refusal(response, status, errorCode, message));
    const error = await failure(call(connectTo(org), watch()));
    expect(error).toMatchObject({ code, retryable, httpStatus: status, errorCode, platformMessage: message });
    // The platform's words end as a sentence, and a remedy follows: words of ours.
    const sentence = message.endsWith('.') ? message : `${message}.`;
    expect(error['message']).toContain(`HTTP ${status} ${errorCode} to ${String(error['request'])}: ${sentence} `);
    expect(String(error['message']).length).toBeGreaterThan(
      String(error['message']).indexOf(message) + message.length + 20,
    );
  });

  it.each([
    [408, true],
    [420, true],
    [429, true],
    [500, true],
    [502, true],
    [504, true],
    [400, false],
    [403, false],
    [404, false],
    [415, false],
  ])('judges HTTP %i without a readable body by its status', async (status, retryable) => {
    const org = await startOrg((_request, response) => {
      response
        .writeHead(status, { 'content-type': 'text/html' })
        .end('<html><title>Down for\nmaintenance</title></html>');
    });
    const error = await failure(connectTo(org).getJob(JOB, watch()));
    expect(error).toMatchObject({ code: `SALESFORCE_HTTP_${status}`, retryable, errorCode: undefined });
    expect(error['platformMessage']).toBe('an HTML page titled "Down for maintenance"');
  });

  it('names the request, for a person who looks into a log', async () => {
    const org = await startOrg((_request, response) => refusal(response, 400, 'INVALIDJOBSTATE', 'no'));
    const error = await failure(connectTo(org).closeJob(JOB, watch()));
    expect(error['request']).toBe(`PATCH /services/data/v66.0/jobs/ingest/${JOB}`);
  });

  it('reads Retry-After as seconds and as a date', async () => {
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    const values = ['7', inAMinute, 'soon'];
    const org = await startOrg((_request, response) =>
      json(response, 503, [], { 'retry-after': values.shift() ?? '' }),
    );
    const connection = connectTo(org);
    expect((await failure(connection.getJob(JOB, watch())))['retryAfterMs']).toBe(7000);
    const dated = Number((await failure(connection.getJob(JOB, watch())))['retryAfterMs']);
    expect(dated).toBeGreaterThan(50_000);
    expect(dated).toBeLessThanOrEqual(60_000);
    expect((await failure(connection.getJob(JOB, watch())))['retryAfterMs']).toBeUndefined();
  });

  it('tells the close what it must know', async () => {
    const answers: [number, string, string][] = [
      [400, 'INVALIDJOB', MULTIPE],
      [400, 'INVALIDJOBSTATE', 'Closing already Completed Job not allowed'],
      [500, 'UNKNOWN_EXCEPTION', 'x'],
    ];
    const org = await startOrg((_request, response) => refusal(response, ...(answers.shift() ?? [500, '', ''])));
    const connection = connectTo(org);
    const errors = [];
    for (let n = 0; n < 3; n += 1) errors.push(await errorOf(connection.closeJob(JOB, watch())));
    expect(errors.map(isMultipleContents)).toEqual([true, false, false]);
    expect(errors.map(isInvalidJobState)).toEqual([false, true, false]);
    expect(isInvalidJobState(new Error('INVALIDJOBSTATE'))).toBe(false);
  });

  it('says of a change that a 5xx leaves it open, and of a read or a clear refusal that it does not', async () => {
    const org = await startOrg((request, response) => json(response, request.url?.endsWith('ingest') ? 400 : 502, []));
    const connection = connectTo(org);
    expect(await failure(close(connection, watch()))).toMatchObject({ retryable: true, maybeApplied: true });
    expect(await failure(look(connection, watch()))).toMatchObject({ retryable: true, maybeApplied: false });
    expect(await failure(create(connection, watch()))).toMatchObject({ retryable: false, maybeApplied: false });
  });

  it('does not read an endless error page to its end', async () => {
    const org = await startOrg((_request, response) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      const timer = setInterval(() => response.write('x'.repeat(32_768)), 1);
      response.on('close', () => clearInterval(timer));
    });
    const error = await failure(connectTo(org).getJob(JOB, watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_HTTP_500', retryable: true });
    expect(String(error['message']).length).toBeLessThan(1000);
  });
});

describe('a success that is none', () => {
  it.each([
    [
      'an HTML page',
      'text/html',
      '<!DOCTYPE html><html><title>Maintenance</title></html>',
      'an HTML page titled "Maintenance"',
    ],
    ['an empty body', 'application/json', '', 'an empty body'],
    ['half a JSON', 'application/json', '{"id":"750', '{"id":"750'],
    ['JSON of another kind', 'application/json', '{"hello":1}', '{"hello":1}'],
  ])('%s is retryable and may have been applied', async (_name, type, text, words) => {
    const org = await startOrg((_request, response) => {
      response.writeHead(200, { 'content-type': type }).end(text);
    });
    const connection = connectTo(org);
    const expected = { code: 'SALESFORCE_UNEXPECTED_REPLY', retryable: true, httpStatus: 200, platformMessage: words };
    expect(await failure(close(connection, watch()))).toMatchObject({ ...expected, maybeApplied: true });
    expect(await failure(look(connection, watch()))).toMatchObject({ ...expected, maybeApplied: false });
  });
});

describe('redirects', () => {
  it('are not followed, and the token goes nowhere else', async () => {
    const other = await startOrg((_request, response) => json(response, 200, { id: JOB, state: 'Open' }));
    const org = await startOrg((_request, response) => {
      response.writeHead(302, { location: `${other.url}/login?sid=secret` }).end();
    });
    const context = watch();
    const error = await failure(connectTo(org).getJob(JOB, context));
    expect(error).toMatchObject({ code: 'SALESFORCE_REDIRECT', retryable: false, httpStatus: 302 });
    expect(error['message']).toContain(other.url);
    expect(error['message']).not.toContain('sid');
    expect(other.received).toEqual([]);
    expect(context.kinds).toEqual(['info']);
  });
});

describe('secrets', () => {
  it('stay out of errors even when the server repeats them', async () => {
    const org = await startOrg((request, response) =>
      refusal(
        response,
        500,
        'UNKNOWN_EXCEPTION',
        `You sent ${request.headers.authorization} and 00Dxx0000001gPLEAY!AQ4AQ.x_y`,
      ),
    );
    const connection = connectTo(org);
    const error = await errorOf(connection.getJob(JOB, watch()));
    const shown = `${inspect(error, { depth: null, showHidden: true })} ${JSON.stringify(error)} ${(error as Error).stack}`;
    expect(shown).toContain('You sent Bearer [secret] and [secret]');
    for (const part of [TOKEN, 'first.token', 'AQ4AQ']) expect(shown).not.toContain(part);
    expect(inspect(connection, { depth: null, showHidden: true })).not.toContain('first.token');
  });

  it('stay out of codes too, and codes stay short', async () => {
    const org = await startOrg((request, response) =>
      refusal(response, 400, `X ${request.headers.authorization} ${'y'.repeat(20_000)}`, 'no'),
    );
    const error = await failure(connectTo(org).getJob(JOB, watch()));
    expect(error['errorCode']).toBe(`X Bearer [secret] ${'y'.repeat(62)}`);
    expect(String(error['code'])).toMatch(/^SALESFORCE_X_BEARER_SECRET_Y+$/);
    expect(String(error['message']).length).toBeLessThan(400);
    expect(JSON.stringify(error)).not.toContain('first.token');
  });

  it('of few letters do not change what a refusal means', async () => {
    const org = await startOrg((_request, response) => refusal(response, 403, 'REQUEST_LIMIT_EXCEEDED', 'no'));
    const tokens = readyToken(org.url, new Secret('T'));
    expect(await failure(connectTo(org, { tokens }).getJob(JOB, watch()))).toMatchObject({
      code: 'REQUEST_LIMIT_EXCEEDED',
      retryable: true,
    });
  });
});
