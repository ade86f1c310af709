/** How a worker identifies itself in each call, and what replies announce about the API version. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDeprecation, retiringVersion } from '../../../../src/salesforce/resources/version-retirement.js';
import type { Deprecation } from '../../../../src/salesforce/resources/version-retirement.js';
import { connectTo, JOB, startOrg, watch } from '../../../helpers/salesforce.js';

const PATH = '/services/data/v41.0/limits';
const removed = (when: string): string => `299 - "This API is deprecated and will be removed by ${when}."`;

describe('the header Warning: 299 of a retiring API version', () => {
  it.each([
    [removed("Summer '28"), "Summer '28"],
    [removed('summer 2028'), "Summer '28"],
    [removed('Winter 28'), "Winter '28"],
    [removed('2028-06-01'), '2028-06-01'],
    [removed('JUNE 2028'), 'June 2028'],
    [removed('June 1, 2028'), 'June 1, 2028'],
    [removed('the next full moon'), undefined],
    ['299 api.salesforce.com "Version retired soon"', undefined],
    [`110 - "stale", ${removed("Spring '29")}`, "Spring '29"],
  ])('%s', (header, end) => {
    const found: Deprecation = { version: 'v41.0', ...(end !== undefined && { end }) };
    expect(parseDeprecation(header, PATH)).toEqual(found);
    expect(parseDeprecation([header], PATH)).toEqual(found);
  });

  it.each([
    ['none', undefined, PATH],
    ['another warning', '299 - "The response is truncated"', PATH],
    ['another code', '199 - "This API is deprecated"', PATH],
    ['a path without a version', removed("Summer '28"), '/services/data'],
  ])('%s announces nothing', (_name, header, path) => {
    expect(parseDeprecation(header, path)).toBeUndefined();
  });

  it('becomes our own text, however long and unusual its text is', () => {
    const text = `299 - "This API is deprecated; \u001b[31mcall 555-0100 ${'x'.repeat(60_000)} removed by Summer '28"`;
    expect(retiringVersion(parseDeprecation(text, PATH) as Deprecation)).toBe(
      'Salesforce will retire API version v41.0 (no date is given); loads that use it will then fail. ' +
        'Set SF_API_VERSION, or apiVersion in the connections file, to a newer version, or remove it.',
    );
  });

  it('is read from refusals too', async () => {
    const org = await startOrg((_request, response) => {
      response.writeHead(503, { warning: removed("Summer '28") }).end();
    });
    const seen: Deprecation[] = [];
    const call = connectTo(org).limits({ ...watch(), onDeprecation: (one) => void seen.push(one) });
    await expect(call).rejects.toThrow();
    expect(seen).toEqual([{ version: 'v66.0', end: "Summer '28" }]);
  });
});

it('every call names the client and its version', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const org = await startOrg((_request, response) => void response.writeHead(404).end());
  const connection = connectTo(org);
  const context = watch();
  const spec = { object: 'Account', operation: 'insert' } as const;
  const listed = async (): Promise<void> => {
    for await (const _job of connection.listJobs(context)) break;
  };
  const body = (): AsyncIterable<Buffer> =>
    (async function* () {
      yield await Promise.resolve(Buffer.from('x'));
    })();
  await Promise.allSettled([
    connection.versions(context),
    connection.createJob(spec, context),
    connection.uploadJobData(JOB, 1, body, context),
    connection.closeJob(JOB, context),
    connection.abortJob(JOB, context),
    connection.getJob(JOB, context),
    connection.openResult(JOB, 'failedResults', context),
    listed(),
    connection.describe('Account', context),
    connection.limits(context),
    connection.mayHardDelete(context),
  ]);
  expect(org.received).toHaveLength(11);
  for (const { headers } of org.received) expect(headers['sforce-call-options']).toBe(`client=nightload/${version}`);
});
