import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { SalesforceConnection } from '../../../../src/salesforce/bulk-client.js';
import type { ApiContext } from '../../../../src/salesforce/http/call-context.js';
import type { SalesforceError } from '../../../../src/salesforce/errors/salesforce-error.js';
import { isInvalidJobState, isMultipleContents } from '../../../../src/salesforce/errors/salesforce-error.js';
import { Secret } from '../../../../src/salesforce/auth/secret.js';
import { readyToken } from '../../../../src/salesforce/auth/token-source.js';
import {
  bodyOf,
  connectTo,
  errorOf,
  failure,
  JOB,
  json,
  refusal,
  startOrg,
  TOKEN,
  watch,
} from '../../../helpers/salesforce.js';

type Call = (connection: SalesforceConnection, context: ApiContext) => Promise<unknown>;

const create: Call = (connection, context) => connection.createJob({ object: 'X', operation: 'insert' }, context);
const close: Call = (connection, context) => connection.closeJob(JOB, context);
const look: Call = (connection, context) => connection.getJob(JOB, context);
const results: Call = (connection, context) => connection.openResult(JOB, 'failedResults', context);
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
  [
    look,
    403,
    'REQUEST_LIMIT_EXCEEDED',
    'ConcurrentRequests (Concurrent API Requests) Limit exceeded.',
    'CONCURRENT_LIMIT',
    true,
  ],
  [create, 403, 'REQUEST_LIMIT_EXCEEDED', 'ConcurrentPerOrgLongTxn Limit exceeded.', 'CONCURRENT_LIMIT', true],
  [create, 400, 'LIMIT_EXCEEDED', 'Limit exceeded.', 'LIMIT_EXCEEDED', true],
  [create, 400, 'TXN_SECURITY_METERING_ERROR', 'Timed out.', 'TXN_SECURITY_METERING', false],
  [close, 400, 'UNABLE_TO_LOCK_ROW', 'unable to obtain exclusive access to this record', 'UNABLE_TO_LOCK_ROW', true],
  [create, 403, 'API_DISABLED_FOR_ORG', 'API is not enabled', 'API_DISABLED', false],
  [create, 403, 'API_CURRENTLY_DISABLED', 'API is disabled for this User', 'API_DISABLED', false],
  // Reads about a running job are retried for as long as an outage may take.
  [look, 403, 'API_CURRENTLY_DISABLED', 'API is disabled for this User', 'API_DISABLED', true],
  [look, 400, 'TXN_SECURITY_METERING_ERROR', 'Timed out.', 'TXN_SECURITY_METERING', true],
  [results, 400, 'INVALIDJOBSTATE', 'Results are not yet available', 'INVALID_JOB_STATE', true],
  [results, 404, 'NOT_FOUND', 'The requested resource does not exist', 'JOB_NOT_FOUND', false],
  [look, 500, 'UNKNOWN_EXCEPTION', 'An unexpected error occurred', 'SALESFORCE_UNKNOWN_EXCEPTION', true],
  [look, 503, 'SERVER_UNAVAILABLE', 'Busy', 'SERVER_UNAVAILABLE', true],
  [look, 400, 'SERVER_UNAVAILABLE', 'Busy', 'SERVER_UNAVAILABLE', true],
  [close, 400, 'Odd-Code x', 'Never seen', 'SALESFORCE_HTTP_400', false],
  [describeX, 404, 'NOT_FOUND', 'The requested resource does not exist', 'OBJECT_NOT_FOUND', false],
  [limits, 403, 'INSUFFICIENT_ACCESS', 'No', 'SALESFORCE_INSUFFICIENT_ACCESS', false],
];

describe('the meaning of a refusal', () => {
  it.each(TABLE)('%o HTTP %i %s %s → %s', async (call, status, errorCode, message, code, retryable) => {
    const org = await startOrg((_request, response) => refusal(response, status, errorCode, message));
    const error = await failure(call(connectTo(org), watch()));
    const shown = errorCode === 'Odd-Code x' ? undefined : errorCode;
    expect(error).toMatchObject({ code, retryable, httpStatus: status, errorCode: shown });
    // The platform's text is for files; people get our own text everywhere else.
    expect(error['detail']).toBe(`${errorCode}: ${message}`);
    const said = shown ?? 'with a code of unknown format';
    expect(error['message']).toMatch(new RegExp(`HTTP ${status} ${said} to ${String(error['request'])}\\. \\w.{20}`));
    expect(error['message']).not.toContain(message);
  });

  it.each([
    ['JOB_NOT_FOUND', look, 404, 'NOT_FOUND', 600_000],
    ['JOB_NOT_FOUND', close, 404, 'NOT_FOUND', 600_000],
    ['OBJECT_NOT_FOUND', describeX, 404, 'NOT_FOUND', 2_500],
    ['API_DISABLED', create, 403, 'API_DISABLED_FOR_ORG', 2_500],
    ['TXN_SECURITY_METERING', create, 400, 'TXN_SECURITY_METERING_ERROR', 600_000],
    ['SALESFORCE_ODD', close, 400, 'ODD', 2_500],
    ['CONCURRENT_LIMIT', create, 403, 'REQUEST_LIMIT_EXCEEDED', 0],
  ])('%s is final only when it has been repeated', async (code, call, status, errorCode, believedAfterMs) => {
    const org = await startOrg((_request, response) => refusal(response, status, errorCode, 'Concurrent'));
    const error = await failure(call(connectTo(org), watch()));
    expect(error).toMatchObject({ code, believedAfterMs });
    expect(error['message']).not.toContain('will be refused again');
  });

  it('names the permission that resolves errors of transaction security', async () => {
    const org = await startOrg((_request, response) => refusal(response, 400, 'TXN_SECURITY_METERING_ERROR', 'x'));
    expect((await failure(create(connectTo(org), watch())))['message']).toContain('"Exempt from Transaction Security"');
  });

  it('names the request, for people who read a log', async () => {
    const org = await startOrg((_request, response) => refusal(response, 400, 'INVALIDJOBSTATE', 'no'));
    const error = await failure(connectTo(org).closeJob(JOB, watch()));
    expect(error['request']).toBe(`PATCH /services/data/v66.0/jobs/ingest/${JOB}`);
  });

  it('parses Retry-After as seconds and as a date', async () => {
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

  it('gives the close the information that it needs', async () => {
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

  it('marks a change as undecided after a 5xx, but not a read or a clear refusal', async () => {
    const org = await startOrg((_request, response) => json(response, 502, []));
    const connection = connectTo(org);
    expect(await failure(close(connection, watch()))).toMatchObject({ retryable: true, maybeApplied: true });
    expect(await failure(look(connection, watch()))).toMatchObject({ retryable: true, maybeApplied: false });
    const refusing = await startOrg((_request, response) => refusal(response, 400, 'INVALIDJOB', 'no'));
    const refused = await failure(create(connectTo(refusing), watch()));
    expect(refused).toMatchObject({ retryable: false, maybeApplied: false });
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

describe('a reply without a platform code', () => {
  const CALLS: [string, Call, applied: boolean][] = [
    ['versions', (connection, context) => connection.versions(context), false],
    ['describe', describeX, false],
    ['limits', limits, false],
    ['list', (connection, context) => connection.listJobs(context).next(), false],
    ['create', create, true],
    [
      'upload',
      (connection, context) => connection.uploadJobData(JOB, 4, () => Readable.from([Buffer.from('a\nb\n')]), context),
      true,
    ],
    ['close', close, true],
    ['abort', (connection, context) => connection.abortJob(JOB, context), true],
    ['info', look, false],
    ['results', results, false],
  ];
  const BODIES: [string, type: string, text: string, shown: string][] = [
    ['an empty body', 'text/plain', '', 'an empty body'],
    ['an HTML page', 'text/html', '<html><title>Down for\nmaintenance</title></html>', 'an HTML page'],
    ['plain text', 'text/plain', 'Not today', 'text that is not JSON'],
    ['JSON of a proxy', 'application/json', '{"errorCode":4711,"message":"blocked"}', 'JSON of another shape'],
  ];

  describe.each(CALLS)('%s', (_name, call, applied) => {
    it.each(BODIES)('%s: transient, whatever its status', async (_what, type, text, shown) => {
      for (const status of [302, 400, 403, 404, 406, 407, 415, 429, 502]) {
        const org = await startOrg(async (request, response) => {
          await bodyOf(request);
          response.writeHead(status, { 'content-type': type }).end(text);
        });
        const error = await failure(call(connectTo(org), watch()));
        const code = status < 400 ? 'SALESFORCE_REDIRECT' : `SALESFORCE_HTTP_${status}`;
        expect(error).toMatchObject({ code, retryable: true, httpStatus: status, errorCode: undefined });
        expect(error['maybeApplied']).toBe(applied);
        expect(error['message']).toMatch(/instance URL/);
        expect(error['message']).toContain('proxy');
        if (status >= 400) expect(error['message']).toContain(` with ${shown} to `);
        expect(error['message']).not.toMatch(/Down for|Not today|blocked/);
      }
    });
  });

  it('401 renews the token; a change is not sent twice because of it', async () => {
    const org = await startOrg(async (request, response) => {
      await bodyOf(request);
      if (request.headers.authorization === `Bearer ${TOKEN}`) response.writeHead(401).end();
      else json(response, 200, { id: JOB, state: 'Open' });
    });
    const connection = connectTo(org);
    const expected = { code: 'SALESFORCE_HTTP_401', retryable: true, maybeApplied: true };
    expect(await failure(create(connection, watch()))).toMatchObject(expected);
    expect(org.received).toHaveLength(1);
    await look(connection, watch());
    expect(org.received).toHaveLength(2);
  });

  it('401 does not expire a ready-made token, which only the platform may report', async () => {
    const org = await startOrg((_request, response) => void response.writeHead(401).end('<html>who?</html>'));
    const error = await failure(look(connectTo(org, { tokens: readyToken(org.url, new Secret('T0')) }), watch()));
    expect(error).toMatchObject({ code: 'SALESFORCE_HTTP_401', retryable: true });
  });

  it('404 for the list of versions is retried before a version is used without it', async () => {
    let asked = 0;
    const org = await startOrg((_request, response) => {
      if (++asked === 1) response.writeHead(404, { 'content-type': 'text/html' }).end('<html>gone</html>');
      else json(response, 200, [{ version: '58.0' }]);
    });
    expect(await connectTo(org).resolveApiVersion(watch())).toBe('v58.0');
    const never = await startOrg((_request, response) => void response.writeHead(404).end());
    expect(await connectTo(never).resolveApiVersion(watch())).toBe('v66.0');
    expect(never.received).toHaveLength(3);
  });
});

describe('an upload', () => {
  it.each([
    [200, 'application/json', ''],
    [200, 'text/html', '<html>welcome</html>'],
    [201, 'text/html', '<html>welcome</html>'],
    [204, 'text/plain', ''],
  ])('is not stored if HTTP %i %s %s comes instead of 201', async (status, type, text) => {
    const org = await startOrg(async (request, response) => {
      await bodyOf(request);
      response.writeHead(status, { 'content-type': type }).end(text);
    });
    const sent = connectTo(org).uploadJobData(JOB, 4, () => Readable.from([Buffer.from('a\nb\n')]), watch());
    expect(await failure(sent)).toMatchObject({
      code: 'SALESFORCE_UNEXPECTED_REPLY',
      retryable: true,
      maybeApplied: true,
    });
  });
});

describe('an invalid success', () => {
  it.each([
    ['an HTML page', 'text/html', '<!DOCTYPE html><html><title>Maintenance</title></html>', 'an HTML page'],
    ['an empty body', 'application/json', '', 'an empty body'],
    ['half a JSON', 'application/json', '{"id":"750', 'text that is not JSON'],
    ['JSON of another shape', 'application/json', '{"hello":1}', 'JSON of another shape'],
    ['plain text', 'text/plain', 'OK', 'text that is not JSON'],
  ])('%s is retryable and may have been applied', async (_name, type, text, words) => {
    const org = await startOrg((_request, response) => {
      response.writeHead(200, { 'content-type': type }).end(text);
    });
    const connection = connectTo(org);
    const expected = {
      code: 'SALESFORCE_UNEXPECTED_REPLY',
      retryable: true,
      httpStatus: 200,
      message: expect.stringContaining(`with ${words}, which the API does not send`) as string,
      detail: text === '' ? undefined : text,
    };
    expect(await failure(close(connection, watch()))).toMatchObject({ ...expected, maybeApplied: true });
    expect(await failure(look(connection, watch()))).toMatchObject({ ...expected, maybeApplied: false });
  });
});

describe('redirects', () => {
  it('are not followed, and the token is sent nowhere else', async () => {
    const other = await startOrg((_request, response) => json(response, 200, { id: JOB, state: 'Open' }));
    const org = await startOrg((_request, response) => {
      response.writeHead(302, { location: `${other.url}/login?sid=secret` }).end();
    });
    const context = watch();
    const error = await failure(connectTo(org).getJob(JOB, context));
    expect(error).toMatchObject({ code: 'SALESFORCE_REDIRECT', retryable: true, httpStatus: 302, maybeApplied: false });
    expect(error['message']).not.toContain(other.url);
    expect(error['detail']).toBe(`to ${other.url}`);
    expect(other.received).toEqual([]);
    expect(context.kinds).toEqual(['info']);
  });
});

describe('secrets', () => {
  it('stay out of errors even if the server repeats them', async () => {
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
    expect(shown).not.toContain('You sent');
    expect((error as SalesforceError).detail).toBe('UNKNOWN_EXCEPTION: You sent Bearer [secret] and [secret]');
    for (const part of [TOKEN, 'first.token', 'AQ4AQ']) expect(shown).not.toContain(part);
    expect(inspect(connection, { depth: null, showHidden: true })).not.toContain('first.token');
  });

  it('stay out of codes too, and codes stay short', async () => {
    const org = await startOrg((request, response) =>
      refusal(response, 400, `X ${request.headers.authorization} ${'y'.repeat(20_000)}`, 'no'),
    );
    const error = await failure(connectTo(org).getJob(JOB, watch()));
    expect(error['errorCode']).toBeUndefined();
    expect(error['code']).toBe('SALESFORCE_HTTP_400');
    expect(String(error['message']).length).toBeLessThan(400);
    expect(JSON.stringify(error)).not.toContain('first.token');
  });

  it('of few letters do not change the meaning of a refusal', async () => {
    const org = await startOrg((_request, response) => refusal(response, 403, 'REQUEST_LIMIT_EXCEEDED', 'no'));
    const tokens = readyToken(org.url, new Secret('T'));
    expect(await failure(connectTo(org, { tokens }).getJob(JOB, watch()))).toMatchObject({
      code: 'REQUEST_LIMIT_EXCEEDED',
      retryable: true,
    });
  });
});
