/** A simulated org holds five million records in two gigabytes, and no poll takes a second, at the highest speed. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { nightload } from '../helpers/run-cli.js';

const INGEST = '/services/data/v66.0/jobs/ingest';
/** Each below the limit of an upload. */
const JOBS = 8;
const ROWS = 625_000;

it('loads five million records', async () => {
  const command = nightload(['simulator', '--speed', '1000000000']);
  try {
    await expect.poll(() => command.stdout() + command.stderr(), { timeout: 30_000 }).toContain('x-simulator-key');
    const said = command.stdout() + command.stderr();
    const [, url = '', token = ''] = /SF_INSTANCE_URL=(\S+) SF_ACCESS_TOKEN='([^']+)'/.exec(said) ?? [];
    let slowest = 0;
    const ask = async (method: string, path: string, body?: string | Buffer, type = 'application/json') => {
      const begun = performance.now();
      const headers = { authorization: `Bearer ${token}`, 'content-type': type };
      const reply = await fetch(url + path, { method, headers, ...(body !== undefined && { body: body as string }) });
      const text = await reply.text();
      if (method !== 'PUT') slowest = Math.max(slowest, performance.now() - begun);
      return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    };
    for (let job = 0; job < JOBS; job++) {
      const request = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' };
      const id = String((await ask('POST', INGEST, JSON.stringify(request)))['id']);
      const parts = ['External_Id__c,Name,Description\n'];
      for (let i = 0; i < ROWS; i++) parts.push(`key-${job * ROWS + i}-abcdef,Name of ${i},${'x'.repeat(100)}\n`);
      await ask('PUT', `${INGEST}/${id}/batches`, Buffer.from(parts.join('')), 'text/csv');
      await ask('PATCH', `${INGEST}/${id}`, JSON.stringify({ state: 'UploadComplete' }));
      let info: Record<string, unknown> = {};
      while (info['state'] !== 'JobComplete') {
        info = await ask('GET', `${INGEST}/${id}`);
        expect(['UploadComplete', 'InProgress', 'JobComplete']).toContain(info['state']);
        await new Promise((done) => setTimeout(done, 50));
      }
      expect(info['numberRecordsFailed']).toBe(0);
    }
    const counted = await ask('GET', '/services/data/v66.0/query?q=SELECT%20COUNT()%20FROM%20Account');
    expect(counted['totalSize']).toBe(JOBS * ROWS);
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${command.child.pid}/status`, 'utf8'))?.[1]) / 1024;
    expect(peak).toBeLessThan(2_048);
    expect(slowest).toBeLessThan(1_000);
  } finally {
    command.child.kill('SIGKILL');
    await command.ended;
  }
}, 600_000);
